//! Candidates: rows that agree with a leaked row in something rare.
//!
//! A block is a key of one to four columns; its postings are the rows of each value of the key. One column suffices where
//! values are rare; common ones are joined until few rows share a key. Each block starts with another column, so that a row is
//! found although some of its cells were altered, and numbers and times also take part on a coarser grid, which rounding leaves
//! alone. Keys are made of originals and of the other texts of carriers alike, so a changed cell is found as well as a kept one.
//!
//! Postings longer than [`MAX_POSTING`] say too little and are passed over, whole: whatever shares the posting by which a row
//! was found is weighed too, and so two rows that are alike are always seen to be.

use rayon::prelude::*;

use super::digest::Digest;
use super::field::{Field, MISSING};
use crate::leak::reference::Reference;

/// Blocks of a reference: eight bytes a row each.
const MAX_BLOCKS: usize = 12;

/// Columns of a key. Every further column is one more that must not have been altered.
const MAX_PARTS: usize = 4;

/// The longest posting that is looked at.
const MAX_POSTING: usize = 64;

/// Candidates for one leaked row, of the shortest postings.
const MAX_CANDIDATES: usize = 256;

/// Rows by which keys are chosen.
const SAMPLE_ROWS: usize = 4_096;

/// A key is joined with no more columns when postings are this small a part of [`MAX_POSTING`] in the mean.
const GOOD_COST: f64 = 0.2;

/// And is of no use when nearly all of its postings are too long.
const USELESS_COST: f64 = 0.95;

/// Another column must make a key better by this much.
const MIN_GAIN: f64 = 0.02;

/// What a column that is in a key already costs: keys should hang on different columns.
const REPEAT_COST: f64 = 0.03;

/// A column of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    field: usize,
    is_coarse: bool,
}

/// What one leaked row says, by field.
#[derive(Default)]
pub(super) struct Leaked {
    pub exact: Vec<u32>,
    pub coarse: Vec<u32>,
    pub places: Vec<f32>,
}

impl Leaked {
    fn said(&self, part: Part) -> u32 {
        if part.is_coarse { self.coarse[part.field] } else { self.exact[part.field] }
    }
}

/// Rows by the value of one key.
struct Block {
    parts: Vec<Part>,
    /// Key and row in one number, sorted.
    postings: Vec<u64>,
    /// Where the keys with each first bits begin.
    directory: Vec<u32>,
    shift: u32,
}

/// All blocks of a reference.
pub(super) struct Blocks(Vec<Block>);

impl Blocks {
    pub fn new(reference: &Reference, digest: &Digest, fields: &[Field]) -> Blocks {
        let keys = Choice::new(reference, digest, fields).choose();
        Blocks(keys.into_par_iter().map(|parts| Block::new(parts, reference, digest, fields)).collect())
    }

    /// The rows that share a rare key with `leaked`, in order.
    pub fn candidates(&self, leaked: &Leaked, out: &mut Vec<u32>) {
        out.clear();
        let mut found: Vec<&[u64]> = Vec::with_capacity(self.0.len());
        found.extend(
            self.0.iter().map(|block| block.posting(leaked)).filter(|rows| rows.len() <= MAX_POSTING),
        );
        found.sort_by_key(|rows| rows.len());
        for rows in found {
            if out.len() + rows.len() > MAX_CANDIDATES {
                break;
            }
            out.extend(rows.iter().map(|packed| *packed as u32));
        }
        out.sort_unstable();
        out.dedup();
    }
}

/// Folds one more part into a key; a missing part makes the key missing.
fn join(key: u32, part: u32) -> u32 {
    if key == MISSING || part == MISSING {
        return MISSING;
    }
    let mixed = (u64::from(key) << 32 | u64::from(part)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 29) >> 16) as u32 | 1
}

impl Block {
    fn new(parts: Vec<Part>, reference: &Reference, digest: &Digest, fields: &[Field]) -> Block {
        let mut postings = Vec::with_capacity(digest.rows);
        let (mut keys, mut longer) = (Vec::new(), Vec::new());
        for row in 0..digest.rows {
            keys.clear();
            for (at, part) in parts.iter().enumerate() {
                let (said, other) = said_of(*part, row, reference, digest, fields);
                longer.clear();
                for text in [said, other].into_iter().filter(|text| *text != MISSING) {
                    match at {
                        0 => longer.push(text),
                        _ => longer.extend(keys.iter().map(|key| join(*key, text))),
                    }
                }
                std::mem::swap(&mut keys, &mut longer);
            }
            postings.extend(keys.iter().map(|key| u64::from(*key) << 32 | row as u64));
        }
        postings.sort_unstable();
        postings.dedup();
        // About four postings for each entry of the directory.
        let shift = 32 - (postings.len() / 4).max(1).ilog2();
        let entries = 1_u64 << (32 - shift);
        let mut directory = Vec::with_capacity(entries as usize + 1);
        let mut start = 0;
        for entry in 0..=entries {
            start += postings[start..].iter().take_while(|packed| (*packed >> 32) >> shift < entry).count();
            directory.push(start as u32);
        }
        Block { parts, postings, directory, shift }
    }

