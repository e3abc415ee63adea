/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom UDP sockets send to: one event for each socket and peer, when the first datagram has left. connect(2) of such a socket sends
 * nothing, and is no event. Both hook lists end here.
 *
 * A socket without a peer that receives before it has sent serves: what it sends are answers, and nobody is told of them.
 */
#pragma once
#include "datagram.h"
#include "task.h"

struct peer_key {
	__u64 socket;	  /* its inode */
	__u8 address[16]; /* IPv4 as ::ffff:a.b.c.d; with port 0: the socket itself */
	__u32 port;
	__u32 pad;
};

struct peer {
	__u64 since_ns; /* of a socket: when it was first told since it could not have been told often */
	__u32 told;	/* of a socket: peers since then */
	__u32 serves;	/* of a socket */
};

/* No hook says that such a socket is closed: the oldest is forgotten, and told again if it is still there. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct peer_key);
	__type(value, struct peer);
} peers __weak SEC(".maps");

/* So many new peers of one socket are told in this time: who scans, or asks name servers of all the world, fills no ring. */
#define PEERS_TOLD    64
#define PEERS_SPAN_NS (10 * NSEC_PER_SEC)

static __always_inline struct peer *peer_socket(const struct peer_key *key, bool serves)
{
	struct peer_key socket = {.socket = key->socket};
	struct peer first = {.since_ns = bpf_ktime_get_boot_ns(), .serves = serves};
	struct peer *known = bpf_map_lookup_elem(&peers, &socket);

	if (known)
		return known;
	bpf_map_update_elem(&peers, &socket, &first, BPF_NOEXIST);
	return bpf_map_lookup_elem(&peers, &socket);
}

/* Is this the first datagram to this peer, and within the bound? */
static __always_inline bool peer_new(struct site *site, const struct peer_key *key)
{
	struct peer *socket, none = {};
	__u64 now;

	if (bpf_map_lookup_elem(&peers, key))
		return false;
	socket = peer_socket(key, false);
	if (!socket || socket->serves)
		return false;
	now = bpf_ktime_get_boot_ns();
	if (now - socket->since_ns > PEERS_SPAN_NS) {
		socket->since_ns = now;
		socket->told = 0;
	}
	if (socket->told >= PEERS_TOLD) {
		count_lost(site, LOSS_PEERS, EVENT_DATAGRAM);
		return false;
	}
	socket->told++;
	bpf_map_update_elem(&peers, key, &none, BPF_ANY);
	return true;
}

/* Whom the datagram goes to, as far as that can be known. */
static __always_inline bool peer_find(const struct io *io, struct peer_key *key)
{
	__u16 port = 0;

	switch (io->named) {
	case NAMED:
		__builtin_memcpy(key->address, io->to, sizeof(io->to));
		port = io->to_port;
		break;
	case NAMED_NOT:
		sock_remote((struct sock *)io->sk, io->family, key->address, &port);
		break;
	default:
		return false;
	}
	key->port = port;
	return port;
}

/* Is the datagram that scratch.io describes the first to its peer? Then the event has its socket. In a function without the sending: on
 * 5.10 their stacks don't fit above each other.
 */
GLOBAL_FUNCTION int GLOBAL(io_peer)(__u32 index)
{
	struct connect_event *event;
	struct peer_key key = {};
	struct site site;
	struct sock *sk;
	struct io *io;

	if (!site_find(&site, index))
		return 0;
	io = &site.scratch->io;
	sk = (struct sock *)io->sk;
	event = &site.scratch->connect;
	key.socket = sock_inode(sk);
	if (io->direction == DATA_RECEIVED) {
		if (!BPF_CORE_READ(sk, __sk_common.skc_dport))
			peer_socket(&key, true);
		return 0;
	}
	if (!peer_find(io, &key)) {
		count_lost(&site, LOSS_PEERS, EVENT_DATAGRAM);
		return 0;
	}
	if (!peer_new(&site, &key))
		return 0;
	sock_fill(&event->socket, sk, NULL);
	__builtin_memcpy(event->socket.remote_address, key.address, sizeof(key.address));
	event->socket.remote_port = key.port;
	event->socket.role = ROLE_CONNECTED;
	return 1;
}

GLOBAL_FUNCTION int GLOBAL(io_peer_tell)(__u32 index)
{
	struct connect_event *event;
	struct site site;

	if (!site_find(&site, index))
		return 0;
	event = &site.scratch->connect;
	GLOBAL(header_fill)(index, site.scratch->io.task, EVENT_DATAGRAM);
	event->socket.opened_ns = event->header.time_ns;
	event->begun_ns = event->header.time_ns;
	event->result = 0;
	event->pad = 0;
	security_send(&site, &event->header, EVENT_DATAGRAM, sizeof(*event));
	return 0;
}

/* A datagram was moved: scratch.io says all about it. */
static __always_inline void datagram_io(struct site *site)
{
	if (site->scratch->io.direction == DATA_SENT)
		GLOBAL(io_named)(site->index);
	if (datagrams_watched & DATAGRAM_PEERS && GLOBAL(io_peer)(site->index))
		GLOBAL(io_peer_tell)(site->index);
	if (datagrams_watched & DATAGRAM_DNS)
		dns_io(site);
}
