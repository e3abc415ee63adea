//! Row b: requests in flight at once, and what acts for nobody; never a wrong link.
use super::{ATTACKS, IN_FLIGHT, Judged, part};
use crate::accept::{
    checker::{self, Class, Figures},
    driver::{self, Asked, Truth},
    http::Connection,
    lab::Lab,
    process::{self, wait_for},
    sensor::{Options, Sensor},
    table::Table,
    target::{Server, Target},
};
use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

/// A finding that hasn't come by then is missing.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long a child outlives its answer before it acts.
const LINGER: Duration = Duration::from_mins(1);
/// Attacks one after the other.
const ALONE: usize = 10;

/// One request on one thread to its end, visible from outside: all are proven.
const PROVEN: [Server; 6] = [
    Server::Fork,
    Server::GunicornSync,
    Server::GunicornGthread,
    Server::Flask,
    Server::Apache,
    Server::PhpFpm,
];
/// Nothing outside proves which request acts: candidates.
const CANDIDATES: [Server; 5] =
    [Server::Node, Server::Go, Server::UvicornDef, Server::UvicornAsync, Server::Axum];

/// One of each kind, for whom the payload ring is full.
const STARVED: [Server; 3] = [Server::Fork, Server::Apache, Server::Node];

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let sensor = Sensor::start(lab, &Options::default())?;
    let lingering = if lab.wanted("lingering child") { Some(Lingering::start(lab)?) } else { None };
    for server in PROVEN {
        part(lab, table, 'b', server.name(), || proven(lab, &sensor, server));
    }
    for server in CANDIDATES {
        part(lab, table, 'b', server.name(), || candidates(lab, &sensor, server));
        part(lab, table, 'b', &format!("{}, one by one", server.name()), || alone(lab, &sensor, server));
    }
    part(lab, table, 'b', "timer beside one request", || timer(lab, &sensor));
    part(lab, table, 'b', "pool thread of a request", || pool(lab, &sensor));
    part(lab, table, 'b', "pid reuse", || reuse(lab, &sensor));
    if let Some(lingering) = lingering {
        part(lab, table, 'b', "lingering child, 60 s", || lingering.check(&sensor));
    }
    sensor.stop()?;
    for server in STARVED {
        part(lab, table, 'b', &format!("payload ring full, {}", server.name()), || ring_full(lab, server));
    }
    Ok(())
}

/// Waits for the attacks' findings and the spans of the requests that they name, then judges.
fn judge(sensor: &Sensor, truth: &Truth) -> Figures {
    judge_of(sensor, truth, 0, |_| false)
}

/// The same for a server that acts for no request too: its own strangers count, not those of targets before it. They must have
/// acted, `least` times, else nothing was tried; and where they have candidates, because nothing tells what a thread acts for, these
/// are no more than requests were in flight.
fn with_strangers(sensor: &Sensor, target: &Target, truth: &Truth, least: usize) -> (bool, Figures) {
    let strangers = format!("gbx{:05}", target.port);
    let figures = judge_of(sensor, truth, least, |nonce| nonce.starts_with(&strangers));
    let told = figures.count(Class::Missing) == 0 && figures.attacks() == truth.attacks().count();
    (told && figures.wrong() == 0 && figures.excess == 0 && figures.strangers >= least, figures)
}

fn judge_of(sensor: &Sensor, truth: &Truth, least: usize, is_stranger: impl Fn(&str) -> bool) -> Figures {
    let mut findings = sensor.findings();
    findings.wait_for_all(&truth.nonces(), DEADLINE);
    wait_for(DEADLINE, || {
        findings.read();
        let strangers = findings.list.iter().filter_map(|finding| finding.nonce.as_deref());
        strangers.filter(|nonce| is_stranger(nonce)).count() >= least
    });
    let is_own = |nonce: &str| is_stranger(nonce) || truth.attacks().any(|attack| nonce == attack.nonce);
    findings.list.retain(|finding| finding.nonce.as_deref().is_some_and(is_own));
    wait_for(DEADLINE, || findings.resolve(&sensor.records));
    checker::check(truth, &findings)
}

fn proven(lab: &Lab, sensor: &Sensor, server: Server) -> Judged {
    let target = Target::start(lab, server)?;
    let truth = in_flight(lab, &target)?;
    let figures = judge(sensor, &truth);
    let passed = figures.count(Class::ProvenRight) == ATTACKS && figures.wrong() == 0;
    Ok((passed, figures.to_string()))
}

/// Attacks among so many requests that are really in flight at once.
fn in_flight(lab: &Lab, target: &Target) -> anyhow::Result<Truth> {
    let truth = driver::drive(lab, target.port, IN_FLIGHT, ATTACKS)?;
    let at_once = truth.at_once;
    ensure!(
        at_once == IN_FLIGHT,
        "only {at_once} of {IN_FLIGHT} requests were in flight at once: this says nothing"
    );
    Ok(truth)
}

fn candidates(lab: &Lab, sensor: &Sensor, server: Server) -> Judged {
    let target = Target::start(lab, server)?;
    let truth = in_flight(lab, &target)?;
    let figures = judge(sensor, &truth);
    let enough = figures.named() * 100 >= ATTACKS * 95;
    Ok((enough && figures.wrong() == 0 && figures.excess == 0, figures.to_string()))
}

