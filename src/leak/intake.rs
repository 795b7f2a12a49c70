//! Reads almost anything, and never fails on a bad row: rows come out, and a list of what was wrong.
//!
//! A leak is read once, as a stream. Its first rows are kept back as a sample, by which columns are recognised, and then
//! given again with the rest.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::io::Read;

use serde::Serialize;

use crate::error::Result;
use crate::sketch::VALUE_ROWS;
use crate::table::Row;
use crate::table::format::block::{self, Block, Options, Reading, Source};
use crate::table::format::csv::{self, Blocks, CsvRow, Dialect, Fields, Records};
use crate::table::format::parts::hive::Constant;

use super::cells::Cells;

/// Rows of the sample: as many as a sketch looks at, so that its columns hold all of them. The shares of common values are known
/// from them to a percent or two.
pub const SAMPLE_ROWS: usize = VALUE_ROWS;

/// Bytes of the sample, should rows be long.
const SAMPLE_BYTES: usize = 8 << 20;

/// One kind of damage, and how much of it there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// What is wrong.
    pub kind: DamageKind,
    /// Rows concerned.
    pub rows: u64,
    /// The first of them, 1-based, the header not counted.
    pub first_row: u64,
}

/// What can be wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DamageKind {
    /// Fewer fields than the header; the fields that are there were read.
    FewerFields,
    /// More fields than the header, which shifts them; the row was left out.
    MoreFields,
    /// A quote that never closes; it was read as an ordinary character.
    UnclosedQuote,
    /// A record longer than 16 MiB; it was cut.
    LongRecord,
    /// The file ends in the middle of a row; the last field was left out.
    CutOff,
    /// What a reader of another format passed over.
    #[serde(untagged)]
    Fault(&'static str),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            DamageKind::FewerFields => "with fewer fields than the header",
            DamageKind::MoreFields => "with more fields than the header, left out",
            DamageKind::UnclosedQuote => "with a quote that never closes",
            DamageKind::LongRecord => "too long, cut",
            DamageKind::CutOff => "cut off by the end of the file",
            DamageKind::Fault(what) => what,
        };
        let (rows, first) = (self.rows, self.first_row);
        if rows == 0 {
            f.write_str(what)
        } else if rows == 1 {
            write!(f, "row {first}: {what}")
        } else {
            write!(f, "{rows} rows {what} (the first: row {first})")
        }
    }
}

/// Damage gathered over a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DamageList(Vec<Damage>);

impl DamageList {
    /// Adds one damaged row.
    pub fn add(&mut self, kind: DamageKind, row: u64) {
        self.merge_one(Damage { kind, rows: 1, first_row: row });
    }

    /// Adds what a reader of another format passed over.
    pub fn note(&mut self, what: &'static str, rows: u64, first_row: u64) {
        self.merge_one(Damage { kind: DamageKind::Fault(what), rows, first_row });
    }

    /// Adds what was found in a block whose first row is `first_row`; the block counted its rows from 1.
    pub fn merge(&mut self, block: &DamageList, first_row: u64) {
        for damage in &block.0 {
            self.merge_one(Damage { first_row: damage.first_row + first_row - 1, ..*damage });
        }
    }

    fn merge_one(&mut self, new: Damage) {
        match self.0.iter_mut().find(|known| known.kind == new.kind) {
            Some(known) => {
                known.rows += new.rows;
                known.first_row = known.first_row.min(new.first_row);
            }
            None => self.0.push(new),
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The damage by kind, most rows first.
    pub fn into_vec(mut self) -> Vec<Damage> {
        self.0.sort_by_key(|damage| (std::cmp::Reverse(damage.rows), damage.kind));
        self.0
    }
}

/// A leak that is open: its header is read, its first rows are at hand.
pub struct Intake<R> {
    /// The leak's header and dialect.
    pub head: csv::Head,
    /// Columns beside those of the file, which have one value in all rows.
    pub constants: Vec<Constant>,
    blocks: Blocks<R>,
    held_back: VecDeque<Block>,
    /// Whether all of it is held back.
    is_whole: bool,
}

/// A row of a leak: the file's columns, then the constant ones.
pub struct LeakedRow<'a> {
    /// As the file has it.
    pub row: CsvRow<'a>,
    /// Columns of the file.
    pub width: usize,
    /// Columns beside them.
    pub constants: &'a [Constant],
}

impl Row for LeakedRow<'_> {
    #[inline]
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        match column.checked_sub(self.width) {
            None => self.row.cell(column),
            Some(constant) => {
                let value = self.constants.get(constant).map_or("", |constant| constant.value.as_str());
                Cow::Borrowed(value.as_bytes())
            }
        }
    }
}

