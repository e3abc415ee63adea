//! Processes: who acts.
use crate::{
    clock::{BootTime, WallTime},
    container::{Cgroup, Configuration, Container},
    executable::{Executable, FileId},
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

/// Variables of an environment that somebody asks for: no others leave the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `name=value`, in their order.
    pub variables: Vec<Box<[u8]>>,
    /// It is too long to be looked through, or what was found is: some may be missing, and the last may be cut.
    pub cut: bool,
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

impl File {
    /// The file as it was.
    pub fn id(&self) -> FileId {
        FileId { device: self.device, inode: self.inode, ctime_ns: self.ctime_ns }
    }

    /// How long before `now` it was changed last, in nanoseconds. [`None`]: it isn't known, or the clock was set back since.
    pub fn age_ns(&self, now: WallTime) -> Option<u64> {
        // Of changes the kernel notes the last tick of the clock; and what the sensor knows of the offset is a sample.
        const TOLERANCE_NS: u64 = 1_000_000_000;
        if self.ctime_ns == 0 || self.ctime_ns > now.0.saturating_add(TOLERANCE_NS) {
            return None;
        }
        Some(now.0.saturating_sub(self.ctime_ns))
    }
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

/// What audit holds a process to be part of: set once, when somebody logs in, and kept whatever user it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login {
    /// Who logged in, as the host counts users; [`Login::NONE`]: nobody did, or the kernel has no audit.
    pub user: u32,
    /// Number of that login since the boot; likewise.
    pub session: u32,
}

impl Login {
    /// There was none: audit's own word for it.
    pub const NONE: u32 = u32::MAX;
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
    /// Path of what it executed before that, of its parent's where it had executed nothing; empty: unknown.
    pub previous: Arc<[u8]>,
    /// The executable as it was at the exec; [`None`]: not known.
    pub file: Option<File>,
    /// When it was executed; [`None`]: before the sensor came, or not seen.
    pub executed: Option<BootTime>,
    /// What was found out of the executable.
    pub executable: Executable,
    /// Command line.
    pub args: Arc<Args>,
    /// `task_struct.comm`.
    pub comm: Box<[u8]>,
    /// Working directory at exec.
    pub cwd: Arc<[u8]>,
    /// Users as of the last thread that acted, the rest as it was after the exec, or its first thread was seen to change it.
    pub credentials: Credentials,
    /// Name of the real user, where it is known.
    pub user: Option<User>,
    /// Pid in its own namespace.
    pub ns_tgid: u32,
    /// Session at the exec: the pid of whoever began it; 0: not known.
    pub session: u32,
    /// Device of the controlling terminal at the exec: major << 20 | minor; 0: none, or not known.
    pub tty: u32,
    /// The login that it descended from at the exec; [`None`]: not known.
    pub login: Option<Login>,
    /// Inode number of the mount namespace at the exec; 0: not known.
    pub mnt_ns: u32,
    /// Cgroup that tells containers apart.
    pub cgroup_id: u64,
    /// That cgroup by name, where it is known.
    pub cgroup: Option<Arc<Cgroup>>,
    /// The container, if it is in one.
    pub container: Option<Arc<Container>>,
    /// What the runtime's files say of that container, where they are known.
    pub configured: Option<Arc<Configuration>>,
    /// Older than the sensor, or its exec was lost: not everything above was seen happening.
    pub recovered: bool,
}

/// How a terminal is called below `/dev`, by its device (Documentation/admin-guide/devices.txt); [`None`]: there is none.
pub fn terminal(device: u32) -> Option<String> {
    const PSEUDO: u32 = 136;
    match (device >> 20, device & 0xf_ffff) {
        (0, 0) => None,
        (4, number @ 0..64) => Some(format!("tty{number}")),
        (4, number) => Some(format!("ttyS{}", number - 64)),
        (5, 1) => Some("console".to_owned()),
        (PSEUDO, number) => Some(format!("pts/{number}")),
        (major, minor) => Some(format!("{major}:{minor}")),
    }
}

impl Process {
    /// Last component of the executable's path.
    pub fn name(&self) -> Cow<'_, str> {
        text::said(self.exe.rsplit(|&byte| byte == b'/').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_of_the_past() {
        let age = |ctime_ns, now| File { ctime_ns, ..File::default() }.age_ns(WallTime(now));
        assert_eq!(age(5, 9), Some(4));
        assert_eq!(age(9, 9), Some(0));
        assert_eq!(age(1_000_000_009, 9), Some(0), "within what clocks differ by");
        assert_eq!(age(1_000_000_010, 9), None);
        assert_eq!(age(0, 9), None);
    }

    #[test]
    fn terminals_by_name() {
        for (major, minor, name) in [
            (0, 0, None),
            (136, 0, Some("pts/0")),
            (136, 300, Some("pts/300")),
            (4, 1, Some("tty1")),
            (4, 64, Some("ttyS0")),
            (5, 1, Some("console")),
            (204, 64, Some("204:64")),
        ] {
            assert_eq!(terminal(major << 20 | minor).as_deref(), name);
        }
    }
}
