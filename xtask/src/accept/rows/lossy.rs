//! Row f: storms cost no security event and no other scope its events, and whatever is lost is counted.
mod generator;
mod scopes;

use super::{ATTACKS, Judged, part};
use crate::{
    accept::{
        driver::{self, Truth},
        findings::{Finding, Findings},
        http::Connection,
        lab::Lab,
        sensor::{Options, Sensor},
        table::{Line, Table, Verdict},
        target::{Server, Target},
        told::{Told, boot_time},
    },
    process::wait_for,
};
use anyhow::{Context as _, ensure};
use generator::{ACTIONS, Made, PAYLOAD, Programs};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread::{Scope, ScopedJoinHandle},
    time::{Duration, Instant},
};

/// Rounds of the generator, a second, and exchanges in each: 32 s, and in none of them more than a rule may report.
const ACTED: [u32; 3] = [800, 25, 0];
/// The same of another process, whose payload is the storm.
const STORM: [u32; 3] = [800, 25, 100];
/// Whole seconds, in each of which the ring was full.
const STORM_SECONDS: u64 = 30;
/// Others on this node move payload too: of what is counted so much, and a hundredth of the storm, may be theirs.
const OTHERS: u64 = 500;
/// The smallest ring: full in every round.
const RING_BYTES: u32 = 64 << 10;
/// Connections that send heads as fast as the server answers, while it is attacked.
const CLIENTS: usize = 8;
/// Operations of the storms beside it, before they are looked at again.
const OPENS: u32 = 500_000;
const EXECS: u32 = 500;
const DEADLINE: Duration = Duration::from_secs(30);
/// The flood has begun by then.
const SETTLE: Duration = Duration::from_secs(3);
/// Attacks before and after the flood.
const QUIET: usize = 5;
/// What leads a connection's data is tried again until it finds room.
const RETRIED: &str = "socket";
/// Kinds that no storm of payload may cost.
const SECURITY: [&str; 3] = ["fork", "exec", "exit"];

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let programs = Programs::build(lab)?;
    let names = ["payload ring full, storms beside it", "made = seen + counted"];
    if names.iter().any(|name| lab.wanted(name)) {
        let began = Instant::now();
        let storm = storm(lab, &programs)?;
        for (name, (passed, figure)) in names.into_iter().zip([storm.kept(), storm.balanced()]) {
            table.add(Line::new('f', name, Verdict::of(passed), figure, began));
        }
    }
    part(lab, table, 'f', "findings tell of losses", || findings_tell(lab));
    part(lab, table, 'f', "one scope's storm, another scope", || scopes::judge(lab, &programs));
    Ok(())
}

/// What was made in a storm, and what the sensor told of it.
struct Storm {
    made: Made,
    /// By the other process, which makes the payload.
    moved: Made,
    /// Executions and opens beside it.
    execs: u64,
    opens: u64,
    /// Boot time of the begin and the end of its payload.
    from: Duration,
    to: Duration,
    /// By [`ACTIONS`].
    seen: Vec<u64>,
    told: Told,
}

fn storm(lab: &Lab, programs: &Programs) -> anyhow::Result<Storm> {
    let word = lab.nonce();
    let rules = generator::rules(&word);
    let options = Options { payload_ring_bytes: Some(RING_BYTES), rules, ..Options::default() };
    let sensor = Sensor::start(lab, &options)?;
    let done = AtomicBool::new(false);
    let (made, moved, opens, execs) = std::thread::scope(|scope| {
        let (file, tiny) = (lab.root.join("Cargo.toml"), programs.path("tiny"));
        let opens = repeat(scope, &done, programs, programs.load("open", OPENS, &file));
        let execs = repeat(scope, &done, programs, programs.load("exec", EXECS, &tiny));
        let moved = scope.spawn(|| {
            let from = boot_time()?;
            let moved = programs.run(&programs.kinds(STORM, "storm"), None)?;
            anyhow::Ok((moved, from, boot_time()?))
        });
        let made = programs.run(&programs.kinds(ACTED, &word), None);
        let moved = moved.join().map_err(|_| anyhow::anyhow!("the storm's thread panicked"))?;
        done.store(true, Ordering::Relaxed);
        let count = |storm: ScopedJoinHandle<'_, anyhow::Result<u64>>| {
            storm.join().map_err(|_| anyhow::anyhow!("a storm's thread panicked"))?
        };
        anyhow::Ok((made?, moved?, count(opens)?, count(execs)?))
    })?;
    let (moved, from, to) = moved;
    let mut findings = sensor.findings();
    wait_for(DEADLINE, || {
        findings.read();
        let seen = seen(&findings);
        ACTIONS.iter().zip(&seen).all(|(kind, seen)| made.get(*kind) <= Some(seen))
    });
    let records = sensor.records.clone();
    sensor.stop()?;
    findings.read();
    Ok(Storm { made, moved, execs, opens, from, to, seen: seen(&findings), told: Told::read(&records) })
}

