//! Sockets and their ends.
use crate::{
    bytes::{Put, Take},
    error::Wrong,
};
use guardbee_model::{
    id::ConnectionId,
    socket::{Endpoint, Role, Socket},
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

pub(crate) const ROLES: [Role; 4] = [Role::Unknown, Role::Accepted, Role::Connected, Role::Listening];
const UNIX: u8 = 0;
const V4: u8 = 4;
const V6: u8 = 6;

pub(crate) fn put(socket: &Socket, put: &mut Put) {
    put.number(socket.connection.0);
    put.number(socket.inode);
    put.number(socket.peer_inode);
    put.number(socket.peer_tgid);
    put.time(socket.opened);
    put_endpoint(&socket.local, put);
    put_endpoint(&socket.remote, put);
    put.one_of(&ROLES, &socket.role);
    put.flags(&[socket.role_guessed, socket.middle]);
    put.number(socket.net_ns);
}

pub(crate) fn take(take: &mut Take<'_>) -> Result<Socket, Wrong> {
    let connection = ConnectionId(take.number()?);
    let (inode, peer_inode, peer_tgid) = (take.number()?, take.number()?, take.narrow()?);
    let opened = take.time()?;
    let (local, remote) = (take_endpoint(take)?, take_endpoint(take)?);
    let role = take.one_of(&ROLES)?;
    let [role_guessed, middle] = take.flags()?;
    let net_ns = take.narrow()?;
    Ok(Socket {
        connection,
        inode,
        peer_inode,
        peer_tgid,
        opened,
        local,
        remote,
        role,
        role_guessed,
        middle,
        net_ns,
    })
}

pub(crate) fn put_endpoint(endpoint: &Endpoint, put: &mut Put) {
    match endpoint {
        Endpoint::Ip(address) => put_address(*address, put),
        Endpoint::Unix(path) => {
            put.byte(UNIX);
            put.said(path);
        }
    }
}

pub(crate) fn take_endpoint(take: &mut Take<'_>) -> Result<Endpoint, Wrong> {
    if take.rest.first() == Some(&UNIX) {
        take.byte()?;
        return Ok(Endpoint::Unix(take.text()?.into()));
    }
    take_address(take).map(Endpoint::Ip)
}

pub(crate) fn put_address(address: SocketAddr, put: &mut Put) {
    match address {
        SocketAddr::V4(address) => {
            put.byte(V4);
            put.bytes.extend_from_slice(&address.ip().octets());
        }
        SocketAddr::V6(address) => {
            put.byte(V6);
            put.bytes.extend_from_slice(&address.ip().octets());
            put.number(address.flowinfo());
            put.number(address.scope_id());
        }
    }
    put.number(address.port());
}

pub(crate) fn take_address(take: &mut Take<'_>) -> Result<SocketAddr, Wrong> {
    match take.byte()? {
        V4 => {
            let ip = Ipv4Addr::from(bytes(take)?);
            Ok(SocketAddr::new(IpAddr::V4(ip), take.narrow()?))
        }
        V6 => {
            let ip = Ipv6Addr::from(bytes::<16>(take)?);
            let (flow, scope) = (take.narrow()?, take.narrow()?);
            Ok(SocketAddr::V6(SocketAddrV6::new(ip, take.narrow()?, flow, scope)))
        }
        _ => Err(Wrong("an address has an unknown family")),
    }
}

pub(crate) fn bytes<const N: usize>(take: &mut Take<'_>) -> Result<[u8; N], Wrong> {
    let (bytes, rest) = take.rest.split_first_chunk().ok_or(Wrong("bytes are missing"))?;
    take.rest = rest;
    Ok(*bytes)
}
