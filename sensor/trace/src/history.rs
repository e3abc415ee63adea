//! Answered requests, kept for events that come late: one ring for all connections, so that forgetting costs nothing.
use crate::table::Entry;
use guardbee_model::clock::BootTime;
use std::collections::VecDeque;

/// A request that is over.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) entry: Entry,
    /// By when it and all before it were over, by the time of events: however late they are read, few are open at once.
    pub(crate) over: BootTime,
    /// The one before it on its connection.
    pub(crate) before: Option<u64>,
}

/// The latest ones.
#[derive(Debug)]
pub(crate) struct History {
    ring: VecDeque<Answered>,
    /// Number of the first.
    first: u64,
    limit: usize,
    /// Whatever was over later is still there.
    forgotten: BootTime,
}

impl History {
    /// `limit`: requests.
    pub(crate) fn new(limit: usize) -> Self {
        Self { ring: VecDeque::new(), first: 0, limit: limit.max(1), forgotten: BootTime(0) }
    }

    /// The oldest, if there is no room for another.
    pub(crate) fn in_the_way(&self) -> Option<&Answered> {
        self.ring.front().filter(|_| self.ring.len() >= self.limit)
    }

    /// Adds one, whose connection's last one was `before`; forgets the oldest for it. Gives its number.
    pub(crate) fn push(&mut self, entry: Entry, ended: BootTime, before: Option<u64>) -> u64 {
        if self.ring.len() >= self.limit
            && let Some(oldest) = self.ring.pop_front()
        {
            self.forgotten = oldest.over;
            self.first += 1;
        }
        let over = self.ring.back().map_or(self.forgotten, |latest| latest.over).max(ended);
        self.ring.push_back(Answered { entry, over, before });
        self.first + self.ring.len() as u64 - 1
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Answered> {
        self.ring.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Answered> {
        self.ring.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// Those of one connection, the latest (`newest`) first.
    pub(crate) fn of(&self, newest: Option<u64>) -> impl Iterator<Item = (u64, &Answered)> {
        let numbered = |number: u64| Some((number, self.get(number)?));
        std::iter::successors(newest.and_then(numbered), move |(_, answered)| {
            answered.before.and_then(numbered)
        })
    }

    /// Those that may not have been over at `time`, the latest first.
    pub(crate) fn since(&self, time: BootTime) -> impl Iterator<Item = &Entry> {
        self.ring
            .iter()
            .rev()
            .take_while(move |answered| answered.over > time)
            .map(|answered| &answered.entry)
    }

    /// Whether all that may not have been over at `time` is still there.
    pub(crate) fn reaches(&self, time: BootTime) -> bool {
        self.forgotten <= time
    }
}
