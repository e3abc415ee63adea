//! The tree of mounts changed, or a process's root.
use super::{
    DecodeError,
    call::{call, member, system},
    strings::Strings,
};
use guardbee_model::{
    event::Body,
    system::{Deed, Mount, MountKind},
};
use guardbee_wire::{MountEvent, MountFlag, StringId};

/// As `enum mount_kind` has them.
const KINDS: [MountKind; 3] = [MountKind::Mounted, MountKind::Unmounted, MountKind::RootChanged];

pub(super) fn mount((raw, tail): &(MountEvent, &[u8])) -> Result<Body, DecodeError> {
    let kind = "mount";
    let strings = Strings::walk(kind, tail)?;
    let mount = Mount {
        what: member(kind, "what", &KINDS, raw.what)?,
        claimed: raw.flags & MountFlag::UserPaths as u8 != 0,
        fstype: strings.bytes(StringId::Fstype).into(),
        from: strings.bytes(StringId::From).into(),
        place: strings.bytes(StringId::Place).into(),
    };
    Ok(system(call(kind, &raw.call)?, &strings, Deed::Mount(mount)))
}
