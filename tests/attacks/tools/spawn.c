/* Runs a command and waits for it: a copy of it under another name is the parent that an attack needs. */
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

extern char **environ;

int main(int count, char **words)
{
	int status;
	pid_t child;

	if (count < 2 || posix_spawnp(&child, words[1], NULL, NULL, words + 1, environ) != 0) {
		fprintf(stderr, "%s: could not start %s\n", words[0], count < 2 ? "nothing" : words[1]);
		return 2;
	}
	if (waitpid(child, &status, 0) != child)
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
