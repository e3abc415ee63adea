//! Sealing one record: its key list, its leaf, its reference, its proof.
use crate::{
    batch::BatchRecord,
    leaf::{self, BatchId, Head, Kind, Place, Text},
    merkle::{self, Hash},
    proof,
    reference::{self, KeyList, LongText, PREFIX, PROOF, REF, Slot, schema_id},
};
use guardbee_model::record::{Record, Stream, Value};
use std::{borrow::Cow, collections::HashMap, sync::Arc};

/// Key lists remembered at most; more than the sensor's kinds of records.
const SCHEMAS: usize = 256;

/// Gives every record its inline proof.
pub(crate) fn prove(records: &mut [Record], leaves: &[Hash], record: &BatchRecord, signature: &[u8]) {
    for ((index, sealed), path) in (0_u32..).zip(records).zip(merkle::paths(leaves)) {
        let text = proof::write(index, &path, record, signature);
        sealed.attributes.push((Cow::Borrowed(PROOF), Value::from(text)));
    }
}

/// The keys of one kind of record.
#[derive(Debug)]
pub(crate) struct Schema {
    /// Keys and types in the record's own order: what it is found by.
    written: Vec<(Cow<'static, str>, Kind)>,
    /// Positions of the signed ones in the record, by key.
    order: Vec<usize>,
    /// The key list.
    pub(crate) text: String,
    /// Its hash.
    hash: Hash,
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
        let hash = merkle::sha256(text.as_bytes());
        let (by_hash, inline) = (format!("#{}", schema_id(&hash)), format!("={text}"));
        Self { written, order, text, hash, by_hash, inline }
    }

    fn fits(&self, record: &Record) -> bool {
        self.written.len() == record.attributes.len()
            && self
                .written
                .iter()
                .zip(&record.attributes)
                .all(|((key, kind), (other, value))| same(key, other) && *kind == Kind::of(value))
    }
}

/// Keys are constants of the program: most are equal because they are the same.
fn same(key: &str, other: &str) -> bool {
    std::ptr::eq(key, other) || key == other
}

/// Key lists that were made before, found by the keys' lengths and the first letters of their types.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
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

/// Seals records one by one.
#[derive(Debug, Default)]
pub(crate) struct Sealing {
    schemas: Schemas,
    /// The leaf being made, behind the byte that its hash begins with.
    leaf: Vec<u8>,
    /// The start of every reference of a batch.
    prefix: Option<(BatchId, String)>,
}

impl Sealing {
    /// Adds the reference to a record and gives its leaf hash.
    pub(crate) fn seal(&mut self, place: Place, record: &mut Record) -> (Hash, Arc<Schema>) {
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
        let signed = schema.order.iter().filter_map(|at| record.attributes.get(*at));
        let values = (0_u16..).zip(signed).map(|(number, (_, value))| {
            let text = Text::of(value);
            note(Slot::Key(number), &text);
            text
        });
        self.leaf.clear();
        self.leaf.push(merkle::LEAF);
        leaf::write(&mut self.leaf, &place, &head, &schema.hash, values);
        let keys = if place.batch.stream == Stream::Spans { &schema.by_hash } else { &schema.inline };
        let text = reference::write(
            prefix(&mut self.prefix, place.batch),
            place.index,
            (record.start.0, record.end.0),
            keys,
            &long,
        );
        record.attributes.reserve_exact(2);
        record.attributes.push((Cow::Borrowed(REF), Value::from(text)));
        (merkle::sha256(&self.leaf), schema)
    }
}

/// The start of the references of `batch`; batches of several streams grow at once, most records are of the same one.
fn prefix(last: &mut Option<(BatchId, String)>, batch: BatchId) -> &str {
    if last.as_ref().is_none_or(|(of, _)| *of != batch) {
        *last = None;
    }
    &last.get_or_insert_with(|| (batch, format!("1;{batch}/"))).1
}
