/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* THE ABI: every record that leaves the kernel half, by ring or by iterator.
 *
 * sensor/wire mirrors it by hand; bpf/tests/layout.rs compares both with the BTF of the compiled object. Rules: fixed
 * widths only, no implicit padding (named `pad`, always zero), every struct a multiple of 8, numbers are never reused,
 * strings ride in the tail. Any change raises GUARDBEE_ABI.
 */
#pragma once

#define GUARDBEE_ABI 11u

/* What happened. Both hook lists give the same kinds with the same meaning. */
enum event_kind {
	EVENT_FORK = 1,	     /* security: a process (not a thread) was created */
	EVENT_EXEC = 2,	     /* security: a process replaced its image */
	EVENT_EXIT = 3,	     /* security: the last thread of a process ended */
	EVENT_ACCEPT = 4,    /* security: first use of an accepted connection by a process; at the latest its close */
	EVENT_CONNECT = 5,   /* security: an outbound connection succeeded or failed */
	EVENT_LISTEN = 6,    /* security: a TCP socket began or ceased to listen */
	EVENT_SOCKET = 7,    /* payload: leads the data of a connection; iterator: a socket older than the sensor */
	EVENT_DATA = 8,	     /* payload: bytes moved over a connection */
	EVENT_CLOSE = 9,     /* payload: a TCP connection ended */
	EVENT_THROTTLE = 10, /* security: a scope exceeded its budget for a kind */
	EVENT_PROCESS = 11,  /* iterator: a process older than the sensor; laid out as exec_event */
	/* Files, all security, all laid out as file_event: one kind for a meaning, however many calls lead to it. */
	EVENT_FILE_OPEN = 16,	     /* opened for reading only */
	EVENT_FILE_MODIFY = 17,	     /* opened for writing, or truncated */
	EVENT_FILE_CREATE = 18,	     /* made by the open */
	EVENT_FILE_RENAME = 19,	     /* has another name */
	EVENT_FILE_LINK = 20,	     /* has a further name */
	EVENT_FILE_SYMLINK = 21,     /* a symbolic link was made */
	EVENT_FILE_DELETE = 22,	     /* lost a name */
	EVENT_FILE_ATTRIBUTE = 23,   /* mode, owner, extended attributes or times were set */
	EVENT_FOLDER_CREATE = 24,    /* mkdir */
	EVENT_FOLDER_DELETE = 25,    /* rmdir */
	EVENT_FILE_NODE = 26,	     /* a device, FIFO or socket was made: mknod */
	EVENT_FOLDER_OPEN = 27,	     /* a folder was opened, to be listed or for its descriptor */
	EVENT_FILE_OPEN_FAILED = 28, /* nothing was opened */
	/* security: system_event.h */
	EVENT_CREDENTIALS = 32,
	EVENT_ACCESS = 33,
	EVENT_NAMESPACE = 34,
	EVENT_MOUNT = 35,
	EVENT_SOCKET_CHANGE = 36,
	EVENT_EXTENSION = 37,
	EVENT_SIGNAL = 38,
	EVENT_MEMORY = 39,
	EVENT_TITLE = 40,
	EVENT_IO_URING = 41,
	EVENT_CONTROL = 42,
	EVENT_DNS = 43,	     /* security: a message to or from a name server, or over TCP bytes of some */
	EVENT_INQUIRY = 44,  /* laid out as control_event */
	EVENT_DATAGRAM = 45, /* security: a UDP socket sent to somebody for the first time; laid out as connect_event */
};
#define EVENT_KINDS 64

/* Which programs share a sequence and a scratch: one context interrupts another on the same CPU. TASK: fork, exec, exit,
 * bytes. SOFTIRQ: TCP states, also where a task causes them. ITERATOR: iterators.
 */
enum event_context { CONTEXT_TASK = 0, CONTEXT_SOFTIRQ = 1, CONTEXT_ITERATOR = 2, CONTEXT_TRAMPOLINE = 3 };
#define CONTEXTS 4

