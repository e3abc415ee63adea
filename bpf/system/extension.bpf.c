// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Something was added to the kernel: a BPF program, its attachment, a probe, a module, another kernel to go on with. */
#include "kernel.h"
#include "event.h"
#include "call.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_prog_aux {
	u32 id;
	char name[16];
};
enum bpf_prog_type { BPF_PROG_TYPE_UNSPEC = 0 };
struct bpf_prog {
	enum bpf_prog_type type;
	struct bpf_prog_aux *aux;
};
struct bpf_link {
	struct bpf_prog *prog;
};
struct perf_event_attr {
	u32 type;
	u64 config;
	u64 config1;
};
struct perf_event {
	struct perf_event_attr attr;
	struct trace_event_call *tp_event;
};
#pragma clang attribute pop

#define BPF_PROG_LOAD		5
#define BPF_PROG_ATTACH		8
#define BPF_RAW_TRACEPOINT_OPEN 17
#define BPF_LINK_CREATE		28

#define PERF_TYPE_TRACEPOINT 2
#define PATH_BYTES	     256

static __always_inline __u32 extension_begin(struct site *site, struct task_struct *task, __s64 result, enum call call,
					     enum extension_kind what)
{
	struct extension_event *event = &site->scratch->extension;

	header_fill_for(site, task, EVENT_EXTENSION);
	call_fill(&event->call, task, result, call);
	event->kind = 0;
	event->id = 0;
	event->what = what;
	__builtin_memset(event->pad, 0, sizeof(event->pad));
	return tail_comm(site, sizeof(*event), task, STRING_COMM);
}

static __always_inline __u32 program_tail(struct site *site, __u32 at, struct bpf_prog *program)
{
	struct extension_event *event = &site->scratch->extension;
	struct bpf_prog_aux *aux;

	if (!program)
		return at;
	aux = BPF_CORE_READ(program, aux);
	event->kind = BPF_CORE_READ(program, type);
	event->id = BPF_CORE_READ(aux, id);
	return tail_text(site->scratch->bytes, at, CALL_ROOM, STRING_DETAIL, aux->name, sizeof(aux->name));
}

static __always_inline void commanded(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT();
	__u64 command = syscall_first(task);
	struct bpf_prog *program = NULL;
	struct bpf_link *link;
	struct file *file;
	struct site site;
	__u32 at;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_BPF) || exit->result < 0)
		return;
	if (command != BPF_PROG_LOAD && command != BPF_PROG_ATTACH && command != BPF_RAW_TRACEPOINT_OPEN &&
	    command != BPF_LINK_CREATE)
		return;
	at = extension_begin(&site, task, exit->result, CALL_BPF,
			     command == BPF_PROG_LOAD ? EXTENSION_PROGRAM : EXTENSION_LINK);
	file = command == BPF_PROG_ATTACH ? NULL : fd_file(task, exit->result);
	if (file && command == BPF_PROG_LOAD) {
		program = BPF_CORE_READ(file, private_data);
	} else if (file) {
		link = BPF_CORE_READ(file, private_data);
		program = BPF_CORE_READ(link, prog);
	}
	call_send(&site, program_tail(&site, at, program), EVENT_EXTENSION);
}

CALL_EXIT(extension, bpf, commanded(exit))

/* Counters of hardware and software see nothing of what others do. */
static __always_inline void probed(struct sys_exit *exit)
{
	struct task_struct *task = CURRENT();
	struct perf_event *perf;
	struct file *file;
	struct site site;
	__u32 at, type;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_PERF_EVENT_OPEN) || exit->result < 0)
		return;
	file = fd_file(task, exit->result);
	if (!file)
		return;
	perf = BPF_CORE_READ(file, private_data);
	if (!BPF_CORE_READ(perf, tp_event))
		return;
	type = BPF_CORE_READ(perf, attr.type);
	at = extension_begin(&site, task, exit->result, CALL_PERF_EVENT_OPEN, EXTENSION_PROBE);
	site.scratch->extension.kind = type;
	site.scratch->extension.id = BPF_CORE_READ(perf, attr.config);
	if (type != PERF_TYPE_TRACEPOINT)
		at = tail_said(&site, at, STRING_DETAIL, BPF_CORE_READ(perf, attr.config1), PATH_BYTES);
	call_send(&site, at, EVENT_EXTENSION);
}

CALL_EXIT(extension, perf_event_open, probed(exit))

static __always_inline void loaded(struct sys_exit *exit, enum call call, enum program_id program,
				   enum extension_kind what)
{
	struct task_struct *task = CURRENT();
	struct file *file = NULL;
	struct site site;
	__u32 at;

	if (!site_enter(&site, CONTEXT_TASK, program) || exit->result < 0)
		return;
	at = extension_begin(&site, task, exit->result, call, what);
	if (call == CALL_FINIT_MODULE)
		file = fd_file(task, site.scratch->extension.call.arguments[0]);
	if (file)
		at = tail_text(site.scratch->bytes, at, CALL_ROOM, STRING_DETAIL,
			       BPF_CORE_READ(file, f_path.dentry, d_name.name), PATH_BYTES);
	call_send(&site, at, EVENT_EXTENSION);
}

CALL_EXIT(extension, init_module, loaded(exit, CALL_INIT_MODULE, PROGRAM_INIT_MODULE, EXTENSION_MODULE))
CALL_EXIT(extension, finit_module, loaded(exit, CALL_FINIT_MODULE, PROGRAM_FINIT_MODULE, EXTENSION_MODULE))
CALL_EXIT(extension, kexec_load, loaded(exit, CALL_KEXEC_LOAD, PROGRAM_KEXEC_LOAD, EXTENSION_KERNEL))
CALL_EXIT(extension, kexec_file_load, loaded(exit, CALL_KEXEC_FILE_LOAD, PROGRAM_KEXEC_FILE_LOAD, EXTENSION_KERNEL))

char LICENSE[] SEC("license") = "Dual BSD/GPL";
