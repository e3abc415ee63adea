//! Row g: the sensor starts in the middle: keep-alive connections in another network namespace, a head half read, a running child.
use super::{Judged, part};
use crate::accept::{
    checker::{self, Class},
    driver::{self, Asked, Truth},
    export,
    findings::{Finding, Findings},
    http::Connection,
    lab::Lab,
    process::{self, wait_for},
    sensor::{Options, Sensor},
    table::Table,
    target::{Server, Target},
};
use anyhow::{Context as _, bail, ensure};
use nix::sched::{CloneFlags, unshare};
use serde_json::Value;
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
        let pid = target.server_of(&connection)?;
        connections.push((connection, pid));
    }
    // Half a head, which the server has read when the sensor starts.
    let split = lab.nonce();
    let mut half = Connection::open(target.port)?;
    half.send(format!("GET /exec?nonce={split} HTTP/1.1\r\nHost: loc").as_bytes())?;
    let child = if server == Server::Fork { Some(child(lab, &target)?) } else { None };
    // The sensor is a process of the host, not of this namespace.
    let sensor = in_host(|| Sensor::start(lab, &Options::default()))?;

    // What comes first may be the middle of a body that looks like a request: not even that is guessed.
    let first = on_each(lab, &mut connections)?;
    half.send(b"alhost\r\n\r\n")?;
    let sent = Instant::now();
    ensure!(half.receive()?.status == 200, "the half-read request was not answered");
    let split = Asked { nonce: split, attack: true, sent, answered: Instant::now() };
    let pid = target.server_of(&half)?;
    let mut early = Acts { truth: of(vec![split]), pids: vec![pid] };
    connections.push((half, pid));
    let mut next = Acts::default();
    for _ in 1..REQUESTS {
        let Acts { truth, pids } = on_each(lab, &mut connections)?;
        next.truth.asked.extend(truth.asked);
        next.pids.extend(pids);
    }
    if let Some((asked, pid)) = child {
        std::thread::sleep((CHILD + Duration::from_secs(1)).saturating_sub(asked.sent.elapsed()));
        early.truth.asked.push(asked);
        early.pids.push(pid);
    }
    judge(sensor, &first, &next, &early)
}

fn judge(sensor: Sensor, first: &Acts, next: &Acts, early: &Acts) -> Judged {
    let mut findings = sensor.findings();
    let (mut spans, mut wrong_spans, mut acted, mut all) = (0, 0, 0, 0);
    for acts in [first, next, early] {
        findings.wait_for_all(&acts.truth.nonces(), DEADLINE);
        if !std::ptr::eq(acts, early) {
            wait_for(DEADLINE, || acts.spans(&sensor).0 == acts.pids.len());
        }
    }
    wait_for(DEADLINE, || findings.resolve(&sensor.records));
    for acts in [first, next, early] {
        let (right, wrong) = acts.spans(&sensor);
        // What is older than the sensor may have a span or not, but never another's.
        spans += if std::ptr::eq(acts, early) { 0 } else { right };
        wrong_spans += wrong;
        acted += acts.found_below(&findings);
        all += acts.pids.len();
    }
    sensor.stop()?;
    let [of_first, of_next, of_early] =
        [first, next, early].map(|acts| checker::check(&acts.truth, &findings));
    let honest = [Class::ProvenRight, Class::Unproven, Class::Unlinked].map(|class| of_early.count(class));
    let asked = first.pids.len() + next.pids.len();
    let wrong_links = of_first.wrong() + of_next.wrong() + of_early.wrong();
    let passed = (spans, wrong_spans, wrong_links) == (asked, 0, 0)
        && of_next.count(Class::ProvenRight) == next.pids.len()
        && honest.iter().sum::<usize>() == early.pids.len()
        && acted == all;
    let figure = format!(
        "from the second request on {of_next}; the first: {of_first}; {spans} of {asked} spans of the process that served it, \
         {wrong_spans} of another or in another role; {acted} of {all} actions of the process that acted; begun before: {of_early}"
    );
    Ok((passed, figure))
}

fn of(asked: Vec<Asked>) -> Truth {
    Truth { asked, ..Truth::default() }
}

/// Requests, and the processes that act for them.
#[derive(Default)]
struct Acts {
    truth: Truth,
    pids: Vec<u32>,
}

/// An attack on each connection, with the process that holds it.
fn on_each(lab: &Lab, connections: &mut [(Connection, u32)]) -> anyhow::Result<Acts> {
    let mut acts = Acts::default();
    for (connection, pid) in connections {
        acts.truth.asked.push(driver::ask(connection, true, lab.nonce(), "")?.0);
        acts.pids.push(*pid);
    }
    Ok(acts)
}

impl Acts {
    fn each(&self) -> impl Iterator<Item = (&str, u32)> {
        self.truth.asked.iter().map(|asked| asked.nonce.as_str()).zip(self.pids.iter().copied())
    }

    /// Requests with just one span of a server, of the very process that served it; and spans of another process or role.
    fn spans(&self, sensor: &Sensor) -> (usize, usize) {
        let (spans, ourselves) = (export::spans(&sensor.records), std::process::id());
        let (mut right, mut wrong) = (0, 0);
        for (nonce, pid) in self.each() {
            let has = |span: &&Value| {
                export::attribute(span, "url.query").is_some_and(|query| query.contains(nonce))
            };
            let is = |span: &Value, kind: u64, pid: u32| {
                span["kind"] == kind && export::attribute(span, "process.pid") == Some(&pid.to_string())
            };
            let (of_server, others): (Vec<_>, Vec<_>) =
                spans.iter().filter(has).partition(|span| is(span, 2, pid));
            right += usize::from(of_server.len() == 1);
            // The driver is a client on this node, and its spans are its own.
            let strange = others.iter().filter(|span| !is(span, 3, ourselves)).count();
            wrong += of_server.len().saturating_sub(1) + strange;
        }
        (right, wrong)
    }

    /// Actions all of whose findings name the process that made them.
    fn found_below(&self, findings: &Findings) -> usize {
        let parent = |finding: &Finding| {
            finding.event.pointer("/evidences/0/process/parent_process/pid").and_then(Value::as_u64)
        };
        let right = |(nonce, pid): &(&str, u32)| {
            let mut found = findings.with(nonce).peekable();
            found.peek().is_some() && found.all(|finding| parent(finding) == Some(u64::from(*pid)))
        };
        self.each().filter(right).count()
    }
}

/// A child that was made for a request before the sensor, and acts after its start; its pid.
fn child(lab: &Lab, target: &Target) -> anyhow::Result<(Asked, u32)> {
    let (nonce, sent) = (lab.nonce(), Instant::now());
    let mut connection = Connection::open(target.port)?;
    let answer = connection.get(&format!("/linger?nonce={nonce}&ms={}", CHILD.as_millis()))?;
    ensure!(answer.status == 200, "status {}", answer.status);
    // While the connection is open the process that serves it lives, and the child is its own.
    let [child] = process::children(target.server_of(&connection)?)[..] else {
        bail!("the process that served /linger has not just one child");
    };
    Ok((Asked { nonce, attack: true, sent, answered: Instant::now() }, child))
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
