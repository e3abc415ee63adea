/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Scope: what filters, consent and throttles are keyed by. Policies name some cgroups; every other is its own scope. */
#pragma once
#include "config.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
} scopes __weak SEC(".maps");

#define SCOPE_DERIVED 0x80000000u /* not named by a policy: made of the cgroup id */

static __always_inline __u32 scope_of(__u64 cgroup_id)
{
	__u32 *named = bpf_map_lookup_elem(&scopes, &cgroup_id);

	return named ? *named : SCOPE_DERIVED | (__u32)cgroup_id;
}

static __always_inline struct cgroup *task_cgroup(struct task_struct *task)
{
	__u32 subsystem;

	if (config.cgroup_subsys == CGROUP_DEFAULT)
		return LOAD(task, cgroups, dfl_cgrp);
	subsystem = config.cgroup_subsys == CGROUP_MEMORY ? bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)
							  : bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id);
	return CAST(struct cgroup, BPF_CORE_READ(task, cgroups, subsys[subsystem], cgroup));
}
