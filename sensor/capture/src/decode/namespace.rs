//! A process entered other namespaces, made some, or made a child that lives in others.
use super::{
    DecodeError,
    call::{call, system},
    header::process_key,
    strings::Strings,
};
use guardbee_model::{
    event::Body,
    system::{Deed, Namespace},
};
use guardbee_wire::{NamespaceEvent, Namespaces};

pub(super) fn namespace((raw, tail): &(NamespaceEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "namespace";
    let strings = Strings::walk(kind, tail)?;
    let namespace = Namespace {
        subject: process_key(raw.subject),
        after: numbers(raw.after),
        changed: raw.changed,
        host: raw.host,
    };
    Ok(system(call(kind, &raw.call)?, &strings, Deed::Namespace(namespace)))
}

fn numbers(raw: Namespaces) -> [u32; 8] {
    let Namespaces { cgroup, ipc, mnt, net, pid, time, user, uts } = raw;
    [cgroup, ipc, mnt, net, pid, time, user, uts]
}
