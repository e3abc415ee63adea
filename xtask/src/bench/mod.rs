//! What the sensor costs, side by side with nothing and with empty programs at the same hooks.
//!
//! Load by load and round by round the three take turns, so that what else the machine does meets all of them. A benchmark
//! never fails on time: a missed goal is a line in the table.
#![expect(clippy::cast_precision_loss, reason = "what is measured here is less precise than an f64")]

mod alone;
mod figure;
mod floor;
mod loads;
mod place;
mod records;
mod redis;
mod sensor;
mod table;
mod usage;
mod web;

use alone::STUDIES;
use anyhow::{Context as _, ensure};
use clap::Parser;
use figure::{Condition, Series};
use loads::{LOADS, Load, Values};
use place::Place;
use sensor::Sensor;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use table::Results;

/// How often, what, whereto.
#[derive(Parser)]
pub(crate) struct Args {
    /// Rounds of each load.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Only these: getppid, pipe, open, exec, connect, nginx, nginx-paced, redis, memory, latency.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// All figures of all rounds.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The sensor; without: it is built, release.
    #[arg(long, value_name = "FILE")]
    guardbee: Option<PathBuf>,
}

/// Measures, prints the table. What could not be run is a line too; an error only before all.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let names: Vec<_> =
        LOADS.iter().map(|load| load.name).chain(STUDIES.iter().map(|study| study.name)).collect();
    for name in &args.only {
        ensure!(names.contains(&name.as_str()), "there is no `{name}`; there are {}", names.join(", "));
    }
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    let place = Place::new(args.guardbee)?;
    let machine = machine();
    println!("{machine}");
    let mut results = Results::default();
    for load in LOADS.iter().filter(|load| wanted(load.name)) {
        results.take(load.name, load.needs, || measure(&place, load, args.rounds));
    }
    for study in STUDIES.iter().filter(|study| wanted(study.name)) {
        results.take(study.name, study.needs, || (study.run)(&place));
    }
    results.print(args.rounds.into());
    if let Some(path) = args.json {
        results.write(&path, machine, args.rounds.into())?;
    }
    Ok(())
}

/// All rounds of a load. Each round begins with another condition: warmth and drift favour none.
fn measure(place: &Place, load: &Load, rounds: u16) -> anyhow::Result<Vec<Series>> {
    let mut all: Vec<Series> = load.figures.iter().copied().map(Series::new).collect();
    for round in 0..usize::from(rounds) {
        let mut figures = vec![[None; 3]; all.len()];
        for turn in 0..Condition::ALL.len() {
            let condition = Condition::ALL[(round + turn) % Condition::ALL.len()];
            let values = under(condition, place, load)
                .with_context(|| format!("{}, round {}, {condition:?}", load.name, round + 1))?;
            for (figure, value) in figures.iter_mut().zip(values) {
                figure[condition as usize] = value;
            }
        }
        for (series, round) in all.iter_mut().zip(figures) {
            series.push(round);
        }
    }
    Ok(all)
}

fn under(condition: Condition, place: &Place, load: &Load) -> anyhow::Result<Values> {
    match condition {
        Condition::Bare => (load.run)(place, None),
        Condition::Floor => {
            let _attached = floor::attach(place)?;
            (load.run)(place, None)
        }
        Condition::Sensor => {
            let sensor = Sensor::start(place)?;
            let values = (load.run)(place, Some(&sensor))?;
            sensor.stop()?;
            Ok(values)
        }
    }
}

/// Where figures come from: without it they mean nothing.
fn machine() -> Value {
    let line = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let load = line("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    if load.parse::<f64>().is_ok_and(|load| load > 0.5) {
        println!(
            "the machine is busy (load average {load}, {cpus} CPUs): figures are noisy, times most of all"
        );
    }
    json!({ "kernel": line("/proc/sys/kernel/osrelease"), "cpus": cpus, "load_average": load })
}
