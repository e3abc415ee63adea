/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* File events: which are wanted, and what they say. */
#pragma once
#include "dispatch.h"
#include "image.h"
#include "watch.h"

#define FILE_ROOM      IMAGE_ROOM
#define FILE_BIT(kind) (1u << ((kind)-EVENT_FILE_OPEN))

static __always_inline bool file_wanted(__u32 kinds)
{
	return (wants.all | wants.named) & kinds || wants.given & CLIMBING(kinds);
}

/* `attribute`: which one, of EVENT_FILE_ATTRIBUTE. */
static __always_inline bool change_wanted(__u32 kind, enum file_attribute attribute)
{
	return file_wanted(FILE_BIT(kind)) && (!attribute || wants.attributes >> attribute & 1);
}

/* May a rule look at a path? */
enum path_watch {
	PATH_UNWATCHED,
	PATH_WATCHED,
	PATH_CLIMBING, /* where the name that the call was given climbs */
};

static __always_inline enum path_watch name_watched(enum watch_role role, const unsigned char *name, __u32 length,
						    __u32 kind)
{
	struct watch_key key = {.role = role, .length = length};
	__u64 *words = (void *)key.name;
	__u32 *kinds;

	OPAQUE(length);
	if (length > WATCH_BYTES)
		length = WATCH_BYTES;
	bpf_probe_read_kernel(key.name, length, name);
	for (__u32 i = 0; i < WATCH_BYTES / 8; i++)
		words[i] = lower(words[i]);
	kinds = bpf_map_lookup_elem(&watched, &key);
	if (!kinds)
		return PATH_UNWATCHED;
	if (*kinds & FILE_BIT(kind))
		return PATH_WATCHED;
	return *kinds & CLIMBING(FILE_BIT(kind)) ? PATH_CLIMBING : PATH_UNWATCHED;
}

#define EXTENSION_BYTES 16
/* From the last dot on, if that is near enough. */
static __always_inline bool extension_watched(const unsigned char *name, __u32 length, __u32 kind)
{
	__u8 end[EXTENSION_BYTES] = {};
	__u32 skipped = length > EXTENSION_BYTES ? length - EXTENSION_BYTES : 0, dot = EXTENSION_BYTES,
	      known = length - skipped;

	OPAQUE(known);
	/* Else the compiler moves the name on before it knows how far: the verifier of 5.10 refuses that of a name in a map. */
	OPAQUE(skipped);
	if (known > EXTENSION_BYTES || skipped > STRING_BYTES)
		return false;
	bpf_probe_read_kernel(end, known, name + skipped);
	for (__u32 i = 0; i < EXTENSION_BYTES; i++) {
		if (end[i] == '.')
			dot = i;
	}
	return dot < known && name_watched(WATCH_EXTENSION, name + skipped + dot, known - dot, kind);
}

/* Is a folder on the way from the namespace's root on the list? */
GLOBAL_FUNCTION __u32 folder_watched(__u64 dentry_at, __u64 mnt_at, __u32 kind)
{
	struct dentry *dentry = (void *)dentry_at, *parent;
	struct vfsmount *mnt = (void *)mnt_at;
	struct mount *mount, *above;
	bool last = true;

	for (__u32 i = 0; i < PATH_COMPONENTS; i++) {
		if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
			mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
			above = BPF_CORE_READ(mount, mnt_parent);
			if (above == mount)
				return false;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mnt = (void *)above + bpf_core_field_offset(struct mount, mnt);
			continue;
		}
		if (!last && name_watched(WATCH_FOLDER, BPF_CORE_READ(dentry, d_name.name),
					  BPF_CORE_READ(dentry, d_name.len), kind))
			return true;
		last = false;
		parent = BPF_CORE_READ(dentry, d_parent);
		if (parent == dentry)
			return false;
		dentry = parent;
	}
	/* Too deep to know. */
	return true;
}

/* A file that is mounted itself has the name of its mount point. */
static __always_inline struct dentry *path_last(struct dentry *dentry, struct vfsmount *mnt)
{
	struct mount *mount;

	for (__u32 i = 0; i < 4 && dentry == BPF_CORE_READ(mnt, mnt_root); i++) {
		mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
		dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		mnt = (void *)BPF_CORE_READ(mount, mnt_parent) + bpf_core_field_offset(struct mount, mnt);
	}
	return dentry;
}

