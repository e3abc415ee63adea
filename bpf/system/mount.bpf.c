// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The tree of mounts changed, or what a process takes for its root. Where the kernel has a path it is the kernel's; mount(2) and
 * umount2(2) leave none behind, so theirs come from the caller and are marked.
 */
#include "kernel.h"
#include "event.h"
#include "call.h"

#define FSTYPE_BYTES 64
#define FROM_BYTES   1024

static __always_inline __u32 mount_begin(struct site *site, struct task_struct *task, __s64 result, enum call call,
					 enum mount_kind what, __u8 flags)
{
	struct mount_event *event = &site->scratch->mount;

	header_fill_for(site, task, EVENT_MOUNT);
	call_fill(&event->call, task, result, call);
	event->what = what;
	event->flags = flags;
	__builtin_memset(event->pad, 0, sizeof(event->pad));
	return tail_comm(site, sizeof(*event), task, STRING_COMM);
}

static __always_inline void mounted(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT();
	struct mount_event *event;
	struct site site;
	__u32 at;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_MOUNT) || exit->result < 0)
		return;
	event = &site.scratch->mount;
	at = mount_begin(&site, task, exit->result, CALL_MOUNT, MOUNT_MOUNTED, MOUNT_USER_PATHS);
	at = tail_said(&site, at, STRING_FSTYPE, event->call.arguments[2], FSTYPE_BYTES);
	at = tail_said(&site, at, STRING_FROM, event->call.arguments[0], FROM_BYTES);
	at = tail_said(&site, at, STRING_PLACE, event->call.arguments[1], STRING_BYTES);
	call_send(&site, at, EVENT_MOUNT);
}

CALL_EXIT(mount, mount, mounted(exit))

static __always_inline void unmounted(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT();
	struct site site;
	__u32 at;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_UMOUNT) || exit->result < 0)
		return;
	at = mount_begin(&site, task, exit->result, CALL_UMOUNT2, MOUNT_UNMOUNTED, MOUNT_USER_PATHS);
	at = tail_said(&site, at, STRING_PLACE, site.scratch->mount.call.arguments[0], STRING_BYTES);
	call_send(&site, at, EVENT_MOUNT);
}

CALL_EXIT(mount, umount, unmounted(exit))

/* As the first process of the namespace would name it: a process that changed its root has no other name for that. */
static __always_inline __u32 tail_place(struct site *site, __u32 at, struct place place)
{
	struct place nowhere = {};
	__u32 found;

	return tail_path(site->scratch->bytes, at, CALL_ROOM, STRING_PLACE, site, place, nowhere, &found);
}

/* The mount that a descriptor alone names; NULL: a path does. */
static __always_inline struct vfsmount *moved_mount(struct task_struct *task, const struct call_info *call)
{
	struct file *file;
	char first = 1;

	bpf_probe_read_user(&first, sizeof(first), (const void *)call->arguments[1]);
	if (first)
		return NULL;
	file = fd_file(task, call->arguments[0]);
	return file ? BPF_CORE_READ(file, f_path.mnt) : NULL;
}

/* The descriptor of what is moved stays with the mount, wherever that is now. */
static __always_inline void moved(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT();
	struct vfsmount *mount;
	struct call_info *call;
	struct place place;
	struct site site;
	__u32 at;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_MOVE_MOUNT) || exit->result < 0)
		return;
	at = mount_begin(&site, task, exit->result, CALL_MOVE_MOUNT, MOUNT_MOUNTED, 0);
	call = &site.scratch->mount.call;
	mount = moved_mount(task, call);
	if (mount) {
		place = (struct place){BPF_CORE_READ(mount, mnt_root), mount};
		at = tail_text(site.scratch->bytes, at, CALL_ROOM, STRING_FSTYPE,
			       BPF_CORE_READ(mount, mnt_sb, s_type, name), FSTYPE_BYTES);
		at = tail_place(&site, at, place);
	} else {
		site.scratch->mount.flags = MOUNT_USER_PATHS;
		at = tail_said(&site, at, STRING_FROM, call->arguments[1], FROM_BYTES);
		at = tail_said(&site, at, STRING_PLACE, call->arguments[3], STRING_BYTES);
	}
	call_send(&site, at, EVENT_MOUNT);
}

CALL_EXIT(mount, move_mount, moved(exit))

static __always_inline void root_changed(struct sys_exit *exit, enum call call, enum program_id program)
{
	struct task_struct *task = CURRENT();
	struct site site;
	__u32 at;

	if (!site_enter(&site, CONTEXT_TASK, program) || exit->result < 0)
		return;
	at = mount_begin(&site, task, exit->result, call, MOUNT_ROOT_CHANGED, 0);
	at = tail_place(&site, at, place_of(&BPF_CORE_READ(task, fs)->root));
	call_send(&site, at, EVENT_MOUNT);
}

CALL_EXIT(mount, pivot_root, root_changed(exit, CALL_PIVOT_ROOT, PROGRAM_PIVOT_ROOT))
CALL_EXIT(mount, chroot, root_changed(exit, CALL_CHROOT, PROGRAM_CHROOT))

char LICENSE[] SEC("license") = "Dual BSD/GPL";
