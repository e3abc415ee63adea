//! What the sensor costs, side by side with nothing and with empty programs at the same hooks.
//!
//! Load by load and round by round the three take turns, so that what else the machine does meets all of them. A benchmark
//! never fails on time: a missed goal is a line in the table.
#![expect(clippy::cast_precision_loss, reason = "what is measured here is less precise than an f64")]

mod falco;
mod figure;
mod floor;
pub(crate) mod goals;
mod latency;
mod loads;
mod memory;
mod place;
mod rate;
mod records;
mod redis;
mod sensor;
mod stages;
mod studies;
mod table;
mod turns;
mod usage;
mod web;
mod wire;

pub(crate) use place::Place;
pub(crate) use sensor::Sensor;
pub(crate) use table::{Outcome, Results};

use crate::process;
use anyhow::ensure;
use clap::Parser;
use loads::LOADS;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs,
    path::PathBuf,
    time::Instant,
};
use studies::STUDIES;

/// Rounds of each load, where nobody says otherwise.
pub(crate) const ROUNDS: u16 = 5;

/// How often, what, whereto.
#[derive(Parser)]
pub(crate) struct Args {
    /// Rounds of each load.
    #[arg(long, default_value_t = ROUNDS, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Only these loads and studies, such as getppid,nginx,memory; a wrong name is answered with all names.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// All figures of all rounds.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The sensor; without: it is built, release.
    #[arg(long, value_name = "FILE")]
    guardbee: Option<PathBuf>,
}

/// Measures, prints the tables. What could not be run is a line too; an error only before all.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let names: Vec<_> =
        LOADS.iter().map(|load| load.name).chain(STUDIES.iter().map(|study| study.name)).collect();
    for name in &args.only {
        ensure!(names.contains(&name.as_str()), "there is no `{name}`; there are {}", names.join(", "));
    }
    let guardbee = place::sensor_at(args.guardbee)?;
    let dir = place::new_folder()?;
    process::end_on_signals(vec![dir.path().to_owned()])?;
    let place = Place::new(dir.path(), &guardbee)?;
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    let results = measure(&place, args.rounds, wanted)?;
    results.print();
    match args.json {
        Some(path) => results.write(&path),
        None => Ok(()),
    }
}

/// Runs the loads and studies that are wanted, and tells where it is.
pub(crate) fn measure(
    place: &Place,
    rounds: u16,
    wanted: impl Fn(&'static str) -> bool,
) -> anyhow::Result<Results> {
    let mut results = Results::new(machine(), rounds);
    println!("{}", results.machine);
    let mut hooks = BTreeMap::new();
    for pack in LOADS.iter().filter(|load| wanted(load.name)).map(|load| load.pack) {
        if let Entry::Vacant(unknown) = hooks.entry(pack) {
            let hooks = unknown.insert(floor::hooks(place, pack)?);
            println!("the sensor's hooks for {pack}: {}", hooks.join(", "));
        }
    }
    let began = Instant::now();
    let tell = |name: &str| println!("-- {:>4} s: {name}", began.elapsed().as_secs());
    for load in LOADS.iter().filter(|load| wanted(load.name)) {
        tell(load.name);
        results.take_load(load, || turns::take(place, &hooks[load.pack], load, rounds));
    }
    for study in STUDIES.iter().filter(|study| wanted(study.name)) {
        tell(study.name);
        results.take_study(study, || (study.run)(place));
    }
    tell("done");
    Ok(results)
}

/// The name of the load or study that gives this figure.
pub(crate) fn measured_by(figure: &str) -> Option<&'static str> {
    let loads = LOADS.iter().map(|load| (load.name, load.figures));
    let all = loads.chain(STUDIES.iter().map(|study| (study.name, study.figures)));
    let mut by = all.filter(|(_, figures)| figures.iter().any(|one| one.name == figure));
    by.next().map(|(name, _)| name)
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
