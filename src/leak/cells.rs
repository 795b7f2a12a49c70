//! What a leak's sample holds of one column: its distinct cells and how often each occurs.

use std::collections::BTreeMap;

use crate::sketch::{Profile, Sampler};
use crate::table::value::is_missing;

use super::repair::Repair;

/// Distinct cells that a repair is tried on. They tell shares to a few percent, and a dozen repairs are tried on each column.
const TRIED: usize = 1_024;

/// The cells of one column.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    counts: BTreeMap<Vec<u8>, u64>,
    filled: u64,
    hasher: blake3::Hasher,
}

impl Cells {
    /// Adds a cell. Two columns to which the same cells were added in the same order are [twins](Cells::is_twin).
    pub fn add(&mut self, cell: &[u8]) {
        self.hasher.update(&(cell.len() as u64).to_le_bytes());
        self.hasher.update(cell);
        if is_missing(cell) {
            return;
        }
        self.filled += 1;
        match self.counts.get_mut(cell) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(cell.to_vec(), 1)),
        }
    }

    /// Cells with a value.
    pub fn filled(&self) -> u64 {
        self.filled
    }

    /// The distinct cells that hold text, with their counts.
    pub fn texts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().filter_map(|(cell, &n)| Some((std::str::from_utf8(cell).ok()?, n)))
    }

    /// Whether two columns hold the same in every row, and enough of it that this is no accident.
    pub fn is_twin(&self, other: &Cells) -> bool {
        const ENOUGH_VALUES: usize = 10;
        self.counts.len() >= ENOUGH_VALUES && self.hasher.finalize() == other.hasher.finalize()
    }

    /// What is counted of the repaired cells; of a sample of them, spread evenly, if something is repaired.
    pub fn profile(&self, repair: &Repair, sampler: &Sampler) -> Profile {
        let (mut profile, mut scratch) = (Profile::default(), Vec::new());
        if repair.is_none() {
            self.counts.iter().for_each(|(cell, &n)| profile.add_cell(cell, n, sampler, &mut scratch));
            return profile;
        }
        for (text, n) in self.texts().step_by(self.counts.len().div_ceil(TRIED).max(1)) {
            let repaired = repair.apply(text);
            let cell = repaired.as_deref().unwrap_or(text);
            profile.add_cell(cell.as_bytes(), n, sampler, &mut scratch);
        }
        profile
    }
}
