/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Policies: what holds in a scope. The pipeline reads them and finds out for whom they are; here are but numbers, by
 * cgroup. A node without policies pays one test of a flag, and is spared the look into `scopes`.
 */
#pragma once
#include "config.h"
#include "core.h"

/* What holds for every cgroup that isn't in `scopes`. Set by the loader. */
volatile struct policy default_policy __weak SEC(".data.policy") = {};

/* By number; 0 stands for the default and is never looked up. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, POLICIES);
	__type(key, __u32);
	__type(value, struct policy);
} policies __weak SEC(".maps");

/* Cgroups that a policy names. The value: SCOPE_NO_PAYLOAD and the policy's number, no more. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u32);
} scopes __weak SEC(".maps");

/* A scope is its cgroup, so that one container's storm costs no other of the same policy: the lowest bits are the
 * cgroup's. Above them the policy's number, unless none names it.
 */
#define SCOPE_DERIVED	   0x80000000u
#define SCOPE_NO_PAYLOAD   0x40000000u
#define SCOPE_POLICY_SHIFT 20
#define SCOPE_CGROUP	   ((1u << SCOPE_POLICY_SHIFT) - 1)

static __always_inline bool policies_on(void)
{
	return default_policy.flags & POLICY_ON;
}

/* NULL: nothing is ruled there. */
static __always_inline const volatile struct policy *policy_of(__u32 scope)
{
	__u32 number = scope >> SCOPE_POLICY_SHIFT & (POLICIES - 1);

	if (!policies_on())
		return NULL;
	if (scope & SCOPE_DERIVED || !number)
		return &default_policy;
	return bpf_map_lookup_elem(&policies, &number);
}
