//! Goals: what each figure is aimed at, and where one is missed, why and what would close it.
//!
//! Ratios are to the same load without anything, in the same round; they hold for tracepoints on a machine with two cores.
//! A reason stands here when a goal is known to be missed. One that is missed without a reason is a failure.
use super::figure::{Condition, Series, Unit};

/// What is aimed at.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Goal {
    /// At most this ratio to bare.
    Ratio(f64),
    /// At most this much more than bare.
    Added(f64),
    /// At most this, with the sensor.
    Most(f64),
    /// At least this, with the sensor.
    Least(f64),
}

/// A figure's goal.
pub(crate) struct Target {
    /// Name of the figure.
    pub(crate) figure: &'static str,
    pub(crate) goal: Goal,
    /// Why it is missed, and what would close it.
    pub(crate) missed: Option<&'static str>,
}

const MIB: f64 = (1 << 20) as f64;

const fn goal(figure: &'static str, goal: Goal) -> Target {
    Target { figure, goal, missed: None }
}

#[expect(dead_code, reason = "used once a goal is known to be missed")]
const fn missed(figure: &'static str, goal: Goal, why: &'static str) -> Target {
    Target { figure, goal, missed: Some(why) }
}

pub(crate) const GOALS: &[Target] = &[
    // What the node's own work pays.
    goal("getppid, CPU", Goal::Ratio(1.10)),
    goal("getppid, BPF time", Goal::Most(10.0)),
    goal("pipe write + read, CPU", Goal::Ratio(1.05)),
    goal("open + close, CPU", Goal::Ratio(1.06)), // no shipped rule wants opens
    goal("open + close, security events lost", Goal::Most(0.0)),
    goal("fork + exec + wait, CPU", Goal::Added(8_000.0)),
    goal("fork + exec + wait, security events lost", Goal::Most(0.0)),
    goal("TCP connect + accept, CPU", Goal::Added(500.0)),
    goal("refused connect, BPF time", Goal::Most(150.0)), // one event each
    goal("nginx full speed, CPU/request", Goal::Ratio(1.08)),
    goal("nginx full speed, captured", Goal::Least(1.0)),
    goal("nginx 5,000/s, CPU/request", Goal::Ratio(1.08)),
    goal("nginx 5,000/s, captured", Goal::Least(1.0)),
    goal("nginx 10,000/s, p99", Goal::Ratio(1.05)),
    goal("nginx 10,000/s, captured", Goal::Least(1.0)),
    goal("Go net/http 1,000/s, p50", Goal::Ratio(1.05)),
    goal("Go net/http 1,000/s, captured", Goal::Least(1.0)),
    goal("redis-benchmark, time/request", Goal::Ratio(1.03)),
    // What the sensor itself takes.
    goal("start, CPU", Goal::Most(0.5e9)),
    goal("start, peak", Goal::Most(120.0 * MIB)),
    goal("idle, memory", Goal::Most(60.0 * MIB)),
    goal("loaded, memory", Goal::Most(120.0 * MIB)),
    goal("memory after 100,000 execs, to after 10,000", Goal::Most(1.02)),
    goal("idle, wake-ups", Goal::Most(20.0)),
    goal("security events/s, none lost", Goal::Least(300_000.0)),
    // What it delivers.
    goal("attacks found", Goal::Least(1.0)),
    goal("action to finding in the file, p99", Goal::Most(500e6)),
    goal("attacks found at the Collector", Goal::Least(1.0)),
    goal("action to finding at the Collector, p99", Goal::Most(500e6)),
    goal("span on the wire", Goal::Most(600.0)),
    goal("finding, OTLP and gzip, alone", Goal::Most(600.0)),
    goal("finding, OTLP and gzip, 8 at once", Goal::Most(600.0)),
    goal("seal of a span, gzip, 512 at once", Goal::Most(40.0)),
    goal("sealing a span, CPU", Goal::Most(700.0)),
    goal("rules, exec events/s of a core", Goal::Least(3e6)),
    goal("delivered over mTLS at 5,000/s", Goal::Least(1.0)),
];

/// The goal of this figure.
pub(crate) fn of(figure: &str) -> Option<&'static Target> {
    GOALS.iter().find(|target| target.figure == figure)
}

impl Goal {
    /// Whether it is met; `None`: nothing was measured.
    pub(super) fn met(self, series: &Series) -> Option<bool> {
        let with = series.median(Condition::Sensor);
        match self {
            Self::Ratio(most) => series.ratio(Condition::Sensor).map(|[_, ratio, _]| ratio <= most),
            Self::Added(most) => series.added().map(|added| added <= most),
            Self::Most(most) => with.map(|value| value <= most),
            Self::Least(least) => with.map(|value| value >= least),
        }
    }

    pub(super) fn show(self, unit: Unit) -> String {
        match self {
            Self::Ratio(most) => format!("<= x{most:.2}"),
            Self::Added(most) => format!("<= +{}", unit.show(most)),
            Self::Most(most) => format!("<= {}", unit.show(most)),
            Self::Least(least) => format!(">= {}", unit.show(least)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{figure::Figure, loads::LOADS, studies::STUDIES},
        *,
    };
    use std::collections::BTreeSet;

    #[test]
    fn every_goal_is_measured_and_stands_once() {
        let loads = LOADS.iter().flat_map(|load| load.figures);
        let figures: Vec<_> = loads.chain(STUDIES.iter().flat_map(|study| study.figures)).collect();
        let names: BTreeSet<_> = figures.iter().map(|figure| figure.name).collect();
        assert_eq!(names.len(), figures.len(), "two figures have the same name");
        for target in GOALS {
            assert!(names.contains(target.figure), "nothing measures {}", target.figure);
        }
        let goals: BTreeSet<_> = GOALS.iter().map(|target| target.figure).collect();
        assert_eq!(goals.len(), GOALS.len(), "a figure has two goals");
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        let mut series = Series::new(Figure::new("x", Unit::Nanos));
        assert_eq!(Goal::Ratio(1.10).met(&series), None);
        series.push([None, None, Some(0.99)]);
        assert_eq!(Goal::Least(1.0).met(&series), Some(false));
        assert_eq!(Goal::Most(1.0).met(&series), Some(true));
        assert_eq!(Goal::Ratio(1.10).met(&series), None);
        series.push([Some(100.0), None, Some(108.0)]);
        assert_eq!(Goal::Ratio(1.10).met(&series), Some(true));
        assert_eq!(Goal::Added(7.0).met(&series), Some(false));
    }
}
