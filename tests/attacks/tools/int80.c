/* Does something by the system calls of 32-bit programs: int80 execve FILE | open FILE | rename FROM TO | chmod FILE MODE. On other
 * machines than x86-64 it says that it can't.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __x86_64__
/* arch/x86/entry/syscalls/syscall_32.tbl */
enum { OPEN = 5, EXECVE = 11, CHMOD = 15, RENAME = 38 };

static long call(long number, const void *first, const void *second, const void *third)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second), "d"(third) : "memory");
	return result;
}
#endif

int main(int count, char **words)
{
#ifdef __x86_64__
	/* All that a 32-bit call is given must lie below 4 GiB. */
	char *low = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	char *more = low + 4096;
	unsigned *vector = (unsigned *)(low + 8192);
	long result;

	if (count < 3 || count > 4 || low == MAP_FAILED || strlen(words[2]) > 4000 || (count > 3 && strlen(words[3]) > 4000))
		return 2;
	strcpy(low, words[2]);
	strcpy(more, count > 3 ? words[3] : "");
	vector[0] = (unsigned)(unsigned long)low;
	vector[1] = 0;
	if (!strcmp(words[1], "open"))
		result = call(OPEN, low, NULL, NULL);
	else if (!strcmp(words[1], "rename"))
		result = call(RENAME, low, more, NULL);
	else if (!strcmp(words[1], "chmod"))
		result = call(CHMOD, low, (void *)strtoul(more, NULL, 8), NULL);
	else
		result = call(EXECVE, low, vector, vector + 1);
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
