//! Observations in, matches out.
use crate::{
    correlate::{self, Correlator},
    eval::{View, holds},
    field::Kinds,
    rule::Rule,
    set::RuleSet,
};
use guardbee_model::{
    clock::BootTime,
    finding::{Observation, RuleInfo},
    loss::{Loss, LossCounter, Stage},
};
use std::{cmp::Reverse, sync::Arc};

/// Bounds.
#[derive(Clone, Copy, Debug)]
pub struct Params {
    /// Unfinished correlations, all together.
    pub partials: usize,
    /// Findings of one rule in one second of event time.
    pub findings_per_second: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self { partials: 100_000, findings_per_second: 100 }
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

/// What a rule did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Observations that it was evaluated on.
    pub evaluations: u64,
    /// Those that it matched.
    pub hits: u64,
    /// Matches that were dropped because the rule had reported enough in their second.
    pub capped: u64,
}

/// Matches reported within one second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    number: u64,
    reported: u32,
}

/// Evaluates a rule set; single-threaded, and the same input gives the same output.
#[derive(Debug)]
pub struct Engine {
    set: Arc<RuleSet>,
    params: Params,
    /// By rule, then by correlation.
    counts: Vec<Counts>,
    seconds: Vec<Second>,
    correlators: Vec<Correlator>,
    losses: LossCounter,
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
        let all = set.rules.len() + set.correlations.len();
        Self {
            params,
            counts: vec![Counts::default(); all],
            seconds: vec![Second::default(); all],
            correlators,
            losses: LossCounter::new(Stage::Rules),
            steps: Vec::new(),
            set,
        }
    }

    /// Evaluates every rule that looks at this action.
    pub fn observe(&mut self, observation: &Arc<Observation>, out: &mut Vec<Match>) {
        let set = Arc::clone(&self.set);
        let view = View::new(observation);
        for &number in set.bucket(Kinds::of(&observation.action)) {
            let Some((rule, duty)) = set.rule(number) else { continue };
            let hit = matches(rule, &view);
            if let Some(counts) = self.counts.get_mut(number) {
                counts.evaluations += 1;
                counts.hits += u64::from(hit);
            }
            if !hit {
                continue;
            }
            if duty.reports && self.may_report(number, observation.time) {
                out.push(Match { rule: Arc::clone(&rule.info), evidence: vec![Arc::clone(observation)] });
            }
            self.steps.extend(duty.steps.iter().map(|&(correlation, step)| (correlation, Reverse(step))));
        }
        self.correlate(&set, observation, out);
    }

    fn correlate(&mut self, set: &RuleSet, observation: &Arc<Observation>, out: &mut Vec<Match>) {
        let mut steps = std::mem::take(&mut self.steps);
        steps.sort_unstable();
        for (number, Reverse(step)) in steps.drain(..) {
            let Some(correlation) = set.correlations.get(number) else { continue };
            let place = set.rules.len() + number;
            for request in correlate::requests(observation, correlation.links) {
                let Some(correlator) = self.correlators.get_mut(number) else { continue };
                if let Some(counts) = self.counts.get_mut(place) {
                    counts.evaluations += 1;
                }
                let evidence = correlator.step(step, request, observation);
                let evicted = correlator.take_evicted();
                if evicted > 0 {
                    self.losses.add("correlation_full", "correlation", evicted);
                }
                let Some(evidence) = evidence else { continue };
                if let Some(counts) = self.counts.get_mut(place) {
                    counts.hits += 1;
                }
                if self.may_report(place, observation.time) {
                    out.push(Match { rule: Arc::clone(&correlation.info), evidence });
                }
            }
        }
        self.steps = steps;
    }

    /// One rule that matches everything must not drown the others behind it.
    fn may_report(&mut self, place: usize, now: BootTime) -> bool {
        let Some(second) = self.seconds.get_mut(place) else { return true };
        let number = now.0 / 1_000_000_000;
        if second.number != number {
            *second = Second { number, reported: 0 };
        }
        second.reported = second.reported.saturating_add(1);
        let within = second.reported <= self.params.findings_per_second;
        if !within {
            self.losses.add("rule_capped", "finding", 1);
            if let Some(counts) = self.counts.get_mut(place) {
                counts.capped += 1;
            }
        }
        within
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
        self.losses.drain(now)
    }

    /// What each rule and correlation did so far.
    pub fn counts(&self) -> impl Iterator<Item = (&Arc<RuleInfo>, Counts)> {
        self.set.infos().zip(self.counts.iter().copied())
    }
}

/// Whether one rule matches, link and condition.
pub(crate) fn matches(rule: &Rule, view: &View<'_>) -> bool {
    let linked = rule
        .links
        .is_none_or(|links| view.observation().link.as_ref().is_some_and(|link| links.contains(link.kind)));
    linked && holds(&rule.condition, view)
}

#[cfg(test)]
mod tests;
