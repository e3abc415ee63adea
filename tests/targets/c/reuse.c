// SPDX-License-Identifier: Apache-2.0
/* A process for each connection, one connection at a time. When such a process ends, its pid, and that of the shell it ran, are
 * given to processes of the server itself, which act for no request: a pid alone says nothing. */
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "http.h"

/* A child with this very pid (kernel 5.5 and up, CAP_CHECKPOINT_RESTORE). */
static void stranger(pid_t pid, unsigned number)
{
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (unsigned long)&pid, .set_tid_size = 1 };
	char nonce[32], out[1024];
	long made = syscall(SYS_clone3, &args, sizeof(args));

	if (made == 0) {
		stranger_nonce(nonce, sizeof(nonce), number);
		/* First as the reborn process itself, then below it. */
		shell_id(nonce, out, sizeof(out));
		execl("/bin/sh", "sh", "-c", "id", nonce, (char *)NULL);
		_exit(127);
	}
	if (made != pid) {
		perror("clone3 with a chosen pid");
		exit(1);
	}
	waitpid(pid, NULL, 0);
}

static void serve(int fd, volatile pid_t *shell)
{
	struct connection c = { .fd = fd };
	struct request r;
	char out[1024];

	while (request_read(&c, &r)) {
		if (!strcmp(r.path, "/exec")) {
			*shell = shell_id(r.nonce, out, sizeof(out));
			reply(&c, r.nonce, out);
		} else if (!strcmp(r.path, "/die")) {
			_exit(0); /* in the middle: the request is never answered */
		} else if (!answer_usual(&c, &r)) {
			reply(&c, r.nonce, "no such page");
		}
	}
}

int main(void)
{
	int listener = listen_on_port();
	volatile pid_t *shell = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (unsigned i = 0;; i += 2) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		pid_t server;

		if (fd < 0)
			continue;
		*shell = 0;
		server = fork();
		if (server == 0) {
			close(listener);
			serve(fd, shell);
			_exit(0);
		}
		close(fd);
		waitpid(server, NULL, 0);
		stranger(server, i);
		if (*shell)
			stranger(*shell, i + 1);
	}
}
