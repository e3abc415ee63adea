// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A process reached into another one: traced it, wrote or read its memory, took a descriptor of it, set how much it may use, or
 * when and where it runs. Single words that a debugger reads are not told.
 */
#include "kernel.h"
#include "event.h"
#include "call.h"
#include "find.h"

#define PTRACE_TRACEME	 0
#define PTRACE_POKETEXT	 4
#define PTRACE_POKEUSR	 6
#define PTRACE_SETREGS	 13
#define PTRACE_SETFPREGS 15
#define PTRACE_ATTACH	 16
#define PTRACE_SETREGSET 0x4205
#define PTRACE_SEIZE	 0x4206

static __always_inline void access_tell(struct site *site, struct task_struct *task, struct task_struct *target,
					enum access_kind access, __u64 bytes)
{
	struct access_event *event = &site->scratch->access;
	__u32 at;

	header_fill_for(site, task, EVENT_ACCESS);
	__builtin_memset(&event->target, 0, sizeof(event->target));
	if (target)
		target_fill(&event->target, target);
	event->bytes = bytes;
	event->access = access;
	__builtin_memset(event->pad, 0, sizeof(event->pad));
	at = tail_comm(site, sizeof(*event), task, STRING_COMM);
	if (target)
		at = tail_comm(site, at, target, STRING_TARGET);
	call_send(site, at, EVENT_ACCESS);
}

static __always_inline enum access_kind ptrace_access(__u64 request)
{
	if (request == PTRACE_TRACEME)
		return ACCESS_TRACED;
	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
		return ACCESS_ATTACHED;
	if (request >= PTRACE_POKETEXT && request < PTRACE_POKEUSR)
		return ACCESS_WROTE;
	if (request == PTRACE_POKEUSR || request == PTRACE_SETREGS || request == PTRACE_SETFPREGS ||
	    request == PTRACE_SETREGSET)
		return ACCESS_REGISTERS;
	return 0;
}

static __always_inline void traced(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT(), *target;
	enum access_kind access = ptrace_access(syscall_first(task));
	struct call_info *call;
	struct site site;

	if (!access || !site_enter(&site, CONTEXT_TASK, PROGRAM_PTRACE) || exit->result < 0)
		return;
	call = &site.scratch->access.call;
	call_fill(call, task, exit->result, CALL_PTRACE);
	__builtin_memset(&site.scratch->access.fd, 0, sizeof(site.scratch->access.fd));
	/* Who asks to be traced is traced by its parent: that is done to nobody else. */
	target = access == ACCESS_TRACED ? NULL : task_find(task, call->arguments[1]);
	access_tell(&site, task, target, access, access == ACCESS_WROTE ? sizeof(long) : 0);
}

CALL_EXIT(access, ptrace, traced(exit))

static __always_inline void moved(struct sys_exit *exit, enum access_kind access, enum call call,
				  enum program_id program)
{
	struct task_struct *task = CURRENT(), *target;
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, program) || exit->result <= 0)
		return;
	call_fill(&site.scratch->access.call, task, exit->result, call);
	__builtin_memset(&site.scratch->access.fd, 0, sizeof(site.scratch->access.fd));
	target = task_find(task, site.scratch->access.call.arguments[0]);
	/* Its own memory: some allocators do that. */
	if (target && BPF_CORE_READ(target, mm) == BPF_CORE_READ(task, mm))
		return;
	access_tell(&site, task, target, access, exit->result);
}

CALL_EXIT(access, process_vm_readv, moved(exit, ACCESS_READ, CALL_PROCESS_VM_READV, PROGRAM_PROCESS_VM_READV))
CALL_EXIT(access, process_vm_writev, moved(exit, ACCESS_WROTE, CALL_PROCESS_VM_WRITEV, PROGRAM_PROCESS_VM_WRITEV))

/* A pidfd's process: with its file before 6.9, with its inode since (cb12fd8e0dab). */
static __always_inline struct pid *pidfd_pid(struct file *file)
{
	struct pid *pid = BPF_CORE_READ(file, private_data);

	return pid ? pid : BPF_CORE_READ(file, f_inode, i_private);
}

static __always_inline void taken(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT(), *target = NULL;
	struct file *pidfd;
	struct pid *pid;
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_PIDFD_GETFD) || exit->result < 0)
		return;
	call_fill(&site.scratch->access.call, task, exit->result, CALL_PIDFD_GETFD);
	fd_fill(&site.scratch->access.fd, fd_file(task, exit->result));
	pidfd = fd_file(task, site.scratch->access.call.arguments[0]);
	pid = pidfd ? pidfd_pid(pidfd) : NULL;
	if (pid)
		target = pid_task_of(pid);
	access_tell(&site, task, target, ACCESS_DESCRIPTOR, 0);
}

CALL_EXIT(access, pidfd_getfd, taken(exit))

/* Who is limited or scheduled, if that is another process. */
static __always_inline void ruled(struct site *site, struct task_struct *target, enum access_kind access)
{
	struct task_struct *task = CURRENT();

	if (target && BPF_CORE_READ(target, tgid) == BPF_CORE_READ(task, tgid))
		return;
	__builtin_memset(&site->scratch->access.fd, 0, sizeof(site->scratch->access.fd));
	access_tell(site, task, target, access, 0);
}

static __always_inline void limited(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT(), *target;
	struct site site;

	/* Without new limits it only asks, which many do. */
	if (!syscall_third(task) || !site_enter(&site, CONTEXT_TASK, PROGRAM_PRLIMIT) || exit->result)
		return;
	call_fill(&site.scratch->access.call, task, exit->result, CALL_PRLIMIT64);
	target = task_find(task, site.scratch->access.call.arguments[0]);
	if (target)
		ruled(&site, target, ACCESS_LIMITED);
}

CALL_EXIT(access, prlimit64, limited(exit))

static __always_inline enum call scheduling_call(__s32 number)
{
	switch (number) {
	case SYS_setpriority:
		return CALL_SETPRIORITY;
	case SYS_ioprio_set:
		return CALL_IOPRIO_SET;
	case SYS_sched_setaffinity:
		return CALL_SCHED_SETAFFINITY;
	case SYS_sched_setscheduler:
		return CALL_SCHED_SETSCHEDULER;
	case SYS_sched_setparam:
		return CALL_SCHED_SETPARAM;
	}
	return CALL_SCHED_SETATTR;
}

/* What setpriority and ioprio_set are told the priority of; ioprio_set counts from one. */
enum { OF_PROCESS = 0, OF_GROUP = 1, OF_USER = 2 };

/* setpriority, ioprio_set, sched_*. A group is told by the process that leads it, a user's processes without one. */
CALL_PROGRAM(access_scheduled, sched_setattr)
{
	enum call call = scheduling_call(exit->number);
	bool sets = call == CALL_SETPRIORITY || call == CALL_IOPRIO_SET;
	struct task_struct *task = CURRENT(), *target = NULL;
	__u64 of = OF_PROCESS, who;
	struct call_info *info;
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_SCHEDULED) || exit->result)
		return;
	info = &site.scratch->access.call;
	call_fill(info, task, exit->result, call);
	who = info->arguments[0];
	if (sets) {
		of = info->arguments[0] - (call == CALL_IOPRIO_SET);
		who = info->arguments[1];
	}
	if (of != OF_USER) {
		target = task_find(task, who);
		/* Zero is the caller itself, or its group. */
		if (!target)
			return;
	}
	ruled(&site, target, ACCESS_SCHEDULED);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
