//! Security events a second: refused connects, one event each, faster and faster until one is lost.
//!
//! What makes them takes most of the two cores itself: the second figure is what the core thread could take, had it one of
//! them for itself.
use super::{
    loads::{CLIENT_CPU, RUN_LIMIT, on_cpu},
    place::Place,
    records::Losses,
    sensor::Sensor,
};
use crate::process::output;
use anyhow::Context as _;
use serde_json::Value;
use std::{
    thread::{scope, sleep},
    time::Duration,
};

const RATES: [u32; 6] = [10_000, 25_000, 50_000, 100_000, 200_000, 400_000];
/// Each.
const SECONDS: u32 = 2;
/// Losses are told every second.
const TOLD: Duration = Duration::from_millis(1500);

/// The highest rate without a loss, and what the core thread's CPU time would allow.
pub(super) fn run(place: &Place) -> anyhow::Result<Vec<Option<f64>>> {
    let (mut best, mut allowed) = (0.0, None);
    for rate in RATES {
        let sensor = Sensor::start(place)?;
        sleep(TOLD);
        let core =
            || sensor.threads().get("core").map(|core| core.cpu_ns).context("the sensor has no core thread");
        let before = core()?;
        let (made, reached) = storm(place, rate)?;
        sleep(TOLD);
        let used = core()? - before;
        let lost = Losses::read(&sensor.records())?.security() as f64;
        sensor.stop()?;
        let each = used / (made - lost).max(1.0);
        println!("   asked for {rate}/s: {reached:.0}/s, lost {lost:.0}, core thread {each:.0} ns each");
        if lost > 0.0 {
            break;
        }
        (best, allowed) = (reached, Some(1e9 / each));
        // The machine makes no more.
        if reached < f64::from(rate) * 0.9 {
            break;
        }
    }
    Ok(vec![Some(best), allowed])
}

/// On two CPUs; how many were made, and how many a second.
fn storm(place: &Place, rate: u32) -> anyhow::Result<(f64, f64)> {
    let one = |cpu: &'static str| -> anyhow::Result<[f64; 2]> {
        let mut command = on_cpu(cpu, place.built("loads"));
        let count = rate / 2 * SECONDS;
        command.args(["refused", &count.to_string(), &(rate / 2).to_string()]);
        let printed = output("loads", command, &place.folder("storm")?, RUN_LIMIT)?;
        let result: Value = serde_json::from_str(&printed).context("read what loads printed")?;
        let of = |name: &str| result[name].as_f64().with_context(|| format!("no {name} in {printed}"));
        Ok([of("operations")?, of("wall_ns")?])
    };
    let [first, second] = scope(|scope| {
        let other = scope.spawn(|| one("0"));
        let this = one(CLIENT_CPU);
        let other = other.join().map_err(|_| anyhow::anyhow!("a storm panicked"))?;
        anyhow::Ok([this?, other?])
    })?;
    let made = first[0] + second[0];
    Ok((made, made / (first[1].max(second[1]) / 1e9)))
}
