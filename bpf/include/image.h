/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a process runs, as whom, where: the part that an exec and the process iterator share. */
#pragma once
#include "path.h"
#include "sock.h"
#include "task.h"

#define IMAGE_STRINGS 6
#define IMAGE_ROOM    (sizeof(struct exec_event) + (IMAGE_STRINGS + 2) * STRING_BYTES)

/* What a system call says of a file: file.h. */
struct file_call {
	__u64 task;
	__u64 name; /* in user memory; 0: it names by descriptor only */
	__u64 source;
	__u64 request; /* of io_uring, which has such names in the kernel's memory */
	__s32 folder; /* a descriptor, or AT_FDCWD */
	__s32 source_folder;
	__u32 kind;
	__u32 mode;
	__u32 uid, gid;
	__u32 device;
	__u8 attribute;
	__u8 error;
	__u8 pad[2];
};

/* How far an environment was looked through: environment.h. */
struct environment {
	__u64 from, end; /* what is left of it, in user memory */
	__u32 at;	 /* where the next piece goes in the record */
	__u32 length;	 /* of what was kept */
	__u32 inside;	 /* a variable that has begun before */
	__u32 kept;	 /* which is on the watch list */
};

/* More than a per-CPU array's 32 KiB: a plain array, one for each CPU and context. */
struct image_scratch {
	union {
		struct exec_event event;
		struct file_event file;
		struct io_uring_event io_uring;
		__u8 bytes[IMAGE_ROOM];
	};
	struct file_call call;
	struct environment environment;
	__u32 busy;
	__u32 part; /* where a component of a text in the record begins, and where the text ends: file.h */
	__u32 parts_end;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CONTEXTS);
	__type(key, __u32);
	__type(value, struct image_scratch);
} exec_scratches __weak SEC(".maps");

/* Iterators may be preempted: a second one on this CPU must not write into the first one's record. */
static __always_inline struct image_scratch *image_enter(struct site *site, enum event_kind kind)
{
	struct image_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &site->index);

	if (!scratch)
		return NULL;
	if (scratch->busy) {
		site->slot->sequence[0]++;
		site->slot->produced[kind]++;
		count_lost(site, LOSS_SCRATCH_BUSY, kind);
		return NULL;
	}
	scratch->busy = 1;
	return scratch;
}

static __always_inline void image_leave(struct image_scratch *scratch)
{
	scratch->busy = 0;
}

/* The inode behind a file of an overlay lies in an ovl_inode, which modules keep out of the kernel's BTF: its upper
 * dentry, if it has one, follows the inode (fs/overlayfs/ovl_entry.h, unchanged since 4.19).
 */
static __always_inline bool overlay_upper(struct inode *inode)
{
	void *upper = NULL;

	bpf_probe_read_kernel(&upper, sizeof(upper), (void *)inode + bpf_core_type_size(struct inode));
	return upper;
}

static __always_inline void inode_fill(struct file_info *info, struct inode *inode, struct dentry *dentry)
{
	const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
	__u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);
	__u64 start = 0;

	info->inode = BPF_CORE_READ(inode, i_ino);
	info->size_bytes = BPF_CORE_READ(inode, i_size);
	info->ctime_ns = inode_ctime(inode);
	info->device = BPF_CORE_READ(inode, i_sb, s_dev);
	info->uid = BPF_CORE_READ(inode, i_uid.val);
	info->gid = BPF_CORE_READ(inode, i_gid.val);
	info->mode = BPF_CORE_READ(inode, i_mode);
	info->flags = 0;
	if (info->mode & S_ISUID)
		info->flags |= FILE_SETUID;
	if (info->mode & S_ISGID)
		info->flags |= FILE_SETGID;
	if (inode && !BPF_CORE_READ(inode, i_nlink))
		info->flags |= FILE_DELETED;
	bpf_probe_read_kernel(&start, 6, name);
	if (magic == TMPFS_MAGIC && start == 0x3a64666d656dull) /* "memfd:" */
		info->flags |= FILE_MEMFD;
	if (magic == OVERLAYFS_MAGIC)
		info->flags |= FILE_OVERLAY | (overlay_upper(inode) ? FILE_OVERLAY_UPPER : 0);
}

static __always_inline void file_fill(struct file_info *info, struct file *file)
{
	inode_fill(info, BPF_CORE_READ(file, f_inode), BPF_CORE_READ(file, f_path.dentry));
}

static __always_inline void credentials_fill(struct credentials *out, const struct cred *cred)
{
	out->uid = BPF_CORE_READ(cred, uid.val);
	out->euid = BPF_CORE_READ(cred, euid.val);
	out->suid = BPF_CORE_READ(cred, suid.val);
	out->fsuid = BPF_CORE_READ(cred, fsuid.val);
	out->gid = BPF_CORE_READ(cred, gid.val);
	out->egid = BPF_CORE_READ(cred, egid.val);
	out->sgid = BPF_CORE_READ(cred, sgid.val);
	out->fsgid = BPF_CORE_READ(cred, fsgid.val);
	/* Not by the field's own size: kernel_cap_t was two u32 before 6.3 (f122a08b197d). */
	bpf_probe_read_kernel(&out->permitted, 8, &cred->cap_permitted);
	bpf_probe_read_kernel(&out->effective, 8, &cred->cap_effective);
	bpf_probe_read_kernel(&out->inheritable, 8, &cred->cap_inheritable);
}

