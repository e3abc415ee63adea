//! What each rule did, and how much of it may be reported.
use super::{Params, baseline::Novelty};
use guardbee_model::{
    clock::BootTime,
    loss::{Loss, LossCounter, Stage},
};
use std::time::{Duration, Instant};

/// What a rule did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Observations that it was evaluated on: those that had its witness.
    pub evaluations: u64,
    /// Those that it matched.
    pub hits: u64,
    /// Matches that were dropped because the rule had reported enough in their second.
    pub capped: u64,
    /// Observations that it would have matched but for an exception.
    pub excepted: u64,
    /// Findings that were held back: another one told or tells of them.
    pub suppressed: u64,
    /// Matches of a baseline's rule that were not new.
    pub known: u64,
    /// Matches that were new while it still learned.
    pub learned: u64,
    /// Matches in scopes that have too many values for a baseline to say what is new.
    pub wide: u64,
}

/// What evaluating a rule took, sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Evaluations that were timed.
    pub evaluations: u64,
    /// How long these took.
    pub time: Duration,
}

/// Matches reported within one second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    number: u64,
    reported: u32,
}

/// Of one rule.
#[derive(Clone, Debug, Default)]
struct Account {
    counts: Counts,
    /// By exception.
    excepted: Vec<u64>,
    cost: Cost,
    second: Second,
}

/// Of all rules, then of all correlations.
#[derive(Debug)]
pub(super) struct Tally {
    accounts: Vec<Account>,
    findings_per_second: u32,
    losses: LossCounter,
    timed_every: u64,
    observations: u64,
}

impl Tally {
    pub(super) fn new(rules: usize, params: Params) -> Self {
        let Params { findings_per_second, timed_every, .. } = params;
        let losses = LossCounter::new(Stage::Rules);
        Self {
            accounts: vec![Account::default(); rules],
            findings_per_second,
            losses,
            timed_every,
            observations: 0,
        }
    }

    /// For other rules: `from` has for each the place that it had before, if it is the same.
    pub(super) fn rearrange(&mut self, from: &[Option<usize>]) {
        let before = |place: &Option<usize>| place.and_then(|place| self.accounts.get(place).cloned());
        self.accounts = from.iter().map(|place| before(place).unwrap_or_default()).collect();
    }

    /// Another observation; gives whether its evaluations are timed.
    pub(super) fn observation(&mut self) -> bool {
        self.observations = self.observations.wrapping_add(1);
        self.timed()
    }

    /// Whether the evaluations of the last observation are timed.
    pub(super) fn timed(&self) -> bool {
        self.timed_every > 0 && self.observations.is_multiple_of(self.timed_every)
    }

    /// Evaluates, and counts it.
    pub(super) fn evaluate(&mut self, rule: usize, timed: bool, matches: impl FnOnce() -> bool) -> bool {
        let began = timed.then(Instant::now);
        let hit = matches();
        if let Some(Account { counts, cost, .. }) = self.accounts.get_mut(rule) {
            counts.evaluations += 1;
            counts.hits += u64::from(hit);
            if let Some(began) = began {
                cost.evaluations += 1;
                cost.time += began.elapsed();
            }
        }
        hit
    }

    /// A correlation holds, and none of its exceptions does.
    pub(super) fn hit(&mut self, rule: usize) {
        if let Some(Account { counts, .. }) = self.accounts.get_mut(rule) {
            counts.hits += 1;
        }
    }

    /// An exception of a rule holds.
    pub(super) fn excepted(&mut self, rule: usize, exception: usize) {
        let Some(Account { counts, excepted, .. }) = self.accounts.get_mut(rule) else { return };
        counts.excepted += 1;
        excepted.resize(excepted.len().max(exception + 1), 0);
        if let Some(count) = excepted.get_mut(exception) {
            *count += 1;
        }
    }

    /// How often each exception of a rule held.
    pub(super) fn exceptions(&self, rule: usize) -> &[u64] {
        self.accounts.get(rule).map_or(&[], |account| &account.excepted)
    }

    /// What a match is to the rule's baseline.
    pub(super) fn novelty(&mut self, rule: usize, novelty: Novelty) {
        if let Some(Account { counts, .. }) = self.accounts.get_mut(rule) {
            match novelty {
                Novelty::New => {}
                Novelty::Learned => counts.learned += 1,
                Novelty::Known => counts.known += 1,
                Novelty::Wide => counts.wide += 1,
            }
        }
    }

    /// A finding is held back.
    pub(super) fn suppressed(&mut self, rule: usize) {
        if let Some(Account { counts, .. }) = self.accounts.get_mut(rule) {
            counts.suppressed += 1;
        }
    }

    /// One rule that matches everything must not drown the others behind it. The finding stands for `count`.
    pub(super) fn may_report(&mut self, rule: usize, now: BootTime, count: u64) -> bool {
        let Some(Account { counts, second, .. }) = self.accounts.get_mut(rule) else { return true };
        let number = now.0 / 1_000_000_000;
        // What is told late counts beside what is told now.
        if number > second.number {
            *second = Second { number, reported: 0 };
        }
        second.reported = second.reported.saturating_add(1);
        let within = second.reported <= self.findings_per_second;
        if !within {
            self.losses.add("rule_capped", "finding", count);
            counts.capped += count;
        }
        within
    }

    pub(super) fn lost(&mut self, cause: &'static str, kind: &'static str, count: u64) {
        if count > 0 {
            self.losses.add(cause, kind, count);
        }
    }

    pub(super) fn losses(&mut self, now: BootTime) -> Vec<Loss> {
        self.losses.drain(now)
    }

    pub(super) fn counts(&self) -> impl Iterator<Item = Counts> {
        self.accounts.iter().map(|account| account.counts)
    }

    pub(super) fn costs(&self) -> impl Iterator<Item = Cost> {
        self.accounts.iter().map(|account| account.cost)
    }
}
