//! A record as a row of cells.

use std::borrow::Cow;

use crate::table::Row;

use super::{cell::Cell, records::Fields};

/// One record of a block.
#[derive(Clone, Copy)]
pub struct CsvRow<'a> {
    /// The block's bytes.
    pub bytes: &'a [u8],
    /// Where the record's fields are in them.
    pub fields: &'a Fields,
}

impl Row for CsvRow<'_> {
    #[inline]
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        match self.fields.range(column) {
            Some(range) => Cell::new(&self.bytes[range]).core_text(),
            None => Cow::Borrowed(b""),
        }
    }
}
