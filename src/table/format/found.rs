//! The tables of a file, for those who only read them: as CSV text, whatever the format.
//!
//! Tracing, comparing and learning have one reader, that of CSV. Tables of other formats are turned into a stream of
//! records with commas, by a thread of their own, with a bounded number of pieces in between.

use std::fmt;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::error::{Class, Error, Reason, Result};
use crate::table::Row;

use super::copy::Table;
use super::csv::write_record;
use super::parts::hive::Constant;
use super::source::Stream;

/// Bytes of a piece, and how many may wait.
const PIECE_BYTES: usize = 1 << 18;
const PIECES: usize = 4;

#[derive(Debug, thiserror::Error)]
enum FoundReason {
    #[error("the reader of this table broke off, by a defect of the program: what comes after is lost")]
    Defect,
}

impl Reason for FoundReason {
    fn class(&self) -> Class {
        Class::Data
    }

    fn hint(&self) -> Option<String> {
        Some("please report it; the table may be readable when it is saved as CSV".into())
    }
}

/// A table found in a file.
pub struct Found<'a> {
    /// Where it was found, from the outermost: archive members, sheet, table of a dump. Empty for a file that is one table.
    pub name: String,
    /// The names of its columns as the first record, then its rows.
    pub csv: Stream<'a>,
    /// The byte between its fields; sniffed if `None`.
    pub delimiter: Option<u8>,
    /// What was wrong with it, complete when all of it is read.
    pub faults: Faults,
    /// Columns that stand in the names of folders around it, the outermost first. Its own go before them.
    pub constants: Vec<Constant>,
}

/// What a tolerant reader passed over in a table. Shared: the reader adds, whoever reads the table looks when it has ended.
#[derive(Clone, Default)]
pub struct Faults {
    own: Arc<Mutex<Vec<Fault>>>,
    /// Those of the file that the table is in: of its compression and its encoding.
    around: Option<Box<Faults>>,
}

/// One kind of thing that is wrong, and how much of it there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong, to be read after `3 rows` and after `row 3:` alike: `with a value that is no JSON, left out`. Never a value
    /// of the data.
    pub what: &'static str,
    /// Rows concerned; 0 if it can't be said of rows.
    pub rows: u64,
    /// The first of them, 1-based; 0 if there is none.
    pub first_row: u64,
}

impl Faults {
    /// The same, and what was wrong with the file around.
    #[must_use]
    pub fn within(self, around: Faults) -> Faults {
        Faults { around: Some(Box::new(around)), ..self }
    }

    /// Adds one row.
    pub fn add(&self, what: &'static str, row: u64) {
        let mut list = self.own();
        match list.iter_mut().find(|fault| fault.what == what) {
            Some(fault) => fault.rows += 1,
            None => list.push(Fault { what, rows: 1, first_row: row }),
        }
    }

    /// Adds something that concerns the table as a whole.
    pub fn add_whole(&self, what: &'static str) {
        let mut list = self.own();
        if list.iter().all(|fault| fault.what != what) {
            list.push(Fault { what, rows: 0, first_row: 0 });
        }
    }

    /// All that was added so far.
    pub fn list(&self) -> Vec<Fault> {
        let around = self.around.iter().flat_map(|around| around.list());
        self.own().iter().cloned().chain(around).collect()
    }

    fn own(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Found<'a> {
    /// A table that is CSV text already.
    pub fn csv(csv: Stream<'a>, delimiter: Option<u8>) -> Found<'a> {
        Found { name: String::new(), csv, delimiter, faults: Faults::default(), constants: Vec::new() }
    }

    /// A table with commas between the fields, as a reader of another format wrote it.
    pub fn written(name: impl Into<String>, csv: impl Read + Send + 'a, faults: Faults) -> Found<'a> {
        let constants = Vec::new();
        Found { name: name.into(), csv: Box::new(csv), delimiter: Some(b','), faults, constants }
    }

    /// The same, written by a thread of its own while it is read.
    pub fn piped(
        name: impl Into<String>,
        faults: Faults,
        write: impl FnOnce(&mut Records) -> Result<()> + Send + 'static,
    ) -> Found<'static> {
        Found::written(name, piped(write), faults)
    }

    /// A table of a format that can be copied.
    pub fn of(name: impl Into<String>, table: impl Table + Send + 'static, faults: Faults) -> Found<'static> {
        let columns = table.columns().to_vec();
        Found::piped(name, faults, move |out| {
            out.record(columns.iter().map(String::as_bytes))?;
            let width = columns.len();
            table.rows(&mut |row: &dyn Row| out.record((0..width).map(|column| row.cell(column)))).map(drop)
        })
    }
}

impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Found({:?})", self.name)
    }
}

/// Where a thread puts the records that somebody reads as CSV.
pub struct Records {
    piece: Vec<u8>,
    give: SyncSender<io::Result<Vec<u8>>>,
}

impl Records {
    /// Adds a record. An error says only that nobody reads on.
    pub fn record(&mut self, cells: impl ExactSizeIterator<Item = impl AsRef<[u8]>>) -> Result<()> {
        write_record(cells, &mut self.piece);
        if self.piece.len() >= PIECE_BYTES { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES + (PIECE_BYTES >> 3)));
        self.give.send(Ok(piece)).map_err(|_| Error::usage("nobody reads this table"))
    }
}

