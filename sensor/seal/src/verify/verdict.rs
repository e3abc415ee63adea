//! What is said of a record, of a stream, of a whole export.
use super::evidence::Standing;
use crate::leaf::{BatchId, Instance, Place};
use guardbee_model::{loss::Stage, record::Stream};
use std::fmt;

/// Where a record was read: file and line, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// As the caller named it.
    pub file: String,
    /// From 1.
    pub line: u64,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Why a key is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untrusted {
    /// The epoch key signed itself: the sensor had no long-term key.
    Ephemeral,
    /// Nothing says whose key it is: no key was given, or the statements that lead to it are not in the export.
    Unknown,
    /// There is no statement of the epoch key in the export.
    NoStatement,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ephemeral => "ephemeral",
            Self::Unknown => "no trusted key leads to it; give --key and the whole audit stream",
            Self::NoStatement => "no epoch statement; export the audit stream too",
        })
    }
}

/// What is said of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it was sealed.
    Verified,
    /// As it was sealed, and something was added, which is named.
    UnsignedFields(Vec<String>),
    /// The same record again: collectors deliver at least once.
    Duplicate,
    /// Unharmed, but nobody who is trusted vouches for the key.
    KeyUntrusted(Untrusted),
    /// Unharmed, but vouched for by another key than the given one.
    ForeignKey,
    /// Unharmed, but its batch does not follow the one before it.
    ChainBroken(String),
    /// Sealed somewhere else than where it claims to be from.
    Replayed(String),
    /// Not as it was sealed; what is known.
    Modified(String),
    /// Nothing in the export proves or disproves it.
    UnknownBatch,
    /// No seal at all: not the sensor's, or robbed of it.
    Unsealed,
    /// A form that doesn't carry what was signed.
    NotVerifiable(&'static str),
}

impl Verdict {
    pub(super) fn of(standing: Standing) -> Option<Self> {
        match standing {
            Standing::Trusted => None,
            Standing::Ephemeral => Some(Self::KeyUntrusted(Untrusted::Ephemeral)),
            Standing::Unknown => Some(Self::KeyUntrusted(Untrusted::Unknown)),
            Standing::Foreign => Some(Self::ForeignKey),
        }
    }

    /// The word for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Verified => "VERIFIED",
            Self::UnsignedFields(_) => "VERIFIED+UNSIGNED-FIELDS",
            Self::Duplicate => "DUPLICATE",
            Self::KeyUntrusted(_) => "KEY-UNTRUSTED",
            Self::ForeignKey => "FOREIGN-KEY",
            Self::ChainBroken(_) => "CHAIN-BROKEN",
            Self::Replayed(_) => "REPLAYED",
            Self::Modified(_) => "MODIFIED",
            Self::UnknownBatch => "UNKNOWN-BATCH",
            Self::Unsealed => "UNSEALED",
            Self::NotVerifiable(_) => "NOT-VERIFIABLE",
        }
    }

    /// Whether nothing is wrong with it. Unsealed records are other people's.
    pub const fn is_lawful(&self) -> bool {
        matches!(
            self,
            Self::Verified
                | Self::UnsignedFields(_)
                | Self::Duplicate
                | Self::Unsealed
                | Self::NotVerifiable(_)
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::UnsignedFields(names) => write!(f, " ({})", names.join(", ")),
            Self::KeyUntrusted(why) => write!(f, " ({why})"),
            Self::ChainBroken(what) | Self::Replayed(what) | Self::Modified(what) => write!(f, " ({what})"),
            Self::NotVerifiable(what) => write!(f, " ({what})"),
            _ => Ok(()),
        }
    }
}

/// A record with its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Where it was read.
    pub spot: Spot,
    /// Its name.
    pub name: String,
    /// Where it says it was sealed.
    pub place: Option<Place>,
    /// Number in its stream, where that is known.
    pub sequence: Option<u64>,
    /// What is said of it.
    pub verdict: Verdict,
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.spot, self.name)?;
        if let (Some(place), Some(sequence)) = (&self.place, self.sequence) {
            write!(f, " {} seq {sequence}", place.batch.stream.name())?;
        } else if let Some(place) = &self.place {
            write!(f, " {place}")?;
        }
        write!(f, ": {}", self.verdict)
    }
}

