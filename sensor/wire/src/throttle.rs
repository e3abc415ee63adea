//! A scope exceeded its budget.
use crate::EventHeader;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct throttle_event`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ThrottleEvent {
    /// Of the event that opened or closed the throttle.
    pub header: EventHeader,
    /// So far in this episode; 0: it begins.
    pub dropped: u64,
    /// When the episode began.
    pub since_ns: u64,
    /// [`crate::EventKind`].
    pub throttled_kind: u32,
    /// Zero.
    pub pad: u32,
}
