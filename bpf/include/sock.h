/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a socket is: addresses, inode, peer. */
#pragma once
#include "compat.h"
#include "connection.h"
#include "tail.h"

static __always_inline __u64 sock_inode(struct sock *sk)
{
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);

	return socket ? BPF_CORE_READ((struct socket_alloc *)socket, vfs_inode.i_ino) : 0;
}

static __always_inline __u32 sock_net_ns(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

/* skc_num is 0 again when a socket closes; this one stays. */
static __always_inline __u16 sock_local_port(struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
}

static __always_inline void address_v4(__u8 address[16], __be32 v4)
{
	__builtin_memset(address, 0, 10);
	address[10] = 0xff;
	address[11] = 0xff;
	__builtin_memcpy(address + 12, &v4, 4);
}

static __always_inline void sock_remote(struct sock *sk, __u16 family, __u8 address[16], __u16 *port)
{
	if (family == AF_INET)
		address_v4(address, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	else
		bpf_probe_read_kernel(address, 16, &sk->__sk_common.skc_v6_daddr);
	*port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

static __always_inline bool sock_asks_names(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_dport) == bpf_htons(DNS_PORT);
}

static __always_inline void sock_fill_inet(struct socket_info *info, struct sock *sk)
{
	if (info->family == AF_INET)
		address_v4(info->local_address, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
	else
		bpf_probe_read_kernel(info->local_address, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	info->local_port = sock_local_port(sk);
	sock_remote(sk, info->family, info->remote_address, &info->remote_port);
}

static __always_inline void sock_fill_unix(struct socket_info *info, struct sock *sk)
{
	struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);

	if (peer)
		info->peer_inode = sock_inode(peer);
	info->peer_tgid = BPF_CORE_READ(sk, sk_peer_pid, numbers[0].nr);
}

/* All of it; `connection` may be NULL for a socket that is none. */
static __always_inline void sock_fill(struct socket_info *info, struct sock *sk, const struct connection *connection)
{
	__builtin_memset(info, 0, sizeof(*info));
	if (connection) {
		info->connection = connection->id;
		info->opened_ns = connection->opened_ns;
		info->role = connection->role;
		info->flags = connection->flags;
	}
	info->inode = sock_inode(sk);
	info->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	info->net_ns = sock_net_ns(sk);
	if (info->family == AF_UNIX)
		sock_fill_unix(info, sk);
	else
		sock_fill_inet(info, sk);
}

/* An accepted unix socket bears the listener's name; the client that reached it rarely bears any. */
static __always_inline enum socket_role unix_role(struct sock *sk)
{
	struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	bool named = BPF_CORE_READ((struct unix_sock *)sk, addr);
	bool peer_named = peer && BPF_CORE_READ((struct unix_sock *)peer, addr);

	if (named == peer_named)
		return ROLE_UNKNOWN; /* a pair, or a client with a name of its own */
	return named ? ROLE_ACCEPTED : ROLE_CONNECTED;
}

/* Adds the listening side's name. An abstract one begins with NUL. */
static __always_inline __u32 tail_unix_path(__u8 *record, __u32 at, const __u32 room, struct sock *sk)
{
	struct unix_address *address = BPF_CORE_READ((struct unix_sock *)sk, addr);
	struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	const char *path;
	__u32 length;
	char first = 0;

	if (!address && peer)
		address = BPF_CORE_READ((struct unix_sock *)peer, addr);
	if (!address)
		return at;
	length = BPF_CORE_READ(address, len) - sizeof(__u16);
	if (!length || length > 108)
		return at;
	path = address->name[0].sun_path;
	bpf_probe_read_kernel(&first, sizeof(first), path);
	if (first) /* a path: its length counts the NUL that ends it */
		length--;
	return tail_bytes(record, at, room, STRING_UNIX_PATH, path, length);
}
