//! Correlations on the events of a test: which event is which step, in which group, and what came of it.
use super::{Branch, Explained, Join, explain, sample};
use crate::{
    correlate::{self, Key, Machine},
    engine::{self, Engine, Params},
    eval::{Scratch, View},
    rule::{self, Correlation},
    set::RuleSet,
};
use guardbee_model::{clock::BootTime, finding::Observation};
use std::sync::Arc;

/// Whether a correlation holds for these events once all time is over.
pub(super) fn holds(set: &Arc<RuleSet>, number: usize, events: &[Arc<Observation>]) -> bool {
    let engine = run(set, events);
    // Not the findings: a correlation that is a step of another may report nothing.
    engine.counts().nth(set.rules.len() + number).is_some_and(|(_, counts)| counts.hits > 0)
}

fn run(set: &Arc<RuleSet>, events: &[Arc<Observation>]) -> Engine {
    let mut engine = Engine::new(Arc::clone(set), Params::default());
    engine.set_wall(sample::WALL);
    let mut found = Vec::new();
    for event in events {
        engine.observe(event, &mut found);
    }
    engine.advance(BootTime(u64::MAX), &mut found);
    engine
}

/// The exception that kept it back for these events.
fn excepted(set: &Arc<RuleSet>, number: usize, events: &[Arc<Observation>]) -> Option<String> {
    let engine = run(set, events);
    let mut held =
        engine.exceptions().filter(|(place, _, count)| *place == set.rules.len() + number && *count > 0);
    held.next().map(|(_, name, _)| {
        format!("its rules hold, and its exception `{name}` for the event that completed it")
    })
}

/// Each step with the events that it could be.
pub(super) fn explain(set: &Arc<RuleSet>, number: usize, events: &[Arc<Observation>]) -> Option<Explained> {
    let correlation = set.correlations.get(number)?;
    let mut groups = Vec::new();
    let mut parts = Vec::new();
    for step in 0..correlation.named().count() {
        let (part, of_step) = explain_step(set, (number, correlation), step, events)?;
        parts.push(part);
        if !correlation.ends(step) {
            groups.push(of_step);
        }
    }
    let ends = parts.split_off(correlation.steps.len());
    let holds = holds(set, number, events);
    let note = match set.can_fire(number) {
        Err(why) => Some(format!("can't fire here: {why}")),
        Ok(()) if holds => None,
        Ok(()) => {
            excepted(set, number, events).or_else(|| Some(why_not(correlation, (&parts, &ends), &groups)))
        }
    };
    parts.extend(ends.into_iter().map(|end| {
        let Explained { line, column, .. } = end;
        let text = format!("not ended: {}", end.text);
        // One that came before or after its steps ended nothing.
        let holds = holds || !end.holds;
        Explained { line, column, holds, join: Join::Not, parts: vec![end], ..Explained::of(text) }
    }));
    // Of an exception the last event is shown, which most often is the one that completed it.
    if let (Some(outline), Some(last)) = (&correlation.outline, events.last()) {
        let mut scratch = Scratch::default();
        scratch.set_wall(sample::WALL);
        parts.push(explain::explain(outline, &mut View::new(last, &mut scratch)));
    }
    let kind = kind(&correlation.machine);
    let seconds = correlation.timespan_ns / 1_000_000_000;
    let join = if matches!(correlation.machine, Machine::Window(_)) { Join::One } else { Join::All };
    let text = format!("{kind} within {seconds} s{}", joined(correlation));
    Some(Explained { holds, join, note, parts, ..Explained::of(text) })
}

fn kind(machine: &Machine) -> &'static str {
    match machine {
        Machine::Ordered => "all rules, in order,",
        Machine::Together => "all rules, in any order,",
        Machine::Window(_) => "what is measured over the events of its rules",
    }
}

/// The groups that a step has events in.
type Groups = Vec<Key>;

