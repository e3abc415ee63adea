//! The last thread of a process ended.
use crate::EventHeader;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct exit_event`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ExitEvent {
    /// The process that ended.
    pub header: EventHeader,
    /// As wait(2) gives it.
    pub exit_code: u32,
    /// Zero.
    pub pad: u32,
}