/// CSV text as a thread writes it. An error of `write` is an error of the reader, after what was written before.
fn piped(write: impl FnOnce(&mut Records) -> Result<()> + Send + 'static) -> impl Read + Send {
    let (give, pieces) = sync_channel(PIECES);
    let writer = thread::spawn(move || {
        let mut records = Records { piece: Vec::new(), give };
        let written = write(&mut records).and_then(|()| records.send());
        if let Err(error) = written {
            // Nobody is there to be told if this fails.
            let _ = records.send();
            let _ = records.give.send(Err(io::Error::other(error)));
        }
    });
    Pieces { pieces, writer: Some(writer), piece: Vec::new(), used: 0 }
}

/// The reading end.
struct Pieces {
    pieces: Receiver<io::Result<Vec<u8>>>,
    /// The thread that writes, until it is known to have ended well.
    writer: Option<JoinHandle<()>>,
    piece: Vec<u8>,
    used: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.used == self.piece.len() {
            match self.pieces.recv() {
                Ok(piece) => (self.piece, self.used) = (piece?, 0),
                Err(_) => return self.ended(),
            }
        }
        let length = buffer.len().min(self.piece.len() - self.used);
        buffer[..length].copy_from_slice(&self.piece[self.used..self.used + length]);
        self.used += length;
        Ok(length)
    }
}

impl Pieces {
    /// Its thread has ended: all is read, unless it panicked. A table that ends early must not pass for a whole one.
    fn ended(&mut self) -> io::Result<usize> {
        match self.writer.take().map(JoinHandle::join) {
            Some(Err(_)) => Err(io::Error::other(Error::from(FoundReason::Defect))),
            Some(Ok(())) | None => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::format::block::{Options, Reading};
    use crate::table::format::csv;

    #[test]
    fn a_table_is_given_as_csv_with_commas() {
        let file = "id;note\n1;\"a,b\"\n2;\"say \"\"hi\"\"\"\n".as_bytes();
        let table = csv::table(file, None, Options::new(Reading::Strict)).unwrap();
        let mut text = String::new();
        Found::of("t", table, Faults::default()).csv.read_to_string(&mut text).unwrap();
        assert_eq!(text, "id,note\n1,\"a,b\"\n2,\"say \"\"hi\"\"\"\n");
    }

    #[test]
    fn an_error_comes_after_what_was_read_before_it() {
        let file = "a,b\n1,2\n3\n".as_bytes();
        let table = csv::table(file, None, Options::new(Reading::Strict)).unwrap();
        let mut text = Vec::new();
        let error = Found::of("t", table, Faults::default()).csv.read_to_end(&mut text).unwrap_err();
        assert_eq!(text, b"a,b\n1,2\n");
        assert_eq!(error.to_string(), "row 2: row has 1 fields, the header has 2");
    }

    #[test]
    fn a_panic_of_the_writer_is_an_error_of_its_table() {
        let mut reader = piped(|records| {
            records.record(["a", "b"].iter())?;
            records.send()?;
            panic!("asked for")
        });
        let mut text = String::new();
        let error = reader.read_to_string(&mut text).unwrap_err();
        assert_eq!(text, "a,b\n");
        assert!(error.to_string().starts_with("the reader of this table broke off"));
    }

    #[test]
    fn a_table_that_is_left_unread_holds_nobody_up() {
        let (done, wait) = sync_channel::<()>(1);
        let mut reader = piped(move |records| {
            while records.record(["x".repeat(1000)].iter()).is_ok() {}
            drop(done);
            Ok(())
        });
        reader.read_exact(&mut [0; 10]).unwrap();
        drop(reader);
        assert!(wait.recv().is_err(), "the thread has ended");
    }
}
