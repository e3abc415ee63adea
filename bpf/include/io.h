/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes moved over a socket: positions, the serving stamp, and for HTTP the bytes. Both hook lists end here, so that
 * their streams are equal.
 */
#pragma once
#include "buffer.h"
#include "dns.h"
#include "sock.h"
#include "task.h"

/* The call at hand lies in the scratch: what is read from there is any number to the verifier, which then walks no
 * branch twice for what an earlier one had found.
 */

/* Bits of the stamp that say whether the reading call could block, and whether somebody multiplexes this socket. */
static __always_inline __u16 stamp_flags(const struct io *io)
{
	struct sock *sk = CAST(struct sock, io->sk);
	struct file *file = LOAD(sk, sk_socket, file);
	__u16 flags = 0;

	if (io->io_uring)
		flags |= STAMP_IO_URING;
	if (io->message_flags & MSG_DONTWAIT)
		flags |= STAMP_NONBLOCK;
	if (!file)
		return flags | STAMP_NO_FILE;
	if (LOAD(file, f_flags) & O_NONBLOCK)
		flags |= STAMP_NONBLOCK;
	if (file_in_epoll(file))
		flags |= STAMP_EPOLL;
	return flags;
}

static __always_inline void stamp_write(struct site *site, const struct io *io, __u64 connection, __u64 position)
{
	struct task_struct *task = CAST(struct task_struct, io->task);
	__u64 key = io->task, start_ns = LOAD(task, start_boottime);
	struct serving *serving = bpf_map_lookup_elem(&stamps, &key);
	struct serving first = {};

	if (!serving) {
		first.start_ns = start_ns;
		if (bpf_map_update_elem(&stamps, &key, &first, BPF_ANY)) {
			stamp_lost(site, LOAD(task, pid), EVENT_DATA);
			return;
		}
		serving = bpf_map_lookup_elem(&stamps, &key);
		if (!serving)
			return;
	}
	if (serving->start_ns != start_ns) {
		serving->start_ns = start_ns;
		serving->stamp.reads = 0;
	}
	serving->stamp.connection = connection;
	serving->stamp.position = position;
	serving->stamp.reads++;
	serving->stamp.tid = LOAD(task, pid);
	serving->stamp.flags = stamp_flags(io) | (connection ? 0 : STAMP_UNTRACKED);
	serving->stamp.layer = LAYER_PLAIN;
}

/* First use: an ACCEPT, or for the client of a unix socket a CONNECT, which no other hook sees. */
GLOBAL_FUNCTION int GLOBAL(io_report)(__u32 index)
{
	struct scratch *scratch;
	struct connection *connection;
	struct site site;
	struct sock *sk;
	__u32 at;

	if (!site_find(&site, index))
		return 0;
	scratch = site.scratch;
	connection = io_known(&scratch->io);
	if (!connection)
		return 0;
	connection->bits |= CONNECTION_REPORTED;
	if (connection->flags & SOCKET_MIDDLE || connection->role == ROLE_UNKNOWN)
		return 0;
	sk = (struct sock *)scratch->io.sk;
	if (connection->role == ROLE_ACCEPTED) {
		GLOBAL(header_fill)(index, scratch->io.task, EVENT_ACCEPT);
		sock_fill(&scratch->socket.socket, sk, connection);
		at = tail_unix_path(scratch->bytes, sizeof(scratch->socket), sizeof(scratch->bytes), sk);
		security_send(&site, &scratch->header, EVENT_ACCEPT, at);
		return 0;
	}
	GLOBAL(header_fill)(index, scratch->io.task, EVENT_CONNECT);
	sock_fill(&scratch->connect.socket, sk, connection);
	scratch->connect.begun_ns = scratch->header.time_ns;
	scratch->connect.result = 0;
	scratch->connect.pad = 0;
	at = tail_unix_path(scratch->bytes, sizeof(scratch->connect), sizeof(scratch->bytes), sk);
	security_send(&site, &scratch->header, EVENT_CONNECT, at);
	return 0;
}

/* The SOCKET record that leads a connection's data. */
GLOBAL_FUNCTION int GLOBAL(io_lead)(__u32 index)
{
	struct scratch *scratch;
	struct connection *connection;
	struct site site;
	struct sock *sk;
	__u32 at;

	if (!site_find(&site, index))
		return 0;
	scratch = site.scratch;
	connection = io_known(&scratch->io);
	if (!connection)
		return 0;
	sk = (struct sock *)scratch->io.sk;
	GLOBAL(header_fill)(index, scratch->io.task, EVENT_SOCKET);
	sock_fill(&scratch->socket.socket, sk, connection);
	at = tail_unix_path(scratch->bytes, sizeof(scratch->socket), sizeof(scratch->bytes), sk);
	if (payload_send(&site, &scratch->header, EVENT_SOCKET, connection->id, at))
		connection->bits |= CONNECTION_LED;
	return 0;
}

