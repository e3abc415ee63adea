//! What a sensor could leave behind on the node: programs, maps, links, probes, mounts, sockets, files.
use crate::accept::lab::PIPELINE_ID;
use anyhow::{Context as _, ensure};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

/// Where probes are listed that somebody has added.
const PROBES: [&str; 3] = ["dynamic_events", "kprobe_events", "uprobe_events"];
/// Where programs keep files of their own; deeper than this nobody looks.
const FOLDERS: [&str; 6] = ["/run", "/dev/shm", "/tmp", "/var/lib", "/var/tmp", "/var/log"];
const DEPTH: usize = 2;
/// Folders of harnesses: what a sensor was told to write is in there.
const HARNESS: &str = "guardbee-accept.";

/// All that is there now, each as a line that says what it is.
pub(super) fn held() -> anyhow::Result<BTreeSet<String>> {
    let mut held = BTreeSet::new();
    for kind in ["prog", "map", "link"] {
        let out = Command::new("bpftool").args([kind, "show"]).output().context("start bpftool")?;
        ensure!(out.status.success(), "bpftool {kind} show: {}", String::from_utf8_lossy(&out.stderr));
        let text = String::from_utf8_lossy(&out.stdout);
        let first = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        held.extend(first.map(|line| format!("{kind} {line}")));
    }
    let tracing = tracing()?;
    for list in PROBES {
        // Kernels without a kind of probe have no list of it.
        let text = fs::read_to_string(tracing.join(list)).unwrap_or_default();
        held.extend(text.lines().map(|line| format!("{list} {line}")));
    }
    let mut found = Vec::new();
    below(&tracing.join("instances"), 0, &mut found);
    below(Path::new("/sys/fs/bpf"), DEPTH, &mut found);
    held.extend(found.iter().map(|path| format!("kernel file {}", path.display())));
    let mounts = fs::read_to_string("/proc/self/mounts").context("read /proc/self/mounts")?;
    held.extend(mounts.lines().map(|line| format!("mount {line}")));
    let sockets = fs::read_to_string("/proc/net/unix").context("read /proc/net/unix")?;
    let named = sockets.lines().filter_map(|line| line.split_whitespace().nth(7));
    held.extend(named.filter(|name| is_ours(name)).map(|name| format!("socket {name}")));
    held.extend(files());
    Ok(held)
}

fn is_ours(name: &str) -> bool {
    name.contains("guardbee") && !name.contains(HARNESS)
}

/// Files with the sensor's name, or of the pipeline's user.
fn files() -> Vec<String> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        below(Path::new(folder), DEPTH, &mut found);
    }
    let ours = |path: &PathBuf| {
        let of_pipeline = || fs::symlink_metadata(path).is_ok_and(|file| file.uid() == PIPELINE_ID);
        let text = path.to_string_lossy();
        is_ours(&text) || (of_pipeline() && !text.contains(HARNESS))
    };
    found.iter().filter(|path| ours(path)).map(|path| format!("file {}", path.display())).collect()
}

/// Where the kernel's tracing files are.
fn tracing() -> anyhow::Result<PathBuf> {
    let places = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"].map(PathBuf::from);
    places.into_iter().find(|place| place.join("events").exists()).context("tracefs is not mounted")
}

fn below(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below(&entry.path(), depth - 1, found);
        }
        found.push(entry.path());
    }
}
