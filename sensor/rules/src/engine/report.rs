//! From a match to a finding, unless it is held back: suppressions, and the cap on what a rule may say.
use super::{
    Engine, Match,
    suppress::{self, Held, Suppressor},
    tally::Tally,
};
use crate::{correlate::Evidence, eval::View, rule::Suppression, set::RuleSet};
use guardbee_model::{clock::BootTime, finding::Repeats};
use std::{collections::BTreeMap, sync::Arc};

/// By the place of their rule, correlations behind all rules.
pub(super) type Suppressors = BTreeMap<usize, Suppressor>;

/// Of all rules and correlations that say so; they share `bytes`.
pub(super) fn suppressors(set: &RuleSet, bytes: usize) -> Suppressors {
    let of_rules = set.rules.iter().map(|rule| rule.suppress.as_ref());
    let all = of_rules.chain(set.correlations.iter().map(|one| one.suppress.as_ref()));
    let some: Vec<_> = all.enumerate().filter_map(|(place, one)| Some((place, one?))).collect();
    let share = bytes / some.len().max(1);
    some.into_iter().map(|(place, one)| (place, Suppressor::new(one, share))).collect()
}

/// Where findings go.
pub(super) struct Report<'a> {
    pub(super) set: &'a RuleSet,
    pub(super) tally: &'a mut Tally,
    pub(super) suppressors: &'a mut Suppressors,
    /// When something is due next.
    pub(super) due: &'a mut BootTime,
    pub(super) out: &'a mut Vec<Match>,
}

impl Report<'_> {
    /// The rule at `place` matches: a finding goes out, or is held back.
    pub(super) fn matched(
        &mut self,
        place: usize,
        suppression: Option<&Suppression>,
        (evidence, time): (Evidence, BootTime),
        view: &mut View<'_>,
    ) {
        let Some((suppressor, by)) = self.suppressors.get_mut(&place).zip(suppression) else {
            self.put(place, (evidence, None), time);
            return;
        };
        let key = suppress::key(view, &by.fields);
        if suppressor.hold(&key, time, &evidence) {
            self.tally.suppressed(place);
        } else if self.put(place, (evidence, None), time)
            && let Some(suppressor) = self.suppressors.get_mut(&place)
        {
            suppressor.open(key, time);
        }
        self.make_room(place, time);
    }

    fn make_room(&mut self, place: usize, time: BootTime) {
        while let Some(held) = self.suppressors.get_mut(&place).and_then(Suppressor::make_room) {
            if let Some(Held { repeats, evidence }) = held {
                self.put(place, (evidence, Some(repeats)), time);
            }
        }
        let Some(suppressor) = self.suppressors.get_mut(&place) else { return };
        self.tally.lost("suppression_full", "suppression", suppressor.take_evicted());
        *self.due = suppressor.due().map_or(*self.due, |due| due.min(*self.due));
    }

    /// Gives false if the rule has said enough.
    pub(super) fn put(
        &mut self,
        place: usize,
        (evidence, repeats): (Evidence, Option<Repeats>),
        time: BootTime,
    ) -> bool {
        let may = self.tally.may_report(place, time, repeats.map_or(1, |repeats| repeats.count));
        if let Some(rule) = self.set.info(place).filter(|_| may) {
            let joined = self.set.proof(place, &evidence);
            self.out.push(Match { rule: Arc::clone(rule), evidence, repeats, joined });
        }
        may
    }
}

impl Engine {
    /// The first window of a suppression is over.
    pub(super) fn close(&mut self, place: usize, due: BootTime, out: &mut Vec<Match>) {
        let set = Arc::clone(&self.set);
        let Self { tally, suppressors, due: next, .. } = self;
        let held = suppressors.get_mut(&place).and_then(Suppressor::close);
        if let Some(Held { repeats, evidence }) = held {
            let mut report = Report { set: &set, tally, suppressors, due: next, out };
            report.put(place, (evidence, Some(repeats)), due);
        }
    }

    /// Lets go out what suppressions hold back though their time is not over: nothing comes after it that could tell. What
    /// they would have held back from now on is not.
    pub fn end(&mut self, out: &mut Vec<Match>) {
        let set = Arc::clone(&self.set);
        let Self { tally, suppressors, due, clock, .. } = self;
        let mut all = std::mem::take(suppressors);
        let mut report = Report { set: &set, tally, suppressors, due, out };
        for (place, suppressor) in &mut all {
            for Held { repeats, evidence } in suppressor.end() {
                report.put(*place, (evidence, Some(repeats)), *clock);
            }
        }
        self.suppressors = all;
    }
}
