//! Files that the sensor appends lines to: read as they grow, each line once.
use crate::process::wait_for;
use anyhow::Context as _;
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    time::{Duration, Instant},
};

/// When nothing has come for so long, nothing more is expected.
const QUIET: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_mins(2);
/// Where a span begins in what the Collector writes.
const SPAN: &str = "{\"traceId\":";
/// Kinds of events that no storm may cost.
const SECURITY: [&str; 6] = ["fork", "exec", "exit", "accept", "connect", "listen"];

/// A file being appended to.
pub(super) struct Tail {
    file: BufReader<File>,
    /// The beginning of a line that is not whole yet.
    held: Vec<u8>,
}

impl Tail {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
        Ok(Self { file: BufReader::with_capacity(1 << 20, file), held: Vec::new() })
    }

    /// Hands over every line that has become whole.
    pub(super) fn read(&mut self, mut each: impl FnMut(&str)) -> anyhow::Result<()> {
        while self.file.read_until(b'\n', &mut self.held).context("read the sensor's records")? != 0 {
            if self.held.ends_with(b"\n") {
                each(&String::from_utf8_lossy(&self.held));
                self.held.clear();
            }
        }
        Ok(())
    }
}

/// Server spans of one path, each counted once.
#[derive(Default)]
pub(super) struct Spans {
    ids: HashSet<String>,
    /// How often a span came that was there already.
    pub(super) twice: u64,
    /// As OTLP JSON.
    pub(super) bytes: u64,
}

impl Spans {
    pub(super) fn count(&self) -> u64 {
        self.ids.len() as u64
    }

    fn add(&mut self, line: &str, path: &str) {
        // Kind 2 is SERVER; the encoder writes no spaces.
        if !(line.contains(path) && line.contains("\"kind\":2,")) {
            return;
        }
        self.bytes += line.len() as u64;
        let id = line.split_once("\"spanId\":\"").and_then(|(_, rest)| rest.split('"').next());
        if !self.ids.insert(id.unwrap_or_default().to_owned()) {
            self.twice += 1;
        }
    }
}

/// The server spans whose request named `path`, once there are `expected` ones or no more come.
pub(super) fn server_spans(records: &Path, path: &str, expected: u64) -> anyhow::Result<Spans> {
    let mut tail = Tail::open(records)?;
    let mut spans = Spans::default();
    let mut newest = Instant::now();
    let mut failure = None;
    wait_for(LIMIT, || {
        let before = spans.count();
        // The Collector puts many spans into a line, the sensor one.
        let read = tail.read(|line| line.split(SPAN).for_each(|span| spans.add(span, path)));
        failure = read.err();
        if spans.count() != before {
            newest = Instant::now();
        }
        failure.is_some() || spans.count() >= expected || newest.elapsed() > QUIET
    });
    failure.map_or(Ok(spans), Err)
}

/// What the sensor says that it lost, of whatever: stage, cause, kind, how many.
#[derive(Default, Debug, PartialEq)]
pub(super) struct Losses(pub(super) BTreeMap<[String; 3], u64>);

impl Losses {
    pub(super) fn read(records: &Path) -> anyhow::Result<Self> {
        let mut all = Self::default();
        Tail::open(records)?.read(|line| {
            if line.contains("\"guardbee.losses\"") && line.contains("\"guardbee.loss\"") {
                all.add(line);
            }
        })?;
        Ok(all)
    }

    /// The counters in a record of losses.
    fn add(&mut self, line: &str) -> Option<()> {
        let line: Value = serde_json::from_str(line).ok()?;
        let attributes = line.pointer("/resourceLogs/0/scopeLogs/0/logRecords/0/attributes")?.as_array()?;
        let losses = attributes.iter().find(|attribute| attribute["key"] == "guardbee.losses")?;
        let losses: Value = serde_json::from_str(losses["value"]["stringValue"].as_str()?).ok()?;
        for loss in losses.as_array()? {
            let what = ["stage", "cause", "kind"].map(|key| loss[key].as_str().unwrap_or("?").to_owned());
            *self.0.entry(what).or_default() += loss["count"].as_u64()?;
        }
        Some(())
    }

    pub(super) fn print(&self) {
        for (what, count) in &self.0 {
            println!("   the sensor says that it lost {count}: {}", what.join(" "));
        }
    }

    /// Of events that no storm may cost, by whatever cause.
    pub(super) fn security(&self) -> u64 {
        let security = self.0.iter().filter(|([_, _, kind], _)| SECURITY.contains(&kind.as_str()));
        security.map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_line_is_read_once_and_only_when_whole() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut tail = Tail::open(file.path()).unwrap();
        let mut lines = Vec::new();
        for (part, whole) in [("one\ntw", 1), ("o", 1), ("\n", 2), ("", 2)] {
            file.write_all(part.as_bytes()).unwrap();
            tail.read(|line| lines.push(line.to_owned())).unwrap();
            assert_eq!(lines.len(), whole);
        }
        assert_eq!(lines, ["one\n", "two\n"]);
    }

    #[test]
    fn other_paths_client_spans_and_copies_are_not_counted() {
        let mut spans = Spans::default();
        for (kind, path, id) in [(2, "/ours", "a"), (3, "/ours", "b"), (2, "/theirs", "c"), (2, "/ours", "a")]
        {
            spans.add(&format!(r#"{{"kind":{kind},"x":"{path}","spanId":"{id}"}}"#), "/ours");
        }
        assert_eq!((spans.count(), spans.twice), (1, 1));
    }

    #[test]
    fn losses_add_up() {
        let line = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"guardbee.loss","attributes":[{"key":
            "guardbee.losses","value":{"stringValue":"[{\"stage\":\"kernel\",\"cause\":\"ring_full\",\"kind\":\"exec\",\"count\":2}]"
            }}]}]}]}]}"#;
        let mut losses = Losses::default();
        losses.add(line).unwrap();
        losses.add(&line.replace("exec", "data")).unwrap();
        losses.add(line).unwrap();
        assert_eq!(losses.security(), 4);
        assert_eq!(losses.0.values().sum::<u64>(), 6);
    }
}
