//! A CSV file as a table that can be copied.

use std::io::Read;

use crate::error::Result;
use crate::table::format::block::{Block, Options, Peeked};
use crate::table::format::splice::Edits;
use crate::table::format::text::{Syntax, TextRow, TextTable};

use super::blocks::Blocks;
use super::cell::Cell;
use super::dialect::Dialect;
use super::head::open;
use super::records::{Fields, Records, check_width};
use super::row::CsvRow;

/// How the rows of one CSV file are written. Each has as many fields as the header.
pub struct CsvSyntax {
    dialect: Dialect,
    width: usize,
}

/// An open CSV file.
pub type CsvTable<R> = TextTable<CsvSyntax, Blocks<R>>;

/// Opens a CSV file for copying. Errors as [`open`].
pub fn table<R: Read>(reader: R, delimiter: Option<u8>, options: Options) -> Result<CsvTable<R>> {
    let (head, blocks) = open(reader, delimiter, options)?;
    let syntax = CsvSyntax { dialect: head.dialect, width: head.names.len() };
    Ok(TextTable { head: head.bytes, columns: head.names, syntax, blocks: Peeked::new(blocks) })
}

impl Syntax for CsvSyntax {
    type Scratch = Fields;
    type Row<'a> = EditableRow<'a>;

    fn rows(
        &self,
        block: &Block,
        fields: &mut Fields,
        mut see: impl FnMut(&EditableRow<'_>) -> Result<()>,
    ) -> Result<u64> {
        let mut rows = 0;
        let mut records = Records::of(block, self.dialect);
        while records.next_record(fields) {
            rows += 1;
            check_width(rows, fields.len(), self.width)?;
            see(&EditableRow { row: CsvRow { bytes: block.bytes(), fields }, dialect: self.dialect })?;
        }
        Ok(rows)
    }
}

/// A record that can be edited.
pub struct EditableRow<'a> {
    row: CsvRow<'a>,
    dialect: Dialect,
}

impl crate::table::Row for EditableRow<'_> {
    #[inline]
    fn cell(&self, column: usize) -> std::borrow::Cow<'_, [u8]> {
        self.row.cell(column)
    }
}

impl TextRow for EditableRow<'_> {
    fn replace(&self, column: usize, new_text: &str, edits: &mut Edits) -> Result<()> {
        let CsvRow { bytes, fields } = self.row;
        let range = fields.range(column).expect("the record's width was checked");
        Cell::new(&bytes[range.clone()]).replace(range.start, new_text.as_bytes(), self.dialect, edits);
        Ok(())
    }
}
