/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's structures, cut down to the fields that are read. CO-RE relocates every access, so names and types
 * matter here, never offsets. What moved between kernels is in compat.h.
 */
#pragma once
#define __VMLINUX_H__

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u16 __sum16;
typedef int pid_t;
typedef _Bool bool;
enum { false = 0, true = 1 };
#define NULL ((void *)0)

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };
enum { BPF_F_MMAPABLE = 1 << 10 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0 };
enum bpf_func_id { BPF_FUNC_get_current_task_btf = 158, BPF_FUNC_task_pt_regs = 175 };
enum cgroup_subsys_id { memory_cgrp_id = 4, pids_cgrp_id = 11 }; /* the values are relocated */

#define AF_UNIX	       1
#define AF_UNSPEC      0
#define AF_INET	       2
#define AF_INET6       10
#define SOCK_STREAM    1
#define SOCK_DGRAM     2
#define IPPROTO_TCP    6
#define IPPROTO_UDP    17
#define O_NONBLOCK     04000
#define MSG_OOB	       0x1
#define MSG_PEEK       0x2
#define MSG_TRUNC      0x20
#define MSG_DONTWAIT   0x40
#define MSG_ERRQUEUE   0x2000
#define MSG_SPLICE_PAGES 0x8000000
#define PF_IO_WORKER   0x10
#define CAP_SETUID     7
#define PF_KTHREAD     0x200000
#define SIGNAL_GROUP_EXIT 4
#define S_IFMT	       0170000
#define S_IFSOCK       0140000
#define S_IFREG	       0100000
#define S_IFBLK	       0060000
#define S_IFDIR	       0040000
#define S_IFCHR	       0020000
#define S_IFIFO	       0010000
#define S_ISUID	       04000
#define S_ISGID	       02000
#define EFAULT	       14
#define EMFILE	       24
#define ENAMETOOLONG   36
#define O_WRONLY       01
#define O_CREAT	       0100
#define O_EXCL	       0200
#define O_TRUNC	       01000
#define FMODE_READ     0x1
#define FMODE_WRITE    0x2
#define FMODE_EXEC     0x20
#define FMODE_CREATED  0x100000
#define MAX_ERRNO      4095
#define AT_FDCWD       -100
#define AT_REMOVEDIR   0x200
#define TMPFS_MAGIC    0x01021994
#define OVERLAYFS_MAGIC 0x794c7630
#define PIDTYPE_SID    3

enum tcp_state {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_FIN_WAIT1 = 4,
	TCP_CLOSE = 7,
	TCP_CLOSE_WAIT = 8,
	TCP_LAST_ACK = 9,
	TCP_LISTEN = 10,
};

/* User memory, not kernel structures: never relocated. */
struct user_iovec {
	const void *base;
	u64 length;
};
struct user_msghdr {
	void *name;
	u32 name_length, pad;
	struct user_iovec *vectors;
	u64 vectors_length;
	void *control;
	u64 control_length;
	u32 flags, pad2;
};
struct user_sockaddr {
	u16 family;
	__be16 port;
	__be32 address; /* IPv6: the flow */
	u8 address6[16];
};
struct user_mmsghdr {
	struct user_msghdr message;
	u32 length, pad;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	u32 val;
} kuid_t;
typedef struct {
	u32 val;
} kgid_t;

struct hlist_head {
	void *first;
};

struct ns_common {
	u32 inum;
};
struct pid_namespace {
	struct ns_common ns;
};
struct mnt_namespace {
	struct ns_common ns;
};
struct net {
	struct ns_common ns;
};
struct uts_namespace {
	struct ns_common ns;
};
struct ipc_namespace {
	struct ns_common ns;
};
struct cgroup_namespace {
	struct ns_common ns;
};
struct time_namespace {
	struct ns_common ns;
};
struct user_namespace {
	int level;
	struct ns_common ns;
};
struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct time_namespace *time_ns;
	struct cgroup_namespace *cgroup_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};
