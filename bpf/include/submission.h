/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is submitted to io_uring: the request, when the kernel has read it from the ring and copied what it names. */
#pragma once
#include "call.h"
#include "dispatch.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct io_cmd_data {
	struct file *file;
};
struct io_cqe {
	int fd;
};
struct io_kiocb {
	u8 opcode;
	unsigned int flags; /* the lower half of 64 bits from 6.9 on */
	struct io_cqe cqe;
};
/* From 6.0 on. */
struct io_kiocb___cmd {
	struct io_cmd_data cmd;
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

/* IOSQE_FIXED_FILE: the operation's file is one that was registered with the ring, by its number there. */
#define REQUEST_REGISTERED 1

/* io_uring_submit_req(request) from 6.2 on; before, io_uring_submit_sqe: (request, ...) from 6.0 on, (ring, request, ...) below. Of kernels whose
 * tracepoint gives no request bpf/src/trial.rs loads no program.
 */
static __always_inline struct io_kiocb *submitted(void *context)
{
	u64 request;

	if (bpf_core_field_exists(struct io_kiocb___cmd, cmd))
		CONTEXT_WORD(request, context, 0);
	else
		CONTEXT_WORD(request, context, 8);
	return (void *)request;
}

/* The descriptor of its file; -1: it has none, or one that was registered. Operations on a file by descriptor are younger than where it stands. */
static __always_inline __s32 request_fd(struct io_kiocb *request)
{
	if (!bpf_core_field_exists(request->cqe) || BPF_CORE_READ(request, flags) & REQUEST_REGISTERED)
		return -1;
	return BPF_CORE_READ(request, cqe.fd);
}