    /// The rows with the key of `leaked`; none if it lacks a part of it.
    fn posting(&self, leaked: &Leaked) -> &[u64] {
        let mut parts = self.parts.iter().map(|part| leaked.said(*part));
        let first = parts.next().unwrap_or(MISSING);
        let key = parts.fold(first, join);
        if key == MISSING {
            return &[];
        }
        let entry = (u64::from(key) >> self.shift) as usize;
        let near = &self.postings[self.directory[entry] as usize..self.directory[entry + 1] as usize];
        let start = near.partition_point(|packed| packed >> 32 < u64::from(key));
        let end = near.partition_point(|packed| packed >> 32 <= u64::from(key));
        &near[start..end]
    }
}

/// What a row says for a part of a key, and what its carrier may say instead. A mark rarely crosses to another place of the
/// coarser grid; where it does, other blocks find the row.
fn said_of(part: Part, row: usize, reference: &Reference, digest: &Digest, fields: &[Field]) -> (u32, u32) {
    let Part { field, is_coarse } = part;
    if is_coarse {
        (fields[field].say(reference.row(row).text(fields[field].pair.ours)).coarse, MISSING)
    } else {
        (digest.said(row, field), digest.other(row, field))
    }
}

/// Chooses the keys by a sample of the reference.
struct Choice {
    parts: Vec<(Part, Vec<u32>)>,
    /// Rows of the reference for each one of the sample.
    scale: f64,
}

impl Choice {
    fn new(reference: &Reference, digest: &Digest, fields: &[Field]) -> Choice {
        let step = digest.rows.div_ceil(SAMPLE_ROWS).max(1);
        let exact = (0..fields.len()).map(|field| Part { field, is_coarse: false });
        let coarse =
            (0..fields.len()).filter(|f| fields[*f].has_grid()).map(|field| Part { field, is_coarse: true });
        let said = |part| {
            let rows = (0..digest.rows).step_by(step);
            (part, rows.map(|row| said_of(part, row, reference, digest, fields).0).collect())
        };
        Choice { parts: exact.chain(coarse).map(said).collect(), scale: step as f64 }
    }

    fn choose(&self) -> Vec<Vec<Part>> {
        let alone: Vec<f64> = self.parts.iter().map(|(_, said)| self.cost(said.clone())).collect();
        // The rarest values first; the coarser grids come after all columns as they are.
        let mut seeds: Vec<usize> = (0..self.parts.len()).collect();
        seeds.sort_by(|&a, &b| {
            let order = |at: usize| (self.parts[at].0.is_coarse, alone[at]);
            order(a).partial_cmp(&order(b)).expect("costs are numbers")
        });
        let mut keys: Vec<Vec<usize>> = Vec::new();
        let mut uses = vec![0; self.parts.len()];
        for seed in seeds {
            let Some(mut key) = self.grow(seed, alone[seed], &uses) else { continue };
            key.sort_unstable();
            if keys.len() < MAX_BLOCKS && !keys.contains(&key) {
                key.iter().for_each(|&at| uses[at] += 1);
                keys.push(key);
            }
        }
        keys.iter().map(|key| key.iter().map(|&at| self.parts[at].0).collect()).collect()
    }

    /// Joins columns to the seed until few rows share a key.
    fn grow(&self, seed: usize, alone: f64, uses: &[u32]) -> Option<Vec<usize>> {
        let (mut key, mut said, mut cost) = (vec![seed], self.parts[seed].1.clone(), alone);
        while cost > GOOD_COST && key.len() < MAX_PARTS {
            let is_free =
                |at: &usize| key.iter().all(|&in_key| self.parts[in_key].0.field != self.parts[*at].0.field);
            let tried: Vec<(f64, f64, usize)> = (0..self.parts.len())
                .into_par_iter()
                .filter(is_free)
                .map(|at| {
                    let cost = self.cost(joined(&said, &self.parts[at].1));
                    (cost + REPEAT_COST * f64::from(uses[at]), cost, at)
                })
                .collect();
            let best = tried.into_iter().min_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
            let Some((_, new_cost, at)) = best.filter(|best| best.1 < cost - MIN_GAIN) else { break };
            said = joined(&said, &self.parts[at].1);
            cost = new_cost;
            key.push(at);
        }
        (cost < USELESS_COST).then_some(key)
    }

    /// How long the postings of the sample's rows are in the mean, as a part of the longest that is looked at; longer ones and
    /// missing keys count as 1.
    fn cost(&self, mut said: Vec<u32>) -> f64 {
        let rows = said.len().max(1) as f64;
        said.sort_unstable();
        let costs = said.chunk_by(|a, b| a == b).map(|same| {
            let others = (same.len() - 1) as f64 * self.scale;
            let is_missing = same[0] == MISSING;
            let cost = if is_missing { 1.0 } else { (others / MAX_POSTING as f64).min(1.0) };
            cost * same.len() as f64
        });
        costs.sum::<f64>() / rows
    }
}

fn joined(said: &[u32], with: &[u32]) -> Vec<u32> {
    said.iter().zip(with).map(|(key, part)| join(*key, *part)).collect()
}
