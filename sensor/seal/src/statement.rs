//! The statement that makes an epoch key believed: an in-toto Statement in a DSSE envelope in a Sigstore bundle v0.3.
//!
//! Epoch 0 is signed by the long-term key, which is not needed again, or by itself where there is none; every later
//! epoch is signed by the key of the one before it, which is zeroed then. Whoever takes the sensor at some time can't
//! sign for earlier epochs. `cosign verify-blob-attestation --key cosign.pub --bundle <bundle> --type
//! urn:guardbee:epoch-key:v1 --insecure-ignore-tlog <spki.der>` accepts the bundle of epoch 0.
use crate::{
    Error,
    batch::Origin,
    keys::{KeyId, PublicKey, SigningKey},
    leaf::Instance,
    merkle::sha256,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use guardbee_model::clock::{BootTime, WallTime};
use serde::{Deserialize, Serialize};

/// The predicate type.
pub const PREDICATE: &str = "urn:guardbee:epoch-key:v1";
const PAYLOAD: &str = "application/vnd.in-toto+json";
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// What is stated of an epoch key.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// The key.
    pub key: PublicKey,
    /// Who signs with it.
    pub origin: Origin,
    /// In which start.
    pub instance: Instance,
    /// From 0.
    pub number: u64,
    /// Begin and end, by the wall (for readers).
    pub wall: (WallTime, WallTime),
    /// Begin and end, by boot time (what is checked: it never steps).
    pub boot: (BootTime, BootTime),
    /// Version of the sensor.
    pub version: Box<str>,
}

/// The instance that begins with `key` as its first epoch key: its name can't be taken by another key.
pub fn instance(origin: &Origin, key: &PublicKey) -> Instance {
    let mut bytes = b"guardbee instance\n".to_vec();
    bytes.extend_from_slice(origin.text().as_bytes());
    bytes.push(b'\n');
    bytes.extend_from_slice(key.der());
    Instance(sha256(&bytes).0.first_chunk().copied().unwrap_or_default())
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    boot_not_after: u64,
    boot_not_before: u64,
    epoch: u64,
    instance: String,
    origin: String,
    public_key: String,
    sensor_version: String,
    wall_not_after: u64,
    wall_not_before: u64,
}

#[derive(Serialize, Deserialize)]
struct Digest {
    sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    digest: Digest,
    name: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    predicate: Predicate,
    predicate_type: String,
    subject: Vec<Subject>,
}

#[derive(Serialize, Deserialize)]
struct Hint {
    hint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    public_key: Hint,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    sig: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    dsse_envelope: Envelope,
    media_type: String,
    verification_material: Material,
}

