//! Row c: the same as the oracle, and the same as an independent engine but for what the specification explains.
use super::{corpora, number, peer};
use crate::accept::{
    lab::Lab,
    rows::{Judged, part},
    suite::Suite,
    table::Table,
};
use anyhow::{Context as _, ensure};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// Pairs of a rule and an event, and how many of them are compared in a turn: eighty minutes of a core, eight for each. Turns that
/// were done with the same engine are not done again. The test command has a hundredth of it.
const PAIRS: usize = 10_000_000_000;
const TURN: usize = 1_000_000_000;
/// Of a turn; most of the first one's is the compiler's.
const LIMIT: Duration = Duration::from_mins(30);

/// Rules on which the other engine differs, and what the specification says of it.
const EXPLAINED: &[(&str, &str)] = &[];

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let folder = corpora(lab)?.join("sigma");
    part(lab, table, 'c', "oracle", || oracle(lab, &folder));
    part(lab, table, 'c', "independent engine", || independent(&peer(lab, "equal", &folder, &[])?));
    Ok(())
}

/// The turns that are left, one after another.
fn oracle(lab: &Lab, folder: &Path) -> Judged {
    let ledger = Ledger::of(lab)?;
    let mut figure = "all before".to_owned();
    for turn in ledger.done()..PAIRS / TURN {
        let mut command = Command::new("cargo");
        command.args(["test", "--quiet", "--release", "--package", "guardbee-rules", "--test", "pairs"]);
        command.args(["--", "--nocapture"]).env("GUARDBEE_SIGMA_CORPUS", folder);
        command.env("GUARDBEE_PAIRS", TURN.to_string()).env("GUARDBEE_SEED", turn.to_string());
        let suite = Suite::of(lab, "pairs", command, LIMIT)?;
        ensure!(suite.passed, "{}", suite.complaint());
        let pairs = number(&suite, "pairs: ")?;
        ensure!(pairs >= TURN, "{pairs} pairs of {TURN}");
        ledger.add(turn + 1)?;
        let (compared, rules) = (number(&suite, "compared: ")?, number(&suite, "rules: ")?);
        let (events, matches) = (number(&suite, "events: ")?, number(&suite, "matches: ")?);
        figure = format!("the last turn: {compared} rules of {rules} and {events} events, {matches} matches");
        println!("    {} of {PAIRS} pairs; {figure}", (turn + 1) * TURN);
    }
    let figure = format!(
        "{PAIRS} pairs of a rule and an event of its kind, the oracle says the same of each; {figure}"
    );
    Ok((ledger.done() * TURN >= PAIRS, figure))
}

/// What the engine is made of, and what it is compared on.
const SOURCES: [&str; 3] = ["sensor", "rules", "Cargo.lock"];

/// Turns that were done with one engine, by the objects that git has of its sources: a file below `target`.
struct Ledger {
    file: PathBuf,
    engine: String,
}

impl Ledger {
    fn of(lab: &Lab) -> anyhow::Result<Self> {
        let git = |args: &[&str]| -> anyhow::Result<String> {
            let output = Command::new("git").args(args).current_dir(&lab.root).output()?;
            ensure!(output.status.success(), "git {}: {}", args.join(" "), output.status);
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let objects = SOURCES.map(|source| format!("HEAD:{source}"));
        let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
        let mut engine = git(&[&["rev-parse"], objects.as_slice()].concat())?.replace('\n', " ");
        if !git(&[&["status", "--porcelain"], SOURCES.as_slice()].concat())?.is_empty() {
            // What is not committed has no name: nothing is known of it.
            write!(engine, " and changes of {}", std::process::id())?;
        }
        Ok(Self { file: lab.root.join("target/pairs"), engine })
    }

    fn done(&self) -> usize {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        let done = text.strip_prefix(&self.engine).and_then(|turns| turns.trim().parse().ok());
        done.unwrap_or_default()
    }

    fn add(&self, turns: usize) -> anyhow::Result<()> {
        fs::write(&self.file, format!("{} {turns}\n", self.engine))
            .with_context(|| format!("write {}", self.file.display()))
    }
}

/// Every difference is explained, and there is something to compare.
fn independent(suite: &Suite) -> Judged {
    let mut unexplained = Vec::new();
    for line in suite.text.lines().filter_map(|line| line.strip_prefix("difference: ")) {
        match EXPLAINED
            .iter()
            .find(|(title, _)| line.split_once(": ours").is_some_and(|(is, _)| is == *title))
        {
            Some((_, why)) => println!("    | {line} | {why} |"),
            None => unexplained.push(line),
        }
    }
    for line in suite.text.lines().filter(|line| line.starts_with("not compared: ")) {
        println!("    {line}");
    }
    let (rules, matches) = (number(suite, "rules: ")?, number(suite, "matches: ")?);
    let figure = format!(
        "rsigma 0.23.0: {} pairs, {rules} of {} public rules and {} events, {matches} matches of both, of {} rules; {} rules differ, {} \
         of them without an explanation by the specification{}",
        number(suite, "pairs: ")?,
        number(suite, "files: ")?,
        number(suite, "events: ")?,
        number(suite, "rules that matched: ")?,
        number(suite, "differing rules: ")?,
        unexplained.len(),
        unexplained.first().map_or(String::new(), |first| format!(": {first}"))
    );
    Ok((unexplained.is_empty() && matches > 0, figure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_of_an_engine() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = |engine: &str| Ledger { file: folder.path().join("pairs"), engine: engine.to_owned() };
        assert_eq!(ledger("a").done(), 0);
        ledger("a").add(3).unwrap();
        assert_eq!(ledger("a").done(), 3);
        assert_eq!(ledger("b").done(), 0);
    }

    #[test]
    fn a_difference_that_nothing_explains_fails() {
        let suite = |differing: &str| Suite {
            passed: true,
            text: format!(
                "files: 3\nrules: 2\nrules that matched: 2\nnot compared: 1 for keywords\nevents: 5\npairs: 10\nmatches: 4\n\
                 differing rules: 1\n{differing}"
            ),
        };
        assert!(independent(&suite("")).is_ok_and(|(passed, _)| passed));
        let judged = independent(&suite("difference: A rule: ours alone 1, theirs alone 0, such as {}"));
        assert!(judged.is_ok_and(|(passed, figure)| !passed && figure.contains("A rule: ours alone 1")));
    }
}
