//! A JSON file as a table that can be copied.

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::table::Row;
use crate::table::format::block::{Block, Options, Peeked, Reading};
use crate::table::format::found::Faults;
use crate::table::format::reason::read_failed;
use crate::table::format::splice::Edits;
use crate::table::format::text::{Syntax, TextRow, TextTable};

use super::blocks::{JsonBlocks, Shape, TAIL};
use super::lex::Lexer;
use super::plan::Plan;
use super::reason::JsonReason;
use super::rows::Rows;
use super::scan::{Slots, scan};
use super::tail::Tail;
use super::wrapped;

/// Bytes that are looked at to see where the rows stand.
pub(super) const HEAD_BYTES: usize = 1 << 16;

/// A word, an escape or a number that is cut off at the end of what was looked at is hardly longer.
pub(super) const LONGEST_WORD: usize = 24;

/// What UTF-8 files may begin with.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// How the rows of one JSON file are written.
pub struct JsonSyntax {
    plan: Plan,
    shape: Shape,
    reading: Reading,
    /// What tolerant reading passed over.
    faults: Faults,
    /// Rows of the blocks before, to number faults.
    passed: AtomicU64,
}

/// An open JSON file.
pub type JsonTable<R> = TextTable<JsonSyntax, JsonBlocks<R>>;

/// Where the rows of a file stand.
pub(super) struct Stand {
    pub shape: Shape,
    /// Bytes before the first row.
    pub head_bytes: usize,
    /// The member of a row whose columns are the row's.
    pub within: Option<&'static [u8]>,
    /// What follows the rows.
    pub tail: Tail,
}

/// Opens a file of objects, one on each line or in one array. If it is one object, its rows are in the only array of objects
/// among its members, or in the array at the path `part`; the columns of a FHIR Bundle's entries are those of their
/// resources. Its columns are those of the first rows, and `wanted`.
///
/// # Errors
/// If it can't be read, holds no object, or not at `part`, if several arrays could hold the rows, or if a name that is wanted
/// is no path.
pub fn table<R: Read + Send>(
    reader: R,
    wanted: &[String],
    part: Option<&str>,
    options: Options,
) -> Result<JsonTable<R>> {
    wrapped(reader, wanted, part, options, Faults::default())
}

/// As [`table`]; tolerant reading counts `faults`.
pub(super) fn wrapped<R: Read + Send>(
    mut reader: R,
    wanted: &[String],
    part: Option<&str>,
    options: Options,
    faults: Faults,
) -> Result<JsonTable<R>> {
    let mut ahead = read_ahead(&mut reader, HEAD_BYTES)?;
    let at = first_byte(&ahead);
    let stand = match wrapped::find(&mut ahead, at, &mut reader, wanted, part, options)? {
        Some(stand) => stand,
        None => stand(&ahead, None, options)?,
    };
    begin(ahead, reader, stand, wanted, options, faults)
}

/// Opens a file of rows on lines, after each other or in one array. The columns may be those `within` a member of each row.
pub(super) fn open<R: Read + Send>(
    mut reader: R,
    wanted: &[String],
    options: Options,
    within: Option<&'static [u8]>,
    faults: Faults,
) -> Result<JsonTable<R>> {
    let ahead = read_ahead(&mut reader, HEAD_BYTES)?;
    let stand = stand(&ahead, within, options)?;
    begin(ahead, reader, stand, wanted, options, faults)
}

/// Where rows stand that are no part of an object.
fn stand(ahead: &[u8], within: Option<&'static [u8]>, options: Options) -> Result<Stand> {
    let (shape, head_bytes) = shape(ahead, options.reading == Reading::Tolerant).ok_or(JsonReason::Empty)?;
    Ok(Stand { shape, head_bytes, within, tail: Tail::default() })
}

fn begin<R: Read + Send>(
    mut ahead: Vec<u8>,
    reader: R,
    stand: Stand,
    wanted: &[String],
    options: Options,
    faults: Faults,
) -> Result<JsonTable<R>> {
    let is_tolerant = options.reading == Reading::Tolerant;
    let Stand { shape, head_bytes, within, tail } = stand;
    let rest = ahead.split_off(head_bytes);
    let mut blocks = Peeked::new(JsonBlocks::new(rest, reader, shape, tail, options));
    let mut plan = Plan::new(within);
    if let Some(block) = blocks.peek()? {
        learn(&mut plan, block.bytes(), shape, is_tolerant);
    }
    plan.want(wanted)?;
    let columns = plan.columns.clone();
    let syntax = JsonSyntax { plan, shape, reading: options.reading, faults, passed: AtomicU64::new(0) };
    Ok(TextTable { head: ahead, columns, syntax, blocks })
}

/// Where the first byte is that is no space.
fn first_byte(ahead: &[u8]) -> usize {
    let mut lexer = Lexer { bytes: ahead, at: if ahead.starts_with(BOM) { BOM.len() } else { 0 } };
    lexer.skip_space();
    lexer.at
}

/// Reads at most so many bytes.
pub(super) fn read_ahead(reader: &mut impl Read, limit: usize) -> Result<Vec<u8>> {
    let mut ahead = Vec::new();
    reader.take(limit as u64).read_to_end(&mut ahead).map_err(|error: io::Error| read_failed(error))?;
    Ok(ahead)
}

