//! A Parquet file as a table that can be copied.
//!
//! Memory: reading holds a few thousand rows decoded, and the bytes of one row group of the columns that are asked for.
//! Copying holds those columns decoded for one row group, because whether a column must be encoded again is known only when
//! the last row of the group has passed, and the encoded columns of one row group for one copy at a time.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::error::Result;
use crate::table::Row;
use crate::table::format::copy::{Editor, Table};

use super::cells::Cells;
use super::edits::ColumnEdits;
use super::encode::{Encoded, Manner, encode};
use super::file::ParquetFile;
use super::leaf::{Leaf, leaves};
use super::output::{Checked, Output};
use super::reason::ParquetReason;
use super::span::{Span, decoders};

/// Rows that are decoded at once for who only reads: enough to hide what a batch costs, few enough for a cache.
const SPAN_ROWS: usize = 8192;

/// Rows that are shown to an editor at once: few, as an editor learns from what was merged before.
const BATCH_ROWS: usize = 2048;

/// Rows of the largest row group that is copied: what the largest writers have as their default (64 Mi, of older Arrow).
/// A crafted file of some kilobytes can claim any number, and decode to it.
const MAX_GROUP_ROWS: u64 = 1 << 26;

/// Batches that are with the workers, for each of them: enough that none waits long for the slowest.
const BATCHES_PER_WORKER: usize = 2;

/// An open Parquet file.
pub struct ParquetTable {
    file: ParquetFile,
    leaves: Vec<Leaf>,
    columns: Vec<String>,
}

impl ParquetTable {
    pub(super) fn open(file: File) -> Result<ParquetTable> {
        let file = ParquetFile::open(file)?;
        let leaves = leaves(file.metadata.file_metadata().schema_descr());
        let columns = leaves.iter().map(|leaf| leaf.name.clone()).collect();
        Ok(ParquetTable { file, leaves, columns })
    }

    fn group_rows(&self, group: usize) -> usize {
        // Negative numbers were refused when the file was opened.
        self.file.metadata.row_group(group).num_rows() as usize
    }

    /// Shows the rows of one row group; gives false when `see` wants no more.
    fn group(&self, group: usize, see: &mut dyn FnMut(&dyn Row) -> Result<bool>) -> Result<u64> {
        let (decoders, rows) = (decoders(self.leaves.len()), self.group_rows(group));
        for first in (0..rows).step_by(SPAN_ROWS) {
            let here = SPAN_ROWS.min(rows - first);
            let span = Span::new((&self.file, &self.leaves), &decoders, group, first, here);
            for row in 0..here {
                let passed = (first + row) as u64;
                let more = see(&span.row(row)).map_err(|error| error.after_rows(passed));
                // A cell that could not be decoded was shown as empty; what came of it is worthless.
                span.check().map_err(|error| error.after_rows(passed))?;
                if !more? {
                    return Ok(passed + 1);
                }
            }
        }
        Ok(rows as u64)
    }
}

impl Table for ParquetTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn peek(&mut self, see: &mut dyn FnMut(&dyn Row)) -> Result<()> {
        let Some(group) = (0..self.file.metadata.num_row_groups()).find(|&group| self.group_rows(group) > 0)
        else {
            return Ok(());
        };
        let mut shown = 0;
        self.group(group, &mut |row| {
            see(row);
            shown += 1;
            Ok(shown < SPAN_ROWS)
        })?;
        Ok(())
    }

    fn rows(self, see: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<u64> {
        let mut rows = 0;
        for group in 0..self.file.metadata.num_row_groups() {
            let passed = self.group(group, &mut |row| see(row).map(|()| true));
            rows += passed.map_err(|error| error.after_rows(rows))?;
        }
        Ok(rows)
    }

    fn copy<E: Editor>(
        mut self,
        editor: &E,
        outputs: &mut [impl Write + Send],
        mut merge: impl FnMut(&mut E::Work) -> Result<()> + Send,
    ) -> Result<u64> {
        self.file.load_page_indexes();
        let mut checked: Vec<_> = outputs.iter_mut().map(Checked::new).collect();
        let outputs = checked.iter_mut().map(|out| Output::new(&self.file, out));
        let mut outputs = outputs.collect::<Result<Vec<_>>>()?;
        let mut copying = Copying::new(&self, outputs.len());
        let mut rows = 0;
        for group in 0..self.file.metadata.num_row_groups() {
            let passed = copying.group(group, editor, &mut outputs, &mut merge);
            rows += passed.map_err(|error| error.after_rows(rows))?;
        }
        outputs.into_iter().try_for_each(Output::finish)?;
        checked.into_iter().try_for_each(Checked::result)?;
        Ok(rows)
    }
}

/// What is kept from row group to row group.
struct Copying<'a, W> {
    table: &'a ParquetTable,
    /// Whether a cell of the column was ever asked for. Such columns are decoded at once, next to each other.
    asked: Vec<AtomicBool>,
    /// For each copy, and in it for each column.
    edits: Vec<Vec<ColumnEdits>>,
    works: Vec<Work<W>>,
}

/// What a worker makes of one batch.
struct Work<W> {
    editor: W,
    edits: Vec<Vec<ColumnEdits>>,
    rows: u64,
    result: Result<()>,
}

fn no_edits(copies: usize, columns: usize) -> Vec<Vec<ColumnEdits>> {
    (0..copies).map(|_| (0..columns).map(|_| ColumnEdits::default()).collect()).collect()
}

