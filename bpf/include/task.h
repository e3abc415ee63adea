/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who acts: the header of an event. */
#pragma once
#include "compat.h"
#include "connection.h"
#include "ring.h"
#include "scope.h"
#include "stamp.h"
#include "tail.h"

/* The sensor's own processes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u8);
} own __weak SEC(".maps");

static __always_inline bool tgid_own(__u32 tgid)
{
	return bpf_map_lookup_elem(&own, &tgid);
}

static __always_inline void header_of(struct event_header *header, __u32 index, struct task_struct *task, __u32 kind)
{
	__u32 tgid = LOAD(task, tgid), tid = LOAD(task, pid);
	/* Not what the kernel may have it act as for a moment, as overlayfs does. */
	const struct cred *cred = LOAD(task, real_cred);
	__u8 context = index % CONTEXTS;

	header->time_ns = bpf_ktime_get_boot_ns();
	header->sequence = 0;
	header->start_ns = LOAD(task, group_leader, start_boottime);
	header->cgroup_id = LOAD(task_cgroup(task), kn, id);
	header->size = 0;
	header->kind = kind;
	header->cpu = index / CONTEXTS;
	header->tgid = tgid;
	header->tid = tid;
	header->exec_number = LOAD(task, self_exec_id);
	header->scope = scope_of(header->cgroup_id);
	header->uid = LOAD(cred, uid.val);
	header->euid = LOAD(cred, euid.val);
	header->flags = 0;
	if (task_compat(task))
		header->flags |= EVENT_COMPAT;
	if (LOAD(task, flags) & PF_KTHREAD)
		header->flags |= EVENT_KTHREAD;
	header->context = context;
	header->hook = context == CONTEXT_ITERATOR ? HOOKS_ITERATOR : config.hooks;
	header->verdict = 0;
	header->ring = 0;
	header->pad[0] = 0;
	header->pad[1] = 0;
	serving_read(&header->serving, task);
	origin_read(&header->origin, tgid, header->start_ns);
	if ((!header->serving.layer && stamp_unknown(tid, LOAD(task, start_boottime))) ||
	    (!header->origin.layer && stamp_unknown(tgid, header->start_ns)))
		header->flags |= EVENT_STAMP_LOST;
}

/* Fills the header in the scratch of site `index`: all but sequence, size and ring, which the sending fills in. */
GLOBAL_FUNCTION int GLOBAL(header_fill)(__u32 index, __u64 task, __u32 kind)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &index);

	if (scratch)
		header_of(&scratch->header, index, CAST(struct task_struct, task), kind);
	return 0;
}

static __always_inline void header_fill_for(struct site *site, struct task_struct *task, enum event_kind kind)
{
	volatile __u64 *number = &site->scratch->io.task;

	*number = (__u64)task; /* out of a map it comes as a number: a typed pointer may not be passed */
	GLOBAL(header_fill)(site->index, *number, kind);
}

static __always_inline void owner_set(struct owner *owner, struct task_struct *task)
{
	owner->start_ns = LOAD(task, group_leader, start_boottime);
	owner->cgroup_id = LOAD(task_cgroup(task), kn, id);
	owner->tgid = LOAD(task, tgid);
	owner->tid = LOAD(task, pid);
	owner->exec_number = LOAD(task, self_exec_id);
	owner->scope = scope_of(owner->cgroup_id);
}

static __always_inline __u32 pid_in_namespace(struct pid *pid)
{
	__u32 level = BPF_CORE_READ(pid, level);

	return BPF_CORE_READ(pid, numbers[level].nr);
}

#define CGROUP_NAMES 3 /* a pod, its container, and what the runtime makes in it */
#define NAME_BYTES   256

/* As tail_text(), into the names of the scratch. */
static __always_inline __u32 name_put(struct scratch *scratch, __u32 at, __u32 id, const void *source)
{
	struct event_string *string;
	__u8 *bytes;
	long length;

	OPAQUE(at);
	if (at > NAMES_BYTES - NAME_BYTES - 2 * sizeof(*string))
		return at;
	string = (void *)(scratch->names + at);
	bytes = scratch->names + at + sizeof(*string);
	string->id = id;
	string->length = 0;
	string->total = UNREADABLE;
	at += sizeof(*string);
	length = bpf_probe_read_kernel_str(bytes, NAME_BYTES, source);
	if (length <= 0 || length > NAME_BYTES)
		return at;
	length--; /* without the NUL */
	OPAQUE(length);
	length &= NAME_BYTES - 1;
	for (__u32 i = 0; i < 8; i++)
		bytes[length + i] = 0;
	string->length = length;
	string->total = length;
	return at + ((length + 7) & ~7u);
}

/* The names of a cgroup, of its parent and of that one's, as far as they are not the root's: where it is reached, the path is
 * whole. Ids: that of the leaf, and that of the parent, with the grandparent's behind it.
 */
static __always_inline __u32 cgroup_names(struct scratch *scratch, __u32 at, enum string_id leaf, enum string_id parent,
					  struct cgroup *cgroup)
{
	struct cgroup_subsys_state *above;

	for (__u32 i = 0; i < CGROUP_NAMES; i++) {
		above = BPF_CORE_READ(cgroup, self.parent);
		if (!above)
			break;
		at = name_put(scratch, at, i ? parent + i - 1 : leaf, BPF_CORE_READ(cgroup, kn, name));
		cgroup = BPF_CORE_READ(above, cgroup);
	}
	return at;
}

/* The names that nobody can ask for later: of the command, and of the cgroup that may be gone by then. Into the scratch of site
 * `index`, as strings of a tail; verified once, not wherever they are needed.
 */
GLOBAL_FUNCTION int GLOBAL(names_fill)(__u32 index, __u64 number)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &index);
	struct task_struct *task = CAST(struct task_struct, number);
	__u32 at;

	if (!scratch)
		return 0;
	at = name_put(scratch, 0, STRING_COMM, task->comm);
	at = cgroup_names(scratch, at, STRING_CGROUP, STRING_CGROUP_PARENT, task_cgroup(task));
	if (config.cgroup_subsys != CGROUP_DEFAULT)
		at = cgroup_names(scratch, at, STRING_UNIFIED, STRING_UNIFIED_PARENT, LOAD(task, cgroups, dfl_cgrp));
	scratch->names_length = at;
	return 0;
}

static __always_inline __u32 task_names(struct site *site, __u8 *record, __u32 at, const __u32 room,
					struct task_struct *task)
{
	volatile __u64 *number = &site->scratch->io.task;
	__u32 length;

	*number = (__u64)task; /* as in header_fill_for() */
	GLOBAL(names_fill)(site->index, *number);
	length = site->scratch->names_length;
	OPAQUE(length);
	OPAQUE(at);
	if (length > NAMES_BYTES || at > room - NAMES_BYTES)
		return at;
	if (bpf_probe_read_kernel(record + at, length, site->scratch->names))
		return at;
	at += length;
	OPAQUE(at);
	return at;
}
