//! Policies in force: which one holds in each cgroup, and what of that the kernel half must be told.
//!
//! Policies are read and decided here, without privileges; the loader gets numbers. A set's policies have numbers of one half,
//! the next set's of the other: while they are exchanged every cgroup goes by a whole policy, the old or the new.
use crate::asker::Asker;
use guardbee_enrich::Home;
use guardbee_model::{
    clock::BootTime,
    loss::{Loss, LossCounter, Stage},
};
use guardbee_policy::{Decision, Place, PolicySet, Terms};
use guardbee_wire::{EventKind, POLICIES, Policy, PolicyFlag, ScopePolicy};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

/// Numbers of each half; 0 is the default's.
const HALF: u32 = (POLICIES - 1) / 2;
/// What waits to be told: a whole exchange, and what comes while the loader is busy.
const WAITING: usize = 1 << 14;

/// What the kernel half is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// What holds under this number; 0: where no policy does.
    Policy(u32, Policy),
    /// Which policy holds in this cgroup.
    Scope(u64, Option<ScopePolicy>),
}

/// Which policy holds where.
#[derive(Debug)]
pub(crate) struct Enforcer {
    set: Arc<PolicySet>,
    /// The number before that of the set's first policy.
    before: u32,
    /// Of each cgroup that is known, as many as `enrich` knows.
    decided: HashMap<u64, Decision>,
    waiting: VecDeque<Ruling>,
    /// Those of before, as long as the kernel half may go by them.
    leaving: Vec<Arc<PolicySet>>,
    lost: LossCounter,
}

impl Enforcer {
    /// Nothing is known of any cgroup: the default holds everywhere.
    pub(crate) fn new(set: Arc<PolicySet>) -> Self {
        let (decided, waiting, leaving) = (HashMap::new(), VecDeque::new(), Vec::new());
        let lost = LossCounter::new(Stage::Enrich);
        let mut new = Self { set, before: 0, decided, waiting, leaving, lost };
        new.policies();
        new.default_policy();
        new
    }

    /// All that is to be told, at once.
    pub(crate) fn take_waiting(&mut self) -> impl Iterator<Item = Ruling> {
        self.waiting.drain(..)
    }

    /// The policies.
    pub(crate) fn set(&self) -> &Arc<PolicySet> {
        &self.set
    }

    /// Cgroups that are known now, and such that were forgotten.
    pub(crate) fn follow(&mut self, changed: Vec<(u64, Option<Home>)>) {
        if self.set.is_empty() {
            return;
        }
        for (id, home) in changed {
            let told = self.decided.remove(&id).and_then(|decision| self.scope(decision));
            let decision = home.map(|home| decide(&self.set, &home));
            if let Some(decision) = decision {
                self.decided.insert(id, decision);
            }
            let scope = decision.and_then(|decision| self.scope(decision));
            if scope != told {
                self.tell(Ruling::Scope(id, scope));
            }
        }
    }

    /// Other policies. What both sets want is looked at all the time: first cgroups get their new policy, then the default is
    /// another one, and those that go by it from now on come last.
    pub(crate) fn replace(&mut self, set: Arc<PolicySet>, homes: impl Iterator<Item = Home>) {
        let old: Vec<u64> =
            self.decided.iter().filter(|(_, one)| self.scope(**one).is_some()).map(|(id, _)| *id).collect();
        self.leaving.push(std::mem::replace(&mut self.set, set));
        self.before = HALF - self.before;
        self.decided.clear();
        if !self.set.is_empty() {
            self.decided = homes.map(|home| (home.id, decide(&self.set, &home))).collect();
        }
        self.policies();
        let scopes: Vec<_> =
            self.decided.iter().filter_map(|(id, one)| Some((*id, self.scope(*one)?))).collect();
        for (id, scope) in &scopes {
            self.tell(Ruling::Scope(*id, Some(*scope)));
        }
        self.default_policy();
        for id in old {
            if self.decided.get(&id).and_then(|one| self.scope(*one)).is_none() {
                self.tell(Ruling::Scope(id, None));
            }
        }
    }

    /// Hands over as much as there is room for.
    pub(crate) fn speak(&mut self, asker: &mut Asker) {
        while let Some(ruling) = self.waiting.front() {
            if !asker.rule(*ruling) {
                return;
            }
            self.waiting.pop_front();
        }
    }

    /// The kernel half goes by these policies alone since now; told once.
    pub(crate) fn has_settled(&mut self, asker: &Asker) -> bool {
        let settled = !self.leaving.is_empty() && self.waiting.is_empty() && asker.has_ruled();
        if settled {
            self.leaving.clear();
        }
        settled
    }

