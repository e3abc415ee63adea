//! Correlations: small automata, one for each group of events, driven by the events' time alone.
//!
//! A group lives until it is finished or can't be any more. Each correlation has its own share of memory; what is over it
//! costs the group whose time is over first, and is counted. What is due is done when the time of the events has passed it by
//! [`LATENESS`], so that neither their order within that nor how many come at once changes a finding.
mod ends;
mod key;
mod order;
mod weight;
mod window;

pub(crate) use key::{Key, keys, proof, share};
pub(crate) use weight::weight;
pub(crate) use window::{Bound, Measure, Window};

use guardbee_model::{clock::BootTime, finding::Observation};
use order::{Ordered, Together};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// Events come later than others that happened after them by no more than this.
pub(crate) const LATENESS: u64 = 1_000_000_000;
/// What a group takes beside its key and what it keeps.
const GROUP: usize = 256;

/// Observations that made a correlation go on or finish, in order.
pub(crate) type Evidence = Vec<Arc<Observation>>;

/// How a correlation goes on.
#[derive(Clone, Debug)]
pub(crate) enum Machine {
    /// All rules, in order.
    Ordered,
    /// All rules, in any order.
    Together,
    /// A number that is measured over the events.
    Window(Window),
}

impl Machine {
    /// What is measured is known when the time is over, not before.
    pub(crate) fn closes(&self) -> bool {
        matches!(self, Self::Window(window) if window.closes())
    }
}

/// A rule of the correlation matched, or one of its correlations did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    /// Of the correlation's rules, which.
    pub(crate) step: usize,
    pub(crate) time: BootTime,
    /// How long its group has from it on.
    pub(crate) within_ns: u64,
    /// It may say whose group it is: see [`Key`].
    pub(crate) own: bool,
    pub(crate) evidence: &'a [Arc<Observation>],
    /// What is counted or summed up.
    pub(crate) value: &'a [u8],
}

/// What is known of one group.
#[derive(Debug)]
enum State {
    Ordered(Ordered),
    Together(Together),
    Window(window::State),
}

#[derive(Debug)]
struct Group {
    state: State,
    /// Its last moment.
    over: BootTime,
    bytes: usize,
}

/// The state of one correlation.
#[derive(Debug)]
pub(crate) struct Correlator {
    machine: Machine,
    steps: usize,
    /// Bytes that it may take.
    share: usize,
    bytes: usize,
    groups: HashMap<Arc<[u8]>, Group>,
    /// By when their time is over. Exact, not put right when it is looked at: who is first must not depend on who looked when.
    order: BTreeSet<(BootTime, Arc<[u8]>)>,
    evicted: u64,
}

impl Correlator {
    pub(crate) fn new(machine: Machine, steps: usize, share: usize) -> Self {
        let (groups, order) = Default::default();
        Self { machine, steps, share, bytes: 0, groups, order, evicted: 0 }
    }

    /// From now on it may take so many bytes: what is over that is given up, and counted.
    pub(crate) fn set_share(&mut self, share: usize) {
        self.share = share;
        self.make_room();
    }

    /// Groups with state.
    pub(crate) fn live(&self) -> usize {
        self.groups.len()
    }

    /// Groups given up for want of room since the last call.
    pub(crate) fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    /// An event of the group `key`, when the events' time is `now`. Gives the evidence if that finished it, or closed what
    /// came before. Of several steps that one observation matches, the later must be given first: in an order it stands for one of
    /// them only.
    pub(crate) fn step(&mut self, key: &[u8], event: &Event<'_>, now: BootTime) -> Option<Evidence> {
        self.forget(now);
        let is_over = |group: &Group| event.time > group.over;
        let closed = if self.machine.closes() && self.groups.get(key).is_some_and(is_over) {
            self.remove(key).and_then(|group| self.result(group))
        } else {
            None
        };
        let evidence = self.take(key, event);
        self.make_room();
        closed.or(evidence)
    }

    /// At `time` something ended the group `key`: what it had begun by then goes on for `grace_ns` more at most, and what is
    /// judged when its time is over is judged then. Its author wants that, so it is no loss.
    pub(crate) fn end(&mut self, key: &[u8], time: BootTime, grace_ns: u64, now: BootTime) {
        self.forget(now);
        let Some(group) = self.groups.get_mut(key) else { return };
        let end = later(time, grace_ns);
        let over = match (&mut group.state, &self.machine) {
            (State::Ordered(ordered), _) => ordered.end(time, end),
            (State::Together(together), _) => together.end(time, end),
            (State::Window(state), Machine::Window(window)) => state.end(window, time, end),
            (State::Window(_), _) => None,
        };
        let before = group.over;
        group.over = over.map_or(before, |over| over.min(before));
        let over = group.over;
        group.weigh(key, &mut self.bytes);
        self.put(key, before, over);
        self.make_room();
    }

