/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The variables of an environment whose names are on the watch list. All others stay where they are: secrets live there. */
#pragma once
#include "image.h"
#include "watch.h"

/* An environment is read piece by piece, each ending with its variable or full, and no more than so many. */
#define PIECES	    512
#define PIECE_BYTES 256

/* Leaves what is before the first `=`, in lower case. */
static __always_inline void variable_name(__u64 *words)
{
	const __u64 each = 0x0101010101010101ull;
	__u64 keep = ~0ull;

	for (__u32 i = 0; i < WATCH_BYTES / 8; i++) {
		__u64 differs = words[i] ^ '=' * each;
		/* The lowest bit that is set stands in the first byte that doesn't differ. */
		__u64 found = (differs - each) & ~differs & 0x80 * each;
		__u64 before = ((found & -found) >> 7) - 1;

		words[i] = lower(words[i]) & before & keep;
		if (found)
			keep = 0;
		OPAQUE(keep); /* one state for the verifier, wherever it was */
	}
}

/* Is the variable that begins there in the record on the list? */
GLOBAL_FUNCTION int variable_watched(__u32 index, __u32 at)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &index);
	struct watch_key key = {.role = WATCH_VARIABLE};
	__u64 *words = (void *)key.name;

	if (!scratch || at > IMAGE_ROOM - WATCH_BYTES)
		return 0;
	for (__u32 i = 0; i < WATCH_BYTES / 8; i++)
		words[i] = ((__u64 *)(scratch->bytes + at))[i];
	variable_name(words);
	return !!bpf_map_lookup_elem(&watched, &key);
}

/* Reads the next piece, and keeps it behind those that were kept. Answers whether there may be another. */
GLOBAL_FUNCTION int environment_piece(__u32 index)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &index);
	struct environment *environment;
	__u32 at, part;
	__u8 *bytes;
	long read;

	if (!scratch)
		return 0;
	environment = &scratch->environment;
	at = environment->at;
	if (environment->from >= environment->end || environment->length > STRING_BYTES - PIECE_BYTES ||
	    at > IMAGE_ROOM - PIECE_BYTES)
		return 0;
	bytes = scratch->bytes + at;
	read = bpf_probe_read_user_str(bytes, PIECE_BYTES, (const void *)environment->from);
	if (read < 0)
		return 0;
	if (!read) /* so 5.10 says that there was but the NUL */
		read = 1;
	if (!environment->inside)
		environment->kept = wants.variables >> (*bytes & 31) & 1 && variable_watched(index, at);
	/* Of a full one the NUL is the helper's: the next begins with what it stands for. */
	environment->inside = read >= PIECE_BYTES;
	part = environment->inside ? PIECE_BYTES - 1 : read;
	environment->from += part;
	if (environment->kept) {
		environment->at = at + part;
		environment->length += part;
	}
	return 1;
}

GLOBAL_FUNCTION int environment_walk(__u32 index)
{
	for (__u32 i = 0; i < PIECES; i++) {
		if (!environment_piece(index))
			break;
	}
	return 0;
}

static __always_inline void environment_is_cut(struct site *site, struct image_scratch *scratch)
{
	scratch->event.flags |= EXEC_ENVIRONMENT_CUT;
	count_lost(site, LOSS_ENVIRONMENT_CUT, EVENT_EXEC);
}

/* Adds ENVIRONMENT, if anything in it is watched, of the present process. Answers where the record ends. */
static __always_inline __u32 environment_add(struct site *site, struct image_scratch *scratch, __u32 at, __u64 from,
					     __u64 end)
{
	__u8 *bytes = tail_begin(scratch->bytes, at, 0, IMAGE_ROOM);
	struct environment *environment = &scratch->environment;
	__u32 length;

	if (!bytes) {
		environment_is_cut(site, scratch);
		return at;
	}
	*environment = (struct environment){.from = from, .end = end, .at = at + sizeof(struct event_string)};
	environment_walk(site->index);
	if (environment->from < end)
		environment_is_cut(site, scratch);
	length = environment->length;
	OPAQUE(length);
	if (!length || length > STRING_BYTES)
		return at;
	for (__u32 i = 0; i < 8; i++)
		bytes[length + i] = 0;
	return tail_end(scratch->bytes, at, STRING_ENVIRONMENT, length, length);
}
