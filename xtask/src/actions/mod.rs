//! Public rules, shown by real actions: a sensor has loaded them, real programs do what they are about, and each rule must name the
//! process that did it, and must not find what is near.
//!
//! Carried out by what carries out attacks: the same yard, and an action is its own by the process tree in a finding.
mod table;

use crate::{
    accept::{
        lab::Lab,
        rules,
        sensor::{Options, Sensor},
    },
    attacks::{
        trial::{End, Ran, Script, Trial},
        yard::Yard,
    },
    process,
};
use anyhow::{Context as _, ensure};
use clap::{Parser, ValueEnum};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fmt::{self, Display, Formatter},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};
use table::Action;

/// Which rules, which of their actions, which binary.
#[derive(Parser)]
pub(crate) struct Args {
    /// Whose rules.
    rules: Rules,
    /// Only actions with this in their rule, their title, or the name of their program; may be given several times.
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// The folder with the public rules, `sigma/` and `falco/` below it.
    #[arg(long, value_name = "FOLDER")]
    corpus: Option<PathBuf>,
    /// The sensor; without: it is built, release.
    #[arg(long, value_name = "FILE")]
    guardbee: Option<PathBuf>,
    /// Keep the folders with configurations, logs and findings.
    #[arg(long)]
    keep: bool,
}

/// Whose rules.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Rules {
    /// As they are.
    Sigma,
    /// As they are imported, without exclusions that can't be said.
    Falco,
}

impl Rules {
    fn table(self, root: &Path) -> PathBuf {
        root.join("tests/actions").join(match self {
            Self::Sigma => "sigma.yaml",
            Self::Falco => "falco.yaml",
        })
    }

    fn loaded(self, lab: &Lab) -> anyhow::Result<Loaded> {
        let corpora = rules::corpora(lab)?;
        match self {
            Self::Sigma => Ok(Loaded { folder: corpora.join("sigma"), wider: BTreeSet::new() }),
            Self::Falco => imported(lab, &rules::falco_files(&corpora)?),
        }
    }
}

/// Rules as a sensor loads them.
struct Loaded {
    folder: PathBuf,
    /// Titles of those that were imported without exclusions that can't be said.
    wider: BTreeSet<String>,
}

fn imported(lab: &Lab, files: &[PathBuf]) -> anyhow::Result<Loaded> {
    let folder = lab.folder("imported")?;
    let mut command = Command::new(lab.guardbee());
    command
        .args(["rules", "import", "falco", "--without-exclusions", "--json", "--out"])
        .arg(&folder)
        .args(files);
    let done = command.output().context("start guardbee rules import")?;
    // 1: not every rule could be imported.
    let said = || String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(matches!(done.status.code(), Some(0 | 1)), "guardbee rules import: {}: {}", done.status, said());
    let report: Value = serde_json::from_slice(&done.stdout).context("read what rules import says")?;
    let rules = report["rules"].as_array().context("rules import lists no rules")?;
    let wider = rules.iter().filter(|rule| rule["left_out"].as_array().is_some_and(|list| !list.is_empty()));
    let wider = wider.filter_map(|rule| rule["name"].as_str().map(str::to_owned)).collect();
    Ok(Loaded { folder, wider })
}

/// Carries out the actions and prints a line for each. An error if one of them isn't as it must be.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let mut lab = Lab::without_targets(None, args.keep)?;
    (lab.corpus, lab.given) = (args.corpus, args.guardbee);
    let wanted = |action: &Action| {
        let texts = [&action.rule, &action.about, &action.by];
        args.only.is_empty() || args.only.iter().any(|only| texts.iter().any(|text| text.contains(only)))
    };
    let summary = carry_out(&lab, args.rules, wanted)?;
    println!("{summary}");
    ensure!(summary.others.is_empty(), "to be mended");
    Ok(())
}

