//! The sealer: records in, records with their proofs out.
use crate::{
    Error,
    batch::{BatchRecord, LossTotals, Origin, SIZE},
    keys::{PublicKey, SigningKey},
    leaf::{BatchId, Instance, Place},
    merkle::{self, Hash},
    proof::{BATCH, MANIFEST, Manifest},
    sealing::{Schema, Sealing, prove},
    statement::Current,
};
use guardbee_model::{
    clock::{BootTime, WallTime},
    id::{SpanId, TraceId},
    loss::{Loss, LossCounter, Stage},
    record::{Record, Resource, Shape, Stream, Value},
};
use std::{borrow::Cow, collections::VecDeque, sync::Arc};

/// Name of the log record that carries an epoch statement.
pub const EPOCH: &str = "guardbee.seal.epoch";
/// Severity of what the sealer itself writes: INFO.
const INFO: u8 = 9;
const SECOND: u64 = 1_000_000_000;

/// How to seal.
#[derive(Clone, Debug)]
pub struct Params {
    /// A stream without records gets an empty batch after this many nanoseconds.
    pub heartbeat: u64,
    /// An epoch key is replaced after this many nanoseconds.
    pub epoch: u64,
    /// The epoch's statement is repeated after this many nanoseconds.
    pub announce: u64,
    /// Records that may wait per stream.
    pub pending: usize,
    /// Of the instance before: the hash of its last batch record, for each stream where it is known.
    pub previous: Vec<(Stream, Hash)>,
    /// Version of the sensor, for the epoch's statement.
    pub version: Box<str>,
    /// Resource of the records that the sealer itself writes.
    pub resource: Arc<Resource>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            heartbeat: 5 * SECOND,
            epoch: 3600 * SECOND,
            announce: 600 * SECOND,
            pending: 4 * SIZE,
            previous: Vec::new(),
            version: env!("CARGO_PKG_VERSION").into(),
            resource: Arc::default(),
        }
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It waits.
    Waiting,
    /// It waits, and a batch is full: flush.
    Full,
    /// It was dropped and counted: nobody flushed.
    Dropped,
}

/// A record that waits for its batch. Its place in it is known when it comes, so its leaf is made then: it is still in the
/// processor's caches.
#[derive(Debug)]
struct Pending {
    /// [`None`]: the caller has it.
    record: Option<Box<Record>>,
    start: WallTime,
    end: WallTime,
    leaf: Hash,
    schema: Arc<Schema>,
}

/// One chain.
#[derive(Debug)]
struct Chain {
    stream: Stream,
    pending: VecDeque<Pending>,
    sequence: u64,
    first: u64,
    previous: Hash,
    sealed: Option<BootTime>,
}

/// Seals the records of all streams.
#[derive(Debug)]
pub struct Sealer {
    origin: Origin,
    params: Params,
    current: Current,
    announced: Option<BootTime>,
    chains: [Chain; 3],
    dropped: LossCounter,
    sealing: Sealing,
}

impl Sealer {
    /// A new instance. `long_term` certifies its first epoch key and is not kept; without one the verdict of every
    /// record is `KEY-UNTRUSTED (ephemeral)`.
    pub fn new(
        origin: Origin,
        long_term: Option<&SigningKey>,
        params: Params,
        now: (BootTime, WallTime),
    ) -> Result<Self, Error> {
        let current = Current::first(&origin, long_term, now, params.epoch, &params.version)?;
        let chains = Stream::ALL.map(|stream| Chain {
            stream,
            pending: VecDeque::new(),
            sequence: 0,
            first: 0,
            previous: params
                .previous
                .iter()
                .find(|(of, _)| *of == stream)
                .map(|(_, hash)| *hash)
                .unwrap_or_default(),
            sealed: None,
        });
        Ok(Self {
            origin,
            params,
            current,
            announced: None,
            chains,
            dropped: LossCounter::new(Stage::Seal),
            sealing: Sealing::default(),
        })
    }

    /// This start's name.
    pub fn instance(&self) -> Instance {
        self.current.epoch.instance
    }

