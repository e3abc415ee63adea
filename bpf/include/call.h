/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What programs at the exits of single system calls share. Their arguments come from the registers that the process entered
 * with; what they name is looked up in the kernel, where it can't be changed any more.
 */
#pragma once
#include "dispatch.h"
#include "image.h"
#include "tail.h"
#include "task.h"

static __always_inline void call_fill(struct call_info *out, struct task_struct *task, __s64 result, enum call call)
{
	struct syscall now = syscall_read(task);

	out->arguments[0] = now.first;
	out->arguments[1] = now.second;
	out->arguments[2] = now.third;
	out->arguments[3] = now.fourth;
	out->result = result;
	out->call = call;
	__builtin_memset(out->pad, 0, sizeof(out->pad));
}

/* Without a call. */
static __always_inline void call_none(struct call_info *out)
{
	__builtin_memset(out, 0, sizeof(*out));
}

static __always_inline struct sock *file_sock(struct file *file)
{
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

/* Whom: every field but the name. */
static __always_inline void target_fill(struct target_info *out, struct task_struct *task)
{
	out->process.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	out->process.tgid = BPF_CORE_READ(task, tgid);
	out->process.exec_number = BPF_CORE_READ(task, self_exec_id);
	out->tid = BPF_CORE_READ(task, pid);
	out->uid = BPF_CORE_READ(task, cred, euid.val);
}

/* Records of these kinds are built in the site's scratch and have room for this much. */
#define CALL_ROOM sizeof(((struct scratch *)0)->bytes)

static __always_inline __u32 tail_comm(struct site *site, __u32 at, struct task_struct *task, enum string_id id)
{
	return tail_text(site->scratch->bytes, at, CALL_ROOM, id, task->comm, sizeof(task->comm));
}

/* Adds what the caller's memory says at `pointer` now; another thread may have changed it since the call. */
static __always_inline __u32 tail_said(struct site *site, __u32 at, enum string_id id, __u64 pointer, const __u32 limit)
{
	__u8 *bytes;
	long length;

	if (!pointer)
		return at;
	OPAQUE(at);
	bytes = tail_begin(site->scratch->bytes, at, 0, CALL_ROOM);
	if (!bytes)
		return at;
	length = bpf_probe_read_user_str(bytes, limit, (const void *)pointer);
	if (length <= 0 || length > limit)
		return tail_end(site->scratch->bytes, at, id, 0, UNREADABLE);
	length--; /* without the NUL */
	OPAQUE(length);
	length &= STRING_BYTES - 1;
	for (__u32 i = 0; i < 8; i++)
		bytes[length + i] = 0;
	return tail_end(site->scratch->bytes, at, id, length, length);
}

/* Sends what stands in the scratch, `at` bytes of it. */
static __always_inline void call_send(struct site *site, __u32 at, enum event_kind kind)
{
	OPAQUE(at);
	if (at <= CALL_ROOM)
		security_send(site, &site->scratch->header, kind, at);
}

/* A program of its own for a call that somebody wants to see: others then cost nothing. */
#define CALL_EXIT(noun, name, body)        \
	CALL_PROGRAM(noun##_##name, name) \
	{                                  \
		body;                      \
	}
