//! A thread's credentials changed.
use super::{
    DecodeError,
    call::{call, system},
    exec::credentials as decoded,
    strings::Strings,
};
use guardbee_model::{
    event::Body,
    system::{Change, Deed},
};
use guardbee_wire::{CredentialsCause, CredentialsEvent, CredentialsFlag};

pub(super) fn credentials((raw, tail): &(CredentialsEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "credentials";
    let strings = Strings::walk(kind, tail)?;
    let unexplained = match raw.cause {
        cause if cause == CredentialsCause::Call as u8 => false,
        cause if cause == CredentialsCause::Unexplained as u8 => true,
        cause => return Err(DecodeError::Value { kind, field: "cause", value: cause.into() }),
    };
    let first = raw.flags & CredentialsFlag::First as u8 != 0;
    let change = Change {
        before: (!first).then(|| decoded(&raw.before)),
        after: decoded(&raw.after),
        user: None,
        groups: raw.groups,
        user_ns: raw.user_ns,
        unexplained,
    };
    Ok(system(call(kind, &raw.call)?, &strings, Deed::Credentials(change)))
}