impl<R: Read> Intake<R> {
    /// Opens a leak and reads its sample.
    ///
    /// # Errors
    /// Only if the file is empty or can't be read at all.
    pub fn open(reader: R, delimiter: Option<u8>) -> Result<Intake<R>> {
        let options: Options = block::Options::new(Reading::Tolerant);
        let (head, mut blocks) = csv::open(reader, delimiter, options)?;
        let (mut held_back, mut bytes, mut rows) = (VecDeque::new(), 0, 0);
        let (mut fields, mut is_whole) = (Fields::default(), false);
        while bytes < SAMPLE_BYTES && rows < SAMPLE_ROWS {
            let mut block = Block::default();
            if !blocks.next_block(&mut block)? {
                is_whole = true;
                break;
            }
            bytes += block.bytes().len();
            let mut records = Records::of(&block, head.dialect);
            while records.next_record(&mut fields) {
                rows += 1;
            }
            held_back.push_back(block);
        }
        Ok(Intake { head, constants: Vec::new(), blocks, held_back, is_whole })
    }

    /// Adds columns that have one value in all rows, but for those that the file has itself.
    pub fn add_constants(&mut self, constants: Vec<Constant>) {
        let names = &self.head.names;
        self.constants.extend(constants.into_iter().filter(|constant| !names.contains(&constant.name)));
    }

    /// The names of all columns.
    pub fn names(&self) -> Vec<String> {
        let constants = self.constants.iter().map(|constant| &constant.name);
        self.head.names.iter().chain(constants).cloned().collect()
    }

    /// Makes a row of the first line, for a leak that has lost its header. Columns then have no names.
    pub fn take_header_as_row(&mut self) {
        let csv::Head { dialect, names, bytes } = &mut self.head;
        let row = bytes.split_off(dialect.bom_bytes.min(bytes.len()));
        self.held_back.push_front(Block::of(row));
        names.iter_mut().for_each(String::clear);
    }

    /// Whether all of it is in the sample, so that nothing is left to be read.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The cells of each column in the sample's first `most_rows`.
    pub fn cells(&self, most_rows: usize) -> Vec<Cells> {
        let mut columns = vec![Cells::default(); self.head.names.len() + self.constants.len()];
        self.sample(most_rows, |row| {
            columns.iter_mut().enumerate().for_each(|(column, cells)| cells.add(&row.cell(column)));
        });
        columns
    }

    /// Calls `see` with the first `most_rows` of the sample, in order.
    pub fn sample(&self, most_rows: usize, mut see: impl FnMut(&LeakedRow)) {
        let (mut rows, width) = (0, self.head.names.len());
        let mut fields = Fields::default();
        for block in &self.held_back {
            let mut records = Records::of(block, self.head.dialect);
            while rows < most_rows.min(SAMPLE_ROWS) && records.next_record(&mut fields) {
                rows += 1;
                let row = CsvRow { bytes: block.bytes(), fields: &fields };
                see(&LeakedRow { row, width, constants: &self.constants });
            }
        }
    }
}

impl<R: Read> Source for Intake<R> {
    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        match self.held_back.pop_front() {
            Some(held_back) => {
                *block = held_back;
                Ok(true)
            }
            None => self.blocks.next_block(block),
        }
    }
}

/// Walks the rows of a block as well as it can be done. `see` gets every row that may be read, with its number in the block from
/// 0, its fields in the header's order; what is wrong goes to `damage`, counted from 1. Gives the number of rows, damaged
/// ones included.
pub fn walk(
    block: &Block,
    dialect: Dialect,
    width: usize,
    fields: &mut Fields,
    damage: &mut DamageList,
    mut see: impl FnMut(u64, &CsvRow),
) -> u64 {
    if let Some(found) = block.damage() {
        damage.add(
            match found {
                block::Damage::UnclosedQuote => DamageKind::UnclosedQuote,
                block::Damage::LongRecord => DamageKind::LongRecord,
            },
            1,
        );
    }
    let mut rows = 0;
    let mut records = Records::of(block, dialect);
    while records.next_record(fields) {
        rows += 1;
        let row = CsvRow { bytes: block.bytes(), fields };
        if fields.len() > width && (width..fields.len()).any(|column| !row.cell(column).is_empty()) {
            damage.add(DamageKind::MoreFields, rows);
            continue;
        }
        if fields.len() < width {
            // Only the last record of a file can lack its terminator: whatever cut it may have cut its last field too.
            let cut_off = !fields.is_terminated();
            damage.add(if cut_off { DamageKind::CutOff } else { DamageKind::FewerFields }, rows);
            if cut_off {
                fields.drop_last();
            }
        }
        see(rows - 1, &CsvRow { bytes: block.bytes(), fields });
    }
    rows
}
