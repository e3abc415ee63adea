//! What an export holds beside its records: epoch statements and batch records, judged before any record is.
use super::{Limits, Trust};
use crate::{
    batch::{BatchRecord, Origin},
    keys::{KeyId, PublicKey},
    leaf::{BatchId, Instance},
    merkle::{Digest, Hash},
    reference::KeyList,
    statement::Claim,
};
use guardbee_model::record::Stream;
use std::collections::{BTreeMap, HashMap};

/// Candidates for one epoch key or one batch number: the true one, and what an attacker may have put beside it.
const CANDIDATES: usize = 4;

/// What is known of an epoch key, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It leads to the key that the caller trusts.
    Trusted,
    /// It leads to a key that signed itself.
    Ephemeral,
    /// It leads nowhere, and the caller gave no key.
    Unknown,
    /// It leads to another key than the caller's.
    Foreign,
}

/// An epoch statement with its standing.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) claim: Claim,
    pub(super) standing: Standing,
}

/// Keys of epochs that were judged, by instance and number.
type Earlier = HashMap<(Instance, u64), Vec<(PublicKey, Origin, Standing)>>;

/// Epoch statements.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    claims: Vec<Claim>,
    by_key: HashMap<KeyId, Known>,
    pub(super) left_out: u64,
}

impl Epochs {
    /// Remembers a statement; repetitions are usual.
    pub(super) fn add(&mut self, claim: Claim, limits: &Limits) {
        if self.claims.contains(&claim) {
            return;
        }
        if self.claims.len() >= limits.epochs {
            self.left_out += 1;
            return;
        }
        self.claims.push(claim);
    }

    /// Judges all of them: an epoch is as good as what signed it.
    pub(super) fn resolve(&mut self, trust: &Trust) {
        self.claims.sort_by_key(|claim| (claim.epoch.instance, claim.epoch.number));
        let mut earlier = Earlier::new();
        for claim in std::mem::take(&mut self.claims) {
            let standing = Self::standing(&claim, trust, &earlier);
            let (instance, number) = (claim.epoch.instance, claim.epoch.number);
            let others = earlier.entry((instance, number)).or_default();
            others.push((claim.epoch.key.clone(), claim.epoch.origin.clone(), standing));
            others.sort_by_key(|(.., standing)| *standing);
            others.truncate(CANDIDATES);
            let id = claim.epoch.key.id();
            if self.by_key.get(&id).is_none_or(|known| standing < known.standing) {
                self.by_key.insert(id, Known { claim, standing });
            }
        }
    }

    fn standing(claim: &Claim, trust: &Trust, earlier: &Earlier) -> Standing {
        let epoch = &claim.epoch;
        if let Trust::Key(key) = trust
            && claim.is_by(key)
        {
            return Standing::Trusted;
        }
        if claim.is_by(&epoch.key) {
            return Standing::Ephemeral;
        }
        let before = epoch.number.checked_sub(1).and_then(|before| earlier.get(&(epoch.instance, before)));
        let signer =
            before.into_iter().flatten().find(|(key, origin, _)| *origin == epoch.origin && claim.is_by(key));
        match (signer, trust) {
            (Some((.., standing)), _) => *standing,
            // A later epoch whose predecessor is not in the export: not proven to be foreign.
            (None, Trust::Key(_)) if epoch.number == 0 => Standing::Foreign,
            _ => Standing::Unknown,
        }
    }

    pub(super) fn get(&self, id: KeyId) -> Option<&Known> {
        self.by_key.get(&id)
    }
}

/// A batch whose signature is good.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) record: BatchRecord,
    pub(super) hash: Hash,
    signature: Box<[u8]>,
    pub(super) standing: Standing,
    /// Of a manifest.
    pub(super) leaves: Option<Box<[Digest]>>,
    /// Records that were found (or claim to be it), by index.
    seen: [u64; 8],
    verified: [u64; 8],
    /// Why it does not follow the one before.
    pub(super) broken: Option<String>,
}

fn bit(index: u32) -> (usize, u64) {
    (index as usize / 64, 1 << (index % 64))
}

