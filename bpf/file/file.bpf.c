// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files that are opened: what the kernel has opened is looked at, whatever name it was given. */
#include "kernel.h"
#include "event.h"
#include "file.h"
#include "trampoline.h"

#define OPEN_KINDS (FILE_BIT(EVENT_FILE_OPEN) | FILE_BIT(EVENT_FILE_MODIFY) | FILE_BIT(EVENT_FILE_CREATE))

/* Memory, terminals, sources of noughts and chance: nothing stays in them, and everybody opens them. */
static __always_inline bool device_keeps_nothing(struct inode *inode)
{
	__u32 device = BPF_CORE_READ(inode, i_rdev), major = device >> 20, minor = device & 0xfffff;

	switch (major) {
	case 1:
		return minor == 3 || minor == 5 || minor == 7 || minor == 8 || minor == 9; /* null to urandom */
	case 5:
		return minor <= 2; /* tty, console, ptmx */
	default:
		return major >= 136 && major <= 143; /* pts */
	}
}

/* The flags that open does not leave in the file. Those of openat2 lie in the caller's memory: not looked at. */
static __always_inline __u32 open_given(struct sys_exit *exit, struct task_struct *task)
{
	__u32 flags = 0;

	if (exit->number == SYS_openat)
		flags = syscall_third(task);
#if defined(__TARGET_ARCH_x86)
	if (exit->number == SYS_open)
		flags = syscall_second(task);
	if (exit->number == SYS_creat)
		flags = O_CREAT | O_TRUNC;
#endif
	return flags & (O_CREAT | O_EXCL | O_TRUNC);
}

/* 0: neither read nor written. `given`: flags of open that the file does not keep. */
static __always_inline __u32 open_kind(struct file *file, __u32 given)
{
	__u32 mode = BPF_CORE_READ(file, f_mode);

	if (mode & FMODE_CREATED)
		return EVENT_FILE_CREATE;
	if (mode & FMODE_WRITE)
		return EVENT_FILE_MODIFY;
	if (!(mode & FMODE_READ))
		return 0;
	return given & O_TRUNC ? EVENT_FILE_MODIFY : EVENT_FILE_OPEN;
}

static __always_inline void open_send(struct site *site, struct image_scratch *scratch, struct task_struct *task,
				      struct file *file, __u32 kind, __u32 given, enum hook_list hook)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	__u32 at = sizeof(struct file_event);
	struct file_event *event = &scratch->file;
	__u32 found = 0;

	header_fill_for(site, task, kind);
	event->header = site->scratch->header;
	event->header.hook = hook;
	file_clear(event);
	file_fill(&event->file, file);
	event->open_flags = BPF_CORE_READ(file, f_flags) | given;
	at = tail_path(scratch->bytes, at, FILE_ROOM, STRING_PATH, site, place_of(&file->f_path), place_of(&fs->root),
		       &found);
	if (found & PATH_CUT)
		event->file.flags |= FILE_PATH_CUT;
	file_send(site, scratch, at, kind);
}

/* Which kind of event a file that was opened is; 0: none that somebody wants. */
static __always_inline __u32 open_wanted(struct file *file, __u32 given)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	__u32 mode = BPF_CORE_READ(inode, i_mode) & S_IFMT, kind = open_kind(file, given);

	if (!kind || !file_wanted(FILE_BIT(kind)))
		return 0;
	if (mode == S_IFDIR || (mode == S_IFCHR && device_keeps_nothing(inode)) || !path_watched(file, kind))
		return 0;
	return kind;
}

/* open, openat, openat2, creat, open_by_handle_at */
CALL_PROGRAM(file_open, openat)
{
	struct image_scratch *scratch;
	struct task_struct *task;
	struct file *file;
	struct site site;
	__u32 given, kind;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_FILE_OPEN) || exit->result < 0 || !file_wanted(OPEN_KINDS))
		return;
	task = CURRENT();
	file = fd_file(task, exit->result);
	given = open_given(exit, task);
	kind = file ? open_wanted(file, given) : 0;
	scratch = kind ? image_enter(&site, kind) : NULL;
	if (!scratch)
		return;
	open_send(&site, scratch, task, file, kind, given, config.hooks);
	image_leave(scratch);
}

/* struct file *do_filp_open(int, struct filename *, const struct open_flags *), do_file_open() in 7.2: whoever opens by a name comes
 * through it, the calls above but for open_by_handle_at, and beside them 32-bit calls and io_uring.
 */
SEC("fexit/do_filp_open")
int file_opened(__u64 *arguments)
{
	struct open_flags *how = (void *)arguments[2];
	struct file *file = (void *)arguments[3];
	struct task_struct *task = CURRENT();
	struct image_scratch *scratch;
	struct site site;
	__u32 given, kind;

	if (!trampoline_enter(&site, task, PROGRAM_FILE_OPENED) || (__u64)file >= (__u64)-MAX_ERRNO ||
	    !file_wanted(OPEN_KINDS))
		return 0;
	/* An exec is told as such. */
	if (BPF_CORE_READ(file, f_mode) & FMODE_EXEC)
		return 0;
	given = BPF_CORE_READ(how, open_flag) & (O_CREAT | O_EXCL | O_TRUNC);
	kind = open_wanted(file, given);
	scratch = kind ? trampoline_scratch(&site, PROGRAM_FILE_OPENED) : NULL;
	if (!scratch)
		return 0;
	open_send(&site, scratch, task, file, kind, given, HOOKS_TRAMPOLINE);
	trampoline_leave(scratch);
	return 0;
}

CALL_PROGRAM(file_truncate, truncate)
{
	struct image_scratch *scratch;
	struct task_struct *task = CURRENT();
	struct site site;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_FILE_TRUNCATE) || exit->result ||
	    !file_wanted(FILE_BIT(EVENT_FILE_MODIFY)))
		return;
	scratch = file_begin(&site, task, EVENT_FILE_MODIFY);
	if (!scratch)
		return;
	scratch->call.name = syscall_first(task);
	file_end(&site, scratch);
}

/* int (const struct path *path, loff_t length): truncate, but not ftruncate */
SEC("fexit/vfs_truncate")
int file_truncated(__u64 *arguments)
{
	const struct path *path = (void *)arguments[0];
	struct image_scratch *scratch;
	struct site site;

	scratch = change_begin(&site, PROGRAM_FILE_TRUNCATED, EVENT_FILE_MODIFY, ATTRIBUTE_NONE, arguments[2]);
	return scratch ? change_end(&site, scratch, path) : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
