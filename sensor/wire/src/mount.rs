//! The tree of mounts changed, or a process's root.
use crate::{CallInfo, EventHeader};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `enum mount_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MountKind {
    /// There is a mount that wasn't there.
    Mounted = 1,
    /// One is gone.
    Unmounted = 2,
    /// By chroot or `pivot_root`.
    RootChanged = 3,
}

/// `enum mount_flag`, bits of [`MountEvent::flags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MountFlag {
    /// The paths are what the caller's memory said afterwards.
    UserPaths = 1 << 0,
}

/// `struct mount_event`; tail: comm, type, from, place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct MountEvent {
    /// Who did it.
    pub header: EventHeader,
    /// By which call.
    pub call: CallInfo,
    /// [`MountKind`].
    pub what: u8,
    /// [`MountFlag`] bits.
    pub flags: u8,
    /// Zero.
    pub pad: [u8; 6],
}
