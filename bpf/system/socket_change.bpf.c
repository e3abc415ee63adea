// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What sockets are made for beside connections: raw, packet and crypto sockets, bindings, filters, and a socket in place of
 * standard input, output or error.
 */
#include "kernel.h"
#include "event.h"
#include "call.h"
#include "submission.h"

#define AF_PACKET 17
#define AF_ALG	  38
#define AF_VSOCK  40
#define AF_XDP	  44
#define SOCK_RAW  3
/* The rest of a type are flags. */
#define SOCK_TYPE_MASK 0xf

#define SOL_SOCKET		 1
#define SO_ATTACH_FILTER	 26
#define SO_ATTACH_BPF		 50
#define SO_ATTACH_REUSEPORT_CBPF 51
#define SO_ATTACH_REUSEPORT_EBPF 52

/* sockaddr_alg: family, type[14], feat, mask, name[64]. */
#define ALG_TYPE 2
#define ALG_NAME 24

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct io_socket {
	int domain;
	int type;
	int protocol;
};
#pragma clang attribute pop

static __always_inline bool family_rare(__u16 family, __u16 type)
{
	return family == AF_PACKET || family == AF_ALG || family == AF_VSOCK || family == AF_XDP ||
	       ((family == AF_INET || family == AF_INET6) && type == SOCK_RAW);
}

/* What is known of a socket that is no stream. */
static __always_inline void socket_describe(struct socket_change_event *event, struct sock *sk, __u16 family)
{
	struct connection *connection = NULL;
	__u64 key = (__u64)sk;

	if (family == AF_INET || family == AF_INET6) {
		connection = bpf_map_lookup_elem(&connections, &key);
		sock_fill(&event->socket, sk, connection);
	} else {
		__builtin_memset(&event->socket, 0, sizeof(event->socket));
		event->socket.inode = sock_inode(sk);
		event->socket.family = family;
		event->socket.net_ns = sock_net_ns(sk);
	}
	/* A bit field before 5.6; since then two bytes each. */
	event->kind = BPF_CORE_READ(sk, sk_type);
	event->protocol = BPF_CORE_READ(sk, sk_protocol);
}

static __always_inline __u32 socket_begin(struct site *site, struct task_struct *task, struct sock *sk, __u16 family,
					  enum socket_change_kind what)
{
	struct socket_change_event *event = &site->scratch->socket_change;

	header_fill_for(site, task, EVENT_SOCKET_CHANGE);
	socket_describe(event, sk, family);
	event->what = what;
	event->flags = 0;
	__builtin_memset(event->pad, 0, sizeof(event->pad));
	return tail_comm(site, sizeof(*event), task, STRING_COMM);
}

static __always_inline void made(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT();
	struct sock *sk;
	struct site site;
	__u16 family;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_SOCKET) || exit->result < 0)
		return;
	sk = file_sock(fd_file(task, exit->result));
	if (!sk)
		return;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (!family_rare(family, BPF_CORE_READ(sk, sk_type)))
		return;
	call_fill(&site.scratch->socket_change.call, task, exit->result, CALL_SOCKET);
	site.scratch->socket_change.fd = exit->result;
	call_send(&site, socket_begin(&site, task, sk, family, SOCKET_MADE), EVENT_SOCKET_CHANGE);
}

CALL_EXIT(socket_change, socket, made(exit))

/* Unix sockets are told when something connects to them. */
static __always_inline void bound(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT();
	struct call_info *call;
	struct sock *sk;
	struct site site;
	__u16 family;
	__u32 at;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_BIND) || exit->result < 0)
		return;
	call = &site.scratch->socket_change.call;
	call_fill(call, task, exit->result, CALL_BIND);
	sk = file_sock(fd_file(task, call->arguments[0]));
	if (!sk)
		return;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6 && !family_rare(family, 0))
		return;
	site.scratch->socket_change.fd = call->arguments[0];
	at = socket_begin(&site, task, sk, family, SOCKET_BOUND);
	if (family == AF_ALG) {
		at = tail_said(&site, at, STRING_DETAIL, call->arguments[1] + ALG_TYPE, 14);
		at = tail_said(&site, at, STRING_DETAIL, call->arguments[1] + ALG_NAME, 64);
	}
	call_send(&site, at, EVENT_SOCKET_CHANGE);
}

