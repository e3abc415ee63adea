//! `guardbee rules new`.
use anyhow::{Context as _, ensure};
use std::{
    fs::OpenOptions,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
};

/// Characters of a title (Sigma's rules specification 2.1, title).
const TITLE: usize = 256;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The rule's title; the file is named after it, and written into this folder.
    name: String,
    /// What the rule is about.
    #[arg(long, value_enum, default_value = "exec")]
    about: About,
}

/// Kinds of events to begin with.
#[derive(Clone, Copy, clap::ValueEnum)]
enum About {
    /// A program was executed.
    Exec,
    /// A connection was made.
    Connect,
    /// A request was read.
    Request,
    /// A request was answered.
    Exchange,
}

impl About {
    /// Log source, selection, an event that matches it, and one that nearly does.
    const fn parts(self) -> [&'static str; 4] {
        match self {
            Self::Exec => [
                "{product: linux, category: process_creation}",
                "Image|endswith: /example",
                "{Image: /usr/bin/example}",
                "{Image: /usr/bin/other}",
            ],
            Self::Connect => [
                "{product: linux, category: network_connection}",
                "DestinationPort: 4444",
                "{Initiated: true, DestinationPort: 4444}",
                "{Initiated: true, DestinationPort: 443}",
            ],
            Self::Request => [
                "{category: webserver}",
                "cs-uri-query|contains: example",
                "{url.path: /, url.query: a=example}",
                "{url.path: /, url.query: a=other}",
            ],
            Self::Exchange => [
                "{category: webserver}",
                "sc-status: 500",
                "{url.path: /, sc-status: 500}",
                "{url.path: /, sc-status: 200}",
            ],
        }
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let title = args.name.trim();
    let words: Vec<String> = title
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let sound = !words.is_empty() && title.chars().count() <= TITLE && !title.chars().any(char::is_control);
    ensure!(sound, "`{}` is no title: use words, {TITLE} characters at most", title.escape_debug());
    let path = PathBuf::from(format!("{}.yml", words.join("_")));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .with_context(|| format!("write {}: a file that is there is not overwritten", path.display()))?;
    file.write_all(text(title, args.about).as_bytes())
        .with_context(|| format!("write {}", path.display()))?;
    let path = path.display();
    outln!("wrote {path}; its tests pass: guardbee rules test {path}");
    outln!(
        "next: edit `selection` and the events of the tests together; then `level`, `tags`, `description`, `falsepositives`"
    );
    outln!("why does an event match, or not: guardbee rules explain {path}");
    outln!("names of fields: rules/README.md");
    Ok(ExitCode::SUCCESS)
}

fn text(title: &str, about: About) -> String {
    let [source, selection, event, miss] = about.parts();
    let title = title.replace('\'', "''");
    format!(
        "title: '{title}'
id: {}
status: experimental
description: What it finds, and why that matters.
author: ''
tags: []
logsource: {source}
detection:
    selection:
        {selection}
    condition: selection
falsepositives: []
level: medium
guardbee:
    tests:
        - {{name: what it is for, expect: match, event: {event}}}
        - {{name: nearly the same, expect: no-match, event: {miss}}}
",
        id()
    )
}

/// A random UUID (RFC 9562, version 4): it tells rules apart, and keeps no secret.
fn id() -> String {
    let random = || u128::from(RandomState::new().build_hasher().finish());
    let bits = random() << 64 | random();
    let versioned = bits & !(0xf000_u128 << 64) | 0x4000_u128 << 64;
    let all = versioned & !(0xc000_u128 << 48) | 0x8000_u128 << 48;
    let hex = format!("{all:032x}");
    let groups: Vec<_> =
        [0..8, 8..12, 12..16, 16..20, 20..32].into_iter().filter_map(|at| hex.get(at)).collect();
    groups.join("-")
}
