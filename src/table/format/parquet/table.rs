//! A Parquet file as a table that can be copied.
//!
//! Memory: some thousand rows are decoded at a time, of the columns that are asked for, whose bytes are held for one row group.
//! Copying holds also the edits to one row group, and its encoded columns for one copy at a time. Columns with edits are
//! decoded once more to be encoded, which takes 3 % of a stamp and spares keeping a row group decoded.

use std::fs::File;
use std::io::Write;
use std::ops::Range;

use rayon::prelude::*;

use crate::error::Result;
use crate::table::Row;
use crate::table::format::copy::{Editor, Table};

use super::edits::ColumnEdits;
use super::encode::{Encoded, Manner, encode};
use super::file::ParquetFile;
use super::leaf::{Leaf, leaves};
use super::output::{Checked, Output};
use super::reason::ParquetReason;
use super::span::{Decoders, Group, Picked, SPAN_ROWS, Span, decoders};

/// Rows that are shown to an editor at once: few, as an editor learns from what was merged before.
const BATCH_ROWS: usize = 2048;

/// Rows of the largest row group that is copied: what the largest writers have as their default (64 Mi, of older Arrow).
/// A crafted file of some kilobytes can claim any number, and decode to it; the edits to a row group are kept.
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

    fn part<'a>(&'a self, group: usize, decoders: &'a Decoders) -> Group<'a> {
        Group { file: &self.file, leaves: &self.leaves, decoders, number: group }
    }

    /// Shows the rows of one row group; gives false when `see` wants no more.
    fn group(&self, group: usize, see: &mut dyn FnMut(&dyn Row) -> Result<bool>) -> Result<u64> {
        let (decoders, rows) = (decoders(self.leaves.len()), self.group_rows(group));
        for first in (0..rows).step_by(SPAN_ROWS) {
            let span = Span::new(self.part(group, &decoders), first..(first + SPAN_ROWS).min(rows));
            for row in span.rows() {
                let passed = row as u64;
                let more = see(&span.row(row)).map_err(|error| error.after_rows(passed));
                // A cell that could not be decoded was shown as empty; what came of it is worthless.
                span.check()?;
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
    /// Whether a cell of the column was ever asked for at the first look. Such columns are decoded at once, next to each other.
    asked: Vec<bool>,
    /// For each copy, and in it for each column.
    edits: Vec<Vec<ColumnEdits>>,
    works: Vec<Work<W>>,
}

/// What a worker makes of one batch.
struct Work<W> {
    editor: W,
    edits: Vec<Vec<ColumnEdits>>,
    /// Rows of the batch that the editor has to see wholly, and its number for each.
    wanted: Vec<(usize, u64)>,
    rows: Range<usize>,
    result: Result<()>,
}

fn no_edits(copies: usize, columns: usize) -> Vec<Vec<ColumnEdits>> {
    (0..copies).map(|_| (0..columns).map(|_| ColumnEdits::default()).collect()).collect()
}

impl<'a, W: Default + Send> Copying<'a, W> {
    fn new(table: &'a ParquetTable, copies: usize) -> Self {
        let columns = table.columns.len();
        let work = || Work {
            editor: W::default(),
            edits: no_edits(copies, columns),
            wanted: Vec::new(),
            rows: 0..0,
            result: Ok(()),
        };
        let batches = BATCHES_PER_WORKER * rayon::current_num_threads();
        Copying {
            table,
            asked: vec![false; columns],
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
        let part = table.part(group, &decoders);
        self.edits.iter_mut().flatten().for_each(ColumnEdits::clear);
        let span_rows = self.works.len() * BATCH_ROWS;
        for first in (0..rows).step_by(span_rows) {
            let span = Span::new(part, first..(first + span_rows).min(rows));
            self.edit(&span, editor)?;
            self.merge(merge)?;
        }
        for (output, edits) in outputs.iter_mut().zip(&self.edits) {
            output.group(&mut encode_columns(table, part, edits)?)?;
        }
        Ok(rows as u64)
    }

    /// Shows the rows of a span to the editor.
    fn edit<E: Editor<Work = W>>(&mut self, span: &Span<'_>, editor: &E) -> Result<()> {
        let Copying { asked, works, .. } = self;
        let ahead = asked.par_iter().enumerate().filter(|(_, asked)| **asked);
        ahead.for_each(|(column, _)| {
            span.cells(column);
        });
        works.par_iter_mut().enumerate().for_each(|(number, work)| {
            let Range { start, end } = span.rows();
            let first = (start + number * BATCH_ROWS).min(end);
            work.first_look(span, first..(first + BATCH_ROWS).min(end), editor);
        });
        span.check()?;
        for (column, asked) in asked.iter_mut().enumerate() {
            *asked |= span.was_asked(column);
        }
        let picked =
            span.pick(works.iter().flat_map(|work| work.wanted.iter().map(|(row, _)| *row)).collect());
        span.check()?;
        works.par_iter_mut().for_each(|work| work.second_look(&picked, editor));
        Ok(())
    }

    /// Gathers what was made of the batches of a span, in the order of the rows.
    fn merge(&mut self, merge: &mut impl FnMut(&mut W) -> Result<()>) -> Result<()> {
        for work in self.works.iter_mut().filter(|work| !work.rows.is_empty()) {
            let before = work.rows.start as u64;
            std::mem::replace(&mut work.result, Ok(())).map_err(|error| error.after_rows(before))?;
            merge(&mut work.editor).map_err(|error| error.after_rows(before))?;
            for (all, batch) in self.edits.iter_mut().flatten().zip(work.edits.iter().flatten()) {
                all.append(batch);
            }
        }
        Ok(())
    }
}

impl<W> Work<W> {
    fn first_look<E: Editor<Work = W>>(&mut self, span: &Span<'_>, rows: Range<usize>, editor: &E) {
        let Work { editor: made, edits, wanted, .. } = self;
        edits.iter_mut().flatten().for_each(ColumnEdits::clear);
        wanted.clear();
        self.rows = rows.clone();
        if rows.is_empty() {
            return;
        }
        editor.begin(made);
        for row in rows {
            let number = editor.first_look(&span.row(row), made, &mut |copy, column, text| {
                edits[copy][column].push(row as u32, text);
            });
            wanted.extend(number.map(|number| (row, number)));
        }
    }

    fn second_look<E: Editor<Work = W>>(&mut self, picked: &Picked<'_>, editor: &E) {
        if self.rows.is_empty() {
            return;
        }
        for (row, number) in &self.wanted {
            editor.second_look(&picked.row(*row), *number, &mut self.editor);
        }
        self.result = editor.end(&mut self.editor);
    }
}

/// Encodes the columns with edits, each on a core of its own. By the number of the leaf.
fn encode_columns(
    table: &ParquetTable,
    group: Group<'_>,
    edits: &[ColumnEdits],
) -> Result<Vec<Option<Encoded>>> {
    let metadata = table.file.metadata.row_group(group.number);
    let encoded =
        edits.par_iter().enumerate().filter(|(_, edits)| !edits.is_empty()).map(|(column, edits)| {
            group.with_decoder(column, |decoder, leaf| {
                let chunk = metadata.column(leaf.index);
                let mut head = [0; 2];
                table.file.read(chunk.data_page_offset() as u64, &mut head)?;
                let indexes = table.file.metadata.page_index_for_row_group(group.number);
                let pages = indexes.page_locations(leaf.index).map(Vec::as_slice);
                let rows = table.group_rows(group.number);
                let encoded = encode(decoder, edits, rows, leaf, &Manner::of(chunk, &head, pages, rows))?;
                Ok(encoded.map(|encoded| (leaf.index, encoded)))
            })
        });
    let mut list: Vec<Option<Encoded>> = (0..metadata.num_columns()).map(|_| None).collect();
    for (index, encoded) in encoded.collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        list[index] = Some(encoded);
    }
    Ok(list)
}
