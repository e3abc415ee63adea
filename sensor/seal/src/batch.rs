//! The batch record: what is signed once for a batch, and chained.
//!
//! Fixed binary, numbers big-endian, 228 bytes:
//!
//! ```text
//! "GBATCH1"  stream u8  origin 32  instance 8  batch u64  first record u64  root 32  size u32
//! start of the first u64  end of the last u64 (ns since 1970; empty batch: 0)
//! losses 7 × u64: kernel, capture, enrich, trace, rules, seal, deliver (cumulative since the instance began)
//! realtime u64  boottime u64  epoch key 8 (first bytes of SHA-256 of its SubjectPublicKeyInfo)
//! previous 32 (hash of the previous batch record; of batch 0: of the last one of the previous instance, or zero)
//! ```
//!
//! `origin` is the SHA-256 of `guardbee/<cluster>/<node>/<boot id>/<instance>/<stream>`. The hash of a batch record is its
//! RFC 6962 leaf hash, so that the records of a chain are also the leaves of a log.
use crate::{
    bytes::{Put, Take},
    keys::KeyId,
    leaf::{BatchId, Instance, stream_code, stream_of},
    merkle::{Hash, leaf_hash, sha256},
};
use guardbee_model::{
    clock::{BootTime, WallTime},
    loss::{Loss, Stage},
    record::Stream,
};

/// Records in a batch at most.
pub const SIZE: usize = 512;

/// The stages in the order of a batch record.
pub const STAGES: [Stage; 7] =
    [Stage::Kernel, Stage::Capture, Stage::Enrich, Stage::Trace, Stage::Rules, Stage::Seal, Stage::Deliver];

/// Everything lost since the instance began, by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LossTotals([u64; 7]);

impl LossTotals {
    /// Counts one loss.
    pub fn add(&mut self, loss: &Loss) {
        self.add_count(loss.stage, loss.count);
    }

    /// Counts `count` more lost in `stage`.
    pub fn add_count(&mut self, stage: Stage, count: u64) {
        for (total, of) in self.0.iter_mut().zip(STAGES) {
            if of == stage {
                *total = total.saturating_add(count);
            }
        }
    }

    /// Stages with their totals.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, u64)> + '_ {
        STAGES.into_iter().zip(self.0)
    }
}

/// Who signs: cluster, node and boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(Box<str>);

impl Origin {
    /// The origin of a sensor: names without slashes or line breaks (which become `_`), at most 128 bytes each.
    pub fn new(cluster: &str, node: &str, boot_id: &str) -> Self {
        let [cluster, node, boot_id] = [cluster, node, boot_id].map(|name| {
            let name = name.get(..name.floor_char_boundary(128)).unwrap_or_default();
            name.replace(|c: char| c == '/' || c == '+' || c.is_control() || c.is_whitespace(), "_")
        });
        Self(format!("guardbee/{cluster}/{node}/{boot_id}").into())
    }

    /// From a statement.
    pub(crate) fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// `guardbee/<cluster>/<node>/<boot id>`.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The name of one stream of one instance: a C2SP checkpoint origin.
    pub fn stream(&self, instance: Instance, stream: Stream) -> String {
        format!("{}/{instance}/{}", self.0, stream.name())
    }

    /// Its hash, as in batch records.
    pub fn hash(&self, instance: Instance, stream: Stream) -> Hash {
        sha256(self.stream(instance, stream).as_bytes())
    }
}

/// A batch record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchRecord {
    /// Which batch.
    pub id: BatchId,
    /// Hash of the stream's origin.
    pub origin: Hash,
    /// Number of its first record in the stream: how many came before.
    pub first: u64,
    /// Of findings and statements the Merkle root of their leaves; of spans, and of an empty batch, [`crate::merkle::list`].
    pub root: Hash,
    /// How many records.
    pub size: u32,
    /// Start of the first record; empty batch: 0.
    pub start: WallTime,
    /// Latest end of a record; empty batch: 0.
    pub end: WallTime,
    /// What was lost since the instance began.
    pub losses: LossTotals,
    /// When it was sealed.
    pub wall: WallTime,
    /// When it was sealed.
    pub boot: BootTime,
    /// Which key signed.
    pub key: KeyId,
    /// The hash of the batch record before it.
    pub previous: Hash,
}

