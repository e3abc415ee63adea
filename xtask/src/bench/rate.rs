//! Security events a second: of all kinds that are cheap to make, more and more until some are lost; and whether each is counted.
//!
//! What makes them takes the same two cores: how many it makes without a sensor says how much of a rate that is not reached is its
//! own, and the core thread's time for each what a sensor could take that had a core for itself.
use super::{
    loads::{CLIENT_CPU, RUN_LIMIT, SERVER_CPU, on_cpu},
    place::Place,
    sensor::Sensor,
};
use crate::{accept::told::Told, process::output};
use anyhow::Context as _;
use std::{
    collections::BTreeMap,
    thread::{scope, sleep},
    time::Duration,
};

/// What is to be held.
const GOAL: u32 = 300_000;
/// For so long; and all other rates too.
const SECONDS: u32 = 10;
/// From one rate to the next.
const STEP: u32 = 50_000;
/// As many as there can be.
const UNBOUNDED: u32 = 0;
/// Of a rate, so much more is asked for: what makes it begins late, and looks at the clock now and then only.
const MORE: u32 = 100;
/// What the start left to do. And: losses are told every second.
const TOLD: Duration = Duration::from_millis(1500);
/// What an exec is: a process is forked, executes, and ends.
const EXEC: [&str; 3] = ["fork", "exec", "exit"];

/// What was made in one go.
struct Made {
    by_kind: BTreeMap<String, u64>,
    seconds: f64,
}

impl Made {
    fn all(&self) -> u64 {
        self.by_kind.values().sum()
    }

    fn rate(&self) -> f64 {
        self.all() as f64 / self.seconds
    }
}

/// What became of a rate that was asked for.
struct Step {
    asked: u32,
    rate: f64,
    /// By the sensor's own count, of whatever kind.
    lost: u64,
    /// Neither read nor counted as lost.
    uncounted: u64,
    /// Of the core thread's CPU time, ns.
    each: f64,
}

impl Step {
    /// The rate to try after this one: up until some are lost, at last as many as there can be; down from the goal until none is.
    fn next(&self) -> Option<u32> {
        match self.asked {
            UNBOUNDED => None,
            rate if self.lost > 0 => rate.checked_sub(STEP).filter(|lower| rate <= GOAL && *lower > 0),
            rate if rate < GOAL => None,
            rate if self.rate >= f64::from(rate) => Some(rate + STEP),
            _ => Some(UNBOUNDED),
        }
    }
}

/// What is made without a sensor; the highest rate without a loss, and the lowest with one; what was not counted; and what the core
/// thread's CPU time would allow.
pub(super) fn run(place: &Place) -> anyhow::Result<Vec<Option<f64>>> {
    let alone = storm(place, UNBOUNDED)?.rate();
    println!("   without a sensor: {alone:.0}/s");
    let mut steps = Vec::new();
    let mut next = Some(GOAL);
    while let Some(rate) = next {
        let step = take(place, rate)?;
        next = step.next();
        steps.push(step);
    }
    let held = steps.iter().filter(|step| step.lost == 0).max_by(|a, b| a.rate.total_cmp(&b.rate));
    let begins = steps.iter().filter(|step| step.lost > 0).map(|step| step.rate).reduce(f64::min);
    let uncounted: u64 = steps.iter().map(|step| step.uncounted).sum();
    Ok(vec![
        Some(alone),
        Some(held.map_or(0.0, |step| step.rate)),
        begins,
        Some(uncounted as f64),
        held.map(|step| 1e9 / step.each),
    ])
}