/// DSSE's pre-authentication encoding (protocol, version 1.0.2).
fn pae(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

impl Epoch {
    /// The bundle, signed by `signer`.
    pub fn sign(&self, signer: &SigningKey) -> Result<String, Error> {
        let statement = Statement {
            kind: STATEMENT.into(),
            subject: vec![Subject {
                name: format!("guardbee epoch key {}", self.key.id()),
                digest: Digest { sha256: self.key.hash().to_string() },
            }],
            predicate_type: PREDICATE.into(),
            predicate: Predicate {
                origin: self.origin.text().into(),
                instance: self.instance.to_string(),
                epoch: self.number,
                public_key: STANDARD.encode(self.key.der()),
                wall_not_before: self.wall.0.0,
                wall_not_after: self.wall.1.0,
                boot_not_before: self.boot.0.0,
                boot_not_after: self.boot.1.0,
                sensor_version: self.version.to_string(),
            },
        };
        let payload = serde_json::to_vec(&statement).map_err(|source| Error::Sign(source.to_string()))?;
        let signature = signer.sign(&pae(PAYLOAD, &payload))?;
        let bundle = Bundle {
            media_type: BUNDLE.into(),
            verification_material: Material {
                public_key: Hint { hint: STANDARD.encode(signer.public().hash().0) },
            },
            dsse_envelope: Envelope {
                payload: STANDARD.encode(payload),
                payload_type: PAYLOAD.into(),
                signatures: vec![Signature { sig: STANDARD.encode(signature) }],
            },
        };
        serde_json::to_string(&bundle).map_err(|source| Error::Sign(source.to_string()))
    }
}

/// A statement that was read but not judged yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// What it says.
    pub epoch: Epoch,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Claim {
    /// Reads a bundle; the error says what is wrong.
    pub fn parse(bundle: &str) -> Result<Self, String> {
        let bundle: Bundle = serde_json::from_str(bundle).map_err(|error| format!("bundle: {error}"))?;
        if bundle.media_type != BUNDLE {
            return Err(format!("bundle: media type is not {BUNDLE}"));
        }
        let envelope = bundle.dsse_envelope;
        if envelope.payload_type != PAYLOAD {
            return Err(format!("envelope: payload type is not {PAYLOAD}"));
        }
        let [signature] = envelope.signatures.as_slice() else {
            return Err("envelope: there is not exactly one signature".into());
        };
        let payload = STANDARD.decode(&envelope.payload).map_err(|_| "envelope: payload is not base64")?;
        let signature = STANDARD.decode(&signature.sig).map_err(|_| "envelope: signature is not base64")?;
        let statement: Statement =
            serde_json::from_slice(&payload).map_err(|error| format!("statement: {error}"))?;
        let message = pae(PAYLOAD, &payload);
        Ok(Self { epoch: epoch(&statement)?, message, signature })
    }

    /// Whether it is signed by `key`.
    pub fn is_by(&self, key: &PublicKey) -> bool {
        key.verifies(&self.message, &self.signature)
    }
}

fn epoch(statement: &Statement) -> Result<Epoch, String> {
    let predicate = &statement.predicate;
    if statement.kind != STATEMENT || statement.predicate_type != PREDICATE {
        return Err(format!("statement: it is not an in-toto Statement v1 of type {PREDICATE}"));
    }
    let spki = STANDARD.decode(&predicate.public_key).map_err(|_| "statement: public key is not base64")?;
    let key = PublicKey::from_der(&spki).map_err(|_| "statement: public key is not an ECDSA P-256 key")?;
    let subject = statement.subject.first().map(|subject| subject.digest.sha256.as_str());
    if subject != Some(&key.hash().to_string()) || statement.subject.len() != 1 {
        return Err("statement: its subject is not the public key".into());
    }
    let instance_id = guardbee_model::id::SpanId::from_hex(&predicate.instance)
        .ok_or("statement: instance is not 16 hex digits")?;
    let epoch = Epoch {
        origin: Origin::from_text(&predicate.origin),
        instance: Instance(instance_id.0),
        number: predicate.epoch,
        wall: (WallTime(predicate.wall_not_before), WallTime(predicate.wall_not_after)),
        boot: (BootTime(predicate.boot_not_before), BootTime(predicate.boot_not_after)),
        version: predicate.sensor_version.as_str().into(),
        key,
    };
    if epoch.number == 0 && instance(&epoch.origin, &epoch.key) != epoch.instance {
        return Err("statement: the instance does not belong to its first key".into());
    }
    Ok(epoch)
}

/// The epoch key and its statement.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) signer: SigningKey,
    pub(crate) epoch: Epoch,
    pub(crate) bundle: String,
    pub(crate) id: KeyId,
}

impl Current {
    /// The first epoch: certified by `long_term`, or by itself.
    pub(crate) fn first(
        origin: &Origin,
        long_term: Option<&SigningKey>,
        now: (BootTime, WallTime),
        length: u64,
        version: &str,
    ) -> Result<Self, Error> {
        let signer = SigningKey::generate()?;
        let instance = instance(origin, signer.public());
        let key = signer.public().clone();
        let (boot, wall) = window(now, length);
        let epoch =
            Epoch { key, origin: origin.clone(), instance, number: 0, wall, boot, version: version.into() };
        let bundle = epoch.sign(long_term.unwrap_or(&signer))?;
        Ok(Self { id: signer.public().id(), signer, epoch, bundle })
    }

