//! What the Collector's file exporter wrote, to be changed in ways lawful and not, and proven again.
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Both signals' lines.
#[derive(Clone)]
pub(crate) struct Export {
    traces: Vec<Value>,
    logs: Vec<Value>,
}

/// What `guardbee verify` says.
pub(crate) struct Proof {
    pub(crate) passed: bool,
    pub(crate) text: String,
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

    /// As a collector may deliver it: other order, some twice.
    pub(crate) fn shuffle(&mut self) {
        for lines in [&mut self.traces, &mut self.logs] {
            lines.reverse();
            let again: Vec<Value> = lines.iter().step_by(2).cloned().collect();
            lines.extend(again);
        }
        for list in self.span_lists() {
            list.reverse();
        }
    }

    /// Writes it to `dir` and has it proven.
    pub(crate) fn verify(&self, guardbee: &Path, dir: &Path, key: &Path) -> anyhow::Result<Proof> {
        let paths: [PathBuf; 2] = [dir.join("traces.jsonl"), dir.join("logs.jsonl")];
        for (path, lines) in paths.iter().zip([&self.traces, &self.logs]) {
            let texts: Vec<String> = lines.iter().map(Value::to_string).collect();
            fs::write(path, texts.join("\n") + "\n")?;
        }
        let out = Command::new(guardbee).arg("verify").args(&paths).arg("--key").arg(key).output()?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        match out.status.code() {
            Some(code @ (0 | 1)) => Ok(Proof { passed: code == 0, text }),
            _ => anyhow::bail!("guardbee verify could not run ({}): {text}", out.status),
        }
    }
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
