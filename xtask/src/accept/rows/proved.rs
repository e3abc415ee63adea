//! Row c: what the Collector wrote proves itself; what is done to it afterwards is named.
use super::{ATTACKS, IN_FLIGHT};
use crate::accept::{
    collector::Collector,
    driver,
    export::{Export, attribute_mut},
    lab::Lab,
    process::wait_for,
    sensor::{Options, Sensor, new_key},
    table::{Line, Table, Verdict},
    target::{Server, Target},
};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

const DEADLINE: Duration = Duration::from_secs(15);
/// A collector may sample spans: they are named, but nothing is wrong.
const SAMPLED: &str = "ABSENT";
const REF: &str = "guardbee.seal.ref";

/// A sensor's whole life, as the Collector wrote it down.
struct Story {
    export: Export,
    key: PathBuf,
}

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let pair = new_key(lab)?;
    let ours = record(lab, &pair)?;
    let other = record(lab, &pair)?;
    let (_, foreign) = new_key(lab)?;
    let mut bench = Bench { lab, ours: &ours, table };
    bench.lawful("as it was written", |_| Ok(()))?;
    bench.lawful("reordered and duplicated", |export| {
        export.shuffle();
        Ok(())
    })?;
    bench.named("a byte of a span changed", "MODIFIED", |export| {
        let text = with_attribute(export.span_lists(), "url.path")?;
        *text = Value::from("/harmlesz");
        Ok(())
    })?;
    bench.named("a byte of a finding changed", "MODIFIED", |export| {
        let text = with_attribute(export.log_lists(), "guardbee.link.kind")?;
        *text = Value::from("sole");
        Ok(())
    })?;
    bench.named("sequence numbers exchanged", "MODIFIED", exchange)?;
    bench.named("a finding removed", "MISSING seq", |export| {
        remove(export.log_lists(), "guardbee.link.kind")
    })?;
    bench.named("a span removed", SAMPLED, |export| remove(export.span_lists(), "url.path"))?;
    let stolen = disguised(&other.export, &instance(&ours.export)?);
    bench.named("a batch of another stream", "REPLAYED", |export| {
        let list = export.log_lists().into_iter().next().context("no list of findings")?;
        list.extend(stolen.clone());
        Ok(())
    })?;
    bench.row("a foreign key", &ours.export, &foreign, Some("FOREIGN-KEY"));
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
    let key = sensor.public_key.clone();
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
    Ok(Story { export: Export::read(&collector.traces(), &collector.logs())?, key })
}

struct Bench<'a> {
    lab: &'a Lab,
    ours: &'a Story,
    table: &'a mut Table,
}

impl Bench<'_> {
    fn lawful(
        &mut self,
        name: &str,
        change: impl Fn(&mut Export) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut export = self.ours.export.clone();
        change(&mut export)?;
        self.row(name, &export, &self.ours.key, None);
        Ok(())
    }

    fn named(
        &mut self,
        name: &str,
        word: &str,
        change: impl Fn(&mut Export) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut export = self.ours.export.clone();
        change(&mut export).with_context(|| name.to_owned())?;
        self.row(name, &export, &self.ours.key, Some(word));
        Ok(())
    }

    /// `word`: what the verdict must say; [`None`]: nothing may be wrong.
    fn row(&mut self, name: &str, export: &Export, key: &std::path::Path, word: Option<&str>) {
        if !self.lab.wanted(name) {
            return;
        }
        let began = Instant::now();
        let proof = self.lab.folder("export").and_then(|dir| export.verify(self.lab.guardbee(), &dir, key));
        let (passed, figure) = match (proof, word) {
            (Ok(proof), None) => (proof.passed, summary(&proof.text, "VERIFIED")),
            (Ok(proof), Some(word)) => {
                (proof.text.contains(word) && (word == SAMPLED || !proof.passed), summary(&proof.text, word))
            }
            (Err(error), _) => (false, format!("{error:#}")),
        };
        self.table.add(Line::new('c', name, Verdict::of(passed), figure, began));
    }
}

/// The lines with the word, counted, the first of them shown; without any, the last line.
fn summary(text: &str, word: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(word)).collect();
    match lines.as_slice() {
        [] => format!("nothing says {word}; {}", text.lines().last().unwrap_or("verify said nothing")),
        [first, ..] => {
            format!("{} lines say {word}: {}", lines.len(), first.chars().take(90).collect::<String>())
        }
    }
}

fn with_attribute<'a>(lists: Vec<&'a mut Vec<Value>>, key: &str) -> anyhow::Result<&'a mut Value> {
    let mut records = lists.into_iter().flatten();
    records.find_map(|record| attribute_mut(record, key)).with_context(|| format!("no record has {key}"))
}

/// Removes the second record that has the attribute: not one at an end.
fn remove(lists: Vec<&mut Vec<Value>>, key: &str) -> anyhow::Result<()> {
    let mut seen = 0;
    for list in lists {
        for at in 0..list.len() {
            if attribute_mut(&mut list[at], key).is_some() {
                seen += 1;
                if seen == 2 {
                    list.remove(at);
                    return Ok(());
                }
            }
        }
    }
    anyhow::bail!("fewer than two records have {key}")
}

/// Two findings get each other's place.
fn exchange(export: &mut Export) -> anyhow::Result<()> {
    let mut findings: Vec<&mut Value> = export
        .log_lists()
        .into_iter()
        .flatten()
        .filter_map(|record| attribute_mut(record, "guardbee.link.kind").is_some().then_some(record))
        .filter_map(|record| attribute_mut(record, REF))
        .collect();
    ensure!(findings.len() >= 2, "fewer than two findings");
    let (first, rest) = findings.split_at_mut(1);
    std::mem::swap(&mut *first[0], &mut *rest[0]);
    Ok(())
}

/// Which of a sensor's runs sealed this, from the reference `1;<instance>/<stream>/...`.
fn instance(export: &Export) -> anyhow::Result<String> {
    let mut export = export.clone();
    let reference = with_attribute(export.log_lists(), REF)?.as_str().unwrap_or_default().to_owned();
    let place = reference.split(';').nth(1).and_then(|place| place.split('/').next());
    place.map(str::to_owned).context("a reference names no instance")
}

/// All of the other stream, with the statement that certifies its key; its findings say that they are of `instance`.
fn disguised(other: &Export, instance: &str) -> Vec<Value> {
    let mut export = other.clone();
    let mut records: Vec<Value> = export.log_lists().into_iter().flat_map(std::mem::take).collect();
    for record in &mut records {
        if attribute_mut(record, "guardbee.link.kind").is_none() {
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
