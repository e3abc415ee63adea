//! Files out of the field values of a test.
use super::{bytes, called, number};
use crate::field::{Field, Kinds};
use guardbee_model::file::{Attribute, FileEvent, FileKind, Operation, flag_bits};

/// Where files are of which a test tells the name alone.
const FOLDER: &str = "/srv";
/// Of flags of open(2): to read, to write, or both; nothing: to read.
const ACCESS: u32 = 3;
/// Of `st_mode`: what chmod sets.
const PERMISSIONS: u32 = 0o7777;
/// Why nothing was opened, where a test doesn't say: `ENOENT`.
const NOT_FOUND: u8 = 2;

/// The event of this kind with what an event of it can have.
pub(super) fn finish(event: &FileEvent, kind: Kinds) -> FileEvent {
    let mut event = event.clone();
    if let Some(operation) = Operation::ALL.into_iter().find(|one| Kinds::file(*one) == kind) {
        event.operation = operation;
    }
    event.attribute = event.attribute.filter(|_| kind == Kinds::FILE_ATTRIBUTE);
    if !kind.meets(Kinds::FILE_OPENED) {
        (event.open_flags, event.given) = (None, Box::default());
    }
    let failed = kind == Kinds::FILE_OPEN_FAILED;
    event.error = failed.then_some(event.error.unwrap_or(NOT_FOUND));
    if failed {
        (event.file, event.mode, event.owner, event.group) = (None, None, None, None);
    }
    if event.operation == Operation::Modify {
        cut(&mut event);
    }
    if !kind.meets(Kinds::FILE_SOURCED) {
        event.source = Box::default();
    }
    event
}

/// Who opens a file to read modifies it by cutting it, or not at all.
fn cut(event: &mut FileEvent) {
    if let Some(flags) = event.open_flags.as_mut().filter(|flags| **flags & ACCESS == 0) {
        *flags |= flag_bits("O_TRUNC").unwrap_or_default();
    }
}

pub(super) fn set(event: &mut FileEvent, field: Field, text: &str, values: &[Box<str>]) {
    let flag = text.eq_ignore_ascii_case("true");
    let bit = |mode: Option<u32>, bit: u32| Some(mode.unwrap_or(0o755) & !bit | if flag { bit } else { 0 });
    match field {
        Field::FilePath => event.path = bytes(text).into(),
        Field::FileName => event.path = called(&event.path, text, FOLDER).into(),
        Field::FileDirectory => {
            let name = event.path.rsplit(|byte| *byte == b'/').next().filter(|name| !name.is_empty());
            event.path = [&bytes(text), b"/".as_slice(), name.unwrap_or(b"file")].concat().into();
        }
        Field::FileExtension => {
            let extension = bytes(&format!(".{text}"));
            if !event.path.ends_with(&extension) {
                event.path = called(&event.path, &format!("file.{text}"), FOLDER).into();
            }
        }
        Field::FileGiven => event.given = bytes(text).into(),
        Field::FileSource => event.source = bytes(text).into(),
        Field::FileFlags => {
            let bits = values.iter().filter_map(|name| flag_bits(name));
            event.open_flags = Some(bits.fold(0, |all, bits| all | bits));
        }
        Field::FilePathFrom => event.named = text == "caller",
        Field::FilePathCut => event.path_cut = flag,
        Field::FileAttribute => event.attribute = Attribute::ALL.into_iter().find(|one| one.name() == text),
        Field::FileType => {
            let bits =
                FileKind::ALL.into_iter().find(|(kind, _)| kind.name() == text).map_or(0, |(_, bits)| bits);
            if event.operation == Operation::Node {
                event.mode = Some(event.mode.unwrap_or(0o644) | bits);
            } else {
                event.file.get_or_insert_default().mode = u16::try_from(bits).unwrap_or(0) | 0o644;
            }
        }
        Field::FileNode => {
            let (major, minor) = text.split_once(':').unwrap_or_default();
            let (major, minor): (u32, u32) = (number(major), number(minor));
            event.device = Some(minor & 0xff | (major & 0xfff) << 8 | (minor & 0xf_ff00) << 12);
        }
        Field::FileMode => {
            let kind = event.mode.unwrap_or(0) & !PERMISSIONS;
            event.mode = u32::from_str_radix(text, 8).ok().map(|mode| mode | kind);
        }
        Field::FileSetuid => event.mode = bit(event.mode, 0o4000),
        Field::FileSetgid => event.mode = bit(event.mode, 0o2000),
        Field::FileOwner => event.owner = text.parse().ok(),
        Field::FileGroup => event.group = text.parse().ok(),
        _ => {
            let file = event.file.get_or_insert_default();
            match field {
                Field::FileInode => file.inode = number(text),
                Field::FileSize => file.size_bytes = number(text),
                Field::FileMemfd => file.memfd = flag,
                Field::FileDeleted => file.deleted = flag,
                Field::FileOverlayUpper => file.overlay_upper = flag,
                _ => {}
            }
        }
    }
}
