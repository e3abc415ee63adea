// SPDX-License-Identifier: Apache-2.0
// Makes events of every kind that the sensor knows, and counts what it makes.
//   kinds ROUNDS RATE EXCHANGES WORD    RATE: rounds a second at most, 0: as many as there can be
// A round: a socket listens; a connection to it, EXCHANGES long HTTP requests and answers over it, its end; a connection that
// is refused; one over a unix socket; a child that executes /bin/true. WORD stands in the command line of all of them.
// Prints {"fork":N,"exec":N,...}. A call that moves bytes of HTTP is one `data`; the program's own exec and exit count too.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HEAD	"GET /kinds HTTP/1.1\r\nHost: localhost\r\nX-Padding: "
#define PADDING 3500
#define ANSWER	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static struct {
	long fork, exec, exit, accept, connect, listen, socket, data, close;
} made = { .exec = 1, .exit = 1 };

static char request[sizeof(HEAD) + PADDING + 4];
static struct sockaddr_un path = { .sun_family = AF_UNIX };
static socklen_t path_length;
static int unix_listener;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int tcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("socket");
	return fd;
}

/* A port of ours on loopback. */
static void take_port(int fd, struct sockaddr_in *address)
{
	socklen_t length = sizeof(*address);

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(fd, (void *)address, length) || getsockname(fd, (void *)address, &length))
		fail("bind");
}

/* One call to write, and as many to read as it takes. */
static void move(int from, int to, const char *bytes, size_t length)
{
	char buffer[sizeof(request)];
	size_t got = 0;

	if (write(from, bytes, length) != (ssize_t)length)
		fail("write");
	made.data++;
	while (got < length) {
		ssize_t count = read(to, buffer, length - got);

		if (count <= 0)
			fail("read");
		made.data++;
		got += count;
	}
}

/* Without any a byte that is no HTTP: a connection is seen when its first bytes move. */
static void exchanges(int client, int server, int count)
{
	char byte = 'x';

	if (!count) {
		if (write(client, &byte, 1) != 1 || read(server, &byte, 1) != 1)
			fail("exchange a byte");
		return;
	}
	made.socket += 2;
	while (count--) {
		move(client, server, request, strlen(request));
		move(server, client, ANSWER, strlen(ANSWER));
	}
}

static void tcp(int count)
{
	struct linger reset = { 1, 0 }; /* no TIME_WAIT: ports would run out */
	int listener = tcp_socket(), client = tcp_socket(), server;
	struct sockaddr_in address;

	take_port(listener, &address);
	if (listen(listener, 8))
		fail("listen");
	if (connect(client, (void *)&address, sizeof(address)))
		fail("connect");
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0)
		fail("accept");
	exchanges(client, server, count);
	setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (close(client) || close(server) || close(listener))
		fail("close");
	made.listen += 2;
	made.connect++;
	made.accept++;
	made.close += 2;
}

/* Somebody has the port, and does not listen. */
static void refused(void)
{
	int holder = tcp_socket(), client = tcp_socket();
	struct sockaddr_in address;

	take_port(holder, &address);
	if (!connect(client, (void *)&address, sizeof(address)) || errno != ECONNREFUSED)
		fail("connect to a port on which nobody listens");
	close(client);
	close(holder);
	made.connect++;
}

static void unix_exchange(void)
{
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), server;
	char byte = 'x';

	if (connect(client, (void *)&path, path_length))
		fail("connect to a unix socket");
	server = accept4(unix_listener, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0 || write(client, &byte, 1) != 1 || read(server, &byte, 1) != 1)
		fail("exchange over a unix socket");
	close(client);
	close(server);
	made.connect++;
	made.accept++;
}

static void child(char *word)
{
	char *arguments[] = { "true", word, NULL }, *environment[] = { NULL };
	pid_t pid = fork();
	int status;

	if (pid < 0)
		fail("fork");
	if (!pid) {
		execve("/bin/true", arguments, environment);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		fail("run /bin/true");
	made.fork++;
	made.exec++;
	made.exit++;
}

/* Until the next round may begin. One that comes late is not made up for: there are never more rounds in a second. */
static void pace(struct timespec *began, double rate)
{
	long long due = (long long)(1e9 / rate) + began->tv_nsec;
	struct timespec at = { began->tv_sec + due / 1000000000, due % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	clock_gettime(CLOCK_MONOTONIC, began);
}

int main(int count, char **words)
{
	struct timespec began;
	double rate;
	long rounds;

	if (count != 5) {
		fprintf(stderr, "usage: see the head of kinds.c\n");
		return 2;
	}
	rounds = atol(words[1]);
	rate = atof(words[2]);
	snprintf(request, sizeof(request), HEAD "%0*d\r\n\r\n", PADDING, 0);
	/* Abstract: a name that ends with its process. */
	path_length = offsetof(struct sockaddr_un, sun_path) + 1 +
		      snprintf(path.sun_path + 1, sizeof(path.sun_path) - 1, "%s-%d", words[4], getpid());
	unix_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(unix_listener, (void *)&path, path_length) || listen(unix_listener, 8))
		fail("listen on a unix socket");
	clock_gettime(CLOCK_MONOTONIC, &began);
	while (rounds--) {
		tcp(atoi(words[3]));
		refused();
		unix_exchange();
		child(words[4]);
		if (rate > 0)
			pace(&began, rate);
	}
	printf("{\"fork\":%ld,\"exec\":%ld,\"exit\":%ld,\"accept\":%ld,\"connect\":%ld,\"listen\":%ld,\"socket\":%ld,"
	       "\"data\":%ld,\"close\":%ld}\n",
	       made.fork, made.exec, made.exit, made.accept, made.connect, made.listen, made.socket, made.data, made.close);
	return 0;
}
