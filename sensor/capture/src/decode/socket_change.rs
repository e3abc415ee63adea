//! What sockets are made for beside connections.
use super::{
    DecodeError,
    call::{call, member, system},
    socket::{address, is_ip, role},
    strings::Strings,
};
use guardbee_model::{
    event::Body,
    id::ConnectionId,
    system::{Deed, SocketChange, SocketKind},
};
use guardbee_wire::{SocketChangeEvent, SocketChangeFlag, StringId};

/// As `enum socket_change_kind` has them.
const KINDS: [SocketKind; 4] =
    [SocketKind::Made, SocketKind::Bound, SocketKind::Filtered, SocketKind::Standard];

pub(super) fn socket_change((raw, tail): &(SocketChangeEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "socket_change";
    let strings = Strings::walk(kind, tail)?;
    let ip = is_ip(raw.socket.family);
    let submitted = raw.flags & SocketChangeFlag::Submitted as u8 != 0;
    let change = SocketChange {
        what: member(kind, "what", &KINDS, raw.what)?,
        family: raw.socket.family,
        kind: raw.kind,
        protocol: raw.protocol,
        fd: raw.fd,
        connection: ConnectionId(raw.socket.connection),
        role: role(kind, "socket.role", raw.socket.role)?,
        // What is only asked for has none yet.
        local: (ip && !submitted).then(|| address(raw.socket.local_address, raw.socket.local_port)),
        remote: (ip && !submitted).then(|| address(raw.socket.remote_address, raw.socket.remote_port)),
        detail: strings.bytes(StringId::Detail).into(),
        submitted,
    };
    Ok(system(call(kind, &raw.call)?, &strings, Deed::SocketChange(change)))
}
