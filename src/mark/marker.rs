//! Rows in, edits out; rows in, bits out.
//!
//! The row's identity is hashed once under the carrier key; the hash, extended, decides everything about the row: word 0 is
//! the row's number in sketches, word `1 + slot` decides for one column whether the cell is a carrier, at which position of
//! the code, and with what spin. So marking is a pure function of keys, recipient and row: order, blocks, threads and
//! machines make no difference, and the same row has the same mark in every later release (DESIGN 2.2, 2.3).
//!
//! Invariants: which cells are carriers, and where, does not depend on the recipient; a cell changes only if the policy's
//! plan can express both bits there; [`Marker::mark`] and [`Marker::read`] share [`Draw`], and so can't drift apart.

use crate::keys::prf::{DerivedKey, Purpose};
use crate::keys::secret::MarkingSecret;
use crate::mark::code::{self, Codeword};
use crate::mark::policy::{Column, Plan};
use crate::table::{Row, value};

/// Bytes of randomness for one column of one row: 16 bits of rate, 32 of position, 16 of spin.
const WORD_BYTES: usize = 8;

/// What the key says about one cell.
#[derive(Clone, Copy)]
struct Draw {
    selected: bool,
    position: u32,
    spin: u16,
}

/// What was done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows seen.
    pub rows: u64,
    /// Cells that carry a bit, changed or not.
    pub carriers: u64,
    /// Cells changed, for each column of the plan.
    pub changed: Vec<u64>,
}

impl Tally {
    /// Nothing done yet, for a plan of `columns` columns.
    pub fn new(columns: usize) -> Tally {
        Tally { rows: 0, carriers: 0, changed: vec![0; columns] }
    }

    /// Adds another part of the same table.
    pub fn merge(&mut self, other: &Tally) {
        self.rows += other.rows;
        self.carriers += other.carriers;
        self.changed.iter_mut().zip(&other.changed).for_each(|(mine, theirs)| *mine += theirs);
    }
}

/// Buffers of one worker.
#[derive(Default)]
pub struct Scratch {
    identity: Vec<u8>,
    words: Vec<u8>,
    text: String,
}

/// The bits of one leaked row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The row's number in sketches; `None` if it has no identity.
    pub id: Option<u64>,
    /// Position and bit of each carrier that could be read.
    pub bits: Vec<(u32, bool)>,
    /// For each column of the plan that was selected in this row and holds damaged text: its index in the plan.
    pub unreadable: Vec<usize>,
}

/// Marks and reads the rows of one dataset under one plan.
pub struct Marker {
    carrier: DerivedKey,
    code_length: usize,
    plan: Plan,
    words_bytes: usize,
}

impl Marker {
    /// A marker for a dataset and key epoch, with a plan resolved against the file's header.
    pub fn new(
        secret: &MarkingSecret,
        dataset: &str,
        epoch: u32,
        code_length: u32,
        mut plan: Plan,
    ) -> Marker {
        // Edits come in the file's order, so that a format can splice them as it goes.
        plan.columns.sort_by_key(|column| column.index);
        let slots = plan.columns.iter().map(|column| column.slot + 1).max().unwrap_or(0);
        Marker {
            carrier: DerivedKey::new(secret, Purpose::Carrier, dataset, epoch, None),
            code_length: code_length as usize,
            plan,
            words_bytes: WORD_BYTES * (1 + slots),
        }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The row's number in sketches.
    ///
    /// The disjoint words of an extended output are independent, so publishing this one tells nothing of the others.
    fn hash_row(&self, row: &impl Row, scratch: &mut Scratch) -> Option<u64> {
        scratch.identity.clear();
        let mut has_identity = false;
        for &column in &self.plan.identity {
            let cell = row.cell(column);
            has_identity |= !value::is_missing(&cell);
            value::identity(&cell, &mut scratch.identity);
        }
        has_identity.then(|| {
            scratch.words.resize(self.words_bytes, 0);
            self.carrier.extend(&scratch.identity, &mut scratch.words);
            word(&scratch.words, 0)
        })
    }

    fn draw(&self, words: &[u8], column: &Column) -> Draw {
        let word = word(words, 1 + column.slot);
        Draw {
            selected: (word & 0xffff) < u64::from(column.rate),
            position: code::position((word >> 16) as u32, self.code_length),
            spin: (word >> 48) as u16,
        }
    }

    /// Marks one row for the owner of `codeword`: calls `edit` with a column's index and new text for each cell that has to
    /// change, counts into `tally`, and returns the row's number in sketches (`None`: no identity, so nothing is marked).
    pub fn mark(
        &self,
        row: &impl Row,
        codeword: &Codeword,
        scratch: &mut Scratch,
        tally: &mut Tally,
        mut edit: impl FnMut(usize, &str),
    ) -> Option<u64> {
        tally.rows += 1;
        let id = self.hash_row(row, scratch)?;
        for (i, column) in self.plan.columns.iter().enumerate() {
            let draw = self.draw(&scratch.words, column);
            if !draw.selected {
                continue;
            }
            let cell = row.cell(column.index);
            let Some(text) = carrier_text(&cell) else { continue };
            let Some(bit) = column.channel.read(text, draw.spin) else { continue };
            scratch.text.clear();
            let limits = column.limits(row);
            if column.channel.flip(text, draw.spin, &limits, &mut scratch.text).is_none() {
                continue;
            }
            tally.carriers += 1;
            if bit != codeword.bit(draw.position) {
                tally.changed[i] += 1;
                edit(column.index, &scratch.text);
            }
        }
        Some(id)
    }

    /// Reads one leaked row into `reads`.
    pub fn read(&self, row: &impl Row, scratch: &mut Scratch, reads: &mut Reads) {
        reads.bits.clear();
        reads.unreadable.clear();
        reads.id = self.hash_row(row, scratch);
        if reads.id.is_none() {
            return;
        }
        for (i, column) in self.plan.columns.iter().enumerate() {
            let draw = self.draw(&scratch.words, column);
            if !draw.selected {
                continue;
            }
            let cell = row.cell(column.index);
            if value::is_missing(&cell) {
                continue;
            }
            match carrier_text(&cell).map(|text| (text, column.channel.read(text, draw.spin))) {
                Some((_, Some(bit))) => reads.bits.push((draw.position, bit)),
                Some((text, None)) if column.channel.recognises(text) => {}
                _ => reads.unreadable.push(i),
            }
        }
    }
}

fn word(words: &[u8], index: usize) -> u64 {
    let bytes = &words[index * WORD_BYTES..][..WORD_BYTES];
    u64::from_le_bytes(bytes.try_into().expect("a word has eight bytes"))
}

/// The text of a cell that may carry: present, and text at all.
fn carrier_text(cell: &[u8]) -> Option<&str> {
    std::str::from_utf8(cell).ok().filter(|_| !value::is_missing(cell))
}