/// Bytes of a batch record.
pub const LENGTH: usize = 228;

impl BatchRecord {
    /// Its bytes: what is signed.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = self.front();
        out.put(&self.root.0);
        self.back(&mut out);
        out
    }

    /// Its bytes without the root, which an inclusion path gives.
    pub(crate) fn rootless(&self) -> Vec<u8> {
        let mut out = self.front();
        self.back(&mut out);
        out
    }

    fn front(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(LENGTH);
        out.put(b"GBATCH1");
        out.push(stream_code(self.id.stream));
        out.put(&self.origin.0);
        out.put(&self.id.instance.0);
        out.put(&self.id.sequence.to_be_bytes());
        out.put(&self.first.to_be_bytes());
        out
    }

    fn back(&self, out: &mut Vec<u8>) {
        out.put(&self.size.to_be_bytes());
        let times = [self.start.0, self.end.0];
        for number in times.into_iter().chain(self.losses.0).chain([self.wall.0, self.boot.0]) {
            out.put(&number.to_be_bytes());
        }
        out.put(&self.key.0);
        out.put(&self.previous.0);
    }

    /// Reads one with its root.
    pub(crate) fn take(from: &mut Take<'_>) -> Option<Self> {
        Self::read(from, |from| from.array().map(Hash))
    }

    /// Reads one without a root; the root is zero until it is known.
    pub(crate) fn take_rootless(from: &mut Take<'_>) -> Option<Self> {
        Self::read(from, |_| Some(Hash::default()))
    }

    fn read(from: &mut Take<'_>, root: impl FnOnce(&mut Take<'_>) -> Option<Hash>) -> Option<Self> {
        if from.array::<7>()? != *b"GBATCH1" {
            return None;
        }
        let stream = stream_of(from.u8()?)?;
        let origin = Hash(from.array()?);
        let instance = Instance(from.array()?);
        let id = BatchId { instance, stream, sequence: from.u64()? };
        let first = from.u64()?;
        let root = root(from)?;
        let size = from.u32()?;
        let (start, end) = (WallTime(from.u64()?), WallTime(from.u64()?));
        let mut losses = LossTotals::default();
        for total in &mut losses.0 {
            *total = from.u64()?;
        }
        let (wall, boot) = (WallTime(from.u64()?), BootTime(from.u64()?));
        let (key, previous) = (KeyId(from.array()?), Hash(from.array()?));
        let small = usize::try_from(size).is_ok_and(|size| size <= SIZE);
        let record = Self { id, origin, first, root, size, start, end, losses, wall, boot, key, previous };
        (small && first.checked_add(u64::from(size)).is_some()).then_some(record)
    }

    /// Its hash: what the next one names.
    pub fn hash(&self) -> Hash {
        leaf_hash(&self.bytes())
    }

    /// The number of the record that follows its last one.
    pub fn next(&self) -> u64 {
        self.first.saturating_add(u64::from(self.size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn comes_back(numbers: [u64; 6], bytes: [u8; 32], size in 0..=512_u32) {
            let id = BatchId { instance: Instance([3; 8]), stream: Stream::Audit, sequence: numbers[0] };
            let mut losses = LossTotals::default();
            losses.add_count(Stage::Deliver, numbers[1]);
            let record = BatchRecord {
                id, origin: Hash(bytes), first: numbers[2] / 2, root: Hash(bytes), size, losses,
                start: WallTime(numbers[3]), end: WallTime(numbers[4]), wall: WallTime(numbers[5]),
                boot: BootTime(1), key: KeyId([9; 8]), previous: Hash(bytes),
            };
            let all = record.bytes();
            prop_assert_eq!(all.len(), LENGTH);
            prop_assert_eq!(BatchRecord::take(&mut Take(&all)), Some(record));
            let rootless = record.rootless();
            prop_assert_eq!(BatchRecord::take_rootless(&mut Take(&rootless)).map(|r| BatchRecord { root: record.root, ..r }), Some(record));
            prop_assert_eq!(BatchRecord::take(&mut Take(&all[..LENGTH - 1])), None);
        }
    }
}
