// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Bytes over sockets, from 6.3 on: two tracepoints behind the copy, and the registers that the process entered with. No
 * system call is hooked.
 */
#define DIRECT_LOADS
#include "kernel.h"
#include "event.h"
#include "io.h"

EVENT_TYPE(data_event);
EVENT_TYPE(socket_event);

/* Where the caller keeps the bytes. Calls that move several messages, or none of the caller's memory, have none. */
static __always_inline void buffer_find(struct io *io, struct task_struct *task)
{
	struct syscall call = syscall_read(task);

	io->pointer = call.second;
	io->buffer = BUFFER_NONE;
	io->io_uring = call.number == SYS_io_uring_enter || LOAD(task, flags) & PF_IO_WORKER;
	if (io->io_uring || syscall_compat(task) || io->message_flags & MSG_SPLICE_PAGES)
		return;
	switch (call.number) {
	case SYS_read:
	case SYS_recvfrom:
	case SYS_write:
	case SYS_sendto:
		io->buffer = BUFFER_PLAIN;
		break;
	case SYS_readv:
	case SYS_writev:
	case SYS_preadv2:
	case SYS_pwritev2:
		io->buffer = BUFFER_VECTORS;
		break;
	case SYS_recvmsg:
	case SYS_sendmsg:
		io->buffer = BUFFER_MESSAGE;
		break;
	}
}

static __always_inline int moved(struct sock *sk, int length, int flags, enum data_direction direction,
				 enum program_id program)
{
	struct io io = {.sk = sk, .length = length, .message_flags = flags, .direction = direction};
	__u16 family;
	struct task_struct *task;
	struct site site;

	if (length <= 0)
		return 0;
	family = sk->__sk_common.skc_family;
	if (!family_wanted(sk, family))
		return 0;
	if (direction == DATA_RECEIVED && flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB))
		return 0;
	task = bpf_get_current_task_btf();
	if (task->flags & PF_KTHREAD || !site_enter(&site, CONTEXT_TASK, program))
		return 0;
	buffer_find(&io, task);
	if (direction == DATA_RECEIVED && flags & MSG_TRUNC)
		io.buffer = BUFFER_NONE;
	socket_io(&site, task, &io, family);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(net_send, struct sock *sk, int length, int flags)
{
	return moved(sk, length, flags, DATA_SENT, PROGRAM_SEND);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(net_receive, struct sock *sk, int length, int flags)
{
	return moved(sk, length, flags, DATA_RECEIVED, PROGRAM_RECEIVE);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
