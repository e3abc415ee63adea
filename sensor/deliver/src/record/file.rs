//! `file.*` of records: the names of OpenTelemetry's semantic conventions where they have one.
use super::attributes::Attributes;
use guardbee_model::{file::FileEvent, text};

/// Of `st_mode`: what chmod sets.
const PERMISSIONS: u32 = 0o7777;

/// A path with its secrets replaced, escaped, not bounded.
pub(crate) fn path(path: &[u8]) -> String {
    text::said(path).into_owned()
}

/// What is after the last slash.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What is before the last slash.
pub(crate) fn folder(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((before, _)) => before,
        None => "",
    }
}

/// Permissions and set-id bits in octal digits, where they are known.
pub(crate) fn mode(event: &FileEvent) -> Option<String> {
    let mode = event.mode.or_else(|| event.file.map(|file| file.mode.into()))?;
    Some(format!("{:04o}", mode & PERMISSIONS))
}

/// What a finding says of the file.
pub(super) fn add(event: &FileEvent, attributes: &mut Attributes) {
    let shown = path(&event.path);
    let name = name(&shown);
    attributes.text("file.name", name);
    attributes.text("file.directory", folder(&shown));
    // Of a hidden file that has no other dot the name is no extension.
    let extension = name.rsplit_once('.').filter(|(before, _)| !before.is_empty());
    attributes.text("file.extension", extension.map_or("", |(_, extension)| extension));
    attributes.text("file.path", shown.as_str());
    attributes.text("guardbee.file.source", path(&event.source));
    attributes.word("guardbee.file.path.from", if event.named { "caller" } else { "kernel" });
    attributes.text("guardbee.file.given", path(&event.given));
    if let Some(word) = event.error_type() {
        attributes.word("error.type", word);
    }
    if event.path_cut {
        attributes.flag("guardbee.file.path.cut");
    }
    attributes.text("file.mode", mode(event).unwrap_or_default());
    if let Some(kind) = event.kind() {
        attributes.word("guardbee.file.type", kind.name());
    }
    if let Some((major, minor)) = event.node() {
        attributes.text("guardbee.file.node", format!("{major}:{minor}"));
    }
    if let Some(attribute) = event.attribute {
        attributes.word("guardbee.file.attribute", attribute.name());
    }
    let file = event.file.as_ref();
    if let Some(owner) = event.owner.or_else(|| file.map(|file| file.uid)) {
        attributes.text("file.owner.id", owner.to_string());
    }
    if let Some(group) = event.group.or_else(|| file.map(|file| file.gid)) {
        attributes.text("file.group.id", group.to_string());
    }
    let Some(file) = file else { return };
    attributes.text("file.inode", file.inode.to_string());
    attributes.text("guardbee.file.device", format!("{}:{}", file.device >> 20, file.device & 0xf_ffff));
    attributes.size("file.size", file.size_bytes);
    for (key, set) in [
        ("guardbee.file.memfd", file.memfd),
        ("guardbee.file.deleted", file.deleted),
        ("guardbee.file.overlay_upper", file.overlay_upper),
    ] {
        if set {
            attributes.flag(key);
        }
    }
}
