//! Evidence: canonical bytes, Merkle batches, chain, keys, and verification without the sensor.
//!
//! A [`Sealer`] takes records in and gives them back with what proves them; [`verify`] takes an export of any collector
//! and says of every record whether it is as it was sealed, and of every stream whether it is whole. The byte layouts
//! are in [`leaf`], [`reference`], [`batch`], [`proof`] and [`statement`]; a description for auditors is
//! `docs/evidence.md`.
//!
//! No clock, no file, no network: times are passed in, exports are read from what the caller opens.
#![forbid(unsafe_code)]

pub mod batch;
mod bytes;
pub mod keys;
pub mod leaf;
pub mod merkle;
pub mod proof;
pub mod reference;
pub mod sealer;
mod sealing;
pub mod statement;
pub mod verify;

pub use batch::{LossTotals, Origin};
pub use keys::{PublicKey, SigningKey};
pub use sealer::{Added, Params, Sealer};

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A public key that can't be used.
    #[error("read the public key: {0}; give a PEM file as cosign writes it (cosign.pub)")]
    PublicKey(String),
    /// A private key that can't be used.
    #[error("read the signing key: {0}; give a P-256 key of `cosign generate-key-pair` with its password")]
    PrivateKey(String),
    /// The library could not make a key or a signature.
    #[error("sign: {0}; the system's random source or memory failed, restart the sensor")]
    Sign(String),
    /// An export could not be read at all.
    #[error("read {name}")]
    Read {
        /// Which.
        name: String,
        /// Why.
        source: std::io::Error,
    },
}
