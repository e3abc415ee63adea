//! The tables, for people; JSON, for machines.
use super::{
    falco,
    figure::{Condition, Figure, Series, Unit},
    goals::{self, Goal, Target},
    loads::Load,
    place::installed,
    studies::Study,
    turns::{Measured, Work},
};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::{fs, path::Path};

/// Everything that was measured, and what could not be.
pub(crate) struct Results {
    /// Where, and how busy it was.
    pub(super) machine: Value,
    rounds: u16,
    series: Vec<Series>,
    work: Vec<Work>,
    /// Name of what was not measured, and why.
    missing: Vec<(&'static str, String)>,
}

/// A goal's outcome, and the figure.
pub(crate) enum Outcome {
    Met(String),
    /// By no more than the reason explains.
    Missed(String),
    /// By more, or without a reason.
    Failed(String),
    NotMeasured(String),
}

impl Results {
    pub(super) fn new(machine: Value, rounds: u16) -> Self {
        Self { machine, rounds, series: Vec::new(), work: Vec::new(), missing: Vec::new() }
    }

    /// Has a load measured and keeps what came out, or why nothing did.
    pub(super) fn take_load(&mut self, load: &Load, measure: impl FnOnce() -> anyhow::Result<Measured>) {
        if let Some(Measured { series, work }) = self.tried(load.name, load.needs, measure) {
            work.losses.print();
            self.series.extend(series);
            self.work.push(work);
        }
    }

    /// The same for a study.
    pub(super) fn take_study(
        &mut self,
        study: &Study,
        measure: impl FnOnce() -> anyhow::Result<Vec<Option<f64>>>,
    ) {
        if let Some(values) = self.tried(study.name, study.needs, measure) {
            for (figure, value) in study.figures.iter().zip(values) {
                let mut series = Series::new(*figure);
                series.push([None, None, value]);
                self.series.push(series);
            }
        }
    }

    fn tried<T>(
        &mut self,
        name: &'static str,
        needs: &[&str],
        measure: impl FnOnce() -> anyhow::Result<T>,
    ) -> Option<T> {
        let missing: Vec<_> = needs.iter().copied().filter(|program| !installed(program)).collect();
        let measured = if missing.is_empty() {
            measure().map_err(|error| format!("{error:#}"))
        } else {
            Err(format!("{} is not installed", missing.join(", ")))
        };
        measured
            .map_err(|why| {
                println!("   not measured: {why}");
                self.missing.push((name, why));
            })
            .ok()
    }

    /// What became of a goal.
    pub(crate) fn outcome(&self, target: &Target) -> Outcome {
        let Some(series) = self.series.iter().find(|series| series.figure.name == target.figure) else {
            let by = super::measured_by(target.figure);
            let missing = self.missing.iter().find(|(name, _)| Some(*name) == by);
            return Outcome::NotMeasured(
                missing.map_or_else(|| "nothing measured it".to_owned(), |(_, why)| why.clone()),
            );
        };
        judge(target, series)
    }

    /// A figure without a goal, in words.
    pub(crate) fn figure(&self, name: &str) -> Option<String> {
        let series = self.series.iter().find(|series| series.figure.name == name)?;
        series.median(Condition::Sensor).map(|_| told(series))
    }

    pub(crate) fn print(&self) {
        println!(
            "\nmedians of {} rounds; ratios are to bare in the same round, [smallest - largest]; noise: how far the bare \
             rounds lie apart; Falco's are of another run, on such a machine\n",
            self.rounds
        );
        println!(
            "{:<49} {:>9} {:>5} {:>7} {:>22} {:>9} {:>16}  {:<13} verdict",
            "figure", "bare", "noise", "floor", "sensor", "added", "Falco", "goal"
        );
        for series in &self.series {
            println!("{}", row(series));
        }
        for (name, why) in &self.missing {
            println!("{name:<49} not measured: {why}");
        }
        self.print_work();
    }

