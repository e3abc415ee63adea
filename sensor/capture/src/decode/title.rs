//! A thread's name was changed, not by an exec.
use super::{
    DecodeError,
    call::{system, target_needed},
    strings::Strings,
};
use guardbee_model::{
    event::Body,
    system::{Deed, Title},
};
use guardbee_wire::{StringId, TitleEvent};

pub(super) fn title((raw, tail): &(TitleEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "title";
    let strings = Strings::walk(kind, tail)?;
    let target = target_needed(kind, &raw.target, &strings)?;
    let after = strings.bytes(StringId::Title).into();
    Ok(system(None, &strings, Deed::Title(Title { target, after })))
}
