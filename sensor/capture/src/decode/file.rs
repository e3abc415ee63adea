//! Something was done to a file.
use super::{DecodeError, exec, strings::Strings};
use guardbee_model::{
    event::Body,
    file::{Attribute, FileEvent, Operation},
    watch::OPENED,
};
use guardbee_wire::{self as wire, EventKind, FileEventFlag, FileFlag, StringId};
use std::sync::Arc;

/// `uid` and `gid` that chown leaves as they are.
const LEFT: u32 = u32::MAX;

/// `O_WRONLY`, `O_RDWR`, `O_TRUNC`.
const CHANGING: u32 = 0o1003;

pub(super) fn file(kind: EventKind, (raw, tail): &(wire::FileEvent, &[u8])) -> Result<Body, DecodeError> {
    let name = kind.name();
    let number = kind as u64;
    let operation = EventKind::FILES.into_iter().position(|file| file == kind);
    let operation = operation.and_then(|at| Operation::ALL.get(at).copied());
    let operation =
        operation.ok_or(DecodeError::Value { kind: name, field: "header.kind", value: number })?;
    let wrong = DecodeError::Value { kind: name, field: "attribute", value: raw.attribute.into() };
    let attribute = match raw.attribute.checked_sub(1) {
        None => None,
        Some(at) => Some(*Attribute::ALL.get(usize::from(at)).ok_or(wrong)?),
    };
    let strings = Strings::walk(name, tail)?;
    let is = |flag: FileEventFlag| raw.flags & flag as u16 != 0;
    let opened = raw.file != wire::FileInfo::default();
    let (path, path_whole) = whole(&strings, StringId::Path, StringId::Folder, is(FileEventFlag::NoFolder));
    let source = if operation == Operation::Symlink {
        strings.bytes(StringId::Source).into()
    } else {
        let unknown = is(FileEventFlag::NoSourceFolder);
        whole(&strings, StringId::Source, StringId::SourceFolder, unknown).0
    };
    let failed = operation == Operation::OpenFailed;
    let opens = OPENED.contains(&operation);
    // truncate(2) opens nothing; an open that changes a file has one of these.
    let truncates = operation == Operation::Modify && raw.open_flags & CHANGING == 0;
    let makes = matches!(operation, Operation::FolderCreate | Operation::Node);
    let set = |which| attribute == Some(which);
    let given = |id: u32| (set(Attribute::Owner) && id != LEFT).then_some(id);
    Ok(Body::File(Arc::new(FileEvent {
        operation,
        path,
        source,
        named: is(FileEventFlag::Named),
        path_cut: !path_whole
            || is(FileEventFlag::FolderCut)
            || opened && raw.file.flags & FileFlag::PathCut as u16 != 0,
        file: opened.then(|| exec::file(&raw.file)),
        open_flags: (opens && !truncates).then_some(raw.open_flags),
        // Of what was not opened that name is all there is.
        given: strings.bytes(if failed { StringId::Path } else { StringId::Given }).into(),
        error: failed.then_some(raw.error),
        mode: (makes || set(Attribute::Mode)).then_some(raw.mode),
        owner: given(raw.uid),
        group: given(raw.gid),
        device: (operation == Operation::Node).then_some(raw.device),
        attribute,
    })))
}

/// A name and what it is relative to, as one path; and whether that begins at the root.
pub(super) fn whole(
    strings: &Strings<'_>,
    name: StringId,
    folder: StringId,
    unknown: bool,
) -> (Box<[u8]>, bool) {
    let unreadable = strings.get(name).is_some_and(|string| string.unreadable);
    let (name, folder) = (strings.bytes(name), strings.bytes(folder));
    if unreadable {
        return (Box::default(), false);
    }
    if name.starts_with(b"/") {
        return (plain(&[name]), true);
    }
    if unknown {
        return (name.into(), false);
    }
    match (name, folder) {
        ([], folder) => (folder.into(), true),
        (name, [b'/', ..]) => (plain(&[folder, name]), true),
        // A memfd or the like has no folder.
        (name, _) => (name.into(), false),
    }
}

/// Without empty and `.` components, and without what `..` undoes: by the text, as nobody can ask the file system any more.
fn plain(parts: &[&[u8]]) -> Box<[u8]> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for component in parts.iter().flat_map(|part| part.split(|byte| *byte == b'/')) {
        match component {
            b"" | b"." => {}
            b".." => {
                kept.pop();
            }
            component => kept.push(component),
        }
    }
    [b"/", kept.join(&b'/').as_slice()].concat().into()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn paths_are_made_plain() {
        for (parts, right) in [
            (&["/a/b", "c"][..], "/a/b/c"),
            (&["/a//b/./", "../c/"], "/a/c"),
            (&["/", "../../etc/shadow"], "/etc/shadow"),
            (&["/.."], "/"),
        ] {
            let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
            assert_eq!(&*plain(&parts), right.as_bytes());
        }
    }
}
