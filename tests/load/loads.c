// SPDX-License-Identifier: Apache-2.0
// One operation many times, and what it cost.
//   loads getppid N          a syscall that nobody asks about
//   loads pipe N             one byte into a pipe, and out of it again
//   loads open N PATH        open for reading, close
//   loads missing N PATH     open of what is not there
//   loads exec N PATH [RATE] fork, execve, wait
//   loads connect N          TCP over loopback: connect, accept, reset
//   loads refused N RATE     TCP over loopback to where nobody listens, so many a second
// RATE 0, or none: as many as it can.
// Prints {"operations":N,"wall_ns":..,"cpu_ns":..}: the time of all of them; CPU time is user and system, own and children's.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static long long wall(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long cpu_of(int who)
{
	struct rusage use;

	getrusage(who, &use);
	return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000000LL +
	       (use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1000LL;
}

static void load_getppid(long n)
{
	while (n--)
		syscall(SYS_getppid);
}

static void load_pipe(long n)
{
	char byte = 'x';
	int ends[2];

	if (pipe(ends))
		fail("pipe");
	while (n--)
		if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1)
			fail("write and read");
}

static void load_open(long n, const char *path)
{
	while (n--) {
		int fd = open(path, O_RDONLY);

		if (fd < 0)
			fail(path);
		close(fd);
	}
}

static void load_missing(long n, const char *path)
{
	while (n--) {
		if (open(path, O_RDONLY) >= 0 || errno != ENOENT)
			fail(path);
	}
}

/* Ahead of time by at most this: a pause is longer than what is asked for. */
#define BURST 50

/* Waits until `done` operations are no more than what `rate` allows since `began`. */
static void keep_to(long rate, long done, long long began)
{
	long long left = rate ? began + done * 1000000000LL / rate - wall() : 0;
	struct timespec pause = { left / 1000000000, left % 1000000000 };

	if (left > 0)
		nanosleep(&pause, NULL);
}

static void load_exec(long n, char *path, long rate)
{
	char *arguments[] = { path, NULL }, *environment[] = { NULL };
	long long began = wall();

	for (long done = 0; done < n; done++) {
		pid_t child = fork();
		int status;

		if (child < 0)
			fail("fork");
		if (!child) {
			execve(path, arguments, environment);
			_exit(127);
		}
		if (waitpid(child, &status, 0) < 0)
			fail("wait");
		if (!WIFEXITED(status) || WEXITSTATUS(status)) {
			fprintf(stderr, "%s could not be executed\n", path);
			exit(1);
		}
		if (done % BURST == 0)
			keep_to(rate, done, began);
	}
}

/* Both ends on one CPU: with two, whether they share one is up to the scheduler, and halves or doubles the result. */
static void stay_here(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	if (sched_setaffinity(0, sizeof(here), &here))
		fail("sched_setaffinity");
}

static void load_connect(long n)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger reset = { 1, 0 }; /* no TIME_WAIT: ports would run out */
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	pid_t acceptor;

	stay_here();
	if (bind(listener, (void *)&address, length) || listen(listener, 1024) ||
	    getsockname(listener, (void *)&address, &length))
		fail("listen");
	acceptor = fork();
	if (acceptor < 0)
		fail("fork");
	if (!acceptor) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			close(accept(listener, NULL, NULL));
	}
	while (n--) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd < 0 || connect(fd, (void *)&address, length))
			fail("connect");
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
	}
	kill(acceptor, SIGKILL);
	waitpid(acceptor, NULL, 0);
}

static void load_refused(long n, long rate)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(1), /* tcpmux: nobody's any more */
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	long long began = wall();

	prctl(PR_SET_TIMERSLACK, 1UL);
	for (long done = 0; done < n; done++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd < 0)
			fail("socket");
		if (!connect(fd, (void *)&address, sizeof(address))) {
			fprintf(stderr, "somebody listens on port 1\n");
			exit(1);
		}
		close(fd);
		if (done % BURST == 0)
			keep_to(rate, done, began);
	}
}

int main(int count, char **words)
{
	const char *load = count > 2 ? words[1] : "";
	long n = count > 2 ? atol(words[2]) : 0;
	long long began = wall(), ended;

	if (!strcmp(load, "getppid"))
		load_getppid(n);
	else if (!strcmp(load, "pipe"))
		load_pipe(n);
	else if (!strcmp(load, "open") && count == 4)
		load_open(n, words[3]);
	else if (!strcmp(load, "missing") && count == 4)
		load_missing(n, words[3]);
	else if (!strcmp(load, "exec") && (count == 4 || count == 5))
		load_exec(n, words[3], count == 5 ? atol(words[4]) : 0);
	else if (!strcmp(load, "connect"))
		load_connect(n);
	else if (!strcmp(load, "refused") && count == 4)
		load_refused(n, atol(words[3]));
	else {
		fprintf(stderr, "usage: see the head of loads.c\n");
		return 2;
	}
	ended = wall();
	printf("{\"operations\":%ld,\"wall_ns\":%lld,\"cpu_ns\":%lld}\n", n, ended - began,
	       cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN));
	return 0;
}
