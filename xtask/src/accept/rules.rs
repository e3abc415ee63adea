//! The rows of `rules`: public rules on records of a ring. What a row asks for and nothing shows yet is a line of its own that has
//! not passed.
mod equal;
mod floods;
mod newcomer;
mod portable;
mod recorded;
mod speed;
mod wrong;

use super::{
    lab::Lab,
    rows::{Row, part},
    suite::Suite,
    table::{Line, Table, Verdict},
};
use crate::actions::{self, Rules};
use anyhow::{Context as _, ensure};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// Names the folder with the public rules: `sigma/` and `falco/` are below it.
pub(crate) const VARIABLE: &str = "GUARDBEE_CORPORA";
/// The tests need a minute; the build may need more.
const LIMIT: Duration = Duration::from_mins(20);
/// Of Sigma's Linux rules, in hundredths.
const GOAL: usize = 87;

pub(crate) const ROWS: &[Row] = &[
    Row { letter: 'a', about: "Sigma's public rules", run: Some(sigma) },
    Row { letter: 'b', about: "Falco's public rules", run: Some(falco) },
    Row { letter: 'c', about: "equal to the oracle and to another engine", run: Some(equal::run) },
    Row { letter: 'd', about: "speed", run: Some(speed::run) },
    Row { letter: 'e', about: "floods and bombs", run: Some(floods::run) },
    Row { letter: 'f', about: "a newcomer's path", run: Some(newcomer::run) },
    Row { letter: 'g', about: "wrong rules", run: Some(wrong::run) },
];

/// The folder with the public rules.
pub(crate) fn corpora(lab: &Lab) -> anyhow::Result<PathBuf> {
    let named = lab.corpus.clone().or_else(|| env::var_os(VARIABLE).map(PathBuf::from));
    let folder = named.with_context(|| {
        format!("name the folder that has `sigma/` and `falco/` with --corpus or in {VARIABLE}")
    })?;
    folder.canonicalize().with_context(|| format!("find the public rules in {}", folder.display()))
}

/// Files of Falco's rules in the folder with the public rules, as Falco reads them: what is stable first.
pub(crate) fn falco_files(corpora: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let folder = corpora.join("falco");
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
        files.push(entry?.path());
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort_by_key(|path| (!path.ends_with("falco_rules.yaml"), path.clone()));
    Ok(files)
}

fn suite(lab: &Lab, test: &str, variable: &str, value: &Path) -> anyhow::Result<Suite> {
    let mut command = Command::new("cargo");
    command.args([
        "test",
        "--quiet",
        "--package",
        "guardbee-agent",
        "--test",
        "public_rules",
        "--",
        "--nocapture",
    ]);
    command.arg(test).env(variable, value);
    let suite = Suite::of(lab, test, command, LIMIT)?;
    for line in suite.text.lines().filter(|line| line.starts_with(['|', '-'])) {
        println!("    {line}");
    }
    ensure!(suite.passed, "{}", suite.complaint());
    Ok(suite)
}

/// Runs what compares our engine with an independent one, in a workspace of its own.
fn peer(lab: &Lab, what: &str, folder: &Path, more: &[PathBuf]) -> anyhow::Result<Suite> {
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--release", "--locked", "--manifest-path", "tests/peer/Cargo.toml"]);
    command.args(["--target-dir", "target/peer", "--", what]).arg(folder).args(more);
    let suite = Suite::of(lab, &format!("peer-{what}"), command, LIMIT)?;
    ensure!(suite.passed, "{}", suite.complaint());
    Ok(suite)
}

fn number(suite: &Suite, word: &str) -> anyhow::Result<usize> {
    suite.numbers(word).next().with_context(|| format!("the test did not print `{word}`"))
}

fn sigma(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    portable::run(lab, table);
    let began = Instant::now();
    let folder = corpora(lab)?.join("sigma");
    let suite = suite(lab, "sigma::", "GUARDBEE_SIGMA_CORPUS", &folder)?;
    let loaded = number(&suite, "loaded: ")?;
    let refused = number(&suite, "refused: ")?;
    let verdict = Verdict::of(loaded > 0 && refused == 0);
    table.add(Line::new('a', "all load", verdict, format!("{loaded} load, {refused} problems"), began));
    for (group, goal) in [("linux", GOAL), ("webserver", 100)] {
        let rules = number(&suite, &format!("{group} rules: "))?;
        let whole = number(&suite, &format!("{group} whole: "))?;
        let part = number(&suite, &format!("{group} in part: "))?;
        let hundredths = whole * 100 / rules.max(1);
        let verdict = if hundredths >= goal { Verdict::Pass } else { Verdict::Missed };
        let figure = format!(
            "{whole} of {rules} fire whole on decoded records ({hundredths} %, goal {goal} %), {part} in part; \
             the table above says what the others lack"
        );
        table.add(Line::new('a', format!("{group} rules on records"), verdict, figure, began));
    }
    part(lab, table, 'a', "60 rules by real actions", || actions::shown(lab, Rules::Sigma, 60));
    Ok(())
}

fn falco(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let began = Instant::now();
    let joined = env::join_paths(falco_files(&corpora(lab)?)?).context("name the files of Falco's rules")?;
    let suite = suite(lab, "falco::", "GUARDBEE_FALCO_CORPUS", Path::new(&joined))?;
    let (rules, imported) = (number(&suite, "rules: ")?, number(&suite, "imported: ")?);
    let whole = imported - number(&suite, "wider: ")?;
    let figure = format!(
        "{whole} of {rules}, {} more without exclusions that can't be said, the others refused with reasons: the table above",
        imported - whole
    );
    let verdict = Verdict::of(whole == rules && rules > 0);
    table.add(Line::new('b', "all are imported", verdict, figure, began));
    for (what, word) in [("fire on decoded records", "fire: "), ("near misses don't", "near misses: ")] {
        part(lab, table, 'b', what, || {
            let count = number(&suite, word)?;
            Ok((count == imported && imported > 0, format!("{count} of the {imported} that are imported")))
        });
    }
    part(lab, table, 'b', "40 rules by real actions", || actions::shown(lab, Rules::Falco, 40));
    Ok(())
}
