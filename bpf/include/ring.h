/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rings, counters, scratch: how a record leaves. */
#pragma once
#include "config.h"
#include "core.h"
#include "kernel.h"
#include "program.h"
#include "throttle.h"

/* Lineage and security: its own memory, which payload can never take. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} security __weak SEC(".maps");

struct payload_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
};

/* Chosen by connection id, so that one connection's bytes stay in order. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RINGS - 1);
	__type(key, __u32);
	__array(values, struct payload_ring);
} payload __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, CONTEXTS);
	__type(key, __u32);
	__type(value, struct counter_slot);
} counters __weak SEC(".maps");

#define PAYLOAD_BYTES 4096
#define NAMES_BYTES   2048
#define RECORD_BYTES  512 /* the fixed part of any record but exec's */

/* How the system call names its memory. */
enum io_buffer { BUFFER_NONE, BUFFER_MESSAGES, BUFFER_PLAIN, BUFFER_VECTORS, BUFFER_MESSAGE };

/* A call that has moved bytes over a socket: include/io.h. */
struct io {
	__u64 sk;
	__u64 task;
	__u64 pointer; /* of user memory */
	__u64 address; /* likewise: of the other end, where the call names it; 0: it does not */
	__u32 length;
	__u32 message_flags; /* MSG_* */
	__u16 family;
	__u8 buffer;	/* enum io_buffer */
	__u8 direction; /* enum data_direction */
	__u8 io_uring;
	__u8 turn; /* the direction has changed */
	__u8 pad[2];
	__u8 to[16];  /* datagrams: the receiver that the call names, as datagram.h finds it */
	__u16 to_port;
	__u8 named; /* enum datagram_name */
	__u8 to_pad[5];
};

/* Where records are built. Twice the bytes of a payload: offset and length are each bounded, not their sum. */
struct scratch {
	union {
		struct event_header header;
		struct fork_event fork;
		struct exit_event exit;
		struct socket_event socket;
		struct connect_event connect;
		struct listen_event listen;
		struct close_event close;
		struct data_event data;
		struct credentials_event credentials;
		struct access_event access;
		struct namespace_event namespace;
		struct mount_event mount;
		struct socket_change_event socket_change;
		struct extension_event extension;
		struct signal_event signal;
		struct memory_event memory;
		struct title_event title;
		struct io_uring_event io_uring;
		struct control_event control;
		struct dns_event dns;
		__u8 bytes[RECORD_BYTES + 2 * PAYLOAD_BYTES];
	};
	struct io io;
	struct throttle_event throttle; /* a second record, beside the one that caused it */
	__u32 busy; /* net/state.bpf.c */
	__u8 taken; /* spare.h */
	__u8 pad[3];
	__u32 names_length;
	__u32 names_pad;
	__u8 names[NAMES_BYTES]; /* strings of a tail: task.h */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CONTEXTS);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches __weak SEC(".maps");

/* A CPU's context: its counters, its scratch. Programs of one context don't interrupt each other. */
struct site {
	struct counter_slot *slot;
	struct scratch *scratch;
	__u32 index;
};

static __always_inline bool site_find(struct site *site, __u32 index)
{
	site->index = index;
	site->slot = bpf_map_lookup_elem(&counters, &site->index);
	site->scratch = bpf_map_lookup_elem(&scratches, &site->index);
	return site->slot && site->scratch;
}

static __always_inline bool site_enter(struct site *site, enum event_context context, enum program_id program)
{
	if (!site_find(site, bpf_get_smp_processor_id() * CONTEXTS + context))
		return false;
	site->slot->fired[program]++;
	return true;
}

static __always_inline void count_lost(struct site *site, enum loss_cause cause, enum event_kind kind)
{
	site->slot->lost[cause][kind]++;
}

