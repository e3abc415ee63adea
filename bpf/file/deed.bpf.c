// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names that come, go and change, where the kernel changes them: whoever makes it do that, by whatever call.
 *
 * A deed has two ends. Where the kernel has looked up the names and asks its security modules, the mount is known; at the function
 * that does it, whether it was done. The first end keeps for the thread what the second tells. Both must mean the same dentry: an
 * overlay calls the same function again for the file system below it, and that is no deed of its own.
 */
#include "kernel.h"
#include "event.h"
#include "file.h"
#include "trampoline.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct renamedata {
	struct dentry *old_dentry;
};
#pragma clang attribute pop

#define DEEDS	  4096
#define NAME_ROOM 256

struct deed {
	__u64 dentry; /* of the name that comes, goes, or is changed: the key to the second end */
	__u64 mnt;    /* of all names: a rename and a link stay within one */
	__u64 other;  /* dentry. A link: the name that was there. A rename: the folder of the former name */
	__u32 kind;
	__u32 device;		/* given to mknod */
	struct file_info file;	/* before the deed; all zero where it is made */
	__u8 former[NAME_ROOM]; /* a rename's */
};

/* By task_struct. Who has more of them under way than there is room for (a server that never answers may hold them up) loses the
 * oldest, which are its own.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DEEDS);
	__type(key, __u64);
	__type(value, struct deed);
} deeds __weak SEC(".maps");

volatile __u64 deeds_begun SEC(".data.deeds") = 0; /* entries of it */

/* The kernel is about to do it: `result` is what its security modules say. Whether somebody wants to know is asked at the other end, so
 * that both run before that is said.
 */
static __always_inline bool deed_begins(struct site *site, struct task_struct *task, enum program_id program,
					int result)
{
	return trampoline_enter(site, task, program) && !result;
}

static __always_inline void deed_keep(struct site *site, struct task_struct *task, struct deed *deed)
{
	__u64 key = (__u64)task;

	if (!bpf_map_lookup_elem(&deeds, &key)) {
		if (deeds_begun >= DEEDS)
			count_lost(site, LOSS_DEEDS_FULL, deed->kind & (EVENT_KINDS - 1));
		else
			__sync_fetch_and_add(&deeds_begun, 1);
	}
	bpf_map_update_elem(&deeds, &key, deed, BPF_ANY);
}

/* A name that goes, or one that comes, which nothing has yet. */
static __always_inline int deed_begin(enum program_id program, __u32 kind, const struct path *folder, __u64 dentry,
				      __u32 device, int result)
{
	struct task_struct *task = CURRENT();
	struct dentry *name = (void *)dentry;
	struct deed deed = {};
	struct inode *inode;
	struct site site;

	if (!deed_begins(&site, task, program, result))
		return 0;
	inode = BPF_CORE_READ(name, d_inode);
	deed.dentry = dentry;
	deed.mnt = (__u64)BPF_CORE_READ(folder, mnt);
	deed.kind = kind;
	deed.device = device;
	if (inode)
		inode_fill(&deed.file, inode, name);
	deed_keep(&site, task, &deed);
	return 0;
}

/* The event of what the present thread has done. `text`: of a symbolic link. */
GLOBAL_FUNCTION int deed_tell(__u32 index, __u64 inode, __u64 text, __u32 mode)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &index);
	struct task_struct *task = CURRENT();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct place root = place_of(&fs->root), place;
	__u32 at = sizeof(struct file_event), kind, found = 0, cut;
	__u64 key = (__u64)task;
	struct file_event *event;
	struct site site;
	struct deed *deed;

	deed = bpf_map_lookup_elem(&deeds, &key);
	if (!scratch || !deed || !site_find(&site, index))
		return 0;
	event = &scratch->file;
	kind = deed->kind & (EVENT_KINDS - 1);
	header_fill(index, key, kind);
	event->header = site.scratch->header;
	event->header.hook = HOOKS_TRAMPOLINE;
	file_clear(event);
	place = (struct place){(void *)deed->dentry, (void *)deed->mnt};
	if (inode)
		inode_fill(&event->file, (void *)inode, place.dentry);
	else
		event->file = deed->file;
	event->mode = mode;
	event->device = deed->device;
	at = tail_path(scratch->bytes, at, FILE_ROOM, STRING_PATH, &site, place, root, &found);
	cut = found;
	place.dentry = (void *)deed->other;
	if (kind == EVENT_FILE_SYMLINK)
		at = tail_text(scratch->bytes, at, FILE_ROOM, STRING_SOURCE, (void *)text, STRING_BYTES);
	if (kind == EVENT_FILE_RENAME)
		at = tail_text(scratch->bytes, at, FILE_ROOM, STRING_SOURCE, deed->former, NAME_ROOM);
	if (place.dentry)
		at = tail_path(scratch->bytes, at, FILE_ROOM,
			       kind == EVENT_FILE_RENAME ? STRING_SOURCE_FOLDER : STRING_SOURCE, &site, place, root,
			       &found);
	if ((cut | found) & PATH_CUT)
		event->flags |= FILE_FOLDER_CUT;
	file_send(&site, scratch, at, kind);
	return 0;
}

