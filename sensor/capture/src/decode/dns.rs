//! A message to or from a name server.
use super::{DecodeError, socket::address, strings::Strings};
use guardbee_model::{
    dns::{Dns, Part},
    event::{Body, Direction},
    id::ConnectionId,
};
use guardbee_wire::{self as wire, DataFlag, DnsEvent, StringId};

pub(super) fn dns((raw, tail): &(DnsEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "dns";
    let strings = Strings::walk(kind, tail)?;
    let direction = match raw.direction {
        number if number == wire::Direction::Received as u8 => Direction::Received,
        number if number == wire::Direction::Sent as u8 => Direction::Sent,
        number => return Err(DecodeError::Value { kind, field: "direction", value: number.into() }),
    };
    let part = (raw.connection != 0).then_some(Part {
        connection: ConnectionId(raw.connection),
        position: raw.position,
        middle: raw.flags & DataFlag::Middle as u8 != 0,
    });
    Ok(Body::Dns(Box::new(Dns {
        socket: raw.socket,
        server: address(raw.server, wire::DNS_PORT).ip(),
        direction,
        part,
        length: raw.length,
        bytes: strings.bytes(StringId::Message).into(),
        comm: strings.bytes(StringId::Comm).into(),
    })))
}