    /// The public key of the present epoch.
    pub fn epoch_key(&self) -> &PublicKey {
        &self.current.epoch.key
    }

    /// For the next instance's [`Params::previous`]: number and hash of each stream's last batch record.
    pub fn heads(&self) -> [(Stream, u64, Hash); 3] {
        self.chains.each_ref().map(|chain| (chain.stream, chain.sequence.saturating_sub(1), chain.previous))
    }

    /// Takes a record; it is given back, sealed, by the next flush of its stream.
    pub fn add(&mut self, mut record: Record) -> Added {
        let Some(waits) = self.place(&mut record) else { return Added::Dropped };
        self.wait(record.stream, Pending { record: Some(record.into()), ..waits })
    }

    /// Seals a span that stays with the caller, who may encode it at once: nothing is added to it later. It counts from the
    /// next flush of its stream on, which gives the manifest. If that fails and nothing waits after it, the spans since the
    /// flush before are lost, and counted.
    pub fn add_span(&mut self, span: &mut Record) -> Added {
        if span.stream != Stream::Spans {
            self.dropped.add("seal_no_span", span.stream.name(), 1);
            return Added::Dropped;
        }
        self.place(span).map_or(Added::Dropped, |waits| self.wait(Stream::Spans, waits))
    }

    fn wait(&mut self, stream: Stream, waits: Pending) -> Added {
        let Some(chain) = self.chains.iter_mut().find(|chain| chain.stream == stream) else {
            return Added::Dropped;
        };
        chain.pending.push_back(waits);
        if chain.pending.len() >= SIZE { Added::Full } else { Added::Waiting }
    }

    /// Gives a record its place in the batch to come and its reference; [`None`]: there is no room, and that is counted.
    fn place(&mut self, record: &mut Record) -> Option<Pending> {
        let stream = record.stream;
        let chain = self.chains.iter().find(|chain| chain.stream == stream)?;
        if chain.pending.len() >= self.params.pending {
            self.dropped.add("seal_pending_full", stream.name(), 1);
            return None;
        }
        // A flush takes all that waits, in batches of this size.
        let (batches, index) = (chain.pending.len() / SIZE, chain.pending.len() % SIZE);
        let sequence = chain.sequence.saturating_add(batches as u64);
        let batch = BatchId { instance: self.current.epoch.instance, stream, sequence };
        let place = Place { batch, index: u32::try_from(index).unwrap_or_default() };
        let (leaf, schema) = self.sealing.seal(place, record);
        Some(Pending { record: None, start: record.start, end: record.end, leaf, schema })
    }

    /// Records that wait in `stream`.
    pub fn waiting(&self, stream: Stream) -> usize {
        self.chains.iter().find(|chain| chain.stream == stream).map_or(0, |chain| chain.pending.len())
    }

    /// What was dropped here since the last call.
    pub fn drain_losses(&mut self, now: BootTime) -> Vec<Loss> {
        self.dropped.drain(now)
    }

    /// Seals what waits in `streams`; and in every stream that has been silent for a heartbeat, an empty batch. A new
    /// epoch begins when the old one's time is over. `losses` are the totals since the instance began.
    ///
    /// What is sealed goes to the end of `out`, also before an error: those batches are in their chains, and records
    /// behind them would point at nothing without them. What waits in streams after the one that failed still waits.
    pub fn flush(
        &mut self,
        streams: &[Stream],
        now: (BootTime, WallTime),
        losses: &LossTotals,
        out: &mut Vec<Record>,
    ) -> Result<(), Error> {
        self.epoch(now)?;
        for index in 0..self.chains.len() {
            let Some(chain) = self.chains.get(index) else { break };
            let due = chain.sealed.is_none_or(|sealed| now.0.since(sealed) >= self.params.heartbeat);
            let wanted = due || streams.contains(&chain.stream);
            let mut empty = due;
            while wanted && (empty || self.chains.get(index).is_some_and(|chain| !chain.pending.is_empty())) {
                self.batch(index, now, losses, out)?;
                empty = false;
            }
        }
        Ok(())
    }

