//! Row d: an hour of what servers do all day, beside the sensor with the shipped rules. Its memory must stay flat, each of its counters
//! be explained, and nothing be found, since nothing is wrong.
mod counters;
mod found;
mod loads;
mod memory;

use crate::{
    accept::{
        findings::Findings,
        lab::Lab,
        table::{Line, Table, Verdict},
        told::Told,
    },
    bench::{Place, Sensor},
    process,
};
use anyhow::Context as _;
use loads::Loads;
use memory::Memory;
use std::{
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// What is asked for; a shorter trial passes nothing.
pub(crate) const MINUTES: u32 = 60;
const MINUTE: Duration = Duration::from_mins(1);
/// How often memory is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Packages are fetched at the first use.
const SETUP_LIMIT: Duration = Duration::from_mins(30);
/// What the start left to do.
const SETTLE: Duration = Duration::from_secs(2);

/// Installs what the loads run.
pub(crate) fn set_up(lab: &Lab) -> anyhow::Result<()> {
    let mut setup = Command::new(lab.root.join("scripts/setup-system.sh"));
    process::output("setup", setup.arg("--loads"), lab.dir.path(), SETUP_LIMIT).map(drop)
}

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    set_up(lab)?;
    let place = Place::new(&lab.folder("mixed")?, lab.guardbee())?;
    let loads = Loads::new(&place)?;
    println!("-- a round of each load without the sensor: {}", loads.warm_up()?);
    let began = Instant::now();
    let mut sensor = Sensor::start(&place)?;
    std::thread::sleep(SETTLE);
    let (memory, ran) = watched(&loads, &sensor, lab.minutes)?;
    sensor.end();
    let told = Told::read(&sensor.records());
    let mut findings = Findings::of(sensor.findings());
    findings.read();
    let judged = [
        ("what ran", ran),
        ("memory stays flat", memory.judge()),
        ("every counter is explained", counters::judge(&told)),
        ("findings of the default pack", found::judge(&findings.list, lab.minutes)),
    ];
    for (name, (passed, figure)) in judged {
        let line = match lab.minutes {
            MINUTES.. => Line::new('d', name, Verdict::of(passed), figure, began),
            // A trial that went well is no hour that did.
            minutes if passed => {
                let figure = format!("{figure}; no more than {minutes} of {MINUTES} minutes");
                Line::new('d', name, Verdict::Missed, figure, began)
            }
            _ => Line::new('d', name, Verdict::Fail, figure, began),
        };
        table.add(line);
    }
    Ok(())
}

/// All loads at once for that time, the sensor's memory meanwhile, and whether all of them ran as they should.
fn watched(loads: &Loads<'_>, sensor: &Sensor, minutes: u32) -> anyhow::Result<(Memory, (bool, String))> {
    let (began, limit) = (Instant::now(), MINUTE * minutes);
    let done = AtomicBool::new(false);
    let mut memory = Memory::default();
    std::thread::scope(|scope| {
        let running = loads.start(scope, &done, minutes);
        let mut told = 0;
        while began.elapsed() < limit && !done.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK);
            let looked = sensor.memory().map(|bytes| memory.add(bytes));
            if let Err(error) = looked {
                done.store(true, Ordering::Relaxed);
                return Err(error.context("look at the sensor's memory"));
            }
            let passed = began.elapsed().as_secs() / MINUTE.as_secs();
            if passed > told {
                told = passed;
                println!("-- {passed:>3} min: {}; the sensor has {}", loads.told(), memory.latest());
            }
        }
        done.store(true, Ordering::Relaxed);
        let ended = running.into_iter().map(|load| load.join().ok().context("a load's thread panicked")?);
        ended.collect::<anyhow::Result<Vec<()>>>().map(drop)
    })?;
    let took = began.elapsed().as_secs_f64() / MINUTE.as_secs_f64();
    let ran = (loads.all_ran(minutes), format!("{} in {took:.1} min", loads.told()));
    Ok((memory, ran))
}
