//! Memory became executable, or a file was made that lives in memory only.
use crate::{CallInfo, EventHeader};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `enum memory_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MemoryKind {
    /// Memory that there was became executable.
    Protected = 1,
    /// Executable memory without a file, or writable at once.
    Mapped = 2,
    /// A file that lives in memory only.
    File = 3,
}

/// `struct memory_event`; tail: comm, detail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct MemoryEvent {
    /// Who did it.
    pub header: EventHeader,
    /// By which call.
    pub call: CallInfo,
    /// Of its first byte.
    pub address: u64,
    /// Bytes.
    pub length: u64,
    /// `PROT_*`.
    pub protection: u32,
    /// [`MemoryKind`].
    pub what: u8,
    /// Zero.
    pub pad: [u8; 3],
}
