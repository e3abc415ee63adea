/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What programs at functions of the kernel (fexit) share. Nothing holds off preemption in them. While a task is preempted inside of one, the
 * kernel refuses that one to others of the CPU, and counts it; another one may run, but there is only one scratch: what finds it taken is
 * counted here, and told with what the kernel refused.
 */
#pragma once
#include "file.h"

/* By enum program_id: events that are lost because the scratch was taken. Of each program at most one runs on a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROGRAMS);
	__type(key, __u32);
	__type(value, __u64);
} held_off __weak SEC(".maps");

/* Functions whose arguments differ by kernel. The loader looks them up in the kernel's types: bpf/src/trampoline.rs. */
enum vfs_function {
	VFS_RENAME,
	VFS_LINK,
	VFS_SYMLINK,
	VFS_UNLINK,
	VFS_RMDIR,
	VFS_MKDIR,
	VFS_MKNOD,
	VFS_CREATE,
	VFS_SETXATTR,
	VFS_REMOVEXATTR,
	VFS_REMOVE_ACL,
	VFS_FUNCTIONS
};
struct vfs_arguments {
	__u32 dentry; /* which one is the dentry; mode, or a link's text, come behind it */
	__u32 result; /* how many there are: behind them lies what the function has answered */
};
const volatile struct vfs_arguments vfs[VFS_FUNCTIONS] __weak SEC(".rodata.vfs") = {};

/* By a number that the verifier knows, but clang does not. */
static __always_inline __u64 argument(__u64 *arguments, __u32 number)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), arguments + number);
	return value;
}

/* What kernel threads do is nobody's doing. */
static __always_inline bool trampoline_enter(struct site *site, struct task_struct *task, enum program_id program)
{
	return site_enter(site, CONTEXT_TRAMPOLINE, program) &&
	       (BPF_CORE_READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER)) != PF_KTHREAD;
}

/* The scratch, for one at a time. Atomic additions are all that 5.10 has: of two that come at once neither may get it. */
static __always_inline struct image_scratch *trampoline_scratch(struct site *site, enum program_id program)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &site->index);
	__u32 number = program;
	__u64 *lost;

	if (!scratch)
		return NULL;
	__sync_fetch_and_add(&scratch->busy, 1);
	if (*(volatile __u32 *)&scratch->busy == 1)
		return scratch;
	__sync_fetch_and_add(&scratch->busy, -1);
	lost = bpf_map_lookup_elem(&held_off, &number);
	if (lost)
		++*lost;
	return NULL;
}

static __always_inline void trampoline_leave(struct image_scratch *scratch)
{
	__sync_fetch_and_add(&scratch->busy, -1);
}

/* The kernel has done it, or not: where it has and somebody wants to know, the scratch for the event. scratch.call is for more of what was given. */
static __always_inline struct image_scratch *change_begin(struct site *site, enum program_id program, __u32 kind,
							  enum file_attribute attribute, int result)
{
	struct image_scratch *scratch;

	if (!trampoline_enter(site, CURRENT(), program) || result || !change_wanted(kind, attribute))
		return NULL;
	scratch = trampoline_scratch(site, program);
	if (!scratch)
		return NULL;
	__builtin_memset(&scratch->call, 0, sizeof(scratch->call));
	scratch->call.kind = kind;
	scratch->call.attribute = attribute;
	return scratch;
}

static __always_inline int change_end(struct site *site, struct image_scratch *scratch, const struct path *path)
{
	struct place place = place_of(path);

	file_changed(site->index, (__u64)place.dentry, (__u64)place.mnt);
	trampoline_leave(scratch);
	return 0;
}
