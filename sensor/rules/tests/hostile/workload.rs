//! Events made to cost the engine more than who causes them.
use super::{Outcome, full};
use crate::{Beside, Multiple};
use guardbee_model::{
    clock::BootTime,
    finding::{Action, Observation},
    loss::Loss,
    process::{Args, Process},
};
use guardbee_rules::{Engine, Match, Params, RuleSet};
use std::{sync::Arc, time::Duration};

const ONE: &str = "title: One\nname: one\nlogsource: {product: linux, category: process_creation}\ndetection: {s: {CommandLine|contains: a}, condition: s}\n";
const TWO: &str = "title: Two\nname: two\nlogsource: {product: linux, category: network_connection}\ndetection: {s: {DestinationPort: 4444}, condition: s}\n";

fn set(text: &str) -> Arc<RuleSet> {
    Arc::new(RuleSet::load(&[("rules.yml", text)]).unwrap_or_else(|problems| panic!("{problems:#?}")))
}

fn correlation(body: &str) -> Arc<RuleSet> {
    set(&format!(
        "{ONE}---\n{TWO}---\ntitle: Both\ncorrelation: {{{body}, group-by: [CurrentDirectory], timespan: 1d}}\n"
    ))
}

/// An exec that the first rule matches.
fn template(set: &Arc<RuleSet>, line: &str) -> Observation {
    let event =
        format!("{{\"CommandLine\": \"{line}\", \"CurrentDirectory\": \"/\", \"Image\": \"/bin/x\"}}");
    let events = set.read_events(0, "event", &event).unwrap_or_else(|problems| panic!("{problems:#?}"));
    events.first().map(|event| (**event).clone()).unwrap()
}

/// The event of another process in another folder, a microsecond after the one before.
fn nth(template: &Observation, n: usize) -> Arc<Observation> {
    let mut event = template.clone();
    event.time = BootTime(template.time.0 + n as u64 * 1_000);
    event.sequence = n as u64;
    let folder: Arc<[u8]> = format!("/srv/{n}").into_bytes().into();
    if let Action::Exec(exec) = &event.action {
        let mut exec = (**exec).clone();
        exec.cwd = folder.to_vec().into();
        event.action = Action::Exec(Arc::new(exec));
    }
    let process: Option<Process> = event.process.as_deref().cloned();
    event.process = process.map(|process| Arc::new(Process { cwd: folder, ..process }));
    Arc::new(event)
}

/// What came of so many events.
struct Flood {
    /// CPU time of an event, of the last tenth.
    last: Duration,
    /// The same of the first tenth.
    first: Duration,
    partials: usize,
    losses: Vec<Loss>,
    found: usize,
}

impl Flood {
    fn of(set: Arc<RuleSet>, events: usize, event: impl Fn(usize) -> Arc<Observation>) -> Self {
        let mut engine = Engine::new(set, Params::default());
        let (mut out, mut found): (Vec<Match>, usize) = (Vec::new(), 0);
        let (mut first, mut last) = (Duration::ZERO, Duration::ZERO);
        let mut losses = Vec::new();
        let tenth = (events / 10).max(1);
        for n in 0..events {
            let event = event(n);
            let began = crate::cpu();
            engine.observe(&event, &mut out);
            let spent = crate::cpu().saturating_sub(began);
            first += if n < tenth { spent } else { Duration::ZERO };
            last += if n >= events - tenth { spent } else { Duration::ZERO };
            found += out.len();
            out.clear();
            if n % 100_000 == 0 {
                losses.extend(engine.losses(event.time));
            }
        }
        losses.extend(engine.losses(BootTime(u64::MAX / 2)));
        Self { last, first, partials: engine.partials(), losses, found }
    }

    fn lost(&self, cause: &str) -> u64 {
        self.losses.iter().filter(|loss| loss.cause == cause).map(|loss| loss.count).sum()
    }

    /// An event may take longer when tables are large and no longer in a cache, but not longer and longer.
    fn time(&self) -> Multiple {
        let (spent, beside) = (self.last, Beside::Known(self.first));
        Multiple { spent, beside, most: 8.0, of: "an event at the start" }
    }
}

/// All keys are either kept or counted as given up.
fn keys(flood: &Flood, events: usize) -> Outcome {
    let lost = flood.lost("correlation_full");
    let said = format!("of {events} groups {} are kept, {lost} counted as correlation_full", flood.partials);
    let right = flood.partials as u64 + lost == events as u64 && flood.partials > 1_000;
    Outcome { said, right, time: Some(flood.time()) }
}

pub(super) fn keys_of_an_order() -> Outcome {
    let events = full(1_000_000);
    let set = correlation("type: temporal_ordered, rules: [one, two]");
    let template = template(&set, "a");
    keys(&Flood::of(set, events, |n| nth(&template, n)), events)
}

pub(super) fn keys_of_a_count() -> Outcome {
    let events = full(1_000_000);
    let set = correlation("type: event_count, rules: [one, two], condition: {gte: 5}");
    let template = template(&set, "a");
    keys(&Flood::of(set, events, |n| nth(&template, n)), events)
}

