/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The memory of the process that a call has moved bytes from or to. Read after the call: another thread may have changed
 * it since.
 */
#pragma once
#include "ring.h"

#define VECTORS	   4 /* of a readv or writev that are looked into */
#define HEAD_BYTES 8

/* Finds up to VECTORS pieces of user memory. */
static __always_inline __u32 io_vectors(const struct io *io, struct user_iovec vectors[VECTORS])
{
	struct user_msghdr message;
	const void *array = (const void *)io->pointer;

	__builtin_memset(vectors, 0, sizeof(*vectors) * VECTORS);
	if (io->buffer <= BUFFER_MESSAGES)
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
		*flags |= io->buffer <= BUFFER_MESSAGES ? DATA_NO_BUFFER : DATA_UNREADABLE;
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

/* The first eight bytes of a text, as they lie in a register. */
#define BYTE_OF(text, at) ((sizeof(text) > (at) ? (__u64)(text)[at] : 0) << (at)*8)
#define WORD(text)                                                                                      \
	(BYTE_OF(text, 0) | BYTE_OF(text, 1) | BYTE_OF(text, 2) | BYTE_OF(text, 3) | BYTE_OF(text, 4) | \
	 BYTE_OF(text, 5) | BYTE_OF(text, 6) | BYTE_OF(text, 7))

/* IANA's HTTP Method Registry, WebDAV with its extensions among them, and what caches, UPnP and others have added. */
/* clang-format off */
#define HTTP_METHODS(EACH)                                                                                 \
	EACH("GET ") EACH("HEAD ") EACH("POST ") EACH("PUT ") EACH("DELETE ") EACH("CONNECT ")             \
	EACH("OPTIONS ") EACH("TRACE ") EACH("PATCH ") EACH("PRI ") EACH("QUERY ") EACH("ACL ")            \
	EACH("BASELINE-CONTROL ") EACH("BIND ") EACH("CHECKIN ") EACH("CHECKOUT ") EACH("COPY ")           \
	EACH("LABEL ") EACH("LINK ") EACH("LOCK ") EACH("MERGE ") EACH("MKACTIVITY ") EACH("MKCALENDAR ")  \
	EACH("MKCOL ") EACH("MKREDIRECTREF ") EACH("MKWORKSPACE ") EACH("MOVE ") EACH("ORDERPATCH ")       \
	EACH("PROPFIND ") EACH("PROPPATCH ") EACH("REBIND ") EACH("REPORT ") EACH("SEARCH ")               \
	EACH("UNBIND ") EACH("UNCHECKOUT ") EACH("UNLINK ") EACH("UNLOCK ") EACH("UPDATE ")                \
	EACH("UPDATEREDIRECTREF ") EACH("VERSION-CONTROL ") EACH("PURGE ") EACH("BAN ") EACH("REFRESH ")   \
	EACH("VIEW ") EACH("SOURCE ") EACH("NOTIFY ") EACH("SUBSCRIBE ") EACH("UNSUBSCRIBE ")              \
	EACH("M-SEARCH ")
/* clang-format on */
#define OR_IS(text)	|| head == WORD(text)
#define OR_BEGINS(text) || !((head ^ WORD(text)) & known)

#define EVERY_BYTE(value) (0x0101010101010101ull * (value))
#define LOW_BYTES(count)  ((count) < 8 ? (1ull << (count)*8) - 1 : ~0ull)

/* The bytes up to the first blank, as a mask of eight; 0: there is none. */
static __always_inline __u64 up_to_blank(__u64 head)
{
	__u64 rest = head ^ EVERY_BYTE(' ');
	__u64 blanks = (rest - EVERY_BYTE(0x01)) & ~rest & EVERY_BYTE(0x80);

	return blanks ? blanks ^ (blanks - 1) : 0;
}

/* Could these bytes begin an HTTP/1 message? A response begins with its version, a request with a known method, or with a
 * short unknown one before a path. What is shorter than eight bytes counts as long as nothing speaks against it: else one
 * byte sent ahead would hide a request.
 */
static __always_inline bool http_start(__u64 head, __u32 length)
{
	__u64 known, method, path;

	for (__u32 i = 0; i < HEAD_BYTES; i++) {
		if (!length || ((head & 0xff) != '\r' && (head & 0xff) != '\n'))
			break;
		head >>= 8;
		length--;
	}
	if (length && (head & 0xff) - 'A' > 'Z' - 'A')
		return false;
	known = LOW_BYTES(length);
	if (!((head ^ WORD("HTTP/")) & known & LOW_BYTES(5)))
		return true;
	method = up_to_blank(head);
	if (!method && length < HEAD_BYTES)
		return false HTTP_METHODS(OR_BEGINS);
	path = method + 1;
	if (method && path && (head & path * 0xff) == path * '/')
		return true;
	if (method)
		head &= method;
	return false HTTP_METHODS(OR_IS);
}

/* The header of FastCGI's BEGIN_REQUEST: version, type, id (2), length of content (2), padding, reserved. PHP-FPM reads
 * exactly these eight bytes by a call of their own.
 */
static __always_inline bool fastcgi_start(__u64 head, __u32 length)
{
	const __u64 told = 0x00ffffff0000ffffull, begin = 0x0000080000000101ull;

	return length == HEAD_BYTES && (head & told) == begin;
}

/* Does a request or an answer begin here that somebody can read? */
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
	return http_start(head, length) || fastcgi_start(head, length);
}
