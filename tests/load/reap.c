// SPDX-License-Identifier: Apache-2.0
// Runs a command as whom its orphans come to: reap COMMAND... What it starts in the background stays beneath this process, so that a
// finding says by its process tree whether the load did it. Ends as the command does.
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words)
{
	int status = 0, answer = 1;
	pid_t child, ended;

	if (count < 2 || prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		fprintf(stderr, "usage: reap COMMAND...\n");
		return 2;
	}
	child = fork();
	if (child < 0) {
		perror("fork");
		return 2;
	}
	if (child == 0) {
		execvp(words[1], words + 1);
		perror(words[1]);
		_exit(127);
	}
	while ((ended = wait(&status)) > 0) {
		if (ended == child) {
			answer = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			break;
		}
	}
	return answer;
}
