//! CSV that is no clean CSV: files put after each other, text above and below the table. For tracing only.
//!
//! Given are the tables of a text, as the text has them, without lines that are no rows:
//! * lines before the header: a title, a date, `sep=;`; judged by the first bytes of the text ([`begin`]),
//! * lines that repeat the header, as `cat a.csv b.csv` leaves them, also where the file before had no line end,
//! * single quotes around fields ([`apostrophes`]),
//! * byte-order marks at the start of a line, form feeds, and NUL bytes,
//! * lines after the table that have half as many cells or fewer: totals, the number of rows.
//!
//! Another header begins the next table, but only where a blank line, a byte-order mark or a form feed comes before it, and
//! only with another number of columns if it is no byte-order mark: to see it elsewhere, each row would have to be split here,
//! where nothing else needs that. Line breaks within quotes are part of a cell, and nothing but NUL bytes is dropped there.
//!
//! Every large leak passes through here. So no record is split: what is looked for are bytes, at the speed of memory, and only
//! around a find is the text read. The row of a fault is the number of its line, and cells with line breaks make it too large.

pub(super) mod apostrophes;
mod begin;
mod quotes;
mod stream;
#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;

use super::found::{Faults, Found};
use super::reason::read_failed;
use stream::Stream;

/// The tables of a text. Read one before the next is asked for: there is one reader below, which passes over what is left unread.
pub struct Tables(Arc<Mutex<Stream>>);

/// The tables of `reader`, with this byte between fields; sniffed for each if `None`. There is one table at least, which may be
/// empty; it has the `faults`.
pub fn tables(reader: impl Read + Send + 'static, delimiter: Option<u8>, faults: Faults) -> Tables {
    Tables(Arc::new(Mutex::new(Stream::new(Box::new(reader), delimiter, faults))))
}

impl Iterator for Tables {
    type Item = Result<Found<'static>>;

    fn next(&mut self) -> Option<Result<Found<'static>>> {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = match stream.begin_next() {
            Ok(true) => stream.table,
            Ok(false) => return None,
            Err(error) => return Some(Err(read_failed(error))),
        };
        let csv = TableReader { stream: self.0.clone(), table: begun };
        let name = if begun == 1 { String::new() } else { format!("table {begun}") };
        let (delimiter, faults) = (stream.delimiter(), stream.faults.clone());
        Some(Ok(Found { name, csv: Box::new(csv), delimiter, faults, constants: Vec::new() }))
    }
}

/// One table.
struct TableReader {
    stream: Arc<Mutex<Stream>>,
    table: u64,
}

impl Read for TableReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody has gone on to a later one.
        if stream.table == self.table { stream.read(buffer) } else { Ok(0) }
    }
}
