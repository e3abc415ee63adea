//! `guardbee policy`.
mod explain;

use crate::{
    ConfigArgs, PROBLEMS,
    rules::{problem_json, show},
    terminal::{self, Tone},
};
use anyhow::{Context as _, bail};
use clap::Subcommand;
use guardbee_agent::{config, policies};
use guardbee_policy::{Policy, PolicySet};
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Load policies, and say of each where it holds and what holds there, and whether it can apply on a node.
    ///
    /// Exit code 1: policies have errors.
    Check {
        /// Policy files, or folders of them; default: those that are configured.
        paths: Vec<PathBuf>,
        #[command(flatten)]
        config: ConfigArgs,
        /// One JSON document instead of the table.
        #[arg(long)]
        json: bool,
    },
    /// Which policy holds in a cgroup, and why: each policy with the conditions that hold and that don't.
    ///
    /// Exit code 1: policies have errors.
    Explain(explain::Args),
    /// Print a JSON Schema of policy files, for editors.
    Schema,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check { paths, config, json } => check(paths, config, *json),
        Command::Explain(args) => explain::run(args),
        Command::Schema => {
            out!("{}", guardbee_policy::schema());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The policies of these files, or those that are configured. [`None`]: their errors were printed.
fn load(paths: &[PathBuf], args: &ConfigArgs, json: bool) -> anyhow::Result<Option<PolicySet>> {
    let configured;
    let paths = if paths.is_empty() {
        let (config, _) = config::load(args.config.as_deref(), std::env::vars(), &args.set)?;
        configured = config.policies;
        &*configured
    } else {
        paths
    };
    if paths.is_empty() {
        bail!("no policies are configured (setting `policies`): name a file or a folder of them");
    }
    match policies::load(paths).context("read policies")? {
        Ok(set) => Ok(Some(set)),
        Err(problems) => {
            if json {
                let problems: Vec<_> = problems.iter().map(problem_json).collect();
                outln!("{:#}", json!({ "problems": problems }));
            } else {
                problems.iter().for_each(show);
                outln!("{} problems", problems.len());
            }
            Ok(None)
        }
    }
}

fn check(paths: &[PathBuf], config: &ConfigArgs, json: bool) -> anyhow::Result<ExitCode> {
    let Some(set) = load(paths, config, json)? else { return Ok(ExitCode::from(PROBLEMS)) };
    if json {
        let problems: Vec<_> = set.warnings().iter().map(problem_json).collect();
        let policies: Vec<_> = set.policies().iter().map(policy_json).collect();
        let default = policy_json(set.default_policy());
        let nowhere: Vec<_> = set.observed_nowhere().collect();
        outln!(
            "{:#}",
            json!({ "policies": policies, "default": default, "observed_nowhere": nowhere, "problems": problems })
        );
    } else {
        set.warnings().iter().for_each(show);
        let default = row(set.default_policy(), "everywhere else, and until it is known where");
        let rows: Vec<_> =
            set.policies().iter().map(|policy| row(policy, &policy.scope())).chain([default]).collect();
        out!("{}", terminal::table(&rows));
        let count = set.policies().iter().filter(|policy| policy.can_apply().is_err()).count();
        outln!("{} policies and the default, {count} can't apply here", set.policies().len());
        let nowhere: Vec<_> = set.observed_nowhere().collect();
        if !nowhere.is_empty() {
            outln!("observed nowhere, so never attached: {}", nowhere.join(" "));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(policy: &Policy, scope: &str) -> Vec<(String, Tone)> {
    let (word, tone) = match policy.can_apply() {
        Ok(()) => (policy.terms.describe(), Tone::Plain),
        Err(why) => (format!("can't apply on this node: {why}"), Tone::Warn),
    };
    vec![(policy.name.to_string(), Tone::Good), (scope.to_owned(), Tone::Plain), (word, tone)]
}

fn policy_json(policy: &Policy) -> Value {
    let terms = &policy.terms;
    let throttle = terms
        .throttle
        .map(|throttle| json!({ "events_per_second": throttle.events_per_second, "burst": throttle.burst }));
    json!({
        "name": policy.name,
        "description": policy.description,
        "file": policy.file,
        "line": policy.line,
        "match": policy.scope(),
        "can_apply": policy.can_apply().is_ok(),
        "why_not": policy.can_apply().err(),
        "payload": terms.payload,
        "leaves_out": terms.left_out().collect::<Vec<_>>(),
        "throttle": throttle,
    })
}