static __always_inline enum fd_kind mode_kind(__u16 mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return FD_REGULAR;
	case S_IFDIR:
		return FD_DIRECTORY;
	case S_IFCHR:
		return FD_CHARACTER;
	case S_IFBLK:
		return FD_BLOCK;
	case S_IFIFO:
		return FD_PIPE;
	case S_IFSOCK:
		return FD_SOCKET;
	default:
		return FD_OTHER;
	}
}

static __always_inline void fd_fill_socket(struct fd_info *info, struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);
	struct connection *connection;
	__u64 key = (__u64)sk;

	info->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (info->family == AF_UNIX)
		connection = bpf_map_lookup_elem(&unix_sockets, &key);
	else
		connection = bpf_map_lookup_elem(&connections, &key);
	if (connection && (info->family != AF_UNIX || connection->identity == info->inode)) {
		info->connection = connection->id;
		info->role = connection->role;
	}
	if (info->family == AF_INET || info->family == AF_INET6)
		sock_remote(sk, info->family, info->remote_address, &info->remote_port);
}

static __always_inline void fd_fill(struct fd_info *info, struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	__builtin_memset(info, 0, sizeof(*info));
	if (!file)
		return;
	info->inode = BPF_CORE_READ(inode, i_ino);
	info->kind = mode_kind(BPF_CORE_READ(inode, i_mode));
	if (info->kind == FD_CHARACTER || info->kind == FD_BLOCK)
		info->device = BPF_CORE_READ(inode, i_rdev);
	else
		info->device = BPF_CORE_READ(inode, i_sb, s_dev);
	if (info->kind == FD_SOCKET)
		fd_fill_socket(info, file);
}

static __always_inline struct file *fd_file(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;

	if (fd < BPF_CORE_READ(table, max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

static __always_inline __u32 task_tty(struct task_struct *task)
{
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);

	if (!tty)
		return 0;
	return BPF_CORE_READ(tty, driver, major) << 20 |
	       (BPF_CORE_READ(tty, driver, minor_start) + BPF_CORE_READ(tty, index));
}

static __always_inline void login_fill(struct exec_event *event, struct task_struct *task)
{
	event->login_uid = USER_UNKNOWN;
	event->login_session = USER_UNKNOWN;
	if (bpf_core_field_exists(task->loginuid)) {
		event->login_uid = BPF_CORE_READ(task, loginuid.val);
		event->login_session = BPF_CORE_READ(task, sessionid);
	}
}

static __always_inline __u32 task_pid_ns(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);

	return BPF_CORE_READ(pid, numbers[level].ns, ns.inum);
}

/* All but header, argc and EXEC_SECURE. Answers where the record ends: exe and cwd are in. */
static __always_inline __u32 image_fill(struct site *site, struct image_scratch *scratch,
					struct task_struct *task)
{
	struct exec_event *event = &scratch->event;
	struct task_struct *parent = BPF_CORE_READ(task, real_parent);
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct place root = place_of(&fs->root);
	__u32 at = sizeof(*event);
	__u32 found = 0;

	event->parent.start_ns = BPF_CORE_READ(parent, group_leader, start_boottime);
	event->parent.tgid = BPF_CORE_READ(parent, tgid);
	event->parent.exec_number = BPF_CORE_READ(parent, self_exec_id);
	file_fill(&event->file, exe);
	credentials_fill(&event->credentials, BPF_CORE_READ(task, cred));
	for (__u32 i = 0; i < 3; i++)
		fd_fill(&event->fds[i], fd_file(task, i));
	event->pid_ns = task_pid_ns(task);
	event->mnt_ns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	event->net_ns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	event->ns_tgid = pid_in_namespace(BPF_CORE_READ(task, thread_pid));
	event->session = BPF_CORE_READ(task, signal, pids[PIDTYPE_SID], numbers[0].nr);
	event->tty = task_tty(task);
	login_fill(event, task);
	event->argc = 0;
	event->flags = 0;
	if (exe) {
		at = tail_path(scratch->bytes, at, IMAGE_ROOM, STRING_EXE, site, place_of(&exe->f_path), root, &found);
		if (found & PATH_CUT)
			event->file.flags |= FILE_PATH_CUT;
		if (found & PATH_OUTSIDE)
			event->flags |= EXEC_OUTSIDE;
	}
	at = tail_path(scratch->bytes, at, IMAGE_ROOM, STRING_CWD, site, place_of(&fs->pwd), root, &found);
	if (found & PATH_OUTSIDE)
		event->flags |= EXEC_CWD_OUTSIDE;
	return at;
}

/* The verifier knows nothing of a sum of lengths: say the bound again. */
static __always_inline void image_send(struct site *site, struct image_scratch *scratch, __u32 at)
{
	OPAQUE(at);
	if (at <= IMAGE_ROOM)
		security_send(site, &scratch->event.header, EVENT_EXEC, at);
}
