// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files that are opened: what the kernel has opened is looked at, whatever name it was given. */
#include "kernel.h"
#include "event.h"
#include "file.h"
#include "trampoline.h"

#define OPEN_KINDS                                                                               \
	(FILE_BIT(EVENT_FILE_OPEN) | FILE_BIT(EVENT_FILE_MODIFY) | FILE_BIT(EVENT_FILE_CREATE) | \
	 FILE_BIT(EVENT_FOLDER_OPEN))

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

/* The flags that a call was given. Those of openat2 lie in the caller's memory: not looked at. */
static __always_inline __u32 open_asked(struct sys_exit *exit, struct task_struct *task)
{
	if (exit->number == SYS_openat)
		return syscall_third(task);
#if defined(__TARGET_ARCH_x86)
	if (exit->number == SYS_open)
		return syscall_second(task);
	if (exit->number == SYS_creat)
		return O_CREAT | O_WRONLY | O_TRUNC;
#endif
	return 0;
}

/* The name that a call was given, in the caller's memory, and what it is relative to. 0: it was given a handle. */
static __always_inline __u64 open_name(struct sys_exit *exit, struct task_struct *task, __s32 *folder)
{
	*folder = AT_FDCWD;
	if (exit->number == SYS_openat || exit->number == SYS_openat2) {
		*folder = syscall_first(task);
		return syscall_second(task);
	}
#if defined(__TARGET_ARCH_x86)
	if (exit->number == SYS_open || exit->number == SYS_creat)
		return syscall_first(task);
#endif
	return 0;
}

/* 0: neither read nor written. `given`: flags of open that the file does not keep. */
static __always_inline __u32 open_kind(struct file *file, bool folder, __u32 given)
{
	__u32 mode = BPF_CORE_READ(file, f_mode);

	if (folder)
		return mode & FMODE_READ ? EVENT_FOLDER_OPEN : 0;
	if (mode & FMODE_CREATED)
		return EVENT_FILE_CREATE;
	if (mode & FMODE_WRITE)
		return EVENT_FILE_MODIFY;
	if (!(mode & FMODE_READ))
		return 0;
	return given & O_TRUNC ? EVENT_FILE_MODIFY : EVENT_FILE_OPEN;
}

/* The event of what was opened: scratch.call says what the call was given. `in_kernel`: where the name of it lies. */
GLOBAL_FUNCTION int open_tell(__u32 index, __u64 file_at, __u32 in_kernel)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &index);
	__u32 at = sizeof(struct file_event), found = 0, kind;
	struct file *file = (void *)file_at;
	struct task_struct *task = CURRENT();
	struct file_event *event;
	struct fs_struct *fs;
	struct site site;

	if (!scratch || !site_find(&site, index))
		return 0;
	event = &scratch->file;
	kind = scratch->call.kind & (EVENT_KINDS - 1);
	header_fill(index, (__u64)task, kind);
	event->header = site.scratch->header;
	event->header.hook = in_kernel ? HOOKS_TRAMPOLINE : config.hooks;
	file_clear(event);
	file_fill(&event->file, file);
	event->open_flags = BPF_CORE_READ(file, f_flags) | scratch->call.mode;
	fs = BPF_CORE_READ(task, fs);
	at = tail_path(scratch->bytes, at, FILE_ROOM, STRING_PATH, &site, place_of(&file->f_path), place_of(&fs->root),
		       &found);
	if (found & PATH_CUT)
		event->file.flags |= FILE_PATH_CUT;
	if (scratch->call.name && in_kernel)
		at = tail_text(scratch->bytes, at, FILE_ROOM, STRING_GIVEN, (void *)scratch->call.name, STRING_BYTES);
	else if (scratch->call.name)
		at = tail_user_text(scratch->bytes, at, FILE_ROOM, STRING_GIVEN, scratch->call.name);
	file_send(&site, scratch, at, kind);
	return 0;
}

/* Which kind of event a file that was opened is; 0: none that somebody wants. `watch`: enum path_watch of its path. */
static __always_inline __u32 open_wanted(struct file *file, __u32 given, __u32 *watch)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	__u32 mode = BPF_CORE_READ(inode, i_mode) & S_IFMT, kind = open_kind(file, mode == S_IFDIR, given);

	if (!kind || !file_wanted(FILE_BIT(kind)) || (mode == S_IFCHR && device_keeps_nothing(inode)))
		return 0;
	*watch = path_watched((__u64)file, kind);
	return *watch ? kind : 0;
}

/* Does the name climb that scratch.call says? It is looked through in the room of the record, where nothing stands yet. */
GLOBAL_FUNCTION int open_climbs(__u32 index, __u32 in_kernel)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &index);
	long length;
	void *name;

	if (!scratch)
		return 0;
	name = (void *)scratch->call.name;
	if (!name)
		return 0;
	length = in_kernel ? bpf_probe_read_kernel_str(scratch->bytes, GIVEN_BYTES, name)
			   : bpf_probe_read_user_str(scratch->bytes, GIVEN_BYTES, name);
	/* Of what can't be read, or does not end here, nobody knows. */
	if (length < 0 || length >= GIVEN_BYTES)
		return 1;
	*(__u64 *)(scratch->bytes + length) = 0;
	return text_climbs(index, 0, length);
}

/* The event of what was opened, if it is wanted whose name this is: see open_tell. */
static __always_inline void open_tell_watched(struct site *site, struct file *file, __u32 watch, __u32 in_kernel)
{
	if (watch == PATH_WATCHED || open_climbs(site->index, in_kernel))
		open_tell(site->index, (__u64)file, in_kernel);
}