/* enum path_watch of the path of this file. */
GLOBAL_FUNCTION int path_watched(__u64 file_at, __u32 kind)
{
	__u32 unnamed = wants.given & CLIMBING(FILE_BIT(kind)) ? PATH_CLIMBING : PATH_UNWATCHED, watched;
	struct file *file = (void *)file_at;
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	const unsigned char *name;
	__u32 length;

	if (wants.all & FILE_BIT(kind))
		return PATH_WATCHED;
	if (!(wants.named & FILE_BIT(kind)))
		return unnamed;
	dentry = path_last(dentry, BPF_CORE_READ(file, f_path.mnt));
	name = BPF_CORE_READ(dentry, d_name.name);
	length = BPF_CORE_READ(dentry, d_name.len);
	watched = name_watched(WATCH_NAME, name, length, kind);
	if (watched == PATH_WATCHED)
		return watched;
	if (wants.extensions & FILE_BIT(kind) && extension_watched(name, length, kind))
		return PATH_WATCHED;
	if (wants.folders & FILE_BIT(kind) &&
	    folder_watched((__u64)BPF_CORE_READ(file, f_path.dentry), (__u64)BPF_CORE_READ(file, f_path.mnt), kind))
		return PATH_WATCHED;
	return watched ?: unnamed;
}

#define GIVEN_BYTES 256

/* Has a text in the scratch two dots next to each other, or is it too long to be looked through? Noughts stand behind it to the next eight bytes. */
GLOBAL_FUNCTION int text_climbs(__u32 index, __u32 at, __u32 length)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &index);
	__u64 word, found, before = 0;

	if (!scratch || at > FILE_ROOM - STRING_BYTES || length > GIVEN_BYTES)
		return 1;
	for (__u32 i = 0; i < GIVEN_BYTES && i < length; i += 8) {
		word = *(__u64 *)(scratch->bytes + at + i);
		found = dots(word);
		if (found & (found << 8 | before))
			return 1;
		before = found >> 56;
	}
	return 0;
}

/* What a name is relative to: this folder; without one the working directory. */
static __always_inline __u32 tail_folder(struct site *site, struct image_scratch *scratch, __u32 at, enum string_id id,
					 struct file *folder, __u16 *flags)
{
	struct task_struct *task = CURRENT();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct place place = place_of(folder ? &folder->f_path : &fs->pwd);
	__u32 found = 0;

	at = tail_path(scratch->bytes, at, FILE_ROOM, id, site, place, place_of(&fs->root), &found);
	if (found & PATH_CUT)
		*flags |= FILE_FOLDER_CUT;
	return at;
}

/* A name in the kernel's memory, and what it is relative to; without one, what stands behind the descriptor. */
static __always_inline __u32 tail_named(struct site *site, struct image_scratch *scratch, __u32 at, enum string_id id,
					__u64 name, __s32 folder, __u16 *flags, __u16 unknown)
{
	struct file *file = NULL;
	__u8 first = 0;

	if (name) {
		bpf_probe_read_kernel(&first, 1, (void *)name);
		at = tail_text(scratch->bytes, at, FILE_ROOM, id, (void *)name, STRING_BYTES);
	}
	if (first == '/')
		return at;
	if (folder != AT_FDCWD) {
		file = fd_file(CURRENT(), folder);
		if (!file) {
			*flags |= unknown;
			return at;
		}
	}
	return tail_folder(site, scratch, at, id + 1, file, flags);
}

/* The path of a name that a call was given. What it is relative to is read from the kernel, the name from the caller. */
static __always_inline __u32 tail_name(struct site *site, struct image_scratch *scratch, __u32 at, enum string_id id,
				       __u64 name, __s32 folder, __u16 named, __u16 unknown)
{
	struct task_struct *task = (void *)scratch->call.task;
	struct file_event *event = &scratch->file;
	struct file *file = NULL;
	__u8 first = 0;

	if (name) {
		if (bpf_probe_read_user(&first, 1, (void *)name))
			first = '/'; /* unreadable, and so PATH says: what it is relative to would be no answer */
		at = tail_user_text(scratch->bytes, at, FILE_ROOM, id, name);
	}
	if (first)
		event->flags |= named;
	if (first == '/')
		return at;
	if (folder != AT_FDCWD) {
		file = fd_file(task, folder);
		if (!file) {
			event->flags |= unknown;
			return at;
		}
		if (!first)
			file_fill(&event->file, file);
	}
	return tail_folder(site, scratch, at, id + 1, file, &event->flags);
}

