//! A process reached into another one.
use crate::{CallInfo, EventHeader, FdInfo, TargetInfo};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `enum access_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum AccessKind {
    /// Traces it from now on.
    Attached = 1,
    /// Lets its parent trace it.
    Traced = 2,
    /// Wrote its memory.
    Wrote = 3,
    /// Changed its registers.
    Registers = 4,
    /// Read its memory.
    Read = 5,
    /// Took a copy of a descriptor.
    Descriptor = 6,
    /// Set how much it may use.
    Limited = 7,
    /// Set when and where it runs: priority, policy, processors.
    Scheduled = 8,
}

/// `struct access_event`; tail: comm, target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct AccessEvent {
    /// Who did it.
    pub header: EventHeader,
    /// By which call.
    pub call: CallInfo,
    /// Whom.
    pub target: TargetInfo,
    /// The descriptor that was taken.
    pub fd: FdInfo,
    /// Moved.
    pub bytes: u64,
    /// [`AccessKind`].
    pub access: u8,
    /// Zero.
    pub pad: [u8; 7],
}
