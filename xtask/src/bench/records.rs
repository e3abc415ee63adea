//! Files that the sensor appends lines to: read as they grow, each line once.
use crate::process::wait_for;
use anyhow::Context as _;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    time::{Duration, Instant},
};

/// When nothing has come for so long, nothing more is expected.
const QUIET: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_mins(2);

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

/// Server spans of one path.
#[derive(Default, Debug)]
pub(super) struct Spans {
    pub(super) count: u64,
    /// As OTLP JSON.
    pub(super) bytes: u64,
    /// What the sensor says that it lost, of whatever: stage, cause, kind, how many.
    pub(super) losses: BTreeMap<String, u64>,
}

impl Spans {
    fn add(&mut self, line: &str, path: &str) {
        // Kind 2 is SERVER; the encoder writes no spaces.
        if line.contains(path) && line.contains("\"kind\":2,") {
            self.count += 1;
            self.bytes += line.len() as u64;
        } else if line.contains("\"guardbee.losses\"") && line.contains("\"guardbee.loss\"") {
            for (what, count) in losses(line).into_iter().flatten() {
                *self.losses.entry(what).or_default() += count;
            }
        }
    }
}

/// The counters in a record of losses.
fn losses(line: &str) -> Option<Vec<(String, u64)>> {
    let line: Value = serde_json::from_str(line).ok()?;
    let attributes = line.pointer("/resourceLogs/0/scopeLogs/0/logRecords/0/attributes")?.as_array()?;
    let losses = attributes.iter().find(|attribute| attribute["key"] == "guardbee.losses")?;
    let losses: Value = serde_json::from_str(losses["value"]["stringValue"].as_str()?).ok()?;
    let word = |loss: &Value, key: &str| loss[key].as_str().unwrap_or("?").to_owned();
    let loss = |loss: &Value| {
        let what = ["stage", "cause", "kind"].map(|key| word(loss, key)).join(" ");
        Some((what, loss["count"].as_u64()?))
    };
    losses.as_array()?.iter().map(loss).collect()
}

/// Counts the server spans whose request named `path`, until there are `expected` ones or no more come.
pub(super) fn server_spans(records: &Path, path: &str, expected: u64) -> anyhow::Result<Spans> {
    let mut tail = Tail::open(records)?;
    let mut spans = Spans::default();
    let mut newest = Instant::now();
    let mut failure = None;
    wait_for(LIMIT, || {
        let before = spans.count;
        let read = tail.read(|line| spans.add(line, path));
        failure = read.err();
        if spans.count != before {
            newest = Instant::now();
        }
        failure.is_some() || spans.count >= expected || newest.elapsed() > QUIET
    });
    failure.map_or(Ok(spans), Err)
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
    fn other_paths_and_client_spans_are_not_counted() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, r#"{{"kind":2,"x":"/ours"}}"#).unwrap();
        writeln!(file, r#"{{"kind":3,"x":"/ours"}}"#).unwrap();
        writeln!(file, r#"{{"kind":2,"x":"/theirs"}}"#).unwrap();
        assert_eq!(server_spans(file.path(), "/ours", 1).unwrap().count, 1);
    }
}
