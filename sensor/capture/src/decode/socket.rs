//! Sockets: accepted, connected, listening, or leading their data.
use super::{DecodeError, strings::Strings};
use guardbee_model::{
    clock::BootTime,
    event::{Body, Connect, Listen},
    id::ConnectionId,
    socket::{Endpoint, Role, Socket},
};
use guardbee_wire::{
    CONNECT_GIVEN_UP, ConnectEvent, ListenEvent, SocketEvent, SocketFlag, SocketInfo, SocketRole, StringId,
};
use nix::libc::{AF_INET, AF_INET6, AF_UNIX};
use std::{
    net::{Ipv6Addr, SocketAddr},
    sync::Arc,
};

pub(super) fn accept((raw, tail): &(SocketEvent, &[u8])) -> Result<Body, DecodeError> {
    info("accept", &raw.socket, tail).map(Body::Accept)
}

pub(super) fn socket((raw, tail): &(SocketEvent, &[u8])) -> Result<Body, DecodeError> {
    info("socket", &raw.socket, tail).map(Body::Socket)
}

pub(super) fn connect((raw, tail): &(ConnectEvent, &[u8])) -> Result<Body, DecodeError> {
    connected("connect", raw, tail).map(|connect| Body::Connect(Box::new(connect)))
}

pub(super) fn datagram((raw, tail): &(ConnectEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "datagram";
    if !is_ip(raw.socket.family) {
        return Err(DecodeError::Value { kind, field: "socket.family", value: raw.socket.family.into() });
    }
    connected(kind, raw, tail).map(|connect| Body::Datagram(Box::new(connect)))
}

fn connected(kind: &'static str, raw: &ConnectEvent, tail: &[u8]) -> Result<Connect, DecodeError> {
    let error = match raw.result {
        // Linux has no errno above 4095 (MAX_ERRNO).
        -4095..CONNECT_GIVEN_UP => -raw.result,
        CONNECT_GIVEN_UP => Connect::GIVEN_UP,
        0 => 0,
        result => {
            let value = u64::from(result.cast_unsigned());
            return Err(DecodeError::Value { kind, field: "result", value });
        }
    };
    let socket = info(kind, &raw.socket, tail)?;
    // Which name it goes by, other events tell.
    let name = Arc::default();
    Ok(Connect { socket, begun: BootTime(raw.begun_ns), error, name })
}

pub(super) fn listen(raw: &ListenEvent) -> Result<Body, DecodeError> {
    let kind = "listen";
    let listening = match raw.listening {
        0 => false,
        1 => true,
        value => return Err(DecodeError::Value { kind, field: "listening", value: value.into() }),
    };
    Ok(Body::Listen(Listen { socket: info(kind, &raw.socket, &[])?, listening }))
}

fn info(kind: &'static str, raw: &SocketInfo, tail: &[u8]) -> Result<Socket, DecodeError> {
    let strings = Strings::walk(kind, tail)?;
    let role = role(kind, "socket.role", raw.role)?;
    let (local, remote) = if is_ip(raw.family) {
        (
            Endpoint::Ip(address(raw.local_address, raw.local_port)),
            Endpoint::Ip(address(raw.remote_address, raw.remote_port)),
        )
    } else if i32::from(raw.family) == AF_UNIX {
        unix_ends(role, strings.bytes(StringId::UnixPath))
    } else {
        return Err(DecodeError::Value { kind, field: "socket.family", value: raw.family.into() });
    };
    let is = |flag: SocketFlag| raw.flags & flag as u8 != 0;
    Ok(Socket {
        connection: ConnectionId(raw.connection),
        inode: raw.inode,
        peer_inode: raw.peer_inode,
        peer_tgid: raw.peer_tgid,
        opened: BootTime(raw.opened_ns),
        local,
        remote,
        role,
        role_guessed: is(SocketFlag::RoleGuessed),
        middle: is(SocketFlag::Middle),
        net_ns: raw.net_ns,
    })
}

/// Only the listening side has a path; a path name ends before its NUL, an abstract name begins with one.
fn unix_ends(role: Role, path: &[u8]) -> (Endpoint, Endpoint) {
    let path = match path {
        [first, ..] if *first != 0 => path.split(|&byte| byte == 0).next().unwrap_or_default(),
        name => name,
    };
    let (listening, other) = (Endpoint::Unix(path.into()), Endpoint::Unix(Box::default()));
    match role {
        Role::Connected => (other, listening),
        Role::Unknown | Role::Accepted | Role::Listening => (listening, other),
    }
}

pub(super) fn is_ip(family: u16) -> bool {
    matches!(i32::from(family), AF_INET | AF_INET6)
}

pub(super) fn address(bytes: [u8; 16], port: u16) -> SocketAddr {
    SocketAddr::new(Ipv6Addr::from(bytes).to_canonical(), port)
}

pub(super) fn role(kind: &'static str, field: &'static str, number: u8) -> Result<Role, DecodeError> {
    Ok(match number {
        number if number == SocketRole::Unknown as u8 => Role::Unknown,
        number if number == SocketRole::Accepted as u8 => Role::Accepted,
        number if number == SocketRole::Connected as u8 => Role::Connected,
        number if number == SocketRole::Listening as u8 => Role::Listening,
        number => return Err(DecodeError::Value { kind, field, value: number.into() }),
    })
}
