//! Sockets: accepted, connected, listening.
use crate::EventHeader;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `enum socket_role`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SocketRole {
    Unknown = 0,
    Accepted = 1,
    Connected = 2,
    Listening = 3,
}

/// `enum socket_flag`, bits of [`SocketInfo::flags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SocketFlag {
    /// Older than the sensor: position 0 is not the start of the stream.
    Middle = 1 << 0,
    /// No listener has the port now: taken for a connection that we made.
    RoleGuessed = 1 << 1,
}

/// `struct socket_info`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct SocketInfo {
    /// Ours, unique while the sensor lives.
    pub connection: u64,
    /// Of the socket.
    pub inode: u64,
    /// Unix sockets: of the other end, 0 while it waits to be accepted.
    pub peer_inode: u64,
    /// When first seen, boot time.
    pub opened_ns: u64,
    /// IPv4 as `::ffff:a.b.c.d`.
    pub local_address: [u8; 16],
    /// Likewise.
    pub remote_address: [u8; 16],
    /// Host order.
    pub local_port: u16,
    /// Host order.
    pub remote_port: u16,
    /// `AF_INET`, `AF_INET6`, `AF_UNIX`.
    pub family: u16,
    /// [`SocketRole`].
    pub role: u8,
    /// [`SocketFlag`] bits.
    pub flags: u8,
    /// Inode number of the network namespace.
    pub net_ns: u32,
    /// Unix sockets: `sk_peer_pid`, 0: unknown.
    pub peer_tgid: u32,
}

/// `struct socket_event`: accept and socket; tail: unix path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct SocketEvent {
    /// Who used it first.
    pub header: EventHeader,
    /// Which.
    pub socket: SocketInfo,
}

/// [`ConnectEvent::result`]: no answer came, until who asked closed it.
pub const CONNECT_GIVEN_UP: i32 = -1;

/// `struct connect_event`; tail: unix path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ConnectEvent {
    /// Who called connect, with the stamps of that moment; the time is the end.
    pub header: EventHeader,
    /// Which.
    pub socket: SocketInfo,
    /// When connect was called, boot time. 0: not seen; then the header is that of who gave it up, or of nobody.
    pub begun_ns: u64,
    /// 0, -errno or [`CONNECT_GIVEN_UP`].
    pub result: i32,
    /// Zero.
    pub pad: u32,
}

/// `struct listen_event`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ListenEvent {
    /// Who.
    pub header: EventHeader,
    /// Which.
    pub socket: SocketInfo,
    /// 1: began, 0: ceased.
    pub listening: u32,
    /// Zero.
    pub pad: u32,
}
