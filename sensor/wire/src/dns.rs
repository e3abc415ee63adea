//! A message to or from a name server.
use crate::EventHeader;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Port of name servers.
pub const DNS_PORT: u16 = 53;
/// Of a message at most.
pub const DNS_BYTES: usize = 512;

/// `struct dns_event`; tail: message, name of the thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct DnsEvent {
    /// Who asks, or reads the answer.
    pub header: EventHeader,
    /// Inode of the socket.
    pub socket: u64,
    /// IPv4 as `::ffff:a.b.c.d`.
    pub server: [u8; 16],
    /// Over TCP; 0: it is a datagram, one message.
    pub connection: u64,
    /// Over TCP: of the first byte, in the stream of this direction.
    pub position: u64,
    /// Bytes of the datagram, or that the call moved.
    pub length: u32,
    /// [`crate::Direction`].
    pub direction: u8,
    /// [`crate::DataFlag`] bits.
    pub flags: u8,
    /// Zero.
    pub pad: [u8; 2],
}
