//! A process replaced its image.
use crate::{EventHeader, ProcessKey};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `enum file_flag`, bits of [`FileInfo::flags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum FileFlag {
    /// Lives in memory only.
    Memfd = 1 << 0,
    /// No link is left.
    Deleted = 1 << 1,
    /// Changed or created in the container, not part of its image.
    OverlayUpper = 1 << 2,
    /// Set-user-id.
    Setuid = 1 << 3,
    /// Set-group-id.
    Setgid = 1 << 4,
    /// The first components of the path are missing.
    PathCut = 1 << 5,
    /// On an overlay file system.
    Overlay = 1 << 6,
}

/// `struct file_info`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct FileInfo {
    /// Inode number.
    pub inode: u64,
    /// Size.
    pub size_bytes: u64,
    /// Change time, wall clock.
    pub ctime_ns: u64,
    /// `super_block.s_dev`: major << 20 | minor.
    pub device: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// `st_mode`.
    pub mode: u16,
    /// [`FileFlag`] bits.
    pub flags: u16,
}

/// `struct credentials`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
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

/// `enum fd_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the kinds of inode(7)")]
pub enum FdKind {
    Closed = 0,
    Regular = 1,
    Directory = 2,
    Character = 3,
    Block = 4,
    Pipe = 5,
    Socket = 6,
    Other = 7,
}

/// `struct fd_info`: what stands behind fd 0, 1 or 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct FdInfo {
    /// Inode number.
    pub inode: u64,
    /// Sockets: our id, 0 when not tracked.
    pub connection: u64,
    /// Sockets: IPv4 as mapped.
    pub remote_address: [u8; 16],
    /// Character devices: the device; else the file system's.
    pub device: u32,
    /// Sockets: port.
    pub remote_port: u16,
    /// Sockets: `AF_*`.
    pub family: u16,
    /// [`FdKind`].
    pub kind: u8,
    /// Sockets: [`crate::SocketRole`].
    pub role: u8,
    /// Zero.
    pub pad: [u8; 6],
}

/// `enum exec_flag`, bits of [`ExecEvent::flags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ExecFlag {
    /// `AT_SECURE`: the image runs with more than its caller had.
    Secure = 1 << 0,
    /// No path leads to the executable from the process's root.
    Outside = 1 << 1,
    /// Nor to its working directory.
    CwdOutside = 1 << 2,
    /// The environment was not looked through to its end, or had no room: variables may be missing.
    EnvironmentCut = 1 << 3,
}

/// `struct exec_event`; tail: exe, cwd, filename, args, args tail, environment, comm, cgroup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ExecEvent {
    /// After the exec.
    pub header: EventHeader,
    /// The parent as it is now.
    pub parent: ProcessKey,
    /// The executable.
    pub file: FileInfo,
    /// After the exec.
    pub credentials: Credentials,
    /// Standard input, output, error.
    pub fds: [FdInfo; 3],
    /// Inode number of the pid namespace.
    pub pid_ns: u32,
    /// Of the mount namespace.
    pub mnt_ns: u32,
    /// Of the network namespace.
    pub net_ns: u32,
    /// Pid in its own namespace.
    pub ns_tgid: u32,
    /// Session id.
    pub session: u32,
    /// Controlling terminal's device, 0: none.
    pub tty: u32,
    /// Whom audit takes it to be since a login; `u32::MAX`: none, or the kernel has no audit.
    pub login_uid: u32,
    /// The number that audit gave that login; likewise.
    pub login_session: u32,
    /// Words in argv.
    pub argc: u32,
    /// [`ExecFlag`] bits.
    pub flags: u32,
}
