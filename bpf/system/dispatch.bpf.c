// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The full form of dispatch: the end of every call, made by whichever numbers. Those that somebody wants are led to their
 * programs. What it costs the others is a look into a table.
 */
#include "kernel.h"
#include "event.h"
#include "ring.h"
#include "syscall.h"

/* By the machine's own number. The second is for calls that two programs are led to. */
struct calls {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, NUMBERS_COMPAT);
	__type(key, __u32);
	__type(value, __u32);
} calls SEC(".maps"), calls_again SEC(".maps");

/* As syscall_compat(), where possible without a helper for each step: this is run by everybody. */
static __always_inline bool caller_compat(void)
{
	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))
		return syscall_compat(CURRENT());
#if defined(__TARGET_ARCH_x86)
	return bpf_get_current_task_btf()->thread_info.status & TS_COMPAT;
#else
	return bpf_get_current_task_btf()->thread_info.flags >> TIF_32BIT & 1;
#endif
}

static __always_inline int lead(__u64 *arguments, void *table, enum program_id program)
{
	struct pt_regs *regs = (void *)arguments[0];
	struct site site;
#if defined(__TARGET_ARCH_x86)
	__u32 slot = number_slot(regs->orig_ax, caller_compat(), regs->bx);
#else
	__u32 slot = number_slot(regs->syscallno, caller_compat());
#endif
	__u32 *number = bpf_map_lookup_elem(&call_numbers, &slot);

	if (number && *number && site_enter(&site, CONTEXT_TASK, program))
		bpf_tail_call(arguments, table, *number - 1);
	return 0;
}

SEC("tp_btf/sys_exit")
int dispatch(__u64 *arguments)
{
	return lead(arguments, &calls, PROGRAM_DISPATCH);
}

SEC("tp_btf/sys_exit")
int dispatch_again(__u64 *arguments)
{
	return lead(arguments, &calls_again, PROGRAM_DISPATCH_AGAIN);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