/* The DATA record of this call, within the connection's budget. */
GLOBAL_FUNCTION int GLOBAL(io_data)(__u32 index)
{
	struct connection *connection;
	struct data_event *event;
	struct stream *stream;
	struct site site;
	struct io *io;
	__u32 wanted, captured;

	if (!site_find(&site, index))
		return 0;
	io = &site.scratch->io;
	event = &site.scratch->data;
	connection = io_known(io);
	if (!connection)
		return 0;
	stream = &connection->streams[io->direction & 1];
	GLOBAL(header_fill)(index, io->task, EVENT_DATA);
	event->connection = connection->id;
	event->position = stream->position - io->length;
	event->length = io->length;
	event->direction = io->direction;
	event->flags = (io->turn ? DATA_TURN : 0) | (io->io_uring ? DATA_IO_URING : 0);
	__builtin_memset(event->pad, 0, sizeof(event->pad));
	wanted = stream_wanted(stream, io->length);
	captured = io_copy(io, site.scratch->bytes + sizeof(*event), wanted, &event->flags);
	OPAQUE(captured);
	if (captured > PAYLOAD_BYTES)
		return 0;
	event->captured = captured;
	stream->burst += captured;
	/* Zero up to the next multiple of eight: an earlier record's bytes must not leave with this one. */
	for (__u32 i = 0; i < 7; i++)
		site.scratch->bytes[sizeof(*event) + captured + i] = 0;
	payload_send(&site, &event->header, EVENT_DATA, event->connection, sizeof(*event) + ((captured + 7) & ~7u));
	return 0;
}

/* A connection that no state change has shown us: older than the sensor, or a unix one. */
static __always_inline void connection_found(struct site *site, struct sock *sk, __u16 family,
					     struct connection *connection)
{
	struct tcp_sock *tcp = CAST(struct tcp_sock, sk);
	struct listener_key key = {};
	__u32 *known = sockets_known_flag();

	connection->id = connection_id(site);
	connection->opened_ns = bpf_ktime_get_boot_ns();
	if (family == AF_UNIX) {
		connection->identity = sock_inode(sk);
		connection->role = unix_role(sk);
		connection->flags = known && *known ? 0 : SOCKET_MIDDLE;
		return;
	}
	connection->identity = (__u64)sk;
	key.net_ns = sock_net_ns(sk);
	key.port = sock_local_port(sk);
	connection->role = bpf_map_lookup_elem(&listeners, &key) ? ROLE_ACCEPTED : ROLE_CONNECTED;
	connection->flags = SOCKET_MIDDLE | (connection->role == ROLE_CONNECTED ? SOCKET_ROLE_GUESSED : 0);
	connection->streams[DATA_RECEIVED].base = LOAD(tcp, copied_seq);
	connection->streams[DATA_SENT].base = LOAD(tcp, write_seq);
	if (connection->role == ROLE_CONNECTED && sock_asks_names(sk))
		connection->bits = CONNECTION_DNS;
	/* Fast open: data before the handshake's end, of a connection that is new. */
	if (LOAD(sk, __sk_common.skc_state) == TCP_SYN_RECV) {
		connection->role = ROLE_ACCEPTED;
		connection->flags = 0;
	}
}

/* Has the stream, as this call left it, moved these bytes of data so far? What was retransmitted counts as sent again, so
 * that the answer may be no where it should be yes, never the reverse. A FIN is in both of the numbers that are compared.
 */
static __always_inline bool tcp_moved(struct tcp_sock *tcp, __u64 received, __u64 sent)
{
	__u32 unread = LOAD(tcp, rcv_nxt) - LOAD(tcp, copied_seq), unsent = LOAD(tcp, write_seq) - LOAD(tcp, snd_nxt);

	return LOAD(tcp, bytes_received) == received + unread && LOAD(tcp, bytes_sent) + unsent == sent;
}

