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
    /// Its scope has too many values to have a profile.
    Wide,
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
    /// Values that it has.
    keys: usize,
    /// When the last value came that it had no room for.
    wide: Option<Time>,
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
    /// Values that a scope has room for.
    most: usize,
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
        let most = baseline.most.and_then(|most| most.try_into().ok()).unwrap_or(usize::MAX);
        Self { name, learn, forget, most, begun: None, share, scopes, keys, order, evicted: 0 }
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
        let held = self.held(&scope, at);
        let begun = self.enter(scope, (at, held), baseline.scope.is_empty());
        let known = self.keys.get(&key).is_some_and(|known| at.saturating_sub(known.seen) <= self.forget);
        let has_room = known || held < self.most;
        let wide = self.is_wide(&scope, has_room, at);
        if has_room {
            self.remember(key, Key { seen: at, scope });
            self.make_room(at);
        }
        if known {
            Novelty::Known
        } else if wide {
            Novelty::Wide
        } else if at.saturating_sub(begun) < self.learn {
            Novelty::Learned
        } else {
            Novelty::New
        }
    }

    /// Values that the scope has at `at`. Of those that are forgotten by then some may still be here, since events come late.
    fn held(&self, scope: &Id, at: Time) -> usize {
        let gone = self.order.iter().take_while(|(seen, _)| at.saturating_sub(*seen) > self.forget);
        let gone = gone.filter(|(_, id)| self.keys.get(id).is_some_and(|key| key.scope == *scope)).count();
        self.scopes.get(scope).map_or(0, |scope| scope.keys.saturating_sub(gone))
    }

    /// An event of this scope, which has so many values; gives since when it learns.
    fn enter(&mut self, scope: Id, (at, held): (Time, usize), only: bool) -> Time {
        let fresh = Scope { begun: at, keys: 0, wide: None };
        let entry = self.scopes.entry(scope).or_insert(fresh);
        // Of what nothing is known any more, nothing was known.
        if held == 0 {
            (entry.begun, entry.wide) = (at, None);
        }
        if only { self.begun.unwrap_or(at) } else { entry.begun }
    }

    /// It has no profile: for as long as values are remembered, from the last one on that it had no room for.
    fn is_wide(&mut self, scope: &Id, has_room: bool, at: Time) -> bool {
        let Some(scope) = self.scopes.get_mut(scope) else { return false };
        if !has_room {
            scope.wide = scope.wide.max(Some(at));
        }
        scope.wide.is_some_and(|wide| at.saturating_sub(wide) <= self.forget)
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
            |(id, scope): (&Id, &Scope)| LearnedScope { id: *id, begun: scope.begun, wide: scope.wide };
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
        for LearnedScope { id, begun, wide } in learned.scopes {
            self.scopes.insert(id, Scope { begun, keys: 0, wide });
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
