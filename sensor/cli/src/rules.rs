//! `guardbee rules`.
use crate::{PROBLEMS, rules_import, rules_replay, terminal};
use clap::Subcommand;
use guardbee_rules::RuleSet;
use std::{path::PathBuf, process::ExitCode, sync::Arc};
use terminal::Tone;

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Load rules, run the tests in them, and say which can fire on this kind of sensor.
    Check {
        /// Rule files, or folders of them; default: the shipped pack.
        paths: Vec<PathBuf>,
    },
    /// Make rules of ours from those of another engine, and say of each what became of it.
    #[command(subcommand)]
    Import(rules_import::Command),
    /// Run rules on a recording: what they find in it, and what they could not have found.
    Replay(rules_replay::Args),
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check { paths } => check(paths),
        Command::Import(command) => rules_import::run(command),
        Command::Replay(args) => rules_replay::run(args),
    }
}

fn check(paths: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let files = guardbee_agent::rule_files::read_or_shipped(paths)?;
    let set = match RuleSet::load(&files) {
        Ok(set) => Arc::new(set),
        Err(problems) => {
            for problem in &problems {
                println!("{}", terminal::paint(&problem.to_string(), Tone::Bad));
            }
            println!("{} problems in {} files", problems.len(), files.len());
            return Ok(ExitCode::from(PROBLEMS));
        }
    };
    for problem in set.warnings() {
        println!("{}", terminal::paint(&problem.to_string(), Tone::Warn));
    }
    let failures = list(&set);
    println!("{} rules in {} files, {failures} failed tests", set.rules().len(), files.len());
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::from(PROBLEMS) })
}

/// A line for each rule; gives the number of failed tests.
fn list(set: &Arc<RuleSet>) -> usize {
    let failed: Vec<_> = set
        .run_tests()
        .into_iter()
        .filter_map(|test| test.failure.map(|failure| (test.name, failure)))
        .collect();
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
            vec![
                (rule.info.level.name().to_owned(), Tone::Plain),
                (rule.info.title.to_string(), Tone::Plain),
                (format!("{} tests", rule.tests), Tone::Plain),
                (word, tone),
            ]
        })
        .collect();
    print!("{}", terminal::table(&rows));
    for (name, failure) in &failed {
        println!("{}", terminal::paint(&format!("test `{name}`: {failure}"), Tone::Bad));
    }
    failed.len()
}
