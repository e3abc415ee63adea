// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A process entered other namespaces, made some, or made a child that lives in others. Compared are the kernel's own numbers,
 * before and after.
 */
#include "kernel.h"
#include "event.h"
#include "call.h"
#include "find.h"
#include "preempt.h"

/* What a thread was in when it called; only as long as the call lasts. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct namespaces);
} namespaces_before __weak SEC(".maps");

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

/* `before` and `after` stand in the scratch. */
static __always_inline void namespace_tell(struct site *site, struct task_struct *task, struct task_struct *subject)
{
	struct namespace_event *event = &site->scratch->namespace;
	struct task_struct *first = task_first(task);
	struct namespaces host = {};
	__u32 at;

	event->changed = namespaces_compare(&event->before, &event->after);
	if (!event->changed)
		return;
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

static __always_inline void entered(enum program_id program)
{
	struct task_struct *task = CURRENT();
	struct namespaces before;
	__u64 key = (__u64)task;
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, program))
		return;
	namespaces_read(&before, task);
	bpf_map_update_elem(&namespaces_before, &key, &before, BPF_ANY);
}

static __always_inline void changed(struct sys_exit *exit, enum call call, enum program_id program)
{
	struct task_struct *task = CURRENT();
	struct namespaces *before;
	__u64 key = (__u64)task;
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, program))
		return;
	before = bpf_map_lookup_elem(&namespaces_before, &key);
	if (before && exit->result >= 0) {
		site.scratch->namespace.before = *before;
		namespaces_read(&site.scratch->namespace.after, task);
		call_fill(&site.scratch->namespace.call, task, exit->result, call);
		namespace_tell(&site, task, task);
	}
	bpf_map_delete_elem(&namespaces_before, &key);
}

#define CHANGES(name, NAME)                         \
	SEC("tp/syscalls/sys_enter_" #name)         \
	int namespace_##name##_enter(void *context) \
	{                                           \
		entered(PROGRAM_##NAME##_ENTER);    \
		return 0;                           \
	}                                           \
	CALL_EXIT(namespace, name, changed(exit, CALL_##NAME, PROGRAM_##NAME))

CHANGES(setns, SETNS)
CHANGES(unshare, UNSHARE)

/* Most children share what their parent has, by pointer. A child's pid namespace is what its parent chose for it. */
static __always_inline void forked(struct task_struct *parent, struct task_struct *child)
{
	struct namespace_event *event;
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_NAMESPACE_FORK))
		return;
	if (BPF_CORE_READ(parent, nsproxy) == BPF_CORE_READ(child, nsproxy) &&
	    BPF_CORE_READ(parent, cred, user_ns) == BPF_CORE_READ(child, cred, user_ns))
		return;
	event = &site.scratch->namespace;
	namespaces_read(&event->before, parent);
	namespaces_read(&event->after, child);
	call_fill(&event->call, parent, BPF_CORE_READ(child, pid), CALL_CLONE);
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
