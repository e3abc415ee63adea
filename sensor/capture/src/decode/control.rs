//! A call that acts on the machine itself, or asks about it.
use super::{
    DecodeError,
    call::{call, system},
    strings::Strings,
};
use guardbee_model::{
    event::Body,
    system::{Control, Deed},
};
use guardbee_wire::{ControlEvent, StringId};

pub(super) fn inquiry((raw, tail): &(ControlEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "inquiry";
    Ok(system(call(kind, &raw.call)?, &Strings::walk(kind, tail)?, Deed::Inquiry))
}

pub(super) fn control((raw, tail): &(ControlEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "control";
    let strings = Strings::walk(kind, tail)?;
    let detail = strings.bytes(StringId::Detail).into();
    Ok(system(call(kind, &raw.call)?, &strings, Deed::Control(Control { detail })))
}