/* Which list of hooks made the event. */
enum hook_list { HOOKS_ITERATOR = 0, HOOKS_TRACEPOINT_6_3 = 1, HOOKS_TRACEPOINT_5_10 = 2, HOOKS_TRAMPOLINE = 3 };

enum event_flag {
	EVENT_COMPAT = 1 << 0,	   /* a 32-bit process */
	EVENT_KTHREAD = 1 << 1,	   /* the acting task is a kernel thread */
	EVENT_NO_PROCESS = 1 << 2, /* softirq without a known owner: tgid, tid, start_ns are 0 */
	EVENT_STAMP_LOST = 1 << 3, /* the stamp table was full: the absence of a stamp proves nothing */
	EVENT_URGENT = 1 << 4,	   /* woke the reader */
};

enum stamp_layer { LAYER_NONE = 0, LAYER_PLAIN = 1, LAYER_TLS = 2 };

enum stamp_flag {
	STAMP_EPOLL = 1 << 0,	  /* the socket's file is in an epoll set */
	STAMP_NONBLOCK = 1 << 1,  /* O_NONBLOCK was set, or MSG_DONTWAIT was given */
	STAMP_IO_URING = 1 << 2,  /* read through io_uring */
	STAMP_NO_FILE = 1 << 3,	  /* the socket has no file: the two bits above are unknown */
	STAMP_UNTRACKED = 1 << 4, /* the connection table was full: connection is 0, which one it was is unknown */
};

/* The last successful read of a thread from an accepted connection. layer 0: there was none. */
struct stamp {
	__u64 connection;
	__u64 position; /* of the stream, after the read: bytes received since the connection was first seen */
	__u32 reads;	/* such reads by this thread so far */
	__u32 tid;	/* the thread that read */
	__u16 flags;	/* enum stamp_flag */
	__u8 layer;	/* enum stamp_layer */
	__u8 pad[5];
};
_Static_assert(sizeof(struct stamp) == 32, "stamp has padding");

/* A process is (tgid, start, exec number), never the pid alone. */
struct process_key {
	__u64 start_ns; /* task_struct.start_boottime of the leader */
	__u32 tgid;
	__u32 exec_number; /* task_struct.self_exec_id: grows at each exec, inherited at fork */
};

#define USER_UNKNOWN (~0u)

struct event_header {
	__u64 time_ns;	 /* CLOCK_BOOTTIME */
	__u64 sequence;	 /* per (cpu, context, ring), counts lost ones too; iterators: 0 */
	__u64 start_ns;	 /* process_key of the acting process */
	__u64 cgroup_id; /* see config.h: cgroup_subsys */
	__u32 size;	 /* the whole record, a multiple of 8 */
	__u16 kind;	 /* enum event_kind */
	__u16 cpu;
	__u32 tgid;
	__u32 tid;
	__u32 exec_number;
	__u32 scope;	 /* key of filters and throttles; see scope.h */
	__u32 uid, euid; /* of the acting thread, as the host counts; USER_UNKNOWN: of softirq */
	__u16 flags;	 /* enum event_flag */
	__u8 context;	 /* enum event_context */
	__u8 hook;	 /* enum hook_list */
	__u8 verdict;	 /* 0: observed. Enforcement will say more */
	__u8 ring;	 /* index into the sequences: 0 security, 1.. payload */
	__u8 pad[2];
	struct stamp serving; /* of the acting thread */
	struct stamp origin;  /* of the acting process: what the forking thread was serving, for life */
};
_Static_assert(sizeof(struct event_header) == 136, "event_header has padding");

/* A string of the tail: header, bytes, zeroes up to a multiple of 8. Tails are optional and in any order. */
struct event_string {
	__u16 id;     /* enum string_id */
	__u16 length; /* bytes that follow */
	__u32 total;  /* bytes there were; > length: cut. UINT32_MAX: could not be read */
};