fn alone(lab: &Lab, sensor: &Sensor, server: Server) -> Judged {
    let target = Target::start(lab, server)?;
    let truth = driver::one_by_one(lab, target.port, ALONE)?;
    let figures = judge(sensor, &truth);
    let right = figures.count(Class::SoleRight);
    Ok((right == ALONE && figures.wrong() == 0 && figures.excess == 0, figures.to_string()))
}

fn timer(lab: &Lab, sensor: &Sensor) -> Judged {
    let target = Target::start(lab, Server::Timer)?;
    let mut connection = Connection::open(target.port)?;
    let mut truth = Truth::default();
    for _ in 0..2 {
        let answer = connection.get(&format!("/slow?nonce={}&ms=500", lab.nonce()))?;
        ensure!(answer.status == 200, "status {}", answer.status);
        let (asked, _) = driver::ask(&mut connection, true, lab.nonce(), "")?;
        truth.asked.push(asked);
    }
    let (passed, figures) = with_strangers(sensor, &target, &truth, 20);
    Ok((passed, figures.to_string()))
}

fn pool(lab: &Lab, sensor: &Sensor) -> Judged {
    let target = Target::start(lab, Server::Pool)?;
    let mut truth = Truth::default();
    // The first one makes the pool thread; each has the thread act for it, while it and its neighbours are in flight.
    let results: Vec<anyhow::Result<Asked>> = std::thread::scope(|scope| {
        let ask = || {
            let (nonce, mut connection) = (lab.nonce(), Connection::open(target.port)?);
            let sent = Instant::now();
            let answer = connection.get(&format!("/later?nonce={nonce}&ms=400"))?;
            ensure!(answer.status == 200, "status {}", answer.status);
            Ok(Asked { nonce, attack: true, sent, answered: Instant::now() })
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    for asked in results {
        truth.asked.push(asked?);
    }
    let (passed, figures) = with_strangers(sensor, &target, &truth, 10);
    Ok((passed, figures.to_string()))
}

fn reuse(lab: &Lab, sensor: &Sensor) -> Judged {
    let target = Target::start(lab, Server::Reuse)?;
    let mut truth = Truth::default();
    for round in 0..10 {
        let mut connection = Connection::open(target.port)?;
        let (asked, _) = driver::ask(&mut connection, true, lab.nonce(), "")?;
        truth.asked.push(asked);
        if round % 2 == 0 {
            // A request that is never answered: its process ends, and its pid comes back.
            let died = connection.get(&format!("/die?nonce={}", lab.nonce()));
            ensure!(died.is_err(), "/die was answered");
        }
    }
    // The server makes the strangers between two connections: when it answers again, the last ones have acted.
    drop(Connection::open(target.port)?.get("/harmless?nonce=ready")?);
    let (passed, figures) = with_strangers(sensor, &target, &truth, 10);
    // A pid has no candidates: what it once was is over.
    Ok((passed && figures.suspected == 0, figures.to_string()))
}

/// A child that acts a minute after its request was answered: its origin still names the request.
struct Lingering {
    _target: Target,
    truth: Truth,
}

impl Lingering {
    fn start(lab: &Lab) -> anyhow::Result<Self> {
        let target = Target::start(lab, Server::Fork)?;
        let mut connection = Connection::open(target.port)?;
        let (nonce, sent) = (lab.nonce(), Instant::now());
        let answer = connection.get(&format!("/linger?nonce={nonce}&ms={}", LINGER.as_millis()))?;
        ensure!(answer.status == 200, "status {}", answer.status);
        let asked = Asked { nonce, attack: true, sent, answered: Instant::now() };
        Ok(Self { _target: target, truth: Truth { asked: vec![asked], ..Truth::default() } })
    }

    fn check(&self, sensor: &Sensor) -> Judged {
        let sent = self.truth.asked.first().context("nothing was asked")?.sent;
        std::thread::sleep(LINGER.saturating_sub(sent.elapsed()));
        let figures = judge(sensor, &self.truth);
        Ok((figures.count(Class::ProvenRight) == 1 && figures.wrong() == 0, figures.to_string()))
    }
}

/// The pipeline is stopped while payload fills the smallest ring, attacks among it: what can't be proven is said to be so.
fn ring_full(lab: &Lab, server: Server) -> Judged {
    const SMALLEST: u32 = 64 << 10;
    let sensor = Sensor::start(lab, &Options { payload_ring_bytes: Some(SMALLEST), ..Options::default() })?;
    let target = Target::start(lab, server)?;
    let (_, pipeline) = sensor.loader_and_pipeline()?;
    process::signal(pipeline, Signal::SIGSTOP)?;
    let attacked = flood(lab, target.port);
    process::signal(pipeline, Signal::SIGCONT)?;
    let figures = judge(&sensor, &attacked?);
    let passed = figures.count(Class::Unproven) == ATTACKS && figures.wrong() == 0;
    sensor.stop()?;
    Ok((passed, figures.to_string()))
}

/// More heads than the rings hold, then the attacks.
fn flood(lab: &Lab, port: u16) -> anyhow::Result<Truth> {
    let padding = format!("X-Padding: {}\r\n", "x".repeat(3000));
    let mut connection = Connection::open(port)?;
    for _ in 0..100 {
        driver::ask(&mut connection, false, lab.nonce(), &padding)?;
    }
    driver::drive(lab, port, IN_FLIGHT, ATTACKS)
}
