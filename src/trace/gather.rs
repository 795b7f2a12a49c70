//! What readers make of rows, gathered in file order.
//!
//! Workers turn the rows of a block into positions and bits. One sink, in file order, leaves out rows that repeat another one,
//! marks included, counts the rest, and logs them row by row for the questions that counts can't answer. Tables follow each
//! other: counts add up, so what several tables of a leak say of one dataset is one piece of evidence, paid for once.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use crate::evidence::counts::Counts;
use crate::evidence::log::Log;
use crate::leak::columns::ColumnMatch;
use crate::leak::referee::{CarrierCounts, kept_flip};
use crate::leak::repair::RepairedRow;
use crate::mark::marker::{Bit, Reads, Scratch};
use crate::sketch::{Containment, SampledRow, Sampler, Sketch, SketchBuilder};
use crate::table::Row;

use super::again::TableRead;
use super::beside::{BesideCounts, BesideScratch, Place};
use super::reader::{How, Reader};

/// Distinct rows that are remembered, so that repeated ones count once: some 75 MB. A leak with more than that has evidence to
/// spare; from there on repeats count again, which costs sharpness and never truth.
const REMEMBERED_ROWS: usize = 1 << 22;

/// The leak, all its tables, read as one dataset under one policy and key epoch.
pub(super) struct ReadAs {
    /// Index into [`Case::readings`](super::Case::readings).
    pub reading: usize,
    pub columns: Vec<ColumnMatch>,
    pub columns_missing: Vec<String>,
    /// Whether any marked column was found; otherwise nothing was tried that could accuse.
    pub has_marks: bool,
    pub counts: Counts,
    pub log: Log,
    /// By column of the policy.
    pub unreadable: Vec<(String, u64)>,
    /// How the leak fared beside the originals, if there were any.
    pub beside: Option<BesideOutcome>,
    pub rows_aligned: u64,
    pub rows_repeated: u64,
    /// The leak's row identities.
    pub sketch: Sketch,
    /// How to read it again; `None` if a table was read beside the originals.
    pub again: Option<Vec<TableRead>>,
}

impl ReadAs {
    /// The share of the leak that is ours, if the originals tell: then every row was compared.
    pub(super) fn known_share(&self) -> Option<Containment> {
        let counts = &self.beside.as_ref()?.counts;
        let compared = counts.ours() + counts.foreign;
        let share = counts.ours() as f64 / compared as f64;
        (compared > 0).then_some(Containment { share, standard_error: 0.0, compared })
    }
}

/// How the leak fared beside the originals.
#[derive(Default)]
pub(super) struct BesideOutcome {
    /// Hex BLAKE3 and rows of each original that was read beside the leak.
    pub originals: Vec<(String, u64)>,
    pub counts: BesideCounts,
    /// All carriers together.
    pub carriers: CarrierCounts,
}

impl BesideOutcome {
    /// Adds a table.
    fn add(&mut self, originals: Vec<(String, u64)>, counts: BesideCounts, carriers: &CarrierCounts) {
        let new = originals.into_iter().filter(|original| !self.originals.contains(original));
        let new: Vec<_> = new.collect();
        self.originals.extend(new);
        self.counts.join(counts);
        self.carriers.merge(carriers);
    }
}

/// The block as one reader sees it.
#[derive(Default)]
pub(super) struct BlockReads {
    scratch: Scratch,
    reads: Reads,
    beside: BesideScratch,
    bits: Vec<Read>,
    /// Each row with bits.
    rows: Vec<RowReads>,
    rows_aligned: u64,
    unreadable: Vec<u64>,
    beside_counts: BesideCounts,
    sampled: Vec<SampledRow>,
}