enum string_id {
	STRING_EXE = 1,	      /* path of the executable by dentry walk, from the process's root */
	STRING_CWD = 2,	      /* working directory, likewise */
	STRING_FILENAME = 3,  /* as given to execve (linux_binprm.filename) */
	STRING_ARGS = 4,      /* argv, words separated by NUL: the first 4 KiB; total is the whole argv */
	STRING_ARGS_TAIL = 5, /* the last 4 KiB, only where argv is longer than STRING_ARGS holds */
	STRING_COMM = 6,      /* task_struct.comm */
	STRING_CGROUP = 7,    /* leaf name of the cgroup that tells containers apart; none: it is the root */
	STRING_UNIX_PATH = 8, /* of the listening side; an abstract name begins with NUL */
	STRING_PATH = 9,      /* of a file: by dentry walk, or the name that the call was given */
	STRING_FOLDER = 10,   /* what that name is relative to; missing where it is absolute, or no name */
	STRING_SOURCE =
		11, /* the former name (rename), the linked one (link), the text (symlink): as given, or as PATH */
	STRING_SOURCE_FOLDER = 12, /* what that is relative to */
	STRING_GIVEN =
		13, /* of an open: the name that the call was given, where wants.given says so or a name must climb to be looked at */
	/* system_event.h */
	STRING_TARGET = 16,	   /* task_struct.comm of whom it was done to */
	STRING_TITLE = 17,	   /* a new task_struct.comm */
	STRING_FSTYPE = 18,	   /* of a mount */
	STRING_FROM = 19,	   /* of a mount: device or folder */
	STRING_PLACE = 20,	   /* of a mount: where it is; of the root: where that is now */
	STRING_DETAIL = 21,	   /* as the struct says */
	STRING_CGROUP_PARENT = 22, /* of its parent; none: it is the root */
	STRING_CGROUP_GRANDPARENT = 23,
	STRING_UNIFIED = 24, /* likewise in the v2 hierarchy, where a v1 hierarchy tells containers apart */
	STRING_UNIFIED_PARENT = 25,
	STRING_UNIFIED_GRANDPARENT = 26,
	STRING_MESSAGE = 27, /* of DNS: the first bytes */
	STRING_ENVIRONMENT =
		28, /* variables that are on the watch list, `name=value`, each ended by NUL; the last may be cut */
};

struct fork_event {
	struct event_header header; /* the parent */
	struct process_key child;
	struct stamp child_origin;
	__u32 child_ns_tgid; /* pid in its own namespace */
	__u32 pad;
	/* tail: COMM, CGROUP..., UNIFIED... */
};

enum file_flag {
	FILE_MEMFD = 1 << 0,
	FILE_DELETED = 1 << 1,	     /* no link is left */
	FILE_OVERLAY_UPPER = 1 << 2, /* changed or created in the container, not part of its image */
	FILE_SETUID = 1 << 3,
	FILE_SETGID = 1 << 4,
	FILE_PATH_CUT = 1 << 5, /* deeper than the walk: the first components are missing */
	FILE_OVERLAY = 1 << 6,
};

struct file_info {
	__u64 inode;
	__u64 size_bytes;
	__u64 ctime_ns;
	__u32 device; /* super_block.s_dev: major << 20 | minor */
	__u32 uid;
	__u32 gid;
	__u16 mode;
	__u16 flags; /* enum file_flag */
};

struct credentials {
	__u32 uid, euid, suid, fsuid;
	__u32 gid, egid, sgid, fsgid;
	__u64 permitted, effective, inheritable; /* capability masks */
};

enum fd_kind {
	FD_CLOSED = 0,
	FD_REGULAR = 1,
	FD_DIRECTORY = 2,
	FD_CHARACTER = 3,
	FD_BLOCK = 4,
	FD_PIPE = 5,
	FD_SOCKET = 6,
	FD_OTHER = 7
};

