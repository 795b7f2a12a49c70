//! The owner's unmarked table in memory.
//!
//! Rows are looked up one by one and whole (what should this row's copy hold?), so they are kept row by row: the cells' texts
//! behind each other in one buffer for each block of the file, and where each cell ends. That is the file's own size without its
//! quotes, and four bytes a cell: some 150 MB for a million rows of thirteen columns. Columns would save a little more, and
//! cost a cache miss for each cell of a row. Whoever works on columns (`leak::rows`) keeps a digest of its own.
//!
//! Reading is strict: this is our own file, and a row that is shifted would be compared with the wrong cells. Errors name the
//! row, never a value.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Class, Reason, Result};
use crate::table::Row;
use crate::table::format::block::{self, Block, Reading};
use crate::table::format::csv::{self, CsvRow, Dialect, Fields, Records, check_width};
use crate::table::format::digest::Hashing;
use crate::table::format::pump::pump;

#[derive(Debug, thiserror::Error)]
enum ReferenceReason {
    #[error("interrupted")]
    Interrupted,
    #[error("the reference has more than {} rows", Reference::MAX_ROWS)]
    TooLong,
}

impl Reason for ReferenceReason {
    fn class(&self) -> Class {
        match self {
            ReferenceReason::Interrupted => Class::Io,
            ReferenceReason::TooLong => Class::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            ReferenceReason::Interrupted => None,
            ReferenceReason::TooLong => Some("give the part of the table that the leak is from".into()),
        }
    }
}

/// An unmarked table. Its `Debug` shows its size alone.
pub struct Reference {
    header: Vec<String>,
    chunks: Vec<Chunk>,
    rows: usize,
    bytes: u64,
    blake3: String,
}

/// The rows of one block.
#[derive(Default)]
struct Chunk {
    /// Number of the first of them, from 0.
    first_row: usize,
    texts: Vec<u8>,
    /// Where each cell ends in `texts`, row by row.
    ends: Vec<u32>,
}

/// What a worker makes of one block.
#[derive(Default)]
struct Work {
    fields: Fields,
    chunk: Chunk,
}

impl Reference {
    /// Rows are numbered in 32 bits.
    const MAX_ROWS: usize = u32::MAX as usize;

    /// Reads a table. `delimiter` is sniffed if `None`; `progress` is told the number of bytes done, from time to time;
    /// `interrupted` is set from outside to stop with an error.
    ///
    /// # Errors
    /// If the file is empty, a row has another number of fields than the header, a quote never closes, or reading fails.
    pub fn read(
        source: impl Read + Send,
        delimiter: Option<u8>,
        interrupted: &AtomicBool,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Reference> {
        let source = Hashing::new(source);
        let passed = source.passed();
        let (head, mut blocks) = csv::open(source, delimiter, block::Options::new(Reading::Strict))?;
        let (width, mut bytes) = (head.names.len(), head.bytes.len() as u64);
        let (mut chunks, mut rows): (Vec<Chunk>, usize) = (Vec::new(), 0);
        pump(
            &mut blocks,
            |block, work: &mut Work| work.read_block(block, head.dialect, width),
            |block, work| {
                let mut chunk = std::mem::take(&mut work.chunk);
                chunk.first_row = rows;
                chunk.texts.shrink_to_fit();
                chunk.ends.shrink_to_fit();
                rows += chunk.ends.len() / width;
                chunks.push(chunk);
                bytes += block.bytes().len() as u64;
                progress(bytes);
                if interrupted.load(Ordering::Relaxed) {
                    Err(ReferenceReason::Interrupted.into())
                } else if rows > Self::MAX_ROWS {
                    Err(ReferenceReason::TooLong.into())
                } else {
                    Ok(())
                }
            },
        )?;
        drop(blocks);
        let (bytes, blake3) = (passed.bytes(), passed.blake3());
        chunks.retain(|chunk| !chunk.ends.is_empty());
        Ok(Reference { header: head.names, chunks, rows, bytes, blake3 })
    }

    /// The column names.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The number of bytes of the source.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Hex BLAKE3 of the source.
    pub fn blake3(&self) -> &str {
        &self.blake3
    }

    /// A row by its number, from 0.
    ///
    /// # Panics
    /// Past the last row.
    pub fn row(&self, row: usize) -> ReferenceRow<'_> {
        let chunk = &self.chunks[self.chunks.partition_point(|chunk| chunk.first_row <= row) - 1];
        chunk.row(row - chunk.first_row, self.header.len())
    }

    /// All rows in order, as runs that may be worked on in parallel: the number of a run's first row, and its rows.
    pub(super) fn runs(&self) -> impl ExactSizeIterator<Item = (usize, Run<'_>)> {
        self.chunks.iter().map(|chunk| (chunk.first_row, Run { chunk, width: self.header.len() }))
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reference({} rows, {} columns)", self.rows, self.header.len())
    }
}

