//! A process reached into another one.
use super::{
    DecodeError,
    call::{call, member, system, target},
    exec::fd,
    strings::Strings,
};
use guardbee_model::{
    event::Body,
    system::{Access, Deed, Reach},
};
use guardbee_wire::AccessEvent;

/// As `enum access_kind` has them.
const REACHES: [Reach; 6] =
    [Reach::Attached, Reach::Traced, Reach::Wrote, Reach::Registers, Reach::Read, Reach::Descriptor];

pub(super) fn access((raw, tail): &(AccessEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "access";
    let strings = Strings::walk(kind, tail)?;
    let access = Access {
        reach: member(kind, "access", &REACHES, raw.access)?,
        target: target(&raw.target, &strings),
        fd: fd(kind, &raw.fd)?,
        bytes: raw.bytes,
    };
    Ok(system(call(kind, &raw.call)?, &strings, Deed::Access(access)))
}
