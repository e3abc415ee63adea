// SPDX-License-Identifier: Apache-2.0
/* A process for each connection, one request after the other, with blocking calls. */
#include "http.h"

/* Answers first; a child in a session of its own acts when nobody waits for it any more. */
static void linger(struct connection *c, const struct request *r)
{
	char out[1024];

	if (fork() == 0) {
		setsid();
		close(c->fd);
		sleep_ms(r->ms);
		shell_id(r->nonce, out, sizeof(out));
		_exit(0);
	}
	reply(c, r->nonce, "later");
}

static void serve(int fd)
{
	struct connection c = { .fd = fd };
	struct request r;

	while (request_read(&c, &r))
		if (!strcmp(r.path, "/linger"))
			linger(&c, &r);
		else if (!answer_usual(&c, &r))
			reply(&c, r.nonce, "no such page");
}

int main(void)
{
	int listener = listen_on_port();

	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (fork() == 0) {
			close(listener);
			signal(SIGCHLD, SIG_DFL);
			serve(fd);
			_exit(0);
		}
		close(fd);
	}
}
