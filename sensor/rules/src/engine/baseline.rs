//! What is new: of the values that a rule matched, which were not there before in their scope.
//!
//! Only hashes of values are kept, so that a file of them tells nobody what they were. Time is the events' alone; it is counted
//! from the machine's start and may be before that, since what is known outlives a start.
use super::{Engine, suppress};
use crate::{
    digest::{self, Digest},
    eval::View,
    learned::{Id, Learned, LearnedKey, LearnedRule, LearnedScope},
    rule::Baseline,
    set::RuleSet,
};
use guardbee_model::clock::BootTime;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a value takes, and a scope.
const KEY: usize = 192;
const SCOPE: usize = 96;

/// What a match is to a baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Novelty {
    New,
    /// It is new, and the scope still learns.
    Learned,
    Known,
}

/// When something was, from the machine's start.
type Time = i64;

fn time(at: BootTime) -> Time {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

fn nanoseconds(ns: u64) -> Time {
    i64::try_from(ns).unwrap_or(i64::MAX)
}

#[derive(Clone, Copy, Debug)]
struct Scope {
    /// It learns from here on.
    begun: Time,
    /// Its latest event.
    last: Time,
    /// Values that it has.
    keys: usize,
}

#[derive(Clone, Copy, Debug)]
struct Key {
    seen: Time,
    scope: Id,
}

/// What one rule has seen.
#[derive(Clone, Debug)]
pub(super) struct Baseliner {
    name: Digest,
    learn: Time,
    forget: Time,
    /// When the rule saw its first event, matched or not: then the scope of a rule without scopes began.
    begun: Option<Time>,
    /// Bytes that it may take.
    share: usize,
    scopes: HashMap<Id, Scope>,
    keys: HashMap<Id, Key>,
    order: BTreeSet<(Time, Id)>,
    evicted: u64,
}

impl Baseliner {
    fn new(name: Digest, baseline: &Baseline, share: usize) -> Self {
        let (scopes, keys, order) = Default::default();
        let (learn, forget) = (nanoseconds(baseline.learn_ns), nanoseconds(baseline.forget_ns));
        Self { name, learn, forget, begun: None, share, scopes, keys, order, evicted: 0 }
    }

    /// Values given up for want of room since the last call.
    pub(super) fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    /// The rule matches an event at `at`; what happened until `clock` has come.
    pub(super) fn see(
        &mut self,
        baseline: &Baseline,
        view: &mut View<'_>,
        (at, clock): (BootTime, BootTime),
    ) -> Novelty {
        let (at, clock) = (time(at), time(clock));
        self.forget(clock);
        let scope = id(&[], view, &baseline.scope);
        let key = id(&scope, view, &baseline.fields);
        let begun = self.enter(scope, at, baseline.scope.is_empty());
        let known = self.keys.get(&key).is_some_and(|known| at.saturating_sub(known.seen) <= self.forget);
        self.remember(key, Key { seen: at, scope });
        self.make_room(at);
        if known {
            Novelty::Known
        } else if at.saturating_sub(begun) < self.learn {
            Novelty::Learned
        } else {
            Novelty::New
        }
    }

    /// An event of this scope; gives since when it learns.
    fn enter(&mut self, scope: Id, at: Time, only: bool) -> Time {
        let fresh = Scope { begun: at, last: at, keys: 0 };
        let entry = self.scopes.entry(scope).or_insert(fresh);
        // Of what nothing was known any more, nothing is known.
        if at.saturating_sub(entry.last) > self.forget {
            entry.begun = at;
        }
        entry.last = entry.last.max(at);
        if only { self.begun.unwrap_or(at) } else { entry.begun }
    }

    fn remember(&mut self, id: Id, mut key: Key) {
        if let Some(before) = self.keys.get(&id).copied() {
            self.order.remove(&(before.seen, id));
            key.seen = key.seen.max(before.seen);
        } else if let Some(scope) = self.scopes.get_mut(&key.scope) {
            scope.keys += 1;
        }
        self.order.insert((key.seen, id));
        self.keys.insert(id, key);
    }

    /// What was not there for long.
    fn forget(&mut self, clock: Time) {
        while self.order.first().is_some_and(|(seen, _)| clock.saturating_sub(*seen) > self.forget) {
            self.pop();
        }
    }

    /// Gives up what was not there for the longest time. Of what is forgotten at `at` anyway nothing is lost.
    fn make_room(&mut self, at: Time) {
        while self.keys.len() * KEY + self.scopes.len() * SCOPE > self.share {
            let Some(seen) = self.pop() else { return };
            self.evicted += u64::from(at.saturating_sub(seen) <= self.forget);
        }
    }

    fn pop(&mut self) -> Option<Time> {
        let (seen, id) = self.order.pop_first()?;
        let key = self.keys.remove(&id)?;
        if let Some(scope) = self.scopes.get_mut(&key.scope) {
            scope.keys = scope.keys.saturating_sub(1);
            if scope.keys == 0 {
                self.scopes.remove(&key.scope);
            }
        }
        Some(seen)
    }

    fn export(&self) -> LearnedRule {
        let scope =
            |(id, scope): (&Id, &Scope)| LearnedScope { id: *id, begun: scope.begun, last: scope.last };
        let key = |(seen, id): &(Time, Id)| {
            let key = self.keys.get(id)?;
            Some(LearnedKey { id: *id, seen: *seen, scope: key.scope })
        };
        let mut scopes: Vec<_> = self.scopes.iter().map(scope).collect();
        scopes.sort_unstable_by_key(|scope| scope.id);
        let keys = self.order.iter().filter_map(key).collect();
        LearnedRule { name: self.name, begun: self.begun, scopes, keys }
    }

    /// Takes over what was learned before.
    fn import(&mut self, learned: LearnedRule) {
        self.begun = learned.begun;
        for LearnedScope { id, begun, last } in learned.scopes {
            self.scopes.insert(id, Scope { begun, last, keys: 0 });
        }
        for LearnedKey { id, seen, scope } in learned.keys {
            if self.scopes.contains_key(&scope) {
                self.remember(id, Key { seen, scope });
            }
        }
        self.scopes.retain(|_, scope| scope.keys > 0);
        let latest = self.order.last().map_or(0, |(seen, _)| *seen);
        self.make_room(latest);
    }
}

/// A hash of the values of these fields, beside `within`.
fn id(within: &[u8], view: &mut View<'_>, fields: &[crate::field::Field]) -> Id {
    let hash = Sha256::new_with_prefix(within).chain_update(suppress::key(view, fields)).finalize();
    let mut id = Id::default();
    id.iter_mut().zip(hash).for_each(|(byte, hashed)| *byte = hashed);
    id
}

/// Of all rules that have one, by the place of the rule.
#[derive(Debug, Default)]
pub(super) struct Baselines {
    of: BTreeMap<usize, Baseliner>,
    /// Some have not seen an event yet.
    waiting: bool,
}

impl Baselines {
    /// They share `bytes`.
    pub(super) fn new(set: &RuleSet, bytes: usize) -> Self {
        let some = || {
            set.rules
                .iter()
                .enumerate()
                .filter_map(|(place, rule)| Some((place, rule.baseline.as_ref()?, rule)))
        };
        let share = bytes / some().count().max(1);
        let of: BTreeMap<_, _> = some()
            .map(|(place, baseline, rule)| {
                (place, Baseliner::new(digest::of_baseline(&rule.info, baseline), baseline, share))
            })
            .collect();
        let waiting = !of.is_empty();
        Self { of, waiting }
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Baseliner> {
        self.of.get_mut(&place)
    }

    /// An event comes, whatever it is.
    pub(super) fn begin(&mut self, at: BootTime) {
        if !std::mem::take(&mut self.waiting) {
            return;
        }
        for one in self.of.values_mut() {
            one.begun.get_or_insert_with(|| time(at));
        }
    }

    fn export(&self) -> Learned {
        Learned { rules: self.of.values().map(Baseliner::export).collect() }
    }

    /// Gives how many of its rules there are; what others have learned is forgotten.
    fn import(&mut self, learned: Learned) -> usize {
        let mut taken = 0;
        for learned in learned.rules {
            let waits = |one: &&mut Baseliner| one.name == learned.name && one.keys.is_empty();
            if let Some(one) = self.of.values_mut().find(waits) {
                one.import(learned);
                taken += 1;
            }
        }
        taken
    }

    fn evicted(&mut self) -> u64 {
        self.of.values_mut().map(Baseliner::take_evicted).sum()
    }
}

impl Engine {
    /// What baselines know, for a file.
    pub fn learned(&self) -> Learned {
        self.baselines.export()
    }

    /// Takes over what was learned before, ahead of the first observation: each rule what a rule with its id, without one its
    /// title, and the same fields has learned. Gives how many rules that are.
    pub fn learn(&mut self, learned: Learned) -> usize {
        let taken = self.baselines.import(learned);
        let evicted = self.baselines.evicted();
        self.tally.lost("baseline_full", "baseline", evicted);
        taken
    }

    /// Other rules: what they have learned by now goes with them.
    pub(super) fn replace_baselines(&mut self, set: &RuleSet) {
        let learned = self.learned();
        self.baselines = Baselines::new(set, self.params.baseline_bytes);
        self.learn(learned);
    }
}
