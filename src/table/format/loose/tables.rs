//! The tables of a text, one after the other, read as they are asked for.
//!
//! As with the members of a tar archive there is one reader below: asking for the next table passes over what is left of the
//! one before, and counts it there as a fault. So memory is bounded, and nobody can wait for anybody.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::table::format::csv::write_record;
use crate::table::format::found::{Faults, Found};
use crate::table::format::reason::read_failed;

use super::line::Lines;
use super::{Event, Parser, Shape};

/// Bytes of CSV that are made at a time.
const PIECE_BYTES: usize = 1 << 16;

/// The tables of a text. Read one before the next is asked for.
pub struct Tables(Arc<Mutex<Stream>>);

/// The tables of `reader`, whose text has this shape. The first has the `faults`.
pub fn tables(reader: impl Read + Send + 'static, shape: Shape, faults: Faults) -> Tables {
    let stream = Stream {
        lines: Lines::new(Box::new(reader)),
        line: String::new(),
        parser: shape.parser(),
        made: Vec::new(),
        events: VecDeque::new(),
        ended: false,
        table: 0,
        row: 0,
        faults,
    };
    Tables(Arc::new(Mutex::new(stream)))
}

struct Stream {
    lines: Lines<Box<dyn Read + Send>>,
    line: String,
    parser: Box<dyn Parser>,
    made: Vec<Event>,
    events: VecDeque<Event>,
    ended: bool,
    /// Number of the table that is being read, and of its last row.
    table: u64,
    row: u64,
    faults: Faults,
}

impl Stream {
    /// The next event; faults are counted here.
    fn event(&mut self) -> io::Result<Option<Event>> {
        loop {
            match self.events.pop_front() {
                Some(Event::Fault(what)) => self.faults.add(what, self.row.max(1)),
                Some(event) => return Ok(Some(event)),
                None if self.ended => return Ok(None),
                None => self.feed()?,
            }
        }
    }

    fn feed(&mut self) -> io::Result<()> {
        // After an error there is nothing more to read.
        let read = self.lines.next_line(&mut self.line).inspect_err(|_| self.ended = true)?;
        match read {
            Some(dropped) => {
                if dropped.nul {
                    self.made.push(Event::Fault("with NUL bytes, left out"));
                }
                if !(dropped.cut && self.parser.piece(&self.line, &mut self.made)) {
                    if dropped.cut {
                        self.made.push(Event::Fault("with a line too long, cut"));
                    }
                    self.parser.line(&self.line, &mut self.made);
                }
            }
            None => {
                self.ended = true;
                self.parser.end(&mut self.made);
            }
        }
        self.events.extend(self.made.drain(..));
        Ok(())
    }

    /// Appends rows of the table that is being read; nothing at its end.
    fn fill(&mut self, piece: &mut Vec<u8>) -> io::Result<()> {
        while piece.len() < PIECE_BYTES {
            match self.event()? {
                Some(Event::Row(cells)) => {
                    self.row += 1;
                    write_record(cells.iter(), piece);
                }
                Some(start) => {
                    self.events.push_front(start);
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
        Ok(())
    }
}

impl Iterator for Tables {
    type Item = Result<Found<'static>>;

    fn next(&mut self) -> Option<Result<Found<'static>>> {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match stream.event() {
                Err(error) => return Some(Err(read_failed(error))),
                Ok(None) => return None,
                Ok(Some(Event::Start(columns))) => {
                    stream.table += 1;
                    stream.row = 0;
                    // What came before the first table is a fault of the first.
                    if stream.table > 1 {
                        stream.faults = Faults::default();
                    }
                    let (mut piece, faults) = (Vec::new(), stream.faults.clone());
                    write_record(columns.iter(), &mut piece);
                    let csv = TableReader { stream: self.0.clone(), table: stream.table, piece, used: 0 };
                    let name = format!("table {}", stream.table);
                    return Some(Ok(Found::written(name, csv, faults)));
                }
                Ok(Some(_)) => {
                    stream.row += 1;
                    let row = stream.row;
                    stream.faults.add("not read before the next table was asked for", row);
                }
            }
        }
    }
}

/// One table as CSV.
struct TableReader {
    stream: Arc<Mutex<Stream>>,
    table: u64,
    piece: Vec<u8>,
    used: usize,
}

impl Read for TableReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used == self.piece.len() {
            (self.used, _) = (0, self.piece.clear());
            let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
            if stream.table == self.table {
                stream.fill(&mut self.piece)?;
            }
        }
        let length = buffer.len().min(self.piece.len() - self.used);
        buffer[..length].copy_from_slice(&self.piece[self.used..self.used + length]);
        self.used += length;
        Ok(length)
    }
}
