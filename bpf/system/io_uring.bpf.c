// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A ring of io_uring was made, or an operation was submitted through one that a system call would have been seen for: with all names that the
 * kernel has copied for it, which nobody can exchange any more. Whether it succeeds is not known then.
 */
#include "kernel.h"
#include "event.h"
#include "file.h"
#include "submission.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct io_open {
	int dfd;
	struct filename *filename;
};
struct io_unlink {
	int dfd;
	struct filename *filename;
};
struct io_mkdir {
	int dfd;
	struct filename *filename;
};
struct io_rename {
	int old_dfd;
	int new_dfd;
	struct filename *oldpath;
	struct filename *newpath;
};
/* Symbolic links too; before 6.0 both have structures of their own. */
struct io_link {
	int old_dfd;
	int new_dfd;
	struct filename *oldpath;
	struct filename *newpath;
};
struct io_hardlink {
	int old_dfd;
	int new_dfd;
	struct filename *oldpath;
	struct filename *newpath;
};
struct io_symlink {
	int new_dfd;
	struct filename *oldpath;
	struct filename *newpath;
};
struct xattr_name {
	char name[256];
};
/* kernel_xattr_ctx from 6.13 on: the names of structures inside of others don't count. */
struct xattr_ctx {
	struct xattr_name *kname;
};
struct io_xattr {
	struct xattr_ctx ctx;
	struct filename *filename;
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
struct io_mkdir___delayed {
	struct delayed_filename filename;
};
struct io_rename___delayed {
	struct delayed_filename oldpath;
	struct delayed_filename newpath;
};
struct io_link___delayed {
	struct delayed_filename oldpath;
	struct delayed_filename newpath;
};
struct io_xattr___delayed {
	struct delayed_filename filename;
};
#pragma clang attribute pop

#define BIT(operation) (1ull << IORING_OP_##operation)
#define OPERATIONS                                                                                                   \
	(BIT(CONNECT) | BIT(OPENAT) | BIT(OPENAT2) | BIT(RENAMEAT) | BIT(UNLINKAT) | BIT(MKDIRAT) | BIT(SYMLINKAT) | \
	 BIT(LINKAT) | BIT(FSETXATTR) | BIT(SETXATTR) | BIT(SOCKET) | BIT(FTRUNCATE) | BIT(BIND) | BIT(LISTEN))
#define NAMES                                                                                           \
	(BIT(OPENAT) | BIT(OPENAT2) | BIT(RENAMEAT) | BIT(UNLINKAT) | BIT(MKDIRAT) | BIT(SYMLINKAT) | \
	 BIT(LINKAT) | BIT(FSETXATTR) | BIT(SETXATTR) | BIT(FTRUNCATE))

/* A name of the request, whose own part lies at the start of it. Only where the kernel has the structure. */
#define NAME(request, type, member)                                                            \
	((__u64)(bpf_core_type_exists(struct delayed_filename)                                  \
			 ? BPF_CORE_READ((struct type##___delayed *)request,                    \
					 member.__incomplete_filename, name)                    \
			 : BPF_CORE_READ((struct type *)request, member, name)))
#define ONE_NAME(call, request, type)                                              \
	do {                                                                       \
		(call)->name = NAME(request, type, filename);                      \
		(call)->folder = BPF_CORE_READ((struct type *)request, dfd);       \
	} while (0)
#define TWO_NAMES(call, request, type)                                                   \
	do {                                                                             \
		(call)->source = NAME(request, type, oldpath);                           \
		(call)->source_folder = BPF_CORE_READ((struct type *)request, old_dfd); \
		(call)->name = NAME(request, type, newpath);                             \
		(call)->folder = BPF_CORE_READ((struct type *)request, new_dfd);        \
	} while (0)

/* What the operation names, in the kernel's memory. `attribute`: the name of one. */
static __always_inline __u64 operation_names(struct io_kiocb *request, __u8 operation, struct file_call *call)
{
	/* Unknown, where the kernel has no such structure. */
	call->folder = -1;
	switch (operation) {
	case IORING_OP_OPENAT:
	case IORING_OP_OPENAT2:
		if (bpf_core_type_exists(struct io_open))
			ONE_NAME(call, request, io_open);
		return 0;
	case IORING_OP_UNLINKAT:
		if (bpf_core_type_exists(struct io_unlink))
			ONE_NAME(call, request, io_unlink);
		return 0;
	case IORING_OP_MKDIRAT:
		if (bpf_core_type_exists(struct io_mkdir))
			ONE_NAME(call, request, io_mkdir);
		return 0;
	case IORING_OP_RENAMEAT:
		if (bpf_core_type_exists(struct io_rename))
			TWO_NAMES(call, request, io_rename);
		return 0;
	case IORING_OP_LINKAT:
	case IORING_OP_SYMLINKAT:
		if (bpf_core_type_exists(struct io_link)) {
			TWO_NAMES(call, request, io_link);
		} else if (operation == IORING_OP_LINKAT && bpf_core_type_exists(struct io_hardlink)) {
			call->source = (__u64)BPF_CORE_READ((struct io_hardlink *)request, oldpath, name);
			call->source_folder = BPF_CORE_READ((struct io_hardlink *)request, old_dfd);
			call->name = (__u64)BPF_CORE_READ((struct io_hardlink *)request, newpath, name);
			call->folder = BPF_CORE_READ((struct io_hardlink *)request, new_dfd);
		} else if (operation == IORING_OP_SYMLINKAT && bpf_core_type_exists(struct io_symlink)) {
			call->source = (__u64)BPF_CORE_READ((struct io_symlink *)request, oldpath, name);
			call->name = (__u64)BPF_CORE_READ((struct io_symlink *)request, newpath, name);
			call->folder = BPF_CORE_READ((struct io_symlink *)request, new_dfd);
		}
		return 0;
	case IORING_OP_SETXATTR:
		if (!bpf_core_type_exists(struct io_xattr))
			return 0;
		call->name = NAME(request, io_xattr, filename);
		call->folder = AT_FDCWD;
		break;
	default:
		call->folder = request_fd(request);
	}
	if (operation == IORING_OP_FTRUNCATE || !bpf_core_type_exists(struct io_xattr))
		return 0;
	return (__u64)&BPF_CORE_READ((struct io_xattr *)request, ctx.kname)->name;
}

/* The event of an operation that names something. */
GLOBAL_FUNCTION int operation_tell(__u32 index)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &index);
	struct task_struct *task = CURRENT();
	__u32 at = sizeof(struct io_uring_event);
	struct io_uring_event *event;
	struct io_kiocb *request;
	struct file_call *call;
	struct site site;
	__u64 attribute;
	__u8 operation;