/// All of them, for a row that asks for so many rules.
pub(crate) fn shown(lab: &Lab, rules: Rules, goal: usize) -> anyhow::Result<(bool, String)> {
    let summary = carry_out(lab, rules, |_| true)?;
    Ok((summary.fired >= goal && summary.others.is_empty(), summary.to_string()))
}

fn carry_out(lab: &Lab, rules: Rules, wanted: impl Fn(&Action) -> bool) -> anyhow::Result<Summary> {
    lab.ready_sensor()?;
    let Loaded { folder, wider } = rules.loaded(lab)?;
    let mut actions = table::read(&rules.table(&lab.root))?;
    known(lab, &folder, &actions)?;
    actions.retain(wanted);
    ensure!(!actions.is_empty(), "no action has in it what --only says; see tests/actions");
    let yard = Yard::new(&lab.root, lab.keep, None)?;
    process::end_on_signals(vec![lab.dir.path().to_owned(), yard.dir().to_owned()])?;
    let elder = yard.elder()?;
    let sensor = Sensor::start(lab, &Options { packs: vec![folder], ..Options::default() })?;
    let mut trial = Trial::new(lab, &yard, &elder, &sensor);
    println!("{:<10} {:<7} {:>7}  what", "rule", "near", "seconds");
    let mut summary = Summary::default();
    for (number, action) in actions.iter().enumerate() {
        let began = Instant::now();
        let script = script(&yard, number, action)?;
        let verdict = judged(&mut trial, action, &script);
        let verdict = verdict.unwrap_or_else(|error| Verdict::Failed(format!("{error:#}")));
        verdict.print(action, began);
        summary.add(action, verdict, wider.contains(&action.rule));
    }
    sensor.stop()?;
    Ok(summary)
}

/// An error if the table names a rule that isn't there.
fn known(lab: &Lab, folder: &Path, actions: &[Action]) -> anyhow::Result<()> {
    let out = Command::new(lab.guardbee()).args(["rules", "check", "--json"]).arg(folder).output()?;
    let report: Value = serde_json::from_slice(&out.stdout).context("read what rules check says")?;
    let rules = report["rules"].as_array().context("rules check lists no rules")?;
    let text = |rule: &Value, key: &str| rule[key].as_str().unwrap_or_default().to_owned();
    let rules: Vec<_> = rules.iter().map(|rule| (text(rule, "id"), text(rule, "title"))).collect();
    let is_known = |action: &&Action| rules.iter().any(|(id, title)| action.is_of(id, title));
    let unknown: Vec<&str> =
        actions.iter().filter(|action| !is_known(action)).map(|action| action.rule.as_str()).collect();
    ensure!(unknown.is_empty(), "{} has no rules {}", folder.display(), unknown.join(", "));
    Ok(())
}

/// The action as a script, so that what it does is not on the script's own command line.
fn script(yard: &Yard, number: usize, action: &Action) -> anyhow::Result<Script> {
    let Action { about, before, does, near, .. } = action;
    let path = yard.actions().join(format!("action-{number:03}.sh"));
    let text = format!(
        "#!/bin/bash\n# {about}\n. \"$ACTIONS/lib.sh\"\nbefore() {{\n:\n{before}\n}}\ndoes() {{\n{does}\n}}\n\
         near() {{\n{near}\n}}\nplay \"$@\"\n"
    );
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(Script { path, id: number.to_string(), learn: None })
}

enum Verdict {
    /// The rule named the action's process, and said nothing of what is near.
    Fired,
    CannotRun(String),
    /// Not as it must be.
    Failed(String),
}

