//! A ring of `io_uring` was made, or an operation submitted that a system call would have been seen for.
use crate::EventHeader;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct io_uring_event`; tail: comm, path, folder, source, source folder, detail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct IoUringEvent {
    /// Who did it.
    pub header: EventHeader,
    /// Of a ring that was made; 0: an operation was submitted.
    pub entries: u32,
    /// [`crate::FileEventFlag`]s.
    pub flags: u16,
    /// `IORING_OP_*`.
    pub opcode: u8,
    /// Zero.
    pub pad: u8,
}
