/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A path by walking dentries and mounts, as the kernel has them. bpf_d_path is not for tracepoints. */
#pragma once
#include "compat.h"
#include "tail.h"

#define PATH_COMPONENTS 64
#define PATH_START	(STRING_BYTES - 1)

/* What a walk found, above the place where the path begins. */
#define PATH_CUT     (1u << 31) /* it has more components, or longer ones */
#define PATH_OUTSIDE (1u << 30) /* it does not lead through the root */

/* struct path, but ours: a local variable must not be relocated. */
struct place {
	struct dentry *dentry;
	struct vfsmount *mnt;
};

static __always_inline struct place place_of(const struct path *path)
{
	return (struct place){BPF_CORE_READ(path, dentry), BPF_CORE_READ(path, mnt)};
}

struct walk {
	struct place now;
	struct place root;
	__u32 at;    /* of the first byte written so far */
	__u32 found; /* PATH_* */
};

/* Paths grow from the end to the start; one component of at most 255 bytes may be begun at the very end. The walk lies
 * here and not on the stack, so that to the verifier each round of the loop is like every other.
 */
struct path_scratch {
	struct walk walk;
	__u8 bytes[STRING_BYTES + 256];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CONTEXTS);
	__type(key, __u32);
	__type(value, struct path_scratch);
} path_scratches __weak SEC(".maps");

enum step { STEP_ON, STEP_DONE };

/* One component, or one mount crossed. */
static __always_inline enum step walk_step(struct walk *walk, __u8 *path)
{
	struct dentry *dentry = walk->now.dentry, *parent;
	struct vfsmount *mnt = walk->now.mnt;
	struct mount *mount, *above;
	const unsigned char *name;
	__u32 length, at = walk->at;

	if (dentry == walk->root.dentry && mnt == walk->root.mnt)
		return STEP_DONE;
	parent = BPF_CORE_READ(dentry, d_parent);
	if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
		mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
		above = BPF_CORE_READ(mount, mnt_parent);
		if (above == mount) {
			walk->found |= PATH_OUTSIDE; /* the namespace's root, which lies outside the process's */
			return STEP_DONE;
		}
		walk->now.dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		walk->now.mnt = (void *)above + bpf_core_field_offset(struct mount, mnt);
		return STEP_ON;
	}
	if (parent == dentry)
		return STEP_DONE; /* a root that is mounted nowhere */
	length = BPF_CORE_READ(dentry, d_name.len);
	name = BPF_CORE_READ(dentry, d_name.name);
	length &= 255;
	if (at < length + 1) {
		walk->found |= PATH_CUT;
		return STEP_DONE;
	}
	at -= length;
	OPAQUE(at);
	OPAQUE(length);
	at &= PATH_START;
	length &= 255;
	bpf_probe_read_kernel(path + at, length, name);
	at--;
	OPAQUE(at);
	at &= PATH_START;
	path[at] = '/';
	walk->at = at;
	walk->now.dentry = parent;
	return STEP_ON;
}

/* Writes the path into the scratch of site `index`; answers where it begins, and PATH_*. A global function:
 * the verifier looks at it once, knowing nothing of its callers, and not again for every state of each.
 */
__weak __noinline __u32 path_walk(__u32 index, __u64 dentry, __u64 mnt, __u64 root_dentry, __u64 root_mnt)
{
	struct path_scratch *scratch = bpf_map_lookup_elem(&path_scratches, &index);
	struct walk *walk;
	__u32 i, at;

	if (!scratch)
		return PATH_START | PATH_CUT;
	walk = &scratch->walk;
	walk->now = (struct place){(void *)dentry, (void *)mnt};
	walk->root = (struct place){(void *)root_dentry, (void *)root_mnt};
	walk->at = PATH_START;
	walk->found = 0;
	for (i = 0; i < PATH_COMPONENTS; i++) {
		if (walk_step(walk, scratch->bytes) == STEP_DONE)
			break;
	}
	at = walk->at & PATH_START;
	if (i == PATH_COMPONENTS)
		at |= PATH_CUT;
	return at | walk->found;
}

/* Adds the path as seen from `root`; `found` is PATH_*. What lies outside every mount (memfd:, pipe:) has its own name, without a
 * slash.
 */
static __always_inline __u32 tail_path(__u8 *record, __u32 at, const __u32 room, enum string_id id, struct site *site,
				       struct place place, struct place root, __u32 *found)
{
	struct dentry *dentry = place.dentry;
	struct path_scratch *scratch = bpf_map_lookup_elem(&path_scratches, &site->index);
	__u32 start = path_walk(site->index, (__u64)dentry, (__u64)place.mnt, (__u64)root.dentry, (__u64)root.mnt);

	*found = start & ~PATH_START;
	start &= PATH_START;
	if (!scratch)
		return at;
	if (start == PATH_START) {
		if (dentry != root.dentry)
			return tail_text(record, at, room, id, BPF_CORE_READ(dentry, d_name.name), 256);
		start = PATH_START - 1;
		scratch->bytes[start] = '/';
	}
	return tail_bytes(record, at, room, id, scratch->bytes + start, PATH_START - start);
}
