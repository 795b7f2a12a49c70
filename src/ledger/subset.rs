//! One proof for many leaves of a Merkle tree of RFC 6962.
//!
//! **Idea.** Walk the tree from its root, left before right. A subtree without any leaf that is shown contributes its hash to the
//! proof; a leaf that is shown contributes nothing, as the checker hashes it; everything between is computed. Making and checking
//! are one walk, so they can't drift apart, and the shape of the walk follows from the size and the indexes alone.
//!
//! **Invariant.** Two proofs for one root that show different leaves at one place give a collision of SHA-256: at each node on
//! the way to it both hash two children to the same value, so the children are equal, down to the leaf.

use super::merkle::{Hash, node_hash, root_of};

/// The hashes that lead from the leaves at `shown` (ascending, below the number of leaves) to the root over `leaves`.
pub fn prove(leaves: &[Hash], shown: &[u32]) -> Vec<Hash> {
    let mut proof = Vec::new();
    gather(leaves, 0, shown, &mut proof);
    proof
}

fn gather(leaves: &[Hash], first: u32, shown: &[u32], proof: &mut Vec<Hash>) {
    if shown.is_empty() {
        return proof.push(root_of(leaves));
    }
    if leaves.len() > 1 {
        let k = half(leaves.len());
        let middle = first + k as u32;
        let (left, right) = shown.split_at(shown.partition_point(|&index| index < middle));
        gather(&leaves[..k], first, left, proof);
        gather(&leaves[k..], middle, right, proof);
    }
}

/// The root of a tree of `size` leaves that has `shown` among them (index and hash, ascending), by a proof that is used to its
/// end; `None` if the proof has another length, or the leaves are out of order or outside of the tree.
pub fn root(size: u32, shown: &[(u32, Hash)], proof: &[Hash]) -> Option<Hash> {
    let in_order = shown.windows(2).all(|pair| pair[0].0 < pair[1].0);
    if size == 0 || !in_order || shown.last().is_some_and(|last| last.0 >= size) {
        return None;
    }
    let mut proof = proof.iter();
    let root = fold(size, 0, shown, &mut proof)?;
    proof.next().is_none().then_some(root)
}

fn fold(size: u32, first: u32, shown: &[(u32, Hash)], proof: &mut std::slice::Iter<Hash>) -> Option<Hash> {
    match shown {
        [] => proof.next().copied(),
        [(_, leaf)] if size == 1 => Some(*leaf),
        _ => {
            let k = half(size as usize) as u32;
            let (left, right) = shown.split_at(shown.partition_point(|&(index, _)| index < first + k));
            let left = fold(k, first, left, proof)?;
            Some(node_hash(&left, &fold(size - k, first + k, right, proof)?))
        }
    }
}

/// The largest power of two below `size`, which is at least 2.
fn half(size: usize) -> usize {
    1 << (size - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::merkle::leaf_hash;

    fn leaves(count: u32) -> Vec<Hash> {
        (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
    }

    #[test]
    fn every_subset_of_small_trees_leads_to_the_root() {
        for count in 1..=9 {
            let leaves = leaves(count);
            for chosen in 0u32..1 << count {
                let shown: Vec<u32> = (0..count).filter(|index| chosen >> index & 1 == 1).collect();
                let proof = prove(&leaves, &shown);
                let known: Vec<(u32, Hash)> =
                    shown.iter().map(|&index| (index, leaves[index as usize])).collect();
                assert_eq!(root(count, &known, &proof), Some(root_of(&leaves)), "{chosen:b} of {count}");
            }
        }
    }

    #[test]
    fn nothing_else_leads_to_it() {
        let leaves = leaves(100);
        let right = root_of(&leaves);
        let shown = [3, 4, 50, 99];
        let proof = prove(&leaves, &shown);
        let known = shown.map(|index| (index, leaves[index as usize]));
        let other = |known: &[(u32, Hash)], proof: &[Hash]| assert_ne!(root(100, known, proof), Some(right));
        for i in 0..known.len() {
            for index in 0..100 {
                let mut moved = known;
                moved[i].0 = index;
                if index != known[i].0 {
                    other(&moved, &proof);
                }
            }
            let mut changed = known;
            changed[i].1[7] ^= 1;
            other(&changed, &proof);
            other(&[&known[..i], &known[i + 1..]].concat(), &proof);
        }
        for i in 0..proof.len() {
            let mut changed = proof.clone();
            changed[i][31] ^= 0x80;
            other(&known, &changed);
            changed.remove(i);
            other(&known, &changed);
        }
        other(&known, &[&proof[..], &[[0; 32]]].concat());
        assert_ne!(root(101, &known, &proof), Some(right));
        assert_eq!(root(0, &[], &[]), None);
    }
}
