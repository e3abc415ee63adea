//! What the crates' own tests say, run as anybody would run them: bounded, and ended with the harness.
use super::{lab::Lab, process::Process};
use std::{process::Command, time::Duration};

/// A finished command and what it printed.
pub(crate) struct Suite {
    pub(crate) passed: bool,
    pub(crate) text: String,
}

impl Suite {
    /// `cargo test` of one package; `args` from the target on.
    pub(crate) fn run(lab: &Lab, package: &str, args: &[&str], limit: Duration) -> anyhow::Result<Self> {
        let mut command = Command::new("cargo");
        command.args(["test", "--quiet", "--package", package]).args(args);
        Self::of(lab, package, command, limit)
    }

    /// Any command, in the checkout.
    pub(crate) fn of(lab: &Lab, name: &str, mut command: Command, limit: Duration) -> anyhow::Result<Self> {
        command.current_dir(&lab.root);
        let mut process = Process::start(name, command, lab.folder(name)?.join("log"))?;
        let passed = process.wait_end(limit)?.success();
        Ok(Self { passed, text: process.log() })
    }

    /// The number behind each `word`, wherever in a line: test harnesses print around it.
    pub(crate) fn numbers(&self, word: &str) -> impl Iterator<Item = usize> {
        let after = self.text.lines().filter_map(move |line| line.split_once(word));
        after.filter_map(|(_, rest)| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        })
    }

    /// Why it did not pass: where it panicked, or its last words.
    pub(crate) fn complaint(&self) -> String {
        let mut lines = self.text.lines().skip_while(|line| !line.contains("panicked at"));
        let panicked: Vec<&str> = lines.by_ref().take(2).collect();
        let said = if panicked.is_empty() { self.text.lines().rev().take(3).collect() } else { panicked };
        said.join(" | ").chars().take(300).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_complaints() {
        let text = "running 2 tests\n.cases: 12\ncases: 3\nthread 'a' panicked at a.rs:1:\nwrong\nnote\n";
        let suite = Suite { passed: false, text: text.into() };
        assert_eq!(suite.numbers("cases: ").sum::<usize>(), 15);
        assert_eq!(suite.complaint(), "thread 'a' panicked at a.rs:1: | wrong");
    }
}