CALL_EXIT(socket_change, bind, bound(exit))

static __always_inline void filtered(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT();
	struct syscall now = syscall_read(task);
	struct sock *sk;
	struct site site;

	if (now.second != SOL_SOCKET ||
	    (now.third != SO_ATTACH_FILTER && (now.third < SO_ATTACH_BPF || now.third > SO_ATTACH_REUSEPORT_EBPF)))
		return;
	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_SETSOCKOPT) || exit->result < 0)
		return;
	sk = file_sock(fd_file(task, now.first));
	if (!sk)
		return;
	call_fill(&site.scratch->socket_change.call, task, exit->result, CALL_SETSOCKOPT);
	site.scratch->socket_change.fd = now.first;
	call_send(&site, socket_begin(&site, task, sk, BPF_CORE_READ(sk, __sk_common.skc_family), SOCKET_FILTERED),
		  EVENT_SOCKET_CHANGE);
}

CALL_EXIT(socket_change, setsockopt, filtered(exit))

/* Only connections to other places: a unix socket as standard output is what systemd gives every service. */
static __always_inline void duplicated(struct sys_exit *exit, enum call call, enum program_id program)
{
	struct task_struct *task = CURRENT();
	struct sock *sk;
	struct site site;
	__u16 family;

	if (exit->result > 2 || !site_enter(&site, CONTEXT_TASK, program) || exit->result < 0)
		return;
	sk = file_sock(fd_file(task, exit->result));
	if (!sk)
		return;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6 && family != AF_VSOCK)
		return;
	call_fill(&site.scratch->socket_change.call, task, exit->result, call);
	site.scratch->socket_change.fd = exit->result;
	call_send(&site, socket_begin(&site, task, sk, family, SOCKET_STANDARD), EVENT_SOCKET_CHANGE);
}

CALL_EXIT(socket_change, dup, duplicated(exit, CALL_DUP, PROGRAM_DUP))
CALL_EXIT(socket_change, dup2, duplicated(exit, CALL_DUP2, PROGRAM_DUP2))
CALL_EXIT(socket_change, dup3, duplicated(exit, CALL_DUP3, PROGRAM_DUP3))

/* It isn't there yet, so the request is all that is known. */
static __always_inline void making(struct io_kiocb *request)
{
	struct io_socket *asked = (void *)request;
	struct socket_change_event *event;
	struct task_struct *task = CURRENT();
	__u32 family, type, at;
	struct site site;

	if (!bpf_core_type_exists(struct io_socket))
		return;
	family = BPF_CORE_READ(asked, domain);
	type = BPF_CORE_READ(asked, type) & SOCK_TYPE_MASK;
	if (!family_rare(family, type) || !site_enter(&site, CONTEXT_TASK, PROGRAM_SOCKET_SUBMITTED))
		return;
	event = &site.scratch->socket_change;
	call_none(&event->call);
	at = socket_begin(&site, task, NULL, 0, SOCKET_MADE);
	event->socket.family = family;
	event->socket.net_ns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	event->kind = type;
	event->protocol = BPF_CORE_READ(asked, protocol);
	event->fd = -1;
	event->flags = SOCKET_SUBMITTED;
	call_send(&site, at, EVENT_SOCKET_CHANGE);
}

/* Where the address of a bind lies differs by kernels whose types are the same: it is told when the socket listens. */
SEC("tp_btf/io_uring_submit_req")
int socket_change_submitted(void *context)
{
	struct io_kiocb *request = submitted(context);

	if (BPF_CORE_READ(request, opcode) != IORING_OP_SOCKET)
		return 0;
	preempt_hold();
	making(request);
	preempt_release();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
