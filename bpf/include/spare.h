/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From 7.0 on a task may be preempted in a tracepoint's program, and until it goes on the kernel refuses that program to
 * every other task of the CPU: it takes it for recursion. So there each program has spares behind it, which do its work
 * where it was refused.
 */
#pragma once
#include "preempt.h"
#include "ring.h"

/* In the order in which they are attached. */
enum copy { COPY_FIRST, COPY_SPARE, COPY_LAST };

/* Which programs have taken up the event that a thread is in: a bit each. By thread, as it may go to another CPU between
 * two copies; a byte for every number that there can be (PID_MAX_LIMIT), as this must not fail: 4 MiB. Task storage would
 * have to allocate here, which it may not be able to.
 */
#define THREADS (4 << 20)
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, THREADS / 8);
	__type(key, __u32);
	__type(value, __u8[8]);
} taken __weak SEC(".maps");

/* Events that a spare took up, by program: the first one's refusals less these are what is lost. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PROGRAMS);
	__type(key, __u32);
	__type(value, __u64);
} rescued __weak SEC(".maps");

static __always_inline void rescue(__u32 program)
{
	__u64 *count = bpf_map_lookup_elem(&rescued, &program);

	if (count)
		__sync_fetch_and_add(count, 1);
}

/* Runs of spares, at 2 * program and behind it: that they are there shows before they are needed. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * PROGRAMS);
	__type(key, __u32);
	__type(value, __u64);
} spare_runs __weak SEC(".maps");

static __always_inline void spare_ran(enum program_id program, enum copy copy)
{
	__u32 index = 2 * program + copy - COPY_SPARE;
	__u64 *count = bpf_map_lookup_elem(&spare_runs, &index);

	if (count)
		++*count;
}

/* A softirq runs on top of any thread, and of no other softirq of this CPU: it has its mark in the CPU's scratch. */
static __always_inline __u8 *taken_find(bool softirq)
{
	__u32 tid = bpf_get_current_pid_tgid(), index = tid / 8;
	struct scratch *scratch;
	__u8 *marks;

	if (softirq) {
		index = bpf_get_smp_processor_id() * CONTEXTS + CONTEXT_SOFTIRQ;
		scratch = bpf_map_lookup_elem(&scratches, &index);
		return scratch ? &scratch->taken : NULL;
	}
	marks = bpf_map_lookup_elem(&taken, &index);
	return marks ? marks + tid % 8 : NULL;
}

/* Is the event for this copy to report? For the first one always: it may find the mark of an event whose last copy was
 * refused. Where the first is refused too, that mark keeps the spares from the event: it is lost, and counted as such.
 */
static __always_inline bool event_take(enum program_id program, enum copy copy, bool softirq)
{
	__u8 *marks, mark = 1 << program;
	bool free;

	if (!config.spares)
		return true;
	if (copy != COPY_FIRST)
		spare_ran(program, copy);
	marks = taken_find(softirq);
	if (!marks) /* never: every thread and every CPU has one */
		return copy == COPY_FIRST;
	free = copy == COPY_FIRST || !(*marks & mark);
	if (copy == COPY_LAST)
		*marks &= ~mark;
	else
		*marks |= mark;
	if (copy != COPY_FIRST && free)
		rescue(program);
	return free;
}

/* `work`, once for each event. */
#define ONCE(program, copy, softirq, work)              \
	({                                              \
		preempt_hold();                         \
		if (event_take(program, copy, softirq)) \
			work;                           \
		preempt_release();                      \
		0;                                      \
	})
