//! What every record says: header, process key, stamp.
use super::DecodeError;
use guardbee_model::{
    clock::BootTime,
    event::{Header, Hook, UserIds},
    id::ConnectionId,
    process::ProcessKey,
    stamp::{Layer, Stamp},
};
use guardbee_wire::{self as wire, EventFlag, HookList, StampFlag, StampLayer};

pub(super) fn header(kind: &'static str, raw: &wire::EventHeader) -> Result<Header, DecodeError> {
    let is = |flag: EventFlag| raw.flags & flag as u16 != 0;
    let key = wire::ProcessKey { start_ns: raw.start_ns, tgid: raw.tgid, exec_number: raw.exec_number };
    Ok(Header {
        time: BootTime(raw.time_ns),
        process: if is(EventFlag::NoProcess) { None } else { process_key(key) },
        tid: raw.tid,
        cgroup_id: raw.cgroup_id,
        scope: raw.scope,
        user: (raw.uid != wire::USER_UNKNOWN).then_some(UserIds { real: raw.uid, effective: raw.euid }),
        compat: is(EventFlag::Compat),
        kthread: is(EventFlag::Kthread),
        stamp_lost: is(EventFlag::StampLost),
        hook: match raw.hook {
            hook if hook == HookList::Iterator as u8 => Hook::Iterator,
            hook if hook == HookList::Tracepoint6_3 as u8 => Hook::Tracepoint6_3,
            hook if hook == HookList::Tracepoint5_10 as u8 => Hook::Tracepoint5_10,
            hook if hook == HookList::Trampoline as u8 => Hook::Trampoline,
            hook => return Err(DecodeError::Value { kind, field: "header.hook", value: hook.into() }),
        },
        serving: stamp(kind, "header.serving.layer", &raw.serving)?,
        origin: stamp(kind, "header.origin.layer", &raw.origin)?,
    })
}

/// Process 0 is the idle task, which is nobody.
pub(super) fn process_key(raw: wire::ProcessKey) -> Option<ProcessKey> {
    (raw.tgid != 0).then_some(ProcessKey {
        tgid: raw.tgid,
        start: BootTime(raw.start_ns),
        exec_number: raw.exec_number,
    })
}

/// `field` is the name of the layer, the only part of a stamp that can be wrong.
pub(super) fn stamp(
    kind: &'static str,
    field: &'static str,
    raw: &wire::Stamp,
) -> Result<Option<Stamp>, DecodeError> {
    let layer = match raw.layer {
        layer if layer == StampLayer::None as u8 => return Ok(None),
        layer if layer == StampLayer::Plain as u8 => Layer::Plain,
        layer if layer == StampLayer::Tls as u8 => Layer::Tls,
        layer => return Err(DecodeError::Value { kind, field, value: layer.into() }),
    };
    let is = |flag: StampFlag| raw.flags & flag as u16 != 0;
    Ok(Some(Stamp {
        connection: ConnectionId(raw.connection),
        position: raw.position,
        reads: raw.reads,
        tid: raw.tid,
        layer,
        epoll: is(StampFlag::Epoll),
        nonblock: is(StampFlag::Nonblock),
        io_uring: is(StampFlag::IoUring),
        no_file: is(StampFlag::NoFile),
        untracked: is(StampFlag::Untracked),
    }))
}
