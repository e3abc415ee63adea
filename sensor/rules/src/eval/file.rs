//! What is read of file events.
use super::view::Texts;
use crate::field::Field;
use guardbee_model::{
    file::{FileEvent, Operation, flag_names},
    finding::{Action, Observation},
};

/// Of `st_mode`: what chmod sets.
const PERMISSIONS: u32 = 0o7777;
const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;

/// Reads one field; [`None`]: the event does not have it.
pub(super) fn field(field: Field, o: &Observation, out: &mut Texts) -> Option<()> {
    let Action::File(event) = &o.action else { return None };
    match field {
        Field::FilePath => out.known(&event.path),
        Field::FileName => out.known(name(&event.path)?),
        Field::FileDirectory => out.known(directory(&event.path)?),
        Field::FileExtension => {
            let name = name(&event.path)?;
            out.known(name.get(name.iter().rposition(|byte| *byte == b'.')? + 1..)?);
        }
        Field::FileSource => out.known(&event.source),
        Field::FileOperation => out.put(event.operation.name().as_bytes()),
        Field::FileNameType => out.put(name_type(event.operation)?),
        Field::FilePathFrom => out.put(if event.named { b"caller" } else { b"kernel" }),
        Field::FileGiven => out.known(Some(&*event.given).filter(|given| !given.is_empty())?),
        Field::FileFlags => flag_names(event.open_flags?).for_each(|name| out.put(name.as_bytes())),
        Field::FileAttribute => out.put(event.attribute?.name().as_bytes()),
        Field::FileType => out.put(event.kind()?.name().as_bytes()),
        Field::FileNode => {
            let (major, minor) = event.node()?;
            out.shown(format_args!("{major}:{minor}"));
        }
        Field::FileMode => out.shown(format_args!("{:04o}", mode(event)?)),
        Field::FileOwner => out.shown(event.owner.or_else(|| event.file.map(|file| file.uid))?),
        Field::FileGroup => out.shown(event.group.or_else(|| event.file.map(|file| file.gid))?),
        Field::FileInode => out.shown(event.file?.inode),
        Field::FileSize => out.shown(event.file?.size_bytes),
        _ => return None,
    }
    Some(())
}

/// Reads one that is so or not.
pub(super) fn flag(field: Field, event: &FileEvent) -> Option<bool> {
    match field {
        Field::FilePathCut => Some(event.path_cut),
        Field::FileSetuid => Some(mode(event)? & SETUID != 0),
        Field::FileSetgid => Some(mode(event)? & SETGID != 0),
        Field::FileMemfd => Some(event.file?.memfd),
        Field::FileDeleted => Some(event.file?.deleted),
        Field::FileOverlayUpper => Some(event.file?.overlay_upper),
        _ => None,
    }
}

fn mode(event: &FileEvent) -> Option<u32> {
    event.mode.or_else(|| event.file.map(|file| file.mode.into())).map(|mode| mode & PERMISSIONS)
}

fn name(path: &[u8]) -> Option<&[u8]> {
    path.rsplit(|byte| *byte == b'/').next()
}

fn directory(path: &[u8]) -> Option<&[u8]> {
    match path.iter().rposition(|byte| *byte == b'/')? {
        0 => Some(b"/"),
        at => path.get(..at),
    }
}

/// Of audit's PATH record that names the object of the call.
const fn name_type(operation: Operation) -> Option<&'static [u8]> {
    match operation {
        Operation::Open | Operation::Modify | Operation::Attribute | Operation::FolderOpen => Some(b"NORMAL"),
        Operation::Delete | Operation::FolderDelete => Some(b"DELETE"),
        // What is there decides, and nobody has looked.
        Operation::OpenFailed => None,
        _ => Some(b"CREATE"),
    }
}
