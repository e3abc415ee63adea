// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Processes older than the sensor, as if each had just been executed. argv isn't there: it is not this task's memory. */
#include "kernel.h"
#include "event.h"
#include "image.h"

SEC("iter/task")
int iter_task(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct seq_file *seq = context->meta->seq;
	struct image_scratch *scratch;
	struct site site;
	__u32 at;

	if (!task || BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid))
		return 0;
	if (!site_enter(&site, CONTEXT_ITERATOR, PROGRAM_ITER_TASK))
		return 0;
	scratch = image_enter(&site, EVENT_PROCESS);
	if (!scratch)
		return 0;
	header_fill_for(&site, task, EVENT_PROCESS);
	scratch->event.header = site.scratch->header;
	at = image_fill(&site, scratch, task);
	at = task_names(&site, scratch->bytes, at, IMAGE_ROOM, task);
	scratch->event.header.size = at;
	OPAQUE(at);
	if (at <= IMAGE_ROOM)
		bpf_seq_write(seq, scratch->bytes, at);
	image_leave(scratch);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
