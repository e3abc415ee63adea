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
/// were done with the same engine on the same rules are not done again. The test command has a hundredth of it.
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
    let ledger = Ledger::of(lab, folder)?;
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

/// What the engine and the test are made of, and our own rules.
const SOURCES: [&str; 7] = [
    "sensor/model",
    "sensor/rules",
    "sensor/yaml",
    "rules",
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
];

/// Turns that were done with one engine and one folder of public rules, by the objects that git has of all of it: a file below `target`.
struct Ledger {
    file: PathBuf,
    compared: String,
}

impl Ledger {
    fn of(lab: &Lab, folder: &Path) -> anyhow::Result<Self> {
        let objects = SOURCES.map(|source| format!("HEAD:{source}"));
        let mut sources = git(lab, |git| git.arg("rev-parse").args(objects))?;
        if !git(lab, |git| git.args(["status", "--porcelain"]).args(SOURCES))?.is_empty() {
            // What is not committed has no name: nothing is known of it.
            write!(sources, " and changes of {}", std::process::id())?;
        }
        let public = tree(lab, folder)?;
        Ok(Self {
            file: lab.root.join("target/pairs"),
            compared: format!("{sources} {public}").replace('\n', " "),
        })
    }

    fn done(&self) -> usize {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        let done = text.strip_prefix(&self.compared).and_then(|turns| turns.trim().parse().ok());
        done.unwrap_or_default()
    }

    fn add(&self, turns: usize) -> anyhow::Result<()> {
        fs::write(&self.file, format!("{} {turns}\n", self.compared))
            .with_context(|| format!("write {}", self.file.display()))
    }
}

/// What git says in the checkout.
fn git(lab: &Lab, told: impl FnOnce(&mut Command) -> &mut Command) -> anyhow::Result<String> {
    let mut git = Command::new("git");
    let output = told(git.current_dir(&lab.root)).output().context("start git")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{git:?}: {}: {}", output.status, complaint.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The name that git gives to what a folder holds, which needs be no checkout.
fn tree(lab: &Lab, folder: &Path) -> anyhow::Result<String> {
    let store = tempfile::tempdir_in(lab.dir.path())?;
    let within = |git: &mut Command| {
        git.env("GIT_DIR", store.path()).env("GIT_WORK_TREE", folder);
    };
    git(lab, |git| git.args(["init", "--quiet", "--bare"]).arg(store.path()))?;
    git(lab, |git| {
        within(git);
        git.current_dir(folder).args(["add", "--all", "--force", "."])
    })?;
    git(lab, |git| {
        within(git);
        git.arg("write-tree")
    })
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
        let ledger =
            |compared: &str| Ledger { file: folder.path().join("pairs"), compared: compared.to_owned() };
        assert_eq!(ledger("a").done(), 0);
        ledger("a").add(3).unwrap();
        assert_eq!(ledger("a").done(), 3);
        assert_eq!(ledger("b").done(), 0);
    }

    #[test]
    fn a_folder_is_known_by_what_it_holds() {
        let lab = Lab::without_targets(None, false).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let known = || tree(&lab, folder.path()).unwrap();
        put("a.yml", "title: a");
        put(".gitignore", "*.yml");
        let first = known();
        assert_eq!(known(), first);
        put("a.yml", "title: b");
        assert_ne!(known(), first);
        put("a.yml", "title: a");
        assert_eq!(known(), first);
        put("b.yml", "title: a");
        assert_ne!(known(), first);
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
