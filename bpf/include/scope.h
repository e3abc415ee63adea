/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Scope: what filters, consent and throttles are keyed by: a cgroup, and the policy that names it. */
#pragma once
#include "policy.h"

static __always_inline __u32 scope_of(__u64 cgroup_id)
{
	__u32 *named;

	if (!policies_on())
		return SCOPE_DERIVED | (__u32)cgroup_id;
	named = bpf_map_lookup_elem(&scopes, &cgroup_id);
	return named ? *named | ((__u32)cgroup_id & SCOPE_CGROUP) : SCOPE_DERIVED | (__u32)cgroup_id;
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

/* May the requests that this task moves be read? */
static __always_inline bool payload_allowed(struct task_struct *task)
{
	__u32 scope;

	if (!policies_on())
		return true;
	scope = scope_of(LOAD(task_cgroup(task), kn, id));
	return scope & SCOPE_DERIVED ? !(default_policy.flags & POLICY_NO_PAYLOAD) : !(scope & SCOPE_NO_PAYLOAD);
}
