//! Canonical bytes, Merkle batches, chain, keys, verification.
