//! SQLite database files.
//!
//! The file is opened read only and as one that nobody changes; nothing that it defines is ever run: no view, no trigger, no
//! virtual table, no function in its schema. A copy is the file's bytes with some cells updated by row number, or by the key
//! of a table without row numbers, in one transaction of a library that is part of this program, so the same changes give the
//! same bytes.
//!
//! In order of use: [`schema`] checks what the library reads at once, [`file`] opens and checks, [`batch`] holds some
//! rows, [`value`] makes text of a value and back, [`output`] is a copy in the making, [`table`] puts these together.
//!
//! Invariants: a table is checked as a whole before a row of it is read, so that a crafted one can't go in circles; each cell
//! keeps its storage class.
//!
//! Sources: SQLite, "Defense Against The Dark Arts", "Database File Format", "Datatypes In SQLite".

use std::io::{self, Read};
use std::sync::Arc;

use crate::error::Result;

use super::found::{Faults, Found};
use super::source::Kept;

mod batch;
mod file;
mod output;
mod reason;
mod schema;
mod table;
mod value;

pub use table::SqliteTable;

/// The first bytes of a database file.
pub const FIRST_BYTES: &[u8] = b"SQLite format 3\0";

/// Whether a file that begins with `head` is a database.
pub fn sniff(head: &[u8]) -> bool {
    head.starts_with(FIRST_BYTES)
}

/// Opens the table so named, or the only one that has rows, for copying.
///
/// # Errors
/// If the file is damaged, or in use, or has no such table, or the table is of a kind whose rows can't be found again.
pub fn table(file: Kept, table: Option<&str>) -> Result<SqliteTable> {
    let name = file::choose(file.path(), table)?;
    let table = SqliteTable::open(Arc::new(file), &name)?;
    table.check_editable()?;
    Ok(table)
}

/// All ordinary tables of a database, for reading. Each is opened when it is read.
///
/// # Errors
/// If the file can't be read as a database. What is wrong with a table is an error of its reader.
pub fn read(file: Kept) -> Result<Vec<Found<'static>>> {
    let tables = file::tables(&file::open(file.path())?)?;
    let file = Arc::new(file);
    let founds = tables.into_iter().map(|table| {
        let csv = Later::Unopened { file: file.clone(), table: table.clone() };
        Found::written(table, csv, Faults::default())
    });
    Ok(founds.collect())
}

/// A table that is opened by the first read.
enum Later {
    Unopened { file: Arc<Kept>, table: String },
    Open(Box<dyn Read + Send>),
}

impl Read for Later {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Later::Unopened { file, table } = self {
            let open = SqliteTable::open(file.clone(), table).map_err(io::Error::other)?;
            *self = Later::Open(Found::of("", open, Faults::default()).csv);
        }
        match self {
            Later::Open(csv) => csv.read(buffer),
            Later::Unopened { .. } => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests;