    /// The next epoch, certified by this one's key, which is dropped with `self`.
    pub(crate) fn next(&self, now: (BootTime, WallTime), length: u64) -> Result<Self, Error> {
        let signer = SigningKey::generate()?;
        let (boot, wall) = window(now, length);
        let key = signer.public().clone();
        let epoch = Epoch { key, number: self.epoch.number + 1, wall, boot, ..self.epoch.clone() };
        let bundle = epoch.sign(&self.signer)?;
        Ok(Self { id: signer.public().id(), signer, epoch, bundle })
    }
}

/// From now for twice `length`: rotation may come late.
fn window(now: (BootTime, WallTime), length: u64) -> ((BootTime, BootTime), (WallTime, WallTime)) {
    let until = length.saturating_mul(2);
    ((now.0, BootTime(now.0.0.saturating_add(until))), (now.1, WallTime(now.1.0.saturating_add(until))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_comes_back_and_knows_its_signer() {
        let (long_term, origin) = (SigningKey::generate().unwrap(), Origin::new("c", "n", "b"));
        let now = (BootTime(5), WallTime(7));
        let first = Current::first(&origin, Some(&long_term), now, 10, "0.1.0").unwrap();
        let claim = Claim::parse(&first.bundle).unwrap();
        assert_eq!(claim.epoch, first.epoch);
        assert!(claim.is_by(long_term.public()));
        assert!(!claim.is_by(first.signer.public()));
        let second = first.next(now, 10).unwrap();
        assert!(Claim::parse(&second.bundle).unwrap().is_by(first.signer.public()));
    }

    #[test]
    fn bad_statements_are_named() {
        let origin = Origin::new("c", "n", "b");
        let current = Current::first(&origin, None, (BootTime(5), WallTime(7)), 10, "0.1.0").unwrap();
        let value: serde_json::Value = serde_json::from_str(&current.bundle).unwrap();
        let with = |path: &str, to: serde_json::Value| {
            let mut value = value.clone();
            *value.pointer_mut(path).unwrap() = to;
            Claim::parse(&value.to_string()).unwrap_err()
        };
        assert_eq!(with("/mediaType", "x".into()), format!("bundle: media type is not {BUNDLE}"));
        assert_eq!(with("/dsseEnvelope/payload", "!".into()), "envelope: payload is not base64");
        assert_eq!(
            with("/dsseEnvelope/payloadType", "x".into()),
            format!("envelope: payload type is not {PAYLOAD}")
        );
        assert_eq!(with("/dsseEnvelope/signatures/0/sig", "!".into()), "envelope: signature is not base64");
        let none = serde_json::json!([]);
        assert_eq!(with("/dsseEnvelope/signatures", none), "envelope: there is not exactly one signature");

        let payload = STANDARD.decode(value["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
        let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        let stating = |path: &str, to: serde_json::Value| {
            let mut payload = payload.clone();
            *payload.pointer_mut(path).unwrap() = to;
            with("/dsseEnvelope/payload", STANDARD.encode(payload.to_string()).into())
        };
        assert_eq!(
            stating("/predicate/publicKey", "AAAA".into()),
            "statement: public key is not an ECDSA P-256 key"
        );
        assert_eq!(
            stating("/subject/0/digest/sha256", "00".into()),
            "statement: its subject is not the public key"
        );
        assert_eq!(stating("/predicate/instance", "zz".into()), "statement: instance is not 16 hex digits");
        let foreign = stating("/predicate/origin", "guardbee/c/other/b".into());
        assert_eq!(foreign, "statement: the instance does not belong to its first key");
    }
}
