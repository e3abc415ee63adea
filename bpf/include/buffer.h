/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The memory of the process that a call has moved bytes from or to. Read after the call: another thread may have changed
 * it since.
 */
#pragma once
#include "ring.h"

#define VECTORS	      4 /* of a readv or writev that are looked into */
#define HEAD_BYTES    8

/* Finds up to VECTORS pieces of user memory. */
static __always_inline __u32 io_vectors(const struct io *io, struct user_iovec vectors[VECTORS])
{
	struct user_msghdr message;
	const void *array = (const void *)io->pointer;

	__builtin_memset(vectors, 0, sizeof(*vectors) * VECTORS);
	if (io->buffer == BUFFER_NONE)
		return 0;
	if (io->buffer == BUFFER_PLAIN) {
		vectors[0].base = array;
		vectors[0].length = io->length;
		return 1;
	}
	if (io->buffer == BUFFER_MESSAGE) {
		if (bpf_probe_read_user(&message, sizeof(message), array))
			return 0;
		array = message.vectors;
	}
	/* One at a time: an array may end at the end of its page. */
	if (bpf_probe_read_user(&vectors[0], sizeof(vectors[0]), array))
		return 0;
	if (vectors[0].length >= io->length)
		return 1;
	for (__u32 i = 1; i < VECTORS; i++) {
		if (bpf_probe_read_user(&vectors[i], sizeof(vectors[i]), array + i * sizeof(vectors[0])))
			return i;
	}
	return VECTORS;
}

/* Copies up to `wanted` bytes of what was moved to `out`, which has twice the room. Answers how many. */
static __always_inline __u32 io_copy(const struct io *io, __u8 *out, __u32 wanted, __u8 *flags)
{
	struct user_iovec vectors[VECTORS];
	__u32 found = io_vectors(io, vectors), done = 0;

	if (!found) {
		*flags |= io->buffer == BUFFER_NONE ? DATA_NO_BUFFER : DATA_UNREADABLE;
		return 0;
	}
	for (__u32 i = 0; i < VECTORS; i++) {
		__u64 length = vectors[i].length;

		if (i >= found || done >= wanted)
			break;
		if (length > wanted - done)
			length = wanted - done;
		OPAQUE(length);
		OPAQUE(done);
		if (length > PAYLOAD_BYTES || done > PAYLOAD_BYTES)
			break;
		if (bpf_probe_read_user(out + done, length, vectors[i].base)) {
			*flags |= DATA_UNREADABLE;
			break;
		}
		done += length;
	}
	return done;
}

/* Could these bytes begin an HTTP/1 message? Three capitals ("GET", "HTTP/"), perhaps after empty lines. What is shorter
 * counts as long as nothing speaks against it: else one byte sent ahead would hide a request.
 */
static __always_inline bool http_start(const __u8 head[HEAD_BYTES], __u32 length)
{
	__u32 capitals = 0;

	for (__u32 i = 0; i < HEAD_BYTES; i++) {
		if (i >= length || capitals == 3)
			break;
		if (head[i] >= 'A' && head[i] <= 'Z')
			capitals++;
		else if (capitals || (head[i] != '\r' && head[i] != '\n'))
			return false;
	}
	return true;
}

GLOBAL_FUNCTION int GLOBAL(io_http)(__u32 index)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &index);
	struct user_iovec vectors[VECTORS];
	__u64 head = 0;
	__u32 length;

	if (!scratch || !io_vectors(&scratch->io, vectors))
		return false;
	length = scratch->io.length < HEAD_BYTES ? scratch->io.length : HEAD_BYTES;
	if (length > vectors[0].length)
		length = vectors[0].length;
	OPAQUE(length);
	if (length > HEAD_BYTES || bpf_probe_read_user(&head, length, vectors[0].base))
		return false;
	return http_start((__u8 *)&head, length);
}
