// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 requests at a fixed rate over keep-alive connections on loopback.
//   pace PORT RATE SECONDS CONNECTIONS PATH
// Open loop: latency counts from the moment when a request was due, so a server that stalls can't slow the question down.
// Prints {"sent":..,"answered":..,"failed":..,"p50_ns":..,"p99_ns":..,"max_ns":..}
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define GRACE  (5 * SECOND) /* for the last answers */

struct connection {
	int fd, busy;
	size_t got, whole; /* whole: bytes of the answer; 0: not known yet */
	long long due;
	char answer[16384];
};

struct run {
	struct connection *connections;
	int count, next, poll;
	char request[512];
	int request_length;
	long total, sent, answered, failed;
	double rate;
	long long began, *latency;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

static void open_all(struct run *run, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1;

	for (int i = 0; i < run->count; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd < 0 || connect(fd, (void *)&address, sizeof(address)))
			fail("connect");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		fcntl(fd, F_SETFL, O_NONBLOCK);
		if (epoll_ctl(run->poll, EPOLL_CTL_ADD, fd, &event))
			fail("epoll_ctl");
		run->connections[i].fd = fd;
	}
}

static struct connection *idle(struct run *run)
{
	for (int i = 0; i < run->count; i++) {
		int at = (run->next + i) % run->count;

		if (!run->connections[at].busy) {
			run->next = at + 1;
			return &run->connections[at];
		}
	}
	return NULL;
}

static long long due(const struct run *run)
{
	return run->began + (long long)(run->sent * (double)SECOND / run->rate);
}

/* Sends what is due; gives how long to wait for answers before something is due again. */
static long long send_due(struct run *run)
{
	while (run->sent < run->total) {
		long long left = due(run) - now();
		struct connection *to;

		if (left > 0)
			return left;
		to = idle(run);
		if (!to)
			break;
		to->busy = 1;
		to->got = to->whole = 0;
		to->due = due(run);
		if (write(to->fd, run->request, run->request_length) != run->request_length)
			fail("send");
		run->sent++;
	}
	return SECOND / 1000;
}

static void receive(struct run *run, struct connection *from)
{
	ssize_t got = read(from->fd, from->answer + from->got, sizeof(from->answer) - 1 - from->got);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		fail("the server closed a connection");
	from->got += got;
	from->answer[from->got] = 0;
	if (!from->whole) {
		char *end = strstr(from->answer, "\r\n\r\n");
		char *length = strcasestr(from->answer, "content-length:");

		if (!end)
			return;
		from->whole = end + 4 - from->answer + (length ? strtoul(length + 15, NULL, 10) : 0);
	}
	if (from->busy && from->got >= from->whole) {
		run->latency[run->answered++] = now() - from->due;
		run->failed += strncmp(from->answer, "HTTP/1.1 200", 12) != 0;
		from->busy = 0;
	}
}

static int smaller(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return x < y ? -1 : x > y;
}

static long long share(const struct run *run, double part)
{
	return run->answered ? run->latency[(long)((run->answered - 1) * part)] : 0;
}

int main(int count, char **words)
{
	struct run run = { .poll = epoll_create1(0) };
	double seconds;
	long long end;

	if (count != 6) {
		fprintf(stderr, "usage: see the head of pace.c\n");
		return 2;
	}
	run.rate = atof(words[2]);
	seconds = atof(words[3]);
	run.count = atoi(words[4]);
	run.total = (long)(run.rate * seconds);
	run.connections = calloc(run.count, sizeof(*run.connections));
	run.latency = calloc(run.total + 1, sizeof(*run.latency));
	if (!run.connections || !run.latency)
		fail("memory");
	run.request_length = snprintf(run.request, sizeof(run.request),
				      "GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: pace\r\n\r\n", words[5]);
	prctl(PR_SET_TIMERSLACK, 1UL);
	open_all(&run, atoi(words[1]));
	run.began = now();
	end = run.began + (long long)(seconds * SECOND) + GRACE;
	while (run.answered < run.total && now() < end) {
		long long left = send_due(&run);
		struct timespec wait = { left / SECOND, left % SECOND };
		struct epoll_event events[64];
		int ready = epoll_pwait2(run.poll, events, 64, &wait, NULL);

		for (int i = 0; i < ready; i++)
			receive(&run, &run.connections[events[i].data.u32]);
	}
	qsort(run.latency, run.answered, sizeof(*run.latency), smaller);
	printf("{\"sent\":%ld,\"answered\":%ld,\"failed\":%ld,\"p50_ns\":%lld,\"p99_ns\":%lld,\"max_ns\":%lld}\n", run.sent,
	       run.answered, run.failed, share(&run, 0.5), share(&run, 0.99), share(&run, 1.0));
	return 0;
}