/* No wake-up for each record: the reader comes by itself, unless a ring fills quickly, or the kind or the record can't wait. */
static __always_inline __u64 ring_flags(void *ring, __u32 shift, struct event_header *header, __u64 size)
{
	__u64 used = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
	bool urgent = header->flags & EVENT_URGENT || config.urgent_kinds >> (header->kind & (EVENT_KINDS - 1)) & 1;

	if (!urgent && used >> shift == (used + size) >> shift)
		return BPF_RB_NO_WAKEUP;
	header->flags |= EVENT_URGENT;
	return BPF_RB_FORCE_WAKEUP;
}

/* Sends `size` bytes from `header` on to the security ring. The sequence is taken even if the record is lost. */
static __always_inline bool security_output(struct site *site, struct event_header *header, enum event_kind kind,
					    __u64 size)
{
	header->ring = 0;
	header->size = size;
	header->sequence = ++site->slot->sequence[0];
	site->slot->produced[kind]++;
	if (!bpf_ringbuf_output(&security, header, size, ring_flags(&security, config.security_wake_shift, header, size)))
		return true;
	count_lost(site, LOSS_RING_FULL, kind);
	return false;
}

/* throttle_ask for what site `index` is about to send. */
GLOBAL_FUNCTION __u32 throttle(__u32 index, __u32 scope, __u32 kind, __u64 size_pressed, __u64 now)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &index);
	struct episode episode = {};
	__u32 answer;

	if (!scratch)
		return 0;
	answer = throttle_ask(&episode, scope, kind & (EVENT_KINDS - 1), size_pressed >> 1, size_pressed & 1, now);
	scratch->throttle.dropped = episode.dropped;
	scratch->throttle.since_ns = episode.since_ns;
	return answer;
}

/* The scope's budget begins to be exceeded, or holds again: say so. */
static __always_inline void throttle_report(struct site *site, const struct event_header *cause)
{
	struct throttle_event *event = &site->scratch->throttle;

	event->header = *cause;
	event->header.kind = EVENT_THROTTLE;
	event->throttled_kind = cause->kind;
	event->pad = 0;
	security_output(site, &event->header, EVENT_THROTTLE, sizeof(*event));
}

/* Is there room for this event, or is it within the budget of its scope? A dropped one still takes a number, one that a
 * policy leaves out takes none. `shift`: of a quarter of the ring.
 */
static __always_inline bool event_admitted(struct site *site, struct event_header *header, enum event_kind kind,
					   __u32 number, void *ring, __u32 shift, __u64 size)
{
	bool pressed;
	__u32 answer;

	if (!config.rates[kind].per_second && !policies_on())
		return true;
	pressed = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >> shift >= PRESSED_QUARTERS;
	answer = throttle(site->index, header->scope, kind, size << 1 | pressed, header->time_ns);
	if (!answer)
		return true;
	if (answer & THROTTLE_LEFT_OUT)
		return false;
	if (answer & THROTTLE_REPORT)
		throttle_report(site, header);
	if (!(answer & THROTTLE_DROP))
		return true;
	site->slot->sequence[number & (RINGS - 1)]++;
	site->slot->produced[kind]++;
	count_lost(site, LOSS_THROTTLED, kind);
	return false;
}

static __always_inline bool security_send(struct site *site, struct event_header *header, enum event_kind kind,
					  __u64 size)
{
	return event_admitted(site, header, kind, 0, &security, config.security_wake_shift, size) &&
	       security_output(site, header, kind, size);
}

static __always_inline bool payload_send(struct site *site, struct event_header *header, enum event_kind kind,
					 __u64 connection, __u64 size)
{
	__u32 index = connection % config.payload_rings;
	__u32 number = (index + 1) & (RINGS - 1);
	void *ring = bpf_map_lookup_elem(&payload, &index);

	if (!ring) /* never: every index has one */
		return false;
	if (!event_admitted(site, header, kind, number, ring, config.payload_wake_shift, size))
		return false;
	header->ring = number;
	header->size = size;
	header->sequence = ++site->slot->sequence[number];
	site->slot->produced[kind]++;
	if (!bpf_ringbuf_output(ring, header, size, ring_flags(ring, config.payload_wake_shift, header, size)))
		return true;
	count_lost(site, LOSS_RING_FULL, kind);
	return false;
}
