//! The sealer: records in, records with their proofs out.
use crate::{
    Error,
    batch::{BatchRecord, LossTotals, Origin, SIZE},
    keys::{PublicKey, SigningKey},
    leaf::{self, BatchId, Head, Instance, Kind, Place, Text},
    merkle::{self, Hash},
    proof::{self, BATCH, MANIFEST, Manifest},
    reference::{self, KeyList, LongText, PREFIX, PROOF, REF, Slot, schema_id},
    statement::Current,
};
use guardbee_model::{
    clock::{BootTime, WallTime},
    id::{SpanId, TraceId},
    loss::{Loss, LossCounter, Stage},
    record::{Record, Resource, Shape, Stream, Value},
};
use std::{borrow::Cow, collections::HashMap, collections::VecDeque, sync::Arc};

/// Name of the log record that carries an epoch statement.
pub const EPOCH: &str = "guardbee.seal.epoch";
/// Severity of what the sealer itself writes: INFO.
const INFO: u8 = 9;
/// Key lists remembered at most; more than the sensor's kinds of records.
const SCHEMAS: usize = 256;
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

/// One chain.
#[derive(Debug)]
struct Chain {
    stream: Stream,
    pending: VecDeque<Record>,
    sequence: u64,
    first: u64,
    previous: Hash,
    sealed: Option<BootTime>,
    repeat: Option<Record>,
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
    schemas: Schemas,
    leaf: Vec<u8>,
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
            repeat: None,
        });
        Ok(Self {
            origin,
            params,
            current,
            announced: None,
            chains,
            dropped: LossCounter::new(Stage::Seal),
            schemas: Schemas::default(),
            leaf: Vec::new(),
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

    /// For the next instance's [`Params::previous`]: the hash of each stream's last batch record.
    pub fn heads(&self) -> [(Stream, Hash); 3] {
        self.chains.each_ref().map(|chain| (chain.stream, chain.previous))
    }

    /// Takes a record; it is given back, sealed, by the next flush of its stream.
    pub fn add(&mut self, record: Record) -> Added {
        let stream = record.stream;
        let Some(chain) = self.chains.iter_mut().find(|chain| chain.stream == stream) else {
            return Added::Dropped;
        };
        if chain.pending.len() >= self.params.pending {
            self.dropped.add("seal_pending_full", stream.name(), 1);
            return Added::Dropped;
        }
        chain.pending.push_back(record);
        if chain.pending.len() >= SIZE { Added::Full } else { Added::Waiting }
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
    pub fn flush(
        &mut self,
        streams: &[Stream],
        now: (BootTime, WallTime),
        losses: &LossTotals,
    ) -> Result<Vec<Record>, Error> {
        let mut out = Vec::new();
        self.epoch(now)?;
        for index in 0..self.chains.len() {
            let Some(chain) = self.chains.get(index) else { break };
            let due = chain.sealed.is_none_or(|sealed| now.0.since(sealed) >= self.params.heartbeat);
            let wanted = due || streams.contains(&chain.stream);
            let mut empty = due;
            while wanted && (empty || self.chains.get(index).is_some_and(|chain| !chain.pending.is_empty())) {
                self.batch(index, now, losses, &mut out)?;
                empty = false;
            }
        }
        Ok(out)
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
        let mut records: Vec<Record> = chain.pending.drain(..size).collect();
        let mut sealing = Sealing { schemas: &mut self.schemas, buffer: &mut self.leaf, inline };
        let mut leaves = Vec::with_capacity(size);
        let mut used: Vec<Arc<Schema>> = Vec::new();
        for (index, record) in (0_u32..).zip(&mut records) {
            let (leaf, schema) = sealing.seal(&Place { batch: id, index }, record);
            leaves.push(leaf);
            if !inline && !used.iter().any(|other| Arc::ptr_eq(other, &schema)) {
                used.push(schema);
            }
        }
        let record = BatchRecord {
            id,
            origin: self.origin.hash(id.instance, id.stream),
            first: chain.first,
            root: merkle::root(&leaves),
            size: u32::try_from(size).unwrap_or_default(),
            start: records.first().map(|record| record.start).unwrap_or_default(),
            end: records.iter().map(|record| record.end).max().unwrap_or_default(),
            losses: *losses,
            wall: now.1,
            boot: now.0,
            key: self.current.id,
            previous: chain.previous,
        };
        let signature = match self.current.signer.sign(&record.bytes()) {
            Ok(signature) => signature,
            Err(error) => {
                self.dropped.add("seal_sign_failed", id.stream.name(), size as u64);
                return Err(error);
            }
        };
        chain.sequence += 1;
        chain.first = record.next();
        chain.previous = record.hash();
        chain.sealed = Some(now.0);
        let repeat = chain.repeat.take();
        if inline {
            prove(&mut records, &leaves, &record, &signature);
        }
        let has_manifest = !inline || size == 0;
        out.append(&mut records);
        out.extend(repeat);
        if has_manifest {
            let schemas = used.iter().map(|schema| schema.text.as_str().into()).collect();
            let body = Manifest { record, signature, leaves, schemas }.text();
            let attributes = vec![(Cow::Borrowed(BATCH), Value::from(id.to_string()))];
            let manifest = self.own_record(MANIFEST, body, now.1, attributes);
            if size > 0
                && let Some(chain) = self.chains.get_mut(index)
            {
                chain.repeat = Some(manifest.clone());
            }
            out.push(manifest);
        }
        Ok(())
    }
}

/// Gives every record its inline proof.
fn prove(records: &mut [Record], leaves: &[Hash], record: &BatchRecord, signature: &[u8]) {
    for ((index, sealed), path) in (0_u32..).zip(records).zip(merkle::paths(leaves)) {
        let text = proof::write(index, &path, record, signature);
        sealed.attributes.push((Cow::Borrowed(PROOF), Value::from(text)));
    }
}

/// The keys of one kind of record.
#[derive(Debug)]
struct Schema {
    /// Keys and types in the record's own order: what it is found by.
    written: Vec<(Cow<'static, str>, Kind)>,
    /// Positions of the signed ones in the record, by key.
    order: Vec<usize>,
    /// The key list.
    text: String,
    /// How a reference names it: by hash, and inline.
    by_hash: String,
    inline: String,
}

impl Schema {
    fn new(record: &Record) -> Self {
        let written: Vec<_> =
            record.attributes.iter().map(|(key, value)| (key.clone(), Kind::of(value))).collect();
        let mut order: Vec<(usize, &str, Kind)> = written
            .iter()
            .enumerate()
            .filter(|(_, (key, _))| !key.starts_with(PREFIX))
            .map(|(at, (key, kind))| (at, &**key, *kind))
            .collect();
        order.sort_by_key(|(_, key, _)| *key);
        let text = KeyList(order.iter().map(|(_, key, kind)| ((*key).into(), *kind)).collect()).text();
        let order = order.iter().map(|(at, ..)| *at).collect();
        Self { order, by_hash: format!("#{}", schema_id(&text)), inline: format!("={text}"), text, written }
    }

    fn fits(&self, record: &Record) -> bool {
        self.written.len() == record.attributes.len()
            && self
                .written
                .iter()
                .zip(&record.attributes)
                .all(|((key, kind), (other, value))| key == other && *kind == Kind::of(value))
    }
}

/// Key lists that were made before, found by the keys' lengths and the first letters of their types.
#[derive(Debug, Default)]
struct Schemas {
    by_shape: HashMap<u64, Vec<Arc<Schema>>>,
    count: usize,
}

impl Schemas {
    fn of(&mut self, record: &Record) -> Arc<Schema> {
        let shape = record.attributes.iter().fold(0_u64, |shape, (key, value)| {
            (shape.rotate_left(7) ^ key.len() as u64).wrapping_mul(31) ^ Kind::of(value) as u64
        });
        let same_shape = self.by_shape.get(&shape);
        if let Some(schema) = same_shape.and_then(|list| list.iter().find(|schema| schema.fits(record))) {
            return Arc::clone(schema);
        }
        if self.count >= SCHEMAS {
            self.by_shape.clear();
            self.count = 0;
        }
        let schema = Arc::new(Schema::new(record));
        self.by_shape.entry(shape).or_default().push(Arc::clone(&schema));
        self.count += 1;
        schema
    }
}

/// Seals the records of one batch.
struct Sealing<'a> {
    schemas: &'a mut Schemas,
    buffer: &'a mut Vec<u8>,
    inline: bool,
}

impl Sealing<'_> {
    /// Adds the reference to a record and gives its leaf hash.
    fn seal(&mut self, place: &Place, record: &mut Record) -> (Hash, Arc<Schema>) {
        let schema = self.schemas.of(record);
        let head = Head {
            shape: record.shape,
            trace: record.trace,
            span: record.span,
            parent: record.parent,
            name: Text::new(&record.name),
            start: record.start.0,
            end: record.end.0,
            body: Text::new(&record.body),
        };
        let mut long = Vec::new();
        let mut note = |slot, text: &Text<'_>| {
            if let Text::Long { length, hash, .. } = text {
                long.push(LongText { slot, length: *length, hash: *hash });
            }
        };
        note(Slot::Name, &head.name);
        note(Slot::Body, &head.body);
        let mut signed = Vec::with_capacity(schema.order.len());
        for (number, at) in (0_u16..).zip(&schema.order) {
            if let Some((key, value)) = record.attributes.get(*at) {
                let text = Text::of(value);
                note(Slot::Key(number), &text);
                signed.push((&**key, Kind::of(value), text));
            }
        }
        leaf::write(self.buffer, place, &head, signed.into_iter());
        let keys = if self.inline { &schema.inline } else { &schema.by_hash };
        let text = reference::write(place, record.start.0, record.end.0, keys, &long);
        record.attributes.push((Cow::Borrowed(REF), Value::from(text)));
        (merkle::leaf_hash(self.buffer), schema)
    }
}