struct pid {
	u32 level;
	struct upid numbers[1];
};

struct qstr {
	u32 len;
	const unsigned char *name;
};
struct file_system_type {
	const char *name;
};
struct super_block {
	u32 s_dev;
	unsigned long s_magic;
	struct file_system_type *s_type;
};
struct inode {
	u16 i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	struct super_block *i_sb;
	unsigned long i_ino;
	u32 i_nlink;
	u32 i_rdev;
	s64 i_size;
	void *i_private;
};
struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
};
struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
};
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct file {
	void *private_data;
	struct inode *f_inode;
	u32 f_flags, f_mode;
	struct path f_path;
	struct hlist_head *f_ep;
};
struct open_flags {
	int open_flag;
};
struct filename {
	const char *name;
};
struct fdtable {
	u32 max_fds;
	struct file **fd;
};
struct files_struct {
	struct fdtable *fdt;
};
struct fs_struct {
	struct path root, pwd;
};

struct kernfs_node {
	const char *name;
	u64 id;
};
struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};
struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};
struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

typedef struct {
	u64 val;
} kernel_cap_t; /* two u32 before 6.3: the same eight bytes on a little-endian machine */
struct cred {
	kuid_t uid, euid, suid, fsuid;
	kgid_t gid, egid, sgid, fsgid;
	kernel_cap_t cap_inheritable, cap_permitted, cap_effective;
	struct user_namespace *user_ns;
	struct group_info *group_info;
};
struct group_info {
	int ngroups;
};

struct tty_driver {
	int major, minor_start;
};
struct tty_struct {
	struct tty_driver *driver;
	int index;
};
struct signal_struct {
	atomic_t live;
	struct pid *pids[4];
	struct tty_struct *tty;
	u32 flags;
	int group_exit_code;
};
struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
};
struct thread_info {
	unsigned long flags;
	u32 status; /* x86 */
};
struct task_struct {
	struct thread_info thread_info;
	void *stack;
	u32 flags;
	struct mm_struct *mm;
	int exit_code;
	pid_t pid, tgid;
	struct task_struct *real_parent, *group_leader;
	struct pid *thread_pid;
	u64 start_boottime;
	const struct cred *real_cred;
	const struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct css_set *cgroups;
	u64 self_exec_id;
	u32 in_execve : 1;
	kuid_t loginuid; /* with CONFIG_AUDIT */
	unsigned int sessionid;
};
struct kernel_siginfo {
	int si_code;
};
union thread_union { /* its size is THREAD_SIZE */
	struct task_struct task;
};
struct linux_binprm {
	u32 have_execfd : 1, execfd_creds : 1, secureexec : 1;
	int argc;
	const char *filename;
};

struct in6_addr {
	union {
		u8 u6_addr8[16];
	} in6_u;
};
typedef struct {
	struct net *net;
} possible_net_t;
struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	u16 skc_num;
	u16 skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};
struct socket {
	struct file *file;
	struct sock *sk;
};
struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};
typedef struct {
	int owned;
} socket_lock_t;
struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	u16 sk_type, sk_protocol;
	int sk_err, sk_err_soft;
	struct pid *sk_peer_pid;
	struct socket *sk_socket;
};
struct inet_sock {
	__be16 inet_sport;
};
struct tcp_sock {
	u32 copied_seq, write_seq, rcv_nxt, snd_nxt, segs_out;
	u64 bytes_received, bytes_sent;
};
struct sockaddr_un {
	u16 sun_family;
	char sun_path[108];
};
struct unix_address {
	int len;
	struct sockaddr_un name[1];
};
struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id, seq_num;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bx, r10, r8, cx, dx, si, di, orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	u64 regs[31];
};
struct pt_regs {
	u64 regs[31];
	u64 orig_x0;
	s32 syscallno;
};
#endif

#pragma clang attribute pop
