/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What name servers are asked and answer. Both hook lists end here.
 *
 * Every datagram to or from port 53 is told as it is, and what each call moves over a connection to it; which question an answer belongs
 * to is for user space to say. Read from user memory after the call, like payload (buffer.h).
 */
#pragma once
#include "buffer.h"
#include "connection.h"
#include "datagram.h"
#include "task.h"

/* A socket that has asked, or moves several messages by one call. */
struct dns_socket {
	__u8 server[16]; /* whom it asked last: who an answer to a socket without a peer is taken to be from */
	__u64 array;	 /* of the messages that sendmmsg or recvmmsg is at */
	__u32 next;	 /* index in it */
	__u32 asked;	 /* it has a server */
};

/* By address. No hook says that such a socket is closed: the oldest is forgotten. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct dns_socket);
} dns_sockets __weak SEC(".maps");

static __always_inline struct dns_socket *dns_socket(__u64 key)
{
	struct dns_socket *known = bpf_map_lookup_elem(&dns_sockets, &key);
	struct dns_socket first = {};

	if (known)
		return known;
	bpf_map_update_elem(&dns_sockets, &key, &first, BPF_ANY);
	return bpf_map_lookup_elem(&dns_sockets, &key);
}

/* Whom this datagram goes to or comes from: false if that is no name server. */
static __always_inline bool dns_server(const struct io *io, __u8 server[16])
{
	__u64 key = io->sk;
	struct dns_socket *known;
	__u16 port;

	sock_remote((struct sock *)io->sk, io->family, server, &port);
	if (port)
		return port == DNS_PORT;
	if (io->direction == DATA_RECEIVED) {
		known = bpf_map_lookup_elem(&dns_sockets, &key);
		if (!known || !known->asked)
			return false;
		__builtin_memcpy(server, known->server, sizeof(known->server));
		return true;
	}
	if (io->named != NAMED || io->to_port != DNS_PORT)
		return false;
	__builtin_memcpy(server, io->to, sizeof(io->to));
	known = dns_socket(key);
	if (known) {
		__builtin_memcpy(known->server, server, sizeof(known->server));
		known->asked = 1;
	}
	return true;
}

/* Of a connection: where its bytes are. Answers how many of them are within its budget. */
static __always_inline __u32 dns_part(struct dns_event *event, const struct io *io)
{
	struct connection *connection = io_known(io);
	struct stream *stream;
	__u32 wanted;

	if (!connection)
		return 0;
	stream = &connection->streams[io->direction & 1];
	event->connection = connection->id;
	event->position = stream->position - io->length;
	event->flags |= connection->flags & SOCKET_MIDDLE ? DATA_MIDDLE : 0;
	wanted = stream_wanted(stream, io->length);
	stream->burst += wanted;
	return wanted;
}

/* Does scratch.io describe what goes to a name server, or comes from one? Then the event has all but its bytes, of which so many are
 * wanted. A function of its own: on 5.10 the stacks of all don't fit above each other.
 */
GLOBAL_FUNCTION __u32 GLOBAL(io_dns_find)(__u32 index)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &index);
	struct dns_event *event;
	struct sock *sk;
	struct io *io;

	if (!scratch)
		return 0;
	io = &scratch->io;
	event = &scratch->dns;
	if (tgid_own(bpf_get_current_pid_tgid() >> 32) || !dns_server(io, event->server))
		return 0;
	sk = (struct sock *)io->sk;
	event->socket = sock_inode(sk);
	event->connection = 0;
	event->position = 0;
	event->length = io->length;
	event->direction = io->direction;
	event->flags = io->io_uring ? DATA_IO_URING : 0;
	event->pad[0] = 0;
	event->pad[1] = 0;
	if (BPF_CORE_READ(sk, sk_type) == SOCK_STREAM)
		return dns_part(event, io);
	return io->length < DNS_BYTES ? io->length : DNS_BYTES;
}

/* Tells of it with so many bytes. */
GLOBAL_FUNCTION int GLOBAL(io_dns_tell)(__u32 index, __u32 wanted)
{
	const __u32 text = sizeof(struct dns_event) + sizeof(struct event_string);
	struct dns_event *event;
	struct site site;
	struct io *io;
	__u32 captured, at;

	if (!site_find(&site, index))
		return 0;
	io = &site.scratch->io;
	event = &site.scratch->dns;
	GLOBAL(header_fill)(index, io->task, EVENT_DNS);
	captured = io_copy(io, site.scratch->bytes + text, wanted, &event->flags);
	OPAQUE(captured);
	captured &= 2 * PAYLOAD_BYTES - 1;
	if (captured > PAYLOAD_BYTES)
		return 0;
	/* Zero up to the next multiple of eight: an earlier record's bytes must not leave with this one. */
	for (__u32 i = 0; i < 7; i++)
		site.scratch->bytes[text + captured + i] = 0;
	at = tail_end(site.scratch->bytes, sizeof(*event), STRING_MESSAGE, captured, io->length);
	at = tail_text(site.scratch->bytes, at, sizeof(site.scratch->bytes), STRING_COMM,
		       ((struct task_struct *)io->task)->comm, sizeof(((struct task_struct *)0)->comm));
	OPAQUE(at);
	if (at > RECORD_BYTES + PAYLOAD_BYTES)
		return 0;
	security_send(&site, &event->header, EVENT_DNS, at);
	return 0;
}

/* A datagram was moved, or bytes of a connection: where in those messages begin and end is for user space to say. */
static __always_inline void dns_io(struct site *site)
{
	__u32 wanted = GLOBAL(io_dns_find)(site->index);

	if (wanted)
		GLOBAL(io_dns_tell)(site->index, wanted);
}
