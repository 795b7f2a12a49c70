//! Rows in, edits out; rows in, bits out.
//!
//! The row's identity is hashed once under the carrier key; the hash, extended, decides everything about the
//! row: the first eight bytes are the row's number in sketches, six more for each slot decide whether that
//! column's cell is a carrier, at which position of the code, and with what spin. So marking is a pure
//! function of keys, recipient and row: order, blocks, threads and machines make no difference, and the same
//! row has the same mark in every later release (DESIGN 2.2, 2.3).
//!
//! Invariants: which cells are carriers, and where, does not depend on the recipient; a cell changes only if the policy's
//! plan can express both bits there; [`Marker::mark`], [`Marker::expect`] and [`Marker::read`] share [`Draw`], and so can't drift
//! apart.

use crate::keys::prf::{DerivedKey, Purpose};
use crate::keys::secret::MarkingSecret;
use crate::mark::channel::Embedded;
use crate::mark::code::{self, Codeword};
use crate::mark::compare::{Carrier, Expectations};
use crate::mark::policy::{Column, Plan};
use crate::table::{Row, value};

/// Bytes of a row's hash that number it in sketches.
const ID_BYTES: usize = 8;

/// Bytes for one column of one row: 16 bits each of rate, position and spin. So one plain BLAKE3 hash (32 bytes) serves four
/// columns, and only tables with more need the extended output, which begins with the same bytes.
const DRAW_BYTES: usize = 6;

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
    /// Cells changed, for each column of the plan; those of the first copy, then those of the second, and so on.
    pub changed: Vec<u64>,
}

impl Tally {
    /// Nothing done yet, for a plan of `columns` columns.
    pub fn new(columns: usize) -> Tally {
        Tally { rows: 0, carriers: 0, changed: vec![0; columns] }
    }

    /// Forgets everything, for `copies` copies under a plan of `columns` columns.
    pub fn restart(&mut self, columns: usize, copies: usize) {
        self.rows = 0;
        self.carriers = 0;
        self.changed.clear();
        self.changed.resize(columns * copies, 0);
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
    hash: Vec<u8>,
    /// What a cell becomes for either bit.
    texts: [String; 2],
}

/// What one carrier of a leak says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bit {
    /// The position of the code.
    pub position: u32,
    /// What it reads as.
    pub value: bool,
    /// How likely the leak has turned it, in 64ths, beyond what decoders assume of every cell: 0 for a cell taken as it
    /// stands, up to [`Bit::NOTHING`] for one that is a coin.
    pub flip: u8,
}

impl Bit {
    /// The `flip` of a cell that says nothing.
    pub const NOTHING: u8 = 32;

    /// A cell taken as it stands.
    pub fn plain(position: u32, value: bool) -> Bit {
        Bit { position, value, flip: 0 }
    }

    /// The probability that the bit was turned.
    pub fn flip_probability(self) -> f64 {
        f64::from(self.flip) / 64.0
    }
}

/// The bits of one leaked row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The row's number in sketches; `None` if it has no identity.
    pub id: Option<u64>,
    /// Each carrier that could be read.
    pub bits: Vec<Bit>,
    /// For each column of the plan that was selected in this row and holds damaged text: its index in the plan.
    pub unreadable: Vec<usize>,
}

/// Marks and reads the rows of one dataset under one plan.
pub struct Marker {
    carrier: DerivedKey,
    code_length: u32,
    plan: Plan,
    hash_bytes: usize,
}

impl Marker {
    /// A marker for a dataset and key epoch, with a plan resolved against the file's header.
    pub fn new(secret: &MarkingSecret, dataset: &str, epoch: u32, code_length: u32, plan: Plan) -> Marker {
        let carrier = DerivedKey::new(secret, Purpose::Carrier, dataset, epoch, None);
        Marker::with_key(carrier, code_length, plan)
    }

