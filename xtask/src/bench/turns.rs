//! A load in turns: with nothing, with empty programs at the sensor's hooks, with the sensor; then once with the kernel's clock.
use super::{
    figure::{Condition, Series},
    floor,
    loads::{EVERY, Load, Outcome},
    place::Place,
    records::Losses,
    sensor::Sensor,
};
use anyhow::Context as _;
use std::{collections::BTreeMap, thread::sleep, time::Duration};

/// After a start, and after an end: what it left to do is over. The sensor tells of losses every second.
const SETTLE: Duration = Duration::from_millis(500);
const TOLD: Duration = Duration::from_millis(1300);

/// Where the sensor's time goes, for one operation of a load.
pub(super) struct Work {
    pub(super) load: &'static str,
    /// CPU time by thread, ns; a round each.
    pub(super) threads: BTreeMap<String, Vec<f64>>,
    /// By tracepoint: how often its program runs, and ns.
    pub(super) programs: BTreeMap<String, [f64; 2]>,
    /// Of all rounds.
    pub(super) losses: Losses,
}

/// What a load came to in all its rounds.
pub(super) struct Measured {
    pub(super) series: Vec<Series>,
    pub(super) work: Work,
}

struct Turns<'a> {
    place: &'a Place,
    hooks: &'a [String],
    load: &'a Load,
    work: Work,
}

/// All rounds. Each begins with another condition: warmth and drift favour none.
pub(super) fn take(place: &Place, hooks: &[String], load: &Load, rounds: u16) -> anyhow::Result<Measured> {
    let work = Work {
        load: load.name,
        threads: BTreeMap::new(),
        programs: BTreeMap::new(),
        losses: Losses::default(),
    };
    let mut turns = Turns { place, hooks, load, work };
    let mut series: Vec<Series> = load.figures.iter().copied().map(Series::new).collect();
    for round in 0..usize::from(rounds) {
        let mut figures = vec![[None; 3]; series.len()];
        for turn in 0..Condition::ALL.len() {
            let condition = Condition::ALL[(round + turn) % Condition::ALL.len()];
            let values =
                turns.under(condition).with_context(|| format!("round {}, {condition:?}", round + 1))?;
            for (figure, value) in figures.iter_mut().zip(values) {
                figure[condition as usize] = value;
            }
        }
        for (series, round) in series.iter_mut().zip(figures) {
            series.push(round);
        }
    }
    let bpf = turns.timed().context("with the kernel's clock for programs")?;
    let place = series.len() - EVERY;
    series[place].push([None, None, Some(bpf)]);
    Ok(Measured { series, work: turns.work })
}

impl Turns<'_> {
    fn under(&mut self, condition: Condition) -> anyhow::Result<Vec<Option<f64>>> {
        match condition {
            Condition::Bare => {
                sleep(SETTLE);
                Ok((self.load.run)(self.place, None)?.values)
            }
            Condition::Floor => {
                let _attached = floor::attach(self.place, self.hooks)?;
                sleep(SETTLE);
                Ok((self.load.run)(self.place, None)?.values)
            }
            Condition::Sensor => self.with_sensor(),
        }
    }

    fn with_sensor(&mut self) -> anyhow::Result<Vec<Option<f64>>> {
        let sensor = Sensor::start_with(self.place, self.load.pack, None)?;
        sleep(SETTLE);
        let before = sensor.threads();
        let Outcome { operations, mut values } = (self.load.run)(self.place, Some(&sensor))?;
        sleep(TOLD);
        for (name, after) in sensor.threads() {
            let used = after.cpu_ns - before.get(&name).copied().unwrap_or_default().cpu_ns;
            self.work.threads.entry(name).or_default().push(used / operations);
        }
        let losses = Losses::read(&sensor.records())?;
        sensor.stop()?;
        values.extend([None, Some(losses.security() as f64)]);
        for (what, count) in losses.0 {
            *self.work.losses.0.entry(what).or_default() += count;
        }
        Ok(values)
    }

    /// Run time of the sensor's programs, ns for an operation. The clock has a price: what else this run shows is not used.
    fn timed(&mut self) -> anyhow::Result<f64> {
        let sensor = Sensor::start_with(self.place, self.load.pack, None)?;
        let _clock = floor::measure_times(self.place)?;
        sleep(SETTLE);
        let before = sensor.programs()?;
        let operations = (self.load.run)(self.place, Some(&sensor))?.operations;
        let after = sensor.programs()?;
        sensor.stop()?;
        let mut total = 0.0;
        for (hook, ran) in after {
            let before = before.get(&hook).copied().unwrap_or_default();
            let [times, ns] =
                [ran.times - before.times, ran.ns - before.ns].map(|all| all as f64 / operations);
            total += ns;
            self.work.programs.insert(hook, [times, ns]);
        }
        Ok(total)
    }
}
