//! What deeds have in common: the call, whom they were done to.
use super::{DecodeError, header::process_key, strings::Strings};
use guardbee_model::{
    event::Body,
    system::{Call, Deed, System, Target},
};
use guardbee_wire::{CALL_NAMES, CallInfo, StringId, TargetInfo};
use std::sync::Arc;

/// Events without a call give none.
pub(super) fn system(call: Option<Call>, strings: &Strings<'_>, deed: Deed) -> Body {
    let comm = strings.bytes(StringId::Comm).into();
    Body::System(Arc::new(System { call, comm, deed }))
}

pub(super) fn call(kind: &'static str, raw: &CallInfo) -> Result<Option<Call>, DecodeError> {
    let &CallInfo { arguments, result, call, .. } = raw;
    match CALL_NAMES.get(usize::from(call)) {
        Some(&"") => Ok(None),
        Some(name) => Ok(Some(Call { name, arguments, result })),
        None => Err(DecodeError::Value { kind, field: "call.call", value: call.into() }),
    }
}

/// [`None`]: the kernel half didn't find it.
pub(super) fn target(raw: &TargetInfo, strings: &Strings<'_>) -> Option<Target> {
    process_key(raw.process).map(|process| Target {
        process,
        tid: raw.tid,
        uid: raw.uid,
        comm: strings.bytes(StringId::Target).into(),
    })
}

/// A target without which the event means nothing.
pub(super) fn target_needed(
    kind: &'static str,
    raw: &TargetInfo,
    strings: &Strings<'_>,
) -> Result<Target, DecodeError> {
    target(raw, strings).ok_or(DecodeError::Value { kind, field: "target.process.tgid", value: 0 })
}

/// The value of an enumeration whose members are these, from 1 on.
pub(super) fn member<T: Copy>(
    kind: &'static str,
    field: &'static str,
    members: &[T],
    number: u8,
) -> Result<T, DecodeError> {
    let found = usize::from(number).checked_sub(1).and_then(|place| members.get(place));
    found.copied().ok_or_else(|| DecodeError::Value { kind, field, value: number.into() })
}
