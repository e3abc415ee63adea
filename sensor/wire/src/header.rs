//! What every record begins with.
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `GUARDBEE_ABI`: both halves must be built from the same number.
pub const ABI: u32 = 11;

/// `enum event_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum EventKind {
    /// A process (not a thread) was created.
    Fork = 1,
    /// A process replaced its image.
    Exec = 2,
    /// The last thread of a process ended.
    Exit = 3,
    /// First use of an accepted connection by a process.
    Accept = 4,
    /// An outbound connection succeeded or failed.
    Connect = 5,
    /// A TCP socket began or ceased to listen.
    Listen = 6,
    /// Leads the data of a connection.
    Socket = 7,
    /// Bytes moved over a connection.
    Data = 8,
    /// A TCP connection ended.
    Close = 9,
    /// A scope exceeded its budget for a kind.
    Throttle = 10,
    /// A process older than the sensor; laid out as [`crate::ExecEvent`].
    Process = 11,
    // Files, each laid out as [`crate::FileEvent`].
    /// Opened for reading only.
    FileOpen = 16,
    /// Opened for writing, or truncated.
    FileModify = 17,
    /// Made by an open.
    FileCreate = 18,
    /// Has another name.
    FileRename = 19,
    /// Has a further name.
    FileLink = 20,
    /// A symbolic link was made.
    FileSymlink = 21,
    /// Lost a name.
    FileDelete = 22,
    /// Mode, owner, extended attributes or times were set.
    FileAttribute = 23,
    /// mkdir.
    FolderCreate = 24,
    /// rmdir.
    FolderDelete = 25,
    /// A device, FIFO or socket was made.
    FileNode = 26,
    /// A folder was opened.
    FolderOpen = 27,
    /// Nothing was opened.
    FileOpenFailed = 28,
    /// A thread's credentials changed.
    Credentials = 32,
    /// A process reached into another one.
    Access = 33,
    /// A process is in other namespaces, or its child is.
    Namespace = 34,
    /// The tree of mounts changed, or a process's root.
    Mount = 35,
    /// A rare socket was made, or one bound, filtered, or put in place of standard input or output.
    SocketChange = 36,
    /// Something was added to the kernel.
    Extension = 37,
    /// A process sent another one a signal that ends or stops it.
    Signal = 38,
    /// Memory became executable, or a file was made in memory.
    Memory = 39,
    /// A thread's name was changed.
    Title = 40,
    /// A ring was made, or an operation submitted through one.
    IoUring = 41,
    /// A call that acts on the machine itself.
    Control = 42,
    /// A message to or from a name server.
    Dns = 43,
    /// A call that asks what machine it is; laid out as [`crate::ControlEvent`].
    Inquiry = 44,
    /// A UDP socket sent to somebody for the first time; laid out as [`crate::ConnectEvent`].
    Datagram = 45,
}

impl EventKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 38] = [
        Self::Fork,
        Self::Exec,
        Self::Exit,
        Self::Accept,
        Self::Connect,
        Self::Listen,
        Self::Socket,
        Self::Data,
        Self::Close,
        Self::Throttle,
        Self::Process,
        Self::FileOpen,
        Self::FileModify,
        Self::FileCreate,
        Self::FileRename,
        Self::FileLink,
        Self::FileSymlink,
        Self::FileDelete,
        Self::FileAttribute,
        Self::FolderCreate,
        Self::FolderDelete,
        Self::FileNode,
        Self::FolderOpen,
        Self::FileOpenFailed,
        Self::Credentials,
        Self::Access,
        Self::Namespace,
        Self::Mount,
        Self::SocketChange,
        Self::Extension,
        Self::Signal,
        Self::Memory,
        Self::Title,
        Self::IoUring,
        Self::Control,
        Self::Dns,
        Self::Inquiry,
        Self::Datagram,
    ];

    /// Kinds of [`crate::FileEvent`], in the order of their bits in [`crate::Wants`].
    pub const FILES: [Self; 13] = [
        Self::FileOpen,
        Self::FileModify,
        Self::FileCreate,
        Self::FileRename,
        Self::FileLink,
        Self::FileSymlink,
        Self::FileDelete,
        Self::FileAttribute,
        Self::FolderCreate,
        Self::FolderDelete,
        Self::FileNode,
        Self::FolderOpen,
        Self::FileOpenFailed,
    ];

    /// The kind with this number, if this ABI has one.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u16 == number)
    }

    /// The name used in counters, records and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Exit => "exit",
            Self::Accept => "accept",
            Self::Connect => "connect",
            Self::Listen => "listen",
            Self::Socket => "socket",
            Self::Data => "data",
            Self::Close => "close",
            Self::Throttle => "throttle",
            Self::Process => "process",
            Self::FileOpen => "file_open",
            Self::FileModify => "file_modify",
            Self::FileCreate => "file_create",
            Self::FileRename => "file_rename",
            Self::FileLink => "file_link",
            Self::FileSymlink => "file_symlink",
            Self::FileDelete => "file_delete",
            Self::FileAttribute => "file_attribute",
            Self::FolderCreate => "folder_create",
            Self::FolderDelete => "folder_delete",
            Self::FileNode => "file_node",
            Self::FolderOpen => "folder_open",
            Self::FileOpenFailed => "file_open_failed",
            Self::Credentials => "credentials",
            Self::Access => "access",
            Self::Namespace => "namespace",
            Self::Mount => "mount",
            Self::SocketChange => "socket_change",
            Self::Extension => "extension",
            Self::Signal => "signal",
            Self::Memory => "memory",
            Self::Title => "title",
            Self::IoUring => "io_uring",
            Self::Control => "control",
            Self::Dns => "dns",
            Self::Inquiry => "inquiry",
            Self::Datagram => "datagram",
        }
    }
}