/* The kernel has tried it. `inode`: of what it has made. */
static __always_inline int deed_end(enum program_id program, __u32 kind, __u64 dentry, bool done, __u64 inode,
				    __u64 text, __u32 mode)
{
	struct task_struct *task = CURRENT();
	struct image_scratch *scratch;
	__u64 key = (__u64)task;
	struct deed *deed;
	struct site site;

	/* Only what both ends have met counts as a run: there are kernels that call a part of the function which can't be attached to. */
	deed = bpf_map_lookup_elem(&deeds, &key);
	if (!deed || deed->dentry != dentry || deed->kind != kind || !trampoline_enter(&site, task, program))
		return 0;
	scratch = done && file_wanted(FILE_BIT(kind)) ? trampoline_scratch(&site, program) : NULL;
	if (scratch) {
		deed_tell(site.index, inode, text, mode);
		trampoline_leave(scratch);
	}
	if (!bpf_map_delete_elem(&deeds, &key))
		__sync_fetch_and_add(&deeds_begun, -1);
	return 0;
}

/* What was made: its dentry has got an inode. */
static __always_inline int deed_made(__u64 *arguments, enum program_id program, __u32 kind, enum vfs_function function)
{
	__u64 number = argument(arguments, vfs[function].dentry);
	__u64 behind = argument(arguments, vfs[function].dentry + 1);
	struct dentry *dentry = (void *)number;
	bool text = kind == EVENT_FILE_SYMLINK;

	return deed_end(program, kind, number, !(int)argument(arguments, vfs[function].result),
			(__u64)BPF_CORE_READ(dentry, d_inode), text ? behind : 0, text ? 0 : behind & 0xffff);
}

/* What was there before has lost its name, or has got a further one. */
static __always_inline int deed_done(__u64 *arguments, enum program_id program, __u32 kind, enum vfs_function function)
{
	return deed_end(program, kind, argument(arguments, vfs[function].dentry),
			!(int)argument(arguments, vfs[function].result), 0, 0, 0);
}

/* A program where the kernel asks its security modules of one name: int security_path_*(const struct path *folder, struct dentry *dentry, ...) answers
 * behind `count` arguments.
 */
