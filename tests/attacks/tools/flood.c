/* Runs a program again and again, as fast as it goes: flood COUNT FILE */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

int main(int count, char **words)
{
	if (count != 3)
		return 2;
	for (int left = atoi(words[1]); left > 0; left--) {
		pid_t child;

		if (posix_spawn(&child, words[2], NULL, NULL, words + 2, environ) != 0) {
			fprintf(stderr, "flood: could not start %s\n", words[2]);
			return 2;
		}
		waitpid(child, NULL, 0);
	}
	return 0;
}
