//! Parquet files.
//!
//! A file is row groups, a row group is one chunk for each column, and a directory at the end says where they are (format:
//! <https://parquet.apache.org/docs/file-format/>). A copy with edits is the same file with a few chunks exchanged: a chunk
//! is encoded again only if a value in it really changes, by the means it was encoded with; all other chunks are copied
//! byte for byte. Schema, row groups, their order and all metadata stay.
//!
//! In order of use: [`file`] reads and checks the directory, [`leaf`] says which columns have cells, [`span`] decodes
//! [`cells`] when they are asked for, [`value`] makes text of them and back; [`encode`] writes a changed chunk, [`output`]
//! a copy, and [`table`] puts these together.

use std::fs::File;

use crate::error::Result;

use super::found::{Faults, Found};

mod cells;
mod edits;
mod encode;
mod file;
mod leaf;
mod output;
mod reason;
mod span;
mod table;
mod value;

pub use table::ParquetTable;

/// The first bytes of a Parquet file.
pub const FIRST_BYTES: &[u8] = b"PAR1";

/// Opens a Parquet file.
///
/// # Errors
/// If the file is cut off or its directory can't be true.
pub fn open(file: File) -> Result<ParquetTable> {
    ParquetTable::open(file)
}

/// The table of a Parquet file, for reading. Damage within the file ends it with an error; what came before it is given.
///
/// # Errors
/// As [`open`].
pub fn read(file: File, name: impl Into<String>) -> Result<Found<'static>> {
    Ok(Found::of(name, open(file)?, Faults::default()))
}

#[cfg(test)]
mod long;
#[cfg(test)]
mod tests;
