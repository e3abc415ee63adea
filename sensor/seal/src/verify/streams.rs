//! What is said of whole streams: gaps, ends, what was lost.
use super::{
    Options,
    evidence::{Batch, Batches, Epochs},
    verdict::{Note, Report, StreamReport},
};
use crate::{
    leaf::{BatchId, Instance},
    merkle::Hash,
};
use guardbee_model::{clock::BootTime, record::Stream};
use std::collections::HashMap;

/// Notes kept of a stream.
const NOTES: usize = 1000;

/// Adds a report of every stream of every instance that the export has a batch of.
pub(super) fn report(epochs: &Epochs, batches: &Batches, options: &Options, report: &mut Report) {
    let mut last: HashMap<Instance, BootTime> = HashMap::new();
    let mut by_hash: HashMap<Hash, BatchId> = HashMap::new();
    let mut chains: HashMap<(Instance, Stream), Vec<&Batch>> = HashMap::new();
    for batch in batches.iter() {
        let id = batch.record.id;
        let latest = last.entry(id.instance).or_default();
        *latest = batch.record.boot.max(*latest);
        by_hash.insert(batch.hash, id);
        chains.entry((id.instance, id.stream)).or_default().push(batch);
    }
    let mut instances: Vec<_> = last.into_iter().collect();
    instances.sort_by_key(|(instance, latest)| (*latest, *instance));
    for (instance, latest) in instances {
        for stream in Stream::ALL {
            let chain = chains.get(&(instance, stream)).map(Vec::as_slice).unwrap_or_default();
            let mut made = one(instance, stream, chain, &by_hash);
            if let Some(seconds) = early(chain.last(), latest, options) {
                push(&mut made.notes, Note::EndsEarly { seconds });
            }
            let known = chain.first().and_then(|batch| epochs.get(batch.record.key));
            made.origin = known.map(|known| known.claim.epoch.origin.text().to_owned());
            report.streams.push(made);
        }
    }
}

/// How much too early a chain ends, in seconds.
fn early(last: Option<&&Batch>, latest: BootTime, options: &Options) -> Option<u64> {
    let last = last?;
    let behind = latest.since(last.record.boot);
    let asked = options.until.map_or(0, |until| until.0.saturating_sub(last.record.wall.0));
    let behind = behind.max(asked);
    (behind > options.grace).then_some(behind / 1_000_000_000)
}

fn push(notes: &mut Vec<Note>, note: Note) {
    if let Some(Note::More(count)) = notes.last_mut() {
        *count += 1;
    } else if notes.len() >= NOTES {
        notes.push(Note::More(1));
    } else {
        notes.push(note);
    }
}

fn one(
    instance: Instance,
    stream: Stream,
    chain: &[&Batch],
    by_hash: &HashMap<Hash, BatchId>,
) -> StreamReport {
    let mut report = StreamReport {
        instance,
        stream,
        origin: None,
        batches: chain.len() as u64,
        first: chain.first().map_or(0, |batch| batch.record.first),
        next: chain.last().map_or(0, |batch| batch.record.next()),
        present: 0,
        absent: 0,
        losses: chain.last().map(|batch| batch.record.losses.iter().collect()).unwrap_or_default(),
        notes: Vec::new(),
    };
    match chain.first() {
        None => report.notes.push(Note::Nothing),
        Some(first) if first.record.id.sequence == 0 && first.record.previous != Hash::default() => {
            report.notes.push(Note::Continues(by_hash.get(&first.record.previous).copied()));
        }
        Some(_) => {}
    }
    let mut before: Option<&Batch> = None;
    for batch in chain {
        if let Some(before) = before {
            between(before, batch, stream, &mut report.notes);
        }
        if let Some(what) = &batch.broken {
            push(&mut report.notes, Note::Broken(what.clone()));
        }
        within(batch, stream, &mut report);
        before = Some(batch);
    }
    report
}

/// What is missing between two batches.
fn between(before: &Batch, batch: &Batch, stream: Stream, notes: &mut Vec<Note>) {
    let (from, to) = (before.record.id.sequence.saturating_add(1), batch.record.id.sequence);
    if from < to {
        let records = batch.record.first.saturating_sub(before.record.next());
        if records > 0 && stream != Stream::Spans {
            push(notes, Note::Missing { from: before.record.next(), to: batch.record.first - 1 });
        }
        push(notes, Note::BatchesMissing { from, to: to - 1, records });
    }
}

/// What is missing of a batch.
fn within(batch: &Batch, stream: Stream, report: &mut StreamReport) {
    let mut gap: Option<(u64, u64)> = None;
    for index in 0..batch.record.size {
        let number = batch.record.first.saturating_add(index.into());
        if batch.seen(index) {
            report.present += 1;
            close(&mut gap, stream, &mut report.notes);
        } else {
            report.absent += 1;
            gap = Some((gap.map_or(number, |(from, _)| from), number));
        }
    }
    close(&mut gap, stream, &mut report.notes);
}

fn close(gap: &mut Option<(u64, u64)>, stream: Stream, notes: &mut Vec<Note>) {
    if let Some((from, to)) = gap.take() {
        push(
            notes,
            if stream == Stream::Spans { Note::Absent { from, to } } else { Note::Missing { from, to } },
        );
    }
}
