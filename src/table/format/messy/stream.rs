//! The text as it passes: a window of it, and the places where something is to be [decided](decide).

mod decide;

use std::io::{self, Read};

use memchr::memmem::Finder;

use crate::table::format::csv::Dialect;
use crate::table::format::found::Faults;

use super::begin::{BOM, Begin, begin};
use super::quotes::Quotes;

/// Bytes that are read at once.
const PIECE_BYTES: usize = 1 << 18;

/// Bytes after a place by which it is decided what it is; also of the head, as many as formats are sniffed by.
const AHEAD_BYTES: usize = 1 << 16;

/// Bytes before a place that are kept: the row that a repeated header is glued to.
const BACK_BYTES: usize = 1 << 12;

/// Bytes that are looked at after breaks for another table, where there is none: a text that is nothing but breaks would be
/// read thousands of times otherwise.
const MAX_LOOKED_BYTES: usize = 1 << 25;

/// The shortest header that is looked for among the rows; a shorter one may be a value as well.
const MIN_HEADER_BYTES: usize = 4;

/// The longest header that is looked for, and how much of it is: so much is compared at once.
const MAX_HEADER_BYTES: usize = AHEAD_BYTES / 2;
const NEEDLE_BYTES: usize = 32;

const NUL: u8 = 0;
const PAGE: u8 = 0x0c;

const BEFORE: &str = "before the header, left out";
const UNREAD: &str = "the rest of it was not read before the next table was asked for";

/// See the module.
pub(super) struct Stream {
    reader: Box<dyn Read + Send>,
    said: Option<u8>,
    /// The table that is being read, from 1.
    pub(super) table: u64,
    pub(super) faults: Faults,
    window: Vec<u8>,
    /// Bytes of the window before it were given or dropped.
    at: usize,
    /// From here on, places are looked for.
    search: usize,
    /// The next place.
    stop: Option<usize>,
    at_end: bool,
    /// Why nothing more can be read; said after what was read before.
    failed: Option<io::Error>,
    /// Where the lines after the last table begin, once the text has ended.
    tail: Option<usize>,
    /// A line end to be given first.
    owes_line_end: bool,
    state: State,
    current: Current,
    quotes: Quotes,
    /// Lines of the table that were given.
    lines: u64,
    line_with_nul: Option<u64>,
    look_bytes_left: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Within,
    /// The table has ended, at `at` another begins.
    Between,
    Ended,
}

/// What is known of the table that is being read.
struct Current {
    dialect: Dialect,
    header: Vec<u8>,
    width: usize,
    repeated: Option<Finder<'static>>,
    blank: Finder<'static>,
}

impl Current {
    fn of(window: &[u8], begin: &Begin) -> Current {
        let header = window[begin.header.clone()].to_vec();
        let is_searched = begin.is_named && (MIN_HEADER_BYTES..=MAX_HEADER_BYTES).contains(&header.len());
        let needle = &header[..header.len().min(NEEDLE_BYTES)];
        let repeated = is_searched.then(|| Finder::new(needle).into_owned());
        let line_end = begin.dialect.terminator.byte();
        let blank = match window.get(begin.header.end) {
            Some(b'\r') if line_end == b'\n' => b"\n\r\n".to_vec(),
            _ => vec![line_end; 2],
        };
        let blank = Finder::new(&blank).into_owned();
        Current { dialect: begin.dialect, width: begin.width, header, repeated, blank }
    }
}

impl Stream {
    pub(super) fn new(reader: Box<dyn Read + Send>, said: Option<u8>, faults: Faults) -> Stream {
        let nothing = Begin {
            dialect: Dialect::sniff(b"", said),
            header: 0..0,
            width: 1,
            is_named: false,
            has_rows: false,
            lines_before: 0,
        };
        Stream {
            reader,
            said,
            table: 0,
            faults,
            window: Vec::new(),
            at: 0,
            search: 0,
            stop: None,
            at_end: false,
            failed: None,
            tail: None,
            owes_line_end: false,
            state: State::Before,
            current: Current::of(b"", &nothing),
            quotes: Quotes::starting(0),
            lines: 0,
            line_with_nul: None,
            look_bytes_left: MAX_LOOKED_BYTES,
        }
    }

    /// How the fields of the table are separated; not known of an empty one.
    pub(super) fn delimiter(&self) -> Option<u8> {
        if self.current.header.is_empty() { self.said } else { Some(self.current.dialect.delimiter) }
    }

