//! The loads: what is run under every condition, and what of it is measured.
//!
//! Each is held on one CPU, its client, where it has one, on another: where the scheduler puts them is not what is measured.
use super::{
    figure::{Figure, Unit},
    place::Place,
    redis,
    sensor::{SHIPPED, Sensor},
    web,
};
use crate::process::output;
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::{process::Command, time::Duration};

pub(super) const RUN_LIMIT: Duration = Duration::from_mins(2);
/// Where what is measured runs.
pub(super) const SERVER_CPU: &str = "0";
/// Where what asks it runs.
pub(super) const CLIENT_CPU: &str = "1";

/// What a load came to.
pub(super) struct Outcome {
    /// How often it did what it does.
    pub(super) operations: f64,
    /// Figures in their order, without [`EVERY`]; `None`: there is none under this condition.
    pub(super) values: Vec<Option<f64>>,
}

/// How many figures every load has, as its last ones: BPF time of an operation, security events lost.
pub(super) const EVERY: usize = 2;

/// A load that runs under every condition.
pub(super) struct Load {
    /// For `--only`.
    pub(super) name: &'static str,
    /// Programs that must be installed.
    pub(super) needs: &'static [&'static str],
    pub(super) figures: &'static [Figure],
    /// The sensor's rules, a folder of the checkout: what they want decides what is attached.
    pub(super) pack: &'static str,
    /// The sensor is given where it runs beside.
    pub(super) run: fn(&Place, Option<&Sensor>) -> anyhow::Result<Outcome>,
}

/// Rules that want execs and connections only.
const NO_FILES: &str = "rules/discovery";

macro_rules! load {
    ($name:literal, $label:literal, $needs:expr, [$($figure:literal: $unit:ident),+], $run:expr) => {
        load!($name, $label, $needs, [$($figure: $unit),+], SHIPPED, $run)
    };
    ($name:literal, $label:literal, $needs:expr, [$($figure:literal: $unit:ident),+], $pack:expr, $run:expr) => {
        Load {
            name: $name,
            needs: &$needs,
            figures: &[
                $(Figure::new(concat!($label, ", ", $figure), Unit::$unit),)+
                Figure::new(concat!($label, ", BPF time"), Unit::Nanos),
                Figure::new(concat!($label, ", security events lost"), Unit::Count),
            ],
            pack: $pack,
            run: $run,
        }
    };
}

pub(super) const LOADS: [Load; 14] = [
    load!("getppid", "getppid", [], ["CPU": Nanos], |place, _| own(place, &["getppid", "4000000"])),
    load!("pipe", "pipe write + read", [], ["CPU": Nanos], |place, _| own(place, &["pipe", "1500000"])),
    load!("open", "open + close", [], ["CPU": Nanos], |place, _| own(
        place,
        &["open", "800000", "/etc/passwd"]
    )),
    load!("open-unwanted", "open + close, no rule wants opens", [], ["CPU": Nanos], NO_FILES, |place, _| own(
        place,
        &["open", "800000", "/etc/passwd"]
    )),
    load!("open-missing", "open of what is not there", [], ["CPU": Nanos], |place, _| own(
        place,
        &["missing", "800000", "/usr/lib/python3/dist-packages/shadow"]
    )),
    load!("exec", "fork + exec + wait", [], ["CPU": Nanos], |place, _| execs(place, 2_000)),
    load!("exec-dynamic", "fork + exec + wait, dynamic", [], ["CPU": Nanos], |place, _| own(
        place,
        &["exec", "1000", "/bin/true"]
    )),
    load!("connect", "TCP connect + accept", [], ["CPU": Nanos], |place, _| own(place, &["connect", "30000"])),
    load!("refused", "refused connect", [], ["CPU": Nanos], |place, _| own(place, &["refused", "40000", "0"])),
    load!(
        "nginx",
        "nginx full speed",
        ["nginx", "wrk"],
        ["CPU/request": Nanos, "requests/s": PerSecond, "sensor CPU/request": Nanos, "captured": Share],
        web::full_speed
    ),
    load!(
        "nginx-paced",
        "nginx 5,000/s",
        ["nginx"],
        ["CPU/request": Nanos, "p50": Nanos, "p99": Nanos, "sensor CPU/request": Nanos, "captured": Share],
        |place, sensor| web::paced(place, web::nginx, 5_000, sensor)
    ),
    load!(
        "nginx-10k",
        "nginx 10,000/s",
        ["nginx"],
        ["CPU/request": Nanos, "p50": Nanos, "p99": Nanos, "sensor CPU/request": Nanos, "captured": Share],
        |place, sensor| web::paced(place, web::nginx, 10_000, sensor)
    ),
    load!(
        "go",
        "Go net/http 1,000/s",
        ["go"],
        ["CPU/request": Nanos, "p50": Nanos, "p99": Nanos, "sensor CPU/request": Nanos, "captured": Share],
        |place, sensor| web::paced(place, web::go, 1_000, sensor)
    ),
    load!(
        "redis",
        "redis-benchmark",
        ["redis-server", "redis-benchmark"],
        ["time/request": Nanos, "server CPU/request": Nanos],
        redis::run
    ),
];

/// `program` on that CPU only.
pub(super) fn on_cpu(cpu: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", cpu]).arg(program);
    command
}

/// CPU time of one operation of our own load program.
fn own(place: &Place, words: &[&str]) -> anyhow::Result<Outcome> {
    let mut command = on_cpu(SERVER_CPU, place.built("loads"));
    let printed = output("loads", command.args(words), &place.folder("loads")?, RUN_LIMIT)?;
    let result: Value = serde_json::from_str(&printed).context("read what loads printed")?;
    let (cpu, operations) =
        result["cpu_ns"].as_f64().zip(result["operations"].as_f64()).context("its result")?;
    ensure!(operations > 0.0, "loads did nothing: {printed}");
    Ok(Outcome { operations, values: vec![Some(cpu / operations)] })
}

/// So many times fork, exec of the smallest program, wait.
pub(super) fn execs(place: &Place, count: u32) -> anyhow::Result<Outcome> {
    let tiny = place.built("tiny");
    own(place, &["exec", &count.to_string(), tiny.to_str().context("a path that is no text")?])
}
