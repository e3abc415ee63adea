//! Rules over a recording: what they find, and what they could not have found.
//!
//! The engine gets what it got then, in that order, with time as it went by then: the same recording gives the same
//! findings, however its bytes come in.
mod seen;
mod source;

pub use guardbee_deliver::record::timestamp;
pub use seen::{Hole, Lost, Seen, Span};
pub(crate) use source::SUFFIX;
pub use source::{Ending, Source};

use crate::ids;
use guardbee_deliver::record::{Encoder, Identity};
use guardbee_model::{
    clock::{BootTime, WallOffset, WallTime},
    finding::{Finding, Observation, Repeats, RuleInfo},
    id::FindingId,
    loss::Loss,
    record::Record,
};
use guardbee_recording::{Head, Item};
use guardbee_rules::{Engine, Match, Params, RuleSet};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Findings that are kept; more are counted.
const MOST: usize = 100_000;
/// Losses that are told with findings.
const LOSSES: usize = 10_000;

/// What a rule found in a recording.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which.
    pub rule: Arc<RuleInfo>,
    /// When its last step happened.
    pub time: WallTime,
    /// What made it match, in order.
    pub evidence: Vec<Arc<Observation>>,
    /// What was lost meanwhile.
    pub losses: Vec<Loss>,
    /// It stands for these, which a suppression held back.
    pub repeats: Option<Repeats>,
    /// What held its evidence together, where its rule joins in several ways.
    pub joined: Option<&'static str>,
    offset: WallOffset,
    /// The run of the sensor, by its number in the recording: sequences are of that run.
    run: usize,
}

impl Found {
    /// What is the same for the same finding of another set of rules.
    pub fn key(&self) -> (usize, BootTime, &str, Vec<u64>) {
        let name = if self.rule.id.is_empty() { &self.rule.title } else { &self.rule.id };
        let last = self.evidence.last().map_or(BootTime(0), |last| last.time);
        (self.run, last, name, self.evidence.iter().map(|one| one.sequence).collect())
    }

    /// As the sensor would have sent it, but for its id: redacted.
    pub fn record(&self, node: &str) -> Record {
        let host: Box<str> = ids::node(node).into();
        let version = env!("CARGO_PKG_VERSION").into();
        let encoder = Encoder::new(Identity { host, instance: "replay".into(), version });
        let (rule, evidence) = (Arc::clone(&self.rule), self.evidence.clone());
        let time = evidence.last().map_or(BootTime(0), |last| last.time);
        let (losses, repeats, joined) = (self.losses.clone(), self.repeats, self.joined);
        let finding = Finding { id: FindingId([0; 16]), rule, time, evidence, losses, repeats, joined };
        encoder.finding(&finding, self.offset)
    }
}

/// One set of rules over one recording.
#[derive(Debug)]
pub struct Replay {
    rules: Arc<RuleSet>,
    engine: Engine,
    matches: Vec<Match>,
    found: Vec<Found>,
    more: u64,
    losses: Vec<Loss>,
    seen: Seen,
    offset: WallOffset,
    run: usize,
    instance: Option<[u8; 16]>,
    events: u64,
    elapsed: Duration,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// In the order in which they were found.
    pub found: Vec<Found>,
    /// Findings beyond those.
    pub more: u64,
    /// What was recorded, and what was not.
    pub seen: Seen,
    /// Observations.
    pub events: u64,
    /// That the engine took for them.
    pub elapsed: Duration,
}

impl Replay {
    /// Nothing was played yet.
    pub fn new(rules: Arc<RuleSet>) -> Self {
        let engine = Engine::new(Arc::clone(&rules), Params::default());
        Self {
            rules,
            engine,
            matches: Vec::new(),
            found: Vec::new(),
            more: 0,
            losses: Vec::new(),
            seen: Seen::default(),
            offset: WallOffset(0),
            run: 0,
            instance: None,
            events: 0,
            elapsed: Duration::ZERO,
        }
    }

    /// Another file begins. One of another run of the sensor knows nothing of the one before, as it was then.
    pub fn begin(&mut self, head: &Head) {
        if self.instance.replace(head.instance).is_some_and(|before| before != head.instance) {
            self.end_run();
            self.engine = Engine::new(Arc::clone(&self.rules), Params::default());
            self.run += 1;
        }
        self.seen.begin(self.run);
    }

    /// What came next.
    pub fn item(&mut self, item: &Item) {
        let began = Instant::now();
        match item {
            Item::Observation(observation) => {
                self.events += 1;
                self.engine.observe(observation, &mut self.matches);
            }
            Item::Time(now, offset) => {
                self.offset = *offset;
                self.engine.set_wall(*offset);
                self.engine.advance(*now, &mut self.matches);
            }
            Item::Loss(loss) if self.losses.len() < LOSSES => self.losses.push(*loss),
            Item::Loss(_) | Item::Sight(_) => {}
        }
        self.elapsed += began.elapsed();
        self.seen.item(item, self.offset);
        self.take_matches();
    }

    fn take_matches(&mut self) {
        for Match { rule, evidence, repeats, joined } in self.matches.drain(..) {
            if self.found.len() >= MOST {
                self.more += 1;
                continue;
            }
            let last = evidence.last().map_or(BootTime(0), |last| last.time);
            let (offset, run) = (self.offset, self.run);
            self.found.push(Found {
                rule,
                time: offset.wall(last),
                evidence,
                losses: Vec::new(),
                repeats,
                joined,
                offset,
                run,
            });
        }
    }

    /// What was lost while the findings of this run came about is known now.
    fn end_run(&mut self) {
        self.engine.end(&mut self.matches);
        self.take_matches();
        let run = self.run;
        for found in self.found.iter_mut().filter(|found| found.run == run) {
            let begin = found.evidence.iter().map(|one| one.time).min().unwrap_or_default();
            let end = found.evidence.iter().map(|one| one.time).max().unwrap_or_default();
            let during = self.losses.iter().filter(|loss| loss.from <= end && begin <= loss.to);
            found.losses = during.copied().collect();
        }
        self.losses.clear();
    }

    /// There is no more. What is not over at the recording's end is not judged.
    pub fn finish(mut self) -> Outcome {
        self.end_run();
        let Self { found, more, seen, events, elapsed, .. } = self;
        Outcome { found, more, seen, events, elapsed }
    }
}
