//! One verdict per record.
use super::{
    Options, Trust,
    evidence::{Batch, Batches, Epochs, Refused},
    otlp::{Exported, Got},
    rebuild::{Rebuilt, rebuild},
    streams,
    verdict::{Judged, Report, Spot, Unreadable, Untrusted, Verdict},
};
use crate::{
    leaf::{BatchId, Place},
    merkle::Hash,
    proof::{BATCH, MANIFEST, Manifest, Proof},
    reference::{KeyList, Keys, PROOF, REF, Reference, batch_id},
};

/// Unreadable lines that are kept.
const KEPT: usize = 100;

/// A record that does not fit its place: what was done to it may be known when all are read.
struct Suspect {
    spot: Spot,
    record: Exported,
    reference: Reference,
    keys: KeyList,
    proof: Option<Proof>,
    why: String,
}

pub(super) struct Judge<'a> {
    epochs: Epochs,
    batches: Batches,
    options: &'a Options,
    report: &'a mut Report,
    each: &'a mut dyn FnMut(Judged),
    suspects: Vec<Suspect>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        epochs: Epochs,
        batches: Batches,
        options: &'a Options,
        report: &'a mut Report,
        each: &'a mut dyn FnMut(Judged),
    ) -> Self {
        Self { epochs, batches, options, report, each, suspects: Vec::new() }
    }

    pub(super) fn unreadable(&mut self, spot: &Spot, why: String) {
        self.report.unreadable_count += 1;
        if self.report.unreadable.len() < KEPT {
            self.report.unreadable.push(Unreadable { spot: spot.clone(), why });
        }
    }

    pub(super) fn ocsf(&mut self, spot: &Spot) {
        let what = "OCSF is a translation; verify the OTLP export of the same finding";
        self.say(spot, "OCSF event", None, Verdict::NotVerifiable(what));
    }

    pub(super) fn record(&mut self, spot: &Spot, record: Result<Exported, String>) {
        let record = match record {
            Ok(record) => record,
            Err(why) => return self.unreadable(spot, why),
        };
        if record.name == MANIFEST {
            let verdict = self.manifest(&record);
            let place = record.text(BATCH).and_then(batch_id).map(|batch| Place { batch, index: 0 });
            return self.say(spot, &record.name, place.filter(|_| !verdict.is_lawful()), verdict);
        }
        let Some(text) = record.text(REF) else {
            let verdict = if record.text(PROOF).is_some() {
                Verdict::Modified(format!("{REF} is missing"))
            } else {
                Verdict::Unsealed
            };
            return self.say(spot, &record.name, None, verdict);
        };
        match Reference::parse(text) {
            Ok(reference) => self.sealed(spot, record, reference),
            Err(why) => self.say(spot, &record.name, None, Verdict::Modified(format!("{REF}: {why}"))),
        }
    }

    /// A manifest speaks for itself: it is signed.
    fn manifest(&mut self, record: &Exported) -> Verdict {
        let Got::Text(body) = &record.body else {
            return Verdict::Modified("manifest: it has no body".into());
        };
        let manifest = match Manifest::parse(body) {
            Ok(manifest) => manifest,
            Err(why) => return Verdict::Modified(format!("manifest: {why}")),
        };
        let id = manifest.record.id;
        let said = record.text(BATCH).and_then(batch_id);
        if said != Some(id) {
            let said = said.map_or_else(|| "nothing".to_owned(), |said| said.to_string());
            return Verdict::Replayed(format!("the manifest is of {id} and says {said}"));
        }
        let leaves = Some(manifest.leaves);
        let limits = &self.options.limits;
        match self.batches.add(manifest.record, &manifest.signature, leaves, &self.epochs, limits) {
            Ok(()) => {
                let hash = manifest.record.hash();
                let batch = self.batches.find(&id, |batch| batch.hash == hash);
                let broken = batch.as_ref().and_then(|batch| batch.broken.clone());
                let standing = batch.and_then(|batch| Verdict::of(batch.standing));
                standing.or_else(|| broken.map(Verdict::ChainBroken)).unwrap_or(Verdict::Verified)
            }
            Err(refused) => Self::refused(refused, "manifest"),
        }
    }

    fn refused(refused: Refused, what: &str) -> Verdict {
        match refused {
            Refused::NoStatement => Verdict::KeyUntrusted(Untrusted::NoStatement),
            Refused::Signature => Verdict::Modified(format!("the signature is not over this {what}")),
            Refused::NotIts => Verdict::Replayed("its key was certified for another sensor or time".into()),
            Refused::Limit => Verdict::UnknownBatch,
        }
    }

    fn sealed(&mut self, spot: &Spot, record: Exported, reference: Reference) {
        let place = reference.place;
        let proof = match record.text(PROOF).map(Proof::parse).transpose() {
            Ok(proof) => proof,
            Err(why) => {
                self.note_seen(&place);
                return self.say(
                    spot,
                    &record.name,
                    Some(place),
                    Verdict::Modified(format!("{PROOF}: {why}")),
                );
            }
        };
        let keys = match &reference.keys {
            Keys::Inline(keys) => keys.clone(),
            Keys::Schema(id) => match self.batches.schemas.get(id) {
                Some(keys) => keys.clone(),
                None => return self.say(spot, &record.name, Some(place), Verdict::UnknownBatch),
            },
        };
        let why = match self.elsewhere(&record, &reference, &keys, proof.as_ref()) {
            Some(Err(why)) => why,
            Some(Ok(verdict)) => {
                self.note_seen(&place);
                return self.say(spot, &record.name, Some(place), verdict);
            }
            None => match rebuild(&record, &reference, &keys, &place) {
                Ok(rebuilt) => match self.settle(&place, &rebuilt, proof.as_ref()) {
                    Some(verdict) => return self.say(spot, &record.name, Some(place), verdict),
                    None => "a signed field, the reference or the proof was changed".to_owned(),
                },
                Err(why) => why,
            },
        };
        self.note_seen(&place);
        if self.suspects.len() >= self.options.limits.suspects {
            return self.say(spot, &record.name, Some(place), Verdict::Modified(why));
        }
        self.suspects.push(Suspect { spot: spot.clone(), record, reference, keys, proof, why });
    }

    fn note_seen(&mut self, place: &Place) {
        if let Some(batch) = self.batches.find(&place.batch, |_| true) {
            batch.see(place.index, false);
        }
    }

    /// The verdict of a record whose leaf is known; [`None`]: it does not fit.
    fn settle(&mut self, place: &Place, rebuilt: &Rebuilt, proof: Option<&Proof>) -> Option<Verdict> {
        let index = usize::try_from(place.index).ok()?;
        let mut hash = None;
        if let Some(proof) = proof {
            let record = proof.record(rebuilt.leaf)?;
            match self.batches.add(record, &proof.signature, None, &self.epochs, &self.options.limits) {
                Ok(()) => hash = Some(record.hash()),
                Err(Refused::Signature) => return None,
                Err(refused) => return Some(Self::refused(refused, "batch")),
            }
        }
        let fits = |batch: &Batch| match hash {
            Some(hash) => batch.hash == hash,
            None => {
                batch.leaves.as_ref().is_some_and(|leaves| leaves.get(index) == Some(&rebuilt.leaf.digest()))
            }
        };
        let Some(batch) = self.batches.find(&place.batch, fits) else { return Some(Verdict::UnknownBatch) };
        if !fits(batch) {
            // A finding robbed of its proof is not known to be modified; a manifest that lists another leaf says so.
            return batch.leaves.is_none().then_some(Verdict::UnknownBatch);
        }
        if !batch.see(place.index, true) {
            return Some(Verdict::Duplicate);
        }
        let broken = batch.broken.clone().map(Verdict::ChainBroken);
        let clean = || match rebuilt.unsigned.as_slice() {
            [] => Verdict::Verified,
            names => Verdict::UnsignedFields(names.to_vec()),
        };
        Some(Verdict::of(batch.standing).or(broken).unwrap_or_else(clean))
    }

    fn say(&mut self, spot: &Spot, name: &str, place: Option<Place>, verdict: Verdict) {
        *self.report.totals.entry(verdict.word()).or_default() += 1;
        let accepted = matches!(self.options.trust, Trust::Ephemeral)
            && verdict == Verdict::KeyUntrusted(Untrusted::Ephemeral);
        if !verdict.is_lawful() && !accepted {
            self.report.unlawful += 1;
        }
        let sequence = place.and_then(|place| self.sequence(&place));
        (self.each)(Judged { spot: spot.clone(), name: name.to_owned(), place, sequence, verdict });
    }

    fn sequence(&self, place: &Place) -> Option<u64> {
        let batch = self.batches.get(&place.batch)?;
        (place.index < batch.record.size).then(|| batch.record.first.saturating_add(place.index.into()))
    }

    /// Says what is known of the records that did not fit, then of the streams.
    pub(super) fn finish(mut self) {
        let suspects = std::mem::take(&mut self.suspects);
        for suspect in &suspects {
            let verdict = self.suspected(suspect, &suspects);
            self.say(&suspect.spot, &suspect.record.name, Some(suspect.reference.place), verdict);
        }
        streams::report(&self.epochs, &self.batches, self.options, self.report);
    }

    fn suspected(&self, suspect: &Suspect, suspects: &[Suspect]) -> Verdict {
        let own = suspect.reference.place;
        let other = suspects.iter().filter(|other| other.reference.place != own);
        if let Some(other) = other.into_iter().find(|other| self.belongs(suspect, other)) {
            return Verdict::Modified(exchanged(&self.number(&other.reference.place), &self.number(&own)));
        }
        for (instance, stream) in self.batches.chains() {
            let place = Place { batch: BatchId { instance, stream, ..own.batch }, ..own };
            let Ok(rebuilt) = rebuild(&suspect.record, &suspect.reference, &suspect.keys, &place) else {
                break;
            };
            if place != own && self.stands(&place, rebuilt.leaf, [&suspect.proof, &None]) {
                return Verdict::Replayed(format!("it was sealed as {place} and says {own}"));
            }
        }
        Verdict::Modified(suspect.why.clone())
    }

    fn number(&self, place: &Place) -> String {
        self.sequence(place).map_or_else(|| format!("place {place}"), |number| format!("seq {number}"))
    }

    /// What is wrong with a record whose proof is of another place than its reference; an error may yet be explained by
    /// another record.
    fn elsewhere(
        &self,
        record: &Exported,
        reference: &Reference,
        keys: &KeyList,
        proof: Option<&Proof>,
    ) -> Option<Result<Verdict, String>> {
        let (own, said) = (proof?.place, reference.place);
        if own == said {
            return None;
        }
        if (own.batch.instance, own.batch.stream) != (said.batch.instance, said.batch.stream) {
            return Some(Ok(Verdict::Replayed(format!("its proof is of {own} and it says {said}"))));
        }
        let proof = proof.cloned();
        let sealed_there = rebuild(record, reference, keys, &own)
            .is_ok_and(|rebuilt| self.stands(&own, rebuilt.leaf, [&proof, &None]));
        Some(if sealed_there {
            Ok(Verdict::Modified(exchanged(&self.number(&own), &self.number(&said))))
        } else {
            Err(format!("its proof is that of {}", self.number(&own)))
        })
    }

    /// Whether `suspect` was sealed where `other` claims to stand.
    fn belongs(&self, suspect: &Suspect, other: &Suspect) -> bool {
        let place = other.reference.place;
        [(&other.reference, &other.keys), (&suspect.reference, &suspect.keys)].into_iter().any(
            |(reference, keys)| {
                rebuild(&suspect.record, reference, keys, &place)
                    .is_ok_and(|rebuilt| self.stands(&place, rebuilt.leaf, [&suspect.proof, &other.proof]))
            },
        )
    }

    /// Whether `leaf` is the one at `place`, by a manifest or by one of `proofs`.
    fn stands(&self, place: &Place, leaf: Hash, proofs: [&Option<Proof>; 2]) -> bool {
        let Some(batch) = self.batches.get(&place.batch) else {
            let proven = proofs.into_iter().flatten().filter(|proof| proof.place == *place);
            return proven.filter_map(|proof| Some((proof, proof.record(leaf)?))).any(|(proof, record)| {
                let known = self.epochs.get(record.key);
                known.is_some_and(|known| known.claim.epoch.key.verifies(&record.bytes(), &proof.signature))
            });
        };
        let listed = usize::try_from(place.index).is_ok_and(|index| {
            batch.leaves.as_ref().is_some_and(|leaves| leaves.get(index) == Some(&leaf.digest()))
        });
        listed
            || proofs.into_iter().flatten().any(|proof| {
                proof.place == *place
                    && proof.record(leaf).is_some_and(|record| record.root == batch.record.root)
            })
    }
}

fn exchanged(sealed: &str, said: &str) -> String {
    format!("its sequence number was exchanged: it was sealed as {sealed} and says {said}")
}
