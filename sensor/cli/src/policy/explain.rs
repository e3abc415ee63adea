//! `guardbee policy explain`.
use super::load;
use crate::{
    ConfigArgs, PROBLEMS,
    terminal::{self, Tone},
};
use anyhow::{Context as _, bail};
use guardbee_agent::policies::{self, Spot};
use guardbee_policy::{Explained, Policy, PolicySet, Seen, Word};
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A cgroup's path as /proc/PID/cgroup shows it, whether there is one or not; a systemd unit or a container's id that
    /// has processes now. Default: every cgroup that has, a line each.
    subject: Option<String>,
    /// Policy files, or folders of them; default: those that are configured.
    #[arg(long, value_name = "PATH")]
    policies: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
    /// JSON instead of tables.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Some(set) = load(&args.policies, &args.config, args.json)? else {
        return Ok(ExitCode::from(PROBLEMS));
    };
    let spots = match args.subject.as_deref() {
        Some(path) if path.starts_with('/') => vec![Spot::of(path)],
        subject => found(subject)?,
    };
    if args.json {
        let all: Vec<_> = spots.iter().map(|spot| spot_json(&set, spot)).collect();
        outln!("{:#}", json!({ "cgroups": all }));
    } else if args.subject.is_some() {
        for spot in &spots {
            tell(&set, spot);
        }
    } else {
        let rows: Vec<_> = spots.iter().map(|spot| line(&set, spot)).collect();
        out!("{}", terminal::table(&rows));
    }
    Ok(ExitCode::SUCCESS)
}

/// Cgroups of this node that are of the unit, or in the container.
fn found(subject: Option<&str>) -> anyhow::Result<Vec<Spot>> {
    let mut spots = policies::on_this_node().context("look for cgroups in /proc")?;
    let Some(subject) = subject else { return Ok(spots) };
    spots.retain(|spot| spot.is_of(subject));
    if spots.is_empty() {
        bail!(
            "no process is in a unit or container `{subject}` now: `guardbee policy explain` lists what there is, and \
             takes the path of any cgroup"
        );
    }
    Ok(spots)
}

/// What a workload has named, without characters that control a terminal.
fn plain(name: &str) -> String {
    let letter =
        |letter: char| if letter.is_control() { letter.escape_default().collect() } else { vec![letter] };
    name.chars().flat_map(letter).collect()
}

/// Of a cgroup, what it is beside its path.
fn is_what(spot: &Spot) -> String {
    let Some(container) = &spot.container else { return plain(&spot.unit) };
    let id: String = container.id.chars().take(12).collect();
    let runtime = if container.runtime.is_empty() { "container" } else { &container.runtime };
    plain(&format!("{runtime} {id}"))
}

fn payload(payload: bool) -> (String, Tone) {
    let word = if payload { "payload read" } else { "payload never read" };
    (word.to_owned(), Tone::Plain)
}

fn line(set: &PolicySet, spot: &Spot) -> Vec<(String, Tone)> {
    let decision = set.decide(&spot.place());
    vec![
        (plain(&spot.path), Tone::Plain),
        (is_what(spot), Tone::Plain),
        (format!("{} processes", spot.processes), Tone::Plain),
        (set.policy(decision).name.to_string(), Tone::Good),
        payload(decision.payload),
    ]
}

fn policy<'a>(set: &'a PolicySet, explained: &Explained) -> &'a Policy {
    explained.policy.and_then(|at| set.policies().get(at)).unwrap_or_else(|| set.default_policy())
}

fn tell(set: &PolicySet, spot: &Spot) {
    let (decision, all) = set.explain(&spot.place());
    let holds = set.policy(decision);
    outln!("{}  {}", plain(&spot.path), is_what(spot));
    outln!("  {}: {}", terminal::paint(&holds.name, Tone::Good), holds.terms.describe());
    if holds.terms.payload && !decision.payload {
        let why =
            "payload is not read: a policy before it says never, and nothing here tells whether it holds";
        outln!("  {}", terminal::paint(why, Tone::Warn));
    }
    let mut rows = Vec::new();
    for one in &all {
        let policy = policy(set, one);
        let place = if policy.line > 0 { format!("{}:{}", policy.file, policy.line) } else { String::new() };
        let (word, tone) = word(one.word);
        let name = format!("  {word} {}", policy.name);
        rows.push(vec![(name, tone), (place, Tone::Plain), (String::new(), Tone::Plain)]);
        rows.extend(one.conditions.iter().map(condition));
    }
    out!("{}", terminal::table(&rows));
}

fn word(word: Word) -> (&'static str, Tone) {
    match word {
        Word::Holds => ("yes", Tone::Good),
        Word::Fails => ("no ", Tone::Plain),
        Word::Unknown => ("?  ", Tone::Warn),
        Word::TooLate => ("-  ", Tone::Plain),
    }
}

fn condition(seen: &Seen) -> Vec<(String, Tone)> {
    let (mark, tone) = word(seen.word);
    let tone = if seen.word == Word::Fails { Tone::Bad } else { tone };
    let line = (format!("line {}", seen.line), Tone::Plain);
    vec![(format!("      {mark} {}", plain(&seen.text)), tone), line, (plain(&seen.seen), Tone::Plain)]
}

fn spot_json(set: &PolicySet, spot: &Spot) -> Value {
    let (decision, all) = set.explain(&spot.place());
    let policies: Vec<_> = all
        .iter()
        .map(|one| {
            let conditions: Vec<_> = one
                .conditions
                .iter()
                .map(|seen| {
                    let Seen { text, line, word, seen } = seen;
                    json!({ "text": text, "line": line, "holds": word_json(*word), "seen": seen })
                })
                .collect();
            json!({ "name": policy(set, one).name, "holds": word_json(one.word), "conditions": conditions })
        })
        .collect();
    json!({
        "cgroup": spot.path,
        "unit": spot.unit,
        "container": spot.container.as_ref().map(|container| &container.id),
        "runtime": spot.container.as_ref().map(|container| &container.runtime),
        "processes": spot.processes,
        "policy": set.policy(decision).name,
        "payload": decision.payload,
        "policies": policies,
    })
}

fn word_json(word: Word) -> &'static str {
    match word {
        Word::Holds => "yes",
        Word::Fails => "no",
        Word::Unknown => "unknown",
        Word::TooLate => "too_late",
    }
}
