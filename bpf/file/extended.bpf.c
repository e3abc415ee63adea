// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Extended attributes, where the kernel sets them: whoever makes it do that, by whatever call.
 *
 * What does it knows the dentry alone. The mount is known to what follows at once: the kernel gives back the right to write to it, which it
 * takes for each such call. The first end keeps for the thread what the second tells.
 */
#include "kernel.h"
#include "event.h"
#include "trampoline.h"

/* Of a mount that belongs to none: -EINVAL. */
#define MNT_NS_INTERNAL ((__u64)-22)

struct extended {
	__u64 dentry;
	__s64 number;  /* of the call: what another one finds, since the second end was refused, is not its own */
	__u64 removed; /* not set */
};

/* By task_struct. An entry is there for the last steps of a call: the oldest of so many is one that nobody will take back. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct extended);
} extended_set __weak SEC(".maps");

static __always_inline int extended_done(__u64 *arguments, enum program_id program, enum vfs_function function,
					 bool removed)
{
	struct task_struct *task = CURRENT();
	struct extended extended = {};
	__u64 key = (__u64)task;
	struct site site;

	if (!trampoline_enter(&site, task, program))
		return 0;
	extended.dentry = argument(arguments, vfs[function].dentry);
	extended.number = syscall_read(task).number;
	extended.removed = removed;
	if ((int)argument(arguments, vfs[function].result))
		bpf_map_delete_elem(&extended_set, &key);
	else
		bpf_map_update_elem(&extended_set, &key, &extended, BPF_ANY);
	return 0;
}

/* int ([of the mount,] struct dentry *, struct kernel_xattr_ctx *), before 6.0 setxattr(struct dentry *, name, value, size, flags): calls and
 * io_uring come through it, file systems that do it below themselves do not.
 */
SEC("fexit/do_setxattr")
int file_attribute_set(__u64 *arguments)
{
	return extended_done(arguments, PROGRAM_ATTRIBUTE_SET, VFS_SETXATTR, false);
}

#if defined(__TARGET_ARCH_x86)
enum { REMOVEXATTR = 197, FREMOVEXATTR = 199, X32 = 1 << 30 };
#else
enum { REMOVEXATTR = 14, FREMOVEXATTR = 16, X32 = 0 };
#endif
enum { REMOVEXATTR_32 = 235, FREMOVEXATTR_32 = 237 };

/* File systems come to these functions too, in other calls. io_uring removes none. */
static __always_inline bool removing(struct task_struct *task)
{
	__s64 number = syscall_read(task).number & ~(__s64)X32;

	if (number == SYS_removexattrat)
		return true;
	if (syscall_compat(task))
		return number >= REMOVEXATTR_32 && number <= FREMOVEXATTR_32;
	return number >= REMOVEXATTR && number <= FREMOVEXATTR;
}

SEC("fexit/vfs_removexattr")
int file_attribute_removed(__u64 *arguments)
{
	if (!removing(CURRENT()))
		return 0;
	return extended_done(arguments, PROGRAM_ATTRIBUTE_REMOVED, VFS_REMOVEXATTR, true);
}

/* From 6.2 on for access control lists. */
SEC("fexit/vfs_remove_acl")
int file_attribute_acl(__u64 *arguments)
{
	if (!removing(CURRENT()))
		return 0;
	return extended_done(arguments, PROGRAM_ATTRIBUTE_ACL, VFS_REMOVE_ACL, true);
}

/* What is removed in an overlay is removed below it first: from a mount that belongs to no namespace. The overlay's own dentry takes its place then. */
static __always_inline bool below_overlay(struct extended *extended, struct vfsmount *mnt)
{
	struct mount *mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);

	return extended->removed && (__u64)BPF_CORE_READ(mount, mnt_ns) == MNT_NS_INTERNAL;
}

static __always_inline int extended_tell(struct vfsmount *mnt, enum program_id program)
{
	struct task_struct *task = CURRENT();
	struct dentry *dentry;
	struct image_scratch *scratch;
	struct extended *found, extended;
	__u64 key = (__u64)task;
	struct site site;

	found = bpf_map_lookup_elem(&extended_set, &key);
	if (!found)
		return 0;
	extended = *found;
	bpf_map_delete_elem(&extended_set, &key);
	dentry = (void *)extended.dentry;
	if (extended.number != syscall_read(task).number || below_overlay(&extended, mnt) ||
	    BPF_CORE_READ(dentry, d_sb) != BPF_CORE_READ(mnt, mnt_sb))
		return 0;
	scratch = change_begin(&site, program, EVENT_FILE_ATTRIBUTE, ATTRIBUTE_EXTENDED, 0);
	if (!scratch)
		return 0;
	file_changed(site.index, extended.dentry, (__u64)mnt);
	trampoline_leave(scratch);
	return 0;
}

/* void (struct vfsmount *): the file was named */
SEC("fexit/mnt_drop_write")
int file_attribute_by_name(__u64 *arguments)
{
	return extended_tell((void *)argument(arguments, 0), PROGRAM_ATTRIBUTE_BY_NAME);
}

/* void (struct file *): it was given by descriptor */
SEC("fexit/mnt_drop_write_file")
int file_attribute_by_file(__u64 *arguments)
{
	struct file *file = (void *)arguments[0];

	return extended_tell(BPF_CORE_READ(file, f_path.mnt), PROGRAM_ATTRIBUTE_BY_FILE);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
