//! Observations in, matches out.
mod baseline;
mod index;
mod memo;
mod reload;
mod report;
mod step;
mod suppress;
mod tally;
mod within;
mod witness;

pub(crate) use index::Index;
pub use reload::Changes;
pub use tally::{Cost, Counts};

use crate::{
    correlate::{self, Correlator},
    eval::{Scratch, View, holds},
    field::Kinds,
    rule::Rule,
    set::RuleSet,
};
use baseline::{Baselines, Novelty};
use guardbee_model::{
    clock::{BootTime, WallOffset},
    finding::{Observation, Repeats, RuleInfo},
    loss::Loss,
};
use index::Candidates;
use report::{Report, Suppressors};
use std::{cmp::Reverse, sync::Arc};
use tally::Tally;

/// Bounds.
#[derive(Clone, Copy, Debug)]
pub struct Params {
    /// Bytes that unfinished correlations may take, each correlation its part.
    pub correlation_bytes: usize,
    /// Bytes that findings which are held back may take, each rule that suppresses its part.
    pub suppression_bytes: usize,
    /// Bytes that baselines may take, each rule that has one its part.
    pub baseline_bytes: usize,
    /// Findings of one rule in one second of event time.
    pub findings_per_second: u32,
    /// Evaluate only rules whose witness is there. Without it every rule of the event's class is: slow, and the same.
    pub index: bool,
    /// One observation in so many is timed: reading a clock takes longer than a comparison. 0: none.
    pub timed_every: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            correlation_bytes: 32 << 20,
            suppression_bytes: 16 << 20,
            baseline_bytes: 16 << 20,
            findings_per_second: 100,
            index: true,
            timed_every: 1024,
        }
    }
}

/// A rule matched.
#[derive(Clone, Debug)]
pub struct Match {
    /// Which.
    pub rule: Arc<RuleInfo>,
    /// What made it match, in order; the last one completed it.
    pub evidence: Vec<Arc<Observation>>,
    /// It stands for these, of which it is the last: they were held back.
    pub repeats: Option<Repeats>,
    /// Of a correlation that joins: what held its evidence together, by its name, the strongest.
    pub joined: Option<&'static str>,
}

/// Evaluates a rule set; single-threaded, and the same input gives the same output.
#[derive(Debug)]
pub struct Engine {
    set: Arc<RuleSet>,
    params: Params,
    /// By rule, then by correlation.
    tally: Tally,
    correlators: Vec<Correlator>,
    suppressors: Suppressors,
    baselines: Baselines,
    candidates: Candidates,
    scratch: Scratch,
    /// Steps that the current observation matched; kept for its memory.
    steps: Vec<(usize, Reverse<usize>)>,
    /// What happened until then has come.
    clock: BootTime,
    /// When a correlation or a suppression is to be closed next.
    due: BootTime,
}

/// What is to be closed: at the same moment correlations first, as they may find what is suppressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Correlation(usize),
    /// By the place of its rule.
    Suppression(usize),
}

impl Engine {
    /// Nothing observed yet.
    pub fn new(set: Arc<RuleSet>, params: Params) -> Self {
        let share = params.correlation_bytes / set.correlations.len().max(1);
        let correlators = set
            .correlations
            .iter()
            .map(|one| Correlator::new(one.machine.clone(), one.steps.len(), share))
            .collect();
        Self {
            params,
            tally: Tally::new(set.rules.len() + set.correlations.len(), params),
            correlators,
            suppressors: report::suppressors(&set, params.suppression_bytes),
            baselines: Baselines::new(&set, params.baseline_bytes),
            candidates: Candidates::new(set.rules.len()),
            scratch: Scratch::default(),
            steps: Vec::new(),
            clock: BootTime(0),
            due: BootTime(u64::MAX),
            set,
        }
    }

    /// What turns the events' time into dates, for rules that look at the hour or the day. Until it is known, dates are absent.
    pub fn set_wall(&mut self, offset: WallOffset) {
        self.scratch.set_wall(offset);
    }

    /// Evaluates every rule that could match this action.
    pub fn observe(&mut self, observation: &Arc<Observation>, out: &mut Vec<Match>) {
        self.advance(observation.time, out);
        self.baselines.begin(observation.time);
        let Self {
            set, params, tally, suppressors, baselines, clock, candidates, scratch, steps, due, ..
        } = self;
        let kinds = Kinds::of(&observation.action);
        let mut view = View::new(observation, scratch);
        let timed = tally.observation();
        let rules = if params.index {
            set.index.candidates(kinds, &mut view, candidates)
        } else {
            set.index.all(kinds)
        };
        for &number in rules {
            let number = number as usize;
            let Some((rule, duty)) = set.rule(number) else { continue };
            let mut judgement = Judgement::No;
            tally.evaluate(number, timed, || {
                judgement = judge(rule, &mut view);
                judgement == Judgement::Match
            });
            match judgement {
                Judgement::No => continue,
                Judgement::Excepted(exception) => {
                    tally.excepted(number, exception);
                    continue;
                }
                Judgement::Match => {}
            }
            if let Some(baseline) = &rule.baseline
                && let Some(baseliner) = baselines.get_mut(number)
            {
                let novelty = baseliner.see(baseline, &mut view, (observation.time, *clock));
                tally.lost("baseline_full", "baseline", baseliner.take_evicted());
                tally.novelty(number, novelty);
                if novelty != Novelty::New {
                    continue;
                }
            }
            if duty.reports {
                let evidence = (vec![Arc::clone(observation)], observation.time);
                let mut report = Report { set: &*set, tally, suppressors, due, out };
                report.matched(number, rule.suppress.as_ref(), evidence, &mut view);
            }
            steps.extend(duty.steps.iter().map(|&(correlation, step)| (correlation, Reverse(step))));
        }
        if !steps.is_empty() {
            let mut steps = std::mem::take(steps);
            steps.sort_unstable();
            self.correlate(&mut steps, std::slice::from_ref(observation), observation.time, out);
            self.steps = steps;
        }
    }

