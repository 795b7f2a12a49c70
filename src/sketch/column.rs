//! One column of a sketch: a sample of its values, and how often values and outlines occur.

use std::collections::BTreeMap;

use crate::keys::prf::DerivedKey;
use crate::table::value::is_missing;

use super::SAMPLED_VALUES;
use super::hashes::Hashes;
use super::outline::{Grain, Outline};
use super::sample::{SampledCell, Sampler};

/// Values and shapes of a column whose shares are kept: codes and dates have a few tens, free text has no common one.
const COMMONEST: usize = 32;

/// Sizes and grains whose shares are kept: ten a decade, so that six decades are whole, and a lifetime of years.
const COMMONEST_OUTLINES: usize = 64;

/// What is counted of a column's cells.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    values: BTreeMap<u64, u64>,
    shapes: BTreeMap<[u8; 2], u64>,
    sizes: BTreeMap<[u8; 3], u64>,
    grains: BTreeMap<Grain, u64>,
    filled: u64,
}

impl Profile {
    /// Counts a cell `times` over; nothing if it holds no value.
    pub fn add_cell(&mut self, cell: &[u8], times: u64, sampler: &Sampler, scratch: &mut Vec<u8>) {
        if let Some(cell) = sampler.hash(cell, scratch) {
            self.add(cell, times);
        }
    }

    /// The same without its value.
    pub fn add_outline(&mut self, cell: &[u8], times: u64) {
        if !is_missing(cell) {
            self.outline(&Outline::of(cell), times);
        }
    }

    pub(super) fn add(&mut self, cell: SampledCell, times: u64) {
        *self.values.entry(cell.value).or_default() += times;
        self.outline(&cell.outline, times);
    }

    fn outline(&mut self, outline: &Outline, times: u64) {
        *self.shapes.entry(outline.shape).or_default() += times;
        *self.sizes.entry(outline.size).or_default() += times;
        *self.grains.entry(outline.grain).or_default() += times;
        self.filled += times;
    }

    /// Cells with a value.
    pub fn filled(&self) -> u64 {
        self.filled
    }

    /// How many cells lie on each grid.
    pub fn grains(&self) -> impl Iterator<Item = (Grain, u64)> {
        self.grains.iter().map(|(&grain, &n)| (grain, n))
    }

    /// The counts by keyed hash: outlines are hashed once each, not once a cell.
    pub fn hashed(&self, key: &DerivedKey) -> Counted {
        self.hashed_with(|outline| key.word(outline))
    }

    /// The same with whatever hashes outlines.
    pub fn hashed_with(&self, mut word: impl FnMut(&[u8]) -> u64) -> Counted {
        Counted {
            values: self.values.clone(),
            shapes: self.shapes.iter().map(|(shape, &n)| (word(shape), n)).collect(),
            sizes: self.sizes.iter().map(|(size, &n)| (word(size), n)).collect(),
            grains: self.grains.iter().map(|(grain, &n)| (word(&grain.bytes()), n)).collect(),
            filled: self.filled,
        }
    }

    /// The same, under a sampler's key.
    pub fn hashed_by(&self, sampler: &Sampler) -> Counted {
        self.hashed(sampler.key())
    }
}

/// A profile under a key.
#[derive(Clone, Debug)]
pub struct Counted {
    /// How often each value occurs, and likewise.
    pub values: BTreeMap<u64, u64>,
    pub shapes: BTreeMap<u64, u64>,
    pub sizes: BTreeMap<u64, u64>,
    pub grains: BTreeMap<u64, u64>,
    /// Cells with a value.
    pub filled: u64,
}

/// How often the commonest of a column's values or shapes occur, in thousandths of its filled rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares(pub(super) Vec<(u64, u16)>);

impl Shares {
    fn new(counts: &BTreeMap<u64, u64>, filled: u64, most: usize) -> Shares {
        let mut commonest: Vec<(u64, u64)> = counts.iter().map(|(&hash, &n)| (hash, n)).collect();
        commonest.sort_by_key(|&(hash, n)| (std::cmp::Reverse(n), hash));
        commonest.truncate(most);
        let shares = commonest.into_iter().map(|(hash, n)| (hash, (n * 1000 / filled.max(1)) as u16));
        Shares(shares.filter(|&(_, share)| share > 0).collect())
    }

    /// The hashes with their shares, 0 to 1, the commonest first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, f64)> {
        self.0.iter().map(|&(hash, share)| (hash, f64::from(share) / 1000.0))
    }

    /// The share of one hash; 0 if it is not among the commonest.
    pub fn share(&self, hash: u64) -> f64 {
        self.iter().find(|&(known, _)| known == hash).map_or(0.0, |(_, share)| share)
    }
}

/// The sketch of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnSketch {
    /// The column's name in the source.
    pub name: String,
    /// A sample of its values.
    pub values: Hashes,
    /// How often its commonest values occur, and likewise.
    pub commonest: Shares,
    pub shapes: Shares,
    /// Empty in sketches of the first format, as `grains` is.
    pub sizes: Shares,
    pub grains: Shares,
    /// Sampled rows with a value.
    pub filled: u32,
}

impl ColumnSketch {
    pub(super) fn new(name: String, counted: &Counted) -> ColumnSketch {
        let Counted { values, shapes, sizes, grains, filled } = counted;
        let complete = values.len() <= SAMPLED_VALUES;
        ColumnSketch {
            name,
            commonest: Shares::new(values, *filled, COMMONEST),
            shapes: Shares::new(shapes, *filled, COMMONEST),
            sizes: Shares::new(sizes, *filled, COMMONEST_OUTLINES),
            grains: Shares::new(grains, *filled, COMMONEST_OUTLINES),
            values: Hashes::new(values.keys().copied().take(SAMPLED_VALUES).collect(), complete),
            filled: u32::try_from(*filled).unwrap_or(u32::MAX),
        }
    }

    /// The share of its values on each grid, as far as it is kept; nothing in sketches of the first format.
    pub fn grain_shares(&self, sampler: &Sampler) -> Vec<(Grain, f64)> {
        let known = Grain::all().chain([Grain::NONE]);
        let with_share = known.map(|grain| (grain, self.grains.share(sampler.key().word(&grain.bytes()))));
        with_share.filter(|&(_, share)| share > 0.0).collect()
    }
}
