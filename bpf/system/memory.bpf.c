// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory became executable without being a program's or a library's, or a file was made that lives in memory only. What is
 * asked for is in registers, which nobody can change meanwhile.
 */
#include "kernel.h"
#include "event.h"
#include "call.h"

#define PROT_WRITE    2
#define PROT_EXEC     4
#define MAP_ANONYMOUS 0x20

#define NAME_BYTES 256

static __always_inline void memory_tell(struct site *site, struct task_struct *task, enum memory_kind what,
					struct file *file)
{
	struct memory_event *event = &site->scratch->memory;
	__u32 at;

	header_fill_for(site, task, EVENT_MEMORY);
	event->what = what;
	__builtin_memset(event->pad, 0, sizeof(event->pad));
	at = tail_comm(site, sizeof(*event), task, STRING_COMM);
	if (file)
		at = tail_text(site->scratch->bytes, at, CALL_ROOM, STRING_DETAIL,
			       BPF_CORE_READ(file, f_path.dentry, d_name.name), NAME_BYTES);
	call_send(site, at, EVENT_MEMORY);
}

static __always_inline void protected(struct sys_exit *exit, enum call call, enum program_id program)
{
	struct task_struct *task = CURRENT();
	struct memory_event *event;
	struct syscall now;
	struct site site;

	if (!(syscall_third(task) & PROT_EXEC) || !site_enter(&site, CONTEXT_TASK, program) || exit->result < 0)
		return;
	now = syscall_read(task);
	event = &site.scratch->memory;
	call_fill(&event->call, task, exit->result, call);
	event->address = now.first;
	event->length = now.second;
	event->protection = now.third;
	memory_tell(&site, task, MEMORY_PROTECTED, NULL);
}

CALL_EXIT(memory, mprotect, protected(exit, CALL_MPROTECT, PROGRAM_MPROTECT))
CALL_EXIT(memory, pkey_mprotect, protected(exit, CALL_PKEY_MPROTECT, PROGRAM_PKEY_MPROTECT))

static __always_inline void mapped(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT();
	struct memory_event *event;
	struct syscall now;
	struct site site;

	if (!(syscall_third(task) & PROT_EXEC))
		return;
	now = syscall_read(task);
	if (!(now.third & PROT_WRITE || now.fourth & MAP_ANONYMOUS))
		return;
	/* -errno: the last page is nobody's. */
	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_MMAP) || (__u64)exit->result >= -4095ull)
		return;
	event = &site.scratch->memory;
	call_fill(&event->call, task, exit->result, CALL_MMAP);
	event->address = exit->result;
	event->length = now.second;
	event->protection = now.third;
	memory_tell(&site, task, MEMORY_MAPPED, NULL);
}

CALL_EXIT(memory, mmap, mapped(exit))

static __always_inline void file_made(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT();
	struct memory_event *event;
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_MEMFD_CREATE) || exit->result < 0)
		return;
	event = &site.scratch->memory;
	call_fill(&event->call, task, exit->result, CALL_MEMFD_CREATE);
	event->address = 0;
	event->length = 0;
	event->protection = 0;
	memory_tell(&site, task, MEMORY_FILE, fd_file(task, exit->result));
}

CALL_EXIT(memory, memfd_create, file_made(exit))

char LICENSE[] SEC("license") = "Dual BSD/GPL";
