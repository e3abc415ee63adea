//! The same noun stands in every folder, so that a stranger walks from an execve to a finding by file names alone.
use anyhow::{Context as _, ensure};
use std::path::Path;

/// What each noun must be found as. `{}` stands for the noun.
const PLACES: &[&str] = &["sensor/wire/src/{}.rs", "sensor/capture/src/decode/{}.rs"];
/// Where the kinds of events are named.
const ABI: &str = "bpf/include/event.h";
/// Where each is given to the file that decodes it.
const DECODING: &str = "sensor/capture/src/decode/mod.rs";
/// What all stages talk about: has a struct of each noun.
const MODEL: &str = "sensor/model/src";
/// Folders of the kernel half, one of which has the noun.
const KERNEL: &[&str] = &["bpf/process", "bpf/net", "bpf/file", "bpf/system", "bpf/iter"];
/// Nouns that are structs of the ABI.
const NOUNS: &[&str] = &[
    "fork",
    "exec",
    "exit",
    "socket",
    "data",
    "dns",
    "file",
    "throttle",
    "credentials",
    "access",
    "namespace",
    "mount",
    "socket_change",
    "extension",
    "signal",
    "memory",
    "title",
    "io_uring",
    "control",
];
/// Of these the kernel half has a header instead of a program: any program can be the one that is throttled, and whatever moves bytes
/// may move those of DNS.
const HEADERS: &[(&str, &str)] = &[("throttle", "bpf/include/throttle.h"), ("dns", "bpf/include/dns.h")];

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
        let head = format!("pub struct {} {{", camel(noun));
        ensure!(read_all(MODEL)?.contains(&head), "`{noun}` has no `{head}` in {MODEL}");
    }
    every_kind()?;
    no_strangers()
}

/// Every kind of event is decoded by a file of a noun: several kinds may be one noun's, as accept, connect and listen are
/// socket's.
fn every_kind() -> anyhow::Result<()> {
    let header = read(ABI)?;
    let kinds = header.split_once("enum event_kind {").and_then(|(_, rest)| rest.split_once("};"));
    let (kinds, _) = kinds.with_context(|| format!("{ABI} has no enum event_kind"))?;
    let kinds: Vec<&str> = kinds
        .lines()
        .filter_map(|line| line.trim().strip_prefix("EVENT_")?.split_once(" =").map(|(name, _)| name))
        .collect();
    ensure!(!kinds.is_empty(), "{ABI}: enum event_kind names no kind");
    let decoding = read(DECODING)?;
    for kind in kinds {
        let noun = decoder(&decoding, &camel(&kind.to_lowercase()));
        ensure!(
            noun.is_some_and(|noun| NOUNS.contains(&noun)),
            "EVENT_{kind}: {DECODING} decodes it by {noun:?}, which is no noun of xtask/src/nouns.rs"
        );
    }
    Ok(())
}

/// The module whose function stands in the arm of this kind.
fn decoder<'a>(decoding: &'a str, kind: &str) -> Option<&'a str> {
    let name = format!("EventKind::{kind}");
    let arm = decoding.match_indices(&name).filter_map(|(at, _)| decoding.get(at + name.len()..));
    let arm = arm.filter(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()));
    let body = arm.filter_map(|rest| rest.split_once("=>")).map(|(_, body)| body).next()?;
    let body = body.split_once("EventKind::").map_or(body, |(body, _)| body);
    let word = |text: &'a str| text.rsplit(|c: char| !(c.is_lowercase() || c == '_')).next();
    body.split("::").filter_map(word).find(|word| NOUNS.contains(word))
}

/// `socket_change` is `SocketChange`.
fn camel(noun: &str) -> String {
    let mut begins = true;
    let letter = |letter: char| {
        let begun = std::mem::replace(&mut begins, letter == '_');
        (letter != '_').then(|| if begun { letter.to_ascii_uppercase() } else { letter })
    };
    noun.chars().filter_map(letter).collect()
}

fn read(path: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("read {path}"))
}

/// All files of a folder, one after another.
fn read_all(folder: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("read {folder}"))? {
        let path = entry?.path();
        let name = path.to_string_lossy();
        text += &if path.is_dir() { read_all(&name)? } else { read(&name)? };
    }
    Ok(text)
}

/// A decoder without a noun is a noun that somebody forgot to add here.
fn no_strangers() -> anyhow::Result<()> {
    let folder = "sensor/capture/src/decode";
    for entry in std::fs::read_dir(folder).with_context(|| format!("read {folder}"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let stem = name.trim_end_matches(".rs");
        let known = NOUNS.contains(&stem) || ["mod", "call", "header", "strings", "tests"].contains(&stem);
        ensure!(known, "{folder}/{name}: `{stem}` is no noun of xtask/src/nouns.rs");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decoder_of_a_kind_is_found_in_its_arm() {
        let text = "EventKind::Fork => fork::fork(&fixed::<ForkEvent>(name)?)?,\nEventKind::Exit\n| EventKind::Data => {\n\
                    let x = 1;\nBody::Data(data::data(x))\n}\nEventKind::Close => other::close(x),";
        assert_eq!(decoder(text, "Fork"), Some("fork"));
        assert_eq!(decoder(text, "Exit"), Some("data"));
        assert_eq!(decoder(text, "Data"), Some("data"));
        assert_eq!(decoder(text, "Close"), None);
        assert_eq!(decoder(text, "Dat"), None);
        assert_eq!(camel("socket_change"), "SocketChange");
    }
}
