//! Observations in, matches out.
mod index;
mod memo;
mod tally;
mod within;
mod witness;

pub(crate) use index::Index;
pub use tally::{Cost, Counts};

use crate::{
    correlate::{self, Correlator},
    eval::{Scratch, View, holds},
    field::Kinds,
    rule::Rule,
    set::RuleSet,
};
use guardbee_model::{
    clock::{BootTime, WallOffset},
    finding::{Observation, RuleInfo},
    loss::Loss,
};
use index::Candidates;
use std::{cmp::Reverse, sync::Arc};
use tally::Tally;

/// Bounds.
#[derive(Clone, Copy, Debug)]
pub struct Params {
    /// Unfinished correlations, all together.
    pub partials: usize,
    /// Findings of one rule in one second of event time.
    pub findings_per_second: u32,
    /// Evaluate only rules whose witness is there. Without it every rule of the event's class is: slow, and the same.
    pub index: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { partials: 100_000, findings_per_second: 100, index: true }
    }
}

/// A rule matched.
#[derive(Clone, Debug)]
pub struct Match {
    /// Which.
    pub rule: Arc<RuleInfo>,
    /// What made it match, in order; the last one completed it.
    pub evidence: Vec<Arc<Observation>>,
}

/// Evaluates a rule set; single-threaded, and the same input gives the same output.
#[derive(Debug)]
pub struct Engine {
    set: Arc<RuleSet>,
    params: Params,
    /// By rule, then by correlation.
    tally: Tally,
    correlators: Vec<Correlator>,
    candidates: Candidates,
    scratch: Scratch,
    /// Steps that the current observation matched; kept for its memory.
    steps: Vec<(usize, Reverse<usize>)>,
}

impl Engine {
    /// Nothing observed yet.
    pub fn new(set: Arc<RuleSet>, params: Params) -> Self {
        let share = params.partials / set.correlations.len().max(1);
        let correlators = set
            .correlations
            .iter()
            .map(|correlation| Correlator::new(correlation.steps.len(), correlation.timespan_ns, share))
            .collect();
        Self {
            params,
            tally: Tally::new(set.rules.len() + set.correlations.len(), params.findings_per_second),
            correlators,
            candidates: Candidates::new(set.rules.len()),
            scratch: Scratch::default(),
            steps: Vec::new(),
            set,
        }
    }

    /// What turns the events' time into dates, for rules that look at the hour or the day. Until it is known, dates are absent.
    pub fn set_wall(&mut self, offset: WallOffset) {
        self.scratch.set_wall(offset);
    }

    /// Evaluates every rule that could match this action.
    pub fn observe(&mut self, observation: &Arc<Observation>, out: &mut Vec<Match>) {
        let Self { set, params, tally, candidates, scratch, steps, .. } = self;
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
            if !tally.evaluate(number, timed, || matches(rule, &mut view)) {
                continue;
            }
            if duty.reports && tally.may_report(number, observation.time) {
                out.push(Match { rule: Arc::clone(&rule.info), evidence: vec![Arc::clone(observation)] });
            }
            steps.extend(duty.steps.iter().map(|&(correlation, step)| (correlation, Reverse(step))));
        }
        if !steps.is_empty() {
            self.correlate(observation, out);
        }
    }

    fn correlate(&mut self, observation: &Arc<Observation>, out: &mut Vec<Match>) {
        let Self { set, tally, correlators, steps, .. } = self;
        steps.sort_unstable();
        for (number, Reverse(step)) in steps.drain(..) {
            let Some(correlation) = set.correlations.get(number) else { continue };
            let place = set.rules.len() + number;
            for request in correlate::requests(observation, correlation.links) {
                let Some(correlator) = correlators.get_mut(number) else { continue };
                let mut evidence = None;
                let hit = tally.evaluate(place, false, || {
                    evidence = correlator.step(step, request, observation);
                    evidence.is_some()
                });
                tally.lost("correlation_full", correlator.take_evicted());
                if let Some(evidence) = evidence
                    && hit
                    && tally.may_report(place, observation.time)
                {
                    out.push(Match { rule: Arc::clone(&correlation.info), evidence });
                }
            }
        }
    }

    /// Forgets correlations that can't be finished in time any more; call it now and then, with event time.
    pub fn advance(&mut self, now: BootTime) {
        for correlator in &mut self.correlators {
            correlator.advance(now);
        }
    }

    /// Unfinished correlations.
    pub fn partials(&self) -> usize {
        self.correlators.iter().map(Correlator::live).sum()
    }

    /// What was dropped since the last call: `correlation_full` (state given up for want of room), `rule_capped`.
    pub fn losses(&mut self, now: BootTime) -> Vec<Loss> {
        self.tally.losses(now)
    }

    /// What each rule and correlation did so far.
    pub fn counts(&self) -> impl Iterator<Item = (&Arc<RuleInfo>, Counts)> {
        self.set.infos().zip(self.tally.counts())
    }

    /// What evaluating each rule took, sampled: one observation in about a thousand is timed.
    pub fn costs(&self) -> impl Iterator<Item = (&Arc<RuleInfo>, Cost)> {
        self.set.infos().zip(self.tally.costs())
    }
}

/// Whether one rule matches, link and condition.
pub(crate) fn matches(rule: &Rule, view: &mut View<'_>) -> bool {
    let linked = rule
        .links
        .is_none_or(|links| view.observation().link.as_ref().is_some_and(|link| links.contains(link.kind)));
    linked && holds(&rule.condition, view)
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