/// Of one group, by a value of each event.
pub(super) fn values_of_a_group() -> Outcome {
    let events = full(1_000_000);
    let set = set(&format!(
        "{ONE}---\ntitle: Many\ncorrelation: {{type: value_count, rules: [one], timespan: 1d, condition: {{gte: 1000000, field: CurrentDirectory}}}}\n"
    ));
    let template = template(&set, "a");
    let flood = Flood::of(set, events, |n| nth(&template, n));
    let lost = flood.lost("correlation_full");
    let said = format!(
        "{events} values in one group: {lost} times counted as correlation_full, {} found",
        flood.found
    );
    let right = flood.found > 0 || lost > 0 || events < 1_000_000;
    Outcome { said, right, time: Some(flood.time()) }
}

/// Words of one letter: each takes a piece of memory of its own, and the rule looks at something else.
pub(super) fn words() -> Outcome {
    let events = full(200_000);
    let set = correlation("type: temporal_ordered, rules: [one, two]");
    let template = template(&set, "a");
    let args = Args { words: vec![b"a".as_slice().into(); 4_096], total_bytes: 8_192, ..Args::default() };
    let flood = Flood::of(set, events, |n| {
        let mut event = (*nth(&template, n)).clone();
        let process = event.process.as_deref().cloned();
        event.process = process.map(|process| Arc::new(Process { args: Arc::new(args.clone()), ..process }));
        Arc::new(event)
    });
    let lost = flood.lost("correlation_full");
    let said = format!("of {events} groups {} are kept, {lost} counted as correlation_full", flood.partials);
    let right = flood.partials as u64 + lost == events as u64 && flood.partials > 10;
    Outcome { said, right, time: Some(flood.time()) }
}

/// Few enough a second that none is capped.
fn slowly(template: &Observation, n: usize) -> Arc<Observation> {
    let mut event = (*nth(template, n)).clone();
    event.time = BootTime(template.time.0 + n as u64 * 20_000_000);
    Arc::new(event)
}

pub(super) fn keys_of_a_suppression() -> Outcome {
    let events = full(1_000_000);
    let set = set(&format!("{ONE}guardbee: {{suppress: {{by: [CurrentDirectory], for: 1d}}}}\n"));
    let template = template(&set, "a");
    let flood = Flood::of(set, events, |n| slowly(&template, n));
    let lost = flood.lost("suppression_full");
    let said =
        format!("{events} values: {} findings went out, {lost} counted as suppression_full", flood.found);
    let right = flood.found == events && (lost > 0 || events < 1_000_000);
    Outcome { said, right, time: Some(flood.time()) }
}

pub(super) fn keys_of_a_baseline() -> Outcome {
    let events = full(1_000_000);
    let set =
        set(&format!("{ONE}guardbee: {{baseline: {{by: [CurrentDirectory], learn: 1h, forget: 30d}}}}\n"));
    let template = template(&set, "a");
    let flood = Flood::of(set, events, |n| slowly(&template, n));
    let lost = flood.lost("baseline_full");
    let said = format!("{events} values: {} found as new, {lost} counted as baseline_full", flood.found);
    // It learns for an hour: at fifty a second.
    let right = events < 1_000_000 || (flood.found == events - 3_600 * 50 && lost > 0);
    Outcome { said, right, time: Some(flood.time()) }
}

pub(super) fn findings() -> Outcome {
    let events = full(1_000_000);
    let set = set(ONE);
    let template = template(&set, "a");
    let flood = Flood::of(set, events, |n| nth(&template, n));
    let capped = flood.lost("rule_capped");
    let said = format!(
        "{events} matches within a second: {} went out, {capped} counted as rule_capped",
        flood.found
    );
    let right = flood.found as u64 + capped == events as u64 && capped > 0;
    Outcome { said, right, time: Some(flood.time()) }
}

/// CPU time at eight times the length.
fn at_length(line: &str) -> Outcome {
    let set = set(&format!(
        "title: T\nlogsource: {{product: linux, category: process_creation}}\ndetection: {{s: {{{line}}}, condition: s}}\n"
    ));
    let time = |length: usize| {
        let template = template(&set, &"a".repeat(length));
        let mut engine = Engine::new(Arc::clone(&set), Params::default());
        let mut out = Vec::new();
        let began = crate::cpu();
        for n in 0..full(2_000) {
            engine.observe(&nth(&template, n), &mut out);
        }
        (crate::cpu().saturating_sub(began), out.len())
    };
    let ((short, _), (long, found)) = (time(500), time(4_000));
    let each = long.as_micros() / full(2_000) as u128;
    Outcome {
        said: format!("{each} us at 4,000 bytes, {found} found"),
        right: found == 0,
        // In proportion to the length it is x8; to its square, x64.
        time: Some(Multiple {
            spent: long,
            beside: Beside::Known(short),
            most: 16.0,
            of: "an eighth of the length",
        }),
    }
}

pub(super) fn repetitions() -> Outcome {
    at_length("CommandLine|re: '(?:(?:a+)+)+b$'")
}

pub(super) fn wildcards() -> Outcome {
    at_length("CommandLine: '*a*a*a*a*a*a*a*a*a*a*a*ab'")
}
