//! Goals: what each figure is aimed at, and where one is missed, why and what would close it.
//!
//! Ratios are to the same load without anything, in the same round; they hold for tracepoints on a machine with two cores.
//! A reason stands here when a goal is known to be missed, with a bound: what was measured, and generous room for a busy machine.
//! Beyond the bound the reason explains nothing any more. One that is missed without a reason, or by more than that, is a failure.
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
    /// Why it is missed, and by how much at most.
    pub(crate) missed: Option<Missed>,
}

/// A goal that is known to be missed.
#[derive(Clone, Copy)]
pub(crate) struct Missed {
    /// Why, and what would close it.
    pub(crate) why: &'static str,
    /// What the reason explains; in the form of the goal.
    pub(crate) bound: Goal,
}

const MIB: f64 = (1 << 20) as f64;

const fn goal(figure: &'static str, goal: Goal) -> Target {
    Target { figure, goal, missed: None }
}

const fn missed(figure: &'static str, goal: Goal, bound: Goal, why: &'static str) -> Target {
    Target { figure, goal, missed: Some(Missed { why, bound }) }
}

/// Of calls that nobody asked about.
const SLOW_PATH: &str = "shipped rules want files and system calls, which are hooked one by one: as soon as one is, the kernel \
    leads every call of the node over its slow path, and that is all of it (the floor; the programs don't run). Nearer: fentry or \
    LSM where the kernel has them; no hooks at the entry of calls; rules that want none";