impl Batch {
    /// Notes that a record stands at `index`, unharmed or not; whether it is the first unharmed one.
    pub(super) fn see(&mut self, index: u32, unharmed: bool) -> bool {
        let (word, bit) = bit(index);
        if let Some(word) = self.seen.get_mut(word) {
            *word |= bit;
        }
        let Some(word) = self.verified.get_mut(word).filter(|_| unharmed) else { return false };
        let first = *word & bit == 0;
        *word |= bit;
        first
    }

    /// Whether some record claimed to stand at `index`.
    pub(super) fn seen(&self, index: u32) -> bool {
        let (word, bit) = bit(index);
        self.seen.get(word).is_some_and(|word| word & bit != 0)
    }
}

/// Why a batch record is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The export has no statement of its key.
    NoStatement,
    /// The signature is not over these bytes by that key.
    Signature,
    /// The key was certified for another origin, instance or time.
    NotIts,
    /// Too many batches.
    Limit,
}

/// All batches, and the key lists their manifests brought.
#[derive(Debug, Default)]
pub(super) struct Batches {
    by_id: BTreeMap<(Instance, Stream, u64), Vec<Batch>>,
    count: usize,
    leaves: usize,
    pub(super) schemas: HashMap<Box<str>, KeyList>,
    pub(super) left_out: u64,
}

fn key(id: &BatchId) -> (Instance, Stream, u64) {
    (id.instance, id.stream, id.sequence)
}

impl Batches {
    /// Checks a batch record and remembers it. `leaves` are those of its root.
    pub(super) fn add(
        &mut self,
        record: BatchRecord,
        signature: &[u8],
        leaves: Option<Vec<Digest>>,
        epochs: &Epochs,
        limits: &Limits,
    ) -> Result<(), Refused> {
        let hash = record.hash();
        let room = self.leaves.saturating_add(leaves.as_ref().map_or(0, Vec::len)) <= limits.leaves;
        let candidates = self.by_id.entry(key(&record.id)).or_default();
        if let Some(known) = candidates.iter_mut().find(|batch| batch.hash == hash) {
            if *known.signature != *signature {
                check(&record, signature, epochs)?;
            }
            if let (None, Some(leaves)) = (&known.leaves, leaves) {
                if !room {
                    self.left_out += 1;
                    return Err(Refused::Limit);
                }
                self.leaves += leaves.len();
                known.leaves = Some(leaves.into());
            }
            return Ok(());
        }
        let standing = check(&record, signature, epochs)?;
        if !room || self.count >= limits.batches {
            self.left_out += 1;
            return Err(Refused::Limit);
        }
        self.count += 1;
        self.leaves += leaves.as_ref().map_or(0, Vec::len);
        let leaves = leaves.map(Into::into);
        let signature = signature.into();
        let (seen, verified) = ([0; 8], [0; 8]);
        candidates.push(Batch { record, hash, signature, standing, leaves, seen, verified, broken: None });
        candidates.sort_by_key(|batch| batch.standing);
        candidates.truncate(CANDIDATES);
        Ok(())
    }

    /// The batch that a record's place names: the one that `fits`, else the best known.
    pub(super) fn find(&mut self, id: &BatchId, fits: impl Fn(&Batch) -> bool) -> Option<&mut Batch> {
        let candidates = self.by_id.get_mut(&key(id))?;
        let at = candidates.iter().position(fits).unwrap_or(0);
        candidates.get_mut(at)
    }

    /// The best known batch of a number.
    pub(super) fn get(&self, id: &BatchId) -> Option<&Batch> {
        self.by_id.get(&key(id)).and_then(|candidates| candidates.first())
    }