    /// The same by the carrier key alone, which reads as well as the secret does.
    pub fn with_key(carrier: DerivedKey, code_length: u32, mut plan: Plan) -> Marker {
        // Edits come in the file's order, so that a format can splice them as it goes.
        plan.columns.sort_by_key(|column| column.index);
        let slots = plan.columns.iter().map(|column| column.slot + 1).max().unwrap_or(0);
        Marker { carrier, code_length, plan, hash_bytes: ID_BYTES + DRAW_BYTES * slots }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The row's number in sketches.
    ///
    /// Disjoint bytes of an extended output are independent, so publishing this one tells nothing of the others.
    fn hash_row(&self, row: &impl Row, scratch: &mut Scratch) -> Option<u64> {
        scratch.identity.clear();
        let mut has_identity = false;
        for &column in &self.plan.identity {
            let cell = row.cell(column);
            has_identity |= !value::is_missing(&cell);
            value::identity(&cell, &mut scratch.identity);
        }
        has_identity.then(|| {
            scratch.hash.resize(self.hash_bytes, 0);
            self.carrier.extend(&scratch.identity, &mut scratch.hash);
            u64::from_le_bytes(*scratch.hash.first_chunk().expect("a row's hash begins with its number"))
        })
    }

    fn draw(&self, hash: &[u8], column: &Column) -> Draw {
        let bytes = &hash[ID_BYTES + DRAW_BYTES * column.slot..][..DRAW_BYTES];
        let number = |at| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Draw {
            selected: u32::from(number(0)) < column.rate,
            position: code::position(number(2), self.code_length),
            spin: number(4),
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
        let edit = |_, column, text: &str| edit(column, text);
        self.mark_copies(row, std::slice::from_ref(codeword), scratch, tally, edit)
    }

    /// As [`mark`](Marker::mark), for one copy after another: `edit` gets the copy's number first. The row is hashed once, and
    /// a cell embedded once for each bit, however many copies there are.
    pub fn mark_copies(
        &self,
        row: &impl Row,
        codewords: &[Codeword],
        scratch: &mut Scratch,
        tally: &mut Tally,
        mut edit: impl FnMut(usize, usize, &str),
    ) -> Option<u64> {
        tally.rows += 1;
        let id = self.hash_row(row, scratch)?;
        let columns = self.plan.columns.len();
        let Scratch { hash, texts, .. } = scratch;
        self.selected(row, hash, |i, column, draw, cell| {
            let mut embedded = [None; 2];
            for (copy, codeword) in codewords.iter().enumerate() {
                let bit = codeword.bit(draw.position);
                let (text, done) = (&mut texts[usize::from(bit)], &mut embedded[usize::from(bit)]);
                let outcome = *done.get_or_insert_with(|| {
                    text.clear();
                    column.embed(row, cell, bit, draw.spin, text)
                });
                match outcome {
                    // It is no carrier, for nobody.
                    None => return,
                    Some(Embedded::Kept) => {}
                    Some(Embedded::Changed) => {
                        tally.changed[copy * columns + i] += 1;
                        edit(copy, column.index, text);
                    }
                }
            }
            tally.carriers += 1;
        });
        Some(id)
    }

    /// The row's number in sketches, alone; `None` if it has no identity.
    pub fn id(&self, row: &impl Row, scratch: &mut Scratch) -> Option<u64> {
        self.hash_row(row, scratch)
    }

    /// What every recipient's copy of an original row may hold: its carriers, with what each bit makes of them.
    pub fn expect(&self, original: &impl Row, scratch: &mut Scratch, out: &mut Expectations) {
        out.clear();
        out.id = self.hash_row(original, scratch);
        if out.id.is_none() {
            return;
        }
        self.selected(original, &scratch.hash, |i, column, draw, cell| {
            let Some(said) = column.channel.read(cell, draw.spin) else { return };
            out.push_other(|other| {
                match column.embed(original, cell, !said, draw.spin, other) {
                    Some(Embedded::Changed) => {
                        Some(Carrier { column: i, position: draw.position, spin: draw.spin, original: said })
                    }
                    // An embedding that keeps the cell for the bit that it does not say would be no inverse of reading.
                    Some(Embedded::Kept) | None => None,
                }
            });
        });
    }

    /// Calls `see` with each cell that the key selects and that holds text: column's index in the plan, column, draw, text.
    fn selected(&self, row: &impl Row, hash: &[u8], mut see: impl FnMut(usize, &Column, Draw, &str)) {
        for (i, column) in self.plan.columns.iter().enumerate() {
            let draw = self.draw(hash, column);
            if !draw.selected {
                continue;
            }
            if let Some(text) = carrier_text(&row.cell(column.index)) {
                see(i, column, draw, text);
            }
        }
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
            let draw = self.draw(&scratch.hash, column);
            if !draw.selected {
                continue;
            }
            let cell = row.cell(column.index);
            if value::is_missing(&cell) {
                continue;
            }
            match carrier_text(&cell).map(|text| (text, column.channel.read(text, draw.spin))) {
                Some((text, Some(value))) => {
                    let flip = column.doubt(row, text, draw.spin);
                    // What surely is no carrier is a coin, and coins are not collected.
                    if flip < Bit::NOTHING {
                        reads.bits.push(Bit { position: draw.position, value, flip });
                    }
                }
                Some((text, None)) if column.channel.recognises(text) => {}
                _ => reads.unreadable.push(i),
            }
        }
    }
}

/// The text of a cell that may carry: present, and text at all.
fn carrier_text(cell: &[u8]) -> Option<&str> {
    std::str::from_utf8(cell).ok().filter(|_| !value::is_missing(cell))
}
