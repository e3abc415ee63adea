//! Row e: both halves killed with -9 at random moments under load; a normal stop leaves nothing.
mod ledger;
mod left;

use super::{Judged, part};
use crate::accept::{
    driver::{self, Asked},
    export,
    lab::Lab,
    process::{self, wait_for},
    proof::Proof,
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
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

const KILLS: usize = 50;
const RESTART_LIMIT: Duration = Duration::from_secs(20);
/// An action is a finding by then.
const SETTLE: Duration = Duration::from_secs(2);
/// Events of a kind that may be in hand, or come, when the last pipeline ends.
const REST: u64 = 100;
/// What a sensor was given, and told to write; its log is the harness's.
const CONFIGURED: [&str; 5] = ["findings.jsonl", "guardbee.yaml", "log", "nonce.yml", "records.jsonl"];
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

/// Attacks all the time while `work` runs; gives what it found, and the attacks.
fn under_load<T>(lab: &Lab, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, Vec<Asked>)> {
    let target = Target::start(lab, Server::Fork)?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut attacks = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let truth = driver::drive(lab, target.port, 10, 2)?;
                attacks.extend(truth.asked.into_iter().filter(|asked| asked.attack));
            }
            anyhow::Ok(attacks)
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        let attacks = load.join().map_err(|_| anyhow::anyhow!("the load panicked"))??;
        Ok((result?, attacks))
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
    /// When each was killed.
    at: Vec<Instant>,
    gaps: Vec<Value>,
    stop: Value,
    attacks: usize,
    /// Those without a finding.
    missing: Vec<Asked>,
    /// All that they have sealed, what is said of it, and how many records that should be.
    path: PathBuf,
    proof: Proof,
    records: usize,
}

fn pipeline_killed(lab: &Lab) -> anyhow::Result<Killed> {
    let sensor = Sensor::start(lab, &Options::default())?;
    let (at, mut attacks) = under_load(lab, || {
        let mut at = Vec::new();
        for number in 0..KILLS {
            random_moment(number);
            let (_, pipeline) = sensor.loader_and_pipeline()?;
            at.push(Instant::now());
            process::signal(pipeline, Signal::SIGKILL)?;
            let ready = || sensor.log().matches("guardbee: ready").count() > number + 1;
            ensure!(wait_for(RESTART_LIMIT, ready), "after kill {} no new pipeline was ready", number + 1);
        }
        Ok(at)
    })?;
    // The last attacks come through.
    std::thread::sleep(SETTLE);
    let (path, key, mut findings) = (sensor.records.clone(), sensor.public_key.clone(), sensor.findings());
    sensor.stop()?;
    findings.read();
    let count = attacks.len();
    let seen: BTreeSet<&str> = findings.list.iter().filter_map(|finding| finding.nonce.as_deref()).collect();
    attacks.retain(|attack| !seen.contains(attack.nonce.as_str()));
    let (mut gaps, mut stops) = (Vec::new(), Vec::new());
    let logs = export::logs(&path);
    let records = logs.len() + export::spans(&path).len();
    for record in logs {
        match record["eventName"].as_str() {
            Some("guardbee.gap") => gaps.push(record),
            Some("guardbee.stop") => stops.push(record),
            _ => {}
        }
    }
    let stop = stops.pop().context("the last pipeline did not sign its end")?;
    let proof = Proof::of(lab.guardbee(), std::slice::from_ref(&path), &key, true)?;
    Ok(Killed { at, gaps, stop, attacks: count, missing: attacks, path, proof, records })
}

impl Killed {
    /// A signed gap for each kill, with the kernel's counters when the one before ended and when the next one began.
    fn told(&self) -> (bool, String) {
        // The loader counts its pipelines: each gap names another one, none is missing.
        let numbers: BTreeSet<&str> = self
            .gaps
            .iter()
            .filter_map(|gap| export::attribute(gap, "guardbee.previous.pipelines"))
            .collect();
        let counted = self.gaps.iter().filter(|gap| has_both_counters(gap)).count();
        let signed = all_signed(&self.proof, &self.path, self.records);
        let passed = self.gaps.len() == KILLS && numbers.len() == KILLS && counted == KILLS && signed;
        let figure = format!(
            "{KILLS} kills, {} gaps, {counted} with the kernel's counters before and after; of {} records {}",
            self.gaps.len(),
            self.records,
            self.proof.shown()
        );
        (passed, figure)
    }

