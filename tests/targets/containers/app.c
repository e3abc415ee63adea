/* The only program of the containers that tests make: ends at once, or with `wait` as its last word when somebody closes its
 * standard input.
 */
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char byte;

	if (argc > 1 && !strcmp(argv[argc - 1], "wait"))
		while (read(0, &byte, 1) > 0)
			;
	return 0;
}
