// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Bytes over sockets, from 5.10 on: the exits of the system calls that move them. The arguments come from the registers
 * that the process entered with, so nothing is hooked at entry and nothing is kept between.
 */
#include "kernel.h"
#include "event.h"
#include "io.h"

/* splice and io_uring are not seen by this list; the positions of what follows say how much was missed. */

static __always_inline struct sock *fd_sock(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;
	struct socket *socket;

	if (fd >= BPF_CORE_READ(table, max_fds) || bpf_probe_read_kernel(&file, sizeof(file), files + fd) || !file)
		return NULL;
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

/* recvmmsg and sendmmsg answer how many messages there were; each says how long it was. */
#define MESSAGES 8
static __always_inline __s64 messages_length(__u64 array, __s64 count)
{
	const struct user_mmsghdr *messages = (const void *)array;
	__s64 total = 0;

	for (__u32 i = 0; i < MESSAGES; i++) {
		__u32 length = 0;

		if (i >= count)
			break;
		bpf_probe_read_user(&length, sizeof(length), &messages[i].length);
		total += length;
	}
	return total;
}

enum shape { SHAPE_PLAIN, SHAPE_FLAGS, SHAPE_VECTORS, SHAPE_MESSAGE, SHAPE_MESSAGES, SHAPE_FILE };

static __always_inline void shape_read(struct io *io, const struct syscall *call, enum shape shape)
{
	io->pointer = call->second;
	switch (shape) {
	case SHAPE_FLAGS:
		io->message_flags = call->fourth;
		/* fall through */
	case SHAPE_PLAIN:
		io->buffer = BUFFER_PLAIN;
		break;
	case SHAPE_VECTORS:
		io->buffer = BUFFER_VECTORS;
		break;
	case SHAPE_MESSAGE:
		io->message_flags = call->third;
		io->buffer = BUFFER_MESSAGE;
		break;
	case SHAPE_MESSAGES:
		io->message_flags = call->fourth;
		break;
	case SHAPE_FILE:
		break;
	}
}

static __always_inline int called(struct sys_exit *exit, enum data_direction direction, enum shape shape,
				  enum program_id program)
{
	struct task_struct *task = CURRENT();
	struct io io = {.direction = direction};
	__s64 length = exit->result;
	struct syscall call;
	struct sock *sk;
	struct site site;
	__u16 family;

	if (length <= 0)
		return 0;
	call = syscall_read(task);
	sk = fd_sock(task, call.first);
	if (!sk)
		return 0;
	io.sk = sk;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (!family_wanted(sk, family) || syscall_compat(task))
		return 0;
	shape_read(&io, &call, shape);
	if (direction == DATA_RECEIVED && io.message_flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB))
		return 0;
	if (direction == DATA_RECEIVED && io.message_flags & MSG_TRUNC)
		io.buffer = BUFFER_NONE;
	if (shape == SHAPE_MESSAGES)
		length = messages_length(call.second, length);
	io.length = length;
	if (!io.length || !site_enter(&site, CONTEXT_TASK, program))
		return 0;
	socket_io(&site, task, &io, family);
	return 0;
}

#define CALL(name, direction, shape, program)                            \
	SEC("tp/syscalls/sys_exit_" #name)                               \
	int net_##name(struct sys_exit *exit)                            \
	{                                                                \
		return called(exit, direction, shape, PROGRAM_##program); \
	}

CALL(read, DATA_RECEIVED, SHAPE_PLAIN, READ)
CALL(write, DATA_SENT, SHAPE_PLAIN, WRITE)
CALL(readv, DATA_RECEIVED, SHAPE_VECTORS, READV)
CALL(writev, DATA_SENT, SHAPE_VECTORS, WRITEV)
CALL(recvfrom, DATA_RECEIVED, SHAPE_FLAGS, RECVFROM)
CALL(sendto, DATA_SENT, SHAPE_FLAGS, SENDTO)
CALL(recvmsg, DATA_RECEIVED, SHAPE_MESSAGE, RECVMSG)
CALL(sendmsg, DATA_SENT, SHAPE_MESSAGE, SENDMSG)
CALL(recvmmsg, DATA_RECEIVED, SHAPE_MESSAGES, RECVMMSG)
CALL(sendmmsg, DATA_SENT, SHAPE_MESSAGES, SENDMMSG)
CALL(preadv2, DATA_RECEIVED, SHAPE_VECTORS, PREADV2)
CALL(pwritev2, DATA_SENT, SHAPE_VECTORS, PWRITEV2)

/* The kernel's name has a 64, ours has not. */
SEC("tp/syscalls/sys_exit_sendfile64")
int net_sendfile(struct sys_exit *exit)
{
	return called(exit, DATA_SENT, SHAPE_FILE, PROGRAM_SENDFILE);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
