//! The loads: what is run, what of it is measured, what is aimed at. The goals are those of a machine with two cores.
use super::{
    figure::{Figure, Goal, Unit},
    place::Place,
    redis,
    sensor::Sensor,
    web,
};
use crate::process::output;
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::{process::Command, time::Duration};

const RUN_LIMIT: Duration = Duration::from_mins(2);

/// What a load's figures came to, in their order; `None`: there is none under this condition.
pub(super) type Values = Vec<Option<f64>>;

/// A load that runs under every condition.
pub(super) struct Load {
    /// For `--only`.
    pub(super) name: &'static str,
    /// Programs that must be installed.
    pub(super) needs: &'static [&'static str],
    pub(super) figures: &'static [Figure],
    /// Gives the figures, in order; the sensor where it runs beside.
    pub(super) run: fn(&Place, Option<&Sensor>) -> anyhow::Result<Values>,
}

const fn nanos(name: &'static str, goal: Goal) -> Figure {
    Figure { name, unit: Unit::Nanos, goal }
}

const fn share(name: &'static str, goal: Goal) -> Figure {
    Figure { name, unit: Unit::Share, goal }
}

pub(super) const LOADS: [Load; 8] = [
    Load {
        name: "getppid",
        needs: &[],
        figures: &[nanos("getppid, CPU", Goal::Ratio(1.10))],
        run: |place, _| own(place, &["getppid", "4000000"]),
    },
    Load {
        name: "pipe",
        needs: &[],
        figures: &[nanos("pipe write + read, CPU", Goal::Ratio(1.05))],
        run: |place, _| own(place, &["pipe", "1500000"]),
    },
    Load {
        name: "open",
        needs: &[],
        // No rule of the shipped pack wants opens.
        figures: &[nanos("open + close, CPU", Goal::Ratio(1.06))],
        run: |place, _| own(place, &["open", "800000", "/etc/passwd"]),
    },
    Load {
        name: "exec",
        needs: &[],
        figures: &[nanos("fork + exec + wait, CPU", Goal::Added(8_000.0))],
        run: |place, _| {
            let tiny = place.built("tiny");
            own(place, &["exec", "1500", tiny.to_str().context("a path that is no text")?])
        },
    },
    Load {
        name: "connect",
        needs: &[],
        figures: &[nanos("TCP connect + accept, CPU", Goal::Added(500.0))],
        run: |place, _| own(place, &["connect", "30000"]),
    },
    Load {
        name: "nginx",
        needs: &["nginx", "wrk"],
        figures: &[
            nanos("nginx full speed, CPU/request", Goal::Ratio(1.08)),
            nanos("nginx full speed, time/request", Goal::None),
            nanos("nginx full speed, sensor CPU/request", Goal::None),
            share("nginx full speed, captured", Goal::Least(1.0)),
        ],
        run: web::full_speed,
    },
    Load {
        name: "nginx-paced",
        needs: &["nginx"],
        figures: &[
            nanos("nginx 5,000/s, CPU/request", Goal::Ratio(1.08)),
            nanos("nginx 5,000/s, p50", Goal::None),
            nanos("nginx 5,000/s, p99", Goal::Ratio(1.05)),
            nanos("nginx 5,000/s, sensor CPU/request", Goal::None),
            share("nginx 5,000/s, captured", Goal::Least(1.0)),
        ],
        run: web::paced,
    },
    Load {
        name: "redis",
        needs: &["redis-server", "redis-benchmark"],
        figures: &[
            nanos("redis-benchmark, time/request", Goal::Ratio(1.03)),
            nanos("redis-benchmark, server CPU/request", Goal::None),
        ],
        run: redis::run,
    },
];

/// CPU time of one operation of our own load program.
fn own(place: &Place, words: &[&str]) -> anyhow::Result<Values> {
    let mut command = Command::new(place.built("loads"));
    let printed = output("loads", command.args(words), &place.folder("loads")?, RUN_LIMIT)?;
    let result: Value = serde_json::from_str(&printed).context("read what loads printed")?;
    let (cpu, operations) =
        result["cpu_ns"].as_f64().zip(result["operations"].as_f64()).context("its result")?;
    ensure!(operations > 0.0, "loads did nothing: {printed}");
    Ok(vec![Some(cpu / operations)])
}
