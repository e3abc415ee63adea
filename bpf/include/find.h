/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes by the numbers that callers give, as the kernel looks them up: namespace, radix tree, struct pid. */
#pragma once
#include "compat.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct xarray {
	void *xa_head;
};
struct idr {
	struct xarray idr_rt;
};
struct xa_node {
	unsigned char shift;
	void *slots[64];
};
struct pid_namespace___find {
	struct idr idr;
};
struct hlist_node {
	struct hlist_node *next;
};
struct pid___find {
	struct hlist_head tasks[4];
};
struct task_struct___find {
	struct hlist_node pid_links[4];
};
#pragma clang attribute pop

#define XA_LEVELS 4 /* of 64 each: above the largest number that there can be */

/* What the radix tree has at `index`. Inner nodes are marked by the second bit of their address. */
static __always_inline void *xarray_find(void *entry, __u64 index)
{
	for (__u32 i = 0; i < XA_LEVELS + 1; i++) {
		struct xa_node *node;
		__u64 slot;

		if (((__u64)entry & 3) != 2 || (__u64)entry <= 4096)
			break;
		node = (void *)((__u64)entry - 2);
		slot = index >> BPF_CORE_READ(node, shift);
		/* Above what this node spans. */
		if (!i && slot > 63)
			return NULL;
		slot &= 63;
		if (bpf_probe_read_kernel(&entry, sizeof(entry), &node->slots[0] + slot))
			return NULL;
	}
	return ((__u64)entry & 3) == 0 ? entry : NULL;
}

static __always_inline struct task_struct *pid_task_of(struct pid *pid)
{
	struct hlist_node *node = BPF_CORE_READ((struct pid___find *)pid, tasks[0].first);

	if (!node)
		return NULL;
	return (void *)node - bpf_core_field_offset(struct task_struct___find, pid_links[0]);
}

/* The task that has the number in the caller's namespace. */
static __always_inline struct task_struct *task_find(struct task_struct *caller, __u32 number)
{
	struct pid *own = BPF_CORE_READ(caller, thread_pid), *pid;
	__u32 level = BPF_CORE_READ(own, level);
	struct pid_namespace___find *space = (void *)BPF_CORE_READ(own, numbers[level].ns);

	if (!number)
		return NULL;
	pid = xarray_find(BPF_CORE_READ(space, idr.idr_rt.xa_head), number);
	return pid ? pid_task_of(pid) : NULL;
}

/* The first process of the machine. */
static __always_inline struct task_struct *task_first(struct task_struct *caller)
{
	struct pid *own = BPF_CORE_READ(caller, thread_pid), *pid;
	struct pid_namespace___find *space = (void *)BPF_CORE_READ(own, numbers[0].ns);

	pid = xarray_find(BPF_CORE_READ(space, idr.idr_rt.xa_head), 1);
	return pid ? pid_task_of(pid) : NULL;
}