static __always_inline void file_clear(struct file_event *event)
{
	__builtin_memset(&event->file, 0, sizeof(event->file));
	event->open_flags = 0;
	event->mode = 0;
	event->uid = 0;
	event->gid = 0;
	event->device = 0;
	event->flags = 0;
	event->attribute = ATTRIBUTE_NONE;
	event->error = 0;
}

static __always_inline void file_send(struct site *site, struct image_scratch *scratch, __u32 at, __u32 kind)
{
	OPAQUE(at);
	if (at <= FILE_ROOM)
		security_send(site, &scratch->file.header, kind, at);
}

/* enum path_watch of a part of this kind of a record's text, `length` bytes from `at` on. */
GLOBAL_FUNCTION int part_watched(__u32 index, __u32 at, __u32 length, __u32 role, __u32 kind)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &index);
	__u32 watched;

	if (!scratch || at > FILE_ROOM - STRING_BYTES || length > STRING_BYTES)
		return PATH_UNWATCHED;
	/* "", "." and "..": the name is another component. */
	if (role == WATCH_NAME && (!length || scratch->bytes[at] == '.') && length <= 2)
		return PATH_WATCHED;
	watched = name_watched(role, scratch->bytes + at, length, kind);
	if (watched == PATH_WATCHED)
		return watched;
	if (role == WATCH_NAME && wants.extensions & FILE_BIT(kind) &&
	    extension_watched(scratch->bytes + at, length, kind))
		return PATH_WATCHED;
	return watched;
}

enum part { PART_ON, PART_WATCHED, PART_LAST };

/* One byte of a text: at the end of a component, is that on the list as a folder? A function of its own, to the verifier each byte is like
 * every other.
 */
GLOBAL_FUNCTION int part_step(__u32 index, __u32 at, __u32 kind)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &index);
	__u32 begin;

	if (!scratch || at > FILE_ROOM - STRING_BYTES || at >= scratch->parts_end)
		return PART_LAST;
	if (scratch->bytes[at] != '/')
		return PART_ON;
	begin = scratch->part;
	scratch->part = at + 1;
	if (at > begin && wants.folders & FILE_BIT(kind) && part_watched(index, begin, at - begin, WATCH_FOLDER, kind))
		return PART_WATCHED;
	return PART_ON;
}

/* Is a component before the last one of this text of the record on the list as a folder, or is it too long to know? Where the last one
 * begins is left in the scratch.
 */
GLOBAL_FUNCTION int parts_watched(__u32 index, __u32 at, __u32 length, __u32 kind)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &index);

	if (!scratch)
		return 1;
	scratch->part = at;
	scratch->parts_end = at + length;
	for (__u32 i = 0; i < GIVEN_BYTES; i++) {
		int step = part_step(index, at + i, kind);

		if (step != PART_ON)
			return step == PART_WATCHED;
	}
	return 1;
}

/* enum path_watch of the last one, as what it is. */
static __always_inline enum path_watch last_watched(struct site *site, struct image_scratch *scratch,
						    enum watch_role role, __u32 kind)
{
	return part_watched(site->index, scratch->part, scratch->parts_end - scratch->part, role, kind);
}

/* May a rule look at the path that stands there in the record, as a name and what that is relative to? */
static __always_inline bool given_watched(struct site *site, struct image_scratch *scratch, __u32 at, __u32 end,
					  __u32 kind)
{
	struct event_string *string = (void *)(scratch->bytes + at);
	__u32 length = string->length, folder;
	enum path_watch watched = PATH_UNWATCHED;

	at += sizeof(*string);
	if (wants.all & FILE_BIT(kind))
		return true;
	if (wants.named & FILE_BIT(kind)) {
		if (parts_watched(site->index, at, length, kind))
			return true;
		watched = last_watched(site, scratch, WATCH_NAME, kind);
		if (watched == PATH_WATCHED)
			return true;
	}
	if ((watched == PATH_CLIMBING || wants.given & CLIMBING(FILE_BIT(kind))) &&
	    text_climbs(site->index, at, length))
		return true;
	folder = at + ((length + 7) & ~7u);
	if (folder >= end || folder > FILE_ROOM - STRING_BYTES || !(wants.folders & FILE_BIT(kind)))
		return false;
	string = (void *)(scratch->bytes + folder);
	folder += sizeof(*string);
	return parts_watched(site->index, folder, string->length, kind) ||
	       last_watched(site, scratch, WATCH_FOLDER, kind);
}