/// A finding whose window overlaps a loss says so: in the flood there is no moment without one. And one before the flood, or after
/// it, does not.
fn findings_tell(lab: &Lab) -> Judged {
    let options = Options { payload_ring_bytes: Some(RING_BYTES), ..Options::default() };
    let sensor = Sensor::start(lab, &options)?;
    let target = Target::start(lab, Server::Fork)?;
    let mut findings = sensor.findings();
    let before = driver::one_by_one(lab, target.port, QUIET)?;
    // When a loss began is known to a look at the counters: these findings are told before the flood begins.
    findings.wait_for_all(&before.nonces(), DEADLINE);
    let during = attacked(lab, target.port)?;
    // What the flood has left in the rings is read, and what it has lost told, before the next one begins.
    std::thread::sleep(SETTLE);
    let after = driver::one_by_one(lab, target.port, QUIET)?;
    let mut telling = |truth: &Truth| {
        findings.wait_for_all(&truth.nonces(), DEADLINE);
        let found: Vec<&Finding> = truth.nonces().iter().flat_map(|nonce| findings.with(nonce)).collect();
        let tell =
            found.iter().filter(|one| one.event.pointer("/unmapped/guardbee/losses").is_some()).count();
        [tell, found.len()]
    };
    let [before, during, after] = [&before, &during, &after].map(&mut telling);
    sensor.stop()?;
    let passed = during[0] == during[1] && during[1] >= ATTACKS;
    let silent = |[tell, all]: [usize; 2]| tell == 0 && all >= QUIET;
    let figure = format!(
        "{} of {} findings in the flood name losses, {} of {} before it, {} of {} after it",
        during[0], during[1], before[0], before[1], after[0], after[1]
    );
    Ok((passed && silent(before) && silent(after), figure))
}

/// Attacks on a server while others flood it.
fn attacked(lab: &Lab, port: u16) -> anyhow::Result<Truth> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| flood(lab, port, &done))).collect();
        std::thread::sleep(SETTLE);
        let truth = driver::one_by_one(lab, port, ATTACKS);
        done.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        }
        truth
    })
}

/// Long heads, one after the other.
fn flood(lab: &Lab, port: u16, done: &AtomicBool) -> anyhow::Result<()> {
    let padding = format!("X-Padding: {}\r\n", "x".repeat(3500));
    let mut connection = Connection::open(port)?;
    while !done.load(Ordering::Relaxed) {
        let answer = connection.get_with(&format!("/slow?nonce={}&ms=0", lab.nonce()), &padding)?;
        ensure!(answer.status == 200, "status {}", answer.status);
    }
    Ok(())
}

/// Runs a program again and again until all is done; how many operations that were.
fn repeat<'scope>(
    scope: &'scope Scope<'scope, '_>,
    done: &'scope AtomicBool,
    programs: &'scope Programs,
    words: Vec<String>,
) -> ScopedJoinHandle<'scope, anyhow::Result<u64>> {
    scope.spawn(move || {
        let mut operations = 0;
        while !done.load(Ordering::Relaxed) {
            operations += programs.run(&words, None)?.get("operations").context("no operations are told")?;
        }
        Ok(operations)
    })
}

/// Findings of the generator's rules, by [`ACTIONS`].
fn seen(findings: &Findings) -> Vec<u64> {
    let mut seen = vec![0; ACTIONS.len()];
    let rules = findings.list.iter().map(|finding| finding.text("/finding_info/analytic/uid"));
    for number in rules.filter_map(generator::rule_number) {
        if let Some(seen) = seen.get_mut(number) {
            *seen += 1;
        }
    }
    seen
}

impl Storm {
    /// The ring was full all the time, and no security event was lost, refused programs included.
    fn kept(&self) -> (bool, String) {
        let lost = |kinds: &[&str]| kinds.iter().map(|kind| self.told.lost(kind)).sum::<u64>();
        let (security, payload) = (lost(&SECURITY) + self.told.lost("event"), lost(&PAYLOAD));
        let whole = self.from.as_secs() + 1..self.to.as_secs();
        let seconds = whole.end - whole.start;
        let full = self.told.seconds_without_room();
        let room: Vec<u64> = whole.filter(|second| !full.contains(second)).collect();
        let figure = format!(
            "no room for payload in {} of {seconds} s ({payload} lost), {} opens/s and {} execs beside: {security} of fork, exec, \
             exit lost",
            seconds - room.len() as u64,
            self.opens / seconds.max(1),
            self.execs
        );
        (security == 0 && room.is_empty() && seconds >= STORM_SECONDS, figure)
    }

    /// Each action by its finding. Payload by what the sensor tells that it has read: others on this machine count too.
    fn balanced(&self) -> (bool, String) {
        let (mut passed, mut figures) = (self.told.adds_up() && self.told.unexplained() == 0, Vec::new());
        let mut add = |kind: &str, seen: u64, action: bool| {
            let of = |made: &Made| made.get(kind).copied().unwrap_or_default();
            // The storm's actions match no rule.
            let made = of(&self.made) + if action { 0 } else { of(&self.moved) };
            let lost = self.told.lost(kind);
            let others = if action { 0 } else { OTHERS + made / 100 };
            passed &= made != 0 && balanced(made, seen, lost, others, kind == RETRIED);
            figures.push(format!("{kind} {made} = {seen} + {lost}"));
        };
        for (kind, seen) in ACTIONS.iter().zip(&self.seen) {
            add(kind, *seen, true);
        }
        for kind in PAYLOAD {
            add(kind, self.told.taken(kind), false);
        }
        (passed, figures.join(", "))
    }
}

/// Nothing vanished, and nothing is there twice: but for what `others` may have made. `retried`: one may be lost many times, and be
/// there in the end.
fn balanced(made: u64, seen: u64, lost: u64, others: u64, retried: bool) -> bool {
    let most = if retried { seen } else { seen + lost };
    made <= seen + lost && most <= made + others
}

#[cfg(test)]
mod tests {
    use super::balanced;

    #[test]
    fn what_adds_up() {
        assert!(balanced(10, 8, 2, 0, false));
        assert!(!balanced(10, 8, 1, 5, false), "one vanished");
        assert!(!balanced(10, 9, 2, 0, false), "one is there twice");
        assert!(balanced(10, 9, 2, 1, false), "another's");
        assert!(balanced(10, 10, 7, 0, true));
        assert!(!balanced(10, 12, 7, 1, true));
    }
}
