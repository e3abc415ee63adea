// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A process sent another one a signal that ends or stops it. What the kernel itself sends isn't told, nor what a process does
 * to itself.
 */
#include "kernel.h"
#include "event.h"
#include "call.h"
#include "preempt.h"

#define SEND_SIG_NOINFO 0
#define SEND_SIG_PRIV	1
#define SI_USER		0

/* HUP, INT, QUIT, ABRT, KILL, SEGV, TERM, STOP, TSTP: the others inform or are handled. */
#define ENDING (1u << 1 | 1u << 2 | 1u << 3 | 1u << 6 | 1u << 9 | 1u << 11 | 1u << 15 | 1u << 19 | 1u << 20)

/* Codes of senders are negative, or zero for kill(2). */
static __always_inline bool sent_by_process(struct kernel_siginfo *info, __s32 *code)
{
	*code = SI_USER;
	if ((__u64)info == SEND_SIG_NOINFO)
		return true;
	if ((__u64)info == SEND_SIG_PRIV)
		return false;
	*code = BPF_CORE_READ(info, si_code);
	return *code == SI_USER || *code == -1 || *code == -6; /* SI_QUEUE, SI_TKILL */
}

static __always_inline void sent(__u32 number, struct kernel_siginfo *info, struct task_struct *target)
{
	struct task_struct *task = CURRENT();
	struct signal_event *event;
	struct site site;
	__s32 code;
	__u32 at;

	if (number > 31 || !(ENDING >> (number & 31) & 1) || !sent_by_process(info, &code))
		return;
	if (BPF_CORE_READ(task, tgid) == BPF_CORE_READ(target, tgid) || BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return;
	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_SIGNAL))
		return;
	event = &site.scratch->signal;
	header_fill_for(&site, task, EVENT_SIGNAL);
	target_fill(&event->target, target);
	event->code = code;
	event->signal = number;
	__builtin_memset(event->pad, 0, sizeof(event->pad));
	at = tail_comm(&site, sizeof(*event), task, STRING_COMM);
	at = tail_comm(&site, at, target, STRING_TARGET);
	call_send(&site, at, EVENT_SIGNAL);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_generate, int number, struct kernel_siginfo *info, struct task_struct *target)
{
	preempt_hold();
	sent(number, info, target);
	preempt_release();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