	if (!scratch || !site_find(&site, index))
		return 0;
	event = &scratch->io_uring;
	call = &scratch->call;
	request = (void *)call->request;
	operation = BPF_CORE_READ(request, opcode);
	attribute = operation_names(request, operation, call);
	header_fill(index, (__u64)task, EVENT_IO_URING);
	event->header = site.scratch->header;
	event->entries = 0;
	event->flags = 0;
	event->opcode = operation;
	event->pad = 0;
	at = tail_text(scratch->bytes, at, FILE_ROOM, STRING_COMM, task->comm, sizeof(task->comm));
	at = tail_named(&site, scratch, at, STRING_PATH, call->name, call->folder, &event->flags, FILE_NO_FOLDER);
	if (operation == IORING_OP_SYMLINKAT)
		at = tail_text(scratch->bytes, at, FILE_ROOM, STRING_SOURCE, (void *)call->source, STRING_BYTES);
	else if (call->source)
		at = tail_named(&site, scratch, at, STRING_SOURCE, call->source, call->source_folder, &event->flags,
				FILE_NO_SOURCE_FOLDER);
	if (attribute)
		at = tail_text(scratch->bytes, at, FILE_ROOM, STRING_DETAIL, (void *)attribute,
			       sizeof(struct xattr_name));
	OPAQUE(at);
	if (at <= FILE_ROOM)
		security_send(&site, &event->header, EVENT_IO_URING, at);
	return 0;
}

/* A ring, or an operation that names nothing. */
static __always_inline void io_uring_tell(struct site *site, __u32 entries, __u8 operation)
{
	struct io_uring_event *event = &site->scratch->io_uring;
	struct task_struct *task = CURRENT();

	header_fill_for(site, task, EVENT_IO_URING);
	event->entries = entries;
	event->flags = 0;
	event->opcode = operation;
	event->pad = 0;
	call_send(site, tail_comm(site, sizeof(*event), task, STRING_COMM), EVENT_IO_URING);
}

SEC("tp_btf/io_uring_create")
int BPF_PROG(io_uring_made, int fd, void *ring, __u32 entries)
{
	struct site site;

	preempt_hold();
	if (site_enter(&site, CONTEXT_TASK, PROGRAM_IO_URING_MADE))
		io_uring_tell(&site, entries, 0);
	preempt_release();
	return 0;
}

static __always_inline void operation_submitted(struct io_kiocb *request, __u8 operation)
{
	struct image_scratch *scratch;
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_IO_URING_SUBMITTED))
		return;
	if (!(NAMES >> operation & 1)) {
		io_uring_tell(&site, 0, operation);
		return;
	}
	scratch = file_begin(&site, CURRENT(), EVENT_IO_URING);
	if (!scratch)
		return;
	scratch->call.request = (__u64)request;
	operation_tell(site.index);
	image_leave(scratch);
}

SEC("tp_btf/io_uring_submit_req")
int io_uring_submitted(void *context)
{
	struct io_kiocb *request = submitted(context);
	__u8 operation = BPF_CORE_READ(request, opcode);

	if (operation > 63 || !(OPERATIONS >> operation & 1))
		return 0;
	preempt_hold();
	operation_submitted(request, operation);
	preempt_release();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
