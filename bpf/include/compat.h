/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What moved between kernels, one function each. Decided by what the kernel's BTF has, never by version. */
#pragma once
#include "core.h"
#include "kernel.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};
struct inode___before_6_6 {
	struct timespec64 i_ctime;
};
struct inode___before_6_11 {
	struct timespec64 __i_ctime;
};
struct inode___now {
	s64 i_ctime_sec;
	u32 i_ctime_nsec;
};
struct list_head {
	struct list_head *next;
};
struct file___before_5_11 {
	struct list_head f_ep_links;
};
#pragma clang attribute pop

/* i_ctime was wrapped in 6.6 (13bc24457850) and split into seconds and nanoseconds in 6.11 (3aa63a569c64). From 6.13 on
 * the highest bit of the nanoseconds says that somebody has asked for them (4e40eff0b573).
 */
#define CTIME_QUERIED (1u << 31)
static __always_inline u64 inode_ctime(struct inode *inode)
{
	struct inode___before_6_6 *first = (void *)inode;
	struct inode___before_6_11 *second = (void *)inode;
	struct inode___now *now = (void *)inode;

	if (bpf_core_field_exists(now->i_ctime_sec))
		return BPF_CORE_READ(now, i_ctime_sec) * 1000000000ull +
		       (BPF_CORE_READ(now, i_ctime_nsec) & ~CTIME_QUERIED);
	if (bpf_core_field_exists(second->__i_ctime))
		return BPF_CORE_READ(second, __i_ctime.tv_sec) * 1000000000ull +
		       BPF_CORE_READ(second, __i_ctime.tv_nsec);
	return BPF_CORE_READ(first, i_ctime.tv_sec) * 1000000000ull + BPF_CORE_READ(first, i_ctime.tv_nsec);
}

/* Is the file in an epoll set? f_ep points to the list of sets while there is one; before 5.11 the list itself lay in
 * the file (319c15174757).
 */
static __always_inline bool file_in_epoll(struct file *file)
{
#ifndef DIRECT_LOADS
	struct file___before_5_11 *old = (void *)file;

	if (bpf_core_field_exists(old->f_ep_links))
		return BPF_CORE_READ(old, f_ep_links.next) !=
		       (void *)file + bpf_core_field_offset(struct file___before_5_11, f_ep_links);
#endif
	return LOAD(file, f_ep);
}

#define TIF_32BIT 22 /* arm64 */
#define TS_COMPAT 2  /* x86 */

/* Is the task a 32-bit process? */
static __always_inline bool task_compat(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return LOAD(task, thread_info.flags) >> 29 & 1; /* TIF_ADDR32 */
#else
	return LOAD(task, thread_info.flags) >> TIF_32BIT & 1;
#endif
}

/* Was the present system call made with the 32-bit numbers? */
static __always_inline bool syscall_compat(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return LOAD(task, thread_info.status) & TS_COMPAT;
#else
	return task_compat(task);
#endif
}

/* THREAD_SIZE. Not every 5.10 names the union in its BTF: then the size of x86-64, and of arm64 with 4 KiB pages. If that
 * were wrong no call would be seen, which the self-test tells.
 */
static __always_inline __u64 stack_bytes(void)
{
	return bpf_core_type_exists(union thread_union) ? bpf_core_type_size(union thread_union) : 16384;
}

/* The registers that the task entered the kernel with. 5.10 has no helper: they lie at the end of the kernel stack. */
static __always_inline struct pt_regs *task_registers(struct task_struct *task)
{
#ifdef DIRECT_LOADS
	return (struct pt_regs *)bpf_task_pt_regs(task);
#else
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return BPF_CORE_READ(task, stack) + stack_bytes() - bpf_core_type_size(struct pt_regs);
#endif
}
