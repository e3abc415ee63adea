//! The Merkle tree of RFC 6962, section 2.1, over at most a batch of leaves; and the list of digests of a manifest.
//!
//! Where every leaf is listed nobody needs a path: what is signed is then SHA-256(02 ‖ digests), and a digest is the first half of
//! a leaf hash. To pass another record off, somebody must find one with the same half: 2^128 tries, as many as it takes to find
//! an epoch's private key. Two records with one half are found in 2^64, but only by who can choose all of both, and the leaf of a
//! span has times in nanoseconds and ids that nobody can choose in advance.
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A SHA-256 hash.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The first half of a leaf hash, as manifests list it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 16]);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Hash {
    /// Its first half.
    pub fn digest(&self) -> Digest {
        Digest(self.0.first_chunk().copied().unwrap_or_default())
    }
}

/// What is signed of a list of digests.
pub fn list(digests: &[Digest]) -> Hash {
    let mut hasher = Sha256::new_with_prefix([2]);
    for digest in digests {
        hasher.update(digest.0);
    }
    Hash(hasher.finalize().into())
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

/// What the hash of a leaf is made of begins with this byte.
pub(crate) const LEAF: u8 = 0;

/// The hash of a leaf: SHA-256 of a zero byte and the leaf.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([LEAF]).chain_update(leaf).finalize().into())
}

/// The hash of a node: SHA-256 of a one byte and both children.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// Where RFC 6962 splits `count` > 1 leaves: the largest power of two below it.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

/// The root over `leaves`; of none, SHA-256 of nothing.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// All inclusion paths at once, each from the leaf's sibling up. For `n` leaves, `n log n` copies and `n` hashes.
pub fn paths(leaves: &[Hash]) -> Vec<Vec<Hash>> {
    let mut paths = vec![Vec::new(); leaves.len()];
    fill(leaves, &mut paths);
    paths
}

fn fill(leaves: &[Hash], paths: &mut [Vec<Hash>]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [one] => *one,
        _ => {
            let at = split(leaves.len());
            let (left, right) = leaves.split_at(at);
            let (left_paths, right_paths) = paths.split_at_mut(at);
            let (left, right) = (fill(left, left_paths), fill(right, right_paths));
            for path in left_paths {
                path.push(right);
            }
            for path in right_paths {
                path.push(left);
            }
            node_hash(&left, &right)
        }
    }
}

/// The root that `path` leads to from the leaf `index` of `size`; [`None`]: the path does not fit such a tree
/// (RFC 9162, section 2.1.3.2).
pub fn root_from(leaf: Hash, index: u32, size: u32, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::hex;

    fn leaves(count: u8) -> Vec<Hash> {
        (0..count).map(|byte| leaf_hash(&[byte])).collect()
    }

    #[test]
    fn roots_of_the_published_vectors() {
        // The inputs and roots of Certificate Transparency's reference implementation.
        let inputs: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let leaves: Vec<_> = inputs.iter().map(|input| leaf_hash(input)).collect();
        let of = |count: usize| hex(&root(&leaves[..count]).0);
        assert_eq!(of(0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(of(1), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(of(2), "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
        assert_eq!(of(8), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }

    #[test]
    fn every_path_of_every_size_leads_to_the_root_and_no_other_does() {
        for size in 1..=65_u8 {
            let leaves = leaves(size);
            let root = root(&leaves);
            for (index, path) in (0_u32..).zip(paths(&leaves)) {
                let leaf = leaves[index as usize];
                assert_eq!(root_from(leaf, index, u32::from(size), &path), Some(root), "{index} of {size}");
                assert_ne!(root_from(sha256(b"x"), index, u32::from(size), &path), Some(root));
                if size > 1 {
                    assert_ne!(root_from(leaf, index ^ 1, u32::from(size), &path), Some(root));
                    assert_eq!(root_from(leaf, index, u32::from(size), &path[1..]), None);
                }
            }
        }
        assert_eq!(root_from(sha256(b""), 5, 5, &[]), None);
    }
}
