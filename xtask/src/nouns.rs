//! The same noun stands in every folder, so that a stranger walks from an execve to a finding by file names alone.
use anyhow::{Context as _, ensure};
use std::path::Path;

/// What each noun must be found as. `{}` stands for the noun.
const PLACES: &[&str] = &["sensor/wire/src/{}.rs", "sensor/capture/src/decode/{}.rs"];
/// Folders of the kernel half, one of which has the noun.
const KERNEL: &[&str] = &["bpf/process", "bpf/net", "bpf/iter"];
/// Nouns that are structs of the ABI.
const NOUNS: &[&str] = &["fork", "exec", "exit", "socket", "data", "throttle"];
/// Of these the kernel half has a header instead of a program: any program can be the one that is throttled.
const HEADERS: &[(&str, &str)] = &[("throttle", "bpf/include/throttle.h")];

pub(crate) fn check() -> anyhow::Result<()> {
    for noun in NOUNS {
        for place in PLACES {
            let path = place.replace("{}", noun);
            ensure!(
                Path::new(&path).is_file(),
                "`{noun}` has no {path}: name the file as the event is named"
            );
        }
        let found = match HEADERS.iter().find(|(name, _)| name == noun) {
            Some((_, header)) => Path::new(header).is_file(),
            None => KERNEL.iter().any(|folder| Path::new(&format!("{folder}/{noun}.bpf.c")).is_file()),
        };
        ensure!(found, "`{noun}` has no {noun}.bpf.c below {}", KERNEL.join(", "));
    }
    no_strangers()
}

/// A decoder without a noun is a noun that somebody forgot to add here.
fn no_strangers() -> anyhow::Result<()> {
    let folder = "sensor/capture/src/decode";
    for entry in std::fs::read_dir(folder).with_context(|| format!("read {folder}"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let stem = name.trim_end_matches(".rs");
        let known = NOUNS.contains(&stem) || ["mod", "header", "strings", "tests"].contains(&stem);
        ensure!(known, "{folder}/{name}: `{stem}` is no noun of xtask/src/nouns.rs");
    }
    Ok(())
}
