//! Processes: who acts.
use crate::{
    clock::BootTime,
    container::{Cgroup, Container},
    id::ConnectionId,
    socket::Role,
    text,
};
use std::{borrow::Cow, fmt, net::SocketAddr, sync::Arc};

/// A process as no other, ever, on this boot: pids are reused, these are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessKey {
    /// Process id in the initial namespace.
    pub tgid: u32,
    /// Start of the leader.
    pub start: BootTime,
    /// Grows at each exec.
    pub exec_number: u32,
}

impl ProcessKey {
    /// The same process whatever it executes: (tgid, start).
    pub fn life(self) -> (u32, BootTime) {
        (self.tgid, self.start)
    }
}

impl fmt::Display for ProcessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:x}-{}", self.tgid, self.start.0, self.exec_number)
    }
}

/// Words of a command line; the middle may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    /// The words that were captured whole, or cut at the capture's bound.
    pub words: Vec<Box<[u8]>>,
    /// Bytes of argv, NULs included.
    pub total_bytes: u32,
    /// Some bytes are missing: `words` has the first and the last 4 KiB.
    pub truncated: bool,
    /// The sensor could not read them.
    pub unreadable: bool,
}

impl Args {
    /// Words joined by one blank, unquoted: what Sigma calls `CommandLine`.
    pub fn command_line(&self) -> Vec<u8> {
        self.words.join(&b' ')
    }

    /// The same for people.
    pub fn display(&self) -> String {
        text::escape(&self.command_line()).into_owned()
    }
}

/// An executable as the kernel saw it at exec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of one inode")]
pub struct File {
    /// Inode number.
    pub inode: u64,
    /// Device: major << 20 | minor.
    pub device: u32,
    /// Size.
    pub size_bytes: u64,
    /// Change time, wall clock.
    pub ctime_ns: u64,
    /// `st_mode`.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Lives in memory only.
    pub memfd: bool,
    /// No link is left.
    pub deleted: bool,
    /// Changed or created in the container, not part of its image.
    pub overlay_upper: bool,
    /// Set-user-id.
    pub setuid: bool,
    /// Set-group-id.
    pub setgid: bool,
    /// The first components of its path are missing.
    pub path_cut: bool,
}

/// credentials(7) and capabilities(7) of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "credentials(7) names these")]
pub struct Credentials {
    pub uid: u32,
    pub euid: u32,
    pub suid: u32,
    pub fsuid: u32,
    pub gid: u32,
    pub egid: u32,
    pub sgid: u32,
    pub fsgid: u32,
    pub permitted: u64,
    pub effective: u64,
    pub inheritable: u64,
}

/// What stands behind standard input, output or error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fd {
    /// Nothing.
    Closed,
    /// A file on disk.
    Regular,
    /// A directory.
    Directory,
    /// A character device: major << 20 | minor.
    Character(u32),
    /// A block device.
    Block,
    /// A pipe or FIFO.
    Pipe,
    /// A socket.
    Socket {
        /// The other end, for TCP.
        remote: Option<SocketAddr>,
        /// `AF_*`.
        family: u16,
        /// Which side.
        role: Role,
        /// Ours, 0: not tracked.
        connection: ConnectionId,
    },
    /// Something without a file type of its own: epoll, eventfd, ...
    Other,
}

/// Name of a user, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Escaped.
    pub name: Arc<str>,
    /// Where it was looked up.
    pub table: UserTable,
}

/// Which passwd(5) file has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserTable {
    /// The host's.
    Host,
    /// The container's own: what whoever made its image, or is root in it, says.
    Container,
}

impl UserTable {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Host, Self::Container];

    /// The name used in fields and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Container => "container",
        }
    }
}

/// What is known of a process, shared by all events of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Which.
    pub key: ProcessKey,
    /// The parent at its start.
    pub parent: Option<ProcessKey>,
    /// Path of the executable; empty: unknown.
    pub exe: Arc<[u8]>,
    /// The executable as it was at the exec; [`None`]: not known.
    pub file: Option<File>,
    /// Command line.
    pub args: Arc<Args>,
    /// `task_struct.comm`.
    pub comm: Box<[u8]>,
    /// Working directory at exec.
    pub cwd: Arc<[u8]>,
    /// After the exec.
    pub credentials: Credentials,
    /// Name of the real user, where it is known.
    pub user: Option<User>,
    /// Pid in its own namespace.
    pub ns_tgid: u32,
    /// Cgroup that tells containers apart.
    pub cgroup_id: u64,
    /// That cgroup by name, where it is known.
    pub cgroup: Option<Arc<Cgroup>>,
    /// The container, if it is in one.
    pub container: Option<Arc<Container>>,
    /// Older than the sensor, or its exec was lost: not everything above was seen happening.
    pub recovered: bool,
}

impl Process {
    /// Last component of the executable's path.
    pub fn name(&self) -> Cow<'_, str> {
        text::said(self.exe.rsplit(|&byte| byte == b'/').next().unwrap_or_default())
    }
}
