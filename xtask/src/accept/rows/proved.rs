//! Row c: what the Collector wrote proves itself; what is done to it afterwards is named.
use super::{ATTACKS, IN_FLIGHT, Judged, cosigned};
use crate::accept::{
    collector::Collector,
    driver,
    export::{self, Export, REF, attribute_mut},
    lab::Lab,
    process::wait_for,
    proof::{Proof, Said},
    sensor::{Options, Sensor, new_key},
    table::{Line, Table, Verdict},
    target::{Server, Target},
};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const DEADLINE: Duration = Duration::from_secs(15);
/// Only findings have it.
const FINDING: &str = "guardbee.link.kind";
/// Only spans of requests have it, of all spans.
const SPAN: &str = "url.path";

/// A sensor's whole life, as the Collector wrote it down.
struct Story {
    export: Export,
    key: PathBuf,
    /// Records that the sensor has sealed, by its own file.
    sealed: usize,
}

/// What must be said of a changed export, and nothing else.
#[derive(Default)]
struct Expected {
    /// Records that are not VERIFIED.
    named: Vec<Named>,
    /// Of our streams.
    notes: Vec<String>,
    /// Whether nothing is wrong with it.
    lawful: bool,
}

/// A record that verify must name.
struct Named {
    word: &'static str,
    /// Of the span or the event.
    name: String,
    /// [`None`]: any.
    sequence: Option<u64>,
}

impl Named {
    fn is(&self, said: &Said) -> bool {
        let same = self.sequence.is_none_or(|sequence| said.sequence == Some(sequence));
        same && (self.word, &*self.name) == (&*said.word, &*said.name)
    }
}

impl Expected {
    fn named(named: Vec<Named>) -> Self {
        Self { named, ..Self::default() }
    }

    fn note(note: String, lawful: bool) -> Self {
        Self { notes: vec![note], lawful, ..Self::default() }
    }
}

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let pair = new_key(lab)?;
    let ours = record(lab, &pair)?;
    let other = record(lab, &pair)?;
    let (_, foreign) = new_key(lab)?;
    let mut bench =
        Bench { lab, ours: &ours, plain: Proof::default(), plain_files: Default::default(), table };
    bench.as_written()?;
    bench.shuffled();
    bench.changed("a byte of a span changed", |export, plain| {
        let (at, span) = nth(export.span_lists(), SPAN, 1)?;
        *attribute_mut(span, SPAN).context("no path")? = Value::from("/harmlesz");
        Ok(Expected::named(vec![plain.named(false, at, "MODIFIED")?]))
    });
    bench.changed("a byte of a finding changed", |export, plain| {
        let (at, finding) = nth(export.log_lists(), FINDING, 1)?;
        *attribute_mut(finding, FINDING).context("no link")? = Value::from("sole");
        Ok(Expected::named(vec![plain.named(true, at, "MODIFIED")?]))
    });
    bench.changed("sequence numbers exchanged", exchange);
    bench.changed("a finding removed", |export, plain| {
        let number = plain.remove(export.log_lists(), FINDING, true)?;
        Ok(Expected::note(format!("findings: MISSING seq {number}"), false))
    });
    bench.changed("a span removed", |export, plain| {
        let number = plain.remove(export.span_lists(), SPAN, false)?;
        Ok(Expected::note(format!("spans: ABSENT seq {number} (sampled or removed)"), true))
    });
    let stolen = disguised(&other.export, &instance(&ours.export)?);
    bench.changed("a batch of another stream", |export, _| {
        let list = export.log_lists().into_iter().next().context("no list of findings")?;
        list.extend(stolen.iter().cloned());
        let findings = stolen.iter().filter(|record| is_finding(record));
        let named =
            findings.map(|_| Named { word: "REPLAYED", name: "security.finding".into(), sequence: None });
        Ok(Expected::named(named.collect()))
    });
    bench.foreign(&foreign);
    cosigned::run(lab, table);
    Ok(())
}

/// Attacks under a sensor that delivers to a Collector, from its start to its end.
fn record(lab: &Lab, pair: &(PathBuf, PathBuf)) -> anyhow::Result<Story> {
    let collector = Collector::start(lab)?;
    let sensor = Sensor::start(
        lab,
        &Options { collector: Some(&collector), key: Some(pair.clone()), ..Options::default() },
    )?;
    let target = Target::start(lab, Server::Fork)?;
    let truth = driver::drive(lab, target.port, IN_FLIGHT, ATTACKS)?;
    let mut findings = sensor.findings();
    ensure!(findings.wait_for_all(&truth.nonces(), DEADLINE), "not every attack has a finding");
    let (key, records) = (sensor.public_key.clone(), sensor.records.clone());
    sensor.stop()?; // seals and delivers what is left
    let written = || {
        let text = fs::read_to_string(collector.logs()).unwrap_or_default();
        truth.nonces().iter().all(|nonce| text.contains(*nonce)) && text.ends_with('\n')
    };
    ensure!(wait_for(DEADLINE, written), "the Collector has not got every finding");
    // Its batch processor waits 100 ms; then both files are whole.
    let quiet = || {
        let size = || {
            [collector.traces(), collector.logs()].map(|path| fs::metadata(path).map_or(0, |file| file.len()))
        };
        let before = size();
        std::thread::sleep(Duration::from_millis(500));
        before == size()
    };
    ensure!(wait_for(DEADLINE, quiet), "the Collector goes on writing");
    let sealed = export::spans(&records).len() + export::logs(&records).len();
    Ok(Story { export: Export::read(&collector.traces(), &collector.logs())?, key, sealed })
}

