//! Reading a leak with the reference at hand: each row beside its original.
//!
//! A [`Referee`] finds the row of the reference that a leaked row is ([`rows`](super::rows)), takes the carriers of the
//! *original* row, and compares the leaked cells with the two texts that a copy may hold there
//! ([`compare`](crate::mark::compare)). What equals neither was altered and says nothing; rows that are not ours give nothing.
//!
//! A kept cell is worth less than a changed one: rows that come from no marked copy (the owner's own file, a registry that has
//! the same data) keep every original. How many of those there are shows in the whole: half of a copy's carriers change. So
//! reads say which they are, and [`kept_flip`] says, after the pass, how much a kept one is to be doubted.
//!
//! Invariant: nothing here depends on a codeword, as the pages of the two folders say; `kept_flip` looks at two counts of the
//! leak.

use super::reference::Reference;
use super::rows::{Aligner, Alignment, Buffers, Pair};
use crate::mark::compare::{Compared, Expectations};
use crate::mark::marker::{Bit, Marker, Scratch};
use crate::table::{Row, value};

/// Judges one cell of a column under noise: original text, the carrier's other text, leaked text. Gives whether the cell rather
/// is the other text, and how likely that is wrong, in 64ths; nothing if the cell says nothing.
pub type Soften = dyn Fn(&str, &str, &str) -> Option<(bool, u8)> + Send + Sync;

/// Reads leaked rows beside their originals.
pub struct Referee<'a> {
    reference: &'a Reference,
    marker: Marker,
    aligner: Aligner,
    /// The leak's column for each of the plan.
    leaked_index: Vec<Option<usize>>,
    /// For each column of the plan.
    soften: Vec<Option<Box<Soften>>>,
}

/// What one carrier of an aligned row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The bit; its `flip` is 0 unless the cell was judged under noise.
    pub bit: Bit,
    /// Its column's index in the plan.
    pub column: usize,
    /// Whether the cell is the other text of its carrier, rather than the original.
    pub changed: bool,
}

/// What one leaked row says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowReads {
    /// The row's number in sketches; `None` if it was not found in the reference.
    pub id: Option<u64>,
    /// Each carrier that could be read.
    pub reads: Vec<Read>,
    /// Columns of the plan whose carrier equals neither text.
    pub altered: Vec<usize>,
    /// Columns of the plan whose carrier is missing in the row.
    pub missing: Vec<usize>,
}

/// How the carriers of one column fared, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CarrierCounts {
    /// Equal to the original.
    pub kept: u64,
    /// Equal to the other text.
    pub changed: u64,
    /// Equal to neither.
    pub altered: u64,
    /// Not there.
    pub missing: u64,
}

impl CarrierCounts {
    /// Adds another part of the leak.
    pub fn merge(&mut self, other: &CarrierCounts) {
        self.kept += other.kept;
        self.changed += other.changed;
        self.altered += other.altered;
        self.missing += other.missing;
    }
}

impl RowReads {
    /// Counts the row into its columns.
    pub fn count(&self, columns: &mut [CarrierCounts]) {
        for read in &self.reads {
            let column = &mut columns[read.column];
            *(if read.changed { &mut column.changed } else { &mut column.kept }) += 1;
        }
        self.altered.iter().for_each(|&column| columns[column].altered += 1);
        self.missing.iter().for_each(|&column| columns[column].missing += 1);
    }

    fn clear(&mut self) {
        self.id = None;
        self.reads.clear();
        self.altered.clear();
        self.missing.clear();
    }
}

/// Buffers of one worker.
#[derive(Default)]
pub struct RefereeScratch {
    buffers: Buffers,
    marker: Scratch,
    expected: Expectations,
}

impl<'a> Referee<'a> {
    /// A referee for a leak that has the columns of `pairs`. `marker` has its plan from the reference's own header. Preparing
    /// takes a few seconds for a million rows.
    pub fn new(reference: &'a Reference, marker: Marker, pairs: &[Pair]) -> Referee<'a> {
        let aligner = Aligner::new(reference, &marker, pairs);
        Referee::prepared(reference, marker, pairs, aligner)
    }

    /// The same with an aligner that was made of the same, and has learned nothing: a folder has many tables of one shape.
    pub fn prepared(
        reference: &'a Reference,
        marker: Marker,
        pairs: &[Pair],
        aligner: Aligner,
    ) -> Referee<'a> {
        let columns = &marker.plan().columns;
        let leaked_of = |ours| pairs.iter().find(|pair| pair.ours == ours).map(|pair| pair.leaked);
        Referee {
            aligner,
            leaked_index: columns.iter().map(|column| leaked_of(column.index)).collect(),
            soften: columns.iter().map(|_| None).collect(),
            reference,
            marker,
        }
    }

