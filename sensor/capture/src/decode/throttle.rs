//! A scope exceeded its budget, or is within it again.
use super::DecodeError;
use guardbee_model::{
    clock::BootTime,
    event::{Body, Throttle},
};
use guardbee_wire::{EventKind, ThrottleEvent};

pub(super) fn throttle(raw: &ThrottleEvent) -> Result<Body, DecodeError> {
    let number = raw.throttled_kind;
    let kind = u16::try_from(number).ok().and_then(EventKind::from_number);
    let kind = kind.ok_or_else(|| DecodeError::Value {
        kind: "throttle",
        field: "throttled_kind",
        value: number.into(),
    })?;
    Ok(Body::Throttle(Throttle { kind: kind.name(), dropped: raw.dropped, since: BootTime(raw.since_ns) }))
}
