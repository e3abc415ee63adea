//! Bytes moved over a connection, and its end.
use crate::EventHeader;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `enum data_direction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Direction {
    Received = 0,
    Sent = 1,
}

/// `enum data_flag`, bits of [`DataEvent::flags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum DataFlag {
    /// splice, sendfile, `io_uring`: the length only.
    NoBuffer = 1 << 0,
    /// The user page was not there.
    Unreadable = 1 << 1,
    /// Moved by `io_uring`.
    IoUring = 1 << 2,
    /// The first bytes after a change of direction.
    Turn = 1 << 3,
    /// DNS: the connection is older than the sensor, position 0 may be anywhere in a message.
    Middle = 1 << 4,
}

/// `struct data_event`; [`DataEvent::captured`] bytes follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct DataEvent {
    /// Who moved them.
    pub header: EventHeader,
    /// Over which connection.
    pub connection: u64,
    /// Of the first byte, in the stream of this direction.
    pub position: u64,
    /// Bytes that the call moved.
    pub length: u32,
    /// Bytes that follow this struct.
    pub captured: u32,
    /// [`Direction`].
    pub direction: u8,
    /// [`DataFlag`] bits.
    pub flags: u8,
    /// Zero.
    pub pad: [u8; 6],
}

/// `struct close_event`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct CloseEvent {
    /// Last user of the connection, if known.
    pub header: EventHeader,
    /// Which.
    pub connection: u64,
    /// Stream position at the end.
    pub received_bytes: u64,
    /// Likewise.
    pub sent_bytes: u64,
}