    fn take(&mut self, key: &[u8], event: &Event<'_>) -> Option<Evidence> {
        let over = later(event.time, event.within_ns);
        if !self.groups.contains_key(key) {
            let state = match &self.machine {
                Machine::Ordered if event.step > 0 => return None,
                Machine::Ordered => State::Ordered(Ordered::new(self.steps)),
                Machine::Together => State::Together(Together::new(self.steps)),
                Machine::Window(window) => State::Window(window::State::new(window)),
            };
            let key: Arc<[u8]> = key.into();
            self.order.insert((over, Arc::clone(&key)));
            self.groups.insert(key, Group { state, over, bytes: 0 });
        }
        let group = self.groups.get_mut(key)?;
        let closes = self.machine.closes();
        let done = match (&mut group.state, &self.machine) {
            (State::Ordered(ordered), _) => ordered.take(event),
            (State::Together(together), _) => together.take(event),
            (State::Window(state), Machine::Window(window)) => state.take(window, event),
            (State::Window(_), _) => None,
        };
        // An order runs from its first step, others from their last event, what is closed from when it was opened.
        let restarts = !matches!(self.machine, Machine::Ordered) || event.step == 0;
        let longer = over > group.over && restarts && !closes;
        let before = longer.then(|| std::mem::replace(&mut group.over, over));
        group.weigh(key, &mut self.bytes);
        if let Some(before) = before {
            self.put(key, before, over);
        }
        if done.is_some() {
            self.remove(key);
        }
        done
    }

    /// The group `key` is over at another time than before.
    fn put(&mut self, key: &[u8], before: BootTime, over: BootTime) {
        if before == over {
            return;
        }
        let Some((key, _)) = self.groups.get_key_value(key) else { return };
        let mut entry = (before, Arc::clone(key));
        self.order.remove(&entry);
        entry.0 = over;
        self.order.insert(entry);
    }

    fn remove(&mut self, key: &[u8]) -> Option<Group> {
        let (key, group) = self.groups.remove_entry(key)?;
        self.order.remove(&(group.over, key));
        self.bytes = self.bytes.saturating_sub(group.bytes);
        Some(group)
    }

    /// The group whose time is over first.
    fn pop(&mut self) -> Option<Group> {
        let (_, key) = self.order.pop_first()?;
        self.remove(&key)
    }

    fn make_room(&mut self) {
        while self.bytes > self.share && self.pop().is_some() {
            self.evicted += 1;
        }
    }

    /// When the first group must be closed: [`Correlator::close`] is due after it.
    pub(crate) fn due(&self) -> Option<BootTime> {
        self.order.first().filter(|_| self.machine.closes()).map(|(over, _)| *over)
    }

    /// Closes the first group; gives the evidence if it is as the correlation wants it.
    pub(crate) fn close(&mut self) -> Option<Evidence> {
        let group = self.pop()?;
        self.result(group)
    }

    fn result(&self, group: Group) -> Option<Evidence> {
        match (group.state, &self.machine) {
            (State::Window(state), Machine::Window(window)) => state.result(window),
            _ => None,
        }
    }

    /// Forgets what can't be finished in time any more.
    pub(crate) fn forget(&mut self, now: BootTime) {
        if self.machine.closes() {
            return;
        }
        while self.order.first().is_some_and(|(over, _)| now > *over) {
            self.pop();
        }
    }
}

impl Group {
    /// Of `all` bytes it takes others than before.
    fn weigh(&mut self, key: &[u8], all: &mut usize) {
        let bytes = GROUP + 2 * key.len() + self.state.bytes();
        *all = *all + bytes - std::mem::replace(&mut self.bytes, bytes);
    }
}

impl State {
    fn bytes(&self) -> usize {
        match self {
            Self::Ordered(ordered) => ordered.bytes(),
            Self::Together(together) => together.bytes(),
            Self::Window(state) => state.bytes(),
        }
    }
}

fn later(time: BootTime, ns: u64) -> BootTime {
    BootTime(time.0.saturating_add(ns))
}