/// `enum event_flag`, bits of [`EventHeader::flags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum EventFlag {
    /// A 32-bit process.
    Compat = 1 << 0,
    /// The acting task is a kernel thread.
    Kthread = 1 << 1,
    /// Softirq without a known owner.
    NoProcess = 1 << 2,
    /// The stamp table was full: the absence of a stamp proves nothing.
    StampLost = 1 << 3,
    /// Woke the reader.
    Urgent = 1 << 4,
}

/// `enum hook_list`: which list of hooks made an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum HookList {
    /// `bpf_iter`.
    Iterator = 0,
    /// Tracepoints of kernels from 6.3 on; no syscall is hooked.
    Tracepoint6_3 = 1,
    /// Tracepoints of kernels from 5.10 on.
    Tracepoint5_10 = 2,
    /// Trampolines at functions of the kernel (fentry, fexit), for what they see beside either of the others.
    Trampoline = 3,
}

/// `enum stamp_layer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum StampLayer {
    /// There was no read.
    None = 0,
    /// The bytes of the socket.
    Plain = 1,
    /// The plaintext of a TLS library.
    Tls = 2,
}

/// `enum stamp_flag`, bits of [`Stamp::flags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum StampFlag {
    /// The socket's file is in an epoll set.
    Epoll = 1 << 0,
    /// `O_NONBLOCK` was set, or `MSG_DONTWAIT` was given.
    Nonblock = 1 << 1,
    /// Read through `io_uring`.
    IoUring = 1 << 2,
    /// The socket has no file: the bits for epoll and non-blocking are unknown.
    NoFile = 1 << 3,
    /// The connection table was full: which connection it was is unknown.
    Untracked = 1 << 4,
}

/// `struct stamp`: the last successful read of a thread from an accepted connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct Stamp {
    /// The connection read from.
    pub connection: u64,
    /// Stream position after the read, bytes.
    pub position: u64,
    /// Such reads by this thread so far.
    pub reads: u32,
    /// The thread that read.
    pub tid: u32,
    /// [`StampFlag`] bits.
    pub flags: u16,
    /// [`StampLayer`]; 0: there is no stamp.
    pub layer: u8,
    /// Zero.
    pub pad: [u8; 5],
}

/// `struct process_key`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ProcessKey {
    /// Start of the leader, boot time, nanoseconds.
    pub start_ns: u64,
    /// Process id in the initial namespace.
    pub tgid: u32,
    /// Grows at each exec.
    pub exec_number: u32,
}

/// `USER_UNKNOWN`: of softirq. No user has this number (`uid_valid()`).
pub const USER_UNKNOWN: u32 = u32::MAX;

/// `struct event_header`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct EventHeader {
    /// Boot-time clock, nanoseconds.
    pub time_ns: u64,
    /// Per (cpu, context, ring); counts lost events too. Iterators: 0.
    pub sequence: u64,
    /// Start of the acting process's leader.
    pub start_ns: u64,
    /// cgroup that tells containers apart.
    pub cgroup_id: u64,
    /// Bytes in the record, header included; a multiple of 8.
    pub size: u32,
    /// [`EventKind`].
    pub kind: u16,
    /// CPU that the event was taken on.
    pub cpu: u16,
    /// Acting process.
    pub tgid: u32,
    /// Acting thread.
    pub tid: u32,
    /// Of the acting process.
    pub exec_number: u32,
    /// Key of filters and throttles.
    pub scope: u32,
    /// Real user of the acting thread, as the host counts, or [`USER_UNKNOWN`].
    pub uid: u32,
    /// Its effective user, or [`USER_UNKNOWN`].
    pub euid: u32,
    /// [`EventFlag`] bits.
    pub flags: u16,
    /// `enum event_context`.
    pub context: u8,
    /// [`HookList`].
    pub hook: u8,
    /// 0: observed.
    pub verdict: u8,
    /// Index into the sequences.
    pub ring: u8,
    /// Zero.
    pub pad: [u8; 2],
    /// Stamp of the acting thread.
    pub serving: Stamp,
    /// Stamp fixed at the fork of the acting process.
    pub origin: Stamp,
}
