//! Verification of an export, without the sensor and without a network.
//!
//! The input is read three times, so that nothing depends on the order of lines and memory does not grow with records:
//! epoch statements; batch records; then every record is judged. What a collector may lawfully do, batch anew, reorder,
//! repeat, add attributes, change resources, cut times to microseconds, turn values into text, changes no verdict but
//! `DUPLICATE` and `VERIFIED+UNSIGNED-FIELDS`.
mod evidence;
mod judge;
mod otlp;
mod rebuild;
mod streams;
mod verdict;

pub use verdict::{Class, Judged, Note, Report, Spot, StreamReport, Unreadable, Untrusted, Verdict};

use crate::{
    Error,
    keys::PublicKey,
    proof::{MANIFEST, Manifest, Proof},
    reference::{KeyList, Keys, PROOF, REF, Reference, schema_id},
    sealer::EPOCH,
    statement::Claim,
};
use evidence::{Batches, Epochs};
use guardbee_model::clock::WallTime;
use judge::Judge;
use otlp::{Exported, Got, Line};
use std::io::{self, BufRead, Read as _};

/// Whose word is taken.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Whoever holds the private half of this key.
    Key(Box<PublicKey>),
    /// Nobody: unharmed records are `KEY-UNTRUSTED`, a problem.
    Nobody,
    /// Keys that signed themselves: the verdict is the same, but counts as no problem.
    Ephemeral,
}

/// Bounds of memory.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a line.
    pub line: u64,
    /// Epoch statements (about 2 KiB each).
    pub epochs: usize,
    /// Batches (about 700 bytes each).
    pub batches: usize,
    /// Leaf hashes of manifests (32 bytes each).
    pub leaves: usize,
    /// Records kept aside to find out what was done to them.
    pub suspects: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line: 64 << 20, epochs: 4096, batches: 250_000, leaves: 8 << 20, suspects: 128 }
    }
}

/// How to verify.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose word is taken.
    pub trust: Trust,
    /// The export should reach to this time; without it, each stream to the latest batch of its instance.
    pub until: Option<WallTime>,
    /// A stream that ends this many nanoseconds early is truncated: three heartbeats.
    pub grace: u64,
    /// Bounds.
    pub limits: Limits,
}

impl Options {
    /// Default bounds.
    pub fn new(trust: Trust) -> Self {
        Self { trust, until: None, grace: 15_000_000_000, limits: Limits::default() }
    }
}

/// A file of an export; it is opened three times and must not change meanwhile.
pub struct Input<'a> {
    /// For messages.
    pub name: String,
    /// Opens it at its beginning.
    pub open: Box<dyn Fn() -> io::Result<Box<dyn BufRead>> + 'a>,
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'a> Input<'a> {
    /// A file that `open` opens.
    pub fn new(name: impl Into<String>, open: impl Fn() -> io::Result<Box<dyn BufRead>> + 'a) -> Self {
        Self { name: name.into(), open: Box::new(open) }
    }
}

/// Verifies; `each` is told of every record, in the order of the input but for modified ones, which come last, when it is
/// known what was done to them.
pub fn run(inputs: &[Input<'_>], options: &Options, each: &mut dyn FnMut(Judged)) -> Result<Report, Error> {
    let mut report = Report::default();
    let mut epochs = Epochs::default();
    lines(inputs, options, &mut |_, line| {
        // Most lines have no statement: they need not be parsed here.
        if contains(line, EPOCH.as_bytes())
            && let Ok(Line::Records(records)) = otlp::parse(line)
        {
            records.iter().flatten().filter_map(claim).for_each(|claim| epochs.add(claim, &options.limits));
        }
    })?;
    epochs.resolve(&options.trust);

    let mut batches = Batches::default();
    lines(inputs, options, &mut |_, line| {
        if let Ok(Line::Records(records)) = otlp::parse(line) {
            records
                .iter()
                .flatten()
                .for_each(|record| collect(record, &epochs, &mut batches, &options.limits));
        }
    })?;
    batches.link();

    let left_out = epochs.left_out + batches.left_out;
    let mut judge = Judge::new(epochs, batches, options, &mut report, each);
    lines(inputs, options, &mut |spot, line| match line_of(line) {
        Ok(Line::Records(records)) => records.into_iter().for_each(|record| judge.record(spot, record)),
        Ok(Line::Ocsf) => judge.ocsf(spot),
        Err(why) => judge.unreadable(spot, why),
    })?;
    judge.finish();
    report.left_out = left_out;
    Ok(report)
}

fn line_of(line: &[u8]) -> Result<Line, String> {
    if line.is_empty() {
        return Err("it is longer than the limit for a line".into());
    }
    otlp::parse(line)
}

fn contains(line: &[u8], what: &[u8]) -> bool {
    line.windows(what.len()).any(|window| window == what)
}

/// Gives `each` every line that is not blank; one that is over the limit is given empty.
fn lines(inputs: &[Input<'_>], options: &Options, each: &mut dyn FnMut(&Spot, &[u8])) -> Result<(), Error> {
    let mut line = Vec::new();
    for input in inputs {
        let failed = |source| Error::Read { name: input.name.clone(), source };
        let mut file = (input.open)().map_err(failed)?;
        let mut spot = Spot { file: input.name.clone(), line: 0 };
        loop {
            line.clear();
            let limit = options.limits.line;
            let read = file.by_ref().take(limit).read_until(b'\n', &mut line).map_err(failed)?;
            if read == 0 {
                break;
            }
            spot.line += 1;
            if read as u64 == limit && line.last() != Some(&b'\n') {
                skip_line(&mut file).map_err(failed)?;
                each(&spot, &[]);
                continue;
            }
            let text = line.trim_ascii();
            if !text.is_empty() {
                each(&spot, text);
            }
        }
    }
    Ok(())
}

/// Reads up to and with the next line feed, keeping nothing.
fn skip_line(file: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffer = file.fill_buf()?;
        let (length, end) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        file.consume(length);
        if end {
            return Ok(());
        }
    }
}

/// The epoch statement of a record.
fn claim(record: &Exported) -> Option<Claim> {
    match &record.body {
        Got::Text(body) if record.name == EPOCH => Claim::parse(body).ok(),
        _ => None,
    }
}

/// Remembers the batch that a record brings, if it is signed.
fn collect(record: &Exported, epochs: &Epochs, batches: &mut Batches, limits: &Limits) {
    // What is refused here is named when the record is judged.
    if record.name == MANIFEST {
        let Got::Text(body) = &record.body else { return };
        let Ok(manifest) = Manifest::parse(body) else { return };
        let Manifest { record, signature, leaves, schemas } = manifest;
        if batches.add(record, &signature, Some(leaves), epochs, limits).is_ok() {
            for text in &schemas {
                if batches.schemas.len() < limits.epochs
                    && let Ok(list) = KeyList::parse(text)
                {
                    batches.schemas.insert(schema_id(&list.hash()).into(), list);
                }
            }
        }
        return;
    }
    let (Some(reference), Some(proof)) = (record.text(REF), record.text(PROOF)) else { return };
    let (Ok(reference), Ok(proof)) = (Reference::parse(reference), Proof::parse(proof)) else { return };
    let Keys::Inline(keys) = &reference.keys else { return };
    let rebuilt = rebuild::rebuild(record, &reference, keys, &reference.place);
    if let Ok(rebuilt) = rebuilt
        && let Some(batch) = proof.record(rebuilt.leaf)
    {
        batches.add(batch, &proof.signature, None, epochs, limits).unwrap_or_default();
    }
}
