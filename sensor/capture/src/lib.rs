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
pub use ledger::{Counts, NO_COUNTS, Settled, Taken};
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
/// A ring as full as this is to be read more often, and nothing is to hold up who reads it.
const FILLING_PERCENT: u64 = 6;

/// How rings are read.
#[derive(Clone, Copy, Debug)]
pub struct Params {
    /// How long an event is held for one that was taken before it; longer than it takes to write a record.
    pub slack: Duration,
    /// Bytes of the security ring in one cycle: what is read and not worked off dies with this process.
    pub security_bytes: u64,
    /// Bytes of all payload rings in one cycle: bounds how long security events wait.
    pub payload_bytes: u64,
    /// How often the counters are read: 5.2 KB for each CPU and context.
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
            security_bytes: 1 << 20,
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
    /// Its memory becomes the next one.
    spare: Option<Snapshot>,
    period: Duration,
    /// How full the fullest ring was, in percent.
    fill: u64,
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
            undecoded: NO_COUNTS,
            before: None,
            spare: None,
            period: params.period_max,
            fill: 0,
            stats: Stats::default(),
        })
    }

    /// What ends the wait between two cycles: an urgent record, or one of `others`.
    pub fn waiter<F: std::os::fd::AsFd>(&self, others: &[F]) -> Result<Waiter, Error> {
        Waiter::new(&self.rings, others)
    }

    /// How long to wait before the next cycle: short where rings fill, long where nothing happens. `woken` by an urgent record,
    /// which is too young to have been passed on: no longer than until it isn't.
    pub fn period(&self, woken: Woken) -> Duration {
        if woken.ring { self.period.min(self.params.slack) } else { self.period }
    }

    /// A ring was rather full: whoever reads them is to hurry.
    pub fn is_filling(&self) -> bool {
        self.fill >= FILLING_PERCENT
    }

    /// Reads what has come, and gives it to `out` in the order of time: [`Capture::read`] and [`Capture::next_event`] in one.
    pub fn cycle(&mut self, clock: &impl Clock, out: &mut Vec<Event>, losses: &mut Vec<Loss>) {
        self.read(clock, losses);
        out.extend(std::iter::from_fn(|| self.next_event()));
    }

    /// Reads what has come, for [`Capture::next_event`]: the security ring first, then of the payload rings, as much of each
    /// as its budget allows. What was lost since the last time goes to `losses`.
    pub fn read(&mut self, clock: &impl Clock, losses: &mut Vec<Loss>) {
        let now = clock.boot();
        self.merge.begin();
        self.read_counters(now, losses);
        let mut security = Reading::of(self.rings.first());
        while security.more && security.bytes < self.params.security_bytes {
            self.read_some(0, self.params.security_bytes - security.bytes, &mut security, now);
        }
        self.fill = security.percent().max(self.read_payload(now));
        self.period = next_period(self.period, self.fill, &self.params);
        let until = BootTime(now.0.saturating_sub(nanos(self.params.slack)));
        self.merge.release(until);
        losses.extend(self.refused.drain(now));
    }

    /// The next event of those that were read, in the order of time; [`None`]: the others are too young to be passed on.
    pub fn next_event(&mut self) -> Option<Event> {
        self.merge.next()
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
            let mut snapshot = self.spare.take().unwrap_or_else(|| self.counters.snapshot(now));
            self.counters.refresh(&mut snapshot, now);
            if let Some(before) = &self.before {
                snapshot.losses_since(before, losses);
            }
            self.gaps.turn(&snapshot, self.rings.len(), losses);
            self.spare = self.before.replace(snapshot);
        }
    }

    /// Reads the payload rings for as long as the budget lasts, always the one that is furthest behind: read one after the
    /// other they would tell a backlog twice over, each out of its time. Gives how full the fullest was, in percent.
    fn read_payload(&mut self, now: BootTime) -> u64 {
        let mut readings: Vec<Reading> = self.rings.iter().map(|ring| Reading::of(Some(ring))).collect();
        for (index, reading) in readings.iter_mut().enumerate().skip(1) {
            reading.next = self.next_time(index);
        }
        let mut budget = self.params.payload_bytes;
        while budget > 0 {
            let open = readings.iter_mut().enumerate().skip(1).filter(|(_, reading)| reading.more);
            let Some((index, reading)) = open.min_by_key(|(_, reading)| reading.next) else { break };
            let before = reading.bytes;
            self.read_some(index, budget, reading, now);
            reading.next = self.next_time(index);
            budget = budget.saturating_sub(reading.bytes - before);
        }
        readings.iter().skip(1).map(Reading::percent).max().unwrap_or(0)
    }

    /// Of the next event; the beginning of time where there is none, so that the ring's end is noticed.
    fn next_time(&mut self, index: usize) -> BootTime {
        let bytes = self.rings.get_mut(index).and_then(Ring::peek);
        bytes.and_then(decode::time).unwrap_or_default()
    }

    /// Reads a little of one ring, within the budget, and gives it back to the producers.
    fn read_some(&mut self, index: usize, budget: u64, reading: &mut Reading, now: BootTime) {
        reading.more = false;
        let Some(drained) = self.drain_some(index, RELEASE_BYTES.min(budget), now) else { return };
        self.taken.store();
        reading.bytes += drained.bytes;
        self.stats.records += drained.records;
        self.stats.bytes += drained.bytes;
        if drained.malformed > 0 {
            self.refused.add("ring_malformed", class(index), drained.malformed);
        }
        if drained.left == Left::Nothing {
            self.gaps.read_to_end(index, now);
        }
        reading.more = drained.left == Left::Budget;
    }

    fn drain_some(&mut self, index: usize, budget: u64, now: BootTime) -> Option<Drained> {
        let Self { rings, merge, gaps, refused, taken, undecoded, .. } = self;
        let drained = rings.get_mut(index)?.drain(budget, |bytes| {
            let (source, event) = decode::numbered(bytes);
            let kind = source.map_or(0, |source| source.kind);
            taken.add(kind);
            // A record that can't be decoded has come all the same: it is no hole in its sequence.
            if let Some(source) = source
                && !(usize::from(source.ring) == index && gaps.came(source))
            {
                refused.add("no_sequence", class(index), 1);
            }
            match event {
                Ok((event, payload)) => merge.push(event, payload, now),
                Err(error) => {
                    *ledger::slot(undecoded, kind) += 1;
                    refused.add(error.cause(), error.kind(), 1);
                }
            }
        });
        Some(drained)
    }
}

/// What one cycle has read of one ring.
#[derive(Clone, Copy, Debug)]
struct Reading {
    size: u64,
    bytes: u64,
    /// Time of the next event.
    next: BootTime,
    /// There was more than was asked for.
    more: bool,
}

impl Reading {
    fn of(ring: Option<&Ring>) -> Self {
        Self { size: ring.map_or(1, Ring::size), bytes: 0, next: BootTime(0), more: true }
    }

    /// How full the ring was.
    fn percent(&self) -> u64 {
        if self.more { 100 } else { 100 * self.bytes / self.size.max(1) }
    }
}

fn class(ring: usize) -> &'static str {
    if ring == 0 { "security" } else { "payload" }
}

/// A ring that was a quarter full could be full within three periods: no time for small steps.
fn next_period(period: Duration, fill_percent: u64, params: &Params) -> Duration {
    let next = match fill_percent {
        25.. => params.period_min,
        FILLING_PERCENT.. => period / 2,
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