    /// May the payload of this cgroup be read? The kernel half asks the same, but knows the answer a moment later.
    pub(crate) fn may_read(&self, cgroup: u64) -> bool {
        let default = || self.set.default_policy().terms.payload;
        self.decided.get(&cgroup).map_or_else(default, |decision| decision.payload)
    }

    /// The action is left out somewhere, by these policies or such as are leaving.
    pub(crate) fn leaves_out(&self, action: &str) -> bool {
        let sets = self.leaving.iter().chain([&self.set]);
        let all = sets.flat_map(|set| set.policies().iter().chain([set.default_policy()]));
        let mut terms = all.map(|policy| &policy.terms);
        match action {
            "request" | "exchange" => terms.any(|terms| !terms.payload),
            _ => terms.any(|terms| terms.left_out().any(|name| name == action)),
        }
    }

    /// How many cgroups that are known go by each policy, by its name.
    pub(crate) fn counts(&self) -> BTreeMap<&str, u64> {
        let mut counts = BTreeMap::new();
        for decision in self.decided.values() {
            *counts.entry(&*self.set.policy(*decision).name).or_default() += 1;
        }
        counts
    }

    /// What could not be told since this was last asked.
    pub(crate) fn losses(&mut self, now: BootTime) -> Vec<Loss> {
        self.lost.drain(now)
    }

    fn policies(&mut self) {
        let terms: Vec<_> = self.set.policies().iter().map(|policy| policy.terms).collect();
        for (number, terms) in (self.before + 1..).zip(&terms) {
            self.tell(Ruling::Policy(number, wire(terms)));
        }
    }

    fn default_policy(&mut self) {
        let terms = self.set.default_policy().terms;
        let on = if self.set.is_empty() { 0 } else { PolicyFlag::On as u32 };
        let payload = if terms.payload { 0 } else { PolicyFlag::NoPayload as u32 };
        self.tell(Ruling::Policy(0, Policy { flags: on | payload, ..wire(&terms) }));
    }

    /// [`None`]: the default, which holds where nothing is said.
    fn scope(&self, decision: Decision) -> Option<ScopePolicy> {
        let Decision { policy, payload } = decision;
        if policy.is_none() && payload == self.set.default_policy().terms.payload {
            return None;
        }
        let number = policy.and_then(|at| u32::try_from(at).ok()).map_or(0, |at| self.before + 1 + at);
        Some(ScopePolicy { number, payload })
    }

    fn tell(&mut self, ruling: Ruling) {
        if self.waiting.len() < WAITING {
            self.waiting.push_back(ruling);
        } else {
            self.lost.add("rulings_full", "cgroup", 1);
        }
    }
}

fn decide(set: &PolicySet, home: &Home) -> Decision {
    let path = String::from_utf8_lossy(&home.cgroup.path);
    let (container, configured) = (home.container.as_deref(), home.configured.as_deref());
    set.decide(&Place { path: &path, unit: &home.cgroup.unit, container, configured })
}

