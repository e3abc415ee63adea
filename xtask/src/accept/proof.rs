//! What `guardbee verify` says, read back: a word for every record, the totals, and what is wrong with each stream.
use anyhow::{Context as _, ensure};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

/// What is said of a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// Name of the span or the event.
    pub(crate) name: String,
    /// Its number in its stream, where that is told.
    pub(crate) sequence: Option<u64>,
    /// The verdict, without what is in brackets behind it.
    pub(crate) word: String,
}

/// What is said of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    /// Which start of which sensor.
    pub(crate) instance: String,
    /// `audit`, `findings` or `spans`.
    pub(crate) name: String,
    /// Records of its batches that are there, and all.
    pub(crate) present: [u64; 2],
    /// Lines below it, but for that it continues another one.
    pub(crate) notes: Vec<String>,
}

/// All that is said of an export.
#[derive(Default)]
pub(crate) struct Proof {
    pub(crate) passed: bool,
    /// In the order in which they were said, by file.
    records: BTreeMap<PathBuf, Vec<Said>>,
    /// Records by verdict.
    pub(crate) totals: BTreeMap<String, usize>,
    pub(crate) streams: Vec<Stream>,
    /// The last line.
    pub(crate) end: String,
}

impl Proof {
    /// Proves `files`; `quiet`: only what is wrong is told record by record.
    pub(crate) fn of(guardbee: &Path, files: &[PathBuf], key: &Path, quiet: bool) -> anyhow::Result<Self> {
        let mut command = Command::new(guardbee);
        command.arg("verify").args(files).arg("--key").arg(key).args(quiet.then_some("--quiet"));
        let out = command.output().context("start guardbee verify")?;
        let text = String::from_utf8_lossy(&out.stdout);
        let code = out.status.code();
        ensure!(
            matches!(code, Some(0 | 1)),
            "guardbee verify could not run or read ({}): {}{}",
            out.status,
            text.lines().rev().take(3).collect::<Vec<_>>().join(" | "),
            String::from_utf8_lossy(&out.stderr)
        );
        let mut proof = Self::parse(&text, files);
        proof.passed = code == Some(0);
        Ok(proof)
    }

    fn parse(text: &str, files: &[PathBuf]) -> Self {
        let mut proof = Self::default();
        for line in text.lines() {
            let of_file = files.iter().find_map(|file| {
                let rest = line.strip_prefix(&format!("{}:", file.display()))?;
                Some((file, said(rest)?))
            });
            if let Some((file, said)) = of_file {
                proof.records.entry(file.clone()).or_default().push(said);
            } else if let Some(stream) = stream(line) {
                proof.streams.push(stream);
            } else if let (Some(note), Some(last)) = (line.strip_prefix("  "), proof.streams.last_mut()) {
                if !note.starts_with("continues ") {
                    last.notes.push(note.to_owned());
                }
            } else if let Some((count, word)) = line.trim_start().split_once(' ')
                && let Ok(count) = count.parse()
            {
                proof.totals.insert(word.to_owned(), count);
            }
        }
        text.lines().last().unwrap_or("verify said nothing").clone_into(&mut proof.end);
        proof
    }

    /// What is said of the records of a file, in their order.
    pub(crate) fn records(&self, file: &Path) -> &[Said] {
        self.records.get(file).map(Vec::as_slice).unwrap_or_default()
    }

    /// What is wrong with streams, or may be: `findings: MISSING seq 3`; of all instances, or of one.
    pub(crate) fn notes(&self, instance: Option<&str>) -> Vec<String> {
        let streams =
            self.streams.iter().filter(|stream| instance.is_none_or(|instance| instance == stream.instance));
        streams
            .flat_map(|stream| stream.notes.iter().map(|note| format!("{}: {note}", stream.name)))
            .collect()
    }

    /// Totals and notes, shortened.
    pub(crate) fn shown(&self) -> String {
        let totals = self.totals.iter().map(|(word, count)| format!("{count} {word}"));
        let all: Vec<String> = totals.chain(self.notes(None)).collect();
        all.join(", ").chars().take(240).collect()
    }
}

/// `17: GET spans seq 3: VERIFIED`, the file's name gone.
fn said(text: &str) -> Option<Said> {
    let (line, rest) = text.split_once(": ")?;
    line.parse::<u64>().ok()?;
    let (what, verdict) = rest.split_once(": ")?;
    let word = verdict.split(' ').next().unwrap_or_default().to_owned();
    let name = what.split(' ').next().unwrap_or_default().to_owned();
    let sequence = what.rsplit_once(" seq ").and_then(|(_, number)| number.parse().ok());
    Some(Said { name, sequence, word })
}

/// `guardbee/default/node/boot 528a627ea004f8fe audit: 3 of 3 records in 2 batches, ...`.
fn stream(line: &str) -> Option<Stream> {
    let (whose, what) = line.split_once(": ")?;
    let (rest, name) = whose.rsplit_once(' ')?;
    let (_, instance) = rest.rsplit_once(' ')?;
    let (present, rest) = what.split_once(" of ")?;
    let (all, _) = rest.split_once(" records in ")?;
    Some(Stream {
        instance: instance.to_owned(),
        name: name.to_owned(),
        present: [present.parse().ok()?, all.parse().ok()?],
        notes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_verify_prints() {
        let file = PathBuf::from("/tmp/a: b.jsonl");
        let text = "/tmp/a: b.jsonl:1: GET spans seq 7: VERIFIED\n\
            /tmp/a: b.jsonl:2: security.finding findings seq 1: MODIFIED (a signed value: other)\n\
            /tmp/a: b.jsonl:3: guardbee.seal.manifest: VERIFIED\n       2 VERIFIED\n       1 MODIFIED\n\
            guardbee/default/vm/7460 528a findings: 0 of 2 records in 1 batches, 3 lost in kernel\n  MISSING seq 0\n  \
            continues 4711/findings/3\nan unknown sensor 528b audit: 1 of 1 records in 1 batches\n\
            NOT everything is as it was sealed\n";
        let proof = Proof::parse(text, std::slice::from_ref(&file));
        let words: Vec<_> = proof
            .records(&file)
            .iter()
            .map(|said| (said.name.as_str(), said.sequence, &*said.word))
            .collect();
        assert_eq!(
            words,
            [
                ("GET", Some(7), "VERIFIED"),
                ("security.finding", Some(1), "MODIFIED"),
                ("guardbee.seal.manifest", None, "VERIFIED")
            ]
        );
        assert_eq!((proof.totals["VERIFIED"], proof.totals["MODIFIED"]), (2, 1));
        assert_eq!(proof.notes(Some("528a")), ["findings: MISSING seq 0"]);
        assert_eq!(proof.streams[0].present, [0, 2]);
        assert!(proof.notes(Some("528b")).is_empty());
        assert_eq!(proof.end, "NOT everything is as it was sealed");
    }
}
