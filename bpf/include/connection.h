/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is known of a connection: an id of our own, positions in both streams, who uses it. */
#pragma once
#include "ring.h"
#include "stamp.h"

/* The last process that used it. */
struct owner {
	__u64 start_ns;
	__u64 cgroup_id;
	__u32 tgid;
	__u32 tid;
	__u32 exec_number;
	__u32 scope;
};

enum connection_bit {
	CONNECTION_REPORTED = 1 << 0, /* ACCEPT or CONNECT is out */
	CONNECTION_LED = 1 << 1,      /* SOCKET is out, data may follow */
	CONNECTION_HTTP = 1 << 2,     /* began like HTTP */
	CONNECTION_DNS = 1 << 3,      /* to a name server */
};

/* One direction of the stream. */
struct stream {
	__u64 position; /* bytes since the connection was first seen */
	__u32 base;	/* TCP: the sequence number at position 0 */
	__u32 burst;	/* bytes captured since the last change of direction */
};

struct connection {
	__u64 id;
	__u64 identity; /* unix: inode of the socket, TCP: its address. An entry may be another's at any moment */
	__u64 opened_ns;
	struct stream streams[2]; /* enum data_direction */
	struct owner owner;
	__u8 role;
	__u8 flags; /* enum socket_flag */
	__u8 bits;  /* enum connection_bit */
	__u8 last;  /* direction of the last bytes + 1 */
	__u32 pad;
};

/* TCP: entered when established, deleted at TCP_CLOSE. Keyed by the socket's address. What is read after a reset enters it once more,
 * until another connection begins at the address: net/state.bpf.c.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, struct connection);
} connections __weak SEC(".maps");

/* Unix: no hook says that one is closed. The oldest is forgotten. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, struct connection);
} unix_sockets __weak SEC(".maps");

/* The last id of each CPU and context. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CONTEXTS);
	__type(key, __u32);
	__type(value, __u64);
} connection_ids __weak SEC(".maps");

static __always_inline struct connection *io_known(const struct io *io)
{
	__u64 key = io->sk;

	return io->family == AF_UNIX ? bpf_map_lookup_elem(&unix_sockets, &key)
				     : bpf_map_lookup_elem(&connections, &key);
}

static __always_inline __u64 connection_id(struct site *site)
{
	__u64 *last = bpf_map_lookup_elem(&connection_ids, &site->index);

	return last ? (__u64)site->index << 48 | ++*last : 0;
}

struct listener_key {
	__u32 net_ns;
	__u32 port;
};

/* How many sockets listen there. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct listener_key);
	__type(value, __u32);
} listeners __weak SEC(".maps");

/* Set when the socket iterator has seen all: a unix socket that we don't know is a new one from then on. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sockets_known __weak SEC(".maps");

static __always_inline __u32 *sockets_known_flag(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sockets_known, &zero);
}

#define BURST_BYTES   PAYLOAD_BYTES
#define FURTHER_BYTES 1024

/* How many of the bytes that a call has moved are within the stream's budget. */
static __always_inline __u32 stream_wanted(const struct stream *stream, __u32 length)
{
	__u32 wanted = BURST_BYTES - stream->burst;

	if (wanted < FURTHER_BYTES || wanted > BURST_BYTES)
		wanted = FURTHER_BYTES;
	return wanted < length ? wanted : length;
}

/* A TCP sequence number as a 64-bit position: the one nearest to where the stream was last seen. */
static __always_inline __u64 stream_extend(const struct stream *stream, __u32 sequence)
{
	__u32 low = sequence - stream->base;

	return stream->position + (__s32)(low - (__u32)stream->position);
}

static __always_inline void owner_fill(struct owner *owner, const struct event_header *header)
{
	owner->start_ns = header->start_ns;
	owner->cgroup_id = header->cgroup_id;
	owner->tgid = header->tgid;
	owner->tid = header->tid;
	owner->exec_number = header->exec_number;
	owner->scope = header->scope;
}
