// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The last thread of a process ended; every thread's stamp goes with it. */
#include "kernel.h"
#include "event.h"
#include "spare.h"
#include "task.h"

/* Two threads that end at once may both find nobody alive. The first to enter its process here reports it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct origin_key);
	__type(value, __u8);
} ended SEC(".maps");

/* As wait(2) gives it. */
static __always_inline __u32 exit_code(struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);

	if (BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT)
		return BPF_CORE_READ(signal, group_exit_code);
	return BPF_CORE_READ(task, group_leader, exit_code);
}

static __always_inline void process_end(struct site *site, struct task_struct *task)
{
	struct exit_event *event = &site->scratch->exit;
	struct origin_key key = {};
	__u8 one = 1;

	key.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	key.tgid = BPF_CORE_READ(task, tgid);
	if (bpf_map_update_elem(&ended, &key, &one, BPF_NOEXIST))
		return;
	header_fill_for(site, task, EVENT_EXIT);
	event->exit_code = exit_code(task);
	event->pad = 0;
	security_send(site, &event->header, EVENT_EXIT, sizeof(*event));
	bpf_map_delete_elem(&origins, &key);
}

static __always_inline void exited(struct task_struct *task)
{
	__u64 thread = (__u64)task;
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_EXIT))
		return;
	if (BPF_CORE_READ(task, signal, live.counter) == 0)
		process_end(&site, task);
	bpf_map_delete_elem(&stamps, &thread);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	return ONCE(PROGRAM_EXIT, COPY_FIRST, false, exited(task));
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit_spare, struct task_struct *task)
{
	return ONCE(PROGRAM_EXIT, COPY_SPARE, false, exited(task));
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit_last, struct task_struct *task)
{
	return ONCE(PROGRAM_EXIT, COPY_LAST, false, exited(task));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
