//! Row e: both halves killed with -9 at random moments under load; a normal stop leaves nothing.
use super::{Judged, part, part_not_built};
use crate::accept::{
    driver, export,
    lab::Lab,
    process::{self, wait_for},
    sensor::{Options, Sensor},
    table::Table,
    target::{Server, Target},
};
use anyhow::{Context as _, ensure};
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
/// From the loader's death to the pipeline's end.
const BLIND_LIMIT: Duration = Duration::from_secs(1);

#[expect(clippy::unnecessary_wraps, reason = "the form of every row")]
pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    part(lab, table, 'e', "pipeline killed", || pipeline_killed(lab));
    part(lab, table, 'e', "loader killed", || loader_killed(lab));
    part(lab, table, 'e', "a stop leaves nothing", || stopped(lab));
    part_not_built(lab, table, 'e', "produced = delivered + counted", "");
    Ok(())
}

/// Attacks all the time while `work` runs.
fn under_load<T>(lab: &Lab, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let target = Target::start(lab, Server::Fork)?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                driver::drive(lab, target.port, 10, 2)?;
            }
            anyhow::Ok(())
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        load.join().map_err(|_| anyhow::anyhow!("the load panicked"))??;
        result
    })
}

/// Some moment between 50 and 550 ms, other ones in each run.
fn random_moment(number: usize) {
    let seed = u64::from(std::process::id())
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(number as u64 * 104_729);
    std::thread::sleep(Duration::from_millis(50 + (seed >> 7) % 500));
}

fn pipeline_killed(lab: &Lab) -> Judged {
    let sensor = Sensor::start(lab, &Options::default())?;
    under_load(lab, || {
        for number in 0..KILLS {
            random_moment(number);
            let (_, pipeline) = sensor.loader_and_pipeline()?;
            process::signal(pipeline, Signal::SIGKILL)?;
            let ready = || sensor.log().matches("guardbee: ready").count() > number + 1;
            ensure!(wait_for(RESTART_LIMIT, ready), "after kill {} no new pipeline was ready", number + 1);
        }
        Ok(())
    })?;
    let records = sensor.records.clone();
    sensor.stop()?;
    let gaps: Vec<Value> = named(&records, "guardbee.gap");
    // The loader counts its pipelines: each gap names another one, none is missing.
    let numbers: BTreeSet<&str> =
        gaps.iter().filter_map(|gap| export::attribute(gap, "guardbee.previous.pipelines")).collect();
    let counted =
        gaps.iter().filter(|gap| export::attribute(gap, "guardbee.previous.produced.exec").is_some()).count();
    let passed = gaps.len() == KILLS && numbers.len() == KILLS && counted == KILLS;
    Ok((passed, format!("{KILLS} kills, {} gaps, {counted} with the kernel's counters", gaps.len())))
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
    })?;
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
