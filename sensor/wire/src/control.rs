//! A call that acts on the machine itself.
use crate::{CallInfo, EventHeader};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct control_event`, of kinds `Control` and `Inquiry`; tail: comm, detail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ControlEvent {
    /// Who did it.
    pub header: EventHeader,
    /// By which call.
    pub call: CallInfo,
}
