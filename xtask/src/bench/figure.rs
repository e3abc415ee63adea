//! Figures: what is measured, and what came out over all rounds.
use super::{falco, goals};
use serde_json::{Value, json};

/// Under what a load runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Condition {
    /// Nothing.
    Bare,
    /// Empty programs at the sensor's hooks.
    Floor,
    /// The sensor.
    Sensor,
}

impl Condition {
    pub(super) const ALL: [Self; 3] = [Self::Bare, Self::Floor, Self::Sensor];
}

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    /// Nanoseconds; less is better.
    Nanos,
    /// Of all; 1 is best.
    Share,
    Bytes,
    PerSecond,
    Count,
    /// Of something else that was measured.
    Times,
}

impl Unit {
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Nanos if value.abs() >= 1e9 => format!("{:.2} s", value / 1e9),
            Self::Nanos if value.abs() >= 1e6 => format!("{:.1} ms", value / 1e6),
            Self::Nanos if value.abs() >= 1e3 => format!("{:.2} us", value / 1e3),
            Self::Nanos => format!("{value:.0} ns"),
            Self::Share => format!("{:.3} %", value * 100.0),
            Self::Bytes if value >= f64::from(1 << 20) => format!("{:.1} MiB", value / f64::from(1 << 20)),
            Self::Bytes => format!("{value:.0} B"),
            Self::PerSecond => format!("{value:.0}/s"),
            Self::Count => format!("{value:.0}"),
            Self::Times => format!("x{value:.2}"),
        }
    }
}

/// A figure of a load or a study. Goals go by its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
}

impl Figure {
    pub(super) const fn new(name: &'static str, unit: Unit) -> Self {
        Self { name, unit }
    }
}

/// All rounds of a figure. A load that says nothing under a condition leaves it empty.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) figure: Figure,
    rounds: Vec<[Option<f64>; 3]>,
}

impl Series {
    pub(super) fn new(figure: Figure) -> Self {
        Self { figure, rounds: Vec::new() }
    }

    /// Adds one round, in the order of [`Condition::ALL`].
    pub(super) fn push(&mut self, round: [Option<f64>; 3]) {
        self.rounds.push(round);
    }

    fn values(&self, of: Condition) -> Vec<f64> {
        self.rounds.iter().filter_map(|round| round[of as usize]).collect()
    }

    pub(super) fn median(&self, of: Condition) -> Option<f64> {
        median(self.values(of))
    }

    fn pairs(&self, of: Condition) -> impl Iterator<Item = (f64, f64)> {
        self.rounds.iter().filter_map(move |round| round[Condition::Bare as usize].zip(round[of as usize]))
    }

    /// To bare, each round by itself: smallest, median, largest.
    pub(super) fn ratio(&self, of: Condition) -> Option<[f64; 3]> {
        let ratios: Vec<f64> =
            self.pairs(of).filter(|(bare, _)| *bare > 0.0).map(|(bare, with)| with / bare).collect();
        let smallest = ratios.iter().copied().reduce(f64::min)?;
        let largest = ratios.iter().copied().reduce(f64::max)?;
        Some([smallest, median(ratios)?, largest])
    }

    /// The sensor's above bare, each round by itself; the median.
    pub(super) fn added(&self) -> Option<f64> {
        median(self.pairs(Condition::Sensor).map(|(bare, with)| with - bare).collect())
    }

    /// How far the rounds without anything lie apart, as a share of their median: what differs by less means nothing.
    pub(super) fn noise(&self) -> Option<f64> {
        let values = self.values(Condition::Bare);
        if values.len() < 2 {
            return None;
        }
        let smallest = values.iter().copied().reduce(f64::min)?;
        let largest = values.iter().copied().reduce(f64::max)?;
        let median = median(values)?;
        (median > 0.0).then(|| (largest - smallest) / median)
    }

    pub(super) fn json(&self) -> Value {
        let goal = goals::of(self.figure.name);
        json!({
            "name": self.figure.name,
            "unit": format!("{:?}", self.figure.unit),
            "falco": falco::of(self.figure.name),
            "goal": goal.map(|target| target.goal.show(self.figure.unit)),
            "met": goal.and_then(|target| target.goal.met(self)),
            "bare": self.median(Condition::Bare),
            "floor": self.median(Condition::Floor),
            "sensor": self.median(Condition::Sensor),
            "floor_ratio": self.ratio(Condition::Floor),
            "sensor_ratio": self.ratio(Condition::Sensor),
            "added": self.added(),
            "noise": self.noise(),
            "rounds": self.rounds,
        })
    }
}

/// The middle one, or the mean of the two in the middle.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some(f64::midpoint(*low, *high))
}

/// The value that `part` of all don't exceed: nearest rank.
pub(super) fn quantile(mut values: Vec<f64>, part: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank between 1 and a small length"
    )]
    let rank = (part * values.len() as f64).ceil().max(1.0) as usize;
    values.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NANOS: Figure = Figure::new("x", Unit::Nanos);

    #[test]
    fn ratios_are_of_rounds_not_of_medians() {
        let mut series = Series::new(NANOS);
        for (bare, with) in [(100.0, 105.0), (200.0, 250.0), (50.0, 54.0)] {
            series.push([Some(bare), None, Some(with)]);
        }
        assert_eq!(series.ratio(Condition::Sensor), Some([1.05, 1.08, 1.25]));
        assert_eq!(series.added(), Some(5.0));
        assert_eq!(series.noise(), Some(1.5));
        assert_eq!(series.ratio(Condition::Floor), None);
    }

    #[test]
    fn medians_and_quantiles() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0]), Some(2.0));
        assert_eq!(median(vec![3.0, 1.0, 9.0]), Some(3.0));
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(quantile(hundred.clone(), 0.99), Some(99.0));
        assert_eq!(quantile(hundred, 1.0), Some(100.0));
        assert_eq!(quantile(vec![], 0.5), None);
    }
}
