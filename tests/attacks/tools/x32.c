/* Executes a program by the execve of the x32 ABI: x32 FILE. On other machines than x86-64 it says that it can't. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int main(int count, char **words)
{
#ifdef __x86_64__
	/* Pointers of x32 have 32 bits: the vectors must lie below 4 GiB, as does all of a static program that isn't PIE. */
	static unsigned vector[2];

	if (count != 2)
		return 2;
	syscall(0x40000000 | 520, words[1], vector, vector + 1);
	fprintf(stderr, "x32: execve answered errno %d\n", errno);
	return errno == ENOSYS ? 77 : 2;
#else
	(void)count;
	(void)words;
	return 77;
#endif
}
