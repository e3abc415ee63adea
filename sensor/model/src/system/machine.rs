//! What is done to the machine: mounts, rare sockets, what is added to the kernel, rings.
use crate::{id::ConnectionId, socket::Role};
use std::net::SocketAddr;

/// What happened to the tree of mounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountKind {
    /// There is a mount that wasn't there.
    Mounted,
    /// One is gone.
    Unmounted,
    /// A process has another root.
    RootChanged,
}

impl MountKind {
    /// All names, for rules.
    pub const NAMES: &'static [&'static str] = &["mounted", "unmounted", "root_changed"];

    /// Ours.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mounted => "mounted",
            Self::Unmounted => "unmounted",
            Self::RootChanged => "root_changed",
        }
    }
}

/// The tree of mounts changed, or a process's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// How.
    pub what: MountKind,
    /// The paths are what the caller's memory said afterwards, relative to it.
    pub claimed: bool,
    /// Type of the file system; empty: not said.
    pub fstype: Box<[u8]>,
    /// Device or folder.
    pub from: Box<[u8]>,
    /// Where it is, or the new root is.
    pub place: Box<[u8]>,
}

/// What happened to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketKind {
    /// Made, of a kind that few need.
    Made,
    /// Bound to an address or an algorithm.
    Bound,
    /// Got a filter.
    Filtered,
    /// Became standard input, output or error.
    Standard,
}

impl SocketKind {
    /// All names, for rules.
    pub const NAMES: &'static [&'static str] = &["made", "bound", "filtered", "standard"];

    /// Ours.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Bound => "bound",
            Self::Filtered => "filtered",
            Self::Standard => "standard",
        }
    }
}

/// A rare socket was made, or one bound, filtered, or put in place of standard input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketChange {
    /// What.
    pub what: SocketKind,
    /// `AF_*`.
    pub family: u16,
    /// `SOCK_*`.
    pub kind: u16,
    /// Of the family.
    pub protocol: u16,
    /// Descriptor.
    pub fd: i32,
    /// Ours, 0: not tracked.
    pub connection: ConnectionId,
    /// Which side of its connection it is, where it has one that is tracked.
    pub role: Role,
    /// IP sockets: this end.
    pub local: Option<SocketAddr>,
    /// IP sockets: the other end.
    pub remote: Option<SocketAddr>,
    /// Crypto sockets: the type of algorithm, as the caller's memory said.
    pub detail: Box<[u8]>,
    /// To `io_uring`: that it was done is not known.
    pub submitted: bool,
}

impl SocketChange {
    /// Name of the family without `AF_`, lower case; empty: it has a number.
    pub const fn family_name(&self) -> &'static str {
        match self.family {
            1 => "unix",
            2 => "inet",
            10 => "inet6",
            16 => "netlink",
            17 => "packet",
            38 => "alg",
            40 => "vsock",
            44 => "xdp",
            _ => "",
        }
    }

    /// Name of the type without `SOCK_`, lower case; empty: it has a number.
    pub const fn kind_name(&self) -> &'static str {
        match self.kind {
            1 => "stream",
            2 => "dgram",
            3 => "raw",
            5 => "seqpacket",
            _ => "",
        }
    }
}

/// What was added to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtensionKind {
    /// A BPF program.
    Program,
    /// One was attached.
    Link,
    /// A probe or tracepoint.
    Probe,
    /// A module.
    Module,
    /// Another kernel.
    Kernel,
}

impl ExtensionKind {
    /// All names, for rules.
    pub const NAMES: &'static [&'static str] = &["bpf_program", "bpf_link", "probe", "module", "kernel"];

    /// Ours.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Program => "bpf_program",
            Self::Link => "bpf_link",
            Self::Probe => "probe",
            Self::Module => "module",
            Self::Kernel => "kernel",
        }
    }
}

/// Something was added to the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// What.
    pub what: ExtensionKind,
    /// `enum bpf_prog_type` or `perf_event_attr.type`.
    pub kind: u32,
    /// Of the program, or the tracepoint.
    pub id: u32,
    /// Name of the program or module, or the path that a probe is put into.
    pub detail: Box<[u8]>,
}

/// A ring was made, or an operation submitted through one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IoUring {
    /// Of a ring that was made; 0: an operation was submitted.
    pub entries: u32,
    /// `IORING_OP_*`.
    pub opcode: u8,
    /// The path that the operation names, the new one of two, as the kernel copied it; relative to where a descriptor that was closed meanwhile stood,
    /// or of a file that is registered with the ring, it is not whole.
    pub path: Box<[u8]>,
    /// The former name, the linked one, or the text of a symbolic link.
    pub source: Box<[u8]>,
    /// Name of the extended attribute that is set.
    pub attribute: Box<[u8]>,
    /// The path does not begin at the root: what it is relative to is unknown.
    pub path_cut: bool,
}

impl IoUring {
    /// `setup`, or the operation's name without `IORING_OP_`, lower case; empty: it has a number.
    pub const fn operation(&self) -> &'static str {
        match (self.entries, self.opcode) {
            (1.., _) => "setup",
            (0, 16) => "connect",
            (0, 18) => "openat",
            (0, 28) => "openat2",
            (0, 35) => "renameat",
            (0, 36) => "unlinkat",
            (0, 37) => "mkdirat",
            (0, 38) => "symlinkat",
            (0, 39) => "linkat",
            (0, 41) => "fsetxattr",
            (0, 42) => "setxattr",
            (0, 45) => "socket",
            (0, 55) => "ftruncate",
            (0, 56) => "bind",
            (0, 57) => "listen",
            (0, _) => "",
        }
    }
}

/// A call that acts on the machine itself: which, is the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// `open_by_handle_at`: path of what was opened.
    pub detail: Box<[u8]>,
}