    /// Brings correlations to where they are at `now`, with event time: closes those whose time is over, and forgets those
    /// that can't be finished any more. Call it now and then: without it, what comes next does it.
    pub fn advance(&mut self, now: BootTime, out: &mut Vec<Match>) {
        let until = BootTime(now.0.saturating_sub(correlate::LATENESS));
        if until <= self.clock {
            return;
        }
        // One after another, as they would have been closed had the time gone by slowly.
        while self.due < until {
            let next = self.next_due();
            self.due = next.map_or(BootTime(u64::MAX), |(due, _)| due);
            let Some((due, what)) = next.filter(|(due, _)| *due < until) else { break };
            self.clock = self.clock.max(due);
            match what {
                Due::Correlation(number) => {
                    let evidence = self.correlators.get_mut(number).and_then(Correlator::close);
                    if let Some(evidence) = evidence {
                        self.finished(number, evidence, due, out);
                    }
                }
                Due::Suppression(place) => self.close(place, due, out),
            }
        }
        self.clock = until;
    }

    /// What is to be closed next, and when.
    fn next_due(&self) -> Option<(BootTime, Due)> {
        let correlators = self.correlators.iter().enumerate();
        let correlations =
            correlators.filter_map(|(number, one)| Some((one.due()?, Due::Correlation(number))));
        let suppressors = self.suppressors.iter();
        let suppressions =
            suppressors.filter_map(|(place, one)| Some((one.due()?, Due::Suppression(*place))));
        correlations.chain(suppressions).min()
    }

    /// Unfinished correlations: their groups, all together.
    pub fn partials(&mut self) -> usize {
        let clock = self.clock;
        self.correlators.iter_mut().for_each(|correlator| correlator.forget(clock));
        self.correlators.iter().map(Correlator::live).sum()
    }

    /// What was dropped since the last call: `correlation_full`, `suppression_full` and `baseline_full` (state given up for want
    /// of room; what a suppression had held back went out, what a baseline knew may be new again), `rule_capped`.
    pub fn losses(&mut self, now: BootTime) -> Vec<Loss> {
        self.tally.losses(now)
    }

    /// What each rule and correlation did so far.
    pub fn counts(&self) -> impl Iterator<Item = (&Arc<RuleInfo>, Counts)> {
        self.set.infos().zip(self.tally.counts())
    }

    /// How often each exception held: the place of its rule in [`RuleSet::rules`], its name, events.
    pub fn exceptions(&self) -> impl Iterator<Item = (usize, &str, u64)> {
        let rules = self.set.rules.iter().map(|rule| &rule.exceptions);
        let all = rules.chain(self.set.correlations.iter().map(|one| &one.exceptions));
        all.enumerate().flat_map(|(number, exceptions)| {
            let counts = self.tally.exceptions(number);
            exceptions.iter().enumerate().map(move |(nth, exception)| {
                (number, &*exception.name, counts.get(nth).copied().unwrap_or_default())
            })
        })
    }

    /// What evaluating each rule took, of the observations that were [timed](Params::timed_every).
    pub fn costs(&self) -> impl Iterator<Item = (&Arc<RuleInfo>, Cost)> {
        self.set.infos().zip(self.tally.costs())
    }
}

/// What an observation is to a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    No,
    /// It would match but for this exception.
    Excepted(usize),
    Match,
}

/// Link, condition and exceptions of one rule.
pub(crate) fn judge(rule: &Rule, view: &mut View<'_>) -> Judgement {
    let linked = rule
        .links
        .is_none_or(|links| view.observation().link.as_ref().is_some_and(|link| links.contains(link.kind)));
    if !linked || !holds(&rule.condition, view) {
        return Judgement::No;
    }
    let exception = rule.exceptions.iter().position(|exception| holds(&exception.condition, view));
    exception.map_or(Judgement::Match, Judgement::Excepted)
}

/// Whether one rule matches.
pub(crate) fn matches(rule: &Rule, view: &mut View<'_>) -> bool {
    judge(rule, view) == Judgement::Match
}

#[cfg(test)]
mod baselines;
#[cfg(test)]
mod correlations;
#[cfg(test)]
mod ends;
#[cfg(test)]
mod excepted;
#[cfg(test)]
mod joins;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod suppressions;
#[cfg(test)]
mod tests;
