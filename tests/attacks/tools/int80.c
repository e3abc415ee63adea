/* Executes a program, or opens a file for reading, by the system calls of 32-bit programs: int80 execve|open FILE. On other
 * machines than x86-64 it says that it can't.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int main(int count, char **words)
{
#ifdef __x86_64__
	/* All that a 32-bit call is given must lie below 4 GiB. */
	char *low = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	unsigned *vector = (unsigned *)(low + 4096);
	long result;

	if (count != 3 || low == MAP_FAILED || strlen(words[2]) > 4000)
		return 2;
	strcpy(low, words[2]);
	vector[0] = (unsigned)(unsigned long)low;
	vector[1] = 0;
	if (!strcmp(words[1], "open"))
		__asm__ volatile("int $0x80" : "=a"(result) : "a"(5), "b"(low), "c"(0), "d"(0) : "memory");
	else
		__asm__ volatile("int $0x80" : "=a"(result) : "a"(11), "b"(low), "c"(vector), "d"(vector + 1) : "memory");
	if (result >= 0)
		return 0;
	fprintf(stderr, "int80: %s answered %ld\n", words[1], result);
	return result == -38 ? 77 : 2;
#else
	(void)count;
	(void)words;
	return 77;
#endif
}
