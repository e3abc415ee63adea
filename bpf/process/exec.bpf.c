// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A process replaced its image: the moment at which it starts to be something. */
#include "kernel.h"
#include "event.h"
#include "environment.h"
#include "image.h"
#include "spare.h"

/* argv as the kernel laid it out on the new stack: the first 4 KiB, and of a longer one the last bytes too. */
static __always_inline __u32 tail_args(__u8 *record, __u32 at, struct task_struct *task)
{
	__u64 start = BPF_CORE_READ(task, mm, arg_start), end = BPF_CORE_READ(task, mm, arg_end);
	__u64 total = end - start, rest;

	if (total > 1 << 30)
		return at;
	at = tail_user(record, at, IMAGE_ROOM, STRING_ARGS, start, total > STRING_BYTES ? STRING_BYTES : total, total);
	if (total <= STRING_BYTES)
		return at;
	rest = total - STRING_BYTES;
	if (rest > STRING_BYTES)
		rest = STRING_BYTES;
	return tail_user(record, at, IMAGE_ROOM, STRING_ARGS_TAIL, end - rest, rest, total);
}

/* A thread that is not the leader calls execve and becomes the leader: start time and number change, the thread and
 * what it serves don't.
 */
static __always_inline void serving_follow(struct task_struct *task, pid_t old_pid)
{
	__u64 key = (__u64)task;
	struct serving *serving = bpf_map_lookup_elem(&stamps, &key);

	if (serving && serving->stamp.tid == (__u32)old_pid)
		serving->start_ns = BPF_CORE_READ(task, start_boottime);
}

/* In another mount namespace than its parent's: a container begins. What its runtime keeps of it is gone when it ends, which may be
 * within milliseconds, so nobody sleeps over it.
 */
static __always_inline bool begins_container(struct task_struct *task)
{
	return BPF_CORE_READ(task, nsproxy, mnt_ns) != BPF_CORE_READ(task, real_parent, nsproxy, mnt_ns);
}

static __always_inline void executed(struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct image_scratch *scratch;
	struct site site;
	__u32 at;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_EXEC))
		return;
	scratch = image_enter(&site, EVENT_EXEC);
	if (!scratch)
		return;
	serving_follow(task, old_pid);
	header_fill_for(&site, task, EVENT_EXEC);
	scratch->event.header = site.scratch->header;
	if (begins_container(task))
		scratch->event.header.flags |= EVENT_URGENT;
	at = image_fill(&site, scratch, task);
	scratch->event.argc = BPF_CORE_READ(bprm, argc);
	if (BPF_CORE_READ_BITFIELD_PROBED(bprm, secureexec))
		scratch->event.flags |= EXEC_SECURE;
	at = tail_text(scratch->bytes, at, IMAGE_ROOM, STRING_FILENAME, BPF_CORE_READ(bprm, filename), STRING_BYTES);
	at = tail_args(scratch->bytes, at, task);
	if (wants.variables)
		at = environment_add(&site, scratch, at, BPF_CORE_READ(task, mm, env_start),
				     BPF_CORE_READ(task, mm, env_end));
	at = task_names(&site, scratch->bytes, at, IMAGE_ROOM, task);
	image_send(&site, scratch, at);
	image_leave(scratch);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	return ONCE(PROGRAM_EXEC, COPY_FIRST, false, executed(task, old_pid, bprm));
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec_spare, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	return ONCE(PROGRAM_EXEC, COPY_SPARE, false, executed(task, old_pid, bprm));
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec_last, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	return ONCE(PROGRAM_EXEC, COPY_LAST, false, executed(task, old_pid, bprm));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