/// What is wrong with, or worth knowing of, a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Records of a complete stream that the export has not, by number.
    Missing {
        /// First.
        from: u64,
        /// Last.
        to: u64,
    },
    /// Spans that were sealed and are not in the export: sampled or removed, nobody can tell.
    Absent {
        /// First.
        from: u64,
        /// Last.
        to: u64,
    },
    /// Batches that the export does not have.
    BatchesMissing {
        /// First.
        from: u64,
        /// Last.
        to: u64,
        /// How many records they held.
        records: u64,
    },
    /// A batch does not follow the one before it.
    Broken(String),
    /// It ends long before the instance does.
    EndsEarly {
        /// How long before the latest batch of the instance, or the time that the caller asked for.
        seconds: u64,
    },
    /// The export has no batch of it, not even a heartbeat.
    Nothing,
    /// It begins where another instance ended.
    Continues(Option<BatchId>),
    /// More notes than are kept.
    More(u64),
}

impl Note {
    /// Whether something is wrong.
    pub fn is_problem(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::Broken(_) | Self::EndsEarly { .. } | Self::Nothing => true,
            Self::BatchesMissing { records, .. } => *records > 0,
            Self::Absent { .. } | Self::Continues(_) | Self::More(_) => false,
        }
    }
}

fn range(f: &mut fmt::Formatter<'_>, word: &str, from: u64, to: u64) -> fmt::Result {
    if from == to { write!(f, "{word} {from}") } else { write!(f, "{word} {from}-{to}") }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { from, to } => range(f, "MISSING seq", *from, *to),
            Self::Absent { from, to } => {
                range(f, "ABSENT seq", *from, *to)?;
                f.write_str(" (sampled or removed)")
            }
            Self::BatchesMissing { from, to, records } => {
                range(f, "MISSING batch", *from, *to)?;
                write!(f, " ({records} records)")
            }
            Self::Broken(what) => write!(f, "CHAIN-BROKEN ({what})"),
            Self::EndsEarly { seconds } => write!(f, "TRUNCATED (no heartbeat in the last {seconds} s)"),
            Self::Nothing => f.write_str("MISSING (no batch of it, not even a heartbeat)"),
            Self::Continues(Some(id)) => write!(f, "continues {id}"),
            Self::Continues(None) => f.write_str("continues an instance that is not in the export"),
            Self::More(count) => write!(f, "{count} more"),
        }
    }
}

/// What is said of a stream of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamReport {
    /// Which start of which sensor.
    pub instance: Instance,
    /// Which stream.
    pub stream: Stream,
    /// `guardbee/<cluster>/<node>/<boot id>`, where an epoch statement says.
    pub origin: Option<String>,
    /// Batches found.
    pub batches: u64,
    /// Number of the first record of the first batch found.
    pub first: u64,
    /// Number after the last record of the last batch found.
    pub next: u64,
    /// Records of those batches that are in the export.
    pub present: u64,
    /// Records of those batches that are not.
    pub absent: u64,
    /// What the last batch says was lost since the instance began.
    pub losses: Vec<(Stage, u64)>,
    /// In order.
    pub notes: Vec<Note>,
}

impl fmt::Display for StreamReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.origin.as_deref().unwrap_or("an unknown sensor");
        write!(
            f,
            "{origin} {} {}: {} of {} records in {} batches",
            self.instance,
            self.stream.name(),
            self.present,
            self.present + self.absent,
            self.batches
        )?;
        for (stage, count) in self.losses.iter().filter(|(_, count)| *count > 0) {
            write!(f, ", {count} lost in {}", stage.name())?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n  {note}"))
    }
}

/// A line or a record that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where.
    pub spot: Spot,
    /// Why.
    pub why: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.spot, self.why)
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Everything is as it was sealed.
    Ok,
    /// Something was named.
    Problems,
    /// Something could not be read, so nothing is said of the whole.
    Unreadable,
}

/// What is said of an export.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Records by verdict's word.
    pub totals: std::collections::BTreeMap<&'static str, u64>,
    /// Streams.
    pub streams: Vec<StreamReport>,
    /// What could not be read: the first hundred.
    pub unreadable: Vec<Unreadable>,
    /// How many could not be read.
    pub unreadable_count: u64,
    /// Manifests and proofs beyond the limits, which were left out.
    pub left_out: u64,
    pub(super) unlawful: u64,
}

impl Report {
    /// How it ended.
    pub fn class(&self) -> Class {
        if self.unreadable_count > 0 || self.left_out > 0 {
            return Class::Unreadable;
        }
        let noted = self.streams.iter().flat_map(|stream| &stream.notes).any(Note::is_problem);
        if noted || self.unlawful > 0 { Class::Problems } else { Class::Ok }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, count) in &self.totals {
            writeln!(f, "{count:>8} {word}")?;
        }
        self.streams.iter().try_for_each(|stream| writeln!(f, "{stream}"))?;
        self.unreadable.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        if self.left_out > 0 {
            writeln!(
                f,
                "{} manifests or statements are over the limits: verify a smaller export",
                self.left_out
            )?;
        }
        Ok(())
    }
}
