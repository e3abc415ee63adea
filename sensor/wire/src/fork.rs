//! A process was created.
use crate::{EventHeader, ProcessKey, Stamp};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct fork_event`; tail: comm, cgroup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ForkEvent {
    /// The parent.
    pub header: EventHeader,
    /// The child.
    pub child: ProcessKey,
    /// What the forking thread was serving, or else the parent's own origin.
    pub child_origin: Stamp,
    /// The child's pid in its own namespace.
    pub child_ns_tgid: u32,
    /// Zero.
    pub pad: u32,
}