    /// For one operation of each load: what the sensor's threads take, and its programs in the kernel.
    pub(crate) fn print_work(&self) {
        println!(
            "\nwhere the sensor's time goes, for one operation: its threads' CPU | its programs: runs, run time; what else the \
             machine does meanwhile is in it"
        );
        for work in &self.work {
            let threads: Vec<_> = work
                .threads
                .iter()
                .map(|(name, rounds)| (name, super::figure::median(rounds.clone()).unwrap_or_default()))
                .filter(|(_, ns)| *ns >= 1.0)
                .map(|(name, ns)| format!("{name} {}", Unit::Nanos.show(ns)))
                .collect();
            let programs: Vec<_> = work
                .programs
                .iter()
                .filter(|(_, [runs, _])| *runs >= 0.01)
                .map(|(hook, [runs, ns])| format!("{hook} {runs:.1}, {}", Unit::Nanos.show(*ns)))
                .collect();
            println!("{:<12} {} | {}", work.load, threads.join("; "), programs.join("; "));
        }
    }

    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let missing: Vec<Value> =
            self.missing.iter().map(|(name, why)| json!({ "name": name, "why": why })).collect();
        let work = |work: &Work| {
            let losses: Vec<Value> =
                work.losses.0.iter().map(|(what, count)| json!({ "what": what, "count": count })).collect();
            json!({ "load": work.load, "threads": work.threads, "programs": work.programs, "losses": losses })
        };
        let all = json!({
            "machine": self.machine,
            "rounds": self.rounds,
            "figures": self.series.iter().map(Series::json).collect::<Vec<_>>(),
            "work": self.work.iter().map(work).collect::<Vec<_>>(),
            "missing": missing,
        });
        let text = serde_json::to_string_pretty(&all).context("write results as JSON")? + "\n";
        fs::write(path, text).with_context(|| format!("write {}", path.display()))
    }
}

fn judge(target: &Target, series: &Series) -> Outcome {
    let (goal, missed) = (target.goal.show(series.figure.unit), target.missed);
    let told = format!("{}; goal {goal}", told(series));
    match (target.goal.met(series), missed) {
        (None, _) => Outcome::NotMeasured(format!("no figure; goal {goal}")),
        (Some(true), _) => Outcome::Met(told),
        (Some(false), None) if no_dearer_than_floor(target.goal, series) => Outcome::Missed(format!(
            "{told}: so do programs that do nothing at the same hooks: it is the hooks' price, or noise. Nearer: as for \
             other hooks of the same load; a quieter machine"
        )),
        (Some(false), Some(missed)) if missed.explains(series) => {
            Outcome::Missed(format!("{told}: {}", missed.why))
        }
        (Some(false), _) if missed.map_or(target.goal, |missed| missed.bound).within_noise(series) => {
            let known = missed.map_or("", |missed| missed.why);
            Outcome::Missed(format!(
                "{told}: a round met it, and rounds without the sensor differ by more than it is missed by. Nearer: a quieter machine. {known}"
            ))
        }
        (Some(false), None) => {
            Outcome::Failed(format!("{told}: missed, and xtask/src/bench/goals.rs says no reason"))
        }
        (Some(false), Some(missed)) => {
            let bound = missed.bound.show(series.figure.unit);
            Outcome::Failed(format!("{told}: missed by more than is known, {bound}: {}", missed.why))
        }
    }
}

/// Kernel-side goals are distances to the floor: what the floor misses too is not what the sensor does.
fn no_dearer_than_floor(goal: Goal, series: &Series) -> bool {
    let [sensor, floor] = [Condition::Sensor, Condition::Floor].map(|condition| series.ratio(condition));
    let pair = sensor.zip(floor).filter(|_| matches!(goal, Goal::Ratio(_)));
    pair.is_some_and(|([_, sensor, _], [_, floor, _])| sensor <= floor)
}

/// A figure in words: with the sensor, and what it is to be compared with.
fn told(series: &Series) -> String {
    let falco = falco::of(series.figure.name).map(|falco| format!(", Falco {falco}"));
    measured(series) + &falco.unwrap_or_default()
}

