// SPDX-License-Identifier: Apache-2.0
/* What the C targets have in common: a plain blocking HTTP/1.1 server, and the hole. */
#ifndef HTTP_H
#define HTTP_H

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct connection {
	int fd;
	size_t held; /* bytes of `bytes` that no request has used yet */
	char bytes[8192];
};

struct request {
	char path[32];
	char nonce[32];
	int ms;
};

static inline void sleep_ms(int ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static inline int number_of(const char *name, int otherwise)
{
	const char *text = getenv(name);

	return text ? atoi(text) : otherwise;
}

static inline int delay_ms(void)
{
	return number_of("DELAY_MS", 10);
}

static inline int listen_on_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(number_of("PORT", 8080)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 256)) {
		perror("listen");
		exit(1);
	}
	return fd;
}

static inline void parameter(const char *target, const char *name, char *value, size_t size)
{
	const char *found = strstr(target, name);

	value[0] = 0;
	if (found)
		snprintf(value, size, "%.*s", (int)strcspn(found + strlen(name), "& \r"), found + strlen(name));
}

/* The next request without a body; false: the peer is done. */
static inline bool request_read(struct connection *c, struct request *r)
{
	char *end, line[1024], ms[16];

	while (!(end = memmem(c->bytes, c->held, "\r\n\r\n", 4))) {
		ssize_t n;

		if (c->held == sizeof(c->bytes))
			return false;
		n = recv(c->fd, c->bytes + c->held, sizeof(c->bytes) - c->held, 0);
		if (n <= 0)
			return false;
		c->held += n;
	}
	snprintf(line, sizeof(line), "%.*s", (int)(end - c->bytes), c->bytes);
	end += 4;
	c->held -= end - c->bytes;
	memmove(c->bytes, end, c->held);
	line[strcspn(line, "\r")] = 0;
	if (sscanf(line, "%*s %31[^? ]", r->path) != 1)
		return false;
	parameter(line, "nonce=", r->nonce, sizeof(r->nonce));
	parameter(line, "ms=", ms, sizeof(ms));
	r->ms = atoi(ms);
	return true;
}

static inline void reply(struct connection *c, const char *nonce, const char *text)
{
	char out[2048];
	int n = snprintf(out, sizeof(out), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s\n%s",
			 strlen(nonce) + 1 + strlen(text), nonce, text);

	if (send(c->fd, out, n, MSG_NOSIGNAL) != n)
		perror("send");
}

/* The nonce of an action for no request: whose it is can be told by the port. */
static inline void stranger_nonce(char *nonce, size_t size, unsigned number)
{
	snprintf(nonce, size, "gbx%05d%06u", number_of("PORT", 8080), number);
}

/* The hole: runs `sh -c id NONCE`, returns its pid; `out` gets what it said. */
static inline pid_t shell_id(const char *nonce, char *out, size_t size)
{
	size_t held = 0;
	ssize_t n;
	int ends[2];
	pid_t pid;

	out[0] = 0;
	if (pipe(ends))
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		close(ends[0]);
		close(ends[1]);
		execl("/bin/sh", "sh", "-c", "id", nonce, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	while (held + 1 < size && (n = read(ends[0], out + held, size - 1 - held)) > 0)
		held += n;
	out[held] = 0;
	close(ends[0]);
	waitpid(pid, NULL, 0);
	return pid;
}

/* What every target answers alike; false: `path` is none of these. */
static inline bool answer_usual(struct connection *c, const struct request *r)
{
	char out[1024] = "";

	if (!strcmp(r->path, "/exec")) {
		sleep_ms(delay_ms());
		shell_id(r->nonce, out, sizeof(out));
	} else if (!strcmp(r->path, "/harmless")) {
		sleep_ms(delay_ms());
	} else if (!strcmp(r->path, "/slow")) {
		sleep_ms(r->ms);
	} else {
		return false;
	}
	reply(c, r->nonce, out);
	return true;
}

#endif