    /// Goes to the next table; false if there is none.
    pub(super) fn begin_next(&mut self) -> io::Result<bool> {
        if self.state == State::Within {
            let mut sink = [0; 1 << 12];
            while self.read(&mut sink)? > 0 {
                self.faults.add_whole(UNREAD);
            }
        }
        match self.state {
            State::Ended => return Ok(false),
            State::Before => self.fill(),
            State::Within | State::Between => self.faults = Faults::default(),
        }
        self.table += 1;
        (self.state, self.lines, self.line_with_nul) = (State::Within, 0, None);
        let ahead = &self.window[self.at..self.window.len().min(self.at + AHEAD_BYTES)];
        if let Some(begin) = begin(ahead, self.said) {
            let start = self.at;
            let header = begin.header.start + start..begin.header.end + start;
            let begin = Begin { header, ..begin };
            (0..begin.lines_before).for_each(|_| self.faults.add(BEFORE, 1));
            self.current = Current::of(&self.window, &begin);
            self.at = begin.header.start;
            self.quotes.begin_line(self.at);
            // The header does not repeat itself.
            self.go_on(self.at + usize::from(self.window.get(self.at) != Some(&NUL)));
        }
        self.find_tail();
        Ok(true)
    }

    /// Gives bytes of the table.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.state == State::Within {
            if self.owes_line_end {
                self.owes_line_end = false;
                buffer[0] = self.line_end();
                self.lines += 1;
                return Ok(1);
            }
            let stop = self.next_stop();
            if stop > self.at {
                let length = buffer.len().min(stop - self.at);
                let given = &self.window[self.at..self.at + length];
                buffer[..length].copy_from_slice(given);
                self.lines += memchr::memchr_iter(self.line_end(), given).count() as u64;
                self.at += length;
                return Ok(length);
            }
            if self.at < self.limit() {
                self.decide();
            } else if self.at_end {
                self.state = State::Ended;
                return self.failed.take().map_or(Ok(0), Err);
            } else {
                self.fill();
                self.find_tail();
            }
        }
        Ok(0)
    }

    fn line_end(&self) -> u8 {
        self.current.dialect.terminator.byte()
    }

    /// The row that is being read; the header is none.
    fn row(&self) -> u64 {
        self.lines.max(1)
    }

    /// Places before it can be decided.
    fn limit(&self) -> usize {
        if self.at_end { self.window.len() } else { self.window.len().saturating_sub(AHEAD_BYTES) }
    }

    /// Moves the window on.
    fn fill(&mut self) {
        self.quotes.is_open(&self.window, self.at, self.current.dialect);
        let from = self.at.saturating_sub(BACK_BYTES);
        self.window.drain(..from);
        self.at -= from;
        self.search = self.search.saturating_sub(from).max(self.at);
        self.stop = None;
        self.quotes.shift(from);
        let wanted = (PIECE_BYTES + AHEAD_BYTES + BACK_BYTES).saturating_sub(self.window.len());
        let read = (&mut self.reader).take(wanted as u64).read_to_end(&mut self.window);
        self.at_end = read.as_ref().map_or(true, |read| *read < wanted);
        self.failed = read.err();
    }

    /// Looks for places from here on.
    fn go_on(&mut self, from: usize) {
        self.search = from.max(self.at);
        self.stop = None;
    }

    /// Drops bytes.
    fn drop(&mut self, bytes: usize) {
        self.at += bytes;
        self.go_on(self.at);
    }

    /// The next place where something is to be decided, or the limit.
    fn next_stop(&mut self) -> usize {
        if let Some(stop) = self.stop {
            return stop;
        }
        let (limit, from) = (self.limit(), self.search);
        if from >= limit {
            self.stop = Some(limit);
            return limit;
        }
        let mut stop = limit;
        let is_place = |at: &usize| self.window[*at] != BOM[0] || self.window[*at..].starts_with(BOM);
        let rare = memchr::memchr3_iter(NUL, PAGE, BOM[0], &self.window[from..limit]);
        if let Some(at) = rare.map(|offset| from + offset).find(is_place) {
            stop = at;
        }
        if let Some(repeated) = &self.current.repeated {
            let end = self.window.len().min(stop + NEEDLE_BYTES);
            if let Some(offset) = repeated.find(&self.window[from..end]) {
                stop = stop.min(from + offset);
            }
        }
        let blank = self.current.blank.needle().len();
        let before = from.saturating_sub(blank);
        if let Some(offset) = self.current.blank.find(&self.window[before..stop]) {
            stop = stop.min(before + offset + blank);
        }
        if let Some(tail) = self.tail.filter(|tail| *tail >= from) {
            stop = stop.min(tail);
        }
        self.stop = Some(stop);
        stop
    }
}
