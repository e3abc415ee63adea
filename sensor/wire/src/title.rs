//! A thread's name was changed, not by an exec.
use crate::{EventHeader, TargetInfo};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct title_event`; tail: target as it was, title as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct TitleEvent {
    /// Who did it.
    pub header: EventHeader,
    /// Whose.
    pub target: TargetInfo,
}
