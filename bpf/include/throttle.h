/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A token bucket for each (scope, kind): one tenant's storm can't blind the node. Buckets are shared by CPUs without a
 * lock; two at once may let a few more through, never fewer.
 */
#pragma once
#include "config.h"
#include "core.h"
#include "kernel.h"

struct bucket_key {
	__u32 scope;
	__u32 kind;
};

struct bucket {
	__u64 credit;	/* event-nanoseconds: an event costs NSEC_PER_SEC, each ns earns `per_second` */
	__u64 time_ns;	/* of the last refill */
	__u64 since_ns; /* of the episode; 0: none */
	__u64 dropped;	/* in the episode */
};

/* LRU: a scope that was idle long enough to be forgotten has a full bucket anyway. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct bucket_key);
	__type(value, struct bucket);
} buckets __weak SEC(".maps");

struct verdict {
	__u64 dropped;
	__u64 since_ns;
	bool admitted;
	bool report;
};

#define NSEC_PER_SEC 1000000000ull

static __always_inline void throttle_ask(struct verdict *verdict, __u32 scope, __u32 kind, __u64 now)
{
	struct bucket_key key = {.scope = scope, .kind = kind};
	const __u64 rate = config.rates[kind].per_second, full = config.rates[kind].burst * NSEC_PER_SEC;
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, &key);
	__u64 elapsed;

	verdict->admitted = true;
	if (!bucket) {
		struct bucket first = {.credit = full - NSEC_PER_SEC, .time_ns = now};

		bpf_map_update_elem(&buckets, &key, &first, BPF_NOEXIST);
		return;
	}
	elapsed = now > bucket->time_ns ? now - bucket->time_ns : 0;
	if (elapsed > NSEC_PER_SEC * 10)
		elapsed = NSEC_PER_SEC * 10; /* so that the product can't overflow at any sane rate */
	bucket->time_ns = now;
	bucket->credit += elapsed * rate;
	if (bucket->credit > full)
		bucket->credit = full;
	if (bucket->credit < NSEC_PER_SEC) {
		verdict->admitted = false;
		verdict->report = !bucket->since_ns;
		if (verdict->report)
			bucket->since_ns = now;
		verdict->since_ns = bucket->since_ns;
		bucket->dropped++;
		return;
	}
	bucket->credit -= NSEC_PER_SEC;
	/* The episode is over when half of the budget is back: else every refilled token would end one. */
	if (!bucket->since_ns || bucket->credit < full / 2)
		return;
	verdict->report = true;
	verdict->since_ns = bucket->since_ns;
	verdict->dropped = bucket->dropped;
	bucket->since_ns = 0;
	bucket->dropped = 0;
}
