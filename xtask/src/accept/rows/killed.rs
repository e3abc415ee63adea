//! Row e: both halves killed with -9 at random moments under load; a normal stop leaves nothing.
mod ledger;

use super::{Judged, part};
use crate::accept::{
    driver, export,
    lab::Lab,
    process::{self, wait_for},
    sensor::{Options, Sensor},
    table::{Line, Table, Verdict},
    target::{Server, Target},
};
use anyhow::{Context as _, ensure};
use ledger::Account;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

const KILLS: usize = 50;
const RESTART_LIMIT: Duration = Duration::from_secs(20);
/// An action is a finding by then.
const SETTLE: Duration = Duration::from_secs(2);
/// Events of a kind that may be in hand, or come, when the last pipeline ends.
const REST: u64 = 100;
/// From the loader's death to the pipeline's end.
const BLIND_LIMIT: Duration = Duration::from_secs(1);

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let names = ["pipeline killed", "produced = delivered + counted"];
    if names.iter().any(|name| lab.wanted(name)) {
        let began = Instant::now();
        let killed = pipeline_killed(lab)?;
        for (name, (passed, figure)) in names.into_iter().zip([killed.told(), killed.adds_up()]) {
            table.add(Line::new('e', name, Verdict::of(passed), figure, began));
        }
    }
    part(lab, table, 'e', "loader killed", || loader_killed(lab));
    part(lab, table, 'e', "a stop leaves nothing", || stopped(lab));
    Ok(())
}

/// Attacks all the time while `work` runs; gives what it found, and the nonces of the attacks.
fn under_load<T>(lab: &Lab, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, Vec<String>)> {
    let target = Target::start(lab, Server::Fork)?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut nonces = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let truth = driver::drive(lab, target.port, 10, 2)?;
                nonces.extend(truth.nonces().into_iter().map(str::to_owned));
            }
            anyhow::Ok(nonces)
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        let nonces = load.join().map_err(|_| anyhow::anyhow!("the load panicked"))??;
        Ok((result?, nonces))
    })
}

/// Some moment between 50 and 550 ms, other ones in each run.
fn random_moment(number: usize) {
    let seed = u64::from(std::process::id())
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(number as u64 * 104_729);
    std::thread::sleep(Duration::from_millis(50 + (seed >> 7) % 500));
}

/// What the pipelines said, and which attacks they delivered.
struct Killed {
    gaps: Vec<Value>,
    stop: Value,
    attacks: usize,
    found: usize,
}

fn pipeline_killed(lab: &Lab) -> anyhow::Result<Killed> {
    let sensor = Sensor::start(lab, &Options::default())?;
    let ((), nonces) = under_load(lab, || {
        for number in 0..KILLS {
            random_moment(number);
            let (_, pipeline) = sensor.loader_and_pipeline()?;
            process::signal(pipeline, Signal::SIGKILL)?;
            let ready = || sensor.log().matches("guardbee: ready").count() > number + 1;
            ensure!(wait_for(RESTART_LIMIT, ready), "after kill {} no new pipeline was ready", number + 1);
        }
        Ok(())
    })?;
    // The last attacks come through.
    std::thread::sleep(SETTLE);
    let (records, mut findings) = (sensor.records.clone(), sensor.findings());
    sensor.stop()?;
    findings.read();
    let seen: BTreeSet<&str> = findings.list.iter().filter_map(|finding| finding.nonce.as_deref()).collect();
    let found = nonces.iter().filter(|nonce| seen.contains(nonce.as_str())).count();
    let (mut gaps, mut stops) = (Vec::new(), Vec::new());
    for record in export::logs(&records) {
        match record["eventName"].as_str() {
            Some("guardbee.gap") => gaps.push(record),
            Some("guardbee.stop") => stops.push(record),
            _ => {}
        }
    }
    let stop = stops.pop().context("the last pipeline did not sign its end")?;
    Ok(Killed { gaps, stop, attacks: nonces.len(), found })
}

impl Killed {
    fn told(&self) -> (bool, String) {
        // The loader counts its pipelines: each gap names another one, none is missing.
        let numbers: BTreeSet<&str> = self
            .gaps
            .iter()
            .filter_map(|gap| export::attribute(gap, "guardbee.previous.pipelines"))
            .collect();
        let counted = self
            .gaps
            .iter()
            .filter(|gap| export::attribute(gap, "guardbee.previous.produced.exec").is_some())
            .count();
        let passed = self.gaps.len() == KILLS && numbers.len() == KILLS && counted == KILLS;
        (passed, format!("{KILLS} kills, {} gaps, {counted} with the kernel's counters", self.gaps.len()))
    }

