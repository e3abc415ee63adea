//! How soon an action is a finding: from the moment before an application spawns its shell to the finding's line in a file.
use super::{
    figure::{median, quantile},
    place::{Place, free_port},
    records::Tail,
    sensor::Sensor,
};
use crate::process::{Process, wait_for};
use anyhow::{Context as _, ensure};
use nix::time::{ClockId, clock_gettime};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

pub(super) const ATTACKS: usize = 100;
const FINDING_LIMIT: Duration = Duration::from_secs(10);
const APP_LIMIT: Duration = Duration::from_secs(20);
/// How closely the file is watched: the figures are true to this.
const WATCH: Duration = Duration::from_micros(500);
/// What the start left to do.
const SETTLE: Duration = Duration::from_secs(1);

/// Attacks found; median and 99th percentile of the way; sizes of a finding as OCSF and as OTLP JSON.
pub(super) fn run(place: &Place) -> anyhow::Result<Vec<Option<f64>>> {
    let sensor = Sensor::start(place)?;
    sleep(SETTLE);
    let (waits, sizes) = attacks(place, &sensor.findings())?;
    let mut records = Vec::new();
    Tail::open(&sensor.records())?.read(|line| {
        if line.contains("\"security.finding\"") {
            records.push(line.len() as f64);
        }
    })?;
    sensor.stop()?;
    let found = waits.len() as f64 / ATTACKS as f64;
    Ok(vec![Some(found), median(waits.clone()), quantile(waits, 0.99), median(sizes), median(records)])
}

/// Attacks an application one by one and waits for each one's finding in the file: ns on the way, bytes of the line.
pub(super) fn attacks(place: &Place, findings: &Path) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let (dir, port) = (place.folder("app")?, free_port()?);
    let mut command = Command::new("python3");
    command.arg(place.root.join("tests/load/timed_app.py")).args(["--port", &port.to_string()]);
    let mut app = Process::start("app", command, dir.join("log"))?;
    app.wait_until_said("listening", APP_LIMIT)?;
    let mut findings = Tail::open(findings)?;
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
    app.stop(APP_LIMIT)?; // it ends by the signal, so never "well"
    Ok((waits, sizes))
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