/* What stands behind fd 0, 1 or 2 after an exec. */
struct fd_info {
	__u64 inode;
	__u64 connection; /* sockets: 0 when not tracked */
	__u8 remote_address[16];
	__u32 device; /* character devices: the device; else the file system's */
	__u16 remote_port;
	__u16 family; /* sockets: AF_* */
	__u8 kind;    /* enum fd_kind */
	__u8 role;    /* sockets: enum socket_role */
	__u8 pad[6];
};

enum exec_flag {
	EXEC_SECURE = 1 << 0,	   /* AT_SECURE: the image runs with more than its caller had */
	EXEC_OUTSIDE = 1 << 1,	   /* no path leads to the executable from the process's root */
	EXEC_CWD_OUTSIDE = 1 << 2, /* nor to its working directory */
	EXEC_ENVIRONMENT_CUT =
		1 << 3, /* more environment than was looked through, or has room: ENVIRONMENT may lack something */
};

struct exec_event {
	struct event_header header; /* after the exec: exec_number is the new one */
	struct process_key parent;
	struct file_info file;
	struct credentials credentials;
	struct fd_info fds[3];
	__u32 pid_ns, mnt_ns, net_ns;	/* inode numbers */
	__u32 ns_tgid;			/* pid in its own namespace */
	__u32 session;			/* session id, host pids */
	__u32 tty;			/* device number, 0: none */
	__u32 login_uid, login_session; /* audit's, since a login; UINT32_MAX: none, or the kernel has no audit */
	__u32 argc;
	__u32 flags; /* enum exec_flag */
		     /* tail: EXE, CWD, FILENAME, ARGS, ARGS_TAIL, ENVIRONMENT, COMM, CGROUP */
};

struct exit_event {
	struct event_header header;
	__u32 exit_code; /* as wait(2) gives it */
	__u32 pad;
};

/* What of a file's attributes a call has set. */
enum file_attribute {
	ATTRIBUTE_NONE = 0,
	ATTRIBUTE_MODE = 1,
	ATTRIBUTE_OWNER = 2,
	ATTRIBUTE_EXTENDED = 3,
	ATTRIBUTE_TIMES = 4
};

enum file_event_flag {
	FILE_NAMED =
		1 << 0, /* PATH was read from user memory after the call: another thread may have changed it since */
	FILE_NO_FOLDER = 1 << 1,	/* what PATH is relative to is unknown: its descriptor was closed meanwhile */
	FILE_NO_SOURCE_FOLDER = 1 << 2, /* likewise SOURCE */
	FILE_FOLDER_CUT =
		1
		<< 3, /* the first components of FOLDER or SOURCE_FOLDER are missing, or of PATH or SOURCE by dentry walk */
};

struct file_event {
	struct event_header header;
	struct file_info
		file; /* of what was opened, or named by a descriptor, or is named; as it is afterwards, but before its name changes or goes; all zero: not known */
	__u32 open_flags; /* of an open: file.f_flags, and of truncate none; O_CREAT, O_EXCL, O_TRUNC, and all of one that failed, as open and openat were given them */
	__u32 mode; /* given to chmod, mkdir, mknod; before 6.0 a trampoline sees it without what the umask takes away */
	__u32 uid, gid; /* given to chown; UINT32_MAX: left as it is */
	__u32 device;	/* given to mknod */
	__u16 flags;	/* enum file_event_flag */
	__u8 attribute; /* enum file_attribute */
	__u8 error;	/* of EVENT_FILE_OPEN_FAILED: its number */
			/* tail: PATH, FOLDER, SOURCE, SOURCE_FOLDER, GIVEN */
};

#define POLICIES 1024
enum policy_flag {
	POLICY_ON = 1 << 0,	    /* of the default's: there are policies */
	POLICY_NO_PAYLOAD = 1 << 1, /* of the default's; of others it stands in the scope */
};

/* What holds in a scope. */
struct policy {
	__u64 left_out;	  /* a bit for each enum event_kind */
	__u32 per_second; /* of each kind of security event; 0: no throttle of its own */
	__u32 burst;
	__u32 flags; /* enum policy_flag */
	__u32 pad;
};

