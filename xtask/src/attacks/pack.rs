//! The rules of the sensor before which drivers are tried: those that ship, as they are, but for how long some learn.
use super::driver::{Driver, rule_file};
use crate::accept::lab::Lab;
use anyhow::{Context as _, ensure};
use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

const LEARN: &str = "learn: ";

/// For drivers of one sensor. What is usual is learned for days; where drivers say so, for seconds, and nothing else is changed.
pub(super) fn of(lab: &Lab, drivers: &[Driver]) -> anyhow::Result<PathBuf> {
    let shipped = lab.root.join("rules");
    let Some(seconds) = drivers.iter().find_map(|driver| driver.learn) else { return Ok(shipped) };
    let copy = lab.folder("rules")?.join("rules");
    let copied = Command::new("cp").arg("-r").arg(&shipped).arg(&copy).status()?;
    ensure!(copied.success(), "copy the rules");
    let names: BTreeSet<&String> = drivers.iter().flat_map(|driver| &driver.rules).collect();
    for name in names {
        let path = rule_file(&copy, name)?;
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let text = shortened(&text, seconds).with_context(|| format!("shorten how long {name} learns"))?;
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(copy)
}

fn shortened(rule: &str, seconds: u32) -> anyhow::Result<String> {
    let count = rule.matches(LEARN).count();
    ensure!(count == 1, "it says `{LEARN}` {count} times, not once");
    let (before, rest) = rule.split_once(LEARN).context("it does not learn")?;
    let (_, after) = rest.split_at(rest.find([',', '}', '\n']).unwrap_or(rest.len()));
    Ok(format!("{before}{LEARN}{seconds}s{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_time_is_changed() {
        let rule = "baseline: {by: [a], learn: 3d, forget: 30d}\n";
        assert_eq!(shortened(rule, 2).unwrap(), "baseline: {by: [a], learn: 2s, forget: 30d}\n");
        assert_eq!(shortened("  learn: 3d\n  forget: 30d\n", 2).unwrap(), "  learn: 2s\n  forget: 30d\n");
        assert!(shortened("title: x\n", 2).is_err() && shortened(&rule.repeat(2), 2).is_err());
    }
}
