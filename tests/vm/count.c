// SPDX-License-Identifier: Apache-2.0
// Guest instructions per operation, in a virtual machine of `vmrun --icount`, whose clock advances by one an instruction.
//   count FILE PROGRAM       opens FILE (made if it is missing), executes PROGRAM
// Prints `OPERATION INSTRUCTIONS`, the median of some windows of a few operations each: a timer tick falls into some. Counted
// is what the calling process pays, in both modes: its system calls, its child's, and the programs that hang on them. Not
// counted is what others do because of it: they don't run in a window, since this process has real-time priority on the only
// CPU, and sleeps between windows, so that whoever reads what the programs wrote is never behind.
// Where BPF programs are loaded also prints `hook OPERATION NAME RUNS INSTRUCTIONS`: runs an operation, instructions a run.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WINDOWS	 31
#define PAUSE_US 40000
#define PROGRAMS 256
#define ROUNDS	 100000

static char *file, *program;
static int listener, ends[2], pair[2];
static struct sockaddr_in address;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static unsigned long long now(void)
{
	return __builtin_ia32_rdtsc();
}

/* Two instructions a round: anything else is time. A timer tick falls into some of the tries. */
static void clock_check(void)
{
	unsigned long long least = ~0ull;

	for (int try = 0; try < 10; try++) {
		unsigned long long began = now(), passed;
		unsigned int left = ROUNDS;

		__asm__ volatile("1: dec %0; jnz 1b" : "+r"(left) : : "cc");
		passed = now() - began;
		if (passed < least)
			least = passed;
	}
	if (least < 2 * ROUNDS || least > 2 * ROUNDS + 100) {
		fprintf(stderr, "the clock says %llu for %d instructions: use vmrun --icount\n", least, 2 * ROUNDS);
		exit(1);
	}
}

static void do_getppid(void)
{
	syscall(SYS_getppid);
}

static void do_pipe(void)
{
	char byte = 'x';

	if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1)
		fail("write and read");
}

static void do_open(void)
{
	int fd = open(file, O_RDONLY);

	if (fd < 0)
		fail(file);
	close(fd);
}

static void do_exec(void)
{
	char *arguments[] = { program, NULL }, *environment[] = { NULL };
	pid_t child = fork();
	int status;

	if (child < 0)
		fail("fork");
	if (!child) {
		execve(program, arguments, environment);
		_exit(127);
	}
	if (waitpid(child, &status, 0) < 0 || status) {
		fprintf(stderr, "%s could not be executed\n", program);
		exit(1);
	}
}

static void do_connect(void)
{
	struct linger reset = { 1, 0 }; /* no TIME_WAIT: ports would run out */
	int fd = socket(AF_INET, SOCK_STREAM, 0), accepted;

	if (fd < 0 || connect(fd, (void *)&address, sizeof(address)))
		fail("connect");
	accepted = accept(listener, NULL, NULL);
	if (accepted < 0)
		fail("accept");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	close(accepted);
}

static void pass(int from, int to, const char *text)
{
	char received[256];
	ssize_t length = strlen(text);

	if (send(from, text, length, 0) != length || recv(to, received, sizeof(received), 0) != length)
		fail("send and recv");
}

/* No protocol that anybody follows. */
static void do_send(void)
{
	pass(pair[0], pair[1], "x");
}