/// Where the rows stand, and how many bytes come before the first; `None` if there are none.
fn shape(ahead: &[u8], is_tolerant: bool) -> Option<(Shape, usize)> {
    let mut lexer = Lexer { bytes: ahead, at: if ahead.starts_with(BOM) { BOM.len() } else { 0 } };
    let head_bytes = lexer.at;
    match lexer.skip_space() {
        b'[' => {
            lexer.at += 1;
            let after = (Shape::Array, lexer.at);
            // A line of a log may begin with a bracket as well.
            match lexer.skip_space() {
                b'{' | b']' | 0 => Some(after),
                _ => Some(if is_tolerant { (Shape::Lines, head_bytes) } else { after }),
            }
        }
        b'{' => Some((lines_or_series(ahead, lexer.at), head_bytes)),
        _ => is_tolerant.then_some((Shape::Lines, head_bytes)),
    }
}

/// Whether the rows from `start` on end on their lines. The first that doesn't is either broken or goes on on the next line.
fn lines_or_series(ahead: &[u8], mut start: usize) -> Shape {
    while let Some(length) = memchr::memchr(b'\n', &ahead[start..]) {
        let end = start + length;
        if ahead[start] == b'{' && (Lexer { bytes: &ahead[..end], at: start }).skip_value(0).is_err() {
            let mut over_lines = Lexer { bytes: ahead, at: start };
            let goes_on = over_lines.skip_value(0).is_ok() || over_lines.at + LONGEST_WORD >= ahead.len();
            return if goes_on { Shape::Series } else { Shape::Lines };
        }
        let mut next = Lexer { bytes: ahead, at: end };
        next.skip_space();
        start = next.at;
    }
    Shape::Lines
}

/// Adds the columns of a block, as far as it can be read.
fn learn(plan: &mut Plan, block: &[u8], shape: Shape, is_tolerant: bool) {
    let mut rows = Rows::of(block, shape, is_tolerant);
    let mut read = |lexer: &mut Lexer| {
        if lexer.next() != b'{' {
            return Err(JsonReason::NoObject);
        }
        // A row that is broken has no columns.
        Lexer { ..*lexer }.skip_value(0)?;
        plan.learn(lexer)
    };
    while let Some(row) = rows.next_row(&mut read) {
        if row.is_err() && !is_tolerant {
            break;
        }
    }
}

impl Syntax for JsonSyntax {
    type Scratch = Slots;
    type Row<'a> = JsonRow<'a>;

    fn rows(
        &self,
        block: &Block,
        slots: &mut Slots,
        mut see: impl FnMut(&JsonRow<'_>) -> Result<()>,
    ) -> Result<u64> {
        let is_tolerant = self.reading == Reading::Tolerant;
        let bytes = block.bytes();
        if block.begins == TAIL {
            if block.damage().is_some() {
                self.faults.add_whole("what follows its rows is no valid JSON, or cut off");
            }
            return Ok(0);
        }
        let mut rows = Rows::of(bytes, self.shape, is_tolerant);
        let mut number = 0;
        while let Some(row) = rows.next_row(|lexer| scan(lexer, &self.plan, is_tolerant, slots)) {
            number += 1;
            match row {
                Ok(()) => {
                    let row = JsonRow { block: bytes, slots, plan: &self.plan };
                    see(&row).map_err(|error| error.at_row(number))?;
                    if is_tolerant && slots.has_others {
                        self.add_fault("with members that the first rows lack", number);
                    }
                }
                Err(reason) if !is_tolerant => return Err(Error::from(reason).at_row(number)),
                Err(reason) => self.add_fault(left_out(&reason), number),
            }
        }
        if is_tolerant {
            self.passed.fetch_add(number, Ordering::Relaxed);
        }
        Ok(number)
    }
}

impl JsonSyntax {
    fn add_fault(&self, what: &'static str, row: u64) {
        self.faults.add(what, self.passed.load(Ordering::Relaxed) + row);
    }
}

/// What is said of a row that was left out.
fn left_out(reason: &JsonReason) -> &'static str {
    match reason {
        JsonReason::NoObject => "without a JSON object, left out",
        JsonReason::Deep { .. } => "nested too deep, left out",
        _ => "without valid JSON, left out",
    }
}

/// A row that can be edited.
pub struct JsonRow<'a> {
    block: &'a [u8],
    slots: &'a Slots,
    plan: &'a Plan,
}

impl Row for JsonRow<'_> {
    #[inline]
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        self.slots.slots.get(column).map_or(Cow::Borrowed(b""), |slot| slot.text(self.block))
    }
}

impl TextRow for JsonRow<'_> {
    fn replace(&self, column: usize, new_text: &str, edits: &mut Edits) -> Result<()> {
        let slot = self.slots.slots.get(column).copied().unwrap_or_default();
        let name = || self.plan.columns.get(column).cloned().unwrap_or_default();
        slot.replace(self.block, new_text, edits).map_err(|error| error.at_column(name()))
    }
}