fn wire(terms: &Terms) -> Policy {
    let kinds = EventKind::ALL.into_iter().filter(|kind| terms.left_out().any(|name| name == kind.name()));
    let left_out = kinds.fold(0, |bits, kind| bits | 1 << kind as u64);
    let (per_second, burst) =
        terms.throttle.map_or((0, 0), |throttle| (throttle.events_per_second, throttle.burst));
    Policy { left_out, per_second, burst, flags: 0, pad: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guardbee_model::container::Cgroup;
    use guardbee_policy::{FILES, SYSTEM};

    const WEB: &str = "name: web\nmatch: {unit: web.service}\npayload: never\nleave_out: [file_open]\n";
    const QUIET: &str = "name: quiet\nmatch: {cgroup: /quiet}\nthrottle: {events_per_second: 5, burst: 9}\n";

    fn set(text: &str) -> Arc<PolicySet> {
        Arc::new(PolicySet::load(&[("policy.yaml", text)]).unwrap())
    }

    fn home(id: u64, path: &str, unit: &str) -> Home {
        let cgroup = Cgroup { path: path.as_bytes().into(), unit: unit.into(), slice: Box::default() };
        Home { id, cgroup: Arc::new(cgroup), container: None, configured: None }
    }

    fn scope(cgroup: u64, number: u32, payload: bool) -> Ruling {
        Ruling::Scope(cgroup, Some(ScopePolicy { number, payload }))
    }

    #[test]
    fn every_action_of_a_policy_is_a_kind_of_event() {
        for name in FILES.into_iter().chain(SYSTEM) {
            assert!(EventKind::ALL.into_iter().any(|kind| kind.name() == name), "{name}");
        }
        assert!(u32::try_from(guardbee_policy::POLICIES).unwrap() <= HALF);
    }

    #[test]
    fn without_policies_nothing_is_on() {
        let mut enforcer = Enforcer::new(Arc::default());
        assert_eq!(enforcer.take_waiting().collect::<Vec<_>>(), [Ruling::Policy(0, Policy::default())]);
        enforcer.follow(vec![(1, Some(home(1, "/a", "")))]);
        assert_eq!(enforcer.take_waiting().count(), 0);
        assert!(enforcer.may_read(1) && !enforcer.leaves_out("file_open") && enforcer.counts().is_empty());
    }

    #[test]
    fn a_cgroup_is_told_of_when_its_policy_is_known() {
        let mut enforcer = Enforcer::new(set(&format!("{WEB}---\n{QUIET}")));
        let told: Vec<_> = enforcer.take_waiting().collect();
        let open = Policy { left_out: 1 << EventKind::FileOpen as u64, ..Policy::default() };
        let quiet = Policy { per_second: 5, burst: 9, ..Policy::default() };
        let on = Policy { flags: PolicyFlag::On as u32, ..Policy::default() };
        assert_eq!(told, [Ruling::Policy(1, open), Ruling::Policy(2, quiet), Ruling::Policy(0, on)]);
        enforcer.follow(vec![
            (7, Some(home(7, "/system.slice/web.service", "web.service"))),
            (8, Some(home(8, "/quiet/x", ""))),
            (9, Some(home(9, "/else", ""))),
        ]);
        let told: Vec<_> = enforcer.take_waiting().collect();
        assert_eq!(told, [scope(7, 1, false), scope(8, 2, true)]);
        assert!(
            !enforcer.may_read(7) && enforcer.may_read(8) && enforcer.may_read(9) && enforcer.may_read(10)
        );
        assert!(
            enforcer.leaves_out("file_open")
                && enforcer.leaves_out("request")
                && !enforcer.leaves_out("mount")
        );
        assert_eq!(
            enforcer.counts().into_iter().collect::<Vec<_>>(),
            [("default", 1), ("quiet", 1), ("web", 1)]
        );
        // The same again is nothing new; who is forgotten goes by the default.
        enforcer.follow(vec![(8, Some(home(8, "/quiet/x", ""))), (7, None), (9, None)]);
        assert_eq!(enforcer.take_waiting().collect::<Vec<_>>(), [Ruling::Scope(7, None)]);
    }

    /// Who has a policy of its own before and after never goes by the default between.
    #[test]
    fn an_exchange_leads_nobody_over_the_default() {
        let mut enforcer = Enforcer::new(set(&format!("{WEB}---\n{QUIET}")));
        let homes =
            || [home(7, "/web.service", "web.service"), home(8, "/quiet/x", ""), home(9, "/else", "")];
        enforcer.follow(homes().map(|home| (home.id, Some(home))).to_vec());
        enforcer.take_waiting().for_each(drop);
        enforcer.replace(
            set(&format!("name: silent\nobserve: none\npayload: never\n---\n{WEB}")),
            homes().into_iter(),
        );
        let told: Vec<_> = enforcer.take_waiting().collect();
        let [Ruling::Policy(512, web), first, Ruling::Policy(0, default), last] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert_eq!(*first, scope(7, 512, false));
        assert_eq!(*last, Ruling::Scope(8, None));
        let all = FILES.len() + SYSTEM.len();
        assert_eq!([web, default].map(|policy| policy.left_out.count_ones() as usize), [all, all]);
        assert_eq!(default.flags, PolicyFlag::On as u32 | PolicyFlag::NoPayload as u32);
        // Until the kernel half is known to go by the others.
        assert!(enforcer.leaves_out("mount"));
        enforcer.replace(Arc::default(), homes().into_iter());
        let told: Vec<_> = enforcer.take_waiting().collect();
        assert_eq!(told, [Ruling::Policy(0, Policy::default()), Ruling::Scope(7, None)]);
        assert!(enforcer.may_read(7));
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let mut enforcer = Enforcer::new(set(WEB));
        let many = 0..u64::try_from(WAITING).unwrap();
        enforcer.follow(many.map(|id| (id, Some(home(id, "/web.service", "web.service")))).collect());
        let losses = enforcer.losses(BootTime(1));
        assert_eq!((losses[0].cause, losses[0].count), ("rulings_full", 2));
    }
}