/* Numbers of errors, those of calls that are begun again left out. A call that failed for want of a descriptor, or with a name that can't
 * be read or is too long, has not looked for a file.
 */
static __always_inline bool open_failed(__s64 result)
{
	return result < 0 && result >= -255 && result != -EFAULT && result != -EMFILE && result != -ENAMETOOLONG;
}

/* Most opens that fail look for a file where none is: what a rule asks for are others. */
static __always_inline bool open_failure_wanted(__s64 result)
{
	__u32 error = -result;

	return open_failed(result) && file_wanted(FILE_BIT(EVENT_FILE_OPEN_FAILED)) &&
	       wants.errors & (error < 32 ? 1u << error : 1);
}

static __always_inline void open_tell_failed(struct site *site, struct sys_exit *exit, struct task_struct *task)
{
	struct image_scratch *scratch;
	__s32 folder;
	__u64 name;

	if (!open_failure_wanted(exit->result))
		return;
	name = open_name(exit, task, &folder);
	scratch = name ? file_begin(site, task, EVENT_FILE_OPEN_FAILED) : NULL;
	if (!scratch)
		return;
	scratch->call.name = name;
	scratch->call.folder = folder;
	scratch->call.mode = open_asked(exit, task);
	scratch->call.error = -exit->result;
	file_failed(site->index, 0);
	image_leave(scratch);
}

/* open, openat, openat2, creat, open_by_handle_at */
CALL_PROGRAM(file_open, openat)
{
	struct image_scratch *scratch;
	struct task_struct *task;
	struct file *file;
	struct site site;
	__u32 given, kind, watch;
	__s32 folder;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_FILE_OPEN))
		return;
	task = CURRENT();
	if (exit->result < 0) {
		open_tell_failed(&site, exit, task);
		return;
	}
	if (!file_wanted(OPEN_KINDS))
		return;
	file = fd_file(task, exit->result);
	given = open_asked(exit, task) & (O_CREAT | O_EXCL | O_TRUNC);
	kind = file ? open_wanted(file, given, &watch) : 0;
	scratch = kind ? file_begin(&site, task, kind) : NULL;
	if (!scratch)
		return;
	scratch->call.mode = given;
	if (watch == PATH_CLIMBING || wants.given & FILE_BIT(kind))
		scratch->call.name = open_name(exit, task, &folder);
	open_tell_watched(&site, file, watch, 0);
	image_leave(scratch);
}

/* The scratch for an event of the present thread. */
static __always_inline struct image_scratch *opened_scratch(struct site *site, __u32 kind)
{
	struct image_scratch *scratch = trampoline_scratch(site, PROGRAM_FILE_OPENED);

	if (!scratch)
		return NULL;
	__builtin_memset(&scratch->call, 0, sizeof(scratch->call));
	scratch->call.task = (__u64)CURRENT();
	scratch->call.kind = kind;
	return scratch;
}

static __always_inline int opened_nothing(struct site *site, struct filename *name, __s32 folder, __u32 asked,
					  __s64 result)
{
	struct image_scratch *scratch;

	if (!open_failure_wanted(result))
		return 0;
	scratch = opened_scratch(site, EVENT_FILE_OPEN_FAILED);
	if (!scratch)
		return 0;
	scratch->call.name = (__u64)BPF_CORE_READ(name, name);
	scratch->call.folder = folder;
	scratch->call.mode = asked;
	scratch->call.error = -result;
	file_failed(site->index, 1);
	trampoline_leave(scratch);
	return 0;
}

/* struct file *do_filp_open(int, struct filename *, const struct open_flags *), do_file_open() in 7.2: whoever opens by a name comes
 * through it, the calls above but for open_by_handle_at, and beside them 32-bit calls and io_uring.
 */
SEC("fexit/do_filp_open")
int file_opened(__u64 *arguments)
{
	struct filename *name = (void *)arguments[1];
	struct open_flags *how = (void *)arguments[2];
	struct file *file = NULL;
	struct task_struct *task = CURRENT();
	struct image_scratch *scratch;
	struct site site;
	__u32 asked, given, kind, watch;

	if (!trampoline_enter(&site, task, PROGRAM_FILE_OPENED) ||
	    !file_wanted(OPEN_KINDS | FILE_BIT(EVENT_FILE_OPEN_FAILED)))
		return 0;
	/* An exec is told as such, and that it looks for its program along PATH is no open. */
	asked = BPF_CORE_READ(how, open_flag);
	if (asked & FMODE_EXEC)
		return 0;
	/* The result as a number: to the verifier the argument is a pointer, with which nobody may reckon or, in 5.10, call a function. */
	bpf_probe_read_kernel(&file, sizeof(file), &arguments[3]);
	if ((__u64)file >= (__u64)-MAX_ERRNO)
		return opened_nothing(&site, name, arguments[0], asked, (__s64)file);
	given = asked & (O_CREAT | O_EXCL | O_TRUNC);
	kind = open_wanted(file, given, &watch);
	scratch = kind ? opened_scratch(&site, kind) : NULL;
	if (!scratch)
		return 0;
	scratch->call.mode = given;
	if (watch == PATH_CLIMBING || wants.given & FILE_BIT(kind))
		scratch->call.name = (__u64)BPF_CORE_READ(name, name);
	open_tell_watched(&site, file, watch, 1);
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