    /// Attacks without a finding that are more than the executions that gaps tell of. An attack was carried out between its sending
    /// and its answer; what a pipeline had not taken when it was killed the next one takes, and may die with.
    fn unexplained(&self) -> usize {
        let kill_after = |moment: Instant| self.at.partition_point(|at| *at < moment);
        let kills = |attack: &Asked| (kill_after(attack.sent), kill_after(attack.answered) + 1);
        let lost: Vec<_> = self.missing.iter().map(kills).collect();
        let told = |kill: usize| {
            let number = (kill + 1).to_string();
            let is_of = |gap: &&Value| export::attribute(gap, "guardbee.previous.pipelines") == Some(&number);
            self.gaps.iter().find(is_of).map_or(0, |gap| ledger::count(gap, "guardbee.gap.exec"))
        };
        ledger::unexplained(&lost, &(0..self.at.len()).map(told).collect::<Vec<_>>())
    }

    /// For each kind: what the kernel half gave is what was delivered, what died with a pipeline, what was lost before, and
    /// what came at the very end. And the attacks that nobody delivered are among the executions that the next gap tells of.
    fn adds_up(&self) -> (bool, String) {
        let kinds: BTreeSet<String> = export::by_kind(&self.stop, "guardbee.produced.").into_keys().collect();
        let (mut passed, mut figures) = (!kinds.is_empty(), Vec::new());
        for kind in &kinds {
            let account = ledger::account(&self.gaps, &self.stop, kind);
            passed &= account.as_ref().is_ok_and(|account| account.rest <= REST);
            figures.push(match account {
                Ok(Account { produced, delivered, died, lost, rest }) => {
                    format!("{kind} {produced} = {delivered} + {died} + {lost} + {rest}")
                }
                Err(error) => format!("{kind}: {error:#}"),
            });
        }
        let (missing, unexplained) = (self.missing.len(), self.unexplained());
        passed &= unexplained == 0 && missing < self.attacks;
        let figure = format!(
            "of {} attacks {missing} have no finding, {unexplained} of them more than gaps tell of; {} \
             (delivered + died with a pipeline + lost + at the end)",
            self.attacks,
            figures.join(", "),
        );
        (passed, figure)
    }
}

/// Every record is proven, but for spans that were given away before the manifest of their batch: nothing proves or disproves them.
fn all_signed(proof: &Proof, path: &Path, records: usize) -> bool {
    let said = proof.records(path); // what is wrong, only
    let bare = said.iter().all(|said| said.word == "UNKNOWN-BATCH" && !said.name.contains('.'));
    let verified = proof.totals.get("VERIFIED").copied().unwrap_or_default();
    bare && verified != 0 && verified + said.len() == records
}

/// By kind, for processes at least, and not lower than before.
fn has_both_counters(gap: &Value) -> bool {
    let before = export::by_kind(gap, "guardbee.previous.produced.");
    let after = export::by_kind(gap, "guardbee.produced.");
    let grown = before.iter().all(|(kind, count)| after.get(kind) >= Some(count));
    grown && ["fork", "exec", "exit"].iter().all(|kind| before.contains_key(*kind))
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
            let told =
                said.iter().any(|one| export::attribute(one, "guardbee.blind_since_boot_ns").is_some());
            let path = sensor.records.clone();
            let records = export::logs(&path).len() + export::spans(&path).len();
            let proof = Proof::of(lab.guardbee(), std::slice::from_ref(&path), &sensor.public_key, true)?;
            ensure!(all_signed(&proof, &path, records), "after kill {}: {}", number + 1, proof.shown());
            blind += usize::from(told);
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

fn stopped(lab: &Lab) -> Judged {
    let before = left::held()?;
    let sensor = Sensor::start(lab, &Options::default())?;
    let during = left::held()?;
    let folder = sensor.records.parent().context("the records have no folder")?.to_owned();
    let of_folder = || -> anyhow::Result<BTreeSet<String>> {
        let names = fs::read_dir(&folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    };
    let family = process::family(sensor.pid());
    sensor.stop()?;
    let mut left = Vec::new();
    // The kernel frees programs a grace period after their last user.
    let clean = wait_for(Duration::from_secs(5), || {
        left = left::held().map(|after| after.difference(&before).cloned().collect()).unwrap_or_default();
        left.is_empty()
    });
    let kernel = during.difference(&before).filter(|one| !one.starts_with("file ")).count();
    ensure!(kernel != 0, "the sensor held no program, map or link while it ran: this says nothing");
    let alive: Vec<u32> = family.into_iter().filter(|pid| !process::ended(*pid)).collect();
    let written = of_folder()?;
    let passed = clean && alive.is_empty() && written.iter().eq(CONFIGURED);
    let figure = format!(
        "{kernel} programs, maps and links while it ran; processes left: {alive:?}; left of programs, maps, links, probes, mounts, \
         sockets, files: {left:?}; in its folder: {}",
        written.into_iter().collect::<Vec<_>>().join(" ")
    );
    Ok((passed, figure))
}
