/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All knobs. Set before the load, constant afterwards: the verifier drops the branches that are not taken. Mirrored by
 * bpf/src/config.rs; the layout test compares both.
 */
#pragma once
#include "core.h"
#include "kernel.h"
#include "event.h"

/* Which hierarchy's cgroup tells containers apart. */
enum cgroup_source { CGROUP_DEFAULT = 0, CGROUP_MEMORY = 1, CGROUP_PIDS = 2 };

/* How the programs of calls are led to them: dispatch.h. */
enum dispatch { DISPATCH_SPARSE = 0, DISPATCH_FULL = 1 };

/* A budget, in tokens: throttle.h. */
struct rate {
	__u64 per_second; /* 0: unlimited */
	__u64 burst;
};

struct sensor_config {
	struct rate rates[EVENT_KINDS]; /* for each scope */
	__u64 urgent_kinds;		/* bit set of kinds that wake at once */
	__u32 hooks;			/* enum hook_list */
	__u32 payload_rings;
	__u32 cgroup_subsys;	   /* enum cgroup_source */
	__u32 security_wake_shift; /* the reader is woken when a ring's fill crosses a multiple of 1 << shift */
	__u32 payload_wake_shift;
	__u32 spares;	/* programs have spares behind them: spare.h */
	__u32 dispatch; /* enum dispatch */
	__u32 pad;
};

const volatile struct sensor_config config __weak SEC(".rodata.config") = {.payload_rings = 1};