pub(crate) const GOALS: &[Target] = &[
    // What the node's own work pays.
    missed("getppid, CPU", Goal::Ratio(1.10), Goal::Ratio(1.70), SLOW_PATH),
    goal("getppid, BPF time", Goal::Most(10.0)),
    missed("pipe write + read, CPU", Goal::Ratio(1.05), Goal::Ratio(1.50), SLOW_PATH),
    // Shipped rules want some opens, by name: each is looked at.
    missed(
        "open + close, CPU",
        Goal::Ratio(1.25),
        Goal::Ratio(1.90),
        "most of it is the hook's own price (the floor); the rest finds the opened file and looks its last \
         name up, a dozen reads of kernel memory. Nearer: fentry or LSM where the kernel has them, direct \
         loads from 6.3 on",
    ),
    goal("open + close, security events lost", Goal::Most(0.0)),
    goal("open + close, no rule wants opens, CPU", Goal::Ratio(1.06)),
    missed(
        "fork + exec + wait, CPU",
        Goal::Added(8_000.0),
        Goal::Added(60_000.0),
        "three programs run, and exec's copies arguments, paths and credentials: microseconds of BPF \
         (below); the rest is the pipeline's threads beside it, which slow the load down where two CPUs \
         share one core. Nearer: a path once for each inode, no arguments for scopes that no rule asks \
         about",
    ),
    goal("fork + exec + wait, security events lost", Goal::Most(0.0)),
    missed(
        "TCP connect + accept, CPU",
        Goal::Added(500.0),
        Goal::Added(25_000.0),
        "both ends are on this node: inet_sock_set_state runs seven times for a connection, makes two \
         entries in the table of connections, and reports connect and close. Nearer: leave before the \
         guard on states in between, one entry for a connection whose ends are both local",
    ),
    // One event each.
    missed(
        "refused connect, BPF time",
        Goal::Most(150.0),
        Goal::Most(8_000.0),
        "inet_sock_set_state runs twice for it, each time with the context's guard; the caller's header \
         goes into an LRU map and out again; the record has both addresses. Nearer: the socket's own slot \
         instead of the LRU, no record for scopes whose rules want none",
    ),
    missed(
        "nginx full speed, CPU/request",
        Goal::Ratio(1.08),
        Goal::Ratio(1.60),
        "a request passes five programs at its two ends, of which the worker pays three: guard, look-up \
         of the connection, stamp, and a copy of what was moved, up to 4 KiB after each turn of the \
         stream (run times below). Nearer: of a response only its head, one look-up for stamp and stream",
    ),
    missed(
        "nginx full speed, captured",
        Goal::Least(1.0),
        Goal::Least(0.60),
        "nginx and wrk take both cores whole, and a request is two spans, as its client is here too: the \
         sensor gets too little CPU for all, and counts what it drops. Nearer: less CPU for a request in \
         the core thread (below), one parser's run for a connection whose ends are both local, then a \
         second core thread, by connection",
    ),
    missed(
        "nginx 5,000/s, CPU/request",
        Goal::Ratio(1.08),
        Goal::Ratio(1.40),
        "as at full speed. Nearer: the same",
    ),
    missed(
        "nginx 5,000/s, p50",
        Goal::Ratio(1.05),
        Goal::Ratio(1.80),
        "the programs on a request's way are microseconds of its two hundred (run times below), and the \
         sensor's threads take turns with server and client on two cores. Nearer: as for CPU",
    ),
    missed("nginx 5,000/s, p99", Goal::Ratio(1.05), Goal::Ratio(6.0), "as at 10,000/s. Nearer: the same"),
    goal("nginx 5,000/s, captured", Goal::Least(1.0)),
    missed(
        "nginx 10,000/s, p99",
        Goal::Ratio(1.05),
        Goal::Ratio(8.0),
        "server, client and the sensor's threads share two cores: a request waits while one of these \
         works off a portion. Nearer: less CPU for a request (below); smaller portions, at the price of \
         a change of threads for each",
    ),
    goal("nginx 10,000/s, captured", Goal::Least(1.0)),
    missed(
        "Go net/http 1,000/s, p50",
        Goal::Ratio(1.05),
        Goal::Ratio(1.60),
        "five programs run on a request's way, microseconds in sum (below), and the sensor's threads wake \
         on the two cores that server and client use. Nearer: as for nginx",
    ),
    goal("Go net/http 1,000/s, captured", Goal::Least(1.0)),
    missed(
        "redis-benchmark, time/request",
        Goal::Ratio(1.03),
        Goal::Ratio(1.70),
        "sock_send_length and sock_recv_length run at both ends of every command, four times a request, \
         though nothing of it is wanted: a look-up of the connection each, to find that it is no HTTP. \
         Nearer: that answer in the socket's own storage where the kernel has it, before the guard",
    ),
    // What the sensor itself takes.
    missed(
        "start, CPU",
        Goal::Most(0.5e9),
        Goal::Most(1.5e9),
        "every program is verified, attached and made to fire once, also those that no rule wants; links of \
         perf's are most of it. Nearer: begin with what the rules want, try the rest when a rule does",
    ),
    goal("start, peak", Goal::Most(120.0 * MIB)),
    missed(
        "idle, memory",
        Goal::Most(60.0 * MIB),
        Goal::Most(90.0 * MIB),
        "two thirds are BPF maps, of these 24 MiB the three rings, as large as a storm needs them. \
         Nearer: smaller rings by default",
    ),
    goal("loaded, memory", Goal::Most(120.0 * MIB)),
    goal("memory after 100,000 execs, to after 10,000", Goal::Most(1.02)),
    goal("memory after 100,000 execs, to after 50,000", Goal::Most(1.02)),
    missed(
        "idle, wake-ups",
        Goal::Most(20.0),
        Goal::Most(60.0),
        "records are written without waking anybody, so the core thread looks by itself while any process \
         on the node does something, and the sealing thread when something is due. Nearer: a longer \
         period when little comes",
    ),
    missed(
        "security events/s, none lost",
        Goal::Least(300_000.0),
        Goal::Least(150_000.0),
        "what makes the events takes more of the two cores than the sensor does to read them, and whoever else \
         works then takes it from both: the core thread comes late by longer than its ring lasts, a tenth of a \
         second. What its CPU time allows says the study's last figure. Nearer: a quieter machine, more cores",
    ),
    goal("security events, neither read nor counted as lost", Goal::Most(0.0)),
    // What it delivers.
    goal("attacks found", Goal::Least(1.0)),
    goal("action to finding in the file, p99", Goal::Most(500e6)),
    goal("attacks found at the Collector", Goal::Least(1.0)),
    goal("action to finding at the Collector, p99", Goal::Most(500e6)),
    goal("span on the wire", Goal::Most(600.0)),
    missed(
        "finding, OTLP and gzip, alone",
        Goal::Most(600.0),
        Goal::Most(3_600.0),
        "it can be read and proven without another: of each ten bytes four are the body that a SIEM \
         reads, two the attributes that a trace store reads, one the envelope, one the proof, one the list \
         of signed keys; alone there is little for gzip to find twice. Nearer: the key list in the audit \
         stream, which a proof needs anyway: 200 bytes; attributes or body only, for who reads only one",
    ),
    missed(
        "finding, OTLP and gzip, 8 at once",
        Goal::Most(600.0),
        Goal::Most(1_000.0),
        "as for one alone, and a quarter of it is proofs, which nothing compresses. Nearer: one proof for \
         a batch, beside its findings",
    ),
    goal("seal of a span, gzip, 512 at once", Goal::Most(40.0)),
    missed(
        "sealing a span, CPU",
        Goal::Most(700.0),
        Goal::Most(2_500.0),
        "half of it is the SHA-256 of what is signed of a span, the rest writing that down and the \
         reference. Nearer: fewer signed attributes by default",
    ),
    goal("144 rules, exec events/s of a core", Goal::Least(3e6)),
    goal("1,629 rules, exec events/s of a core", Goal::Least(2e6)),
    goal("10,000 rules, exec events/s of a core", Goal::Least(1.5e6)),
    missed(
        "shipped rules, exec events/s of a core",
        Goal::Least(3e6),
        Goal::Least(300_000.0),
        "the command line is joined, written in lower case and walked for each event, which is most of it; the \
         bench's events, all of which have pipes, have about one rule each that reads more. Nearer: joined and \
         folded in one go; kinds of descriptors as witnesses where few events have them",
    ),
    goal("delivered over mTLS at 5,000/s", Goal::Least(1.0)),
];

