// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A process was created. What the forking thread was serving becomes its origin, for life. */
#include "kernel.h"
#include "event.h"
#include "tail.h"
#include "spare.h"
#include "task.h"

/* The serving stamp of the thread that forks, else what its process came from itself. */
static __always_inline void origin_inherit(struct site *site, struct fork_event *event)
{
	struct origin_key key = {.start_ns = event->child.start_ns, .tgid = event->child.tgid};

	event->child_origin = event->header.serving.layer ? event->header.serving : event->header.origin;
	if (event->child_origin.layer ? bpf_map_update_elem(&origins, &key, &event->child_origin, BPF_ANY) != 0
				      : event->header.flags & EVENT_STAMP_LOST)
		stamp_lost(site, event->child.tgid, EVENT_FORK);
}

static __always_inline void forked(struct task_struct *parent, struct task_struct *child)
{
	struct fork_event *event;
	struct site site;
	__u32 at;

	/* A thread inherits nothing: its process's origin is its own. */
	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid))
		return;
	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_FORK))
		return;
	event = &site.scratch->fork;
	header_fill_for(&site, parent, EVENT_FORK);
	event->child.start_ns = BPF_CORE_READ(child, start_boottime);
	event->child.tgid = BPF_CORE_READ(child, tgid);
	event->child.exec_number = BPF_CORE_READ(child, self_exec_id);
	event->child_ns_tgid = pid_in_namespace(BPF_CORE_READ(child, thread_pid));
	event->pad = 0;
	origin_inherit(&site, event);
	at = task_names(&site, site.scratch->bytes, sizeof(*event), sizeof(site.scratch->bytes), parent);
	security_send(&site, &event->header, EVENT_FORK, at);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	return ONCE(PROGRAM_FORK, COPY_FIRST, false, forked(parent, child));
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork_spare, struct task_struct *parent, struct task_struct *child)
{
	return ONCE(PROGRAM_FORK, COPY_SPARE, false, forked(parent, child));
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork_last, struct task_struct *parent, struct task_struct *child)
{
	return ONCE(PROGRAM_FORK, COPY_LAST, false, forked(parent, child));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
