//! Memory became executable, or a file was made that lives in memory only.
use super::{
    DecodeError,
    call::{call, member, system},
    strings::Strings,
};
use guardbee_model::{
    event::Body,
    system::{Deed, Memory, MemoryKind},
};
use guardbee_wire::{MemoryEvent, StringId};

/// As `enum memory_kind` has them.
const KINDS: [MemoryKind; 3] = [MemoryKind::Protected, MemoryKind::Mapped, MemoryKind::File];

pub(super) fn memory((raw, tail): &(MemoryEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "memory";
    let strings = Strings::walk(kind, tail)?;
    let memory = Memory {
        what: member(kind, "what", &KINDS, raw.what)?,
        address: raw.address,
        length: raw.length,
        protection: raw.protection,
        detail: strings.bytes(StringId::Detail).into(),
    };
    Ok(system(call(kind, &raw.call)?, &strings, Deed::Memory(memory)))
}