/// The goal of this figure.
pub(crate) fn of(figure: &str) -> Option<&'static Target> {
    GOALS.iter().find(|target| target.figure == figure)
}

impl Missed {
    /// Whether the reason explains how far the goal is missed.
    pub(super) fn explains(self, series: &Series) -> bool {
        self.bound.met(series) == Some(true)
    }
}

impl Goal {
    /// Whether it is missed by less than rounds without anything differ among themselves, and a round met it: that says nothing.
    /// What every round misses is missed, however noisy the machine.
    pub(super) fn within_noise(self, series: &Series) -> bool {
        let beyond = match (self, series.ratio(Condition::Sensor)) {
            (Self::Ratio(most), Some([smallest, ratio, _])) if smallest <= most => ratio - most,
            (Self::Added(most), Some([smallest, ratio, _])) => match series.median(Condition::Bare) {
                Some(bare) if (smallest - 1.0) * bare <= most => ratio - 1.0 - most / bare,
                _ => return false,
            },
            _ => return false,
        };
        series.noise().is_some_and(|noise| beyond <= noise)
    }

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
        for target in GOALS {
            let Some(missed) = target.missed else { continue };
            let wider = match (target.goal, missed.bound) {
                (Goal::Ratio(goal), Goal::Ratio(bound))
                | (Goal::Added(goal), Goal::Added(bound))
                | (Goal::Most(goal), Goal::Most(bound))
                | (Goal::Least(bound), Goal::Least(goal)) => bound > goal,
                _ => false,
            };
            assert!(wider, "the bound of {} is no wider goal of the same form", target.figure);
        }
        let goals: BTreeSet<_> = GOALS.iter().map(|target| target.figure).collect();
        assert_eq!(goals.len(), GOALS.len(), "a figure has two goals");
    }

    #[test]
    fn less_than_the_noise_says_nothing_unless_every_round_misses() {
        let series = |rounds: &[(f64, f64)]| {
            let mut series = Series::new(Figure::new("x", Unit::Nanos));
            for (bare, with) in rounds {
                series.push([Some(*bare), None, Some(*with)]);
            }
            series
        };
        let within = |goal: Goal, rounds: &[(f64, f64)]| goal.within_noise(&series(rounds));
        let noisy = [(100.0, 105.0), (90.0, 110.0), (110.0, 130.0)];
        assert!(within(Goal::Ratio(1.10), &noisy) && within(Goal::Added(10.0), &noisy));
        assert!(!within(Goal::Ratio(1.04), &noisy), "every round misses it");
        assert!(!within(Goal::Added(4.0), &noisy), "every round misses it");
        let calm = [(100.0, 105.0), (100.0, 120.0), (101.0, 121.0)];
        assert!(!within(Goal::Ratio(1.10), &calm), "missed by more than the noise");
        assert!(!within(Goal::Ratio(1.10), &[(100.0, 105.0)]), "one round has no noise");
        assert!(!within(Goal::Most(1.0), &noisy));
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
