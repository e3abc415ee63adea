// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A thread's credentials changed: by a call that may do that, or in a way that no call explains. An exec that changes them is
 * told by its own event.
 */
#include "kernel.h"
#include "event.h"
#include "call.h"
#include "held.h"
#include "preempt.h"

static __always_inline void credentials_tell(struct site *site, struct task_struct *task, const struct held *before,
					     const struct held *after, enum credentials_cause cause)
{
	struct credentials_event *event = &site->scratch->credentials;
	const struct cred *cred = BPF_CORE_READ(task, cred);
	__u32 at;

	header_fill_for(site, task, EVENT_CREDENTIALS);
	__builtin_memset(&event->before, 0, sizeof(event->before));
	if (before)
		event->before = before->now;
	event->after = after->now;
	event->groups = BPF_CORE_READ(cred, group_info, ngroups);
	event->user_ns = BPF_CORE_READ(cred, user_ns, ns.inum);
	event->cause = cause;
	event->flags = before ? 0 : CREDENTIALS_FIRST;
	__builtin_memset(event->pad, 0, sizeof(event->pad));
	at = tail_comm(site, sizeof(*event), task, STRING_COMM);
	call_send(site, at, EVENT_CREDENTIALS);
}

/* What the thread was last seen to hold, if it was this thread. */
static __always_inline struct held *held_before(__u64 key, const struct held *now)
{
	struct held *before = bpf_map_lookup_elem(&held_by, &key);

	return before && before->start_ns == now->start_ns ? before : NULL;
}

static __always_inline bool kernels_own(struct task_struct *task)
{
	return BPF_CORE_READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER);
}

/* Looks at a thread where nothing that may change its credentials has been called. */
static __always_inline void credentials_check(struct site *site, struct task_struct *task, bool executed, bool secure)
{
	__u64 key = (__u64)task;
	struct held now, *before;

	if (kernels_own(task))
		return;
	held_read(&now, task);
	before = held_before(key, &now);
	if (before && !secure && !held_lawfully(before, &now, executed)) {
		call_none(&site->scratch->credentials.call);
		credentials_tell(site, task, before, &now, CREDENTIALS_UNEXPLAINED);
	}
	bpf_map_update_elem(&held_by, &key, &now, BPF_ANY);
}

/* After a call that may change them. */
static __always_inline void credentials_called(struct sys_exit *exit, enum call call, enum program_id program)
{
	struct task_struct *task = CURRENT();
	__u64 key = (__u64)task;
	struct held now, *before;
	enum credentials_cause cause = CREDENTIALS_CALL;
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, program) || exit->result < 0)
		return;
	held_read(&now, task);
	before = held_before(key, &now);
	if (before && !held_lawfully(before, &now, false))
		cause = CREDENTIALS_UNEXPLAINED;
	else if (before && call != CALL_SETGROUPS && credentials_equal(&before->now, &now.now))
		return;
	call_fill(&site.scratch->credentials.call, task, exit->result, call);
	credentials_tell(&site, task, before, &now, cause);
	bpf_map_update_elem(&held_by, &key, &now, BPF_ANY);
}

#define CALLED(name, NAME) CALL_EXIT(credentials, name, credentials_called(exit, CALL_##NAME, PROGRAM_##NAME))

CALLED(setuid, SETUID)
CALLED(setgid, SETGID)
CALLED(setreuid, SETREUID)
CALLED(setregid, SETREGID)
CALLED(setresuid, SETRESUID)
CALLED(setresgid, SETRESGID)
CALLED(setfsuid, SETFSUID)
CALLED(setfsgid, SETFSGID)
CALLED(setgroups, SETGROUPS)
CALLED(capset, CAPSET)

static __always_inline void forked(struct task_struct *parent, struct task_struct *child)
{
	__u64 key = (__u64)child;
	struct held now;
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_CREDENTIALS_FORK))
		return;
	credentials_check(&site, parent, false, false);
	held_read(&now, child);
	bpf_map_update_elem(&held_by, &key, &now, BPF_ANY);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(credentials_fork, struct task_struct *parent, struct task_struct *child)
{
	preempt_hold();
	forked(parent, child);
	preempt_release();
	return 0;
}

static __always_inline void executed(struct task_struct *task, struct linux_binprm *bprm)
{
	struct site site;

	if (site_enter(&site, CONTEXT_TASK, PROGRAM_CREDENTIALS_EXEC))
		credentials_check(&site, task, true, BPF_CORE_READ_BITFIELD_PROBED(bprm, secureexec));
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(credentials_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	preempt_hold();
	executed(task, bprm);
	preempt_release();
	return 0;
}

static __always_inline void exited(struct task_struct *task)
{
	__u64 key = (__u64)task;
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_CREDENTIALS_EXIT))
		return;
	credentials_check(&site, task, false, false);
	bpf_map_delete_elem(&held_by, &key);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(credentials_exit, struct task_struct *task)
{
	preempt_hold();
	exited(task);
	preempt_release();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