/* What a name on the watch list is. */
enum watch_role {
	WATCH_NAME = 0,	     /* the last component of a path */
	WATCH_FOLDER = 1,    /* any component before it */
	WATCH_EXTENSION = 2, /* the end of the last component, from its last dot on */
	WATCH_VARIABLE = 3,  /* of the environment at an exec */
};

/* What is wanted of what everything does. Of file events a bit for each kind, as `1 << (kind - EVENT_FILE_OPEN)`. */
struct wants {
	__u32 all;	  /* whatever the path */
	__u32 named;	  /* where a name of the watch list is in the path */
	__u32 folders;	  /* of these, where folders are on the list */
	__u32 extensions; /* likewise extensions */
	__u32 attributes; /* of EVENT_FILE_ATTRIBUTE: a bit for each enum file_attribute */
	__u32 variables;  /* a bit for what the first byte of a name on the watch list ends with: 1 << (byte & 31) */
	__u32 given; /* of which opens GIVEN is told; as CLIMBING(): which are looked at, whatever the path, where it has `..` in it */
	__u32 errors; /* of EVENT_FILE_OPEN_FAILED: a bit for each number of an error, the first for those above 31 */
};

#define WATCH_BYTES 32
/* On the watch list a bit for each kind, as in struct wants. Of last components, so: where the name that was given has `..` in it. */
#define CLIMBING(kinds) ((kinds) << 16)
/* A name of the watch list; longer ones are known by their first WATCH_BYTES and, but for variables, their length. */
struct watch_key {
	__u32 role;   /* enum watch_role */
	__u32 length; /* of the whole name; of a variable 0 */
	__u8 name[WATCH_BYTES];
};

enum socket_role { ROLE_UNKNOWN = 0, ROLE_ACCEPTED = 1, ROLE_CONNECTED = 2, ROLE_LISTENING = 3 };

enum socket_flag {
	SOCKET_MIDDLE = 1 << 0,	      /* older than the sensor: position 0 is not the start of the stream */
	SOCKET_ROLE_GUESSED = 1 << 1, /* no listener has the port now: taken for ours */
};

