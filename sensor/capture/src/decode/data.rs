//! Bytes moved over a connection, and its end.
use super::DecodeError;
use guardbee_model::{
    event::{Body, Close, Data, Direction},
    id::ConnectionId,
};
use guardbee_wire::{self as wire, CloseEvent, DataEvent};

/// Without its bytes, which are given beside it.
pub(super) fn data<'a>((raw, tail): &(DataEvent, &'a [u8])) -> Result<(Data, &'a [u8]), DecodeError> {
    let kind = "data";
    let direction = match raw.direction {
        number if number == wire::Direction::Received as u8 => Direction::Received,
        number if number == wire::Direction::Sent as u8 => Direction::Sent,
        number => return Err(DecodeError::Value { kind, field: "direction", value: number.into() }),
    };
    if raw.captured > raw.length {
        return Err(DecodeError::Value { kind, field: "captured", value: raw.captured.into() });
    }
    if raw.position.checked_add(raw.length.into()).is_none() {
        return Err(DecodeError::Value { kind, field: "position", value: raw.position });
    }
    let bytes = tail.get(..raw.captured as usize).ok_or_else(|| DecodeError::Size {
        kind,
        field: "captured",
        said: raw.captured.into(),
        bytes: tail.len(),
    })?;
    let data = Data {
        connection: ConnectionId(raw.connection),
        direction,
        position: raw.position,
        length: raw.length,
        bytes: Box::default(),
    };
    Ok((data, bytes))
}

pub(super) fn close(raw: &CloseEvent) -> Body {
    Body::Close(Close {
        connection: ConnectionId(raw.connection),
        received_bytes: raw.received_bytes,
        sent_bytes: raw.sent_bytes,
    })
}
