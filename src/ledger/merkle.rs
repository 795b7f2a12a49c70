//! The Merkle tree of RFC 6962: hashes, roots, and the two proofs.
//!
//! **Idea.** A tree over `n` leaves splits at the largest power of two below `n`, so every left part is a perfect
//! subtree whose hash never changes again. Whoever can give the hashes of perfect subtrees ([`Nodes`]) can give every
//! root and proof; the recursions below are those of the RFC, word for word.
//!
//! **Invariant.** A leaf is hashed with the prefix 0x00 and a node with 0x01, so no node passes for a leaf.
//!
//! Sources: RFC 6962 sections 2.1, 2.1.1, 2.1.2 (making); RFC 9162 sections 2.1.3.2, 2.1.4.2 (checking, loops).

use sha2::{Digest, Sha256};

use crate::error::Result;

/// A SHA-256 hash, 32 bytes.
pub type Hash = [u8; 32];

/// Hashes of perfect subtrees.
pub trait Nodes {
    /// The hash over the leaves `index << level .. (index + 1) << level`.
    fn node(&self, level: u8, index: u64) -> Result<Hash>;
}

/// `SHA-256(0x00 || leaf)`.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

/// `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of the first `size` leaves, MTH of the RFC; of none it is the hash of nothing.
pub fn root(nodes: &impl Nodes, size: u64) -> Result<Hash> {
    if size == 0 { Ok(Sha256::digest([]).into()) } else { range(nodes, 0, size) }
}

/// The hashes that lead from leaf `index` to the root of `size` leaves, PATH of the RFC, leaf's neighbour first.
/// `index` must be below `size`.
pub fn inclusion_proof(nodes: &impl Nodes, index: u64, size: u64) -> Result<Vec<Hash>> {
    assert!(index < size, "a proof of a leaf outside the tree");
    let mut proof = Vec::new();
    path(nodes, index, 0, size, &mut proof)?;
    Ok(proof)
}

/// The hashes that show the tree of `old` leaves to be the start of the tree of `new`, PROOF of the RFC.
/// It is empty for `old == 0` and `old == new`; `old` must not exceed `new`.
pub fn consistency_proof(nodes: &impl Nodes, old: u64, new: u64) -> Result<Vec<Hash>> {
    assert!(old <= new, "a proof from a larger tree to a smaller");
    let mut proof = Vec::new();
    if old > 0 {
        subproof(nodes, old, 0, new, true, &mut proof)?;
    }
    Ok(proof)
}

/// Whether `proof` leads from the leaf's hash at `index` to `root` of `size` leaves (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut f, mut s, mut r) = (index, size - 1, *leaf);
    for step in proof {
        if s == 0 {
            return false;
        }
        if f & 1 == 1 || f == s {
            r = node_hash(step, &r);
            while f & 1 == 0 && f != 0 {
                (f, s) = (f >> 1, s >> 1);
            }
        } else {
            r = node_hash(&r, step);
        }
        (f, s) = (f >> 1, s >> 1);
    }
    s == 0 && r == *root
}

/// Whether `proof` shows that the tree of `new` leaves begins with the tree of `old` (RFC 9162 section 2.1.4.2).
pub fn verify_consistency(old: u64, new: u64, old_root: &Hash, new_root: &Hash, proof: &[Hash]) -> bool {
    if old == 0 {
        return proof.is_empty() && *old_root == Hash::from(Sha256::digest([]));
    }
    if old >= new {
        return old == new && proof.is_empty() && old_root == new_root;
    }
    // A perfect old tree is itself the first hash of the path, so the proof leaves it out.
    let (first, rest) = match (old.is_power_of_two(), proof.split_first()) {
        (true, _) => (old_root, proof),
        (false, Some((first, rest))) => (first, rest),
        (false, None) => return false,
    };
    let (mut f, mut s) = (old - 1, new - 1);
    let odd_levels = f.trailing_ones();
    (f, s) = (f >> odd_levels, s >> odd_levels);
    let (mut old_r, mut new_r) = (*first, *first);
    for step in rest {
        if s == 0 {
            return false;
        }
        if f & 1 == 1 || f == s {
            old_r = node_hash(step, &old_r);
            new_r = node_hash(step, &new_r);
            while f & 1 == 0 && f != 0 {
                (f, s) = (f >> 1, s >> 1);
            }
        } else {
            new_r = node_hash(&new_r, step);
        }
        (f, s) = (f >> 1, s >> 1);
    }
    s == 0 && old_r == *old_root && new_r == *new_root
}

