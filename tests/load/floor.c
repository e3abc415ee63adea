// SPDX-License-Identifier: Apache-2.0
// The empty-hook floor: holds programs that do nothing at the hooks named, until it is ended.
//   floor HOOK..             hooks are kernel tracepoints: by name alone, such as sched_process_fork, called with their arguments (BTF);
//                            with their system, such as syscalls:sys_exit_openat, through perf
//   floor --times            no hook: the kernel measures the run time of every program, whoever's it is
// What they cost is the price of the hooks' places; what a sensor costs beyond it is the price of its work.
// Prints `ready` once all are attached. They are held by file descriptors alone: nothing outlives the process.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BTF_PATH "/sys/kernel/btf/vmlinux"
#define TRACEFS	 "/sys/kernel/tracing"

/* return 0 */
static const struct bpf_insn nothing[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
	{.code = BPF_JMP | BPF_EXIT},
};

static char *btf;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int bpf(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

static void read_btf(void)
{
	int fd = open(BTF_PATH, O_RDONLY);
	struct stat file;
	off_t have = 0;

	if (fd < 0 || fstat(fd, &file))
		fail(BTF_PATH);
	btf = malloc(file.st_size);
	while (btf && have < file.st_size) {
		ssize_t got = read(fd, btf + have, file.st_size - have);

		if (got <= 0)
			fail(BTF_PATH);
		have += got;
	}
	close(fd);
}

/* Bytes of a type behind its head (Documentation/bpf/btf.rst, section 2.2). */
static size_t rest(const struct btf_type *type)
{
	size_t members = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(__u32);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return members * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return members * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return members * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return members * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return members * sizeof(struct btf_var_secinfo);
	default:
		return 0;
	}
}

/* Number of the type by which the kernel knows a tracepoint; 0: it has none of this name. */
static __u32 type_of(const char *hook)
{
	const struct btf_header *head = (const void *)btf;
	const char *strings = btf + head->hdr_len + head->str_off;
	const char *at = btf + head->hdr_len + head->type_off, *end = at + head->type_len;

	for (__u32 id = 1; at < end; id++) {
		const struct btf_type *type = (const void *)at;
		const char *name = strings + type->name_off;

		if (BTF_INFO_KIND(type->info) == BTF_KIND_TYPEDEF && !strncmp(name, "btf_trace_", 10) &&
		    !strcmp(name + 10, hook))
			return id;
		at += sizeof(*type) + rest(type);
	}
	return 0;
}

/* A program of this type that does nothing. */
static int load(__u32 type, __u32 expected, __u32 btf_id)
{
	union bpf_attr load = {
		.prog_type = type,
		.expected_attach_type = expected,
		.insns = (__u64)(unsigned long)nothing,
		.insn_cnt = sizeof(nothing) / sizeof(*nothing),
		.license = (__u64)(unsigned long)"GPL",
		.attach_btf_id = btf_id,
	};
	int fd;

	strncpy(load.prog_name, "floor", sizeof(load.prog_name) - 1);
	fd = bpf(BPF_PROG_LOAD, &load);
	if (fd < 0)
		fail("load an empty program");
	return fd;
}

static void attach_by_type(const char *hook)
{
	__u32 type = type_of(hook);
	union bpf_attr attach = {0};

	if (!type) {
		fprintf(stderr, "this kernel has no tracepoint %s\n", hook);
		exit(1);
	}
	attach.raw_tracepoint.prog_fd = load(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, type);
	if (bpf(BPF_RAW_TRACEPOINT_OPEN, &attach) < 0)
		fail(hook);
}

/* perf's number of the tracepoint `system:name`. */
static unsigned int number_of(const char *hook)
{
	int system = strchr(hook, ':') - hook;
	char path[256];
	unsigned int number;
	FILE *file;

	snprintf(path, sizeof(path), TRACEFS "/events/%.*s/%s/id", system, hook, hook + system + 1);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%u", &number) != 1)
		fail(path);
	fclose(file);
	return number;
}

static void attach_by_perf(const char *hook)
{
	struct perf_event_attr event = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(event),
		.config = number_of(hook),
		.sample_period = 1,
	};
	/* With a program, the event fires for every task on every CPU, whichever CPU it was opened for. */
	int fd = syscall(SYS_perf_event_open, &event, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, load(BPF_PROG_TYPE_TRACEPOINT, 0, 0)) ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		fail(hook);
}

/* In a mount namespace of our own, so that nothing stays mounted. */
static void mount_tracefs(void)
{
	if (!access(TRACEFS "/events", F_OK))
		return;
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tracefs", TRACEFS, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		fail(TRACEFS);
}

static void measure_times(void)
{
	union bpf_attr enable = {.enable_stats.type = BPF_STATS_RUN_TIME};

	if (bpf(BPF_ENABLE_STATS, &enable) < 0)
		fail("enable the measuring of programs");
}

int main(int count, char **hooks)
{
	int times = count == 2 && !strcmp(hooks[1], "--times");

	if (count < 2) {
		fprintf(stderr, "usage: see the head of floor.c\n");
		return 2;
	}
	if (times) {
		measure_times();
	} else {
		read_btf();
		mount_tracefs();
		for (int i = 1; i < count; i++) {
			if (strchr(hooks[i], ':'))
				attach_by_perf(hooks[i]);
			else
				attach_by_type(hooks[i]);
		}
		free(btf);
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
