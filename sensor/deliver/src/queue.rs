//! What waits for its receiver: a lane for each stream, bounded by records and bytes, every drop counted.
//!
//! Records are encoded when they come: what waits takes the memory that its bytes say, and is not encoded again when it is
//! tried again. A record is in its lane until its receiver has taken or refused it, so a bound covers what is in flight. When a lane is
//! full, spans lose their oldest (the newest tell what goes on now); findings and statements refuse the newest, so that a
//! flood can't push out how an attack began. No lane ever costs another one anything.
use crate::otlp::Encoded;
use guardbee_model::{
    clock::BootTime,
    loss::{Loss, LossCounter, Stage},
    record::{Record, Shape, Stream},
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// Largest request, in encoded bytes: receivers take 4 MiB by default.
pub(crate) const LARGEST_REQUEST: usize = 3_500 << 10;
/// Most records of a request.
const MOST_RECORDS: usize = 1024;

/// How much a lane holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Records.
    pub records: usize,
    /// Their encoded size, which is also the memory they take.
    pub bytes: usize,
}

/// How much each lane holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The sensor's own statements.
    pub audit: Bound,
    /// Findings.
    pub findings: Bound,
    /// Spans and their manifests.
    pub spans: Bound,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            audit: Bound { records: 4096, bytes: 4 << 20 },
            findings: Bound { records: 8192, bytes: 12 << 20 },
            spans: Bound { records: 32_768, bytes: 16 << 20 },
        }
    }
}

/// The kind that a record's loss is counted under.
pub(crate) fn kind(record: &Record) -> &'static str {
    match (record.stream, record.shape) {
        (Stream::Audit, _) => "audit",
        (Stream::Findings, _) => "finding",
        (Stream::Spans, Shape::Span { .. }) => "span",
        (Stream::Spans, Shape::Log { .. }) => "manifest",
    }
}

/// Records of one kind and lane, in order, on their way to the receiver.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Encoded>,
    pub(crate) kind: &'static str,
    stream: Stream,
    bytes: usize,
}

impl Batch {
    pub(crate) fn count(&self) -> u64 {
        self.records.len() as u64
    }

    pub(crate) fn is_spans(&self) -> bool {
        self.kind == "span"
    }
}

/// A record as it waits: encoded, so that its maker need not keep it.
#[derive(Debug)]
pub struct Waiting {
    record: Encoded,
    kind: &'static str,
    stream: Stream,
    bytes: usize,
}

impl Waiting {
    /// Encodes a record.
    pub fn new(record: &Record) -> Self {
        let encoded = Encoded::new(record);
        Self { kind: kind(record), stream: record.stream, bytes: encoded.bound(), record: encoded }
    }
}

#[derive(Debug)]
struct Lane {
    bound: Bound,
    waiting: VecDeque<Waiting>,
    /// Kind and count of the batch that was taken and has not left yet; a lane has one worker.
    in_flight: Option<(&'static str, u64)>,
    /// Of what waits and what is in flight.
    records: usize,
    bytes: usize,
}

impl Lane {
    fn new(bound: Bound) -> Self {
        Self { bound, waiting: VecDeque::new(), in_flight: None, records: 0, bytes: 0 }
    }

    fn fits(&self, bytes: usize) -> bool {
        self.records < self.bound.records && self.bytes + bytes <= self.bound.bytes
    }

    fn leave(&mut self, records: usize, bytes: usize) {
        self.records = self.records.saturating_sub(records);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

#[derive(Debug)]
struct State {
    lanes: [Lane; 3],
    closed: bool,
    undrained: LossCounter,
    lost: BTreeMap<(&'static str, &'static str), u64>,
    delivered: u64,
}

impl State {
    fn lane(&mut self, stream: Stream) -> &mut Lane {
        let [audit, findings, spans] = &mut self.lanes;
        match stream {
            Stream::Audit => audit,
            Stream::Findings => findings,
            Stream::Spans => spans,
        }
    }

    fn lose(&mut self, cause: &'static str, kind: &'static str, count: u64) {
        if count > 0 {
            self.undrained.add(cause, kind, count);
            *self.lost.entry((cause, kind)).or_default() += count;
        }
    }

    fn push(&mut self, came: Waiting) {
        let Waiting { kind, bytes, stream, .. } = came;
        if self.closed {
            return self.lose("closed", kind, 1);
        }
        if bytes > LARGEST_REQUEST {
            return self.lose("too_large", kind, 1);
        }
        while stream == Stream::Spans && !self.lane(stream).fits(bytes) {
            let lane = self.lane(stream);
            let Some(oldest) = lane.waiting.pop_front() else { break };
            lane.leave(1, oldest.bytes);
            self.lose("queue_full", oldest.kind, 1);
        }
        let lane = self.lane(stream);
        if lane.fits(bytes) {
            lane.records += 1;
            lane.bytes += bytes;
            lane.waiting.push_back(came);
        } else {
            self.lose("queue_full", kind, 1);
        }
    }

    fn take(&mut self, stream: Stream) -> Option<Batch> {
        let waiting = &mut self.lane(stream).waiting;
        let kind = waiting.front()?.kind;
        let mut batch = Batch { records: Vec::new(), kind, stream, bytes: 0 };
        while let Some(next) = waiting.pop_front_if(|next| {
            next.kind == kind
                && batch.records.len() < MOST_RECORDS
                && batch.bytes + next.bytes <= LARGEST_REQUEST
        }) {
            batch.records.push(next.record);
            batch.bytes += next.bytes;
        }
        self.lane(stream).in_flight = Some((kind, batch.count()));
        Some(batch)
    }

    fn empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.records == 0)
    }
}

/// How full a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Which lane.
    pub stream: Stream,
    /// Records, in flight or waiting.
    pub records: usize,
    /// Their encoded size.
    pub bytes: usize,
}

