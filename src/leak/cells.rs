//! What a leak's sample holds of one column: its distinct cells and how often each occurs.

use std::collections::BTreeMap;

use crate::sketch::{Profile, Sampler};
use crate::table::value::is_missing;

use super::repair::Repair;

/// Distinct cells that a repair is tried on. They tell shares to a few percent, and a dozen repairs are tried on each column.
const TRIED: usize = 1_024;

/// The cells of one column.
#[derive(Clone, Debug)]
pub struct Cells {
    counts: BTreeMap<Vec<u8>, u64>,
    filled: u64,
    /// Of all cells in their order, unless nobody asks for it.
    hasher: Option<blake3::Hasher>,
}

impl Default for Cells {
    fn default() -> Self {
        Cells { hasher: Some(blake3::Hasher::new()), ..Cells::without_twins() }
    }
}

impl Cells {
    /// No cells, of a column that is never taken for a [twin](Cells::twin_hash).
    pub fn without_twins() -> Cells {
        Cells { counts: BTreeMap::new(), filled: 0, hasher: None }
    }

    /// Adds a cell. Two columns to which the same cells were added in the same order are [twins](Cells::twin_hash).
    pub fn add(&mut self, cell: &[u8]) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&(cell.len() as u64).to_le_bytes());
            hasher.update(cell);
        }
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

    /// What columns have in common that hold the same in every row, and enough of it that this is no accident.
    pub fn twin_hash(&self) -> Option<[u8; 32]> {
        const ENOUGH_VALUES: usize = 10;
        let hasher = self.hasher.as_ref().filter(|_| self.counts.len() >= ENOUGH_VALUES)?;
        Some(*hasher.finalize().as_bytes())
    }

    /// What is counted of the repaired cells; of a sample of them, spread evenly, if something is repaired.
    pub fn profile(&self, repair: &Repair, sampler: &Sampler) -> Profile {
        let (mut profile, mut scratch) = (Profile::default(), Vec::new());
        self.repaired(repair, |cell, n| profile.add_cell(cell, n, sampler, &mut scratch));
        profile
    }

    /// The same without values, which take longest.
    pub fn outlines(&self, repair: &Repair) -> Profile {
        let mut profile = Profile::default();
        self.repaired(repair, |cell, n| profile.add_outline(cell, n));
        profile
    }

    fn repaired(&self, repair: &Repair, mut see: impl FnMut(&[u8], u64)) {
        if repair.is_none() {
            self.counts.iter().for_each(|(cell, &n)| see(cell, n));
            return;
        }
        for (text, n) in self.texts().step_by(self.counts.len().div_ceil(TRIED).max(1)) {
            let repaired = repair.apply(text);
            see(repaired.as_deref().unwrap_or(text).as_bytes(), n);
        }
    }
}
