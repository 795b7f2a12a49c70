//! The tables of a dump, for reading: one after the other, each put aside whole before it is given.
//!
//! A dump is one stream and its tables stand in it in turn, so whoever wants the second has to let the first pass. Each is
//! written to a temporary file without a name, and can be read whenever its turn is.

use std::io::{self, Read, Seek, Write};

use tempfile::{SpooledTempFile, spooled_tempfile};

use crate::error::{Error, Result};
use crate::table::Row;
use crate::table::format::block::{Options, Reading};
use crate::table::format::csv::write_record;
use crate::table::format::found::{Faults, Found};
use crate::table::format::reason::read_failed;

use super::cell::{self, Cell};
use super::items::Items;
use super::lex::Name;
use super::reason::SqlReason;
use super::step::{Item, Place};
use super::table::{Declared, SqlRow, numbered};

/// Bytes of a table that are kept in memory; beyond, in a file.
const SPOOL_BYTES: usize = 8 << 20;

/// Bytes that are written at once.
const PIECE_BYTES: usize = 1 << 16;

const BROKEN: &str = "not readable in a dump, left out";
const WIDTH: &str = "with too few or too many values, left out";

/// The tables of a dump that have rows, in its order. Rows of one table after those of another are a table again.
///
/// # Errors
/// If it can't be read. In strict reading also for the first row that can't.
pub fn read<R: Read>(reader: R, options: Options) -> Result<impl Iterator<Item = Result<Found<'static>>>> {
    let items = Items::new(reader, options)?;
    let strict = options.reading == Reading::Strict;
    Ok(Tables { items, strict, declared: Declared::default(), begun: None, rows: 0, ended: false })
}

/// The iterator of [`read`].
struct Tables<R> {
    items: Items<R>,
    strict: bool,
    declared: Declared,
    /// The statement with rows that has begun, whose first row was not met.
    begun: Option<(Name, Option<Vec<String>>)>,
    /// Rows of the table so far, those that were left out included.
    rows: u64,
    ended: bool,
}

/// A table as far as it was read.
struct Spooled {
    name: Name,
    columns: Vec<String>,
    file: SpooledTempFile,
    piece: Vec<u8>,
    faults: Faults,
}

impl Spooled {
    fn new(name: Name, columns: Vec<String>) -> Spooled {
        let mut piece = Vec::new();
        write_record(columns.iter().map(String::as_bytes), &mut piece);
        Spooled { name, columns, file: spooled_tempfile(SPOOL_BYTES), piece, faults: Faults::default() }
    }

    fn add(&mut self, bytes: &[u8], cells: &[Cell]) -> Result<()> {
        let row = SqlRow { bytes, cells, names: &self.columns };
        write_record((0..self.columns.len()).map(|column| row.cell(column)), &mut self.piece);
        if self.piece.len() < PIECE_BYTES { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> Result<()> {
        self.file.write_all(&self.piece).map_err(read_failed)?;
        self.piece.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Found<'static>> {
        self.write()?;
        self.file.rewind().map_err(read_failed)?;
        Ok(Found::written(self.name.to_string(), self.file, self.faults))
    }
}

/// A reader that gives nothing but an error.
struct Failed(Option<Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), |error| Err(io::Error::other(error)))
    }
}

impl<R: Read> Tables<R> {
    /// The next table; `None` at the end. An error within its rows comes after those before it.
    fn next_table(&mut self) -> Result<Option<Found<'static>>> {
        let mut table = None;
        let filled = self.fill(&mut table);
        self.ended = filled.is_err() || table.is_none();
        match (filled, table) {
            (Ok(()), table) => table.map(Spooled::finish).transpose(),
            (Err(error), Some(table)) => {
                let found = table.finish()?;
                Ok(Some(Found { csv: Box::new(found.csv.chain(Failed(Some(error)))), ..found }))
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Reads to the end of the next table.
    fn fill(&mut self, table: &mut Option<Spooled>) -> Result<()> {
        let mut cells = Vec::new();
        self.rows = 0;
        while let Some((range, item)) = self.items.next_item()? {
            match item {
                Item::Create(name, columns) => self.declared.add(name, columns),
                Item::Begin(name, columns) => self.begun = Some((name, columns)),
                Item::Row(start) => {
                    self.find_cells(start, range.end, &mut cells);
                    let begun = self.begun.take();
                    if let Some((name, said)) = begun {
                        let columns = said.or_else(|| self.declared.columns(&name).cloned());
                        let columns = columns.unwrap_or_else(|| numbered(cells.len()));
                        match &*table {
                            Some(table) if table.name.is(&name) && table.columns == columns => {}
                            Some(_) => {
                                // The row is the first of the next table, so it stays to be read.
                                self.items.step_back(&range);
                                self.begun = Some((name, Some(columns)));
                                break;
                            }
                            None => *table = Some(Spooled::new(name, columns)),
                        }
                    }
                    if let Some(table) = table {
                        self.row(&cells, table)?;
                    }
                }
                Item::Broken => self.broken(table.as_ref())?,
                Item::Other => {}
            }
            self.items.take();
        }
        Ok(())
    }

    fn find_cells(&self, start: usize, end: usize, cells: &mut Vec<Cell>) {
        let bytes = &self.items.bytes()[..end];
        match self.items.place() {
            Place::Lines => cell::line(bytes, start, end, cells),
            // What was found until then, if the tuple's end isn't: a row with too few values.
            _ => _ = cell::tuple(bytes, start, self.items.dialect(), cells),
        }
    }

    fn row(&mut self, cells: &[Cell], table: &mut Spooled) -> Result<()> {
        self.rows += 1;
        let (found, expected) = (cells.len(), table.columns.len());
        if found == expected {
            return table.add(self.items.bytes(), cells);
        }
        if self.strict {
            return Err(Error::from(SqlReason::Width { found, expected }).at_row(self.rows));
        }
        table.faults.add(WIDTH, self.rows);
        Ok(())
    }

    fn broken(&mut self, table: Option<&Spooled>) -> Result<()> {
        self.rows += 1;
        if self.strict {
            return Err(Error::from(SqlReason::Broken).at_row(self.rows));
        }
        if let Some(table) = table {
            table.faults.add(BROKEN, self.rows);
        }
        Ok(())
    }
}

impl<R: Read> Iterator for Tables<R> {
    type Item = Result<Found<'static>>;

    fn next(&mut self) -> Option<Result<Found<'static>>> {
        if self.ended {
            return None;
        }
        self.next_table().transpose()
    }
}
