//! Drawing the sample: which rows are kept, from many threads and in any order.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::keys::prf::DerivedKey;
use crate::table::value;

use super::column::{ColumnSketch, Profile};
use super::hashes::Hashes;
use super::outline::Outline;
use super::{SAMPLED_ROWS, Sketch, VALUE_ROWS};

/// One row of the sample on its way into a [`SketchBuilder`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SampledRow {
    id: u64,
    /// For each column what is kept of its cell, `None` if it is missing; nothing at all beyond the first [`VALUE_ROWS`].
    cells: Vec<Option<SampledCell>>,
}

impl SampledRow {
    /// A row of which the identity's hash alone is of interest.
    pub fn number(id: u64) -> SampledRow {
        SampledRow { id, cells: Vec::new() }
    }
}

/// What is kept of a cell: the keyed hash of its canonical value, and its outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SampledCell {
    pub value: u64,
    pub outline: Outline,
}

/// Decides, from many threads, which rows are worth hashing at all.
///
/// The limit only ever falls, so a stale one admits a few rows too many and never one too few.
pub struct Sampler {
    key: DerivedKey,
    limit: AtomicU64,
    value_limit: AtomicU64,
}

impl Sampler {
    /// A sampler that hashes values under `key` (purpose: sketch).
    pub fn new(key: DerivedKey) -> Sampler {
        Sampler { key, limit: AtomicU64::new(u64::MAX), value_limit: AtomicU64::new(u64::MAX) }
    }

    /// Whether the row with identity hash `id` may still belong to the smallest ones.
    pub fn wants(&self, id: u64) -> bool {
        id <= self.limit.load(Ordering::Relaxed)
    }

    /// Whether its cells are to be looked at too.
    pub fn wants_cells(&self, id: u64) -> bool {
        id <= self.value_limit.load(Ordering::Relaxed)
    }

    /// A row of the sample with its cells, all of them.
    pub fn row<'a>(&self, id: u64, cells: impl Iterator<Item = Cow<'a, [u8]>>) -> SampledRow {
        let mut scratch = Vec::new();
        SampledRow { id, cells: cells.map(|cell| self.hash(&cell, &mut scratch)).collect() }
    }

    /// Samples the row with identity hash `id`, if it is wanted.
    pub fn sample<'a>(&self, id: u64, cells: impl Iterator<Item = Cow<'a, [u8]>>) -> Option<SampledRow> {
        self.wants(id)
            .then(|| if self.wants_cells(id) { self.row(id, cells) } else { SampledRow::number(id) })
    }

    /// What is kept of a cell; `None` if it is missing.
    pub(super) fn hash(&self, cell: &[u8], scratch: &mut Vec<u8>) -> Option<SampledCell> {
        (!value::is_missing(cell)).then(|| {
            scratch.clear();
            value::identity(cell, scratch);
            SampledCell { value: self.key.word(scratch), outline: Outline::of(cell) }
        })
    }

    /// The keyed hash of an outline.
    pub fn word(&self, outline: &[u8]) -> u64 {
        self.key.word(outline)
    }

    /// The key under which values are hashed.
    pub(super) fn key(&self) -> &DerivedKey {
        &self.key
    }
}

/// Gathers the sampled rows of a table.
pub struct SketchBuilder {
    columns: Vec<String>,
    rows: u64,
    ids: Smallest<()>,
    /// Of rows that share an identity, the least, so that the outcome does not depend on order.
    cells: Smallest<SampledRow>,
}

impl SketchBuilder {
    /// An empty builder for a table with these column names.
    pub fn new(columns: Vec<String>) -> SketchBuilder {
        SketchBuilder::with_limits(columns, SAMPLED_ROWS, VALUE_ROWS)
    }

    pub(super) fn with_limits(columns: Vec<String>, ids: usize, cells: usize) -> SketchBuilder {
        SketchBuilder { columns, rows: 0, ids: Smallest::new(ids), cells: Smallest::new(cells) }
    }

    /// Adds `rows` rows of which `sampled` were sampled, and tells the sampler what is still of interest.
    pub fn add(&mut self, rows: u64, sampled: Vec<SampledRow>, sampler: &Sampler) {
        self.rows += rows;
        for row in sampled {
            self.ids.add(row.id, ());
            if row.id <= self.cells.limit() {
                self.cells.add(row.id, row);
            }
        }
        sampler.limit.store(self.ids.limit(), Ordering::Relaxed);
        sampler.value_limit.store(self.cells.limit(), Ordering::Relaxed);
    }

    /// The finished sketch; `sampler` is the one that sampled.
    pub fn finish(self, sampler: &Sampler) -> Sketch {
        let columns = self
            .columns
            .into_iter()
            .enumerate()
            .map(|(i, name)| {
                let mut profile = Profile::default();
                self.cells.kept.values().filter_map(|row| row.cells[i]).for_each(|cell| profile.add(cell, 1));
                ColumnSketch::new(name, &profile.hashed(&sampler.key))
            })
            .collect();
        let complete = !self.ids.overflowed;
        Sketch { rows: self.rows, ids: Hashes::new(self.ids.kept.into_keys().collect(), complete), columns }
    }
}

/// The entries with the smallest keys, up to a number of them.
struct Smallest<V> {
    kept: BTreeMap<u64, V>,
    capacity: usize,
    overflowed: bool,
}

impl<V: Ord> Smallest<V> {
    fn new(capacity: usize) -> Smallest<V> {
        Smallest { kept: BTreeMap::new(), capacity, overflowed: false }
    }

    /// Adds an entry; of two with one key the lesser is kept.
    fn add(&mut self, key: u64, value: V) {
        match self.kept.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(value);
            }
            Entry::Occupied(mut known) if value < *known.get() => {
                known.insert(value);
            }
            Entry::Occupied(_) => {}
        }
        if self.kept.len() > self.capacity {
            self.kept.pop_last();
            self.overflowed = true;
        }
    }

    /// Keys above this one are of no interest any more.
    fn limit(&self) -> u64 {
        match self.kept.last_key_value() {
            Some((&largest, _)) if self.overflowed => largest,
            _ => u64::MAX,
        }
    }
}