/// What verify says of the export as it was written.
#[derive(Clone, Copy)]
struct Plain<'a> {
    proof: &'a Proof,
    files: &'a [PathBuf; 2],
}

impl Plain<'_> {
    /// What verify says of the record at this place: unharmed ones are told in their order.
    fn said(self, log: bool, at: usize) -> anyhow::Result<(String, u64)> {
        let said = self.proof.records(&self.files[usize::from(log)]).get(at);
        let told = said.and_then(|said| Some((said.name.clone(), said.sequence?)));
        told.context("verify tells no number of the record that is changed")
    }

    fn named(self, log: bool, at: usize, word: &'static str) -> anyhow::Result<Named> {
        let (name, sequence) = self.said(log, at)?;
        Ok(Named { word, name, sequence: Some(sequence) })
    }

    /// Removes the second record that has the attribute, not one at an end; gives the number it has in its stream.
    fn remove(self, lists: Vec<&mut Vec<Value>>, key: &str, log: bool) -> anyhow::Result<u64> {
        let mut before = 0;
        let mut seen = 0;
        for list in lists {
            for at in 0..list.len() {
                seen += usize::from(attribute_mut(&mut list[at], key).is_some());
                if seen == 2 {
                    list.remove(at);
                    return Ok(self.said(log, before + at)?.1);
                }
            }
            before += list.len();
        }
        anyhow::bail!("fewer than two records have {key}")
    }
}

struct Bench<'a> {
    lab: &'a Lab,
    ours: &'a Story,
    /// Of the unchanged export, and where that was written.
    plain: Proof,
    plain_files: [PathBuf; 2],
    table: &'a mut Table,
}

impl Bench<'_> {
    fn proof(&self, export: &Export, key: &Path) -> anyhow::Result<(Proof, [PathBuf; 2])> {
        let dir = self.lab.folder("export")?;
        Ok((export.verify(self.lab.guardbee(), &dir, key)?, Export::files(&dir)))
    }

    fn add(&mut self, name: &str, began: Instant, judged: Judged) {
        let (passed, figure) = judged.unwrap_or_else(|error| (false, format!("{error:#}")));
        self.table.add(Line::new('c', name, Verdict::of(passed), figure, began));
    }

    /// Every record that the sensor has sealed is there, and each of them verified: none unsealed, none absent.
    fn as_written(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        let (proof, files) = self.proof(&self.ours.export, &self.ours.key)?;
        let counts = self.ours.export.clone().count();
        let verified = proof.totals.get("VERIFIED").copied().unwrap_or_default();
        let each = files.iter().zip(counts).all(|(file, count)| proof.records(file).len() == count);
        let all = proof.totals.len() == 1 && verified == self.ours.sealed && each;
        let whole = proof.streams.iter().all(|stream| stream.present[0] == stream.present[1]);
        let passed = proof.passed && all && whole && proof.notes(None).is_empty() && counts[0] > ATTACKS;
        let figure = format!("of {} records sealed: {}; {}", self.ours.sealed, proof.shown(), proof.end);
        if self.lab.wanted("as it was written") {
            self.add("as it was written", began, Ok((passed, figure)));
        }
        self.plain = proof;
        self.plain_files = files;
        Ok(())
    }

    /// The same once more, and duplicates are called so.
    fn shuffled(&mut self) {
        const NAME: &str = "reordered and duplicated";
        if !self.lab.wanted(NAME) {
            return;
        }
        let began = Instant::now();
        let mut export = self.ours.export.clone();
        let [again, manifests] = export.shuffle();
        let judged = self.proof(&export, &self.ours.key).map(|(proof, _)| {
            // A manifest has no place in a batch: it is what batches are.
            let words = [("VERIFIED", self.ours.sealed + manifests), ("DUPLICATE", again)];
            let right =
                proof.totals == words.into_iter().map(|(word, count)| (word.to_owned(), count)).collect();
            let passed = proof.passed && right && again != 0 && proof.notes(None).is_empty();
            let figure = format!(
                "{} records, {} of them twice: {}",
                self.ours.sealed,
                again + manifests,
                proof.shown()
            );
            (passed, figure)
        });
        self.add(NAME, began, judged);
    }

    /// Exactly what was changed is named.
    fn changed(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut Export, Plain<'_>) -> anyhow::Result<Expected>,
    ) {
        if !self.lab.wanted(name) {
            return;
        }
        let began = Instant::now();
        let judged = self.changed_by(change);
        self.add(name, began, judged);
    }

    fn changed_by(&self, change: impl FnOnce(&mut Export, Plain<'_>) -> anyhow::Result<Expected>) -> Judged {
        let mut export = self.ours.export.clone();
        let expected = change(&mut export, Plain { proof: &self.plain, files: &self.plain_files })?;
        let (proof, files) = self.proof(&export, &self.ours.key)?;
        let records: usize = export.count().iter().sum();
        let mut wrong = Vec::new();
        let verified = proof.totals.get("VERIFIED").copied().unwrap_or_default();
        if verified + expected.named.len() != records {
            wrong.push(format!("{verified} of {records} are VERIFIED"));
        }
        let mut left: Vec<&Named> = expected.named.iter().collect();
        for said in files.iter().flat_map(|file| proof.records(file)).filter(|said| said.word != "VERIFIED") {
            if let Some(at) = left.iter().position(|named| named.is(said)) {
                left.swap_remove(at);
            } else {
                wrong.push(format!("{} {:?} is {}", said.name, said.sequence, said.word));
            }
        }
        wrong.extend(
            left.iter().map(|named| format!("{} {:?} is not {}", named.name, named.sequence, named.word)),
        );
        let notes = proof.notes(Some(&instance(&self.ours.export)?));
        if notes != expected.notes {
            wrong.push(format!("of the streams it says {notes:?}, not {:?}", expected.notes));
        }
        ensure!(
            !(expected.named.is_empty() && expected.notes.is_empty()),
            "nothing is expected: this says nothing"
        );
        wrong.truncate(3);
        let passed = wrong.is_empty() && proof.passed == expected.lawful;
        let wrong = if wrong.is_empty() { String::new() } else { format!("; WRONG: {}", wrong.join(", ")) };
        Ok((passed, format!("{}; {}{wrong}", proof.shown(), proof.end)))
    }

    /// Nothing of it is proven by another's key.
    fn foreign(&mut self, key: &Path) {
        const NAME: &str = "a foreign key";
        if !self.lab.wanted(NAME) {
            return;
        }
        let began = Instant::now();
        let judged = self.proof(&self.ours.export, key).map(|(proof, _)| {
            let all = proof.totals.len() == 1 && proof.totals.get("FOREIGN-KEY") == Some(&self.ours.sealed);
            (all && !proof.passed, format!("of {} records: {}", self.ours.sealed, proof.shown()))
        });
        self.add(NAME, began, judged);
    }
}

