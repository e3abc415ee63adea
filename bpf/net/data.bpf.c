// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Bytes over sockets, from 6.3 on: two tracepoints behind the copy, and the registers that the process entered with. No
 * system call is hooked.
 */
#define DIRECT_LOADS
#include "kernel.h"
#include "event.h"
#include "dns.h"
#include "io.h"
#include "peer.h"
#include "spare.h"
#include "syscall.h"

static __always_inline enum io_buffer buffer_of(__s64 number)
{
	switch (number) {
	case SYS_read:
	case SYS_recvfrom:
	case SYS_write:
	case SYS_sendto:
		return BUFFER_PLAIN;
	case SYS_readv:
	case SYS_writev:
	case SYS_preadv2:
	case SYS_pwritev2:
		return BUFFER_VECTORS;
	case SYS_recvmsg:
	case SYS_sendmsg:
		return BUFFER_MESSAGE;
	case SYS_recvmmsg:
	case SYS_sendmmsg:
		return BUFFER_MESSAGES;
	default:
		return BUFFER_NONE;
	}
}

/* Where the caller keeps the bytes. Calls that move several messages, or none of the caller's memory, have none. */
static __always_inline void buffer_find(struct io *io, struct task_struct *task)
{
	struct syscall call = syscall_read(task);

	io->pointer = call.second;
	io->address = call.number == SYS_sendto ? call.fifth : 0;
	io->io_uring = call.number == SYS_io_uring_enter || LOAD(task, flags) & PF_IO_WORKER;
	io->buffer = buffer_of(call.number);
	if (io->io_uring || syscall_compat(task) || io->message_flags & MSG_SPLICE_PAGES ||
	    (io->direction == DATA_RECEIVED && io->message_flags & MSG_TRUNC))
		io->buffer = BUFFER_NONE;
}

/* The datagram that was moved just now. Which message of a sendmmsg or recvmmsg it is, the kernel says nowhere: they are counted. */
static __always_inline void datagram(struct site *site, struct task_struct *task)
{
	struct io *io = &site->scratch->io;
	struct dns_socket *known;

	if (io->buffer == BUFFER_MESSAGES) {
		known = dns_socket(io->sk);
		if (!known)
			return;
		if (known->array != io->pointer || known->next >= syscall_third(task)) {
			known->array = io->pointer;
			known->next = 0;
		}
		io->pointer += known->next++ * sizeof(struct user_mmsghdr);
		io->buffer = BUFFER_MESSAGE;
	}
	datagram_io(site);
}

static __always_inline void moved(struct sock *sk, int length, int flags, enum data_direction direction,
				  enum program_id program)
{
	struct task_struct *task;
	struct site site;
	struct io *io;
	__u16 family;
	bool is_stream;

	if (length <= 0)
		return;
	family = sk->__sk_common.skc_family;
	is_stream = family_wanted(sk, family);
	if (!is_stream && !datagram_wanted(sk, family, direction))
		return;
	if (direction == DATA_RECEIVED && flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB))
		return;
	task = bpf_get_current_task_btf();
	if (task->flags & PF_KTHREAD || !site_enter(&site, CONTEXT_TASK, program))
		return;
	io = &site.scratch->io;
	io->sk = (__u64)sk;
	io->task = (__u64)task;
	io->length = length;
	io->message_flags = flags;
	io->family = family;
	io->direction = direction;
	buffer_find(io, task);
	if (is_stream)
		socket_io(&site, task);
	else
		datagram(&site, task);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(net_send, struct sock *sk, int length, int flags)
{
	return ONCE(PROGRAM_SEND, COPY_FIRST, false, moved(sk, length, flags, DATA_SENT, PROGRAM_SEND));
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(net_send_spare, struct sock *sk, int length, int flags)
{
	return ONCE(PROGRAM_SEND, COPY_SPARE, false, moved(sk, length, flags, DATA_SENT, PROGRAM_SEND));
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(net_send_last, struct sock *sk, int length, int flags)
{
	return ONCE(PROGRAM_SEND, COPY_LAST, false, moved(sk, length, flags, DATA_SENT, PROGRAM_SEND));
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(net_receive, struct sock *sk, int length, int flags)
{
	return ONCE(PROGRAM_RECEIVE, COPY_FIRST, false, moved(sk, length, flags, DATA_RECEIVED, PROGRAM_RECEIVE));
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(net_receive_spare, struct sock *sk, int length, int flags)
{
	return ONCE(PROGRAM_RECEIVE, COPY_SPARE, false, moved(sk, length, flags, DATA_RECEIVED, PROGRAM_RECEIVE));
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(net_receive_last, struct sock *sk, int length, int flags)
{
	return ONCE(PROGRAM_RECEIVE, COPY_LAST, false, moved(sk, length, flags, DATA_RECEIVED, PROGRAM_RECEIVE));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
