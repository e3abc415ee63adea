//! A process entered other namespaces, made some, or made a child that lives in others.
use crate::{CallInfo, EventHeader, ProcessKey};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct namespaces`: inode numbers; 0: this kernel has none of the kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "namespaces(7) names these; pid is that of children to come")]
pub struct Namespaces {
    pub cgroup: u32,
    pub ipc: u32,
    pub mnt: u32,
    pub net: u32,
    pub pid: u32,
    pub time: u32,
    pub user: u32,
    pub uts: u32,
}

/// `enum namespace_flag`, bits of [`NamespaceEvent::changed`] and [`NamespaceEvent::host`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "namespaces(7) names these")]
pub enum NamespaceFlag {
    Cgroup = 1 << 0,
    Ipc = 1 << 1,
    Mnt = 1 << 2,
    Net = 1 << 3,
    Pid = 1 << 4,
    Time = 1 << 5,
    User = 1 << 6,
    Uts = 1 << 7,
}

/// `struct namespace_event`; tail: comm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct NamespaceEvent {
    /// Who did it.
    pub header: EventHeader,
    /// By which call.
    pub call: CallInfo,
    /// Whose they are: the caller, or the child that clone made.
    pub subject: ProcessKey,
    /// Now.
    pub after: Namespaces,
    /// [`NamespaceFlag`] bits: entered, made, or other than the parent's.
    pub changed: u8,
    /// Of these, now those of the first process.
    pub host: u8,
    /// Zero.
    pub pad: [u8; 6],
}
