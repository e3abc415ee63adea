// SPDX-License-Identifier: Apache-2.0
// Makes security events that the shipped rules want, as many a second as are asked for, and counts them by kind.
//   storm SECONDS RATE FOLDER PROGRAM [KIND]    RATE: events a second, 0: as many as there can be; PROGRAM is executed;
//                                               KIND: none but these
// What is cheap to make is most of it: where the sensor shares the machine's cores with what it watches, a storm of execs ends at
// the price of execs. Prints {"wall_ns":N,"title":N,...}: what was made, by the sensor's names.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *folder, *program;
static int file;
static pid_t listener;

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

static char *in_folder(const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		fail("asprintf");
	return path;
}

static void make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		fail(path);
	close(fd);
}

static void do_title(long turn)
{
	prctl(PR_SET_NAME, turn & 1 ? "storm" : "storm-worker");
}

/* Ignored, and an event all the same: what a rule asks is who sent what to whom. */
static void do_signal(long turn)
{
	(void)turn;
	if (kill(listener, SIGHUP))
		fail("kill");
}

static void do_attribute(long turn)
{
	if (fchmod(file, turn & 1 ? 0600 : 0640))
		fail("fchmod");
}

/* Rules look for the name; it is the path of none. */
static void do_open(long turn)
{
	static char *path;
	int fd;

	if (!path)
		make(path = in_folder("shadow"));
	(void)turn;
	fd = open(path, O_RDONLY);
	if (fd < 0)
		fail(path);
	close(fd);
}

static void do_rename(long turn)
{
	static char *names[2];

	if (!names[0]) {
		make(names[0] = in_folder("here"));
		names[1] = in_folder("there");
	}
	if (rename(names[turn & 1], names[!(turn & 1)]))
		fail("rename");
}

static void do_connect(long turn)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(1), /* tcpmux: nobody's any more */
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)turn;
	if (fd < 0 || !connect(fd, (void *)&address, sizeof(address)))
		fail("a connection that is refused");
	close(fd);
}

static void do_exec(long turn)
{
	char *words[] = { (char *)program, NULL }, *environment[] = { NULL };
	pid_t child = vfork();
	int status;

	(void)turn;
	if (child < 0)
		fail("vfork");
	if (!child) {
		execve(program, words, environment);
		_exit(127);
	}
	if (waitpid(child, &status, 0) < 0 || status)
		fail(program);
}

/* Events of so many in a hundred thousand. */
static struct kind {
	const char *name;
	void (*act)(long turn);
	long share, made, credit;
} kinds[] = {
	{ .name = "title", .act = do_title, .share = 50000 },
	{ .name = "signal", .act = do_signal, .share = 30000 },
	{ .name = "file_attribute", .act = do_attribute, .share = 15000 },
	{ .name = "file_open", .act = do_open, .share = 4000 },
	{ .name = "file_rename", .act = do_rename, .share = 600 },
	{ .name = "connect", .act = do_connect, .share = 380 },
	{ .name = "exec", .act = do_exec, .share = 20 }, /* and as many forks and exits */
};
#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

/* The one that is furthest behind its share: all kinds evenly, always in the same order. */
static struct kind *next(void)
{
	struct kind *most = kinds;
	long all = 0;

	for (int at = 0; at < KINDS; at++) {
		all += kinds[at].share;
		kinds[at].credit += kinds[at].share;
		if (kinds[at].credit > most->credit)
			most = &kinds[at];
	}
	most->credit -= all;
	return most;
}

/* A process that ends with this one, and ignores what it is sent. */
static void start_listener(void)
{
	listener = fork();
	if (listener < 0)
		fail("fork");
	if (!listener) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

/* Ahead of time by at most this: a pause is longer than what is asked for. */
#define BURST 50

static void storm(long long began, long seconds, long rate)
{
	for (long done = 0;; done++) {
		struct kind *kind = next();

		kind->act(kind->made++);
		if (done % BURST)
			continue;
		if (wall() - began >= seconds * 1000000000LL)
			break;
		if (rate) {
			long long left = began + done * 1000000000LL / rate - wall();
			struct timespec pause = { left / 1000000000, left % 1000000000 };

			if (left > 0)
				nanosleep(&pause, NULL);
		}
	}
}

int main(int count, char **words)
{
	long long began;

	if (count != 5 && count != 6) {
		fprintf(stderr, "usage: see the head of storm.c\n");
		return 2;
	}
	folder = words[3];
	program = words[4];
	for (int at = 0; count == 6 && at < KINDS; at++)
		kinds[at].share = !strcmp(kinds[at].name, words[5]);
	file = open(in_folder("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0)
		fail(folder);
	signal(SIGHUP, SIG_IGN);
	start_listener();
	prctl(PR_SET_TIMERSLACK, 1UL);
	began = wall();
	storm(began, atol(words[1]), atol(words[2]));
	printf("{\"wall_ns\":%lld", wall() - began);
	for (int at = 0; at < KINDS; at++)
		printf(",\"%s\":%ld", kinds[at].name, kinds[at].made);
	printf("}\n");
	kill(listener, SIGKILL);
	waitpid(listener, NULL, 0);
	return 0;
}