/// The lanes, shared by the core's thread and the workers.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// For each lane: something came, or the queue was closed.
    came: [Notify; 3],
    emptied: Condvar,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let state = State {
            lanes: [bounds.audit, bounds.findings, bounds.spans].map(Lane::new),
            closed: false,
            undrained: LossCounter::new(Stage::Deliver),
            lost: BTreeMap::new(),
            delivered: 0,
        };
        Self { state: Mutex::new(state), came: Default::default(), emptied: Condvar::new() }
    }

    /// A panic elsewhere leaves counts that are right: each change is whole before anything can panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn came(&self, stream: Stream) -> &Notify {
        let [audit, findings, spans] = &self.came;
        match stream {
            Stream::Audit => audit,
            Stream::Findings => findings,
            Stream::Spans => spans,
        }
    }

    /// Never waits: what does not fit is counted.
    pub(crate) fn push(&self, came: Vec<Waiting>) {
        let mut touched = [false; 3];
        {
            let mut state = self.state();
            for came in came {
                for (touched, of) in touched.iter_mut().zip(Stream::ALL) {
                    *touched |= of == came.stream;
                }
                state.push(came);
            }
        }
        for (_, stream) in touched.into_iter().zip(Stream::ALL).filter(|(touched, _)| *touched) {
            self.came(stream).notify_one();
        }
    }

    /// The next records of a lane; waits for some. [`None`]: closed.
    pub(crate) async fn next(&self, stream: Stream) -> Option<Batch> {
        loop {
            {
                let mut state = self.state();
                if state.closed {
                    return None;
                }
                if let Some(batch) = state.take(stream) {
                    return Some(batch);
                }
            }
            self.came(stream).notified().await;
        }
    }

    /// The batch has left: `lost` of its records for `cause`, the others to the receiver.
    pub(crate) fn finish(&self, batch: &Batch, cause: &'static str, lost: u64) {
        let mut state = self.state();
        if state.closed {
            return; // counted when it was closed
        }
        let lost = lost.min(batch.count());
        state.lose(cause, batch.kind, lost);
        state.delivered += batch.count() - lost;
        let lane = state.lane(batch.stream);
        lane.in_flight = None;
        lane.leave(batch.records.len(), batch.bytes);
        if state.empty() {
            self.emptied.notify_all();
        }
    }

    /// Waits until all has left; false: `limit` passed before.
    pub(crate) fn wait_empty(&self, limit: Duration) -> bool {
        let (state, _) = self
            .emptied
            .wait_timeout_while(self.state(), limit, |state| !state.empty())
            .unwrap_or_else(PoisonError::into_inner);
        state.empty()
    }

    /// Takes nothing more; what is here is lost and counted. In flight counts as lost too: nobody will hear the answer.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        if std::mem::replace(&mut state.closed, true) {
            return;
        }
        let mut left = Vec::new();
        for lane in &mut state.lanes {
            left.extend(lane.waiting.drain(..).map(|left| (left.kind, 1)));
            left.extend(lane.in_flight.take());
            (lane.records, lane.bytes) = (0, 0);
        }
        for (kind, count) in left {
            state.lose("shutdown", kind, count);
        }
        drop(state);
        self.came.iter().for_each(Notify::notify_one);
        self.emptied.notify_all();
    }

    /// What was lost since the last call.
    pub(crate) fn losses(&self, now: BootTime) -> Vec<Loss> {
        self.state().undrained.drain(now)
    }

    pub(crate) fn fill(&self) -> [Fill; 3] {
        let mut state = self.state();
        Stream::ALL.map(|stream| {
            let lane = state.lane(stream);
            Fill { stream, records: lane.records, bytes: lane.bytes }
        })
    }

    /// Records delivered, and lost by cause and kind, since the start.
    pub(crate) fn totals(&self) -> (u64, Vec<(&'static str, &'static str, u64)>) {
        let state = self.state();
        let lost = state.lost.iter().map(|(&(cause, kind), &count)| (cause, kind, count)).collect();
        (state.delivered, lost)
    }
}
