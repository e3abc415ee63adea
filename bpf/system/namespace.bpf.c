// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A process entered namespaces, made some, or made a child that lives in others. Numbers are the kernel's own. */
#include "kernel.h"
#include "event.h"
#include "call.h"
#include "find.h"
#include "image.h"
#include "preempt.h"

static __always_inline void namespaces_read(struct namespaces *out, struct task_struct *task)
{
	struct nsproxy *proxy = BPF_CORE_READ(task, nsproxy);

	out->cgroup = BPF_CORE_READ(proxy, cgroup_ns, ns.inum);
	out->ipc = BPF_CORE_READ(proxy, ipc_ns, ns.inum);
	out->mnt = BPF_CORE_READ(proxy, mnt_ns, ns.inum);
	out->net = BPF_CORE_READ(proxy, net_ns, ns.inum);
	out->pid = BPF_CORE_READ(proxy, pid_ns_for_children, ns.inum);
	out->time = bpf_core_field_exists(proxy->time_ns) ? BPF_CORE_READ(proxy, time_ns, ns.inum) : 0;
	out->user = BPF_CORE_READ(task, cred, user_ns, ns.inum);
	out->uts = BPF_CORE_READ(proxy, uts_ns, ns.inum);
}

/* Those that differ. The order is that of enum namespace_flag. Without a branch: eight of them are 256 paths, and twice
 * as many of those as 5.10's verifier follows.
 */
static __always_inline __u8 namespaces_compare(const struct namespaces *one, const struct namespaces *other)
{
	const __u32 *a = (const void *)one, *b = (const void *)other;
	__u64 flags = 0;

	for (__u32 i = 0; i < sizeof(*one) / sizeof(*a); i++) {
		__u64 negative = -(__u64)(a[i] ^ b[i]);

		OPAQUE(negative); /* or the compiler sees what it is about, and branches */
		flags |= negative >> 63 << i;
	}
	return flags;
}

/* `after` and `changed` stand in the scratch. */
static __always_inline void namespace_tell(struct site *site, struct task_struct *task, struct task_struct *subject)
{
	struct namespace_event *event = &site->scratch->namespace;
	struct task_struct *first = task_first(task);
	struct namespaces host = {};
	__u32 at;

	if (first)
		namespaces_read(&host, first);
	event->host = event->changed & ~namespaces_compare(&event->after, &host);
	header_fill_for(site, task, EVENT_NAMESPACE);
	event->subject.start_ns = BPF_CORE_READ(subject, group_leader, start_boottime);
	event->subject.tgid = BPF_CORE_READ(subject, tgid);
	event->subject.exec_number = BPF_CORE_READ(subject, self_exec_id);
	__builtin_memset(event->pad, 0, sizeof(event->pad));
	at = tail_comm(site, sizeof(*event), task, STRING_COMM);
	call_send(site, at, EVENT_NAMESPACE);
}

/* What clone, unshare and setns call them. */
static __always_inline __u8 namespaces_of_flags(__u64 flags)
{
	__u8 bits = 0;

	bits |= (flags >> 25 & 1) << 0; /* CLONE_NEWCGROUP */
	bits |= (flags >> 27 & 1) << 1; /* CLONE_NEWIPC */
	bits |= (flags >> 17 & 1) << 2; /* CLONE_NEWNS */
	bits |= (flags >> 30 & 1) << 3; /* CLONE_NEWNET */
	bits |= (flags >> 29 & 1) << 4; /* CLONE_NEWPID */
	bits |= (flags >> 7 & 1) << 5;	/* CLONE_NEWTIME */
	bits |= (flags >> 28 & 1) << 6; /* CLONE_NEWUSER */
	bits |= (flags >> 26 & 1) << 7; /* CLONE_NEWUTS */
	return bits;
}

/* What setns entered: as its flags say, or what its file stands for, whose inode has the namespace's number. */
static __always_inline __u8 namespaces_entered(struct task_struct *task, struct syscall *call, struct namespaces *now)
{
	struct namespaces inode = {};
	__u32 *numbers = (__u32 *)&inode;
	__u8 bits = namespaces_of_flags(call->second);
	struct file *file;
	__u32 number = 0;

	if (bits)
		return bits;
	file = fd_file(task, call->first);
	if (file)
		number = BPF_CORE_READ(file, f_inode, i_ino);
	for (__u32 i = 0; i < sizeof(inode) / sizeof(*numbers); i++)
		numbers[i] = number;
	bits = ~namespaces_compare(now, &inode);
	/* Another thread has closed it meanwhile: any of them. */
	return bits ? bits : 0xff;
}

static __always_inline void changed(struct sys_exit *exit, enum call call, enum program_id program)
{
	struct task_struct *task = CURRENT();
	struct namespace_event *event;
	struct syscall now;
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, program) || exit->result < 0)
		return;
	event = &site.scratch->namespace;
	namespaces_read(&event->after, task);
	now = syscall_read(task);
	event->changed =
		call == CALL_SETNS ? namespaces_entered(task, &now, &event->after) : namespaces_of_flags(now.first);
	call_fill(&event->call, task, exit->result, call);
	if (event->changed) /* unshare does other things too */
		namespace_tell(&site, task, task);
}

CALL_EXIT(namespace, setns, changed(exit, CALL_SETNS, PROGRAM_SETNS))
CALL_EXIT(namespace, unshare, changed(exit, CALL_UNSHARE, PROGRAM_UNSHARE))

/* Most children share what their parent has, by pointer. A child's pid namespace is what its parent chose for it. */
static __always_inline void forked(struct task_struct *parent, struct task_struct *child)
{
	struct namespace_event *event;
	struct namespaces before;
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_NAMESPACE_FORK))
		return;
	if (BPF_CORE_READ(parent, nsproxy) == BPF_CORE_READ(child, nsproxy) &&
	    BPF_CORE_READ(parent, cred, user_ns) == BPF_CORE_READ(child, cred, user_ns))
		return;
	event = &site.scratch->namespace;
	namespaces_read(&before, parent);
	namespaces_read(&event->after, child);
	event->changed = namespaces_compare(&before, &event->after);
	call_fill(&event->call, parent, BPF_CORE_READ(child, pid), CALL_CLONE);
	if (event->changed)
		namespace_tell(&site, parent, child);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(namespace_fork, struct task_struct *parent, struct task_struct *child)
{
	preempt_hold();
	forked(parent, child);
	preempt_release();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
