//! A process was created.
use super::{
    DecodeError,
    header::{process_key, stamp},
    strings::Strings,
};
use guardbee_model::event::{Body, Fork};
use guardbee_wire::{ForkEvent, StringId};
use std::sync::Arc;

pub(super) fn fork((raw, tail): &(ForkEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "fork";
    let strings = Strings::walk(kind, tail)?;
    let child = process_key(raw.child).ok_or(DecodeError::Value { kind, field: "child.tgid", value: 0 })?;
    Ok(Body::Fork(Arc::new(Fork {
        child,
        child_origin: stamp(kind, "child_origin.layer", &raw.child_origin)?,
        child_ns_tgid: raw.child_ns_tgid,
        comm: strings.bytes(StringId::Comm).into(),
        cgroup: strings.cgroup(),
        unified: strings.unified(),
    })))
}
