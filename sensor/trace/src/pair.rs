//! Which connection is the other end of which, where both are on this node.
use guardbee_model::{
    id::ConnectionId,
    socket::{Endpoint, Socket},
};
use lru::LruCache;
use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
};

/// One end of a pair. Loopback addresses mean something within one network namespace only; others join across.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum End {
    Tcp {
        local: u128,
        remote: u128,
        /// The local one in the upper half.
        ports: u32,
        net_ns: u32,
    },
    Inode(u64),
    /// Of which this inode is the other end.
    PeerInode(u64),
}

/// Both ends of connections on this node.
#[derive(Debug)]
pub(crate) struct Pairs {
    ends: LruCache<End, ConnectionId>,
}

impl Pairs {
    /// `limit`: connections.
    pub(crate) fn new(limit: usize) -> Self {
        let limit = NonZeroUsize::new(limit.saturating_mul(2)).unwrap_or(NonZeroUsize::MIN);
        Self { ends: LruCache::new(limit) }
    }

    pub(crate) fn add(&mut self, socket: &Socket) {
        for end in ends(socket).into_iter().flatten() {
            self.ends.put(end, socket.connection);
        }
    }

    /// It is over: its addresses may soon be another's.
    pub(crate) fn remove(&mut self, socket: &Socket) {
        for end in ends(socket).into_iter().flatten() {
            if self.ends.peek(&end) == Some(&socket.connection) {
                self.ends.pop(&end);
            }
        }
    }

    /// The other end of `socket`.
    pub(crate) fn peer(&self, socket: &Socket) -> Option<ConnectionId> {
        let at = |end: End| self.ends.peek(&end).copied();
        let found = if let (Endpoint::Ip(local), Endpoint::Ip(remote)) = (&socket.local, &socket.remote) {
            at(tcp(*remote, *local, socket.net_ns))
        } else {
            let by_peer = (socket.peer_inode != 0).then_some(End::Inode(socket.peer_inode));
            let by_inode = (socket.inode != 0).then_some(End::PeerInode(socket.inode));
            by_peer.and_then(at).or_else(|| by_inode.and_then(at))
        };
        found.filter(|connection| *connection != socket.connection)
    }
}

/// By what `socket` is found.
fn ends(socket: &Socket) -> [Option<End>; 2] {
    if let (Endpoint::Ip(local), Endpoint::Ip(remote)) = (&socket.local, &socket.remote) {
        return [Some(tcp(*local, *remote, socket.net_ns)), None];
    }
    let peer = (socket.peer_inode != 0).then_some(End::PeerInode(socket.peer_inode));
    [(socket.inode != 0).then_some(End::Inode(socket.inode)), peer]
}

/// Whether the other end can only be on this node.
pub(crate) fn is_local(socket: &Socket) -> bool {
    match &socket.remote {
        Endpoint::Ip(remote) => remote.ip().is_loopback() || socket.local.ip() == Some(remote.ip()),
        Endpoint::Unix(_) => true,
    }
}

fn tcp(local: SocketAddr, remote: SocketAddr, net_ns: u32) -> End {
    let within_one = local.ip().is_loopback() || remote.ip().is_loopback();
    let number = |address: SocketAddr| match address.ip() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    End::Tcp {
        local: number(local),
        remote: number(remote),
        ports: u32::from(local.port()) << 16 | u32::from(remote.port()),
        net_ns: if within_one { net_ns } else { 0 },
    }
}
