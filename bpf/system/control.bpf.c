// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Calls that act on the machine itself, or around its checks: reboot, the kernel's log, page faults handled by a process, files
 * by handle; or ask what machine it is.
 */
#include "kernel.h"
#include "event.h"
#include "call.h"

#define SYSLOG_READ_CLEAR    4
#define SYSLOG_CONSOLE_LEVEL 8

static __always_inline __u32 control_begin(struct site *site, struct task_struct *task, enum event_kind kind, __s64 result,
					   enum call call)
{
	struct control_event *event = &site->scratch->control;

	header_fill_for(site, task, kind);
	call_fill(&event->call, task, result, call);
	return tail_comm(site, sizeof(*event), task, STRING_COMM);
}

static __always_inline void controlled(__s64 result, enum call call, enum program_id program)
{
	struct task_struct *task = CURRENT();
	struct site site;

	if (site_enter(&site, CONTEXT_TASK, program) && result >= 0)
		call_send(&site, control_begin(&site, task, EVENT_CONTROL, result, call), EVENT_CONTROL);
}

/* Tried in vain, or settings: one that succeeds takes us with it. Hooking a single call's entry would cost every call of the
 * node as much as all exits together.
 */
static __always_inline void rebooted(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT();
	struct site site;

	if (site_enter(&site, CONTEXT_TASK, PROGRAM_REBOOT))
		call_send(&site, control_begin(&site, task, EVENT_CONTROL, exit->result, CALL_REBOOT), EVENT_CONTROL);
}

CALL_EXIT(control, reboot, rebooted(exit))

CALL_EXIT(control, userfaultfd, controlled(exit->result, CALL_USERFAULTFD, PROGRAM_USERFAULTFD))

/* Reading the log is what dmesg does: only what clears it or turns the console down. */
static __always_inline void logged(struct sys_exit *exit)
{
	__u64 action = syscall_first(CURRENT());

	if (action >= SYSLOG_READ_CLEAR && action <= SYSLOG_CONSOLE_LEVEL)
		controlled(exit->result, CALL_SYSLOG, PROGRAM_SYSLOG);
}

CALL_EXIT(control, syslog, logged(exit))

/* Past every check of the folders above the file. */
static __always_inline void opened(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct file *file;
	struct site site;
	__u32 found;
	__u32 at;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_OPEN_BY_HANDLE_AT) || exit->result < 0)
		return;
	at = control_begin(&site, task, EVENT_CONTROL, exit->result, CALL_OPEN_BY_HANDLE_AT);
	file = fd_file(task, exit->result);
	if (file)
		at = tail_path(site.scratch->bytes, at, CALL_ROOM, STRING_DETAIL, &site, place_of(&file->f_path),
			       place_of(&fs->root), &found);
	call_send(&site, at, EVENT_CONTROL);
}

CALL_EXIT(control, open_by_handle_at, opened(exit))

/* What free, uptime and all that sorts much ask: a kind of its own, so that nobody has it who doesn't look for it. */
static __always_inline void inquired(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT();
	struct site site;

	if (site_enter(&site, CONTEXT_TASK, PROGRAM_SYSINFO) && exit->result >= 0)
		call_send(&site, control_begin(&site, task, EVENT_INQUIRY, exit->result, CALL_SYSINFO), EVENT_INQUIRY);
}

CALL_EXIT(inquiry, sysinfo, inquired(exit))

char LICENSE[] SEC("license") = "Dual BSD/GPL";
