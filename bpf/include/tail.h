/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Strings behind the fixed part of a record. `at` counts from the record's first byte and is a multiple of eight; each
 * function answers where the next string begins. A record that has no room for a string goes without it.
 */
#pragma once
#include "ring.h"

#define STRING_BYTES 4096
#define UNREADABLE   0xffffffffu

/* Where the bytes go. The last eight are zeroed first: what an earlier record left there must not leave with this one. */
static __always_inline __u8 *tail_begin(__u8 *record, __u32 at, __u32 length, const __u32 room)
{
	if (at > room - STRING_BYTES - 2 * sizeof(struct event_string) || length > STRING_BYTES)
		return NULL;
	*(__u64 *)(record + at + sizeof(struct event_string) + (length & ~7u)) = 0;
	return record + at + sizeof(struct event_string);
}

static __always_inline __u32 tail_end(__u8 *record, __u32 at, enum string_id id, __u32 length, __u32 total)
{
	struct event_string *string = (void *)(record + at);

	string->id = id;
	string->length = length;
	string->total = total;
	at += sizeof(*string) + ((length + 7) & ~7u);
	OPAQUE(at); /* one state for the verifier, whatever the string was */
	return at;
}

/* Adds `length` bytes of kernel memory. */
static __always_inline __u32 tail_bytes(__u8 *record, __u32 at, const __u32 room, enum string_id id,
					const void *source, __u32 length)
{
	__u8 *bytes;

	OPAQUE(length);
	OPAQUE(at);
	bytes = tail_begin(record, at, length, room);
	if (!bytes)
		return at;
	if (bpf_probe_read_kernel(bytes, length, source))
		return tail_end(record, at, id, 0, UNREADABLE);
	return tail_end(record, at, id, length, length);
}

/* Adds a string that ends with NUL. */
static __always_inline __u32 tail_text(__u8 *record, __u32 at, const __u32 room, enum string_id id,
				       const void *source, const __u32 limit)
{
	__u8 *bytes;
	long length;

	OPAQUE(at);
	bytes = tail_begin(record, at, 0, room);
	if (!bytes)
		return at;
	length = bpf_probe_read_kernel_str(bytes, limit, source);
	if (length <= 0 || length > limit)
		return tail_end(record, at, id, 0, UNREADABLE);
	length--; /* without the NUL */
	OPAQUE(length); /* 5.10 doesn't bring the bounds above through the subtraction: the mask must stay */
	length &= STRING_BYTES - 1;
	/* Its length was not known before: zero from its end to the next multiple of eight. */
	for (__u32 i = 0; i < 8; i++)
		bytes[length + i] = 0;
	return tail_end(record, at, id, length, length);
}

/* Adds user memory of the present process. */
static __always_inline __u32 tail_user(__u8 *record, __u32 at, const __u32 room, enum string_id id, __u64 source,
				       __u32 length, __u32 total)
{
	__u8 *bytes;

	OPAQUE(length);
	OPAQUE(at);
	bytes = tail_begin(record, at, length, room);
	if (!bytes)
		return at;
	if (bpf_probe_read_user(bytes, length, (const void *)source))
		return tail_end(record, at, id, 0, UNREADABLE);
	return tail_end(record, at, id, length, total);
}

/* Adds a string of the present process that ends with NUL. */
static __always_inline __u32 tail_user_text(__u8 *record, __u32 at, const __u32 room, enum string_id id, __u64 source)
{
	__u8 *bytes;
	long length;

	OPAQUE(at);
	bytes = tail_begin(record, at, 0, room);
	if (!bytes)
		return at;
	length = bpf_probe_read_user_str(bytes, STRING_BYTES, (const void *)source);
	if (length <= 0 || length > STRING_BYTES)
		return tail_end(record, at, id, 0, UNREADABLE);
	length--;
	OPAQUE(length);
	length &= STRING_BYTES - 1;
	for (__u32 i = 0; i < 8; i++)
		bytes[length + i] = 0;
	return tail_end(record, at, id, length, length);
}
