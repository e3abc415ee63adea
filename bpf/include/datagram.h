/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which datagrams are looked at, and whom a call names as their receiver. */
#pragma once
#include "ring.h"
#include "sock.h"

/* What rules look at of datagrams: a bit for each. Set by the loader. */
enum datagram_watch {
	DATAGRAM_DNS = 1 << 0,	 /* dns.h */
	DATAGRAM_PEERS = 1 << 1, /* peer.h */
};
volatile __u64 datagrams_watched __weak SEC(".data.datagrams") = 0;

/* Of a socket without a peer: it may ask anybody, and a server receives by it. Of one that has a peer what is sent, and all of a
 * resolver's.
 */
static __always_inline bool datagram_wanted(struct sock *sk, __u16 family, enum data_direction direction)
{
	__u64 watched = datagrams_watched;
	__u16 port;

	if (!watched || (family != AF_INET && family != AF_INET6) || LOAD(sk, sk_type) != SOCK_DGRAM ||
	    LOAD(sk, sk_protocol) != IPPROTO_UDP)
		return false;
	port = LOAD(sk, __sk_common.skc_dport);
	return !port || port == bpf_htons(DNS_PORT) || (watched & DATAGRAM_PEERS && direction == DATA_SENT);
}

enum datagram_name {
	NAMED_NOT, /* it goes to the socket's peer */
	NAMED,
	NAMED_UNREADABLE,
};

static __always_inline enum datagram_name named_read(struct io *io)
{
	const struct user_msghdr *message = (const void *)io->pointer;
	const void *from = (const void *)io->address;
	struct user_sockaddr named = {};
	__u32 length = 0;

	if (io->buffer == BUFFER_MESSAGE) {
		if (bpf_probe_read_user(&from, sizeof(from), &message->name) ||
		    bpf_probe_read_user(&length, sizeof(length), &message->name_length))
			return NAMED_UNREADABLE;
		if (!length)
			from = NULL;
	}
	if (!from)
		return NAMED_NOT;
	/* The smaller part first: an IPv4 address may end at the end of its page. */
	if (bpf_probe_read_user(&named, __builtin_offsetof(struct user_sockaddr, address6), from))
		return NAMED_UNREADABLE;
	io->to_port = bpf_ntohs(named.port);
	/* The kernel takes no family for its own where the socket is one of IPv4, and else for no name. */
	if (named.family == AF_INET || (named.family == AF_UNSPEC && io->family == AF_INET)) {
		address_v4(io->to, named.address);
		return NAMED;
	}
	if (named.family != AF_INET6)
		return NAMED_NOT;
	if (bpf_probe_read_user(io->to, 16, from + __builtin_offsetof(struct user_sockaddr, address6)))
		return NAMED_UNREADABLE;
	return NAMED;
}

/* Finds the receiver that the call names, whoever the socket's peer is. */
GLOBAL_FUNCTION int GLOBAL(io_named)(__u32 index)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &index);

	if (scratch)
		scratch->io.named = named_read(&scratch->io);
	return 0;
}
