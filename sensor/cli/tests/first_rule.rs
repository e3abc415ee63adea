//! docs/first-rule.md, carried out: every command of it is run in a folder of its own, beside a real sensor, and says what
//! stands there. Needs root and a kernel with BTF; fails without.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

mod support;

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use support::{SOON, need_root, without_settings};

/// What a block of the document is.
enum Step {
    /// A file, with its text.
    File(String, String),
    /// A command, what it says, and whether it may take a while until it says so.
    Command { line: usize, command: String, says: Vec<String>, waits: bool },
}

fn steps(document: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = (1..).zip(document.lines());
    while let Some((_, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```").filter(|kind| !kind.is_empty()) else { continue };
        let block: Vec<(usize, &str)> =
            lines.by_ref().take_while(|(_, line)| !line.starts_with("```")).collect();
        if kind == "yaml" {
            let (_, name) = block.first().unwrap();
            let name = name.strip_prefix("# ").unwrap();
            let text = block.iter().skip(1).flat_map(|(_, line)| [*line, "\n"]).collect();
            steps.push(Step::File(name.to_owned(), text));
            continue;
        }
        let waits = kind == "console until";
        assert!(waits || kind == "console", "a block of `{kind}`");
        for (line, text) in block {
            match (text.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    let command = command.to_owned();
                    steps.push(Step::Command { line, command, says: Vec::new(), waits });
                }
                (None, Some(Step::Command { says, .. })) => says.push(text.to_owned()),
                _ => panic!("line {line}: what says `{text}`?"),
            }
        }
    }
    steps
}

/// `...` stands for anything within a line; alone, for any lines.
fn matches(says: &[String], said: &[&str]) -> bool {
    match says {
        [] => said.is_empty(),
        [any, rest @ ..] if any == "..." => {
            (0..=said.len()).any(|skip| matches(rest, said.get(skip..).unwrap()))
        }
        [one, rest @ ..] => {
            said.split_first().is_some_and(|(first, tail)| line_matches(one, first) && matches(rest, tail))
        }
    }
}

fn line_matches(says: &str, said: &str) -> bool {
    let mut parts = says.split("...");
    let Some(mut rest) = parts.next().and_then(|first| said.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.split_at(at + part.len()).1;
    }
    rest.ends_with(last)
}

/// The sensor, by the file that its number is kept in; ended with the test.
struct Sensor<'a>(&'a Path);

impl Drop for Sensor<'_> {
    fn drop(&mut self) {
        let Ok(pid) = fs::read_to_string(self.0) else { return };
        let Ok(pid) = pid.trim().parse() else { return };
        // It may have ended by itself.
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM).ok();
    }
}

/// What it prints, on standard output and standard error.
fn run(folder: &Path, command: &str) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_guardbee")).parent().unwrap();
    let path = env::join_paths(
        [binary.to_owned()].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &format!("exec 2>&1; {command}")]).current_dir(folder).env("PATH", path.unwrap());
    without_settings(&mut bash);
    let output = bash.output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_document_is_true() {
    need_root();
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/first-rule.md");
    let document = fs::read_to_string(document).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let pid = folder.path().join("pid");
    let _sensor = Sensor(&pid);
    let mut commands = 0;
    for step in steps(&document) {
        let (line, command, says, waits) = match step {
            Step::File(name, text) => {
                fs::write(folder.path().join(name), text).unwrap();
                continue;
            }
            Step::Command { line, command, says, waits } => (line, command, says, waits),
        };
        commands += 1;
        let deadline = Instant::now() + SOON;
        loop {
            let said = run(folder.path(), &command);
            if matches(&says, &said.lines().collect::<Vec<_>>()) {
                break;
            }
            let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            assert!(
                waits && Instant::now() < deadline,
                "docs/first-rule.md:{line}: `{command}` says\n{said}\nand not\n{}\nthe sensor's log:\n{log}",
                says.join("\n")
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    println!("commands: {commands}");
}

#[test]
fn dots_stand_for_anything() {
    let says = |text: &[&str]| text.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    for (right, pattern, said) in [
        (true, says(&["a ... c"]), vec!["a b c"]),
        (false, says(&["a ... c"]), vec!["a b d"]),
        (true, says(&["...", "b", "..."]), vec!["x", "b"]),
        (false, says(&["a"]), vec!["a", "b"]),
        (true, says(&["... b ..."]), vec!["a b c b d"]),
        (false, says(&["a...a"]), vec!["a"]),
        (true, says(&[]), vec![]),
    ] {
        assert_eq!(matches(&pattern, &said), right, "{pattern:?} {said:?}");
    }
}
