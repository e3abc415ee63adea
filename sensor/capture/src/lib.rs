//! Ring reader and merge: bytes to events.
//!
//! The kernel half writes records into rings ([`ring`]); here they become events ([`decode`]) in the order of time,
//! security before payload. What the kernel half lost is read from its counters, and what makes no sense is counted
//! here: nothing disappears without a number.
mod counters;
pub mod decode;
mod gaps;
mod iterator;
pub mod ledger;
mod memory;
mod merge;
pub mod ring;
mod wait;

pub use counters::{Counters, Snapshot};
pub use decode::{DecodeError, Source};
pub use iterator::read_iterator;
pub use ledger::{Counts, Settled, Taken};
pub use ring::Ring;
pub use wait::{Waiter, Woken};

use gaps::Gaps;
use guardbee_model::{
    clock::{BootTime, Clock},
    event::Event,
    loss::{Loss, LossCounter, Stage},
};
use guardbee_wire::RINGS;
use merge::Merge;
use ring::{Drained, Left};
use std::{io, time::Duration};

/// What can fail.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a size that a ring can have.
    #[error("open ring: {size} bytes is not a power of two of whole pages; use the loader of this build")]
    RingSize {
        /// What was said.
        size: u32,
    },
    /// More rings than the ABI has numbers for.
    #[error("open rings: {count} payload rings, at most {most} have sequences; use the loader of this build")]
    RingCount {
        /// How many.
        count: usize,
        /// How many there can be.
        most: usize,
    },
    /// mmap failed.
    #[error("map {what}; check that the loader gave a map of the stated size")]
    Map {
        /// What was mapped.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// epoll failed.
    #[error("wait for the rings")]
    Wait {
        /// Why not.
        source: io::Error,
    },
    /// read failed, or the last record is cut.
    #[error("read the iterator over what was there before the sensor")]
    Iterator {
        /// Why not.
        source: io::Error,
    },
    /// No record can be told from the next.
    #[error(
        "read the iterator: a record of {size} bytes; load the kernel half that was built with this pipeline"
    )]
    Frame {
        /// What the record's header says.
        size: u32,
    },
}

/// Of one ring, before what was read is given back to the producer.
const RELEASE_BYTES: u64 = 16 << 10;

/// How rings are read.
#[derive(Clone, Copy, Debug)]
pub struct Params {
    /// How long an event is held for one that was taken before it; longer than it takes to write a record.
    pub slack: Duration,
    /// Bytes of all payload rings in one cycle: bounds how long security events wait.
    pub payload_bytes: u64,
    /// How often the counters are read: 1.7 KB for each CPU and context.
    pub counters_every: Duration,
    /// After which everything that was numbered has been written; longer than any program runs.
    pub settle: Duration,
    /// Shortest time between two cycles, where rings fill.
    pub period_min: Duration,
    /// Longest, where nothing happens.
    pub period_max: Duration,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            slack: Duration::from_millis(2),
            payload_bytes: 1 << 20,
            counters_every: Duration::from_millis(50),
            settle: Duration::from_secs(1),
            period_min: Duration::from_millis(1),
            period_max: Duration::from_millis(100),
        }
    }
}

/// What was read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Records, good and bad.
    pub records: u64,
    /// Bytes of rings.
    pub bytes: u64,
    /// Events that were passed after younger ones.
    pub late: u64,
    /// Events that wait for the clock.
    pub held: u64,
}

/// Reads all rings of a kernel half.
#[derive(Debug)]
pub struct Capture {
    /// Security first: the index is the ring's number.
    rings: Vec<Ring>,
    counters: Counters,
    params: Params,
    merge: Merge,
    gaps: Gaps,
    taken: Taken,
    refused: LossCounter,
    /// Records that could not be decoded, by kind.
    undecoded: Counts,
    before: Option<Snapshot>,
    period: Duration,
    stats: Stats,
}

impl Capture {
    /// Begins where an earlier reader of these rings ended. Losses are told from the first cycle on.
    pub fn new(
        security: Ring,
        payload: Vec<Ring>,
        counters: Counters,
        taken: Taken,
        params: Params,
    ) -> Result<Self, Error> {
        if payload.len() >= RINGS {
            return Err(Error::RingCount { count: payload.len(), most: RINGS - 1 });
        }
        let gaps = Gaps::new(counters.cpus(), nanos(params.settle));
        let rings = std::iter::once(security).chain(payload).collect();
        Ok(Self {
            rings,
            counters,
            params,
            merge: Merge::default(),
            gaps,
            taken,
            refused: LossCounter::new(Stage::Capture),
            undecoded: Counts::default(),
            before: None,
            period: params.period_max,
            stats: Stats::default(),
        })
    }

    /// What ends the wait between two cycles: an urgent record, or one of `others`.
    pub fn waiter<F: std::os::fd::AsFd>(&self, others: &[F]) -> Result<Waiter, Error> {
        Waiter::new(&self.rings, others)
    }

