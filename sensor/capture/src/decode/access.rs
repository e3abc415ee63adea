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

pub(super) fn access((raw, tail): &(AccessEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "access";
    let strings = Strings::walk(kind, tail)?;
    let access = Access {
        reach: member(kind, "access", &Reach::ALL, raw.access)?,
        target: target(&raw.target, &strings),
        fd: fd(kind, &raw.fd)?,
        bytes: raw.bytes,
    };
    Ok(system(call(kind, &raw.call)?, &strings, Deed::Access(access)))
}
