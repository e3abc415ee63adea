/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The system call at hand: which it is and what it was asked, by whichever numbers. */
#pragma once
#include "compat.h"
#include "config.h"

/* What each of the kernel's numbers is, where one program sees the ends of all calls: that of the same call among the machine's
 * own numbers, and 1; 0: nobody has asked for it. Filled by bpf/src/dispatch.rs.
 */
#define NUMBERS_OWN	   0
#define NUMBERS_COMPAT	   512	/* of 32-bit calls */
#define NUMBERS_SOCKETCALL 1024 /* of what socketcall, which is one of those, was asked for */
#define NUMBERS_X32	   1056 /* of those from 512 on, which x32 has for itself */
#define NUMBERS		   1120
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NUMBERS);
	__type(key, __u32);
	__type(value, __u32);
} call_numbers __weak SEC(".maps");

struct syscall {
	s64 number; /* as the caller gave it */
	u64 first, second, third, fourth, fifth;
};

/* Its place in call_numbers; NUMBERS: it has none. */
static __always_inline __u32 number_place(__u32 number, __u32 space, __u32 room)
{
	return number < room ? space + number : NUMBERS;
}

#if defined(__TARGET_ARCH_x86)
#define X32_BIT		  (1u << 30)
#define X32_FIRST	  512
#define SOCKETCALL_COMPAT 102
#define OLD_MMAP_COMPAT	  90

/* `asked`: the first argument of socketcall. */
static __always_inline __u32 number_slot(__u32 number, bool compat, __u32 asked)
{
	if (compat && number == SOCKETCALL_COMPAT)
		return number_place(asked, NUMBERS_SOCKETCALL, NUMBERS_X32 - NUMBERS_SOCKETCALL);
	if (compat)
		return number_place(number, NUMBERS_COMPAT, NUMBERS_SOCKETCALL - NUMBERS_COMPAT);
	if (number >= (X32_BIT | X32_FIRST))
		return number_place(number - (X32_BIT | X32_FIRST), NUMBERS_X32, NUMBERS - NUMBERS_X32);
	return number_place(number & ~X32_BIT, NUMBERS_OWN, NUMBERS_COMPAT);
}

static __always_inline __u32 syscall_slot(struct task_struct *task)
{
	struct pt_regs *regs = task_registers(task);

	return number_slot(LOAD(regs, orig_ax), syscall_compat(task), LOAD(regs, bx));
}

/* 32-bit calls have other registers, and two of them have their arguments in memory. */
static __always_inline struct syscall syscall_read_compat(struct pt_regs *regs)
{
	__u32 words[5] = {LOAD(regs, bx), LOAD(regs, cx), LOAD(regs, dx), LOAD(regs, si), LOAD(regs, di)};
	__u32 number = LOAD(regs, orig_ax);

	if (number == SOCKETCALL_COMPAT)
		bpf_probe_read_user(words, sizeof(words), (void *)(u64)words[1]);
	if (number == OLD_MMAP_COMPAT)
		bpf_probe_read_user(words, sizeof(words), (void *)(u64)words[0]);
	return (struct syscall){number, words[0], words[1], words[2], words[3], words[4]};
}
#else
static __always_inline __u32 number_slot(__u32 number, bool compat)
{
	return compat ? number_place(number, NUMBERS_COMPAT, NUMBERS_SOCKETCALL - NUMBERS_COMPAT)
		      : number_place(number, NUMBERS_OWN, NUMBERS_COMPAT);
}

static __always_inline __u32 syscall_slot(struct task_struct *task)
{
	struct pt_regs *regs = task_registers(task);

	return number_slot(LOAD(regs, syscallno), syscall_compat(task));
}

static __always_inline struct syscall syscall_read_compat(struct pt_regs *regs)
{
	return (struct syscall){LOAD(regs, syscallno), (u32)LOAD(regs, orig_x0), (u32)LOAD(regs, regs[1]),
				(u32)LOAD(regs, regs[2]), (u32)LOAD(regs, regs[3]), (u32)LOAD(regs, regs[4])};
}
#endif

/* A 32-bit call, to which only the full form of dispatch leads. */
static __always_inline bool syscall_is_compat(struct task_struct *task)
{
	return config.dispatch == DISPATCH_FULL && syscall_compat(task);
}

