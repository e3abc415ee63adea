//! What the sensor says of itself when it begins and ends.
use crate::{clock::SystemClock, core::Core, enforcer::Enforcer, pipeline::End, sandbox::Landlock, unable};
use guardbee_capture::{Counts, Snapshot};
use guardbee_deliver::record::Statement;
use guardbee_enrich::packages::Packages;
use guardbee_model::{
    clock::{BootTime, Clock as _},
    record::Value,
};
use guardbee_policy::PolicySet;
use guardbee_rules::RuleSet;
use guardbee_wire::{EventKind, Ledger, LossCause, PROGRAM_NAMES, ProgramState, RPC_PROGRAMS, Reply};
use std::{borrow::Cow, collections::BTreeMap, time::Duration};

type Attribute = (Cow<'static, str>, Value);

/// The first statement: what this instance is, and what the one before it left: the kernel half's counters when that one
/// ended, and as they are now.
pub(crate) fn started(
    reply: &Reply,
    ledger: &Ledger,
    landlock: Landlock,
    (rules, policies): (&RuleSet, &PolicySet),
    kernel: &Snapshot,
) -> Statement {
    let mut first = Statement::info("guardbee.start", kernel.time, "the sensor observes");
    first.attributes = vec![
        text("guardbee.object.sha256", hex(&reply.object_hash)),
        text("guardbee.landlock", format!("{landlock:?}").to_lowercase()),
        number("guardbee.rules", rules.rules().len() as u64),
        text("guardbee.rules.digest", rules.digest().to_string()),
        number("guardbee.previous.pipelines", reply.previous_pipelines),
        number("guardbee.watching_since_boot_ns", kernel.time.0),
    ];
    first.attributes.extend(by_state(&reply.programs));
    unable::tell(rules, policies, &reply.programs, &mut first);
    first.attributes.extend(policies_of(policies));
    if reply.previous_pipelines > 0 {
        first.event = "guardbee.gap";
        first.severity = 17;
        first.body = "the pipeline before this one has ended; what it had not delivered is lost".into();
        first.attributes.extend([
            text("guardbee.previous.batch_hash", hex(&reply.previous_hash)),
            number("guardbee.previous.batch_sequence", reply.previous_sequence),
        ]);
        let gap: Counts = std::array::from_fn(|kind| {
            let at = |counts: &Counts| counts.get(kind).copied().unwrap_or(0);
            at(&ledger.taken).saturating_sub(at(&ledger.settled))
        });
        by_kind(&mut first, "guardbee.previous.produced", &reply.previous_produced);
        by_kind(&mut first, "guardbee.previous.lost", &reply.previous_lost);
        by_kind(&mut first, "guardbee.previous.taken", &ledger.taken);
        by_kind(&mut first, "guardbee.previous.settled", &ledger.settled);
        by_kind(&mut first, "guardbee.gap", &gap);
        counted(&mut first, kernel);
    }
    first
}

/// How many cgroups that are known go by each policy, and which policies can't apply here. [`None`]: there are no policies.
pub(crate) fn policies(enforcer: &Enforcer, now: BootTime) -> Option<Statement> {
    let set = enforcer.set();
    if set.is_empty() {
        return None;
    }
    let counts = enforcer.counts();
    let told: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let body = format!("cgroups by policy: {}", told.join(", "));
    let mut statement = Statement::info("guardbee.policies", now, body);
    statement.attributes = policies_of(set);
    let scopes =
        counts.iter().map(|(name, count)| (format!("guardbee.policies.cgroups.{name}").into(), int(*count)));
    statement.attributes.extend(scopes);
    Some(statement)
}

/// How many policies there are, and which of them can't apply.
pub(crate) fn policies_of(set: &PolicySet) -> Vec<Attribute> {
    let idle = set.policies().iter().filter(|policy| policy.can_apply().is_err());
    let idle: Vec<_> = idle.map(|policy| &*policy.name).collect();
    let mut attributes = vec![number("guardbee.policies", set.policies().len() as u64)];
    if !idle.is_empty() {
        attributes.push(text("guardbee.policies.cannot_apply", idle.join(" ")));
    }
    attributes
}

/// The host's package databases were read.
pub(crate) fn packages(packages: &Packages, now: BootTime) -> Statement {
    let [names, programs, paths, left_out] = packages.counts();
    let body = format!("the host's package databases were read: {names} packages, {programs} programs");
    let mut statement = Statement::info("guardbee.packages", now, body);
    statement.attributes = vec![
        number("guardbee.packages.count", names as u64),
        number("guardbee.packages.programs", programs as u64),
        number("guardbee.packages.paths", paths as u64),
        number("guardbee.packages.left_out", left_out as u64),
        number("guardbee.packages.memory_bytes", packages.memory_bytes() as u64),
    ];
    statement
}

/// What the kernel half has produced and lost so far.
fn counted(statement: &mut Statement, kernel: &Snapshot) {
    let causes = || LossCause::ALL.into_iter().filter(|cause| cause.costs_an_event());
    let lost = |kind| causes().map(|cause| kernel.lost(cause, kind)).sum();
    by_kind(statement, "guardbee.produced", &counts(|kind| kernel.produced(kind)));
    by_kind(statement, "guardbee.lost", &counts(lost));
}

/// Nobody lets a process that wants to run every few milliseconds wait for so long without a reason.
const STALLED: Duration = Duration::from_secs(2);

/// Between these times it waited and worked for `running` at most, which is much less: it was stopped, frozen or starved, or the
/// whole machine was. What happened meanwhile waits in the rings, as far as these have room.
pub(crate) fn stalled(before: BootTime, running: Duration, now: BootTime) -> Option<Statement> {
    let late = Duration::from_nanos(now.since(before)).saturating_sub(running);
    if late < STALLED {
        return None;
    }
    let body = format!("the sensor did not run for {} ms", late.as_millis());
    let mut statement = Statement::warning("guardbee.stalled", now, body);
    statement.attributes = vec![
        number("guardbee.stalled.since_boot_ns", before.0),
        number("guardbee.stalled.until_boot_ns", now.0),
    ];
    Some(statement)
}

/// A self-test has found other programs working than the one before it.
pub(crate) fn programs(
    states: &[u8; RPC_PROGRAMS],
    rules: &RuleSet,
    policies: &PolicySet,
    now: BootTime,
) -> Statement {
    let mut statement = Statement::warning("guardbee.programs", now, "other programs work than before");
    statement.attributes.extend(by_state(states));
    unable::tell(rules, policies, states, &mut statement);
    statement
}

/// What was odd in streams so far: nothing is lost by it, but it may explain what is missing in spans and links.
pub(crate) fn oddities(flags: &BTreeMap<&'static str, u64>, now: BootTime) -> Statement {
    let mut statement = Statement::info("guardbee.oddities", now, "odd streams so far");
    statement.attributes.extend(odd(flags));
    statement
}

fn odd(flags: &BTreeMap<&'static str, u64>) -> impl Iterator<Item = Attribute> {
    flags.iter().map(|(name, count)| (format!("guardbee.trace.{name}").into(), int(*count)))
}

/// Names of the kernel half's programs, for each state that some are in.
fn by_state(states: &[u8; RPC_PROGRAMS]) -> Vec<Attribute> {
    let told = [
        ("guardbee.programs.working", ProgramState::Works),
        ("guardbee.programs.silent", ProgramState::Silent),
        ("guardbee.programs.not_attached", ProgramState::NotAttached),
        ("guardbee.programs.not_loaded", ProgramState::NotLoaded),
    ];
    let names = |wanted: ProgramState| -> Vec<&str> {
        let named = PROGRAM_NAMES.iter().zip(states);
        named.filter(|(_, state)| **state == wanted as u8).map(|(name, _)| *name).collect()
    };
    told.into_iter()
        .map(|(key, state)| (key, names(state)))
        .filter(|(_, names)| !names.is_empty())
        .map(|(key, names)| text(key, names.join(" ")))
        .collect()
}

/// The last statement: why it ends, and what became of all that the kernel half gave since the loader began.
pub(crate) fn ended(end: End, core: &Core, clock: SystemClock) -> Statement {
    let now = clock.boot();
    let kernel = core.capture.snapshot(&clock);
    let mut statement = match end {
        End::Stopped => Statement::info("guardbee.stop", now, "the sensor was told to stop"),
        End::Blind => {
            let mut blind =
                Statement::warning("guardbee.blind", now, "the loader has ended: nothing is watched");
            blind.attributes.push(number("guardbee.blind_since_boot_ns", now.0));
            blind
        }
    };
    counted(&mut statement, &kernel);
    by_kind(&mut statement, "guardbee.taken", &core.capture.taken());
    by_kind(&mut statement, "guardbee.settled", &core.settled());
    statement.attributes.extend(odd(core.tracer.flags()));
    statement.attributes.extend(policies(&core.enforcer, now).into_iter().flat_map(|told| told.attributes));
    statement
}

fn counts(of: impl Fn(EventKind) -> u64) -> Counts {
    let kind = |number| EventKind::ALL.into_iter().find(|kind| *kind as usize == number);
    std::array::from_fn(|number| kind(number).map_or(0, &of))
}

/// One attribute for each kind that was counted at all.
fn by_kind(statement: &mut Statement, what: &str, counts: &Counts) {
    for kind in EventKind::ALL {
        if let Some(count) = counts.get(kind as usize).filter(|count| **count > 0) {
            let key = format!("{what}.{}", kind.name());
            statement.attributes.push((key.into(), int(*count)));
        }
    }
}

fn number(key: &'static str, value: u64) -> Attribute {
    (key.into(), int(value))
}

fn int(value: u64) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

fn text(key: &'static str, value: String) -> Attribute {
    (key.into(), value.into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_wire::{CounterSlot, EVENT_KINDS};

    #[test]
    fn who_neither_waits_nor_works_was_stopped() {
        let (running, begin) = (Duration::from_millis(50), BootTime(7));
        let at = |ms: u64| stalled(begin, running, BootTime(7 + ms * 1_000_000));
        assert!(at(50).is_none() && at(2_049).is_none());
        let told = at(3_050).unwrap();
        assert_eq!((told.event, &*told.body), ("guardbee.stalled", "the sensor did not run for 3000 ms"));
        assert_eq!(told.attributes[0].1, Value::Int(7));
    }

    #[test]
    fn a_gap_has_the_counters_of_its_begin_and_of_its_end() {
        let exec = EventKind::Exec as usize;
        let counts = |count| std::array::from_fn(|kind| if kind == exec { count } else { 0 });
        let mut slot = CounterSlot { produced: counts(9), ..CounterSlot::default() };
        slot.lost[LossCause::RingFull as usize] = counts(2);
        let kernel = Snapshot { time: BootTime(5), slots: vec![slot] };
        let reply = Reply { previous_pipelines: 1, previous_produced: counts(7), ..Reply::default() };
        let ledger = Ledger { taken: counts(6), settled: [0; EVENT_KINDS] };
        let first =
            started(&reply, &ledger, Landlock::Full, (&RuleSet::default(), &PolicySet::default()), &kernel);
        assert_eq!((first.event, first.time), ("guardbee.gap", BootTime(5)));
        for (key, value) in [
            ("guardbee.previous.produced.exec", 7),
            ("guardbee.previous.taken.exec", 6),
            ("guardbee.gap.exec", 6),
            ("guardbee.produced.exec", 9),
            ("guardbee.lost.exec", 2),
            ("guardbee.watching_since_boot_ns", 5),
        ] {
            let found = first.attributes.iter().find(|(name, _)| name == key);
            assert_eq!(found.map(|(_, value)| value), Some(&Value::Int(value)), "{key}");
        }
    }
}
