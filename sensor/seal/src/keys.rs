//! Keys: the long-term one that certifies, the epoch key that signs, the public ones that verify. All are P-256.
use crate::{
    Error,
    merkle::{Hash, sha256},
};
use sigstore::crypto::{
    CosignVerificationKey, Signature as Sig,
    signing_key::{
        KeyPair as _, Signer as _,
        ecdsa::{
            EllipticCurve,
            ec::{EcdsaKeys, EcdsaSigner},
        },
    },
};
use std::fmt;

/// The first eight bytes of the SHA-256 of a public key's `SubjectPublicKeyInfo`: enough to find it, not to trust it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A P-256 public key.
#[derive(Clone, Debug)]
pub struct PublicKey {
    spki: Box<[u8]>,
    key: CosignVerificationKey,
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl PublicKey {
    /// From PEM, as in `cosign.pub`.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        let key = CosignVerificationKey::try_from_pem(pem)
            .map_err(|source| Error::PublicKey(source.to_string()))?;
        Self::of(key)
    }

    /// From DER (`SubjectPublicKeyInfo`).
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let key = CosignVerificationKey::try_from_der(der)
            .map_err(|source| Error::PublicKey(source.to_string()))?;
        Self::of(key)
    }

    fn of(key: CosignVerificationKey) -> Result<Self, Error> {
        match &key {
            CosignVerificationKey::ECDSA_P256_SHA256_ASN1(spki) => {
                Ok(Self { spki: spki.as_slice().into(), key })
            }
            _ => Err(Error::PublicKey("it is not an ECDSA P-256 key".into())),
        }
    }

    /// Its `SubjectPublicKeyInfo` in DER.
    pub fn der(&self) -> &[u8] {
        &self.spki
    }

    /// The hash of [`Self::der`].
    pub fn hash(&self) -> Hash {
        sha256(&self.spki)
    }

    /// Its short name.
    pub fn id(&self) -> KeyId {
        let hash = self.hash().0;
        KeyId(hash.first_chunk().copied().unwrap_or_default())
    }

    /// Whether `signature` (ASN.1 DER) over `message` is by this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_signature(Sig::Raw(signature), message).is_ok()
    }
}

/// A P-256 key pair. The private half is zeroed when it is dropped.
#[derive(Debug)]
pub struct SigningKey {
    signer: EcdsaSigner,
    public: PublicKey,
}

impl SigningKey {
    /// A new one, from the system's random source.
    pub fn generate() -> Result<Self, Error> {
        let keys = EcdsaKeys::new(EllipticCurve::P256).map_err(|source| Error::Sign(source.to_string()))?;
        Self::of(&keys)
    }

    /// From a PEM file: `cosign generate-key-pair`'s encrypted form with its password, or plain PKCS#8 with an empty
    /// one.
    pub fn from_pem(pem: &[u8], password: &[u8]) -> Result<Self, Error> {
        let keys = EcdsaKeys::from_encrypted_pem(pem, password)
            .map_err(|source| Error::PrivateKey(source.to_string()))?;
        Self::of(&keys)
    }

    fn of(keys: &EcdsaKeys) -> Result<Self, Error> {
        let der = keys.public_key_to_der().map_err(|source| Error::PrivateKey(source.to_string()))?;
        let public = PublicKey::from_der(&der)
            .map_err(|_| Error::PrivateKey("it is not an ECDSA P-256 key".into()))?;
        let signer = keys.to_signer().map_err(|source| Error::PrivateKey(source.to_string()))?;
        Ok(Self { signer, public })
    }

    /// Encrypted under `password`, as cosign reads it.
    pub fn to_encrypted_pem(&self, password: &[u8]) -> Result<zeroize::Zeroizing<String>, Error> {
        let keys = self.signer.ecdsa_keys();
        let pem = keys.private_key_to_encrypted_pem(password);
        let pem = pem.map_err(|source| Error::PrivateKey(source.to_string()))?;
        Ok(lines(&pem).into())
    }

    /// The public half as PEM: `cosign.pub`.
    pub fn public_pem(&self) -> Result<String, Error> {
        let pem = self.signer.ecdsa_keys().public_key_to_pem();
        Ok(lines(&pem.map_err(|source| Error::PublicKey(source.to_string()))?))
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs: ECDSA over SHA-256, ASN.1 DER, at most 72 bytes.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.signer.sign(message).map_err(|source| Error::Sign(source.to_string()))
    }
}

/// Lines as cosign writes them: the library ends them as RFC 7468 does, with two bytes.
fn lines(pem: &str) -> String {
    pem.replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_files_come_back() {
        let key = SigningKey::generate().unwrap();
        let pem = key.to_encrypted_pem(b"pw").unwrap();
        assert!(pem.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
        let back = SigningKey::from_pem(pem.as_bytes(), b"pw").unwrap();
        let signature = back.sign(b"message").unwrap();
        let public = PublicKey::from_pem(key.public_pem().unwrap().as_bytes()).unwrap();
        assert!(public.verifies(b"message", &signature));
        assert!(!public.verifies(b"massage", &signature));
        assert!(SigningKey::from_pem(pem.as_bytes(), b"wrong").is_err());
    }

    #[test]
    fn fixture_files_are_read() {
        let public = PublicKey::from_pem(include_bytes!("../tests/keys/cosign.pub")).unwrap();
        let encrypted =
            SigningKey::from_pem(include_bytes!("../tests/keys/cosign.key"), b"guardbee").unwrap();
        let plain = SigningKey::from_pem(include_bytes!("../tests/keys/plain.key"), b"").unwrap();
        assert_eq!(encrypted.public(), &public);
        assert!(public.verifies(b"m", &plain.sign(b"m").unwrap()));
    }

    #[test]
    fn other_keys_are_refused_with_a_reason() {
        let ed25519 = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        let error = PublicKey::from_pem(ed25519.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "read the public key: it is not an ECDSA P-256 key; give a PEM file as cosign writes it (cosign.pub)"
        );
        assert!(PublicKey::from_pem(b"nonsense").is_err());
        assert!(SigningKey::from_pem(b"nonsense", b"").is_err());
    }
}
