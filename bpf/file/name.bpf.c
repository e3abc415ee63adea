// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names that come, go and change. The calls have ended: their names are read from the caller's memory, as nothing of the
 * kernel's copy is left, and so the events say.
 */
#include "kernel.h"
#include "event.h"
#include "file.h"

/* Kinds of events, as FILE_BIT has them, that trampolines tell of a call which is left to a program here for the sake of others. */
volatile __u32 told_by_trampoline SEC(".data.told") = 0;

/* Has the call, that this program is for, done something that somebody wants? */
static __always_inline bool name_done(struct site *site, struct sys_exit *exit, enum program_id program, __u32 kinds)
{
	return site_enter(site, CONTEXT_TASK, program) && !exit->result && file_wanted(kinds);
}

/* rename, renameat, renameat2; link, linkat: from the first name to the second. */
static __always_inline void two_names(struct sys_exit *exit, enum program_id program, __u32 kind, bool plain)
{
	struct task_struct *task = CURRENT();
	struct image_scratch *scratch;
	struct syscall call;
	struct site site;

	if (!name_done(&site, exit, program, FILE_BIT(kind)))
		return;
	scratch = file_begin(&site, task, kind);
	if (!scratch)
		return;
	call = syscall_read(task);
	if (plain) {
		scratch->call.source = call.first;
		scratch->call.name = call.second;
	} else {
		scratch->call.source_folder = call.first;
		scratch->call.source = call.second;
		scratch->call.folder = call.third;
		scratch->call.name = call.fourth;
	}
	file_end(&site, scratch);
}

CALL_PROGRAM(file_rename, renameat2)
{
#if defined(__TARGET_ARCH_x86)
	two_names(exit, PROGRAM_FILE_RENAME, EVENT_FILE_RENAME, exit->number == SYS_rename);
#else
	two_names(exit, PROGRAM_FILE_RENAME, EVENT_FILE_RENAME, false);
#endif
}

CALL_PROGRAM(file_link, linkat)
{
#if defined(__TARGET_ARCH_x86)
	two_names(exit, PROGRAM_FILE_LINK, EVENT_FILE_LINK, exit->number == SYS_link);
#else
	two_names(exit, PROGRAM_FILE_LINK, EVENT_FILE_LINK, false);
#endif
}

/* symlink, symlinkat */
CALL_PROGRAM(file_symlink, symlinkat)
{
	struct task_struct *task = CURRENT();
	struct image_scratch *scratch;
	struct syscall call;
	struct site site;

	if (!name_done(&site, exit, PROGRAM_FILE_SYMLINK, FILE_BIT(EVENT_FILE_SYMLINK)))
		return;
	scratch = file_begin(&site, task, EVENT_FILE_SYMLINK);
	if (!scratch)
		return;
	call = syscall_read(task);
	scratch->call.source = call.first;
	scratch->call.name = call.second;
	if (exit->number == SYS_symlinkat) {
		scratch->call.folder = call.second;
		scratch->call.name = call.third;
	}
	file_end(&site, scratch);
}

/* unlink, rmdir, unlinkat */
CALL_PROGRAM(file_delete, unlinkat)
{
	struct task_struct *task = CURRENT();
	__u32 kind = EVENT_FILE_DELETE;
	struct image_scratch *scratch;
	struct syscall call;
	struct site site;
	bool at;

	if (!name_done(&site, exit, PROGRAM_FILE_DELETE, FILE_BIT(EVENT_FILE_DELETE) | FILE_BIT(EVENT_FOLDER_DELETE)))
		return;
	call = syscall_read(task);
	at = exit->number == SYS_unlinkat;
	if (at && call.third & AT_REMOVEDIR)
		kind = EVENT_FOLDER_DELETE;
#if defined(__TARGET_ARCH_x86)
	if (exit->number == SYS_rmdir)
		kind = EVENT_FOLDER_DELETE;
#endif
	if (!file_wanted(FILE_BIT(kind) & ~told_by_trampoline))
		return;
	scratch = file_begin(&site, task, kind);
	if (!scratch)
		return;
	scratch->call.name = call.first;
	if (at) {
		scratch->call.folder = call.first;
		scratch->call.name = call.second;
	}
	file_end(&site, scratch);
}

/* mkdir, mkdirat, mknod, mknodat */
CALL_PROGRAM(file_make, mkdirat)
{
	struct task_struct *task = CURRENT();
	struct image_scratch *scratch;
	struct syscall call;
	struct site site;
	bool at, folder;
	__u32 kind;

	if (!name_done(&site, exit, PROGRAM_FILE_MAKE, FILE_BIT(EVENT_FOLDER_CREATE) | FILE_BIT(EVENT_FILE_NODE)))
		return;
	at = exit->number == SYS_mkdirat || exit->number == SYS_mknodat;
	folder = exit->number == SYS_mkdirat;
#if defined(__TARGET_ARCH_x86)
	folder |= exit->number == SYS_mkdir;
#endif
	kind = folder ? EVENT_FOLDER_CREATE : EVENT_FILE_NODE;
	if (!file_wanted(FILE_BIT(kind)))
		return;
	scratch = file_begin(&site, task, kind);
	if (!scratch)
		return;
	call = syscall_read(task);
	scratch->call.name = at ? call.second : call.first;
	scratch->call.mode = at ? call.third : call.second;
	if (at)
		scratch->call.folder = call.first;
	if (!folder)
		scratch->call.device = at ? call.fourth : call.third;
	file_end(&site, scratch);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
