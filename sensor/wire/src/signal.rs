//! A process sent another one a signal that ends or stops it.
use crate::{EventHeader, TargetInfo};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct signal_event`; tail: comm, target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct SignalEvent {
    /// Who did it.
    pub header: EventHeader,
    /// To whom.
    pub target: TargetInfo,
    /// `SI_*`.
    pub code: i32,
    /// signal(7).
    pub signal: u16,
    /// Zero.
    pub pad: [u8; 2],
}
