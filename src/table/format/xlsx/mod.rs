//! Excel workbooks (xlsx, xlsm): zip archives of XML.
//!
//! A copy with edits is the same archive with one part exchanged: the sheet. All other parts are copied packed as they are,
//! and the sheet but for the edited cells, byte for byte (format: ECMA-376 part 1, 18.3 for the sheet, part 2 for the archive).
//!
//! In order of use: [`package`] is the archive and [`workbook`] what it says about its sheets, their shared [`strings`] and
//! [`styles`], read by [`xml`]; [`part`] unpacks a sheet, [`rows`] cuts it into blocks, [`scan`] finds the cells in them,
//! [`mod@cell`] and [`serial`] read and edit one, and [`mod@table`] puts these together.
//!
//! The table of a sheet begins at its first row with a value, which holds the names of the columns. Rows without a value are
//! no records. Values that formulas have computed are read, and never edited.
//!
//! What else repeats values of cells stays as it was: values that formulas keep (of other sheets too), texts that no cell uses
//! any more in the list of shared ones, the items that a pivot table shows. The rows that a pivot table was made of are whole
//! originals: a workbook that holds them isn't copied.

use std::fs::File;

use crate::error::Result;

use super::block::Options;

mod cell;
pub(super) mod handle;
pub(super) mod package;
pub(super) mod part;
pub(super) mod reason;
mod rows;
mod scan;
pub(super) mod serial;
mod strings;
pub(super) mod styles;
mod table;
pub(super) mod workbook;
pub(super) mod xml;

pub use table::XlsxTable;

/// Opens a sheet for copying: the named one, or the only one that holds a table.
///
/// # Errors
/// If the file is no workbook, or has no such sheet; and if none is named and several hold a table.
pub fn table(file: File, sheet: Option<&str>, options: Options) -> Result<XlsxTable> {
    table::table(file, sheet, options)
}

/// All tables of a workbook, with the names of their sheets; or why one can't be read.
///
/// # Errors
/// If the file is no workbook.
pub(super) fn tables(file: handle::Handle, options: Options) -> Result<Vec<(String, Result<XlsxTable>)>> {
    table::tables(file, options)
}

#[cfg(test)]
mod tests;
