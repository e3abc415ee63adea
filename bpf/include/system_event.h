/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* THE ABI, second part: what processes do to the system and to each other, files aside. The rules of event.h hold; kinds from
 * 32 on. One kind for one meaning, however many system calls lead to it: `call` says which one did.
 */
#pragma once

/* The system calls that these events come from: numbers of our own, the same on every architecture. */
enum call {
	CALL_NONE = 0, /* no call: seen by a tracepoint of the kernel's own */
	CALL_SETUID = 1,
	CALL_SETGID = 2,
	CALL_SETREUID = 3,
	CALL_SETREGID = 4,
	CALL_SETRESUID = 5,
	CALL_SETRESGID = 6,
	CALL_SETFSUID = 7,
	CALL_SETFSGID = 8,
	CALL_SETGROUPS = 9,
	CALL_CAPSET = 10,
	CALL_PTRACE = 11,
	CALL_PROCESS_VM_READV = 12,
	CALL_PROCESS_VM_WRITEV = 13,
	CALL_PIDFD_GETFD = 14,
	CALL_SETNS = 15,
	CALL_UNSHARE = 16,
	CALL_CLONE = 17, /* or clone3 */
	CALL_MOUNT = 18,
	CALL_UMOUNT2 = 19,
	CALL_MOVE_MOUNT = 20,
	CALL_PIVOT_ROOT = 21,
	CALL_CHROOT = 22,
	CALL_SOCKET = 23,
	CALL_BIND = 24,
	CALL_SETSOCKOPT = 25,
	CALL_DUP = 26,
	CALL_DUP2 = 27,
	CALL_DUP3 = 28,
	CALL_BPF = 29,
	CALL_PERF_EVENT_OPEN = 30,
	CALL_INIT_MODULE = 31,
	CALL_FINIT_MODULE = 32,
	CALL_MPROTECT = 33,
	CALL_PKEY_MPROTECT = 34,
	CALL_MMAP = 35,
	CALL_MEMFD_CREATE = 36,
	CALL_REBOOT = 37,
	CALL_SYSLOG = 38,
	CALL_USERFAULTFD = 39,
	CALL_OPEN_BY_HANDLE_AT = 40,
	CALL_KEXEC_LOAD = 41,
	CALL_KEXEC_FILE_LOAD = 42,
	CALL_SYSINFO = 43,
	CALL_PRLIMIT64 = 44,
	CALL_SETPRIORITY = 45,
	CALL_IOPRIO_SET = 46,
	CALL_SCHED_SETAFFINITY = 47,
	CALL_SCHED_SETSCHEDULER = 48,
	CALL_SCHED_SETPARAM = 49,
	CALL_SCHED_SETATTR = 50,
};

/* How a system call made the event: what audit calls SYSCALL, a0 to a3 and exit. */
struct call_info {
	__u64 arguments[4]; /* as the registers had them */
	__s64 result;
	__u16 call; /* enum call */
	__u8 pad[6];
};

/* Whom an event was done to; its name is in the tail. */
struct target_info {
	struct process_key process;
	__u32 tid;
	__u32 uid; /* effective */
};

enum credentials_cause {
	CREDENTIALS_CALL = 1,	     /* a call that may do that */
	CREDENTIALS_UNEXPLAINED = 2, /* nothing that may, could have led from `before` to `after` */
};

enum credentials_flag { CREDENTIALS_FIRST = 1 << 0 /* `before` is not known: all zero */ };

struct credentials_event {
	struct event_header header;
	struct call_info call;
	struct credentials before; /* as they were when last looked at */
	struct credentials after;
	__u32 groups;  /* supplementary ones, after it */
	__u32 user_ns; /* inode number */
	__u8 cause;    /* enum credentials_cause */
	__u8 flags;    /* enum credentials_flag */
	__u8 pad[6];
	/* tail: COMM */
};

enum access_kind {
	ACCESS_ATTACHED = 1,   /* traces it from now on */
	ACCESS_TRACED = 2,     /* lets its parent trace it */
	ACCESS_WROTE = 3,      /* memory */
	ACCESS_REGISTERS = 4,  /* changed them */
	ACCESS_READ = 5,       /* memory */
	ACCESS_DESCRIPTOR = 6, /* took a copy of one */
	ACCESS_LIMITED = 7,    /* set how much it may use */
	ACCESS_SCHEDULED = 8,  /* set when and where it runs: priority, policy, processors */
};

struct access_event {
	struct event_header header;
	struct call_info call;
	struct target_info target;
	struct fd_info fd; /* DESCRIPTOR: what it is */
	__u64 bytes;
	__u8 access; /* enum access_kind */
	__u8 pad[7];
	/* tail: COMM, TARGET */
};

/* Inode numbers; 0: this kernel has none of the kind. `pid` is that of children to come. */
struct namespaces {
	__u32 cgroup, ipc, mnt, net, pid, time, user, uts;
};

