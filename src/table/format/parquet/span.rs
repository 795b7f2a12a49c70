//! Rows of one row group, whose columns are decoded when a cell of theirs is first asked for.

use std::borrow::Cow;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::error::{Error, Result};
use crate::table::Row;

use super::cells::{Cells, Decoder};
use super::file::{ParquetFile, guarded};
use super::leaf::Leaf;
use super::reason::ParquetReason;

/// The decoders of a row group, one for each offered column, made when they are needed.
pub(super) type Decoders = Vec<Mutex<Option<Decoder>>>;

/// Decoders of so many columns.
pub(super) fn decoders(columns: usize) -> Decoders {
    (0..columns).map(|_| Mutex::new(None)).collect()
}

/// Some rows of a row group. Spans that share decoders must be made in the order of their rows.
pub(super) struct Span<'a> {
    file: &'a ParquetFile,
    leaves: &'a [Leaf],
    decoders: &'a Decoders,
    group: usize,
    first: usize,
    rows: usize,
    columns: Vec<OnceLock<Option<Cells>>>,
    failed: Mutex<Option<Error>>,
}

impl<'a> Span<'a> {
    /// Rows `first..first + rows` of a row group.
    pub fn new(
        (file, leaves): (&'a ParquetFile, &'a [Leaf]),
        decoders: &'a Decoders,
        group: usize,
        first: usize,
        rows: usize,
    ) -> Self {
        let columns = leaves.iter().map(|_| OnceLock::new()).collect();
        Span { file, leaves, decoders, group, first, rows, columns, failed: Mutex::new(None) }
    }

    /// A row, counted from the first of the span.
    pub fn row(&self, row: usize) -> SpanRow<'_> {
        SpanRow { span: self, row }
    }

    /// The cells of a column; nothing if they can't be decoded, which [`check`](Self::check) tells.
    pub fn cells(&self, column: usize) -> Option<&Cells> {
        self.columns
            .get(column)?
            .get_or_init(|| self.decode(column).map_err(|error| self.fail(error)).ok())
            .as_ref()
    }

    /// The same, taken out; nothing if no cell was asked for.
    pub fn take(&mut self, column: usize) -> Option<Cells> {
        self.columns[column].take().flatten()
    }

    /// Whether a cell of the column was asked for.
    pub fn was_asked(&self, column: usize) -> bool {
        self.columns[column].get().is_some()
    }

    /// The first error of decoding so far. A row has no way to tell it.
    pub fn check(&self) -> Result<()> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.take().map_or(Ok(()), Err)
    }

    fn fail(&self, error: Error) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    fn decode(&self, column: usize) -> Result<Cells> {
        let leaf = &self.leaves[column];
        let failed = || Error::from(ParquetReason::Decode).at_row(1).at_column(&leaf.name);
        let mut decoder = self.decoders[column].lock().unwrap_or_else(PoisonError::into_inner);
        let decoder = match &mut *decoder {
            Some(decoder) => decoder,
            none => {
                let group = self.file.metadata.row_group(self.group);
                let chunk = group.column(leaf.index);
                let bytes = self.file.chunk_bytes(chunk)?;
                let made = guarded(|| Decoder::new(bytes, chunk, group.num_rows() as usize));
                none.insert(made.ok_or_else(failed)?)
            }
        };
        guarded(|| decoder.decode(self.first, self.rows)).ok_or_else(failed)
    }
}

/// One row of a span.
pub(super) struct SpanRow<'a> {
    span: &'a Span<'a>,
    row: usize,
}

impl Row for SpanRow<'_> {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        match self.span.cells(column) {
            Some(cells) => cells.text(self.row, self.span.leaves[column].form),
            None => Cow::Borrowed(b""),
        }
    }
}
