// SPDX-License-Identifier: Apache-2.0
/* One thread serves one connection after the other, with blocking calls. Beside it a timer spawns for no request: whoever takes
 * the one request in flight for the cause is wrong. */
#include <pthread.h>

#include "http.h"

static void *timer(void *unused)
{
	char nonce[32], out[1024];

	(void)unused;
	for (unsigned i = 0;; i++) {
		sleep_ms(20);
		stranger_nonce(nonce, sizeof(nonce), i);
		shell_id(nonce, out, sizeof(out));
	}
	return NULL;
}

int main(void)
{
	int listener = listen_on_port();
	pthread_t thread;

	pthread_create(&thread, NULL, timer, NULL);
	for (;;) {
		struct connection c = { .fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC) };
		struct request r;

		while (c.fd >= 0 && request_read(&c, &r))
			if (!answer_usual(&c, &r))
				reply(&c, r.nonce, "no such page");
		close(c.fd);
	}
}
