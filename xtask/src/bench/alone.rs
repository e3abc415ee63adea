//! What only the sensor has: memory, what it does when nothing happens, and how soon an action is a finding.
use super::{
    figure::{Figure, Goal, Series, Unit, median, quantile},
    loads::LOADS,
    place::{Place, free_port},
    records::Tail,
    sensor::Sensor,
    web,
};
use crate::process::{Process, wait_for};
use anyhow::{Context as _, ensure};
use nix::time::{ClockId, clock_gettime};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

/// Something that is measured once, with the sensor alone.
pub(super) struct Study {
    /// For `--only`.
    pub(super) name: &'static str,
    /// Programs that must be installed.
    pub(super) needs: &'static [&'static str],
    pub(super) run: fn(&Place) -> anyhow::Result<Vec<Series>>,
}

pub(super) const STUDIES: [Study; 2] = [
    Study { name: "memory", needs: &["nginx"], run: memory },
    Study { name: "latency", needs: &["python3"], run: latency },
];

const IDLE: Duration = Duration::from_secs(10);
const MIB: f64 = (1 << 20) as f64;

fn series(name: &'static str, unit: Unit, goal: Goal, value: f64) -> Series {
    Series::of_sensor(Figure { name, unit, goal }, value)
}

/// Memory and CPU at start, idle, and after requests and execs.
fn memory(place: &Place) -> anyhow::Result<Vec<Series>> {
    let sensor = Sensor::start(place)?;
    let (start_cpu, peak) = (sensor.cpu_ns()?, sensor.peak()?);
    sleep(Duration::from_secs(2)); // what the start left to do
    let (cpu, sleeps, began) = (sensor.cpu_ns()?, sensor.sleeps(), Instant::now());
    sleep(IDLE);
    let seconds = began.elapsed().as_secs_f64();
    let (idle_cpu, wakeups) = (sensor.cpu_ns()? - cpu, sensor.sleeps().saturating_sub(sleeps) as f64);
    let idle = sensor.memory()?;
    let span_bytes = web::span_bytes(place, &sensor)?;
    let exec = LOADS.iter().find(|load| load.name == "exec").context("there is a load of execs")?;
    (exec.run)(place, Some(&sensor))?;
    let loaded = sensor.memory()?;
    let mut all = vec![
        series("start, CPU", Unit::Nanos, Goal::Most(0.5e9), start_cpu),
        series("start, peak (RSS of both + maps)", Unit::Bytes, Goal::Most(120.0 * MIB), peak),
        series("idle, PSS of both + maps", Unit::Bytes, Goal::Most(60.0 * MIB), idle),
        series("after load, PSS of both + maps", Unit::Bytes, Goal::Most(120.0 * MIB), loaded),
        series("BPF maps of these", Unit::Bytes, Goal::None, sensor.map_bytes() as f64),
        series("idle, wake-ups", Unit::PerSecond, Goal::Most(20.0), wakeups / seconds),
        series("idle, CPU per second", Unit::Nanos, Goal::None, idle_cpu / seconds),
    ];
    if let Some(bytes) = span_bytes {
        all.push(series("a span, OTLP JSON", Unit::Bytes, Goal::Most(600.0), bytes));
    }
    sensor.stop()?;
    Ok(all)
}

const ATTACKS: usize = 100;
const FINDING_LIMIT: Duration = Duration::from_secs(10);
const APP_LIMIT: Duration = Duration::from_secs(20);
/// How closely the file is watched: the figures are true to this.
const WATCH: Duration = Duration::from_micros(500);

/// From the moment before the application spawns its shell to the finding's line in the file.
fn latency(place: &Place) -> anyhow::Result<Vec<Series>> {
    let sensor = Sensor::start(place)?;
    let (dir, port) = (place.folder("app")?, free_port()?);
    let mut command = Command::new("python3");
    command.arg(place.root.join("tests/load/timed_app.py")).args(["--port", &port.to_string()]);
    let mut app = Process::start("app", command, dir.join("log"))?;
    app.wait_until_said("listening", APP_LIMIT)?;
    let mut findings = Tail::open(&sensor.findings())?;
    let (mut waits, mut sizes) = (Vec::new(), Vec::new());
    for number in 0..ATTACKS {
        let nonce = format!("gbl{port}n{number:03}");
        attack(port, &nonce)?;
        let Some((arrived, bytes)) = arrival(&mut findings, &nonce)? else { continue };
        waits.push(arrived - acted(&app, &nonce)?);
        sizes.push(bytes);
        // Off the beat: attacks in step with a finding's way would always meet the same part of a drain period.
        sleep(Duration::from_millis(number as u64 * 7 % 50));
    }
    app.stop(APP_LIMIT).ok(); // it ends by the signal, so never "well"
    sensor.stop()?;
    let found = waits.len() as f64 / ATTACKS as f64;
    let mut all = vec![series("attacks found", Unit::Share, Goal::Least(1.0), found)];
    let quantiles = [
        ("action to finding in the file, p50", 0.5, Goal::None),
        ("action to finding in the file, p99", 0.99, Goal::Most(500e6)),
        ("action to finding in the file, slowest", 1.0, Goal::None),
    ];
    for (name, part, goal) in quantiles {
        all.extend(quantile(waits.clone(), part).map(|wait| series(name, Unit::Nanos, goal, wait)));
    }
    all.extend(median(sizes).map(|bytes| series("a finding, OCSF", Unit::Bytes, Goal::Most(600.0), bytes)));
    Ok(all)
}

/// Makes the application run `id NONCE`.
fn attack(port: u16, nonce: &str) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("reach the application")?;
    stream.set_read_timeout(Some(FINDING_LIMIT))?;
    let request =
        format!("GET /ping?host=x;id%20{nonce} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("the application's answer")?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "the application answered: {answer}");
    Ok(())
}

/// When the first finding with the nonce was there, by the monotonic clock in ns, and its bytes.
fn arrival(findings: &mut Tail, nonce: &str) -> anyhow::Result<Option<(f64, f64)>> {
    let began = Instant::now();
    let mut bytes = None;
    while bytes.is_none() {
        if began.elapsed() > FINDING_LIMIT {
            println!("   no finding for {nonce} in {} s", FINDING_LIMIT.as_secs());
            return Ok(None);
        }
        findings.read(|line| {
            if bytes.is_none() && line.contains(nonce) {
                bytes = Some(line.len() as f64);
            }
        })?;
        sleep(WATCH);
    }
    let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).context("read the clock")?);
    Ok(bytes.map(|bytes| (now.as_nanos() as f64, bytes)))
}

/// When the application was about to act, by the same clock.
fn acted(app: &Process, nonce: &str) -> anyhow::Result<f64> {
    let mut at = None;
    wait_for(APP_LIMIT, || {
        at = app
            .log()
            .lines()
            .filter(|line| line.contains(nonce))
            .find_map(|line| line.strip_prefix("acts ")?.split(' ').next()?.parse().ok());
        at.is_some()
    });
    at.context("the application did not say when it acts")
}
