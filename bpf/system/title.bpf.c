// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A thread's name was changed, by prctl or by writing to /proc/PID/comm. An exec gives one too, which its own event tells. */
#include "kernel.h"
#include "event.h"
#include "call.h"
#include "preempt.h"

static __always_inline void renamed(struct task_struct *target, const char *title)
{
	struct task_struct *task = CURRENT();
	struct title_event *event;
	struct site site;
	__u32 at;

	if (BPF_CORE_READ_BITFIELD_PROBED(target, in_execve) || BPF_CORE_READ(target, flags) & PF_KTHREAD)
		return;
	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_TITLE))
		return;
	event = &site.scratch->title;
	header_fill_for(&site, task, EVENT_TITLE);
	target_fill(&event->target, target);
	at = tail_comm(&site, sizeof(*event), target, STRING_TARGET);
	at = tail_text(site.scratch->bytes, at, CALL_ROOM, STRING_TITLE, title, sizeof(target->comm));
	call_send(&site, at, EVENT_TITLE);
}

SEC("tp_btf/task_rename")
int BPF_PROG(title_rename, struct task_struct *target, const char *title)
{
	preempt_hold();
	renamed(target, title);
	preempt_release();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
