//! `guardbee rules`.
mod convert;
mod doctor;
mod explain;
mod new;
mod profile;
mod test;

use crate::{PROBLEMS, rules_import, rules_replay, terminal};
use clap::Subcommand;
use guardbee_agent::clock::SystemClock;
use guardbee_model::clock::Clock as _;
use guardbee_rules::{Listed, ListedBaseline, ListedException, Problem, RuleSet, Severity};
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode, sync::Arc};
use terminal::Tone;

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Load rules, run the tests in them, and say which can fire on this kind of sensor.
    Check {
        /// Rule files, or folders of them; default: the shipped pack.
        paths: Vec<PathBuf>,
        /// One JSON document instead of the table.
        #[arg(long)]
        json: bool,
    },
    /// Make Sigma of rules for other engines: without the `guardbee` block, and only if they mean the same without it.
    ///
    /// Exit code 1: not every file could be converted.
    Convert(convert::Args),
    /// Can each rule fire on this node: which events it needs, whether their hooks work, what it costs.
    ///
    /// As root the kernel half is loaded and tested, as by `guardbee doctor`. Exit code 1: a rule can't fire.
    Doctor(doctor::Args),
    /// Why does a rule match an event, or not: a tree of its conditions, each with what the event has.
    ///
    /// Exit code 1: rules or events have errors. Whether the rule matches changes nothing about it.
    Explain(explain::Args),
    /// Make rules of ours from those of another engine, and say of each what became of it.
    #[command(subcommand)]
    Import(rules_import::Command),
    /// Write a rule to begin with, with tests that pass.
    New(new::Args),
    /// What each rule costs on a recording, and how often it is evaluated and matches.
    Profile(profile::Args),
    /// Run rules on a recording: what they find in it, and what they could not have found.
    Replay(rules_replay::Args),
    /// Print a JSON Schema of rule files, for editors.
    Schema,
    /// Run the tests in rules, and say which branches of their detections no test reaches.
    ///
    /// Exit code 1: a test failed, or rules have errors.
    Test(test::Args),
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check { paths, json } => check(paths, *json),
        Command::Convert(args) => convert::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Import(command) => rules_import::run(command),
        Command::New(args) => new::run(args),
        Command::Profile(args) => profile::run(args),
        Command::Replay(args) => rules_replay::run(args),
        Command::Schema => {
            out!("{}", RuleSet::schema());
            Ok(ExitCode::SUCCESS)
        }
        Command::Test(args) => test::run(args),
    }
}

/// Rules for the workbench. [`None`]: their errors were printed.
fn load(paths: &[PathBuf], json: bool) -> anyhow::Result<Option<Arc<RuleSet>>> {
    let files = guardbee_agent::rule_files::read_or_shipped(paths)?;
    match RuleSet::load_outlined(&files) {
        Ok(set) => Ok(Some(Arc::new(set))),
        Err(problems) if json => {
            outln!("{:#}", json!({ "problems": problems.iter().map(problem_json).collect::<Vec<_>>() }));
            Ok(None)
        }
        Err(problems) => {
            problems.iter().for_each(show);
            outln!("{} problems in {} files", problems.len(), files.len());
            Ok(None)
        }
    }
}

pub(crate) fn show(problem: &Problem) {
    let tone = if problem.severity == Severity::Error { terminal::Tone::Bad } else { terminal::Tone::Warn };
    outln!("{}", terminal::paint(&problem.to_string(), tone));
}

pub(crate) fn problem_json(problem: &Problem) -> Value {
    let Problem { file, line, column, severity, message, remedy } = problem;
    let severity = if *severity == Severity::Error { "error" } else { "warning" };
    json!({
        "file": file,
        "line": line,
        "column": column,
        "severity": severity,
        "message": message,
        "remedy": remedy,
    })
}

fn check(paths: &[PathBuf], json: bool) -> anyhow::Result<ExitCode> {
    let Some(set) = load(paths, json)? else { return Ok(ExitCode::from(PROBLEMS)) };
    let failed: Vec<_> = set.run_tests().iter().filter_map(|test| test.failure().cloned()).collect();
    if json {
        let problems: Vec<_> = warnings(&set).iter().chain(&failed).map(problem_json).collect();
        let rules: Vec<_> = set.rules().iter().map(rule_json).collect();
        outln!("{:#}", json!({ "rules": rules, "problems": problems }));
    } else {
        warnings(&set).iter().for_each(show);
        list(&set);
        failed.iter().for_each(show);
        outln!("{} rules, {} failed tests", set.rules().len(), failed.len());
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(PROBLEMS) })
}

/// What the author should know, today.
fn warnings(set: &RuleSet) -> Vec<Problem> {
    let clock = SystemClock;
    let expired = set.expired(clock.wall_offset().wall(clock.boot()));
    set.warnings().iter().cloned().chain(expired).collect()
}

fn rule_json(rule: &Listed) -> Value {
    json!({
        "title": rule.info.title,
        "id": rule.info.id,
        "file": rule.info.source,
        "level": rule.info.level.name(),
        "risk": rule.info.risk,
        "tests": rule.tests,
        "can_fire": rule.can_fire.is_ok(),
        "why_not": rule.can_fire.as_ref().err(),
        "missing": rule.missing,
        "always": rule.always,
        "requires": rule.requires,
        "exceptions": rule.exceptions.iter().map(exception_json).collect::<Vec<_>>(),
        "baseline": rule.baseline.as_ref().map(baseline_json),
        "suppress": rule.suppression.as_ref().map(|one| json!({ "by": one.by, "seconds": one.seconds })),
    })
}

fn baseline_json(baseline: &ListedBaseline) -> Value {
    let ListedBaseline { by, per, learn_seconds, forget_seconds } = baseline;
    json!({ "by": by, "per": per, "learn_seconds": learn_seconds, "forget_seconds": forget_seconds })
}

fn exception_json(exception: &ListedException) -> Value {
    let ListedException { name, reason, expires } = exception;
    json!({ "name": name, "reason": reason, "expires": expires })
}

/// A line for each rule.
fn list(set: &RuleSet) {
    let rows: Vec<_> = set
        .rules()
        .into_iter()
        .map(|rule| {
            let (word, tone) = match &rule.can_fire {
                Ok(()) if !rule.missing.is_empty() => {
                    (format!("fires here in part: {}", rule.missing.join("; ")), Tone::Warn)
                }
                Ok(()) if rule.always => (
                    "fires here; no text must be there, so it is evaluated for every event".to_owned(),
                    Tone::Good,
                ),
                Ok(()) => ("fires here".to_owned(), Tone::Good),
                Err(why) => (format!("can't fire: {why}"), Tone::Warn),
            };
            let exceptions = match rule.exceptions.len() {
                0 => String::new(),
                1 => ", 1 exception".to_owned(),
                count => format!(", {count} exceptions"),
            };
            vec![
                (rule.info.level.name().to_owned(), Tone::Plain),
                (rule.info.title.to_string(), Tone::Plain),
                (format!("{} tests", rule.tests) + &exceptions, Tone::Plain),
                (word, tone),
            ]
        })
        .collect();
    out!("{}", terminal::table(&rows));
}
