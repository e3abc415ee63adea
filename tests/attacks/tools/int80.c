/* Executes a program by the 32-bit execve: int80 FILE. On other machines than x86-64 it says that it can't. */
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

	if (count != 2 || low == MAP_FAILED || strlen(words[1]) > 4000)
		return 2;
	strcpy(low, words[1]);
	vector[0] = (unsigned)(unsigned long)low;
	vector[1] = 0;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(11), "b"(low), "c"(vector), "d"(vector + 1) : "memory");
	fprintf(stderr, "int80: execve answered %ld\n", result);
	return result == -38 ? 77 : 2;
#else
	(void)count;
	(void)words;
	return 77;
#endif
}