    /// Rotates the epoch key and has the statement said, when it is time.
    fn epoch(&mut self, now: (BootTime, WallTime)) -> Result<(), Error> {
        if now.0.since(self.current.epoch.boot.0) >= self.params.epoch {
            self.current = self.current.next(now, self.params.epoch)?;
            self.announced = None;
        }
        let due = self.announced.is_none_or(|at| now.0.since(at) >= self.params.announce);
        if due {
            let text = self.current.bundle.clone();
            let record = self.own_record(EPOCH, text, now.1, Vec::new());
            if self.add(record) != Added::Dropped {
                self.announced = Some(now.0);
            }
        }
        Ok(())
    }

    fn own_record(
        &self,
        name: &str,
        body: String,
        at: WallTime,
        attributes: Vec<(Cow<'static, str>, Value)>,
    ) -> Record {
        Record {
            stream: Stream::Audit,
            shape: Shape::Log { severity: INFO },
            name: name.into(),
            trace: TraceId::default(),
            span: SpanId::default(),
            parent: SpanId::default(),
            start: at,
            end: at,
            body: body.into(),
            attributes,
            resource: Arc::clone(&self.params.resource),
        }
    }

    /// Seals one batch of the chain, empty if nothing waits.
    fn batch(
        &mut self,
        index: usize,
        now: (BootTime, WallTime),
        losses: &LossTotals,
        out: &mut Vec<Record>,
    ) -> Result<(), Error> {
        let Some(chain) = self.chains.get_mut(index) else { return Ok(()) };
        let inline = chain.stream != Stream::Spans;
        let id =
            BatchId { instance: self.current.epoch.instance, stream: chain.stream, sequence: chain.sequence };
        let size = chain.pending.len().min(SIZE);
        let (mut records, mut leaves) = (Vec::with_capacity(size), Vec::with_capacity(size));
        let mut used: Vec<Arc<Schema>> = Vec::new();
        let start = chain.pending.front().map(|waits| waits.start).unwrap_or_default();
        let mut end = WallTime::default();
        for Pending { record, end: its_end, leaf, schema, .. } in chain.pending.drain(..size) {
            records.extend(record.map(|record| *record));
            leaves.push(leaf);
            end = end.max(its_end);
            if !inline && !used.iter().any(|other| Arc::ptr_eq(other, &schema)) {
                used.push(schema);
            }
        }
        let digests: Option<Vec<_>> =
            (!inline || size == 0).then(|| leaves.iter().map(Hash::digest).collect());
        let record = BatchRecord {
            id,
            origin: self.origin.hash(id.instance, id.stream),
            first: chain.first,
            root: digests.as_ref().map_or_else(|| merkle::root(&leaves), |digests| merkle::list(digests)),
            size: u32::try_from(size).unwrap_or_default(),
            start,
            end,
            losses: *losses,
            wall: now.1,
            boot: now.0,
            key: self.current.id,
            previous: chain.previous,
        };
        let signature = match self.current.signer.sign(&record.bytes()) {
            Ok(signature) => signature,
            Err(error) => {
                // What follows has its place behind a batch that will never be.
                let lost = size + chain.pending.drain(..).count();
                self.dropped.add("seal_sign_failed", id.stream.name(), lost as u64);
                return Err(error);
            }
        };
        chain.sequence += 1;
        chain.first = record.next();
        chain.previous = record.hash();
        chain.sealed = Some(now.0);
        if inline {
            prove(&mut records, &leaves, &record, &signature);
        }
        out.append(&mut records);
        if let Some(leaves) = digests {
            let schemas = used.iter().map(|schema| schema.text.as_str().into()).collect();
            let body = Manifest { record, signature, leaves, schemas }.text();
            let attributes = vec![(Cow::Borrowed(BATCH), Value::from(id.to_string()))];
            out.push(self.own_record(MANIFEST, body, now.1, attributes));
        }
        Ok(())
    }
}