impl<'a, W: Default + Send> Copying<'a, W> {
    fn new(table: &'a ParquetTable, copies: usize) -> Self {
        let columns = table.columns.len();
        let work =
            || Work { editor: W::default(), edits: no_edits(copies, columns), rows: 0, result: Ok(()) };
        let batches = BATCHES_PER_WORKER * rayon::current_num_threads();
        Copying {
            table,
            asked: (0..columns).map(|_| AtomicBool::new(false)).collect(),
            edits: no_edits(copies, columns),
            works: (0..batches).map(|_| work()).collect(),
        }
    }

    fn group<E: Editor<Work = W>>(
        &mut self,
        group: usize,
        editor: &E,
        outputs: &mut [Output<'_, impl Write + Send>],
        merge: &mut impl FnMut(&mut W) -> Result<()>,
    ) -> Result<u64> {
        let table = self.table;
        let rows = table.group_rows(group);
        if rows as u64 > MAX_GROUP_ROWS {
            return Err(ParquetReason::Large { limit_rows: MAX_GROUP_ROWS }.into());
        }
        let decoders = decoders(table.leaves.len());
        let mut span = Span::new((&table.file, &table.leaves), &decoders, group, 0, rows);
        self.decode_ahead(&span);
        self.edit(&span, rows, editor, merge)?;
        self.decode_edited(&span)?;
        for (column, asked) in self.asked.iter().enumerate() {
            asked.fetch_or(span.was_asked(column), Ordering::Relaxed);
        }
        let mut cells: Vec<Option<Cells>> = (0..table.leaves.len()).map(|column| span.take(column)).collect();
        for (output, edits) in outputs.iter_mut().zip(&self.edits) {
            let mut encoded = encode_columns(table, group, &mut cells, edits)?;
            output.group(&mut encoded)?;
        }
        Ok(rows as u64)
    }

    /// Decodes the columns that were asked for before.
    fn decode_ahead(&self, span: &Span<'_>) {
        let asked = self.asked.par_iter().enumerate().filter(|(_, asked)| asked.load(Ordering::Relaxed));
        asked.for_each(|(column, _)| {
            span.cells(column);
        });
    }

    /// Decodes columns that have edits, though nobody looked at them.
    fn decode_edited(&self, span: &Span<'_>) -> Result<()> {
        for copy in &self.edits {
            for (column, _) in copy.iter().enumerate().filter(|(_, edits)| !edits.is_empty()) {
                span.cells(column);
            }
        }
        span.check()
    }

    /// Shows all rows to the editor and gathers its edits.
    fn edit<E: Editor<Work = W>>(
        &mut self,
        span: &Span<'_>,
        rows: usize,
        editor: &E,
        merge: &mut impl FnMut(&mut W) -> Result<()>,
    ) -> Result<()> {
        self.edits.iter_mut().flatten().for_each(ColumnEdits::clear);
        let wave_rows = self.works.len() * BATCH_ROWS;
        for first in (0..rows).step_by(wave_rows) {
            self.works.par_iter_mut().enumerate().for_each(|(number, work)| {
                let start = (first + number * BATCH_ROWS).min(rows);
                work.batch(span, start..(start + BATCH_ROWS).min(rows), editor);
            });
            span.check()?;
            for (number, work) in self.works.iter_mut().enumerate().filter(|(_, work)| work.rows > 0) {
                let before = first + number * BATCH_ROWS;
                std::mem::replace(&mut work.result, Ok(()))
                    .map_err(|error| error.after_rows(before as u64))?;
                merge(&mut work.editor).map_err(|error| error.after_rows(before as u64))?;
                for (all, batch) in self.edits.iter_mut().flatten().zip(work.edits.iter().flatten()) {
                    all.append(batch, before as u32);
                }
            }
        }
        Ok(())
    }
}

impl<W> Work<W> {
    fn batch<E: Editor<Work = W>>(&mut self, span: &Span<'_>, rows: std::ops::Range<usize>, editor: &E) {
        let Work { editor: made, edits, .. } = self;
        edits.iter_mut().flatten().for_each(ColumnEdits::clear);
        self.rows = rows.len() as u64;
        if rows.is_empty() {
            return;
        }
        editor.begin(made);
        for (number, row) in rows.enumerate() {
            editor.row(&span.row(row), made, &mut |copy, column, text| {
                edits[copy][column].push(number as u32, text);
            });
        }
        self.result = editor.end(made);
    }
}

/// Encodes the columns with edits, each on a core of its own. By the number of the leaf.
fn encode_columns(
    table: &ParquetTable,
    group: usize,
    cells: &mut [Option<Cells>],
    edits: &[ColumnEdits],
) -> Result<Vec<Option<Encoded>>> {
    let metadata = table.file.metadata.row_group(group);
    let columns = cells.par_iter_mut().zip(edits).zip(&table.leaves);
    let encoded = columns.map(|((cells, edits), leaf)| {
        if edits.is_empty() {
            return Ok(None);
        }
        let cells = cells.as_mut().expect("a column with edits is decoded");
        let chunk = metadata.column(leaf.index);
        let mut head = [0; 2];
        table.file.read(chunk.data_page_offset() as u64, &mut head)?;
        let indexes = table.file.metadata.page_index_for_row_group(group);
        let pages = indexes.page_locations(leaf.index).map(Vec::as_slice);
        let manner = Manner::of(chunk, &head, pages, table.group_rows(group));
        let encoded = encode(cells, edits, leaf, &manner)?;
        Ok(encoded.map(|encoded| (leaf.index, encoded)))
    });
    let mut list: Vec<Option<Encoded>> = (0..metadata.num_columns()).map(|_| None).collect();
    for (index, encoded) in encoded.collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        list[index] = Some(encoded);
    }
    Ok(list)
}