    /// The best batch of each number, by instance, stream and number.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Batch> {
        self.by_id.values().filter_map(|candidates| candidates.first())
    }

    /// Chains of which there is a batch.
    pub(super) fn chains(&self) -> Vec<(Instance, Stream)> {
        let mut chains: Vec<_> =
            self.by_id.keys().map(|(instance, stream, _)| (*instance, *stream)).collect();
        chains.dedup();
        chains
    }

    /// Marks what does not follow what is before it.
    pub(super) fn link(&mut self) {
        let mut before: Option<(BatchRecord, Hash)> = None;
        for candidates in self.by_id.values_mut() {
            let twice = candidates.iter().enumerate().any(|(at, one)| {
                candidates.iter().skip(at + 1).any(|other| one.record.key == other.record.key)
            });
            for batch in candidates.iter_mut() {
                let id = &batch.record.id;
                if twice {
                    batch.broken = Some(format!("two signed batches have the number {}", id.sequence));
                }
                let follows = before.filter(|(previous, _)| {
                    previous.id.instance == id.instance
                        && previous.id.stream == id.stream
                        && previous.id.sequence.checked_add(1) == Some(id.sequence)
                });
                if let Some((previous, hash)) = follows
                    && (batch.record.previous != hash || batch.record.first != previous.next())
                {
                    batch.broken =
                        Some(format!("batch {} does not follow batch {}", id.sequence, previous.id.sequence));
                }
            }
            before = candidates.first().map(|batch| (batch.record, batch.hash)).or(before);
        }
    }
}

/// Whether a batch record is signed by a key that may sign it.
fn check(record: &BatchRecord, signature: &[u8], epochs: &Epochs) -> Result<Standing, Refused> {
    let known = epochs.get(record.key).ok_or(Refused::NoStatement)?;
    let epoch = &known.claim.epoch;
    if !epoch.key.verifies(&record.bytes(), signature) {
        return Err(Refused::Signature);
    }
    let id = &record.id;
    let within = epoch.boot.0 <= record.boot && record.boot <= epoch.boot.1;
    let its = epoch.instance == id.instance && epoch.origin.hash(id.instance, id.stream) == record.origin;
    if within && its { Ok(known.standing) } else { Err(Refused::NotIts) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{batch::LossTotals, merkle, statement::Current};
    use guardbee_model::clock::{BootTime, WallTime};

    #[test]
    fn what_does_not_follow_is_broken() {
        let origin = Origin::new("c", "n", "b");
        let now = (BootTime(5), WallTime(7));
        let current = Current::first(&origin, None, now, 10, "0").unwrap();
        let (limits, mut epochs) = (Limits::default(), Epochs::default());
        epochs.add(Claim::parse(&current.bundle).unwrap(), &limits);
        epochs.resolve(&Trust::Nobody);
        let record = |sequence, previous, wall| {
            let id = BatchId { instance: current.epoch.instance, stream: Stream::Audit, sequence };
            BatchRecord {
                id,
                origin: origin.hash(id.instance, id.stream),
                first: 0,
                root: merkle::list(&[]),
                size: 0,
                start: WallTime(0),
                end: WallTime(0),
                losses: LossTotals::default(),
                wall: WallTime(wall),
                boot: BootTime(6),
                key: current.id,
                previous,
            }
        };
        let (zero, mut batches) = (record(0, Hash::default(), 1), Batches::default());
        let one = record(1, zero.hash(), 2);
        // Three follows something that was never a batch; four was signed twice.
        let (two, three) = (record(2, one.hash(), 3), record(3, Hash([1; 32]), 4));
        let (four, other) = (record(4, three.hash(), 5), record(4, three.hash(), 6));
        for record in [zero, one, two, three, four, other] {
            let signature = current.signer.sign(&record.bytes()).unwrap();
            batches.add(record, &signature, None, &epochs, &limits).unwrap();
        }
        batches.link();
        let broken: Vec<_> = batches.iter().map(|batch| batch.broken.as_deref()).collect();
        let two_of_four = Some("two signed batches have the number 4");
        assert_eq!(broken, [None, None, None, Some("batch 3 does not follow batch 2"), two_of_four]);
        let late = BatchRecord { boot: BootTime(100), ..zero };
        let signature = current.signer.sign(&late.bytes()).unwrap();
        assert_eq!(batches.add(late, &signature, None, &epochs, &limits), Err(Refused::NotIts));
    }
}
