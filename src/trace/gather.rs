//! What readers make of rows, gathered in file order.
//!
//! Workers turn the rows of a block into positions and bits. One sink, in file order, leaves out rows that repeat another one,
//! marks included, counts the rest, and logs them row by row for the questions that counts can't answer.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::evidence::counts::Counts;
use crate::evidence::log::Log;
use crate::leak::align::ColumnMatch;
use crate::mark::marker::{Bit, Reads, Scratch};
use crate::sketch::{SampledRow, Sketch, SketchBuilder};
use crate::table::format::csv::CsvRow;

use super::reader::Reader;

/// Distinct rows that are remembered, so that repeated ones count once: some 75 MB. A leak with more than that has evidence to
/// spare; from there on repeats count again, which costs sharpness and never truth.
const REMEMBERED_ROWS: usize = 1 << 22;

/// The leak read as one dataset under one policy and key epoch.
pub(super) struct ReadAs {
    /// Index into [`Case::readings`](super::Case::readings).
    pub reading: usize,
    pub columns: Vec<ColumnMatch>,
    pub columns_missing: Vec<String>,
    pub counts: Counts,
    pub log: Log,
    /// By column of the policy.
    pub unreadable: Vec<(String, u64)>,
    pub rows_aligned: u64,
    pub rows_repeated: u64,
    /// The leak's row identities.
    pub sketch: Sketch,
}

/// The block as one reader sees it.
#[derive(Default)]
pub(super) struct BlockReads {
    scratch: Scratch,
    reads: Reads,
    bits: Vec<Bit>,
    /// Each row with bits.
    rows: Vec<RowReads>,
    rows_aligned: u64,
    unreadable: Vec<u64>,
    sampled: Vec<SampledRow>,
}

/// A row with bits.
struct RowReads {
    /// Its number in the block, from 0.
    row: u64,
    /// Tells rows apart that differ in identity or marks.
    digest: u64,
    /// Where it stands in the order of keys.
    rank: u64,
    /// Where its bits end; they begin where the last row's end.
    end: usize,
}

impl BlockReads {
    pub(super) fn restart(&mut self, reader: &Reader) {
        self.bits.clear();
        self.rows.clear();
        self.sampled.clear();
        self.rows_aligned = 0;
        self.unreadable.clear();
        self.unreadable.resize(reader.marker.plan().columns.len(), 0);
    }

    /// Reads row `number` of the block, from 0.
    pub(super) fn add(&mut self, number: u64, row: &CsvRow, reader: &Reader) {
        reader.marker.read(row, &mut self.scratch, &mut self.reads);
        let Some(id) = self.reads.id else { return };
        self.rows_aligned += 1;
        self.sampled.extend(reader.sampler.sample(id, std::iter::empty::<Cow<[u8]>>()));
        for &column in &self.reads.unreadable {
            self.unreadable[column] += 1;
        }
        if !self.reads.bits.is_empty() {
            self.bits.extend_from_slice(&self.reads.bits);
            self.rows.push(RowReads {
                row: number,
                digest: digest(id, &self.reads.bits),
                rank: reader.rank(row),
                end: self.bits.len(),
            });
        }
    }
}

/// Tells rows apart that differ in identity or marks. `id` is a keyed hash that nobody outside can aim at, so a quick mix does.
fn digest(id: u64, bits: &[Bit]) -> u64 {
    bits.iter().fold(id, |digest, bit| {
        (digest.rotate_left(5) ^ (u64::from(bit.position) << 1 | u64::from(bit.value)))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

/// What is known so far of one reading.
pub(super) struct Gathered {
    counts: Counts,
    log: Log,
    unreadable: Vec<u64>,
    rows_aligned: u64,
    rows_repeated: u64,
    seen: HashSet<u64>,
    sketch: SketchBuilder,
}

impl Gathered {
    pub(super) fn new(reader: &Reader) -> Gathered {
        Gathered {
            counts: Counts::new(reader.code_length as usize),
            log: Log::new(),
            unreadable: vec![0; reader.marker.plan().columns.len()],
            rows_aligned: 0,
            rows_repeated: 0,
            seen: HashSet::new(),
            sketch: SketchBuilder::new(Vec::new()),
        }
    }

    /// Adds a block whose first row is row `first_row` of the leak, from 0.
    pub(super) fn add(&mut self, block: &mut BlockReads, first_row: u64, reader: &Reader) {
        let mut start = 0;
        for row in &block.rows {
            if self.is_new(row.digest) {
                let bits = &block.bits[start..row.end];
                bits.iter().for_each(|&bit| self.counts.add(bit));
                // The log is full long before its numbers are.
                if let Ok(number) = u32::try_from(first_row + row.row) {
                    self.log.push(number, row.rank, bits);
                }
            } else {
                self.rows_repeated += 1;
            }
            start = row.end;
        }
        self.unreadable.iter_mut().zip(&block.unreadable).for_each(|(sum, n)| *sum += n);
        self.rows_aligned += block.rows_aligned;
        self.sketch.add(block.rows_aligned, std::mem::take(&mut block.sampled), &reader.sampler);
    }

    fn is_new(&mut self, digest: u64) -> bool {
        if self.seen.len() < REMEMBERED_ROWS {
            self.seen.insert(digest)
        } else {
            !self.seen.contains(&digest)
        }
    }

    pub(super) fn finish(self, reader: Reader) -> ReadAs {
        let names = reader.marker.plan().columns.iter().map(|column| column.name.clone());
        let mut unreadable: Vec<(String, u64)> = names.zip(self.unreadable).filter(|(_, n)| *n > 0).collect();
        unreadable.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        ReadAs {
            reading: reader.reading,
            columns: reader.columns,
            columns_missing: reader.columns_missing,
            counts: self.counts,
            log: self.log,
            unreadable,
            rows_aligned: self.rows_aligned,
            rows_repeated: self.rows_repeated,
            sketch: self.sketch.finish(&reader.sampler),
        }
    }
}