    /// For each kind: what the kernel half gave is what was delivered, what died with a pipeline, what was lost before, and
    /// what came at the very end. And the attacks that nobody delivered are among those that died.
    fn adds_up(&self) -> (bool, String) {
        let kinds: BTreeSet<String> = export::by_kind(&self.stop, "guardbee.produced.").into_keys().collect();
        let (mut passed, mut figures, mut died_execs) = (!kinds.is_empty(), Vec::new(), 0);
        for kind in &kinds {
            let account = ledger::account(&self.gaps, &self.stop, kind);
            passed &= account.as_ref().is_ok_and(|account| account.rest <= REST);
            figures.push(match account {
                Ok(Account { produced, delivered, died, lost, rest }) => {
                    died_execs += if kind == "exec" { died + lost } else { 0 };
                    format!("{kind} {produced} = {delivered} + {died} + {lost} + {rest}")
                }
                Err(error) => format!("{kind}: {error:#}"),
            });
        }
        let missing = self.attacks - self.found;
        passed &= missing as u64 <= died_execs && self.found != 0;
        let figure = format!(
            "{} (delivered + died with a pipeline + lost + at the end); of {} attacks {missing} have no finding",
            figures.join(", "),
            self.attacks
        );
        (passed, figure)
    }
}

fn named(records: &Path, event: &str) -> Vec<Value> {
    let mut found = export::logs(records);
    found.retain(|record| record["eventName"] == event);
    found
}

fn loader_killed(lab: &Lab) -> Judged {
    let (mut blind, mut slowest) = (0, Duration::ZERO);
    under_load(lab, || {
        for number in 0..KILLS {
            let mut sensor = Sensor::start(lab, &Options::default())?;
            random_moment(number);
            let (loader, pipeline) = sensor.loader_and_pipeline()?;
            process::signal(loader, Signal::SIGKILL)?;
            let killed = Instant::now();
            let gone = || process::ended(pipeline);
            ensure!(wait_for(RESTART_LIMIT, gone), "the pipeline outlived its loader");
            slowest = slowest.max(killed.elapsed());
            sensor.wait_end(RESTART_LIMIT)?;
            let said = named(&sensor.records, "guardbee.blind");
            blind += usize::from(
                said.iter().any(|one| export::attribute(one, "guardbee.blind_since_boot_ns").is_some()),
            );
        }
        Ok(())
    })
    .map(drop)?;
    let figure = format!(
        "{KILLS} kills, {blind} signed blind_since, pipeline gone after at most {} ms",
        slowest.as_millis()
    );
    Ok((blind == KILLS && slowest <= BLIND_LIMIT, figure))
}

/// What of BPF the kernel holds, by kind: `bpftool KIND show`.
fn held() -> anyhow::Result<Vec<(&'static str, BTreeSet<String>)>> {
    let ids = |kind: &'static str| {
        let out = Command::new("bpftool").args([kind, "show"]).output().context("start bpftool")?;
        ensure!(out.status.success(), "bpftool {kind} show: {}", String::from_utf8_lossy(&out.stderr));
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let first = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        Ok((kind, first.map(str::to_owned).collect()))
    };
    ["prog", "map", "link"].into_iter().map(ids).collect()
}

fn stopped(lab: &Lab) -> Judged {
    let before = held()?;
    let sensor = Sensor::start(lab, &Options::default())?;
    let during = held()?;
    sensor.stop()?;
    let mut left = Vec::new();
    // The kernel frees programs a grace period after their last user.
    let clean = wait_for(Duration::from_secs(5), || {
        left = held().map(|after| surplus(&before, &after)).unwrap_or_default();
        left.is_empty()
    });
    let loaded = surplus(&before, &during).len();
    ensure!(loaded != 0, "the sensor held no program, map or link while it ran: this says nothing");
    Ok((
        clean,
        format!("{loaded} programs, maps and links while it ran, {} left: {}", left.len(), left.join(" | ")),
    ))
}

fn surplus(
    before: &[(&'static str, BTreeSet<String>)],
    after: &[(&'static str, BTreeSet<String>)],
) -> Vec<String> {
    let pairs = before.iter().zip(after);
    pairs
        .flat_map(|((kind, old), (_, new))| new.difference(old).map(move |id| format!("{kind} {id}")))
        .collect()
}
