//! Some rows of one row group, whose columns are decoded when a cell of theirs is first asked for.
//!
//! Of [`Picked`] rows all cells are at hand: columns that nobody has asked for are decoded for these rows alone.

use std::borrow::Cow;
use std::ops::Range;
use std::slice;
use std::sync::{Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::table::Row;

use super::cells::{Cells, Decoder};
use super::file::{ParquetFile, guarded};
use super::leaf::Leaf;
use super::reason::ParquetReason;

/// Rows that are decoded at once: enough to hide what a batch costs, few enough for a cache.
pub(super) const SPAN_ROWS: usize = 8192;

/// The decoders of a row group, one for each offered column, made when they are needed.
pub(super) type Decoders = Vec<Mutex<Option<Decoder>>>;

/// Decoders of so many columns.
pub(super) fn decoders(columns: usize) -> Decoders {
    (0..columns).map(|_| Mutex::new(None)).collect()
}

/// Where a span's rows come from.
#[derive(Clone, Copy)]
pub(super) struct Group<'a> {
    pub file: &'a ParquetFile,
    pub leaves: &'a [Leaf],
    pub decoders: &'a Decoders,
    pub number: usize,
}

impl Group<'_> {
    /// Lets `call` have the decoder of a column.
    pub fn with_decoder<T>(
        &self,
        column: usize,
        call: impl FnOnce(&mut Decoder, &Leaf) -> Result<T>,
    ) -> Result<T> {
        let leaf = &self.leaves[column];
        let mut decoder = self.decoders[column].lock().unwrap_or_else(PoisonError::into_inner);
        let decoder = match &mut *decoder {
            Some(decoder) => decoder,
            none => {
                let group = self.file.metadata.row_group(self.number);
                let chunk = group.column(leaf.index);
                let bytes = self.file.chunk_bytes(chunk)?;
                let made = guarded(|| Decoder::new(bytes, chunk, group.num_rows() as usize));
                none.insert(made.ok_or_else(|| undecodable(leaf, 0))?)
            }
        };
        call(decoder, leaf)
    }

    fn decode(&self, column: usize, ranges: &[Range<usize>]) -> Result<Cells> {
        let first = ranges.first().map_or(0, |range| range.start);
        self.with_decoder(column, |decoder, leaf| {
            guarded(|| decoder.decode(ranges)).ok_or_else(|| undecodable(leaf, first))
        })
    }
}

fn undecodable(leaf: &Leaf, first: usize) -> Error {
    Error::from(ParquetReason::Decode).at_row(first as u64 + 1).at_column(&leaf.name)
}

/// Some rows of a row group. Spans of one group must be made in the order of their rows.
pub(super) struct Span<'a> {
    group: Group<'a>,
    rows: Range<usize>,
    columns: Vec<OnceLock<Option<Cells>>>,
    failed: Mutex<Option<Error>>,
}

impl<'a> Span<'a> {
    /// These rows of a row group.
    pub fn new(group: Group<'a>, rows: Range<usize>) -> Self {
        let columns = group.leaves.iter().map(|_| OnceLock::new()).collect();
        Span { group, rows, columns, failed: Mutex::new(None) }
    }

    /// Its rows, as the row group counts them. All rows below are counted so.
    pub fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// A row.
    pub fn row(&self, row: usize) -> SpanRow<'_> {
        SpanRow { span: self, row }
    }

    /// The cells of a column; nothing if they can't be decoded, which [`check`](Self::check) tells.
    pub fn cells(&self, column: usize) -> Option<&Cells> {
        self.columns.get(column)?.get_or_init(|| self.decode(column, slice::from_ref(&self.rows))).as_ref()
    }

    /// Whether a cell of the column was asked for.
    pub fn was_asked(&self, column: usize) -> bool {
        self.columns[column].get().is_some()
    }

    /// These rows with all their cells, ascending. After this only columns that were asked for before can be.
    pub fn pick(&'a self, rows: Vec<usize>) -> Picked<'a> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for &row in &rows {
            match ranges.last_mut() {
                Some(last) if last.end == row => last.end += 1,
                _ => ranges.push(row..row + 1),
            }
        }
        let missing = self.columns.par_iter().enumerate().map(|(column, cells)| {
            if cells.get().is_some() || ranges.is_empty() { None } else { self.decode(column, &ranges) }
        });
        Picked { span: self, columns: missing.collect(), rows }
    }

    /// The first error of decoding so far. A row has no way to tell it.
    pub fn check(&self) -> Result<()> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.take().map_or(Ok(()), Err)
    }

    fn decode(&self, column: usize, ranges: &[Range<usize>]) -> Option<Cells> {
        let fail = |error| {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        };
        self.group.decode(column, ranges).map_err(fail).ok()
    }

    fn text<'c>(&self, cells: Option<&'c Cells>, place: usize, column: usize) -> Cow<'c, [u8]> {
        cells.map_or(Cow::Borrowed(b""), |cells| cells.text(place, self.group.leaves[column].form))
    }
}

/// One row of a span.
pub(super) struct SpanRow<'a> {
    span: &'a Span<'a>,
    row: usize,
}

impl Row for SpanRow<'_> {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        self.span.text(self.span.cells(column), self.row - self.span.rows.start, column)
    }
}

/// Some rows of a span with all their cells.
pub(super) struct Picked<'a> {
    span: &'a Span<'a>,
    /// The columns that the span has not.
    columns: Vec<Option<Cells>>,
    rows: Vec<usize>,
}

impl Picked<'_> {
    /// One of them.
    ///
    /// # Panics
    /// If it was not picked.
    pub fn row(&self, row: usize) -> PickedRow<'_> {
        let place = self.rows.binary_search(&row).expect("a row that was picked");
        PickedRow { picked: self, row, place }
    }
}

/// One of the picked rows.
pub(super) struct PickedRow<'a> {
    picked: &'a Picked<'a>,
    row: usize,
    place: usize,
}

impl Row for PickedRow<'_> {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        let Picked { span, columns, .. } = self.picked;
        match span.columns.get(column).and_then(OnceLock::get) {
            Some(cells) => span.text(cells.as_ref(), self.row - span.rows.start, column),
            None => span.text(columns.get(column).and_then(Option::as_ref), self.place, column),
        }
    }
}
