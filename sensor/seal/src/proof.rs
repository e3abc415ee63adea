//! What proves a record: its own inline proof, or the manifest of its batch.
//!
//! ```text
//! proof     0x01  batch u64  index u32  hashes u8  hashes × 32 (sibling first)  batch record without its root (196)
//!           signature (ASN.1 DER, to the end)                                               base64url, no padding
//! manifest  batch record (228)  length u8, signature  size × 16 digests                     base64
//!           then a line for each schema (key list)
//! ```
use crate::{
    batch::BatchRecord,
    bytes::{Put, Take},
    leaf::Place,
    merkle::{Digest, Hash, list, root_from},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// Name of the log record that carries a manifest; without leaves, a heartbeat.
pub const MANIFEST: &str = "guardbee.seal.manifest";
/// Attribute of a manifest: which batch, `instance/stream/batch`.
pub const BATCH: &str = "guardbee.seal.batch";

/// An inline proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Where the record stood when it was sealed.
    pub place: Place,
    /// Siblings from the leaf up.
    pub path: Vec<Hash>,
    /// The batch; its root is zero until [`Proof::record`] fills it in.
    pub rootless: BatchRecord,
    /// Over the batch record.
    pub signature: Vec<u8>,
}

/// The text of a proof.
pub(crate) fn write(index: u32, path: &[Hash], record: &BatchRecord, signature: &[u8]) -> String {
    let mut out = Vec::with_capacity(300 + path.len() * 32);
    out.push(1);
    out.put(&record.id.sequence.to_be_bytes());
    out.put(&index.to_be_bytes());
    out.push(u8::try_from(path.len()).unwrap_or(u8::MAX));
    for hash in path {
        out.put(&hash.0);
    }
    out.put(&record.rootless());
    out.put(signature);
    URL_SAFE_NO_PAD.encode(out)
}

impl Proof {
    /// Reads one; the error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| "it is not base64url")?;
        let mut from = Take(&bytes);
        if from.u8() != Some(1) {
            return Err("its version is not 1");
        }
        let head = (from.u64(), from.u32(), from.u8());
        let (Some(sequence), Some(index), Some(count)) = head else { return Err("it is cut short") };
        let path: Option<Vec<_>> = (0..count).map(|_| from.array().map(Hash)).collect();
        let path = path.ok_or("it is cut short")?;
        let rootless = BatchRecord::take_rootless(&mut from).ok_or("its batch record is malformed")?;
        if rootless.id.sequence != sequence {
            return Err("its batch record is of another batch");
        }
        let place = Place { batch: rootless.id, index };
        Ok(Self { place, path, rootless, signature: from.0.to_vec() })
    }

    /// The batch record that this proves for a leaf; [`None`]: the path fits no such batch.
    pub fn record(&self, leaf: Hash) -> Option<BatchRecord> {
        let root = root_from(leaf, self.place.index, self.rootless.size, &self.path)?;
        Some(BatchRecord { root, ..self.rootless })
    }
}

/// A manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The batch.
    pub record: BatchRecord,
    /// Over the batch record.
    pub signature: Vec<u8>,
    /// Of its records, in order.
    pub leaves: Vec<Digest>,
    /// Key lists that references of the batch name.
    pub schemas: Vec<Box<str>>,
}

impl Manifest {
    /// Its text.
    pub fn text(&self) -> String {
        let mut out = self.record.bytes();
        out.push(u8::try_from(self.signature.len()).unwrap_or(u8::MAX));
        out.put(&self.signature);
        for digest in &self.leaves {
            out.put(&digest.0);
        }
        let mut text = STANDARD.encode(out);
        for schema in &self.schemas {
            text.push('\n');
            text.push_str(schema);
        }
        text
    }

    /// Reads one; the error says what is wrong. The leaves are those of the root: what is left to judge is the
    /// signature.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (encoded, schemas) = text.split_once('\n').unwrap_or((text, ""));
        let bytes = STANDARD.decode(encoded).map_err(|_| "it is not base64")?;
        let mut from = Take(&bytes);
        let record = BatchRecord::take(&mut from).ok_or("its batch record is malformed")?;
        let length = from.u8().ok_or("it is cut short")?;
        let signature = from.bytes(length.into()).ok_or("it is cut short")?.to_vec();
        let leaves: Option<Vec<_>> = (0..record.size).map(|_| from.array().map(Digest)).collect();
        let leaves = leaves.ok_or("it has fewer leaves than its batch record says")?;
        if !from.0.is_empty() {
            return Err("it has more leaves than its batch record says");
        }
        if list(&leaves) != record.root {
            return Err("its leaves are not those of its root");
        }
        let schemas = schemas.split('\n').filter(|list| !list.is_empty()).map(Box::from).collect();
        Ok(Self { record, signature, leaves, schemas })
    }
}
