//! Row f: a storm of payload costs no security event, and whatever is lost is counted.
use super::{ATTACKS, part_not_built};
use crate::accept::{
    driver, export,
    findings::Findings,
    http::Connection,
    lab::Lab,
    process::wait_for,
    sensor::{Options, Sensor},
    table::{Line, Table, Verdict},
    target::{Server, Target},
};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::{
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

const STORM: Duration = Duration::from_secs(30);
/// The smallest ring: full all the time.
const RING_BYTES: u32 = 64 << 10;
/// Connections that send heads as fast as the server answers.
const CLIENTS: usize = 8;
const DEADLINE: Duration = Duration::from_secs(20);
/// Kinds that no storm of payload may cost.
const SECURITY: [&str; 3] = ["fork", "exec", "exit"];

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let name = "payload ring full, execs beside it";
    if lab.wanted(name) {
        storm(lab, table, name)?;
    }
    for name in ["open storm", "every kind: made = seen + counted", "one scope's storm, another scope"] {
        part_not_built(lab, table, 'f', name, "");
    }
    Ok(())
}

fn storm(lab: &Lab, table: &mut Table, name: &str) -> anyhow::Result<()> {
    let began = Instant::now();
    let sensor = Sensor::start(lab, &Options { payload_ring_bytes: Some(RING_BYTES), ..Options::default() })?;
    let target = Target::start(lab, Server::Fork)?;
    let done = AtomicBool::new(false);
    let (made, truth) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| send(lab, target.port, &done))).collect();
        let result = execs(STORM).and_then(|made| Ok((made, driver::one_by_one(lab, target.port, ATTACKS)?)));
        done.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        }
        result
    })?;
    let mut findings = sensor.findings();
    let count = |findings: &Findings| {
        findings
            .list
            .iter()
            .filter(|one| one.nonce.as_deref().is_some_and(|nonce| nonce.starts_with("gbx")))
            .count()
    };
    wait_for(DEADLINE, || {
        findings.read();
        count(&findings) >= made
    });
    findings.wait_for_all(&truth.nonces(), DEADLINE);
    let seen = count(&findings);
    let nonces = truth.nonces();
    let told: Vec<bool> = findings
        .list
        .iter()
        .filter(|finding| finding.nonce.as_deref().is_some_and(|nonce| nonces.contains(&nonce)))
        .map(|finding| finding.event.pointer("/unmapped/guardbee/losses").is_some())
        .collect();
    let losses = losses(&sensor.records);
    let of = |kinds: &[&str]| {
        losses.iter().filter(|(kind, _)| kinds.contains(&kind.as_str())).map(|(_, n)| n).sum::<u64>()
    };
    let (security, all) = (of(&SECURITY), losses.iter().map(|(_, count)| count).sum::<u64>());
    ensure!(all != 0, "nothing was lost: the ring was never full, this says nothing");
    let figure = format!(
        "{made} execs made, {seen} seen, {security} of them counted as lost; {all} others counted as lost"
    );
    table.add(Line::new('f', name, Verdict::of(seen == made && security == 0), figure, began));
    let say = told.iter().filter(|said| **said).count();
    let figure = format!("{say} of {} findings in the storm name losses", told.len());
    let passed = say == told.len() && told.len() >= ATTACKS;
    table.add(Line::new('f', "findings tell of losses", Verdict::of(passed), figure, began));
    sensor.stop()
}

/// Long heads, one after the other.
fn send(lab: &Lab, port: u16, done: &AtomicBool) -> anyhow::Result<()> {
    let padding = format!("X-Padding: {}\r\n", "x".repeat(3500));
    let mut connection = Connection::open(port)?;
    while !done.load(Ordering::Relaxed) {
        let answer = connection.get_with(&format!("/slow?nonce={}&ms=0", lab.nonce()), &padding)?;
        ensure!(answer.status == 200, "status {}", answer.status);
    }
    Ok(())
}

/// Actions of no request, for that long; how many.
fn execs(time: Duration) -> anyhow::Result<usize> {
    let began = Instant::now();
    let mut made = 0;
    while began.elapsed() < time {
        let mut command = Command::new("sh");
        command.args(["-c", "id", &format!("gbx{made:06}")]).stdout(Stdio::null());
        ensure!(command.status().context("start sh")?.success(), "sh -c id failed");
        made += 1;
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(made)
}

/// Everything that the sensor says it has lost: kind and count.
fn losses(records: &std::path::Path) -> Vec<(String, u64)> {
    let statements = export::logs(records);
    let lists = statements.iter().filter_map(|record| export::attribute(record, "guardbee.losses"));
    lists
        .filter_map(|text| serde_json::from_str::<Vec<Value>>(text).ok())
        .flatten()
        .filter_map(|loss| Some((loss["kind"].as_str()?.to_owned(), loss["count"].as_u64()?)))
        .collect()
}
