//! A process sent another one a signal that ends or stops it.
use super::{
    DecodeError,
    call::{system, target_needed},
    strings::Strings,
};
use guardbee_model::{
    event::Body,
    system::{Deed, Signal},
};
use guardbee_wire::SignalEvent;

pub(super) fn signal((raw, tail): &(SignalEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "signal";
    let strings = Strings::walk(kind, tail)?;
    let target = target_needed(kind, &raw.target, &strings)?;
    Ok(system(None, &strings, Deed::Signal(Signal { target, code: raw.code, number: raw.signal })))
}