    /// How long to wait before the next cycle: short where rings fill, long where nothing happens.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Reads what has come: the security ring to its end (once its size), then of the payload rings what the budget allows. Events go to
    /// `out` in the order of time, what was lost since the last cycle to `losses`.
    pub fn cycle(&mut self, clock: &impl Clock, out: &mut Vec<Event>, losses: &mut Vec<Loss>) {
        let now = clock.boot();
        self.read_counters(now, losses);
        // A ring's worth: whoever fills it faster than it is read must not keep us here.
        let whole = self.rings.first().map_or(0, Ring::size);
        let mut fill = self.drain(0, whole, now);
        let mut budget = self.params.payload_bytes;
        let payload = self.rings.len().saturating_sub(1) as u64;
        for index in 1..self.rings.len() {
            let share = budget / (payload + 1 - index as u64).max(1);
            let before = self.stats.bytes;
            fill = fill.max(self.drain(index, share, now));
            budget = budget.saturating_sub(self.stats.bytes - before);
        }
        self.period = next_period(self.period, fill, &self.params);
        let until = BootTime(now.0.saturating_sub(nanos(self.params.slack)));
        self.merge.release(until, out);
        losses.extend(self.refused.drain(now));
    }

    /// When the counters were last read: what was lost before it has been told.
    pub fn counted(&self) -> BootTime {
        self.before.as_ref().map_or(BootTime(0), |before| before.time)
    }

    /// The kernel half's counters, now.
    pub fn snapshot(&self, clock: &impl Clock) -> Snapshot {
        self.counters.snapshot(clock.boot())
    }

    /// Records that left the rings since the loader began, those of earlier readers included.
    pub fn taken(&self) -> Counts {
        self.taken.counts()
    }

    /// Records of this reader that gave no event, by kind; [`Capture::cycle`] tells them as losses too.
    pub fn undecoded(&self) -> Counts {
        self.undecoded
    }

    /// What was read so far.
    pub fn stats(&self) -> Stats {
        Stats { late: self.merge.late(), held: self.merge.held() as u64, ..self.stats }
    }

    /// Before the rings are read: a number at the head of a sequence is then in its ring, or lost, or being written.
    fn read_counters(&mut self, now: BootTime, losses: &mut Vec<Loss>) {
        let due = self
            .before
            .as_ref()
            .is_none_or(|before| now.since(before.time) >= nanos(self.params.counters_every));
        if due {
            let snapshot = self.counters.snapshot(now);
            if let Some(before) = &self.before {
                snapshot.losses_since(before, losses);
            }
            self.gaps.turn(&snapshot, self.rings.len(), losses);
            self.before = Some(snapshot);
        }
    }

    /// Reads one ring; gives how full it was, in percent.
    fn drain(&mut self, index: usize, budget: u64, now: BootTime) -> u64 {
        let mut bytes = 0;
        loop {
            let Some(drained) = self.drain_some(index, RELEASE_BYTES.min(budget - bytes), now) else {
                return 0;
            };
            self.taken.store();
            bytes += drained.bytes;
            self.stats.records += drained.records;
            self.stats.bytes += drained.bytes;
            if drained.malformed > 0 {
                self.refused.add("ring_malformed", class(index), drained.malformed);
            }
            match drained.left {
                Left::Budget if bytes < budget => {}
                Left::Budget => return 100,
                left => {
                    if left == Left::Nothing {
                        self.gaps.read_to_end(index, now);
                    }
                    return 100 * bytes / self.rings.get(index).map_or(1, Ring::size).max(1);
                }
            }
        }
    }

    fn drain_some(&mut self, index: usize, budget: u64, now: BootTime) -> Option<Drained> {
        let Self { rings, merge, gaps, refused, taken, undecoded, .. } = self;
        let drained = rings.get_mut(index)?.drain(budget, |bytes| {
            let source = decode::source(bytes);
            let kind = source.map_or(0, |source| source.kind);
            taken.add(kind);
            // A record that can't be decoded has come all the same: it is no hole in its sequence.
            if let Some(source) = source
                && !(usize::from(source.ring) == index && gaps.came(source))
            {
                refused.add("no_sequence", class(index), 1);
            }
            match decode::record(bytes) {
                Ok(event) => merge.push(event, now),
                Err(error) => {
                    *ledger::slot(undecoded, kind) += 1;
                    refused.add(error.cause(), error.kind(), 1);
                }
            }
        });
        Some(drained)
    }
}

fn class(ring: usize) -> &'static str {
    if ring == 0 { "security" } else { "payload" }
}

/// A ring that was a quarter full could be full within three periods: no time for small steps.
fn next_period(period: Duration, fill_percent: u64, params: &Params) -> Duration {
    let next = match fill_percent {
        25.. => params.period_min,
        6.. => period / 2,
        2.. => period,
        _ => period * 2,
    };
    next.clamp(params.period_min, params.period_max)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