fn judged(trial: &mut Trial<'_>, action: &Action, script: &Script) -> anyhow::Result<Verdict> {
    let done = trial.run(script, "does")?;
    if let End::Cannot(why) = done.end {
        return Ok(Verdict::CannotRun(why));
    }
    trial.fence(&done)?;
    let named = named(trial, action, &done);
    ensure!(!named.is_empty(), "the rule did not find it: {}", others(trial, &done));
    let by: Vec<&str> = named.iter().map(String::as_str).collect();
    ensure!(named.contains(&action.by), "the rule is about {}, not {}", by.join(", "), action.by);
    let near = trial.run(script, "near")?;
    if let End::Cannot(why) = near.end {
        return Ok(Verdict::CannotRun(why));
    }
    trial.fence(&near)?;
    let mut named = self::named(trial, action, &near);
    if action.shell_too.is_some() {
        named.retain(|name| *name == action.by);
    }
    let by: Vec<&str> = named.iter().map(String::as_str).collect();
    ensure!(by.is_empty(), "the rule finds what is near, too: {}", by.join(", "));
    Ok(Verdict::Fired)
}

/// Executables of the script's processes that the rule's findings are about.
fn named(trial: &Trial<'_>, action: &Action, ran: &Ran) -> BTreeSet<String> {
    let about = trial.findings_of(ran).filter(|finding| {
        action.is_of(finding.text("/finding_info/analytic/uid"), finding.text("/finding_info/title"))
    });
    about
        .map(|finding| {
            let last = finding.event["evidences"].as_array().and_then(|list| list.last());
            let name = last.and_then(|last| last.pointer("/process/name")).and_then(Value::as_str);
            name.unwrap_or("a process without a name").to_owned()
        })
        .collect()
}

/// Rules that did find something of it, and what was lost.
fn others(trial: &Trial<'_>, ran: &Ran) -> String {
    let titles = trial.findings_of(ran).map(|finding| finding.text("/finding_info/title"));
    let titles: BTreeSet<&str> = titles.collect();
    let found = if titles.is_empty() {
        "no other did".to_owned()
    } else {
        format!("found by {}", titles.into_iter().collect::<Vec<_>>().join(", "))
    };
    found + &trial.lost_since(ran)
}

impl Verdict {
    fn print(&self, action: &Action, began: Instant) {
        let (rule, near, why) = match self {
            Self::Fired => ("fired", "silent", ""),
            Self::CannotRun(why) => ("can't run", "", why.as_str()),
            Self::Failed(why) => ("FAILED", "", why.as_str()),
        };
        let seconds = began.elapsed().as_secs_f64();
        let stand_in = action.stand_in.as_deref().map_or(String::new(), |why| format!(" [stand-in: {why}]"));
        let colon = if why.is_empty() { "" } else { ": " };
        let shell_too = action.shell_too.as_deref().map_or(String::new(), |why| format!(" [{why}]"));
        let Action { by, about, rule: name, .. } = action;
        println!(
            "{rule:<10} {near:<7} {seconds:>7.1}  {by}: {about} ({name}){stand_in}{shell_too}{colon}{why}"
        );
    }
}

/// All actions in a few numbers.
#[derive(Default)]
struct Summary {
    fired: usize,
    stand_ins: usize,
    /// Of those that fired: imported without exclusions.
    wider: usize,
    cannot_run: Vec<String>,
    others: Vec<String>,
}

impl Summary {
    fn add(&mut self, action: &Action, verdict: Verdict, wider: bool) {
        match verdict {
            Verdict::Fired => {
                self.fired += 1;
                self.stand_ins += usize::from(action.stand_in.is_some());
                self.wider += usize::from(wider);
            }
            Verdict::CannotRun(why) => self.cannot_run.push(format!("{} ({why})", action.about)),
            Verdict::Failed(_) => self.others.push(action.about.clone()),
        }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { fired, stand_ins, wider, cannot_run, others } = self;
        write!(
            f,
            "{fired} rules fired on their actions and not on what is near, {stand_ins} of them on stand-ins"
        )?;
        if *wider > 0 {
            write!(f, ", {wider} of them imported without exclusions that can't be said")?;
        }
        if !cannot_run.is_empty() {
            write!(f, "; can't run here: {}", cannot_run.join("; "))?;
        }
        if others.is_empty() { Ok(()) } else { write!(f, "; not as they must be: {}", others.join(", ")) }
    }
}
