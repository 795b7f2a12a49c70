//! Tables: what a cell means ([`value`]), and how files hold cells ([`mod@format`]).

use std::borrow::Cow;

pub mod format;
pub mod value;

/// One row: cells by column index, decoded from the file's quoting and without the spaces around them.
pub trait Row {
    /// The cell's text; empty where the row has none.
    fn cell(&self, column: usize) -> Cow<'_, [u8]>;
}

impl<R: Row + ?Sized> Row for &R {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        (**self).cell(column)
    }
}
