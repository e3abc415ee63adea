/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is wanted of what everything does: opening files, having an environment. */
#pragma once
#include "core.h"
#include "kernel.h"
#include "event.h"

/* Set by the loader as rules need it; nothing is wanted before. */
volatile struct wants wants __weak SEC(".data.wants") = {};

/* The watch list: for which kinds of file events a name is on it. ASCII letters are in lower case, as rules compare
 * them.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct watch_key);
	__type(value, __u32);
} watched __weak SEC(".maps");

/* ASCII letters of eight bytes in lower case. */
static __always_inline __u64 lower(__u64 bytes)
{
	const __u64 each = 0x0101010101010101ull;
	__u64 low = bytes & 0x7f * each;
	__u64 capital = (low + (0x80 - 'A') * each) ^ (low + (0x7f - 'Z') * each);

	return bytes | (capital & ~bytes & 0x80 * each) >> 2;
}

/* 0x80 in place of each of eight bytes that is a dot, 0 of the others. */
static __always_inline __u64 dots(__u64 bytes)
{
	const __u64 each = 0x0101010101010101ull;
	__u64 other = bytes ^ '.' * each;

	return ~(((other & 0x7f * each) + 0x7f * each) | other | 0x7f * each);
}