/* Nothing is known yet but what the call was given. */
static __always_inline void file_given(struct file_event *event, struct file_call *call)
{
	file_clear(event);
	event->mode = call->mode;
	event->uid = call->uid;
	event->gid = call->gid;
	event->device = call->device;
	event->attribute = call->attribute;
}

/* The event of a call that names files: scratch.call says all about it. */
GLOBAL_FUNCTION int file_named(__u32 index)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &index);
	struct file_event *event;
	struct file_call *call;
	struct site site;
	__u32 at = sizeof(*event), kind;

	if (!scratch || !site_find(&site, index))
		return 0;
	event = &scratch->file;
	call = &scratch->call;
	kind = call->kind & (EVENT_KINDS - 1);
	header_fill(index, call->task, kind);
	event->header = site.scratch->header;
	file_given(event, call);
	at = tail_name(&site, scratch, at, STRING_PATH, call->name, call->folder, FILE_NAMED, FILE_NO_FOLDER);
	if (call->kind == EVENT_FILE_SYMLINK)
		at = tail_user_text(scratch->bytes, at, FILE_ROOM, STRING_SOURCE, call->source);
	else if (call->source)
		at = tail_name(&site, scratch, at, STRING_SOURCE, call->source, call->source_folder, FILE_NAMED,
			       FILE_NO_SOURCE_FOLDER);
	file_send(&site, scratch, at, kind);
	return 0;
}

/* The event of what the kernel has done to the file at this place: scratch.call says what. */
GLOBAL_FUNCTION int file_changed(__u32 index, __u64 dentry_at, __u64 mnt)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &index);
	struct dentry *dentry = (void *)dentry_at;
	struct place place = {dentry, (void *)mnt};
	struct task_struct *task = CURRENT();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	__u32 at = sizeof(struct file_event), kind, found = 0;
	struct file_event *event;
	struct site site;

	if (!scratch || !site_find(&site, index))
		return 0;
	event = &scratch->file;
	kind = scratch->call.kind & (EVENT_KINDS - 1);
	header_fill(index, (__u64)task, kind);
	event->header = site.scratch->header;
	event->header.hook = HOOKS_TRAMPOLINE;
	file_given(event, &scratch->call);
	inode_fill(&event->file, BPF_CORE_READ(dentry, d_inode), dentry);
	at = tail_path(scratch->bytes, at, FILE_ROOM, STRING_PATH, &site, place, place_of(&fs->root), &found);
	if (found & PATH_CUT)
		event->flags |= FILE_FOLDER_CUT;
	file_send(&site, scratch, at, kind);
	return 0;
}

/* The event of an open that failed: scratch.call says all about it. `in_kernel`: where its name lies. */
GLOBAL_FUNCTION int file_failed(__u32 index, __u32 in_kernel)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &index);
	const __u32 start = sizeof(struct file_event);
	struct file_event *event;
	struct file_call *call;
	__u32 at = start;
	struct site site;

	if (!scratch || !site_find(&site, index))
		return 0;
	event = &scratch->file;
	call = &scratch->call;
	file_clear(event);
	if (in_kernel)
		at = tail_named(&site, scratch, at, STRING_PATH, call->name, call->folder, &event->flags,
				FILE_NO_FOLDER);
	else
		at = tail_name(&site, scratch, at, STRING_PATH, call->name, call->folder, FILE_NAMED, FILE_NO_FOLDER);
	if (!given_watched(&site, scratch, start, at, EVENT_FILE_OPEN_FAILED))
		return 0;
	header_fill(index, call->task, EVENT_FILE_OPEN_FAILED);
	event->header = site.scratch->header;
	if (in_kernel)
		event->header.hook = HOOKS_TRAMPOLINE;
	event->open_flags = call->mode;
	event->error = call->error;
	file_send(&site, scratch, at, EVENT_FILE_OPEN_FAILED);
	return 0;
}

/* Begins the event of such a call. `call` is all zero then, relative to the working directory. */
static __always_inline struct image_scratch *file_begin(struct site *site, struct task_struct *task, __u32 kind)
{
	struct image_scratch *scratch = image_enter(site, kind);

	if (!scratch)
		return NULL;
	__builtin_memset(&scratch->call, 0, sizeof(scratch->call));
	scratch->call.task = (__u64)task;
	scratch->call.kind = kind;
	scratch->call.folder = AT_FDCWD;
	scratch->call.source_folder = AT_FDCWD;
	return scratch;
}

static __always_inline void file_end(struct site *site, struct image_scratch *scratch)
{
	file_named(site->index);
	image_leave(scratch);
}