enum namespace_flag {
	NAMESPACE_CGROUP = 1 << 0,
	NAMESPACE_IPC = 1 << 1,
	NAMESPACE_MNT = 1 << 2,
	NAMESPACE_NET = 1 << 3,
	NAMESPACE_PID = 1 << 4,
	NAMESPACE_TIME = 1 << 5,
	NAMESPACE_USER = 1 << 6,
	NAMESPACE_UTS = 1 << 7,
};

struct namespace_event {
	struct event_header header;
	struct call_info call;
	struct process_key subject; /* whose they are: the caller, or the child that clone made */
	struct namespaces after;
	__u8 changed; /* enum namespace_flag: entered, made, or other than the parent's */
	__u8 host;    /* of these: now those of the first process */
	__u8 pad[6];
	/* tail: COMM */
};

enum mount_kind {
	MOUNT_MOUNTED = 1,
	MOUNT_UNMOUNTED = 2,
	MOUNT_ROOT_CHANGED = 3, /* chroot, pivot_root */
};

enum mount_flag { MOUNT_USER_PATHS = 1 << 0 /* FROM, PLACE and FSTYPE are what the caller's memory said afterwards */ };

struct mount_event {
	struct event_header header;
	struct call_info call;
	__u8 what;  /* enum mount_kind */
	__u8 flags; /* enum mount_flag */
	__u8 pad[6];
	/* tail: COMM, FSTYPE, FROM, PLACE */
};

enum socket_change_kind {
	SOCKET_MADE = 1, /* of a kind that few need: raw, packet, crypto, ... */
	SOCKET_BOUND = 2,
	SOCKET_FILTERED = 3, /* a program decides what it receives */
	SOCKET_STANDARD = 4, /* became standard input, output or error */
};

enum socket_change_flag {
	SOCKET_SUBMITTED = 1 << 0, /* to io_uring: that it was done is not said, and no descriptor */
};

struct socket_change_event {
	struct event_header header;
	struct call_info call;
	struct socket_info socket;
	__u16 kind; /* SOCK_* */
	__u16 protocol;
	__s32 fd;
	__u8 what;  /* enum socket_change_kind */
	__u8 flags; /* enum socket_change_flag */
	__u8 pad[6];
	/* tail: COMM, DETAIL: crypto sockets: type and name that were bound */
};

enum extension_kind {
	EXTENSION_PROGRAM = 1, /* a BPF program was loaded */
	EXTENSION_LINK = 2,    /* one was attached */
	EXTENSION_PROBE = 3,   /* a kernel or user probe, or a tracepoint, was opened */
	EXTENSION_MODULE = 4,
	EXTENSION_KERNEL = 5, /* another kernel, for kexec */
};

struct extension_event {
	struct event_header header;
	struct call_info call;
	__u32 kind; /* PROGRAM, LINK: enum bpf_prog_type; PROBE: perf_event_attr.type */
	__u32 id;   /* PROGRAM, LINK: of the program */
	__u8 what;  /* enum extension_kind */
	__u8 pad[7];
	/* tail: COMM, DETAIL: name of the program or module; path that a user probe is put into */
};

/* Sent by a process to another one, of those that end or stop it. */
struct signal_event {
	struct event_header header;
	struct target_info target;
	__s32 code; /* SI_* */
	__u16 signal;
	__u8 pad[2];
	/* tail: COMM, TARGET */
};

enum memory_kind {
	MEMORY_PROTECTED = 1, /* memory that there was became executable */
	MEMORY_MAPPED = 2,    /* executable memory without a file, or writable at once */
	MEMORY_FILE = 3,      /* a file that lives in memory only */
};

struct memory_event {
	struct event_header header;
	struct call_info call;
	__u64 address;
	__u64 length;
	__u32 protection; /* PROT_* */
	__u8 what;	  /* enum memory_kind */
	__u8 pad[3];
	/* tail: COMM, DETAIL: name of the file */
};

/* A thread changed the name that tools show, its own or another thread's. */
struct title_event {
	struct event_header header;
	struct target_info target;
	/* tail: TARGET: as it was, TITLE: as it is */
};

struct io_uring_event {
	struct event_header header;
	__u32 entries; /* of a ring that was made; 0: an operation was submitted */
	__u16 flags;   /* enum file_event_flag */
	__u8 opcode;   /* IORING_OP_* */
	__u8 pad;
	/* tail: COMM; what the operation names, as the kernel has copied it: PATH, FOLDER, SOURCE, SOURCE_FOLDER as of a file, DETAIL: of an attribute */
};

/* A call that acts on the machine itself; or, of kind INQUIRY, one that asks what machine it is, which many do. */
struct control_event {
	struct event_header header;
	struct call_info call;
	/* tail: COMM, DETAIL: open_by_handle_at: path of what was opened */
};
