//! Sockets and the two ends of a connection.
use crate::id::ConnectionId;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// An end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// TCP. IPv4-mapped addresses are given as IPv4.
    Ip(SocketAddr),
    /// A unix socket: its path (an abstract name begins with NUL), empty where it has none.
    Unix(Box<[u8]>),
}

impl Endpoint {
    /// The address, for TCP.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(address.ip()),
            Self::Unix(_) => None,
        }
    }

    /// The port, for TCP.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Ip(address) => Some(address.port()),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) if path.is_empty() => f.write_str("unix:"),
            Self::Unix(path) => match path.split_first() {
                Some((0, name)) => write!(f, "unix:@{}", crate::text::said(name)),
                _ => write!(f, "unix:{}", crate::text::said(path)),
            },
        }
    }
}

/// Which side of a connection a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Not known.
    Unknown,
    /// Given by accept: a server's.
    Accepted,
    /// Made by connect: a client's.
    Connected,
    /// Waits for connections.
    Listening,
}

impl Role {
    /// All names, for rules: of what is known.
    pub const NAMES: &'static [&'static str] = &["accepted", "connected", "listening"];

    /// The name used in fields and records; empty: not known.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Accepted => "accepted",
            Self::Connected => "connected",
            Self::Listening => "listening",
        }
    }
}

/// A socket as the kernel described it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Ours.
    pub connection: ConnectionId,
    /// Of the socket.
    pub inode: u64,
    /// Unix sockets: of the other end; 0: not known (yet).
    pub peer_inode: u64,
    /// Unix sockets: process that connected or listened; 0: not known.
    pub peer_tgid: u32,
    /// When first seen.
    pub opened: crate::clock::BootTime,
    /// This end.
    pub local: Endpoint,
    /// The other end.
    pub remote: Endpoint,
    /// Which side this is.
    pub role: Role,
    /// The role is what is likely, not what was seen: the parser may know better.
    pub role_guessed: bool,
    /// Older than the sensor: position 0 is not the start of the stream.
    pub middle: bool,
    /// Inode number of the network namespace.
    pub net_ns: u32,
}
