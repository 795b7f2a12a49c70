//! Some rows in memory.

use std::borrow::Cow;

use rusqlite::Rows;
use rusqlite::types::ValueRef;

use crate::error::Result;
use crate::table::Row;

use super::reason::SqliteReason;
use super::value::{Kept, text};

/// Rows, and bytes of text, after which a batch is full: enough that handing one over costs nothing.
const ROWS: usize = 4096;
const TEXT_BYTES: usize = 1 << 20;

/// Rows that were read.
#[derive(Default)]
pub(super) struct Batch {
    width: usize,
    /// The number of each row in its table, if the table has such.
    pub numbers: Vec<i64>,
    values: Vec<Kept>,
    texts: Vec<u8>,
}

/// A row of a batch.
pub(super) struct BatchRow<'a> {
    batch: &'a Batch,
    row: usize,
}

impl Batch {
    /// Reads the next rows: the row number, then `width` columns. False if there are none.
    pub fn fill(&mut self, rows: &mut Rows<'_>, width: usize) -> Result<bool> {
        self.width = width;
        self.numbers.clear();
        self.values.clear();
        self.texts.clear();
        while self.numbers.len() < ROWS && self.texts.len() < TEXT_BYTES {
            let Some(row) = rows.next().map_err(|_| SqliteReason::Table)? else { break };
            for column in 0..width {
                let value = row.get_ref(column + 1).map_err(|_| SqliteReason::Table)?;
                self.values.push(Kept::new(value, &mut self.texts));
            }
            self.numbers.push(row.get(0).map_err(|_| SqliteReason::Table)?);
        }
        Ok(!self.numbers.is_empty())
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = BatchRow<'_>> {
        (0..self.numbers.len()).map(|row| BatchRow { batch: self, row })
    }

    /// A value.
    pub fn value(&self, row: usize, column: usize) -> ValueRef<'_> {
        self.values[row * self.width + column].value(&self.texts)
    }
}

impl Row for BatchRow<'_> {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        if column < self.batch.width { text(self.batch.value(self.row, column)) } else { Cow::Borrowed(b"") }
    }
}
