//! Row g: the sensor starts in the middle: keep-alive connections in another network namespace, a head half read, a running child.
use super::{Judged, part};
use crate::accept::{
    checker,
    driver::{self, Asked, Truth},
    export,
    findings::{Finding, Findings, Link},
    http::Connection,
    lab::Lab,
    process::wait_for,
    sensor::{Options, Sensor},
    table::Table,
    target::{Server, Target},
};
use anyhow::{Context as _, ensure};
use nix::sched::{CloneFlags, unshare};
use std::{
    process::Command,
    time::{Duration, Instant},
};

const CONNECTIONS: usize = 5;
/// Requests on each once the sensor runs.
const REQUESTS: usize = 4;
const DEADLINE: Duration = Duration::from_secs(10);
/// When the child acts that was made before the sensor: longer than its start.
const CHILD: Duration = Duration::from_secs(15);

#[expect(clippy::unnecessary_wraps, reason = "the form of every row")]
pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    for server in [Server::Fork, Server::GunicornGthread] {
        part(lab, table, 'g', &format!("{}, in a namespace", server.name()), || elsewhere(lab, server));
    }
    Ok(())
}

/// All on a thread that is, with what it starts, in a network namespace of its own.
fn elsewhere(lab: &Lab, server: Server) -> Judged {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).context("make a network namespace")?;
            let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().context("start ip")?;
            ensure!(up.success(), "ip link set lo up: {up}");
            middle(lab, server)
        });
        thread.join().map_err(|_| anyhow::anyhow!("the thread in the namespace panicked"))?
    })
}

fn middle(lab: &Lab, server: Server) -> Judged {
    let target = Target::start(lab, server)?;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::open(target.port)?;
        driver::ask(&mut connection, true, lab.nonce(), "")?;
        connections.push(connection);
    }
    // Half a head, which the server has read when the sensor starts.
    let split = lab.nonce();
    let mut half = Connection::open(target.port)?;
    half.send(format!("GET /exec?nonce={split} HTTP/1.1\r\nHost: loc").as_bytes())?;
    let child = if server == Server::Fork { Some(child(lab, target.port)?) } else { None };
    // The sensor is a process of the host, not of this namespace.
    let sensor = in_host(|| Sensor::start(lab, &Options::default()))?;

    // What comes first may be the middle of a body that looks like a request: not even that is guessed.
    let mut first = Truth::default();
    for connection in &mut connections {
        first.asked.push(driver::ask(connection, true, lab.nonce(), "")?.0);
    }
    half.send(b"alhost\r\n\r\n")?;
    let sent = Instant::now();
    ensure!(half.receive()?.status == 200, "the half-read request was not answered");
    let split = Asked { nonce: split, attack: true, sent, answered: Instant::now() };
    connections.push(half);
    let mut next = Truth::default();
    for _ in 1..REQUESTS {
        for connection in &mut connections {
            next.asked.push(driver::ask(connection, true, lab.nonce(), "")?.0);
        }
    }
    let mut findings = sensor.findings();
    let nonces = [first.nonces(), next.nonces()].concat();
    findings.wait_for_all(&nonces, DEADLINE);
    wait_for(DEADLINE, || findings.resolve(&sensor.records));
    let (first, from_next_on) = (checker::check(&first, &findings), checker::check(&next, &findings));
    let proven = next.nonces().iter().filter(|nonce| is_proven(&findings, nonce)).count();
    let servers = || roles(&sensor, &nonces);
    wait_for(DEADLINE, || servers().0 >= nonces.len());
    let (right, wrong) = servers();
    // What began before the sensor may be known or not, but never wrong.
    let mut early = vec![split];
    if let Some((asked, began)) = child {
        std::thread::sleep((CHILD + Duration::from_secs(1)).saturating_sub(began.elapsed()));
        early.push(asked);
    }
    findings.read();
    findings.resolve(&sensor.records);
    let before = checker::check(&Truth { asked: early }, &findings);
    sensor.stop()?;
    let wrong_links = first.wrong() + from_next_on.wrong() + before.wrong();
    let passed = right == nonces.len() && wrong == 0 && wrong_links == 0 && proven == next.asked.len();
    let on_each = format!("from the second request on {proven} of {} proven", next.asked.len());
    let roles = format!("{right} of {} spans of a server, {wrong} in another role", nonces.len());
    Ok((passed, format!("{on_each} ({from_next_on}); the first: {first}; {roles}; begun before: {before}")))
}

/// Its action is proven to be of it: exact, or inherited by what was forked for it.
fn is_proven(findings: &Findings, nonce: &str) -> bool {
    let right = |link: &Link| link.requests.iter().all(|request| request.nonce.as_deref() == Some(nonce));
    let proven = |finding: &Finding| finding.link.as_ref().is_some_and(|link| link.proven() && right(link));
    findings.with(nonce).next().is_some() && findings.with(nonce).all(proven)
}

/// Spans of these requests: as a server's with its process, and others.
fn roles(sensor: &Sensor, nonces: &[&str]) -> (usize, usize) {
    let spans = export::spans(&sensor.records);
    let ours = spans.iter().filter(|span| {
        export::attribute(span, "url.query")
            .is_some_and(|query| nonces.iter().any(|nonce| query.contains(nonce)))
    });
    let server =
        |span: &&serde_json::Value| span["kind"] == 2 && export::attribute(span, "process.pid").is_some();
    let (right, rest): (Vec<_>, Vec<_>) = ours.partition(server);
    // The driver is a client on this node, and its spans are its own.
    let ourselves = std::process::id().to_string();
    let wrong = rest.iter().filter(|span| export::attribute(span, "process.pid") != Some(&ourselves)).count();
    (right.len(), wrong)
}

/// A child that was made for a request before the sensor, and acts after its start.
fn child(lab: &Lab, port: u16) -> anyhow::Result<(Asked, Instant)> {
    let (nonce, sent) = (lab.nonce(), Instant::now());
    let answer = Connection::open(port)?.get(&format!("/linger?nonce={nonce}&ms={}", CHILD.as_millis()))?;
    ensure!(answer.status == 200, "status {}", answer.status);
    Ok((Asked { nonce, attack: true, sent, answered: Instant::now() }, sent))
}

/// On a thread in the namespace of the whole process.
fn in_host<T: Send>(work: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
    let host = std::fs::File::open("/proc/self/ns/net").context("open the host's network namespace")?;
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            nix::sched::setns(&host, CloneFlags::CLONE_NEWNET)
                .context("enter the host's network namespace")?;
            work()
        });
        thread.join().map_err(|_| anyhow::anyhow!("the thread in the host's namespace panicked"))?
    })
}
