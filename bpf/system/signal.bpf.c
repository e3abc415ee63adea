// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A process sent another one a signal that ends or stops it. What the kernel itself sends isn't told, nor what a process does
 * to itself.
 */
#include "kernel.h"
#include "event.h"
#include "call.h"
#include "preempt.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sigaction {
	void *sa_handler;
};
struct k_sigaction {
	struct sigaction sa;
};
struct sighand_struct {
	struct k_sigaction action[64];
};
typedef struct {
	unsigned long sig[1];
} sigset_t;
struct task_struct___signal {
	struct sighand_struct *sighand;
	sigset_t blocked, real_blocked;
};
#pragma clang attribute pop

#define SEND_SIG_NOINFO 0
#define SEND_SIG_PRIV	1
#define SI_USER		0
/* To SI_TIMER: what the kernel has queued for a timer, a message, input. */
#define SI_SIGIO -5
#define SI_TIMER -2

#define SIGNALS 64
#define BIT(number) (1ull << (number))
/* HUP, INT, QUIT, ABRT, KILL, SEGV, TERM, STOP, TSTP: whatever the target makes of them. */
#define ENDING (BIT(1) | BIT(2) | BIT(3) | BIT(6) | BIT(9) | BIT(11) | BIT(15) | BIT(19) | BIT(20))
/* CHLD, CONT, URG, WINCH: they inform. All others end or stop who has no handler for them. */
#define INFORMING (BIT(17) | BIT(18) | BIT(23) | BIT(28))

/* enum of the tracepoint: queued, and queued without what is told of its sender. */
#define DELIVERED 0
#define LOSE_INFO 4

#if defined(__TARGET_ARCH_x86)
enum { QUEUE = 129, QUEUE_TO_THREAD = 297, QUEUE_32 = 178, QUEUE_TO_THREAD_32 = 335, QUEUE_X32 = 1 << 30 | 524,
       QUEUE_TO_THREAD_X32 = 1 << 30 | 536, X32 = 1 << 30 };
#else
enum { QUEUE = 138, QUEUE_TO_THREAD = 240, QUEUE_32 = 178, QUEUE_TO_THREAD_32 = 363, QUEUE_X32 = QUEUE,
       QUEUE_TO_THREAD_X32 = QUEUE_TO_THREAD, X32 = 0 };
#endif
enum { PIDFD_SEND_SIGNAL = 424 };

/* Is it in one of the calls whose caller says the code? */
static __always_inline bool says_code(struct task_struct *task)
{
	__s64 number = syscall_read(task).number;

	if (syscall_compat(task))
		return number == QUEUE_32 || number == QUEUE_TO_THREAD_32 || number == PIDFD_SEND_SIGNAL;
	return number == QUEUE || number == QUEUE_TO_THREAD || number == QUEUE_X32 || number == QUEUE_TO_THREAD_X32 ||
	       (number & ~(__s64)X32) == PIDFD_SEND_SIGNAL;
}

/* Codes of senders are negative, or zero for kill(2); who sends by a call of says_code() may take one of the kernel's. */
static __always_inline bool sent_by_process(struct task_struct *task, struct kernel_siginfo *info, __s32 *code)
{
	*code = SI_USER;
	if ((__u64)info == SEND_SIG_NOINFO)
		return true;
	if ((__u64)info == SEND_SIG_PRIV)
		return false;
	*code = BPF_CORE_READ(info, si_code);
	if (*code >= SI_SIGIO && *code <= SI_TIMER)
		return says_code(task);
	return *code <= SI_USER;
}

/* Does the target, which has got it, neither handle nor ignore it nor let it wait? Who takes signals by a signalfd blocks them, who
 * does by sigwait blocks them but while it waits. What somebody blocks for a moment ends it later, and is not told. The kernel
 * holds the lock of all that is read here.
 */
static __always_inline bool unhandled(__u32 number, struct task_struct *target)
{
	struct task_struct___signal *task = (void *)target;
	struct sighand_struct *hand = BPF_CORE_READ(task, sighand);
	unsigned long blocked;
	void *action = (void *)hand + bpf_core_field_offset(struct sighand_struct, action), *handler;

	/* signal(7) counts from one. */
	action += (number - 1) * bpf_core_type_size(struct k_sigaction);
	if (bpf_probe_read_kernel(&handler, sizeof(handler), action + bpf_core_field_offset(struct k_sigaction, sa.sa_handler)))
		return false;
	blocked = BPF_CORE_READ(task, blocked.sig[0]) | BPF_CORE_READ(task, real_blocked.sig[0]);
	return !handler && !(blocked >> (number - 1) & 1);
}

static __always_inline bool ends_or_stops(__u32 number, struct task_struct *target, __s32 result)
{
	if (!number || number > SIGNALS)
		return false;
	if (number < SIGNALS && ENDING >> number & 1)
		return true;
	if (number < SIGNALS && INFORMING >> number & 1)
		return false;
	return (result == DELIVERED || result == LOSE_INFO) && unhandled(number, target);
}

static __always_inline void sent(__u32 number, struct kernel_siginfo *info, struct task_struct *target, __s32 result)
{
	struct task_struct *task = CURRENT();
	struct signal_event *event;
	struct site site;
	__s32 code;
	__u32 at;

	if (BPF_CORE_READ(task, tgid) == BPF_CORE_READ(target, tgid) || BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return;
	if (!ends_or_stops(number, target, result) || !sent_by_process(task, info, &code))
		return;
	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_SIGNAL))
		return;
	event = &site.scratch->signal;
	header_fill_for(&site, task, EVENT_SIGNAL);
	target_fill(&event->target, target);
	event->code = code;
	event->signal = number;
	__builtin_memset(event->pad, 0, sizeof(event->pad));
	at = tail_comm(&site, sizeof(*event), task, STRING_COMM);
	at = tail_comm(&site, at, target, STRING_TARGET);
	call_send(&site, at, EVENT_SIGNAL);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_generate, int number, struct kernel_siginfo *info, struct task_struct *target, int group, int result)
{
	preempt_hold();
	sent(number, info, target, result);
	preempt_release();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