/// The root over hashes that are all at hand; of none it is the hash of nothing.
pub fn root_of(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => Sha256::digest([]).into(),
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(split(hashes.len() as u64) as usize);
            node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// The largest power of two below `size`, the `k` of the RFC. `size` must be at least 2.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// MTH over `start .. start + size`. `start` is a multiple of every power of two that `size` splits into.
fn range(nodes: &impl Nodes, start: u64, size: u64) -> Result<Hash> {
    if size.is_power_of_two() {
        let level = size.trailing_zeros();
        return nodes.node(level as u8, start >> level);
    }
    let k = split(size);
    Ok(node_hash(&range(nodes, start, k)?, &range(nodes, start + k, size - k)?))
}

fn path(nodes: &impl Nodes, index: u64, start: u64, size: u64, proof: &mut Vec<Hash>) -> Result<()> {
    if size == 1 {
        return Ok(());
    }
    let k = split(size);
    if index - start < k {
        path(nodes, index, start, k, proof)?;
        proof.push(range(nodes, start + k, size - k)?);
    } else {
        path(nodes, index, start + k, size - k, proof)?;
        proof.push(range(nodes, start, k)?);
    }
    Ok(())
}

/// SUBPROOF of the RFC: `whole` is its flag b, true while the old tree is a subtree that the checker knows.
fn subproof(
    nodes: &impl Nodes,
    old: u64,
    start: u64,
    size: u64,
    whole: bool,
    proof: &mut Vec<Hash>,
) -> Result<()> {
    if old == size {
        if !whole {
            proof.push(range(nodes, start, size)?);
        }
        return Ok(());
    }
    let k = split(size);
    if old <= k {
        subproof(nodes, old, start, k, whole, proof)?;
        proof.push(range(nodes, start + k, size - k)?);
    } else {
        subproof(nodes, old - k, start + k, size - k, false, proof)?;
        proof.push(range(nodes, start, k)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// The eight leaves of the certificate-transparency test suite.
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

    /// The root of the first 1 to 8 of them.
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    struct Leaves(Vec<Hash>);

    impl Nodes for Leaves {
        fn node(&self, level: u8, index: u64) -> Result<Hash> {
            let first = (index << level) as usize;
            Ok(root_of(&self.0[first..first + (1 << level)]))
        }
    }

    fn hash(hex: &str) -> Hash {
        HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap()
    }

    fn leaves(count: u64) -> Leaves {
        Leaves((0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect())
    }

    #[test]
    fn the_certificate_transparency_vectors_hold() {
        let leaves =
            Leaves(LEAVES.iter().map(|l| leaf_hash(&HEXLOWER.decode(l.as_bytes()).unwrap())).collect());
        assert_eq!(root(&leaves, 0).unwrap()[..4], [0xe3, 0xb0, 0xc4, 0x42]);
        for (i, expected) in ROOTS.iter().enumerate() {
            assert_eq!(root(&leaves, i as u64 + 1).unwrap(), hash(expected), "{} leaves", i + 1);
        }
        let inclusion = [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ];
        assert_eq!(inclusion_proof(&leaves, 0, 8).unwrap(), inclusion.map(hash));
        let consistency = [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(consistency_proof(&leaves, 6, 8).unwrap(), consistency.map(hash));
    }

    #[test]
    fn every_inclusion_proof_holds_for_its_leaf_only() {
        let leaves = leaves(40);
        for size in 1..=40 {
            let root = root(&leaves, size).unwrap();
            for index in 0..size {
                let proof = inclusion_proof(&leaves, index, size).unwrap();
                let leaf = leaves.0[index as usize];
                assert!(verify_inclusion(&leaf, index, size, &proof, &root), "{index} of {size}");
                for wrong in (0..size + 2).filter(|w| *w != index) {
                    assert!(
                        !verify_inclusion(&leaf, wrong, size, &proof, &root),
                        "{wrong} for {index} of {size}"
                    );
                }
                assert!(!verify_inclusion(&leaf_hash(b"x"), index, size, &proof, &root));
                let longer = [proof.as_slice(), &[[7; 32]]].concat();
                assert!(!verify_inclusion(&leaf, index, size, &longer, &root));
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(!verify_inclusion(&leaf, index, size, shorter, &root));
                }
            }
        }
    }

    #[test]
    fn every_consistency_proof_holds_for_its_pair_only() {
        let leaves = leaves(40);
        for new in 0..=40 {
            let new_root = root(&leaves, new).unwrap();
            for old in 0..=new {
                let old_root = root(&leaves, old).unwrap();
                let proof = consistency_proof(&leaves, old, new).unwrap();
                assert!(verify_consistency(old, new, &old_root, &new_root, &proof), "{old} to {new}");
                assert!(!verify_consistency(old, new, &[9; 32], &new_root, &proof), "{old} to {new}");
                assert!(old == 0 || !verify_consistency(old, new, &old_root, &[9; 32], &proof));
                assert!(!verify_consistency(new + 1, new, &old_root, &new_root, &proof));
                for at in 0..proof.len() {
                    let mut bent = proof.clone();
                    bent[at][0] ^= 1;
                    assert!(
                        !verify_consistency(old, new, &old_root, &new_root, &bent),
                        "{old} to {new} at {at}"
                    );
                }
            }
        }
    }
}
