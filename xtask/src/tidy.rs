//! House rules that no other tool checks: a file says what it is for, stays small, and leaves nothing open.
use anyhow::{Context as _, ensure};
use std::{path::Path, process::Command};

/// Longer files are split.
const MAX_LINES: usize = 700;

pub(crate) fn check() -> anyhow::Result<()> {
    let out =
        Command::new("git").args(["ls-files", "*.rs", "*.c", "*.h"]).output().context("run git ls-files")?;
    let mut wrong = Vec::new();
    for path in String::from_utf8_lossy(&out.stdout).lines() {
        let Ok(text) = std::fs::read_to_string(path) else { continue }; // deleted, not committed yet
        let lines = text.lines().count();
        if lines > MAX_LINES {
            wrong.push(format!("{path}: {lines} lines; split it, {MAX_LINES} is the bound"));
        }
        let rust = Path::new(path).extension().is_some_and(|extension| extension == "rs");
        if rust && !text.starts_with("//!") {
            wrong.push(format!("{path}: the first line must say what the file is for (`//! ...`)"));
        }
        let licensed = ["/* SPDX-License-Identifier: ", "// SPDX-License-Identifier: "];
        if !rust && path.starts_with("bpf/") && !licensed.iter().any(|start| text.starts_with(start)) {
            wrong.push(format!("{path}: the first line must name the licence"));
        }
        for (number, line) in text.lines().enumerate() {
            if path != "xtask/src/tidy.rs"
                && ["TODO", "FIXME", "XXX", "HACK"].iter().any(|word| line.contains(word))
            {
                wrong.push(format!("{path}:{}: left open: do it, or write an issue", number + 1));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
