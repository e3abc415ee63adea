//! A ring of `io_uring` was made, or an operation submitted through one.
use super::{DecodeError, call::system, file::whole, strings::Strings};
use guardbee_model::{
    event::Body,
    system::{Deed, IoUring},
};
use guardbee_wire::{FileEventFlag, IoUringEvent, StringId};

/// `IORING_OP_SYMLINKAT`: its text is no path.
const SYMLINKAT: u8 = 38;

pub(super) fn io_uring((raw, tail): &(IoUringEvent, &[u8])) -> Result<Body, DecodeError> {
    let strings = Strings::walk("io_uring", tail)?;
    let is = |flag: FileEventFlag| raw.flags & flag as u16 != 0;
    let (path, path_whole) = whole(&strings, StringId::Path, StringId::Folder, is(FileEventFlag::NoFolder));
    let source = if raw.opcode == SYMLINKAT {
        (strings.bytes(StringId::Source).into(), true)
    } else {
        whole(&strings, StringId::Source, StringId::SourceFolder, is(FileEventFlag::NoSourceFolder))
    };
    let deed = Deed::IoUring(IoUring {
        entries: raw.entries,
        opcode: raw.opcode,
        path,
        source: source.0,
        attribute: strings.bytes(StringId::Detail).into(),
        path_cut: !path_whole || !source.1 || is(FileEventFlag::FolderCut),
    });
    Ok(system(None, &strings, deed))
}