static __always_inline struct connection *connection_enter(struct site *site, const struct io *io)
{
	__u64 key = io->sk;
	struct connection connection = {};

	connection_found(site, CAST(struct sock, io->sk), io->family, &connection);
	if (io->family == AF_UNIX) {
		bpf_map_update_elem(&unix_sockets, &key, &connection, BPF_ANY);
	} else {
		/* What this call has moved lies behind position 0. Each stream by its own name: after a write to the stack at an offset
		 * that it doesn't know, Debian's 6.18.15 takes the rest of that slot for not written.
		 */
		connection.streams[DATA_RECEIVED].base -= io->direction == DATA_RECEIVED ? io->length : 0;
		connection.streams[DATA_SENT].base -= io->direction == DATA_SENT ? io->length : 0;
		/* It was idle until now, or the kernel has not let us see its birth: all of its stream is seen. */
		if (connection.role == ROLE_ACCEPTED && io->direction == DATA_RECEIVED &&
		    tcp_moved(CAST(struct tcp_sock, io->sk), io->length, 0))
			connection.flags = 0;
		bpf_map_update_elem(&connections, &key, &connection, BPF_NOEXIST);
	}
	return io_known(io);
}

/* The entry of this very socket: its address may be in the table for one that is gone. */
static __always_inline struct connection *io_connection(struct site *site, const struct io *io)
{
	struct connection *connection = io_known(io);
	__u64 identity = io->sk;

	if (!connection)
		return connection_enter(site, io);
	if (io->family == AF_UNIX)
		identity = sock_inode((struct sock *)io->sk);
	return connection->identity == identity ? connection : connection_enter(site, io);
}

/* No room for the connection. If we accepted it, what the thread served before must not stay. */
static __always_inline void io_untracked(struct site *site, const struct io *io)
{
	struct listener_key key = {};

	key.net_ns = sock_net_ns((struct sock *)io->sk);
	key.port = sock_local_port((struct sock *)io->sk);
	count_lost(site, LOSS_CONNECTIONS_FULL, EVENT_DATA);
	if (io->direction == DATA_RECEIVED && bpf_map_lookup_elem(&listeners, &key))
		stamp_write(site, io, 0, 0);
}

static __always_inline bool family_wanted(struct sock *sk, __u16 family)
{
	if (LOAD(sk, sk_type) != SOCK_STREAM)
		return false;
	if (family == AF_INET || family == AF_INET6)
		return LOAD(sk, sk_protocol) == IPPROTO_TCP;
	return family == AF_UNIX;
}

static __always_inline __u64 stream_position(const struct io *io, const struct stream *stream, __u32 direction)
{
	struct tcp_sock *tcp = CAST(struct tcp_sock, io->sk);

	if (io->family == AF_UNIX)
		return stream->position + io->length;
	return stream_extend(stream, direction == DATA_RECEIVED ? LOAD(tcp, copied_seq) : LOAD(tcp, write_seq));
}

/* A call has moved `length` bytes over a socket that is wanted: scratch.io says all about it. */
static __always_inline void socket_io(struct site *site, struct task_struct *task)
{
	struct io *io = &site->scratch->io;
	struct connection *connection = io_connection(site, io);
	__u32 direction = io->direction & 1, tgid = LOAD(task, tgid);
	struct stream *stream;
	__u64 id;

	if (!connection) {
		io_untracked(site, io);
		return;
	}
	id = connection->id;
	stream = &connection->streams[direction];
	stream->position = stream_position(io, stream, direction);
	/* A reset on another CPU frees the entry, and the next connection gets it: never name that one. */
	if (io->family != AF_UNIX && connection->identity != io->sk) {
		io_untracked(site, io);
		return;
	}
	/* Before any event: a thread that begins on another connection serves the former no longer. */
	if (direction == DATA_RECEIVED && connection->role == ROLE_ACCEPTED)
		stamp_write(site, io, id, stream->position);
	if (connection->owner.tgid != tgid)
		owner_set(&connection->owner, task);
	if (!(connection->bits & CONNECTION_REPORTED))
		GLOBAL(io_report)(site->index);
	io->turn = connection->last != direction + 1;
	if (io->turn) {
		connection->last = direction + 1;
		stream->burst = 0;
	}
	if (connection->bits & CONNECTION_DNS && datagrams_watched & DATAGRAM_DNS)
		dns_io(site);
	if (!(connection->bits & CONNECTION_HTTP) && !io->turn)
		return;
	/* Before the first look at a byte. */
	if (!payload_allowed(task))
		return;
	if (!(connection->bits & CONNECTION_HTTP)) {
		if (!GLOBAL(io_http)(site->index))
			return;
		connection->bits |= CONNECTION_HTTP;
	}
	if (tgid_own(tgid))
		return;
	if (!(connection->bits & CONNECTION_LED))
		GLOBAL(io_lead)(site->index);
	GLOBAL(io_data)(site->index);
}