/// One carrier.
#[derive(Clone, Copy)]
struct Read {
    bit: Bit,
    /// Whether the cell is known to be the original's.
    is_kept: bool,
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
        match &reader.how {
            How::Blind(marker) => self.unreadable.resize(marker.plan().columns.len(), 0),
            How::Beside(beside) => self.beside_counts = beside.no_counts(),
        }
    }

    /// Reads row `number` of the block, from 0.
    pub(super) fn add(&mut self, number: u64, row: &impl Row, reader: &Reader) {
        let row = RepairedRow::new(row, &reader.repairs);
        let start = self.bits.len();
        let Some(Place { id, rank }) = self.read(&row, reader) else { return };
        self.rows_aligned += 1;
        self.sampled.extend(reader.sampler.sample(id, std::iter::empty::<Cow<[u8]>>()));
        if self.bits.len() > start {
            let digest = digest(id, &self.bits[start..]);
            self.rows.push(RowReads { row: number, digest, rank, end: self.bits.len() });
        }
    }

    /// Adds the row's bits; gives where the row belongs.
    fn read(&mut self, row: &impl Row, reader: &Reader) -> Option<Place> {
        match &reader.how {
            How::Blind(marker) => {
                marker.read(row, &mut self.scratch, &mut self.reads);
                let id = self.reads.id?;
                self.reads.unreadable.iter().for_each(|&column| self.unreadable[column] += 1);
                self.bits.extend(self.reads.bits.iter().map(|&bit| Read { bit, is_kept: false }));
                Some(Place { id, rank: marker.plan().rank(row) })
            }
            How::Beside(beside) => {
                let place = beside.read(row, &mut self.beside, &mut self.beside_counts)?;
                let reads = self.beside.reads.reads.iter();
                self.bits.extend(reads.map(|read| Read { bit: read.bit, is_kept: !read.changed }));
                Some(place)
            }
        }
    }
}

