/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A token bucket for each (scope, kind): one tenant's storm can't blind the node. Everybody may fill a ring up to
 * PRESSED_QUARTERS; the rest of it is for scopes within their budget, whose events therefore find room also when the
 * reader can't keep up with a storm, or stands still. Buckets are shared by CPUs without a lock; two at once may let a few
 * more through, never fewer.
 */
#pragma once
#include "config.h"
#include "core.h"
#include "kernel.h"
#include "policy.h"

struct bucket_key {
	__u32 scope;
	__u32 kind;
};

/* From this fill on a ring is for scopes within their budget. */
#define PRESSED_QUARTERS 3
/* A record costs a token for each of these that it begins. */
#define TOKEN_BYTES_SHIFT 10

struct bucket {
	__u64 credit;	/* token-nanoseconds: a token is NSEC_PER_SEC, each ns earns `per_second` */
	__u64 time_ns;	/* of the last refill */
	__u64 since_ns; /* of the episode; 0: none */
	__u64 dropped;	/* in the episode */
};

/* LRU: a scope that was idle long enough to be forgotten has a full bucket anyway. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct bucket_key);
	__type(value, struct bucket);
} buckets __weak SEC(".maps");

#define NSEC_PER_SEC 1000000000ull

/* What throttle_ask answers. */
enum throttle_answer {
	THROTTLE_DROP = 1 << 0,
	THROTTLE_REPORT = 1 << 1,   /* an episode begins or ends */
	THROTTLE_LEFT_OUT = 1 << 2, /* by policy: no event, no loss, no number */
};

/* A policy's throttle is for the other kinds: a stream with holes is no stream. */
#define PAYLOAD_KINDS (1ull << EVENT_SOCKET | 1ull << EVENT_DATA | 1ull << EVENT_CLOSE)

/* What the report says. */
struct episode {
	__u64 dropped;
	__u64 since_ns;
};

/* Credit since the last time. */
static __always_inline void bucket_refill(struct bucket *bucket, __u64 rate, __u64 full, __u64 now)
{
	__u64 elapsed = now > bucket->time_ns ? now - bucket->time_ns : 0;

	if (elapsed > NSEC_PER_SEC * 10)
		elapsed = NSEC_PER_SEC * 10; /* so that the product can't overflow at any sane rate */
	bucket->time_ns = now;
	bucket->credit += elapsed * rate;
	if (bucket->credit > full)
		bucket->credit = full;
}

/* Every event takes from the bucket, also while there is room for all: a storm has nothing left when the ring is full. */
static __always_inline __u32 throttle_ask(struct episode *episode, __u32 scope, __u32 kind, __u64 size, bool pressed,
					  __u64 now)
{
	struct bucket_key key = {.scope = scope, .kind = kind};
	__u64 rate = config.rates[kind].per_second, full = config.rates[kind].burst * NSEC_PER_SEC;
	__u64 cost = (1 + (size >> TOKEN_BYTES_SHIFT)) * NSEC_PER_SEC;
	const volatile struct policy *policy = policy_of(scope);
	struct bucket *bucket;

	if (policy) {
		if (policy->left_out >> kind & 1)
			return THROTTLE_LEFT_OUT;
		/* So many events, however long they are, and however much room there is. */
		if (policy->per_second && !(PAYLOAD_KINDS >> kind & 1)) {
			rate = policy->per_second;
			full = policy->burst * NSEC_PER_SEC;
			cost = NSEC_PER_SEC;
			pressed = true;
		}
	}
	if (!rate)
		return 0;
	bucket = bpf_map_lookup_elem(&buckets, &key);
	if (cost > full)
		cost = full; /* the longest record too must find its budget at some time */
	if (!bucket) {
		struct bucket first = {.credit = full - cost, .time_ns = now};

		bpf_map_update_elem(&buckets, &key, &first, BPF_NOEXIST);
		return 0;
	}
	bucket_refill(bucket, rate, full, now);
	if (bucket->credit < cost) {
		if (!pressed) {
			bucket->credit = 0;
			return 0;
		}
		bucket->dropped++;
		if (bucket->since_ns)
			return THROTTLE_DROP;
		bucket->since_ns = now;
		episode->since_ns = now;
		episode->dropped = 0;
		return THROTTLE_DROP | THROTTLE_REPORT;
	}
	bucket->credit -= cost;
	/* The episode is over when half of the budget is back: else every refilled token would end one. */
	if (!bucket->since_ns || bucket->credit < full / 2)
		return 0;
	episode->since_ns = bucket->since_ns;
	episode->dropped = bucket->dropped;
	bucket->since_ns = 0;
	bucket->dropped = 0;
	return THROTTLE_REPORT;
}
