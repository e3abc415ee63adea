/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What each thread was last seen to hold, and whether what it holds now can have come of that.
 *
 * The question isn't by which calls, but whether there is any lawful way at all: without an exec a thread may take on only ids
 * that it has, unless it may take any; its permitted capabilities only shrink; and a user namespace it may only go down to. An
 * exec adds to that only where the image says so, which the kernel marks as secure, or for root. So calls that were missed, an
 * entry that was forgotten, and a 32-bit call change nothing: what can't be is a kernel that was made to do it.
 */
#pragma once
#include "image.h"

struct held {
	__u64 start_ns; /* of the thread: tells it from an earlier one at the same address */
	__u64 user_ns;	/* address */
	__u32 level;	/* of the user namespace, the first one has 0 */
	__u32 pad;
	struct credentials now;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* task_struct */
	__type(value, struct held);
} held_by __weak SEC(".maps");

static __always_inline void held_read(struct held *held, struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);

	held->start_ns = BPF_CORE_READ(task, start_boottime);
	held->user_ns = (__u64)BPF_CORE_READ(cred, user_ns);
	held->level = BPF_CORE_READ(cred, user_ns, level);
	held->pad = 0;
	credentials_fill(&held->now, cred);
}

static __always_inline bool id_among(const struct credentials *had, __u32 id)
{
	return id == had->uid || id == had->euid || id == had->suid;
}

/* `executed`: an image that is not secure was executed between. */
static __always_inline bool held_lawfully(const struct held *before, const struct held *after, bool executed)
{
	const struct credentials *had = &before->now, *has = &after->now;
	bool root = !had->uid || !had->euid || !had->suid;

	if (has->effective & ~has->permitted)
		return false;
	if (before->user_ns != after->user_ns)
		return after->level > before->level;
	/* Root has all again after an exec; in a namespace of its own anybody may be root. */
	if (has->permitted & ~had->permitted && !(executed && (root || before->level)))
		return false;
	if (had->permitted >> CAP_SETUID & 1 || (executed && root))
		return true;
	return id_among(had, has->uid) && id_among(had, has->euid) && id_among(had, has->suid) &&
	       (id_among(had, has->fsuid) || has->fsuid == had->fsuid);
}

static __always_inline bool credentials_equal(const struct credentials *one, const struct credentials *other)
{
	const __u64 *a = (const void *)one, *b = (const void *)other;
	__u64 differ = 0;

	for (__u32 i = 0; i < sizeof(*one) / sizeof(*a); i++)
		differ |= a[i] ^ b[i];
	return !differ;
}
