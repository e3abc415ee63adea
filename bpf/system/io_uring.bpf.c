// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A ring of io_uring was made, or an operation was submitted through one that a system call would have been seen for. */
#include "kernel.h"
#include "event.h"
#include "call.h"
#include "preempt.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct io_kiocb {
	u8 opcode;
};
struct filename {
	const char *name;
};
struct io_open {
	struct filename *filename;
};
struct io_unlink {
	struct filename *filename;
};
struct io_rename {
	struct filename *newpath;
};
/* From 7.0 on. */
struct delayed_filename {
	struct filename *__incomplete_filename;
};
struct io_open___delayed {
	struct delayed_filename filename;
};
struct io_unlink___delayed {
	struct delayed_filename filename;
};
struct io_rename___delayed {
	struct delayed_filename newpath;
};
#pragma clang attribute pop

/* Positions in the ABI. */
#define IORING_OP_CONNECT   16
#define IORING_OP_OPENAT    18
#define IORING_OP_OPENAT2   28
#define IORING_OP_RENAMEAT  35
#define IORING_OP_UNLINKAT  36
#define IORING_OP_MKDIRAT   37
#define IORING_OP_SYMLINKAT 38
#define IORING_OP_LINKAT    39
#define IORING_OP_FSETXATTR 41
#define IORING_OP_SETXATTR  42
#define IORING_OP_SOCKET    45
#define IORING_OP_FTRUNCATE 55
#define IORING_OP_BIND	    56
#define IORING_OP_LISTEN    57

#define DETAIL_BYTES   1024
#define BIT(operation) (1ull << IORING_OP_##operation)
#define OPERATIONS                                                                                                   \
	(BIT(CONNECT) | BIT(OPENAT) | BIT(OPENAT2) | BIT(RENAMEAT) | BIT(UNLINKAT) | BIT(MKDIRAT) | BIT(SYMLINKAT) | \
	 BIT(LINKAT) | BIT(FSETXATTR) | BIT(SETXATTR) | BIT(SOCKET) | BIT(FTRUNCATE) | BIT(BIND) | BIT(LISTEN))

static __always_inline struct filename *operation_name_delayed(void *request, __u8 operation)
{
	struct io_open___delayed *open = request;
	struct io_unlink___delayed *unlink = request;
	struct io_rename___delayed *rename = request;

	if (operation == IORING_OP_OPENAT || operation == IORING_OP_OPENAT2)
		return BPF_CORE_READ(open, filename.__incomplete_filename);
	if (operation == IORING_OP_UNLINKAT)
		return BPF_CORE_READ(unlink, filename.__incomplete_filename);
	if (operation == IORING_OP_RENAMEAT)
		return BPF_CORE_READ(rename, newpath.__incomplete_filename);
	return NULL;
}

/* The path as the kernel has copied it. The request's own part lies at the start of it. */
static __always_inline const char *operation_path(struct io_kiocb *request, __u8 operation)
{
	struct filename *name = NULL;

	if (bpf_core_type_exists(struct delayed_filename)) {
		name = operation_name_delayed(request, operation);
		return name ? BPF_CORE_READ(name, name) : NULL;
	}
	if (operation == IORING_OP_OPENAT || operation == IORING_OP_OPENAT2)
		name = bpf_core_type_exists(struct io_open) ? BPF_CORE_READ((struct io_open *)request, filename) : NULL;
	else if (operation == IORING_OP_UNLINKAT)
		name = bpf_core_type_exists(struct io_unlink) ? BPF_CORE_READ((struct io_unlink *)request, filename)
							      : NULL;
	else if (operation == IORING_OP_RENAMEAT)
		name = bpf_core_type_exists(struct io_rename) ? BPF_CORE_READ((struct io_rename *)request, newpath)
							      : NULL;
	return name ? BPF_CORE_READ(name, name) : NULL;
}

static __always_inline void io_uring_tell(__u32 entries, __u8 operation, const char *path, enum program_id program)
{
	struct task_struct *task = CURRENT();
	struct io_uring_event *event;
	struct site site;
	__u32 at;

	if (!site_enter(&site, CONTEXT_TASK, program))
		return;
	event = &site.scratch->io_uring;
	header_fill_for(&site, task, EVENT_IO_URING);
	event->entries = entries;
	event->opcode = operation;
	__builtin_memset(event->pad, 0, sizeof(event->pad));
	at = tail_comm(&site, sizeof(*event), task, STRING_COMM);
	if (path)
		at = tail_text(site.scratch->bytes, at, CALL_ROOM, STRING_DETAIL, path, DETAIL_BYTES);
	call_send(&site, at, EVENT_IO_URING);
}

SEC("tp_btf/io_uring_create")
int BPF_PROG(io_uring_made, int fd, void *ring, __u32 entries)
{
	preempt_hold();
	io_uring_tell(entries, 0, NULL, PROGRAM_IO_URING_MADE);
	preempt_release();
	return 0;
}

/* From 6.2 on; before, its tracepoint has another name and says no request. */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(io_uring_submitted, struct io_kiocb *request)
{
	__u8 operation = BPF_CORE_READ(request, opcode);

	if (operation > 63 || !(OPERATIONS >> operation & 1))
		return 0;
	preempt_hold();
	io_uring_tell(0, operation, operation_path(request, operation), PROGRAM_IO_URING_SUBMITTED);
	preempt_release();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