/// The record that has the attribute and as many before it, and its place among all.
fn nth<'a>(
    lists: Vec<&'a mut Vec<Value>>,
    key: &str,
    before: usize,
) -> anyhow::Result<(usize, &'a mut Value)> {
    let with = |(at, record): (usize, &'a mut Value)| {
        attribute_mut(record, key).is_some().then_some(())?;
        Some((at, record))
    };
    let mut records = lists.into_iter().flatten().enumerate().filter_map(with);
    records.nth(before).with_context(|| format!("no {} records have {key}", before + 1))
}

fn is_finding(record: &Value) -> bool {
    export::attribute(record, FINDING).is_some()
}

/// Two findings get each other's place.
fn exchange(export: &mut Export, plain: Plain<'_>) -> anyhow::Result<Expected> {
    let records = export.log_lists().into_iter().flatten().enumerate();
    let mut findings: Vec<(usize, &mut Value)> = records
        .filter(|(_, record)| is_finding(record))
        .filter_map(|(at, record)| Some((at, attribute_mut(record, REF)?)))
        .collect();
    ensure!(findings.len() >= 2, "fewer than two findings");
    let (first, rest) = findings.split_at_mut(1);
    std::mem::swap(&mut *first[0].1, &mut *rest[0].1);
    let both = [first[0].0, rest[0].0].map(|at| plain.named(true, at, "MODIFIED"));
    Ok(Expected::named(both.into_iter().collect::<anyhow::Result<_>>()?))
}

/// Which of a sensor's runs sealed this, from the reference `1;<instance>/<stream>/...`.
fn instance(export: &Export) -> anyhow::Result<String> {
    let mut export = export.clone();
    let (_, sealed) = nth(export.log_lists(), REF, 0)?;
    let reference = export::attribute(sealed, REF).unwrap_or_default().to_owned();
    let place = reference.split(';').nth(1).and_then(|place| place.split('/').next());
    place.map(str::to_owned).context("a reference names no instance")
}

/// All of the other stream, with the statement that certifies its key; its findings say that they are of `instance`.
fn disguised(other: &Export, instance: &str) -> Vec<Value> {
    let mut export = other.clone();
    let mut records: Vec<Value> = export.log_lists().into_iter().flat_map(std::mem::take).collect();
    for record in &mut records {
        if !is_finding(record) {
            continue;
        }
        if let Some(reference) = attribute_mut(record, REF)
            && let Some((own, rest)) = reference.as_str().and_then(|text| text.split_once('/'))
            && let Some((version, _)) = own.split_once(';')
        {
            *reference = Value::from(format!("{version};{instance}/{rest}"));
        }
    }
    records
}
