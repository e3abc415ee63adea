//! Something was added to the kernel.
use super::{
    DecodeError,
    call::{call, member, system},
    strings::Strings,
};
use guardbee_model::{
    event::Body,
    system::{Deed, Extension, ExtensionKind},
};
use guardbee_wire::{ExtensionEvent, StringId};

/// As `enum extension_kind` has them.
const KINDS: [ExtensionKind; 5] = [
    ExtensionKind::Program,
    ExtensionKind::Link,
    ExtensionKind::Probe,
    ExtensionKind::Module,
    ExtensionKind::Kernel,
];

pub(super) fn extension((raw, tail): &(ExtensionEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "extension";
    let strings = Strings::walk(kind, tail)?;
    let extension = Extension {
        what: member(kind, "what", &KINDS, raw.what)?,
        kind: raw.kind,
        id: raw.id,
        detail: strings.bytes(StringId::Detail).into(),
    };
    Ok(system(call(kind, &raw.call)?, &strings, Deed::Extension(extension)))
}