/// So many a second, beside a sensor.
fn take(place: &Place, rate: u32) -> anyhow::Result<Step> {
    let sensor = Sensor::start(place)?;
    sleep(TOLD);
    let core =
        || sensor.threads().get("core").map(|core| core.cpu_ns).context("the sensor has no core thread");
    let before = core()?;
    let made = storm(place, rate)?;
    sleep(TOLD);
    let used = core()? - before;
    let told = sensor.told()?;
    let step = judge(&made, &told, rate, used);
    println!(
        "   asked for {rate}/s: {:.0}/s for {:.1} s, {} lost, {} not counted, core thread {:.0} ns each",
        step.rate, made.seconds, step.lost, step.uncounted, step.each
    );
    for (kind, made) in &made.by_kind {
        let (taken, lost) = (told.taken(kind), told.lost(kind));
        println!("   asked for {rate}/s: {kind}: {made} made, {taken} read, {lost} lost");
    }
    Ok(step)
}

fn judge(made: &Made, told: &Told, asked: u32, used: f64) -> Step {
    let kinds = || made.by_kind.iter().filter(|(_, made)| **made > 0);
    // Others on the node make events too: more than were made is no surplus.
    let missing = kinds().map(|(kind, made)| made.saturating_sub(told.taken(kind) + told.lost(kind)));
    let lost = kinds().map(|(kind, _)| told.lost(kind)).sum::<u64>() + told.lost("event");
    let balance = u64::from(!told.adds_up());
    Step {
        asked,
        rate: made.rate(),
        lost,
        uncounted: missing.sum::<u64>() + told.unexplained() + balance,
        each: used / made.all().saturating_sub(lost).max(1) as f64,
    }
}

/// One CPU makes as many as are to be held, the other what is more: so the core thread has a place that nobody wakes up on every
/// few hundred microseconds.
fn storm(place: &Place, rate: u32) -> anyhow::Result<Made> {
    let parts = match rate {
        UNBOUNDED => vec![(SERVER_CPU, UNBOUNDED), (CLIENT_CPU, UNBOUNDED)],
        GOAL.. => vec![(SERVER_CPU, GOAL), (CLIENT_CPU, rate - GOAL)],
        _ => vec![(SERVER_CPU, rate)],
    };
    let one = |(cpu, rate): (&'static str, u32)| -> anyhow::Result<BTreeMap<String, u64>> {
        let folder = place.folder("storm")?;
        let mut command = on_cpu(cpu, place.built("storm"));
        let words = [SECONDS, rate + rate / MORE].map(|number| number.to_string());
        command.args(words).arg(&folder).arg(place.built("tiny"));
        let printed = output("storm", command, &folder, RUN_LIMIT)?;
        serde_json::from_str(&printed).with_context(|| format!("read what storm printed: {printed}"))
    };
    let one = &one;
    let all: Vec<_> = scope(|scope| {
        let parts = parts.into_iter().filter(|(_, part)| *part > 0 || rate == UNBOUNDED);
        let running: Vec<_> = parts.map(|part| scope.spawn(move || one(part))).collect();
        running.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let mut made = BTreeMap::new();
    let mut longest = 0;
    for counts in all {
        let counts = counts.map_err(|_| anyhow::anyhow!("a storm panicked"))??;
        longest = longest.max(counts.get("wall_ns").copied().unwrap_or_default());
        for (kind, count) in counts {
            *made.entry(kind).or_default() += count;
        }
    }
    made.remove("wall_ns");
    let execs = made.get("exec").copied().unwrap_or_default();
    made.extend(EXEC.map(|kind| (kind.to_owned(), execs)));
    Ok(Made { by_kind: made, seconds: longest as f64 / 1e9 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_goal_up_to_a_loss_or_down_to_none() {
        let next = |asked, rate, lost| Step { asked, rate, lost, uncounted: 0, each: 1.0 }.next();
        assert_eq!(next(300_000, 302_000.0, 0), Some(350_000));
        assert_eq!(next(350_000, 352_000.0, 1), None);
        assert_eq!(next(350_000, 320_000.0, 0), Some(UNBOUNDED), "it makes no more");
        assert_eq!(next(UNBOUNDED, 320_000.0, 0), None);
        assert_eq!(next(300_000, 299_000.0, 1), Some(250_000));
        assert_eq!(next(250_000, 249_000.0, 0), None);
        assert_eq!(next(STEP, 49_000.0, 1), None);
    }
}
