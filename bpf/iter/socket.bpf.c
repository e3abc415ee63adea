// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sockets older than the sensor, of all network namespaces: by the processes that hold them. Two passes: who listens
 * first, because a listening port makes the connections of that port accepted ones.
 */
#include "kernel.h"
#include "event.h"
#include "io.h"

static __always_inline struct sock *file_sock(struct file *file)
{
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

SEC("iter/task_file")
int iter_listener(struct bpf_iter__task_file *context)
{
	struct sock *sk = file_sock(context->file);
	struct listener_key key = {};
	struct site site;
	__u32 one = 1;

	if (!context->task || !site_enter(&site, CONTEXT_ITERATOR, PROGRAM_ITER_LISTENER))
		return 0;
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	if (BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_LISTEN)
		return 0;
	key.net_ns = sock_net_ns(sk);
	key.port = sock_local_port(sk);
	bpf_map_update_elem(&listeners, &key, &one, BPF_NOEXIST);
	return 0;
}

SEC("iter/task_file")
int iter_socket(struct bpf_iter__task_file *context)
{
	struct sock *sk = file_sock(context->file);
	struct task_struct *task = context->task;
	struct connection *connection = NULL;
	struct scratch *scratch;
	struct site site;
	struct io *io;
	__u32 at, *known;
	__u16 family;
	__u8 state;

	if (!task) {
		known = sockets_known_flag();
		if (known)
			*known = 1;
		return 0;
	}
	if (!sk || !site_enter(&site, CONTEXT_ITERATOR, PROGRAM_ITER_SOCKET))
		return 0;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (!family_wanted(sk, family) || (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT && state != TCP_LISTEN))
		return 0;
	if (state != TCP_LISTEN) {
		io = &site.scratch->io;
		io->sk = (__u64)sk;
		io->family = family;
		io->length = 0;
		io->direction = DATA_RECEIVED;
		connection = io_connection(&site, io);
		if (!connection)
			return 0;
	}
	scratch = site.scratch;
	header_fill_for(&site, task, EVENT_SOCKET);
	sock_fill(&scratch->socket.socket, sk, connection);
	if (state == TCP_LISTEN) {
		scratch->socket.socket.role = ROLE_LISTENING;
		scratch->socket.socket.flags = SOCKET_MIDDLE;
		scratch->socket.socket.opened_ns = scratch->header.time_ns;
	}
	at = tail_unix_path(scratch->bytes, sizeof(scratch->socket), sizeof(scratch->bytes), sk);
	scratch->header.size = at;
	OPAQUE(at);
	if (at <= sizeof(scratch->bytes))
		bpf_seq_write(context->meta->seq, scratch->bytes, at);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