fn explain_step(
    set: &Arc<RuleSet>,
    (number, correlation): (usize, &Correlation),
    step: usize,
    events: &[Arc<Observation>],
) -> Option<(Explained, Groups)> {
    let (name, mark) = correlation.named().nth(step)?;
    let fields = correlation.fields(step);
    let (rules, parts_of) = set.of_step(number, step);
    let mut scratch = Scratch::default();
    scratch.set_wall(sample::WALL);
    let mut parts = Vec::new();
    let mut groups = Groups::new();
    let first = events.first().map_or(BootTime(0), |event| event.time);
    for (nth, event) in events.iter().enumerate() {
        for rule in rules.iter().filter_map(|rule| set.explain_rule(*rule, event)) {
            let mut view = View::new(event, &mut scratch);
            if rule.holds {
                groups.extend(keys(&mut view, correlation, step));
            }
            let after = event.time.since(first) / 1_000_000;
            let text = format!("event {} ({}, {after} ms)", nth + 1, event.action.name());
            let seen = fields.iter().map(|field| explain::seen(*field, &mut view)).collect();
            parts.push(Explained {
                seen,
                holds: rule.holds,
                join: Join::All,
                parts: vec![rule],
                ..Explained::of(text)
            });
        }
    }
    for part in parts_of {
        let tree = explain(set, part, events)?;
        if tree.holds {
            // Its group is that of its last event, which the engine alone knows.
            let all =
                events.iter().flat_map(|event| keys(&mut View::new(event, &mut scratch), correlation, step));
            groups.extend(all);
        }
        parts.push(tree);
    }
    let holds = parts.iter().any(|part| part.holds);
    let text =
        if correlation.ends(step) { format!("until `{name}`") } else { format!("{}. `{name}`", step + 1) };
    let (line, column) = (mark.line, mark.column);
    Some((Explained { line, column, holds, join: Join::One, parts, ..Explained::of(text) }, groups))
}

/// Of all ways in which events are held together.
fn keys(view: &mut View<'_>, correlation: &Correlation, step: usize) -> Groups {
    (0..correlation.ways()).flat_map(|way| correlate::keys(view, correlation, (step, way))).collect()
}

/// `, joined by guardbee.request, or container.id within 2000 ms`.
fn joined(correlation: &Correlation) -> String {
    let one = |join: &rule::Join| {
        let shorter = join.within_ns < correlation.timespan_ns;
        let within = shorter.then(|| format!(" within {} ms", join.within_ns / 1_000_000));
        join.key.name().to_owned() + &within.unwrap_or_default()
    };
    let ways: Vec<_> = correlation.joins.iter().map(one).collect();
    if ways.is_empty() { String::new() } else { format!(", joined by {}", ways.join(", or ")) }
}

fn why_not(
    correlation: &Correlation,
    (parts, ends): (&[Explained], &[Explained]),
    groups: &[Groups],
) -> String {
    if let Machine::Window(_) = correlation.machine {
        let events = parts.iter().flat_map(|part| &part.parts).filter(|event| event.holds).count();
        let end = if ends.iter().any(|end| end.holds) { ", or before what `until` names" } else { "" };
        return format!(
            "{events} of the events count, and its `condition` isn't reached within one group and its time{end}"
        );
    }
    let absent: Vec<_> = parts.iter().filter(|part| !part.holds).map(|part| &*part.text).collect();
    if !absent.is_empty() {
        return format!("no event is step {}", absent.join(", "));
    }
    if !correlate::share(groups) {
        return "no group has events of all steps: compare the fields that it is grouped by, and the kinds of link that \
                `accept` has"
            .to_owned();
    }
    if ends.iter().any(|end| end.holds) {
        return "the steps are not in its order and time before what `until` names".to_owned();
    }
    match correlation.machine {
        Machine::Ordered => "the steps are not in this order within its time, each an event of its own",
        _ => "the steps are not all within its time",
    }
    .to_owned()
}

/// Which steps have an event.
pub(super) fn reached(set: &Arc<RuleSet>, number: usize, events: &[Arc<Observation>]) -> Vec<Branch> {
    let Some(correlation) = set.correlations.get(number) else { return Vec::new() };
    let mut scratch = Scratch::default();
    scratch.set_wall(sample::WALL);
    let mut out = Vec::new();
    for (step, (name, mark)) in correlation.named().enumerate() {
        let (rules, parts) = set.of_step(number, step);
        let rules: Vec<_> = rules.iter().filter_map(|rule| set.rules.get(*rule)).collect();
        let by_rule = events
            .iter()
            .any(|event| rules.iter().any(|rule| engine::matches(rule, &mut View::new(event, &mut scratch))));
        let reached = by_rule || parts.iter().any(|part| holds(set, *part, events));
        let text = format!("{} `{name}`", if correlation.ends(step) { "until" } else { "step" });
        out.push(Branch { text, line: mark.line, column: mark.column, holds: true, reached });
    }
    out
}
