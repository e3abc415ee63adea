//! What the Collector's file exporter wrote, to be changed in ways lawful and not, and proven again.
use super::proof::Proof;
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The attribute with a record's place.
pub(crate) const REF: &str = "guardbee.seal.ref";

/// Both signals' lines.
#[derive(Clone)]
pub(crate) struct Export {
    traces: Vec<Value>,
    logs: Vec<Value>,
}

impl Export {
    pub(crate) fn read(traces: &Path, logs: &Path) -> anyhow::Result<Self> {
        let export = Self { traces: lines(traces)?, logs: lines(logs)? };
        ensure!(
            !export.traces.is_empty() && !export.logs.is_empty(),
            "the Collector wrote no spans or no findings"
        );
        Ok(export)
    }

    /// Spans, each in its list.
    pub(crate) fn span_lists(&mut self) -> Vec<&mut Vec<Value>> {
        lists(&mut self.traces, "resourceSpans", "scopeSpans", "spans")
    }

    /// Log records (findings, batches, what the sensor says of itself), each in its list.
    pub(crate) fn log_lists(&mut self) -> Vec<&mut Vec<Value>> {
        lists(&mut self.logs, "resourceLogs", "scopeLogs", "logRecords")
    }

    /// Spans and log records.
    pub(crate) fn count(&mut self) -> [usize; 2] {
        let count = |lists: Vec<&mut Vec<Value>>| lists.iter().map(|list| list.len()).sum();
        [count(self.span_lists()), count(self.log_lists())]
    }

    /// As a collector may deliver it: batched anew, in another order, some twice. Gives how many are there twice, with a place in
    /// a batch and without one.
    pub(crate) fn shuffle(&mut self) -> [usize; 2] {
        let before = self.placed();
        // Every other record of a list goes into a batch of its own.
        let mut other = self.clone();
        for (export, kept) in [(&mut *self, 0), (&mut other, 1)] {
            export.span_lists().into_iter().for_each(|list| keep_every_other(list, kept));
            export.log_lists().into_iter().for_each(|list| keep_every_other(list, kept));
        }
        for (lines, others) in [(&mut self.traces, other.traces), (&mut self.logs, other.logs)] {
            lines.reverse();
            lines.extend(others);
            let again: Vec<Value> = lines.iter().step_by(2).cloned().collect();
            lines.extend(again);
        }
        self.span_lists().into_iter().for_each(|list| list.reverse());
        self.log_lists().into_iter().for_each(|list| list.reverse());
        let after = self.placed();
        [after[0] - before[0], after[1] - before[1]]
    }

    /// Records with a place in a batch, and without.
    fn placed(&mut self) -> [usize; 2] {
        let all: usize = self.count().iter().sum();
        let placed = |lists: Vec<&mut Vec<Value>>| {
            lists.into_iter().flatten().filter(|record| attribute(record, REF).is_some()).count()
        };
        let placed = placed(self.span_lists()) + placed(self.log_lists());
        [placed, all - placed]
    }

    /// Where [`Export::verify`] writes the spans, and the log records.
    pub(crate) fn files(dir: &Path) -> [PathBuf; 2] {
        [dir.join("traces.jsonl"), dir.join("logs.jsonl")]
    }

    /// Writes it to `dir` and has it proven.
    pub(crate) fn verify(&self, guardbee: &Path, dir: &Path, key: &Path) -> anyhow::Result<Proof> {
        let paths = Self::files(dir);
        for (path, lines) in paths.iter().zip([&self.traces, &self.logs]) {
            let texts: Vec<String> = lines.iter().map(Value::to_string).collect();
            fs::write(path, texts.join("\n") + "\n")?;
        }
        Proof::of(guardbee, &paths, key, false)
    }
}

/// Those at even places, or at odd ones.
fn keep_every_other(list: &mut Vec<Value>, first: usize) {
    let kept = std::mem::take(list).into_iter().enumerate().filter(|(at, _)| at % 2 == first);
    *list = kept.map(|(_, record)| record).collect();
}

fn lines(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    text.lines()
        .map(|line| {
            serde_json::from_str(line).with_context(|| format!("a line of {} is no JSON", path.display()))
        })
        .collect()
}

fn lists<'a>(
    lines: &'a mut [Value],
    resources: &str,
    scopes: &str,
    records: &str,
) -> Vec<&'a mut Vec<Value>> {
    let inner = |value: &'a mut Value, key: &str| {
        value.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
    };
    lines
        .iter_mut()
        .flat_map(|line| inner(line, resources))
        .flat_map(|resource| inner(resource, scopes))
        .filter_map(|scope| scope.get_mut(records).and_then(Value::as_array_mut))
        .collect()
}

/// All spans in a file of OTLP JSON lines; a last line that is half written yet is left out.
pub(crate) fn spans(path: &Path) -> Vec<Value> {
    records(path, "resourceSpans", "scopeSpans", "spans")
}

/// All log records likewise.
pub(crate) fn logs(path: &Path) -> Vec<Value> {
    records(path, "resourceLogs", "scopeLogs", "logRecords")
}

fn records(path: &Path, resources: &str, scopes: &str, records: &str) -> Vec<Value> {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    // The other signal's lines are most of a long file: not worth parsing.
    let own = text.lines().filter(|line| line.contains(resources));
    let mut lines: Vec<Value> = own.filter_map(|line| serde_json::from_str(line).ok()).collect();
    lists(&mut lines, resources, scopes, records).into_iter().flat_map(std::mem::take).collect()
}

/// A record's attribute as text; numbers are texts in OTLP's JSON form.
pub(crate) fn attribute<'a>(record: &'a Value, key: &str) -> Option<&'a str> {
    let found = record["attributes"].as_array()?.iter().find(|attribute| attribute["key"] == key)?;
    found["value"]["stringValue"].as_str().or_else(|| found["value"]["intValue"].as_str())
}

/// Something that the sensor says it has lost.
pub(crate) struct Loss {
    pub(crate) stage: String,
    pub(crate) cause: String,
    pub(crate) kind: String,
    pub(crate) count: u64,
}

/// All losses that the sensor's statements among these records tell.
pub(crate) fn losses(path: &Path) -> Vec<Loss> {
    let statements = logs(path);
    let lists = statements
        .iter()
        .filter(|record| record["eventName"] == "guardbee.loss")
        .filter_map(|record| attribute(record, "guardbee.losses"))
        .filter_map(|text| serde_json::from_str::<Vec<Value>>(text).ok());
    let text = |loss: &Value, key: &str| loss[key].as_str().unwrap_or_default().to_owned();
    lists
        .flatten()
        .map(|loss| Loss {
            stage: text(&loss, "stage"),
            cause: text(&loss, "cause"),
            kind: text(&loss, "kind"),
            count: loss["count"].as_u64().unwrap_or_default(),
        })
        .collect()
}

/// Counts that stand under `prefix` and the name of an event kind.
pub(crate) fn by_kind(record: &Value, prefix: &str) -> BTreeMap<String, u64> {
    let attributes = record["attributes"].as_array().into_iter().flatten();
    let counts = attributes.filter_map(|attribute| {
        let kind = attribute["key"].as_str()?.strip_prefix(prefix)?;
        Some((kind.to_owned(), attribute["value"]["intValue"].as_str()?.parse().ok()?))
    });
    counts.collect()
}

/// The text of a record's attribute, to be changed.
pub(crate) fn attribute_mut<'a>(record: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    let found =
        record.get_mut("attributes")?.as_array_mut()?.iter_mut().find(|attribute| attribute["key"] == key)?;
    found.get_mut("value")?.get_mut("stringValue")
}
