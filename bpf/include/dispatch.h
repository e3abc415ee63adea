/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs at the ends of calls. They are led there in one of two forms (enum dispatch): sparse, by a tracepoint of each call,
 * which only the machine's own numbers reach and which costs other calls nothing; or full, by one program at the end of all
 * calls (system/dispatch.bpf.c), which knows the numbers of 32-bit and x32 programs too.
 */
#pragma once
#include "preempt.h"
#include "syscall.h"

/* The end of a call, whichever form has led here. */
struct sys_exit {
	s64 result;
	s32 number; /* among the machine's own */
};

/* Each word of a program's context by an instruction of its own: clang would make one of two, at an offset that is computed,
 * which the verifier refuses.
 */
#define CONTEXT_WORD(out, context, offset) \
	asm volatile("%0 = *(u64 *)(%1 + " #offset ")" : "=r"(out) : "r"(context))

/* tp/syscalls/sys_exit_*: what perf hands over, as the event's format file says: a word that all events have, the number, which
 * is half a word and is not cleared behind it, the result.
 */
static __always_inline bool sparse_exit(struct sys_exit *exit, void *context)
{
	u64 number;

	CONTEXT_WORD(number, context, 8);
	CONTEXT_WORD(exit->result, context, 16);
	exit->number = number;
	return true;
}

/* tp_btf/sys_exit(registers, result) */
static __always_inline bool full_exit(struct sys_exit *exit, void *context)
{
	__u32 slot = syscall_slot(CURRENT()), *number = bpf_map_lookup_elem(&call_numbers, &slot);

	CONTEXT_WORD(exit->result, context, 8);
	if (!number || !*number)
		return false;
	exit->number = *number - 1;
	return true;
}

/* A program for one call, or for several that do the same; what stands behind it is its body. The tracepoints of single calls
 * let nobody preempt it, the one of all calls does from 7.0 on.
 */
#define CALL_PROGRAM(program, call)                                                                       \
	static __always_inline void program##_body(struct sys_exit *exit);                                \
	SEC("tp/syscalls/sys_exit_" #call)                                                                \
	int program(void *context)                                                                        \
	{                                                                                                 \
		bool full = config.dispatch == DISPATCH_FULL;                                             \
		struct sys_exit exit;                                                                     \
                                                                                                          \
		if (full)                                                                                 \
			preempt_hold();                                                                   \
		if (full ? full_exit(&exit, context) : sparse_exit(&exit, context))                       \
			program##_body(&exit);                                                            \
		if (full)                                                                                 \
			preempt_release();                                                                \
		return 0;                                                                                 \
	}                                                                                                 \
	static __always_inline void program##_body(struct sys_exit *exit)