    /// Learns from some rows of the leak, the first few thousand say: whether its keys can be trusted, and how much was altered
    /// in each column. May be called again, with cells that were repaired in the meantime.
    pub fn learn<R: Row>(&mut self, rows: impl Iterator<Item = R>) {
        self.aligner.learn(&self.marker, rows);
    }

    /// Lets `soften` judge the cells of a column of the plan instead of comparing them exactly.
    pub fn soften(&mut self, column: usize, soften: Box<Soften>) {
        self.soften[column] = Some(soften);
    }

    /// The marker of the reference.
    pub fn marker(&self) -> &Marker {
        &self.marker
    }

    /// The reference.
    pub fn reference(&self) -> &'a Reference {
        self.reference
    }

    /// The leak's column for one of the plan.
    pub fn leaked_index(&self, column: usize) -> Option<usize> {
        self.leaked_index[column]
    }

    /// Which row of the reference a leaked row is.
    pub fn align(&self, leaked: &impl Row, scratch: &mut RefereeScratch) -> Alignment {
        self.aligner.align(leaked, &self.marker, &mut scratch.buffers)
    }

    /// Reads one leaked row into `out`.
    pub fn read(&self, leaked: &impl Row, scratch: &mut RefereeScratch, out: &mut RowReads) -> Alignment {
        out.clear();
        let alignment = self.align(leaked, scratch);
        let Some(row) = alignment.row() else { return alignment };
        let original = self.reference.row(row);
        let RefereeScratch { marker, expected, .. } = scratch;
        self.marker.expect(&original, marker, expected);
        out.id = expected.id;
        for (carrier, other) in expected.iter() {
            let i = carrier.column;
            let Some(index) = self.leaked_index[i] else { continue };
            let column = &self.marker.plan().columns[i];
            let (ours, theirs) = (original.text(column.index), leaked.cell(index));
            let compared = match &self.soften[i] {
                Some(soften) if !value::is_missing(&theirs) => {
                    let judged = str::from_utf8(ours).ok().zip(str::from_utf8(&theirs).ok());
                    match judged.and_then(|(ours, theirs)| soften(ours, other, theirs)) {
                        Some((changed, flip)) => {
                            let bit =
                                Bit { position: carrier.position, value: carrier.original ^ changed, flip };
                            out.reads.push(Read { bit, column: i, changed });
                        }
                        None => out.altered.push(i),
                    }
                    continue;
                }
                _ => carrier.compare(&*column.channel, ours, other, &theirs),
            };
            let mut push = |value, changed| {
                out.reads.push(Read { bit: Bit::plain(carrier.position, value), column: i, changed });
            };
            match compared {
                Compared::Kept(bit) => push(bit, false),
                Compared::Changed(bit) => push(bit, true),
                Compared::Altered => out.altered.push(i),
                Compared::Missing => out.missing.push(i),
            }
        }
        alignment
    }
}

/// How likely a kept cell's bit is wrong, in 64ths, if so many carriers of the leak changed and so many were kept.
///
/// Half of a copy's carriers change, so the share of rows from copies is about `s = 2 changed / (changed + kept)`, and a kept
/// cell is from one with probability `(s/2) / (s/2 + 1 - s) = s / (2 - s)`; otherwise its bit is a coin. One standard error is
/// added to the count, so that a whole copy is not doubted because a few cells fewer than half happened to change.
pub fn kept_flip(changed: u64, kept: u64) -> u8 {
    let (changed, all) = (changed as f64, (changed + kept) as f64);
    let copies = (2.0 * (changed + (changed + 1.0).sqrt()) / all.max(1.0)).min(1.0);
    let from_copy = copies / (2.0 - copies);
    ((1.0 - from_copy) / 2.0 * 64.0).ceil() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_cell_is_doubted_as_far_as_strangers_keep_originals() {
        assert_eq!(kept_flip(48, 52), 0, "within one standard error of a whole copy");
        assert_eq!(kept_flip(500_000, 500_000), 0);
        assert_eq!(kept_flip(0, 1_000_000), Bit::NOTHING);
        // A tenth from copies: one kept cell in nineteen.
        assert_eq!(kept_flip(50_000, 950_000), 31);
        // Half from copies: one in three.
        assert_eq!(kept_flip(250_000, 750_000), 22);
        let doubts: Vec<u8> = (0..=500).map(|changed| kept_flip(changed, 1_000 - changed)).collect();
        assert!(doubts.is_sorted_by(|a, b| a >= b));
        assert!(kept_flip(0, 3) < Bit::NOTHING, "three kept cells are no proof of strangers");
        assert_eq!(kept_flip(0, 0), 0);
    }
}