fn measured(series: &Series) -> String {
    let show =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| series.figure.unit.show(value));
    let with = show(series.median(Condition::Sensor));
    let (Some([smallest, ratio, largest]), Some(added)) = (series.ratio(Condition::Sensor), series.added())
    else {
        return with;
    };
    format!(
        "{with}, bare {} (noise {}): x{ratio:.2} [{smallest:.2}-{largest:.2}], +{}, floor {}",
        show(series.median(Condition::Bare)),
        noise(series),
        series.figure.unit.show(added),
        floor(series),
    )
}

fn noise(series: &Series) -> String {
    series.noise().map_or_else(|| "-".to_owned(), |noise| format!("{:.0}%", noise * 100.0))
}

fn floor(series: &Series) -> String {
    series.ratio(Condition::Floor).map_or_else(|| "-".to_owned(), |[_, ratio, _]| format!("x{ratio:.2}"))
}

fn row(series: &Series) -> String {
    let Figure { name, unit } = series.figure;
    let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| unit.show(value));
    let sensor = match series.ratio(Condition::Sensor) {
        Some([smallest, ratio, largest]) => format!("x{ratio:.2} [{smallest:.2}-{largest:.2}]"),
        None => shown(series.median(Condition::Sensor)),
    };
    let target = goals::of(name);
    let verdict = match target.and_then(|target| target.goal.met(series)) {
        Some(true) => "meets",
        Some(false) => "misses",
        None => "",
    };
    let row = format!(
        "{name:<49} {:>9} {:>5} {:>7} {sensor:>22} {:>9} {:>16}  {:<13} {verdict}",
        shown(series.median(Condition::Bare)),
        noise(series),
        floor(series),
        shown(series.added()),
        falco::of(name).unwrap_or_default(),
        target.map(|target| target.goal.show(unit)).unwrap_or_default(),
    );
    row.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            figure::{Figure, Unit},
            goals::Missed,
        },
        *,
    };

    #[test]
    fn a_reason_explains_no_more_than_its_bound() {
        let outcome = |value: f64, missed| {
            let mut series = Series::new(Figure::new("x", Unit::Nanos));
            series.push([None, None, Some(value)]);
            judge(&Target { figure: "x", goal: Goal::Most(10.0), missed }, &series)
        };
        let known = Some(Missed { why: "because", bound: Goal::Most(20.0) });
        assert!(matches!(outcome(10.0, known), Outcome::Met(_)));
        assert!(matches!(outcome(20.0, known), Outcome::Missed(told) if told.ends_with("because")));
        assert!(matches!(outcome(20.1, known), Outcome::Failed(_)));
        assert!(matches!(outcome(10.1, None), Outcome::Failed(_)));
    }

    #[test]
    fn noise_excuses_no_more_than_itself() {
        let outcome = |goal, rounds: [(f64, f64); 2]| {
            let mut series = Series::new(Figure::new("x", Unit::Nanos));
            for (bare, with) in rounds {
                series.push([Some(bare), None, Some(with)]);
            }
            judge(&Target { figure: "x", goal: Goal::Ratio(goal), missed: None }, &series)
        };
        assert!(matches!(outcome(1.06, [(100.0, 105.0), (80.0, 90.0)]), Outcome::Missed(_)));
        assert!(matches!(outcome(1.06, [(100.0, 107.0), (80.0, 90.0)]), Outcome::Failed(_)));
    }

    #[test]
    fn what_the_floor_misses_too_is_missed_and_no_failure() {
        let outcome = |floor, sensor| {
            let mut series = Series::new(Figure::new("x", Unit::Nanos));
            series.push([Some(100.0), Some(floor), Some(sensor)]);
            judge(&Target { figure: "x", goal: Goal::Ratio(1.06), missed: None }, &series)
        };
        assert!(matches!(outcome(90.0, 106.0), Outcome::Met(_)));
        assert!(matches!(outcome(113.0, 110.0), Outcome::Missed(_)));
        assert!(matches!(outcome(113.0, 114.0), Outcome::Failed(_)));
    }
}