/// Tells rows apart that differ in identity or marks. `id` is a keyed hash that nobody outside can aim at, so a quick mix does.
fn digest(id: u64, reads: &[Read]) -> u64 {
    reads.iter().fold(id, |digest, Read { bit, .. }| {
        (digest.rotate_left(5) ^ (u64::from(bit.position) << 1 | u64::from(bit.value)))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

/// What is known so far of one reading, from all tables that were read.
pub(super) struct Gathered {
    reading: usize,
    counts: Counts,
    log: Log,
    seen: HashSet<u64>,
    sketch: SketchBuilder,
    unreadable: BTreeMap<String, u64>,
    beside: Option<BesideOutcome>,
    rows_aligned: u64,
    rows_repeated: u64,
    /// The columns as the table with the most rows of ours has them.
    best: Option<Found>,
    again: Option<Vec<TableRead>>,
}

/// How one table's columns were found.
struct Found {
    rows_aligned: u64,
    has_marks: bool,
    columns: Vec<ColumnMatch>,
    columns_missing: Vec<String>,
}

/// What is known so far of one table under one reading.
pub(super) struct Part {
    /// Cells that are known to be the original's, until it is known how far they can be trusted.
    kept: Kept,
    unreadable: Vec<u64>,
    beside: BesideCounts,
    rows_aligned: u64,
}

/// Cells of a table that are known to be the original's. Counts have a place for each position of the code, and most tables of a
/// folder have a few such cells.
#[derive(Default)]
struct Kept {
    few: Vec<Bit>,
    many: Option<Counts>,
}

/// Cells that are held one by one.
const FEW: usize = 1 << 13;

impl Kept {
    fn add(&mut self, bit: Bit, code_length: u32) {
        self.few.push(bit);
        if self.few.len() == FEW {
            let many = self.many.get_or_insert_with(|| Counts::new(code_length as usize));
            self.few.drain(..).for_each(|bit| many.add(bit));
        }
    }

    /// Counts all of them, each turned with a further probability of `flip` 64ths.
    fn end(self, flip: u8, counts: &mut Counts) {
        self.few.into_iter().for_each(|bit| counts.add_turned(bit, flip));
        if let Some(many) = self.many {
            counts.merge(&many.turned(flip));
        }
    }
}

impl Part {
    pub(super) fn new(reader: &Reader) -> Part {
        let (unreadable, beside) = match &reader.how {
            How::Blind(marker) => (vec![0; marker.plan().columns.len()], BesideCounts::default()),
            How::Beside(beside) => (Vec::new(), beside.no_counts()),
        };
        Part { kept: Kept::default(), unreadable, beside, rows_aligned: 0 }
    }

    /// Rows of ours.
    pub(super) fn rows_aligned(&self) -> u64 {
        self.rows_aligned
    }
}

impl Gathered {
    pub(super) fn new(reader: &Reader) -> Gathered {
        Gathered {
            reading: reader.reading,
            counts: Counts::new(reader.code_length as usize),
            log: Log::new(),
            seen: HashSet::new(),
            sketch: SketchBuilder::new(Vec::new()),
            unreadable: BTreeMap::new(),
            beside: None,
            rows_aligned: 0,
            rows_repeated: 0,
            best: None,
            again: Some(Vec::new()),
        }
    }

    /// Index into [`Case::readings`](super::Case::readings).
    pub(super) fn reading(&self) -> usize {
        self.reading
    }

    /// Adds a block of a table; its first row is row `first_row` of the leak, from 0.
    pub(super) fn add(&mut self, part: &mut Part, block: &mut BlockReads, first_row: u64, reader: &Reader) {
        let (mut start, mut bits) = (0, Vec::new());
        for row in &block.rows {
            if self.is_new(row.digest) {
                let reads = &block.bits[start..row.end];
                for read in reads {
                    if read.is_kept {
                        part.kept.add(read.bit, reader.code_length);
                    } else {
                        self.counts.add(read.bit);
                    }
                }
                // The log is full long before its numbers are. It takes kept cells at their word: a stretch of rows from one copy
                // keeps half of its cells, whatever the rest of the leak does.
                if let Ok(number) = u32::try_from(first_row + row.row) {
                    bits.clear();
                    bits.extend(reads.iter().map(|read| read.bit));
                    self.log.push(number, row.rank, &bits);
                }
            } else {
                self.rows_repeated += 1;
            }
            start = row.end;
        }
        part.unreadable.iter_mut().zip(&block.unreadable).for_each(|(sum, n)| *sum += n);
        part.beside.take(&mut block.beside_counts);
        part.rows_aligned += block.rows_aligned;
        self.sketch.add(block.rows_aligned, std::mem::take(&mut block.sampled), &reader.sampler);
    }

    fn is_new(&mut self, digest: u64) -> bool {
        if self.seen.len() < REMEMBERED_ROWS {
            self.seen.insert(digest)
        } else {
            !self.seen.contains(&digest)
        }
    }

    /// Ends a table, by its number in the leak.
    pub(super) fn end(&mut self, part: Part, reader: &Reader, table: usize, header_is_row: bool) {
        match &reader.how {
            How::Blind(marker) => {
                let columns = marker.plan().columns.iter().zip(part.unreadable);
                columns.for_each(|(column, n)| *self.unreadable.entry(column.name.clone()).or_default() += n);
            }
            How::Beside(originals) => {
                let outcome = self.beside.get_or_insert_default();
                let mut carriers = CarrierCounts::default();
                for (name, column) in originals.by_column(&part.beside) {
                    carriers.merge(&column);
                    *self.unreadable.entry(name).or_default() += column.altered;
                }
                part.kept.end(kept_flip(carriers.changed, carriers.kept), &mut self.counts);
                outcome.add(originals.sources(), part.beside, &carriers);
            }
        }
        self.rows_aligned += part.rows_aligned;
        match (&mut self.again, &reader.again) {
            (Some(tables), Some(columns)) => TableRead::add(tables, table, header_is_row, columns),
            _ => self.again = None,
        }
        // One that has marks comes first: only its columns say what the evidence rests on.
        let worth = (reader.has_marks, part.rows_aligned);
        if self.best.as_ref().is_none_or(|best| worth > (best.has_marks, best.rows_aligned)) {
            self.best = Some(Found {
                rows_aligned: part.rows_aligned,
                has_marks: reader.has_marks,
                columns: reader.columns.clone(),
                columns_missing: reader.columns_missing.clone(),
            });
        }
    }

    /// Ends the leak; `sampler` is a reader's of this reading.
    pub(super) fn finish(self, sampler: &Sampler) -> ReadAs {
        let mut unreadable: Vec<(String, u64)> =
            self.unreadable.into_iter().filter(|(_, n)| *n > 0).collect();
        unreadable.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let (has_marks, columns, columns_missing) =
            self.best.map(|best| (best.has_marks, best.columns, best.columns_missing)).unwrap_or_default();
        ReadAs {
            reading: self.reading,
            columns,
            columns_missing,
            has_marks,
            counts: self.counts,
            log: self.log,
            unreadable,
            beside: self.beside,
            rows_aligned: self.rows_aligned,
            rows_repeated: self.rows_repeated,
            sketch: self.sketch.finish(sampler),
            again: self.again,
        }
    }
}
