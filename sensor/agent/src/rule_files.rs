//! Rule and policy files on disk: found by the configuration, read with a cap.
use anyhow::{Context as _, anyhow, bail};
use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

/// A larger file is an accident or an attack.
const MAX_BYTES: u64 = 10 << 20;
/// All rule files together: what is made of them takes several times as much.
const MAX_TOTAL_BYTES: usize = 128 << 20;
/// More files than any pack has.
const MAX_FILES: usize = 20_000;
/// Folders within folders.
const MAX_DEPTH: usize = 16;
/// Where the shipped pack is, first match wins: beside the sources, beside the binary, installed.
const PACKS: &[&str] = &["../../rules", "../share/guardbee/rules", "/usr/share/guardbee/rules"];

/// The pack that is used when no rules are configured.
pub fn shipped() -> Option<PathBuf> {
    let binary = std::env::current_exe().ok()?;
    let folder = binary.parent()?;
    PACKS
        .iter()
        .map(|pack| folder.join(pack))
        .find(|pack| pack.is_dir())
        .and_then(|pack| pack.canonicalize().ok())
}

/// [`read`] of `paths`, or of the shipped pack where none is given.
pub fn read_or_shipped(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    if !paths.is_empty() {
        return read(paths);
    }
    let pack = shipped()
        .context("find the shipped rules beside the binary or in /usr/share; name a folder of rules")?;
    read(&[pack])
}

/// (name, text) of every rule file in `paths`: files as given, folders searched for `*.yml` and `*.yaml`, sorted.
pub fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    read_all("rule", paths)
}

/// The same of policy files.
pub fn read_policies(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    read_all("policy", paths)
}

fn read_all(what: &str, paths: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for path in paths {
        find(path, 0, &mut files).with_context(|| format!("{what} files in {}", path.display()))?;
    }
    files.sort();
    files.dedup();
    let mut total = 0_usize;
    let mut out = Vec::new();
    for path in files {
        let text = text(what, &path)?;
        total = total.saturating_add(text.len());
        if total > MAX_TOTAL_BYTES {
            bail!(
                "the {what} files have more than {MAX_TOTAL_BYTES} bytes together: leave out what a node does not need"
            );
        }
        out.push((path.display().to_string(), text));
    }
    Ok(out)
}

fn find(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if depth > MAX_DEPTH || files.len() > MAX_FILES {
        bail!("more than {MAX_FILES} files or {MAX_DEPTH} folders deep: give the folder that has them");
    }
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in path.read_dir().context("read the folder")? {
        let entry = entry?.path();
        let rule = entry.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
        if entry.is_dir() || rule {
            find(&entry, depth + 1, files)?;
        }
    }
    Ok(())
}

fn text(what: &str, path: &Path) -> anyhow::Result<String> {
    let file = std::fs::File::open(path).with_context(|| format!("read {what} file {}", path.display()))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("read {what} file {}", path.display()))?;
    if bytes.len() as u64 > MAX_BYTES {
        bail!("{what} file {} is longer than {MAX_BYTES} bytes: split it", path.display());
    }
    String::from_utf8(bytes).map_err(|error| {
        let bytes = error.as_bytes();
        let (sound, rest) = bytes.split_at(error.utf8_error().valid_up_to());
        let (line, column, what, remedy) = not_utf8(sound, rest);
        anyhow!("{}:{line}:{column}: error: {what}\n    {remedy}", path.display())
    })
}

/// Line, column, what it is, what to do; `sound` is what stands before the first byte that is wrong.
fn not_utf8(sound: &[u8], rest: &[u8]) -> (usize, usize, String, &'static str) {
    let text = String::from_utf8_lossy(sound);
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    match rest {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] if sound.is_empty() => {
            (line, column, "the file is UTF-16".to_owned(), "save it as UTF-8")
        }
        [first, ..] => (
            line,
            column,
            format!("the byte 0x{first:02x} is no UTF-8"),
            "save the file as UTF-8; in a value write the character, or look for what stands around it",
        ),
        [] => (line, column, "the text is no UTF-8".to_owned(), "save the file as UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_text_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        for (bytes, right) in [
            (&b"title: A\n# caf\xe9\n"[..], ":2:6: error: the byte 0xe9 is no UTF-8"),
            (b"\xff\xfet\0i\0", ":1:1: error: the file is UTF-16"),
            ("title: \u{e4}\u{e4}\u{2013}".as_bytes().split_last().unwrap().1, ":1:10: error: the byte 0xe2"),
        ] {
            let path = folder.path().join("rule.yml");
            std::fs::write(&path, bytes).unwrap();
            let said = format!("{:#}", text("rule", &path).unwrap_err());
            assert!(said.contains(right) && said.contains("\n    save"), "{said}");
        }
    }
}
