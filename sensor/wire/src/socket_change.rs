//! What sockets are made for beside connections.
use crate::{CallInfo, EventHeader, SocketInfo};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `enum socket_change_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SocketChangeKind {
    /// Of a kind that few need: raw, packet, crypto.
    Made = 1,
    /// To an address, or a crypto algorithm.
    Bound = 2,
    /// A program decides what it receives.
    Filtered = 3,
    /// Became standard input, output or error.
    Standard = 4,
}

/// `enum socket_change_flag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SocketChangeFlag {
    /// To `io_uring`: that it was done is not said.
    Submitted = 1,
}

/// `struct socket_change_event`; tail: comm, detail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct SocketChangeEvent {
    /// Who did it.
    pub header: EventHeader,
    /// By which call.
    pub call: CallInfo,
    /// Which.
    pub socket: SocketInfo,
    /// `SOCK_*`.
    pub kind: u16,
    /// Of the family.
    pub protocol: u16,
    /// Descriptor.
    pub fd: i32,
    /// [`SocketChangeKind`].
    pub what: u8,
    /// [`SocketChangeFlag`]s.
    pub flags: u8,
    /// Zero.
    pub pad: [u8; 6],
}
