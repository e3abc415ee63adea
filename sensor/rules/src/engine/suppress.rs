//! Findings with the same values, told once in a time.
//!
//! The first one goes out and opens a window. Those of its time are counted, and when it is over one finding goes out for all of
//! them, that of the last, which opens the next window: at most one in each time, none is lost, and what went on and on is
//! told as often. Time is the events' alone.
use crate::{
    correlate::{Evidence, weight},
    eval::View,
    field::Field,
    rule::Suppression,
};
use guardbee_model::{
    clock::BootTime,
    finding::{Observation, Repeats},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// What a window takes beside its key and its evidence.
const WINDOW: usize = 256;

/// What is the same: of each field how many values it has, and these.
pub(super) fn key(view: &mut View<'_>, fields: &[Field]) -> Vec<u8> {
    let mut key = Vec::new();
    for field in fields {
        key.extend_from_slice(&view.values(*field).count().to_le_bytes());
        for value in view.values(*field) {
            key.extend_from_slice(&value.len().to_le_bytes());
            key.extend_from_slice(value);
        }
    }
    key
}

/// Findings that were held back, and the evidence of the last.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) repeats: Repeats,
    pub(super) evidence: Evidence,
}

impl Held {
    fn new(time: BootTime, evidence: &[Arc<Observation>]) -> Self {
        Self { repeats: Repeats { count: 1, first: time, last: time }, evidence: evidence.to_vec() }
    }

    fn add(&mut self, time: BootTime, evidence: &[Arc<Observation>]) {
        let Repeats { count, first, last } = &mut self.repeats;
        *count += 1;
        *first = time.min(*first);
        if time >= *last {
            *last = time;
            self.evidence = evidence.to_vec();
        }
    }
}

#[derive(Debug)]
struct Window {
    /// Its last moment.
    end: BootTime,
    held: Option<Held>,
    bytes: usize,
}

/// Windows of one rule.
#[derive(Debug)]
pub(super) struct Suppressor {
    for_ns: u64,
    /// Bytes that it may take.
    share: usize,
    bytes: usize,
    /// In the order of their ends. There are two while events may still come that belong to the first.
    windows: HashMap<Arc<[u8]>, Vec<Window>>,
    order: BTreeSet<(BootTime, Arc<[u8]>)>,
    evicted: u64,
}

impl Suppressor {
    pub(super) fn new(suppression: &Suppression, share: usize) -> Self {
        let (windows, order) = Default::default();
        Self { for_ns: suppression.for_ns, share, bytes: 0, windows, order, evicted: 0 }
    }

    pub(super) fn share(&self) -> usize {
        self.share
    }

    pub(super) fn set_share(&mut self, share: usize) {
        self.share = share;
    }

    /// Windows given up for want of room since the last call.
    pub(super) fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    /// Holds a finding back, or gives false: then it goes out, and [`Suppressor::open`] says so.
    pub(super) fn hold(&mut self, key: &[u8], time: BootTime, evidence: &[Arc<Observation>]) -> bool {
        let Some((key, windows)) = self.windows.get_key_value(key) else { return false };
        let key = Arc::clone(key);
        let within = windows.iter().position(|window| time <= window.end);
        let last = windows.last().filter(|last| last.held.is_some()).map(|last| last.end);
        match (within, last) {
            (Some(place), _) => self.change(&key, place, |held| match held {
                Some(held) => held.add(time, evidence),
                None => *held = Some(Held::new(time, evidence)),
            }),
            // At its end a finding goes out, if it did not already, and this is within the time of that one.
            (None, Some(end)) if time <= self.next(end) => {
                let end = self.next(end);
                self.push(key, end, Some(Held::new(time, evidence)));
            }
            _ => return false,
        }
        true
    }

    /// A finding went out: others with its values are held back from now on.
    pub(super) fn open(&mut self, key: Vec<u8>, time: BootTime) {
        let end = self.next(time);
        self.push(key.into(), end, None);
    }

    fn next(&self, time: BootTime) -> BootTime {
        BootTime(time.0.saturating_add(self.for_ns))
    }

    fn push(&mut self, key: Arc<[u8]>, end: BootTime, held: Option<Held>) {
        let bytes = weight_of(&key, held.as_ref());
        let windows = self.windows.entry(Arc::clone(&key)).or_default();
        let place = windows.partition_point(|window| window.end < end);
        if windows.get(place).is_some_and(|window| window.end == end) {
            return;
        }
        windows.insert(place, Window { end, held, bytes });
        self.bytes += bytes;
        self.order.insert((end, key));
    }

    fn change(&mut self, key: &Arc<[u8]>, place: usize, change: impl FnOnce(&mut Option<Held>)) {
        let Some(window) = self.windows.get_mut(key).and_then(|windows| windows.get_mut(place)) else {
            return;
        };
        change(&mut window.held);
        let bytes = weight_of(key, window.held.as_ref());
        self.bytes = self.bytes + bytes - std::mem::replace(&mut window.bytes, bytes);
    }

    /// When the first window is over: [`Suppressor::close`] is due after it.
    pub(super) fn due(&self) -> Option<BootTime> {
        self.order.first().map(|(end, _)| *end)
    }

    /// Closes the first window; gives what it held back, whose going out opens the next one.
    pub(super) fn close(&mut self) -> Option<Held> {
        let (key, end, held) = self.pop()?;
        let held = held?;
        if !self.windows.contains_key(&key) {
            self.push(key, self.next(end), None);
        }
        Some(held)
    }

    /// Gives up a window if there is no room; what it held back goes out at once. [`None`]: there is room.
    #[expect(clippy::option_option, reason = "room, or a window that held nothing or something back")]
    pub(super) fn make_room(&mut self) -> Option<Option<Held>> {
        if self.bytes <= self.share {
            return None;
        }
        let (_, _, held) = self.pop()?;
        self.evicted += 1;
        Some(held)
    }

    /// All that is held back, the first window first.
    pub(super) fn end(&mut self) -> Vec<Held> {
        std::iter::from_fn(|| self.pop()).filter_map(|(_, _, held)| held).collect()
    }

    fn pop(&mut self) -> Option<(Arc<[u8]>, BootTime, Option<Held>)> {
        let (end, key) = self.order.pop_first()?;
        let windows = self.windows.get_mut(&key)?;
        let place = windows.iter().position(|window| window.end == end)?;
        let window = windows.remove(place);
        if windows.is_empty() {
            self.windows.remove(&key);
        }
        self.bytes = self.bytes.saturating_sub(window.bytes);
        Some((key, end, window.held))
    }
}

fn weight_of(key: &Arc<[u8]>, held: Option<&Held>) -> usize {
    WINDOW + 2 * key.len() + held.map_or(0, |held| weight(&held.evidence))
}
