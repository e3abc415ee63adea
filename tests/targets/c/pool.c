// SPDX-License-Identifier: Apache-2.0
/* A thread for each connection. The first request to `/later` creates, while it is served, a pool thread that acts for whoever asks
 * from then on, and every 20 ms for nobody: that a request made the thread says nothing about what the thread does. */
#include <pthread.h>

#include "http.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char queue[64][32];
static unsigned queued, taken;

static void *pool(void *unused)
{
	char nonce[32], out[1024];

	(void)unused;
	for (unsigned i = 0;; i++) {
		sleep_ms(20);
		stranger_nonce(nonce, sizeof(nonce), i);
		pthread_mutex_lock(&lock);
		if (taken != queued)
			memcpy(nonce, queue[taken++ % 64], sizeof(nonce));
		pthread_mutex_unlock(&lock);
		shell_id(nonce, out, sizeof(out));
	}
	return NULL;
}

static void pool_start(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, pool, NULL);
	pthread_detach(thread);
}

static void *serve(void *fd)
{
	struct connection c = { .fd = (int)(long)fd };
	struct request r;

	while (request_read(&c, &r))
		if (!strcmp(r.path, "/later")) {
			pthread_once(&once, pool_start);
			pthread_mutex_lock(&lock);
			memcpy(queue[queued++ % 64], r.nonce, sizeof(r.nonce));
			pthread_mutex_unlock(&lock);
			sleep_ms(r.ms);
			reply(&c, r.nonce, "queued");
		} else if (!answer_usual(&c, &r)) {
			reply(&c, r.nonce, "no such page");
		}
	close(c.fd);
	return NULL;
}

int main(void)
{
	int listener = listen_on_port();

	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		pthread_t thread;

		if (fd < 0)
			continue;
		pthread_create(&thread, NULL, serve, (void *)(long)fd);
		pthread_detach(thread);
	}
}