/* A request and its response, on a connection that stays. */
static void do_http(void)
{
	pass(pair[0], pair[1], "GET /report?name=x HTTP/1.1\r\nhost: here\r\n\r\n");
	pass(pair[1], pair[0], "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
}

static const struct operation {
	const char *name;
	void (*run)(void);
	int times; /* in a window */
} operations[] = {
	{ "getppid", do_getppid, 500 }, { "pipe", do_pipe, 100 }, { "open", do_open, 50 }, { "exec", do_exec, 1 },
	{ "connect", do_connect, 2 },	{ "send", do_send, 20 },  { "http", do_http, 10 },
};

/* Pauses of one length would keep step with somebody's timer, and every window would pay for it, or none. */
static void others_run(void)
{
	static unsigned int pauses;

	usleep(PAUSE_US + ++pauses * 7919 % (PAUSE_US / 2));
}

static unsigned long long window(const struct operation *operation)
{
	unsigned long long began = now();

	for (int i = 0; i < operation->times; i++)
		operation->run();
	return now() - began;
}

static int compare(const void *a, const void *b)
{
	unsigned long long first = *(const unsigned long long *)a, second = *(const unsigned long long *)b;

	return (first > second) - (first < second);
}

static void count(const struct operation *operation)
{
	unsigned long long windows[WINDOWS];

	for (int i = 0; i < WINDOWS; i++) {
		others_run();
		windows[i] = window(operation);
	}
	qsort(windows, WINDOWS, sizeof(*windows), compare);
	printf("%s %llu\n", operation->name, (windows[WINDOWS / 2] + operation->times / 2) / operation->times);
}

static int bpf(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

/* The loaded programs, with what they have run so far; answers how many. */
static int programs_read(struct bpf_prog_info *infos)
{
	union bpf_attr next = { 0 };
	int found = 0;

	while (found < PROGRAMS && !bpf(BPF_PROG_GET_NEXT_ID, &next)) {
		union bpf_attr by_id = { .prog_id = next.next_id }, info = { 0 };
		int fd = bpf(BPF_PROG_GET_FD_BY_ID, &by_id);

		next.start_id = next.next_id;
		if (fd < 0)
			continue;
		memset(&infos[found], 0, sizeof(*infos));
		info.info.bpf_fd = fd;
		info.info.info_len = sizeof(*infos);
		info.info.info = (unsigned long)&infos[found];
		if (bpf(BPF_OBJ_GET_INFO_BY_FD, &info))
			fail("read what a program has run");
		close(fd);
		found++;
	}
	return found;
}

static void count_hooks(const struct operation *operation)
{
	static struct bpf_prog_info before[PROGRAMS], after[PROGRAMS];
	union bpf_attr enable = { .enable_stats.type = BPF_STATS_RUN_TIME };
	int fd = bpf(BPF_ENABLE_STATS, &enable), found;

	if (fd < 0)
		fail("have the programs counted");
	others_run();
	found = programs_read(before);
	window(operation);
	if (programs_read(after) != found) {
		fprintf(stderr, "programs came or went\n");
		exit(1);
	}
	close(fd);
	for (int i = 0; i < found; i++) {
		unsigned long long runs = after[i].run_cnt - before[i].run_cnt;

		if (runs >= (unsigned long long)operation->times)
			printf("hook %s %s %.0f %llu\n", operation->name, after[i].name, (double)runs / operation->times,
			       (after[i].run_time_ns - before[i].run_time_ns) / runs);
	}
}

static void prepare(void)
{
	struct sched_param priority = { .sched_priority = 1 };
	socklen_t length = sizeof(address);
	int one = 1;

	if (sched_setscheduler(0, SCHED_FIFO, &priority))
		fail("sched_setscheduler");
	if (close(open(file, O_RDONLY | O_CREAT, 0600)) || pipe(ends))
		fail(file);
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (void *)&address, length) || listen(listener, 64) ||
	    getsockname(listener, (void *)&address, &length))
		fail("listen");
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(pair[0], (void *)&address, length))
		fail("connect");
	pair[1] = accept(listener, NULL, NULL);
	for (int i = 0; i < 2; i++)
		if (setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
			fail("TCP_NODELAY");
}

int main(int words, char **word)
{
	static struct bpf_prog_info loaded[PROGRAMS];
	int hooked;

	if (words != 3) {
		fprintf(stderr, "usage: see the head of count.c\n");
		return 2;
	}
	file = word[1];
	program = word[2];
	clock_check();
	prepare();
	hooked = programs_read(loaded);
	for (unsigned int i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		count(&operations[i]);
		if (hooked)
			count_hooks(&operations[i]);
	}
	return 0;
}