#define NAME_BEFORE(program, function, number, kind, count)                                               \
	SEC("fexit/" #function)                                                                           \
	int program(__u64 *arguments)                                                                     \
	{                                                                                                 \
		return deed_begin(number, kind, (void *)arguments[0], arguments[1], 0, arguments[count]); \
	}

/* A program where the kernel changes the name. `end`: deed_made or deed_done. */
#define NAME_AFTER(program, function, number, kind, end, place) \
	SEC("fexit/" #function)                                 \
	int program(__u64 *arguments)                           \
	{                                                       \
		return end(arguments, number, kind, place);     \
	}

/* int (const struct path *old_dir, struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry, unsigned flags) */
SEC("fexit/security_path_rename")
int file_rename_before(__u64 *arguments)
{
	struct dentry *dentry = (void *)arguments[1], *other = (void *)arguments[3];
	const struct path *folder = (void *)arguments[0];
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);
	struct task_struct *task = CURRENT();
	struct deed deed = {};
	struct site site;

	/* Two names of one file: the kernel leaves both as they are. */
	if (!deed_begins(&site, task, PROGRAM_RENAME_BEFORE, arguments[5]) || inode == BPF_CORE_READ(other, d_inode))
		return 0;
	deed.dentry = (__u64)dentry;
	deed.mnt = (__u64)BPF_CORE_READ(folder, mnt);
	deed.other = (__u64)BPF_CORE_READ(folder, dentry);
	deed.kind = EVENT_FILE_RENAME;
	inode_fill(&deed.file, inode, dentry);
	bpf_probe_read_kernel_str(deed.former, sizeof(deed.former), BPF_CORE_READ(dentry, d_name.name));
	deed_keep(&site, task, &deed);
	return 0;
}

/* The dentry moves: it has the new name now. */
SEC("fexit/vfs_rename")
int file_rename_after(__u64 *arguments)
{
	struct renamedata *names = (void *)arguments[0];

	return deed_end(PROGRAM_RENAME_AFTER, EVENT_FILE_RENAME, (__u64)BPF_CORE_READ(names, old_dentry),
			!(int)arguments[1], 0, 0, 0);
}

/* int (struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry) */
SEC("fexit/security_path_link")
int file_link_before(__u64 *arguments)
{
	const struct path *folder = (void *)arguments[1];
	struct dentry *other = (void *)arguments[0];
	struct task_struct *task = CURRENT();
	struct deed deed = {};
	struct site site;

	if (!deed_begins(&site, task, PROGRAM_LINK_BEFORE, arguments[3]))
		return 0;
	deed.dentry = arguments[2];
	deed.mnt = (__u64)BPF_CORE_READ(folder, mnt);
	deed.other = (__u64)other;
	deed.kind = EVENT_FILE_LINK;
	inode_fill(&deed.file, BPF_CORE_READ(other, d_inode), other);
	deed_keep(&site, task, &deed);
	return 0;
}

NAME_AFTER(file_link_after, vfs_link, PROGRAM_LINK_AFTER, EVENT_FILE_LINK, deed_done, VFS_LINK)

NAME_BEFORE(file_symlink_before, security_path_symlink, PROGRAM_SYMLINK_BEFORE, EVENT_FILE_SYMLINK, 3)
NAME_AFTER(file_symlink_after, vfs_symlink, PROGRAM_SYMLINK_AFTER, EVENT_FILE_SYMLINK, deed_made, VFS_SYMLINK)

NAME_BEFORE(file_delete_before, security_path_unlink, PROGRAM_DELETE_BEFORE, EVENT_FILE_DELETE, 2)
NAME_AFTER(file_delete_after, vfs_unlink, PROGRAM_DELETE_AFTER, EVENT_FILE_DELETE, deed_done, VFS_UNLINK)

NAME_BEFORE(folder_delete_before, security_path_rmdir, PROGRAM_FOLDER_DELETE_BEFORE, EVENT_FOLDER_DELETE, 2)
NAME_AFTER(folder_delete_after, vfs_rmdir, PROGRAM_FOLDER_DELETE_AFTER, EVENT_FOLDER_DELETE, deed_done, VFS_RMDIR)

NAME_BEFORE(folder_create_before, security_path_mkdir, PROGRAM_FOLDER_CREATE_BEFORE, EVENT_FOLDER_CREATE, 3)

/* It answers with a number, from 6.15 on with the dentry that it has used in the end. */
SEC("fexit/vfs_mkdir")
int folder_create_after(__u64 *arguments)
{
	__u64 answer = argument(arguments, vfs[VFS_MKDIR].result);
	__u64 given = argument(arguments, vfs[VFS_MKDIR].dentry);
	bool pointer = answer >> 32 && (__s32)(answer >> 32) != -1;
	struct dentry *dentry = (void *)(pointer ? answer : given);

	return deed_end(PROGRAM_FOLDER_CREATE_AFTER, EVENT_FOLDER_CREATE, given, pointer || !(int)answer,
			(__u64)BPF_CORE_READ(dentry, d_inode), 0,
			argument(arguments, vfs[VFS_MKDIR].dentry + 1) & 0xffff);
}

#if defined(__TARGET_ARCH_x86)
enum { MKNOD = 133, MKNOD_32 = 14, MKNODAT_32 = 297, X32 = 1 << 30 };
#else
enum { MKNOD = SYS_mknodat, MKNOD_32 = 14, MKNODAT_32 = 324, X32 = 0 };
#endif

/* Whoever opens a file that isn't there yet, and binds a socket to a name, comes here too: those are told as what they are. */
static __always_inline bool node_by_mknod(struct task_struct *task, __u32 mode)
{
	__u32 type = mode & S_IFMT;
	struct syscall call;

	if (type != S_IFREG && type != S_IFSOCK)
		return true;
	call = syscall_read(task);
	call.number &= ~(__s64)X32;
	if (syscall_compat(task))
		return call.number == MKNOD_32 || call.number == MKNODAT_32;
	return call.number == MKNOD || call.number == SYS_mknodat;
}

/* int (const struct path *dir, struct dentry *dentry, umode_t mode, unsigned dev) */
SEC("fexit/security_path_mknod")
int file_node_before(__u64 *arguments)
{
	if (!node_by_mknod(CURRENT(), arguments[2]))
		return 0;
	return deed_begin(PROGRAM_NODE_BEFORE, EVENT_FILE_NODE, (void *)arguments[0], arguments[1], arguments[3],
			  arguments[4]);
}

NAME_AFTER(file_node_after, vfs_mknod, PROGRAM_NODE_AFTER, EVENT_FILE_NODE, deed_made, VFS_MKNOD)
/* A plain file, by mknod: open makes it otherwise. */
NAME_AFTER(file_node_regular, vfs_create, PROGRAM_NODE_REGULAR, EVENT_FILE_NODE, deed_made, VFS_CREATE)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