struct socket_info {
	__u64 connection;	/* ours, unique while the sensor lives */
	__u64 inode;		/* of the socket */
	__u64 peer_inode;	/* unix sockets: of the other end, 0 while it waits to be accepted */
	__u64 opened_ns;	/* when first seen */
	__u8 local_address[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 remote_address[16];
	__u16 local_port;
	__u16 remote_port;
	__u16 family; /* AF_INET, AF_INET6, AF_UNIX */
	__u8 role;    /* enum socket_role */
	__u8 flags;   /* enum socket_flag */
	__u32 net_ns;
	__u32 peer_tgid; /* unix sockets: sk_peer_pid; 0: unknown */
};

struct socket_event { /* EVENT_ACCEPT, EVENT_SOCKET */
	struct event_header header;
	struct socket_info socket;
	/* tail: UNIX_PATH */
};

#define CONNECT_GIVEN_UP -1 /* no answer came, until who asked closed it */

struct connect_event {
	struct event_header header; /* who called connect, with the stamps of that moment; time_ns is the end */
	struct socket_info socket;
	__u64 begun_ns; /* 0: not seen. Then the header is that of who gave it up, or of nobody */
	__s32 result;	/* 0, -errno or CONNECT_GIVEN_UP */
	__u32 pad;
	/* tail: UNIX_PATH */
};

struct listen_event {
	struct event_header header;
	struct socket_info socket;
	__u32 listening; /* 1 began, 0 ceased */
	__u32 pad;
};

enum data_direction { DATA_RECEIVED = 0, DATA_SENT = 1 };

enum data_flag {
	DATA_NO_BUFFER = 1 << 0,  /* splice, sendfile, io_uring: the length only */
	DATA_UNREADABLE = 1 << 1, /* the user page was not there */
	DATA_IO_URING = 1 << 2,
	DATA_TURN = 1 << 3, /* the first bytes after a change of direction */
	DATA_MIDDLE =
		1 << 4, /* DNS: the connection is older than the sensor, position 0 may be anywhere in a message */
};

/* Budget: the first 4 KiB after each change of direction, then 1 KiB of each call; length is always whole. */
struct data_event {
	struct event_header header;
	__u64 connection;
	__u64 position; /* of the first byte, in the stream of this direction */
	__u32 length;	/* bytes that the call moved */
	__u32 captured; /* bytes that follow this struct, then zeroes up to header.size */
	__u8 direction; /* enum data_direction */
	__u8 flags;	/* enum data_flag */
	__u8 pad[6];
};

/* Names are asked for there: RFC 1035, 4.2. */
#define DNS_PORT  53
#define DNS_BYTES 512 /* of a datagram; over TCP the budget is that of data_event */

struct dns_event {
	struct event_header header;
	__u64 socket;	  /* its inode: tells questions that are out at once apart */
	__u8 server[16];  /* IPv4 as ::ffff:a.b.c.d */
	__u64 connection; /* over TCP; 0: it is a datagram, one message */
	__u64 position;	  /* over TCP: of the first byte, in the stream of this direction */
	__u32 length;	  /* bytes of the datagram, or that the call moved */
	__u8 direction;	  /* enum data_direction */
	__u8 flags;	  /* enum data_flag: all but TURN */
	__u8 pad[2];
	/* tail: MESSAGE, COMM */
};

struct close_event {
	struct event_header header;
	__u64 connection;
	__u64 received_bytes;
	__u64 sent_bytes;
};

struct throttle_event {
	struct event_header header; /* of the event that opened or closed the throttle */
	__u64 dropped;		    /* so far in this episode; 0: it begins */
	__u64 since_ns;
	__u32 throttled_kind;
	__u32 pad;
};

/* Why an event did not reach its ring. produced = delivered + RING_FULL + THROTTLED + SCRATCH_BUSY, by kind; the others
 * count what was never an attempt (CONNECTIONS_FULL, MESSAGES, DEEDS_FULL, PEERS) or is there all the same (STAMPS_FULL,
 * ENVIRONMENT_CUT).
 */
enum loss_cause {
	LOSS_RING_FULL = 0,
	LOSS_THROTTLED = 1,
	LOSS_CONNECTIONS_FULL = 2, /* no room to track a connection: its data is not seen */
	LOSS_STAMPS_FULL = 3,	   /* no room for a thread's stamp or a process's origin (the event itself is there) */
	LOSS_SCRATCH_BUSY = 4,	   /* the context's scratch was in use */
	LOSS_MESSAGES = 5,	   /* DNS, DATAGRAM: one call moved more messages than are looked at */
	LOSS_DEEDS_FULL =
		6,	/* more changes of names under way at once than there is room for: the oldest is not seen */
	LOSS_PEERS = 7, /* DATAGRAM: a socket sent to more peers than are told, or to one that could not be read */
	LOSS_ENVIRONMENT_CUT =
		8, /* EXEC: more environment than is looked through or told (the event itself is there) */
};
#define LOSS_CAUSES 9
#define RINGS	    4	/* 0 security, 1.. payload */
#define PROGRAMS    128 /* enum program_id in program.h */

/* One slot per (cpu, context): index cpu * CONTEXTS + context. Mapped read-only by the pipeline. */
struct counter_slot {
	__u64 sequence[RINGS];	     /* the last one given */
	__u64 produced[EVENT_KINDS]; /* attempts, lost ones included */
	__u64 lost[LOSS_CAUSES][EVENT_KINDS];
	__u64 fired[PROGRAMS]; /* runs that passed their guard, by program */
};
_Static_assert(sizeof(struct counter_slot) % 8 == 0, "counter_slot has padding");

#include "system_event.h"
