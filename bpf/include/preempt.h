/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From 7.0 on a task may be preempted in a tracepoint's program. Another program of the same context would then run on top
 * of it, in its scratch, and the same program not at all: the kernel takes it for recursion. So preemption is held off.
 */
#pragma once
#include "core.h"
#include "kernel.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_subprog_info {
	u8 might_sleep : 1;
};
#pragma clang attribute pop

extern void bpf_preempt_disable(void) __weak __ksym;
extern void bpf_preempt_enable(void) __weak __ksym;

/* Before 6.15 no global function may be called meanwhile, and there it isn't needed: tracepoints do it themselves. */
static __always_inline bool preempt_held_here(void)
{
	return bpf_core_field_exists(((struct bpf_subprog_info *)0)->might_sleep);
}

static __always_inline void preempt_hold(void)
{
	if (preempt_held_here())
		bpf_preempt_disable();
}

static __always_inline void preempt_release(void)
{
	if (preempt_held_here())
		bpf_preempt_enable();
}