/* One argument alone, by the registers of x86-64 and arm64: before anything says that the rest is wanted. */
#if defined(__TARGET_ARCH_x86)
#define OWN_REGISTER(x86, arm64) x86
#else
#define OWN_REGISTER(x86, arm64) arm64
#endif
#define SYSCALL_ARGUMENT(argument, x86, arm64)                                  \
	static __always_inline u64 syscall_##argument(struct task_struct *task) \
	{                                                                       \
		struct pt_regs *regs = task_registers(task);                    \
                                                                                \
		if (syscall_is_compat(task))                                    \
			return syscall_read_compat(regs).argument;              \
		return LOAD(regs, OWN_REGISTER(x86, arm64));                    \
	}
SYSCALL_ARGUMENT(first, di, orig_x0)
SYSCALL_ARGUMENT(second, si, regs[1])
SYSCALL_ARGUMENT(third, dx, regs[2])

static __always_inline struct syscall syscall_read(struct task_struct *task)
{
	struct pt_regs *regs = task_registers(task);

	if (syscall_is_compat(task))
		return syscall_read_compat(regs);
#if defined(__TARGET_ARCH_x86)
	return (struct syscall){LOAD(regs, orig_ax), LOAD(regs, di), LOAD(regs, si), LOAD(regs, dx), LOAD(regs, r10),
				LOAD(regs, r8)};
#else
	return (struct syscall){LOAD(regs, syscallno), LOAD(regs, orig_x0), LOAD(regs, regs[1]), LOAD(regs, regs[2]),
				LOAD(regs, regs[3]), LOAD(regs, regs[4])};
#endif
}

#if defined(__TARGET_ARCH_x86)
enum { SYS_open = 2, SYS_rename = 82, SYS_mkdir = 83, SYS_rmdir = 84, SYS_creat = 85, SYS_link = 86, SYS_chmod = 90,
       SYS_fchmod = 91, SYS_chown = 92, SYS_fchown = 93, SYS_lchown = 94, SYS_utime = 132, SYS_fsetxattr = 190, SYS_fremovexattr = 199,
       SYS_utimes = 235, SYS_openat = 257, SYS_mkdirat = 258, SYS_mknodat = 259, SYS_fchownat = 260,
       SYS_futimesat = 261, SYS_unlinkat = 263, SYS_symlinkat = 266, SYS_fchmodat = 268, SYS_utimensat = 280 };
#else
enum { SYS_fsetxattr = 7, SYS_fremovexattr = 16, SYS_mknodat = 33, SYS_mkdirat = 34, SYS_unlinkat = 35,
       SYS_symlinkat = 36, SYS_fchmod = 52, SYS_fchmodat = 53, SYS_fchownat = 54, SYS_fchown = 55, SYS_openat = 56,
       SYS_utimensat = 88 };
#endif
enum { SYS_openat2 = 437, SYS_fchmodat2 = 452, SYS_setxattrat = 463, SYS_removexattrat = 466 };
#if defined(__TARGET_ARCH_x86)
enum { SYS_read = 0, SYS_write = 1, SYS_readv = 19, SYS_writev = 20, SYS_sendto = 44, SYS_recvfrom = 45,
       SYS_sendmsg = 46, SYS_recvmsg = 47, SYS_recvmmsg = 299, SYS_sendmmsg = 307, SYS_preadv2 = 327,
       SYS_pwritev2 = 328 };
#else
enum { SYS_read = 63, SYS_write = 64, SYS_readv = 65, SYS_writev = 66, SYS_sendto = 206, SYS_recvfrom = 207,
       SYS_sendmsg = 211, SYS_recvmsg = 212, SYS_recvmmsg = 243, SYS_sendmmsg = 269, SYS_preadv2 = 286,
       SYS_pwritev2 = 287 };
#endif
#if defined(__TARGET_ARCH_x86)
enum { SYS_setpriority = 141, SYS_sched_setparam = 142, SYS_sched_setscheduler = 144, SYS_sched_setaffinity = 203,
       SYS_ioprio_set = 251, SYS_sched_setattr = 314 };
#else
enum { SYS_ioprio_set = 30, SYS_sched_setparam = 118, SYS_sched_setscheduler = 119, SYS_sched_setaffinity = 122,
       SYS_setpriority = 140, SYS_sched_setattr = 274 };
#endif
enum { SYS_io_uring_enter = 426 };
