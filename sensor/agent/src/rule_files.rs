//! Rule files on disk: found by the configuration, read with a cap.
use anyhow::{Context as _, bail};
use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

/// A larger rule file is an accident or an attack.
const MAX_BYTES: u64 = 10 << 20;
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
    let mut files = Vec::new();
    for path in paths {
        find(path, 0, &mut files).with_context(|| format!("rules {}", path.display()))?;
    }
    files.sort();
    files.dedup();
    files.into_iter().map(|path| Ok((path.display().to_string(), text(&path)?))).collect()
}

fn find(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if depth > MAX_DEPTH || files.len() > MAX_FILES {
        bail!("more than {MAX_FILES} files or {MAX_DEPTH} folders deep: give the folder that has the rules");
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

fn text(path: &Path) -> anyhow::Result<String> {
    let file = std::fs::File::open(path).with_context(|| format!("read rule file {}", path.display()))?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("read rule file {}: rules are UTF-8", path.display()))?;
    if text.len() as u64 > MAX_BYTES {
        bail!("rule file {} is longer than {MAX_BYTES} bytes: split it", path.display());
    }
    Ok(text)
}
