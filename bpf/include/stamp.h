/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a thread serves, what a process comes from. 5.10 has no task storage: preallocated tables, deleted at exit. */
#pragma once
#include "ring.h"

/* Keyed by the task's address. The start time tells a reused address from the thread that read. */
struct serving {
	__u64 start_ns;
	struct stamp stamp;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct serving);
} stamps __weak SEC(".maps");

/* Of a process. Not keyed by a task: the leader's changes when another thread calls execve. */
struct origin_key {
	__u64 start_ns;
	__u32 tgid;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct origin_key);
	__type(value, struct stamp);
} origins __weak SEC(".maps");

/* When a stamp or an origin of a task with this number was last lost to a full table; a shared slot only makes us say
 * "unknown" more often than needed.
 */
#define STAMP_LOSSES 4096
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STAMP_LOSSES);
	__type(key, __u32);
	__type(value, __u64);
} stamp_losses __weak SEC(".maps");

static __always_inline void stamp_lost(struct site *site, __u32 pid, enum event_kind kind)
{
	__u32 index = pid % STAMP_LOSSES;
	__u64 *when = bpf_map_lookup_elem(&stamp_losses, &index);

	if (when)
		*when = bpf_ktime_get_boot_ns();
	count_lost(site, LOSS_STAMPS_FULL, kind);
}

static __always_inline bool stamp_unknown(__u32 pid, __u64 start_ns)
{
	__u32 index = pid % STAMP_LOSSES;
	__u64 *when = bpf_map_lookup_elem(&stamp_losses, &index);

	return when && *when >= start_ns && *when;
}

static __always_inline void serving_read(struct stamp *stamp, struct task_struct *task)
{
	__u64 key = (__u64)task;
	struct serving *serving = bpf_map_lookup_elem(&stamps, &key);

	if (serving && serving->start_ns == LOAD(task, start_boottime))
		*stamp = serving->stamp;
	else
		__builtin_memset(stamp, 0, sizeof(*stamp));
}

static __always_inline void origin_read(struct stamp *stamp, __u32 tgid, __u64 start_ns)
{
	struct origin_key key = {.start_ns = start_ns, .tgid = tgid};
	struct stamp *origin = bpf_map_lookup_elem(&origins, &key);

	if (origin)
		*stamp = *origin;
	else
		__builtin_memset(stamp, 0, sizeof(*stamp));
}
