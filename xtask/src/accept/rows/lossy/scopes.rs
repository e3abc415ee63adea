//! One scope's storm, while nobody reads, and what it costs another scope.
use super::{
    DEADLINE, Made,
    generator::{self, ACTIONS, Cgroup, Programs},
    seen,
};
use crate::{
    accept::{
        lab::Lab,
        rows::Judged,
        sensor::{Options, Sensor},
        told::Told,
    },
    process::{self, wait_for},
};
use nix::sys::signal::Signal;
use std::time::Duration;

/// What holds a thousand processes and is soon full.
const RING_BYTES: u32 = 1 << 20;
/// Processes of the storm.
const STORM: u32 = 2000;
/// What the other scope does then: all kinds of actions, and fewer in a second than a rule may report.
const ROUNDS: [u32; 3] = [20, 20, 1];
/// Half of a budget is earned back by then, which ends the episode.
const REFILL: Duration = Duration::from_secs(3);

pub(super) fn judge(lab: &Lab, programs: &Programs) -> Judged {
    let (word, loud_word) = (lab.nonce(), lab.nonce());
    let mut rules = generator::rules(&word);
    rules.push(generator::rule_of_file(&loud_word));
    let options = Options { security_ring_bytes: Some(RING_BYTES), rules, ..Options::default() };
    let sensor = Sensor::start(lab, &options)?;
    let (loud, quiet) = (Cgroup::new("guardbee-loud")?, Cgroup::new("guardbee-quiet")?);
    let tiny = programs.named(&loud_word)?;
    let (_, pipeline) = sensor.loader_and_pipeline()?;
    process::signal(pipeline, Signal::SIGSTOP)?;
    let stormed = programs.run(&programs.load("exec", STORM, &tiny), Some(&loud));
    let made = programs.run(&programs.kinds(ROUNDS, &word), Some(&quiet));
    process::signal(pipeline, Signal::SIGCONT)?;
    stormed?;
    let made = made?;
    let mut findings = sensor.findings();
    wait_for(DEADLINE, || {
        findings.read();
        complete(&made, &seen(&findings))
    });
    // Its next event tells how many the storm has lost.
    std::thread::sleep(REFILL);
    programs.run(&programs.load("exec", 1, &tiny), Some(&loud))?;
    let ended =
        || Told::read(&sensor.records).throttled(loud.scope, "exec").is_some_and(|dropped| dropped > 0);
    wait_for(DEADLINE, ended);
    let records = sensor.records.clone();
    sensor.stop()?;
    findings.read();
    let told = Told::read(&records);
    let seen = seen(&findings);
    let of_file = |id: &str| generator::rule_number(id) == Some(ACTIONS.len());
    let stormed =
        findings.list.iter().filter(|one| of_file(one.text("/finding_info/analytic/uid"))).count() as u64;
    let dropped = told.throttled(loud.scope, "exec").unwrap_or_default();
    let full: u64 = ACTIONS.iter().map(|kind| told.ring_full(kind)).sum();
    let spared = told.throttled(quiet.scope, "exec").is_none();
    let events: u64 = ACTIONS.iter().filter_map(|kind| made.get(*kind)).sum();
    let (capped, storm) = (told.capped(), u64::from(STORM) + 1);
    let figure = format!(
        "the storm's {storm} execs = {stormed} seen + {capped} capped by their rule + {dropped} told as throttled; of the other \
         scope's {events} events {} seen, {}; {full} lost to a full ring",
        seen.iter().sum::<u64>(),
        if spared { "none throttled" } else { "SOME THROTTLED" },
    );
    let balanced = stormed + capped + dropped == storm && dropped > 0;
    Ok((balanced && spared && full == 0 && complete(&made, &seen) && told.unexplained() == 0, figure))
}

/// Exactly what was made was seen.
fn complete(made: &Made, seen: &[u64]) -> bool {
    ACTIONS.iter().zip(seen).all(|(kind, seen)| made.get(*kind) == Some(seen))
}
