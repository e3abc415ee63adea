// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Bytes over sockets, from 5.10 on: the exits of the system calls that move them. The arguments come from the registers
 * that the process entered with, so nothing is hooked at entry and nothing is kept between.
 */
#include "kernel.h"
#include "event.h"
#include "dispatch.h"
#include "dns.h"
#include "io.h"
#include "peer.h"

/* splice and io_uring are not seen by this list; the positions of what follows say how much was missed. */

static __always_inline struct sock *fd_sock(struct task_struct *task, __u32 fd)
{
	struct file **files = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;
	struct socket *socket;

	/* The call has succeeded, so the table has this number. */
	if (bpf_probe_read_kernel(&file, sizeof(file), files + fd) || !file)
		return NULL;
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

/* recvmmsg and sendmmsg answer how many messages there were, UIO_MAXIOV at most; each says how long it was. */
#define MESSAGES 1024
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

static __always_inline __u32 shape_flags(const struct syscall *call, enum shape shape)
{
	if (shape == SHAPE_FLAGS || shape == SHAPE_MESSAGES)
		return call->fourth;
	return shape == SHAPE_MESSAGE ? call->third : 0;
}

static __always_inline enum io_buffer shape_buffer(enum shape shape)
{
	switch (shape) {
	case SHAPE_PLAIN:
	case SHAPE_FLAGS:
		return BUFFER_PLAIN;
	case SHAPE_VECTORS:
		return BUFFER_VECTORS;
	case SHAPE_MESSAGE:
		return BUFFER_MESSAGE;
	case SHAPE_MESSAGES:
		return BUFFER_MESSAGES;
	default:
		return BUFFER_NONE;
	}
}

/* The datagrams that the call has moved: `count` where it takes several. */
#define DATAGRAMS 8
static __always_inline void datagrams(struct site *site, __s64 count)
{
	struct io *io = &site->scratch->io;
	__u64 array = io->pointer;

	if (io->buffer != BUFFER_MESSAGES) {
		datagram_io(site);
		return;
	}
	for (__u32 i = 0; i < DATAGRAMS; i++) {
		const struct user_mmsghdr *message = (const void *)array + i * sizeof(*message);

		if (i >= count)
			return;
		io->pointer = (__u64)message;
		io->buffer = BUFFER_MESSAGE;
		bpf_probe_read_user(&io->length, sizeof(io->length), &message->length);
		datagram_io(site);
	}
	if (count <= DATAGRAMS)
		return;
	if (datagrams_watched & DATAGRAM_DNS)
		site->slot->lost[LOSS_MESSAGES][EVENT_DNS] += count - DATAGRAMS;
	if (datagrams_watched & DATAGRAM_PEERS && io->direction == DATA_SENT)
		site->slot->lost[LOSS_MESSAGES][EVENT_DATAGRAM] += count - DATAGRAMS;
}

static __always_inline void called(struct sys_exit *exit, enum data_direction direction, enum shape shape,
				   enum program_id program)
{
	struct task_struct *task = CURRENT();
	__s64 length = exit->result;
	struct syscall call;
	struct sock *sk;
	struct site site;
	struct io *io;
	__u16 family;
	bool is_stream;

	if (length <= 0)
		return;
	sk = fd_sock(task, syscall_first(task));
	if (!sk || syscall_compat(task))
		return;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	is_stream = family_wanted(sk, family);
	if ((!is_stream && !datagram_wanted(sk, family, direction)) || !site_enter(&site, CONTEXT_TASK, program))
		return;
	call = syscall_read(task);
	io = &site.scratch->io;
	io->sk = (__u64)sk;
	io->task = (__u64)task;
	io->pointer = call.second;
	io->address = program == PROGRAM_SENDTO ? call.fifth : 0;
	io->length = shape == SHAPE_MESSAGES && is_stream ? messages_length(call.second, length) : length;
	io->message_flags = shape_flags(&call, shape);
	io->family = family;
	io->direction = direction;
	io->io_uring = false;
	io->buffer = shape_buffer(shape);
	if (direction == DATA_RECEIVED && io->message_flags & MSG_TRUNC)
		io->buffer = BUFFER_NONE;
	if (direction == DATA_RECEIVED && io->message_flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB))
		return;
	if (!is_stream)
		datagrams(&site, length);
	else if (io->length)
		socket_io(&site, task);
}

#define CALL(name, direction, shape, program)                      \
	CALL_PROGRAM(net_##name, name)                             \
	{                                                          \
		called(exit, direction, shape, PROGRAM_##program); \
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
CALL_PROGRAM(net_sendfile, sendfile64)
{
	called(exit, DATA_SENT, SHAPE_FILE, PROGRAM_SENDFILE);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
