/*
 * Waits for the path of a program, runs it, tells how that ended, and waits again: elder FIFO, which answers in FIFO.answer. The
 * harness starts it before the sensor.
 */
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

int main(int count, char **words)
{
	char answer[4096], path[4096];

	if (count != 2)
		return 2;
	snprintf(answer, sizeof(answer), "%s.answer", words[1]);
	for (;;) {
		FILE *fifo = fopen(words[1], "re");
		int status = 255;
		pid_t child;

		if (!fifo)
			return 2;
		if (fgets(path, sizeof(path), fifo)) {
			char *program[] = { path, NULL };

			path[strcspn(path, "\n")] = 0;
			if (posix_spawn(&child, path, NULL, NULL, program, environ) == 0 && waitpid(child, &status, 0) == child)
				status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
			fclose(fifo);
			fifo = fopen(answer, "we");
			if (!fifo)
				return 2;
			fprintf(fifo, "%d\n", status);
		}
		fclose(fifo);
	}
}