/// Rows that follow each other.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    chunk: &'a Chunk,
    width: usize,
}

impl<'a> Run<'a> {
    pub(super) fn rows(self) -> impl ExactSizeIterator<Item = ReferenceRow<'a>> {
        (0..self.chunk.ends.len() / self.width).map(move |row| self.chunk.row(row, self.width))
    }
}

impl Chunk {
    fn row(&self, row: usize, width: usize) -> ReferenceRow<'_> {
        let first = row * width;
        let start = if first == 0 { 0 } else { self.ends[first - 1] };
        ReferenceRow { texts: &self.texts, start, ends: &self.ends[first..first + width] }
    }
}

/// One row of the reference.
#[derive(Clone, Copy)]
pub struct ReferenceRow<'a> {
    texts: &'a [u8],
    start: u32,
    ends: &'a [u32],
}

impl<'a> ReferenceRow<'a> {
    /// The cell's text, for as long as the reference lives; empty past the last column.
    pub fn text(&self, column: usize) -> &'a [u8] {
        let Some(&end) = self.ends.get(column) else { return b"" };
        let start = if column == 0 { self.start } else { self.ends[column - 1] };
        &self.texts[start as usize..end as usize]
    }
}

impl Row for ReferenceRow<'_> {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.text(column))
    }
}

impl Work {
    fn read_block(&mut self, block: &Block, dialect: Dialect, width: usize) -> Result<u64> {
        let Work { fields, chunk } = self;
        chunk.texts.clear();
        chunk.ends.clear();
        let mut rows = 0;
        let mut records = Records::of(block, dialect);
        while records.next_record(fields) {
            rows += 1;
            check_width(rows, fields.len(), width)?;
            let row = CsvRow { bytes: block.bytes(), fields };
            for column in 0..width {
                chunk.texts.extend_from_slice(&row.cell(column));
                // A block is shorter than 4 GiB, and a cell's text is no longer than the cell.
                chunk.ends.push(chunk.texts.len() as u32);
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(table: &str) -> Result<Reference> {
        Reference::read(table.as_bytes(), None, &AtomicBool::new(false), &|_| ())
    }

    #[test]
    fn rows_come_back_as_they_were_and_unquoted() {
        let table = "a,b,c\n1,\"x, \"\"y\"\"\", z \n\n2,,\n";
        let reference = read(table).unwrap();
        assert_eq!(reference.header(), ["a", "b", "c"]);
        assert_eq!((reference.len(), reference.bytes()), (2, table.len() as u64));
        assert_eq!(reference.blake3(), blake3::hash(table.as_bytes()).to_hex().as_str());
        let cells = |row: usize| (0..4).map(|c| reference.row(row).text(c)).collect::<Vec<_>>();
        assert_eq!(cells(0), [&b"1"[..], b"x, \"y\"", b"z", b""]);
        assert_eq!(cells(1), [&b"2"[..], b"", b"", b""]);
        assert_eq!(format!("{reference:?}"), "Reference(2 rows, 3 columns)");
    }

    #[test]
    fn rows_are_found_across_blocks() {
        let rows = 60_000;
        let lines: String = (0..rows).map(|row| format!("{row},{}\n", row * row)).collect();
        let reference = read(&format!("n,square\n{lines}")).unwrap();
        assert!(reference.chunks.len() > 2 && reference.len() == rows, "{reference:?}");
        for row in [0, 1, 29_999, 30_000, rows - 1] {
            assert_eq!(reference.row(row).text(0), row.to_string().as_bytes());
            assert_eq!(reference.row(row).text(1), (row * row).to_string().as_bytes());
        }
        let in_order =
            reference.runs().flat_map(|(first, run)| run.rows().enumerate().map(move |r| (first, r)));
        for (number, (first, (at, row))) in in_order.enumerate() {
            assert_eq!((first + at, row.text(0)), (number, number.to_string().as_bytes()));
        }
    }

    #[test]
    fn a_broken_reference_is_an_error_with_its_row() {
        let lines = "1,2\n".repeat(100_000);
        let error = read(&format!("a,b\n{lines}secret\n")).unwrap_err();
        assert_eq!(error.to_string(), "row 100001: row has 1 fields, the header has 2");
        assert_eq!(read("").unwrap_err().to_string(), "the file is empty");
        assert!(read("a,b\n").unwrap().is_empty());
        let stopped = Reference::read(&b"a\n1\n"[..], None, &AtomicBool::new(true), &|_| ());
        assert_eq!(stopped.unwrap_err().to_string(), "interrupted");
    }
}
