// SPDX-License-Identifier: Apache-2.0
// The empty-hook floor: holds programs that do nothing at the hooks named, until it is ended.
//   floor HOOK..             hooks are kernel tracepoints, such as sched_process_fork
//   floor --times            no hook: the kernel measures the run time of every program, whoever's it is
// What they cost is the price of the hooks' places; what a sensor costs beyond it is the price of its work.
// Prints `ready` once all are attached. They are held by file descriptors alone: nothing outlives the process.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BTF_PATH "/sys/kernel/btf/vmlinux"

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

static void attach_empty(const char *hook)
{
	/* return 0 */
	static const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = BPF_TRACE_RAW_TP,
		.insns = (__u64)(unsigned long)program,
		.insn_cnt = sizeof(program) / sizeof(*program),
		.license = (__u64)(unsigned long)"GPL",
		.attach_btf_id = type_of(hook),
	};
	union bpf_attr attach = { 0 };
	int fd;

	if (!load.attach_btf_id) {
		fprintf(stderr, "this kernel has no tracepoint %s\n", hook);
		exit(1);
	}
	strncpy(load.prog_name, "floor", sizeof(load.prog_name) - 1);
	fd = bpf(BPF_PROG_LOAD, &load);
	if (fd < 0)
		fail("load an empty program");
	attach.raw_tracepoint.prog_fd = fd;
	if (bpf(BPF_RAW_TRACEPOINT_OPEN, &attach) < 0)
		fail(hook);
}

static void measure_times(void)
{
	union bpf_attr enable = { .enable_stats.type = BPF_STATS_RUN_TIME };

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
		for (int i = 1; i < count; i++)
			attach_empty(hooks[i]);
		free(btf);
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
