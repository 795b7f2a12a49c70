//! The items of a stream, in a buffer that holds those not taken yet.

use std::io::Read;
use std::ops::Range;

use memchr::{memchr, memmem};

use crate::error::{Error, Result};
use crate::table::format::block::{Options, Reading};
use crate::table::format::reason::read_failed;

use super::lex::Dialect;
use super::reason::SqlReason;
use super::step::{Item, Place, step};

/// Bytes from which the dialect is told, and by which a dump is known.
pub(super) const HEAD_BYTES: usize = 1 << 16;

/// Bytes that are read at once, at least.
const READ_BYTES: usize = 1 << 18;

/// Bytes that may be looked at again to find where rows go on after something broken: a second's work.
const MAX_WASTED_BYTES: usize = 1 << 28;

/// A stream of items.
pub(super) struct Items<R> {
    reader: R,
    options: Options,
    buffer: Vec<u8>,
    /// Where the bytes begin that were not taken.
    begin: usize,
    /// Where the next item begins.
    at: usize,
    at_end: bool,
    dialect: Dialect,
    place: Place,
    /// What reading failed of, until the bytes before that have passed.
    failed: Option<Error>,
    /// Bytes that were looked at in vain.
    wasted_bytes: usize,
}

impl<R: Read> Items<R> {
    /// Reads as much as tells the dialect.
    pub fn new(reader: R, options: Options) -> Result<Items<R>> {
        let max_record_bytes = options.max_record_bytes.clamp(1, 1 << 30);
        let options = Options { max_record_bytes, ..options };
        let mut items = Items {
            reader,
            options,
            buffer: Vec::new(),
            begin: 0,
            at: 0,
            at_end: false,
            dialect: Dialect::Standard,
            place: Place::Top,
            failed: None,
            wasted_bytes: 0,
        };
        items.fill(HEAD_BYTES)?;
        items.dialect = Dialect::of(&items.buffer[..items.buffer.len().min(HEAD_BYTES)]);
        Ok(items)
    }

    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub fn place(&self) -> Place {
        self.place
    }

    /// The bytes that ranges of items are in; good until the next item is asked for.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Number of bytes that passed since the last ones were taken.
    pub fn passed_bytes(&self) -> usize {
        self.at - self.begin
    }

    /// The bytes that passed, which are taken herewith.
    pub fn take(&mut self) -> &[u8] {
        let begin = std::mem::replace(&mut self.begin, self.at);
        &self.buffer[begin..self.at]
    }

    /// Takes all that passed before the item that ends the passed bytes.
    pub fn take_before(&mut self, item: &Range<usize>) {
        self.begin = item.start;
    }

    /// Takes all that passed before the last item, a row, which is given again.
    pub fn step_back(&mut self, item: &Range<usize>) {
        (self.begin, self.at) = (item.start, item.start);
    }

    /// Its reader, for whoever wants to begin again.
    pub fn into_reader(self) -> R {
        self.reader
    }

    /// The next item and where it stands.
    pub fn next_item(&mut self) -> Result<Option<(Range<usize>, Item)>> {
        loop {
            if self.at < self.buffer.len() {
                let found = step(&self.buffer, self.at, self.place, self.dialect, self.at_end);
                if let Some(found) = found {
                    if found.item == Item::Broken && self.options.reading == Reading::Tolerant {
                        return Ok(Some(self.pass_broken(found.end)));
                    }
                    let range = self.at..found.end;
                    (self.at, self.place) = (found.end, found.place);
                    return Ok(Some((range, found.item)));
                }
            } else if self.at_end {
                let unfinished = self.place == Place::Lines && self.options.reading == Reading::Strict;
                return if unfinished { Err(SqlReason::Unfinished.into()) } else { Ok(None) };
            }
            let pending = self.buffer.len() - self.at;
            if pending >= self.options.max_record_bytes {
                if self.options.reading == Reading::Strict {
                    let limit_bytes = self.options.max_record_bytes;
                    return Err(Error::from(SqlReason::Long { limit_bytes }));
                }
                return Ok(Some(self.pass_broken(self.buffer.len())));
            }
            // As much again, so that a long item is looked at a few times only.
            self.fill(pending.max(READ_BYTES))?;
        }
    }

    /// Passes over something that is no item but looks like one up to `end`, to the next place where a row or a statement may
    /// begin. When that has cost too much, to `end`.
    fn pass_broken(&mut self, end: usize) -> (Range<usize>, Item) {
        let start = self.at;
        self.wasted_bytes += end - start;
        if self.wasted_bytes > MAX_WASTED_BYTES {
            (self.at, self.place) = (end, Place::Top);
            return (start..end, Item::Broken);
        }
        let blank =
            self.buffer[start..end].iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b',');
        self.at = (start + blank.count()).min(end - 1);
        let rest = &self.buffer[self.at + 1..];
        let line = memchr(b'\n', rest).map(|end| end + 1);
        let tuple = (self.place == Place::Tuples).then(|| memmem::find(rest, b"),(")).flatten();
        let offset = match (line, tuple) {
            (line, Some(tuple)) if line.is_none_or(|line| tuple < line) => tuple + 1,
            (Some(line), _) => {
                let goes_on = rest[line..].trim_ascii_start().starts_with(b"(");
                if !(self.place == Place::Tuples && goes_on) {
                    self.place = Place::Top;
                }
                line
            }
            _ => rest.len(),
        };
        let range = start..self.at + 1 + offset;
        self.at = range.end;
        (range, Item::Broken)
    }

    /// Reads so many more bytes, if there are.
    fn fill(&mut self, more: usize) -> Result<()> {
        if self.begin > 0 {
            self.buffer.drain(..self.begin);
            self.at -= self.begin;
            self.begin = 0;
        }
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let length = self.buffer.len() + more;
        match self.reader.by_ref().take(more as u64).read_to_end(&mut self.buffer) {
            Ok(_) => self.at_end = self.buffer.len() < length,
            Err(error) => self.failed = Some(read_failed(error)),
        }
        Ok(())
    }
}
