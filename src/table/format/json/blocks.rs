//! The one reader of a JSON file: it cuts the stream into blocks of whole rows.
//!
//! Rows on lines are cut at line ends, which no string can hold. Rows in an array (or after each other, on many lines) are
//! cut where the nesting says so. In an array a block begins with the comma before its first row, so that the one who reads
//! a block can tell a comma too many.

use std::io::{Chain, Cursor, Read};

use crate::error::{Error, Result};
use crate::table::format::block::{Block, Damage, Options, Reading, Source, lengthen, read_full};

use super::reason::JsonReason;
use super::tail::Tail;

/// Marks a block that stands after the rows.
pub(super) const TAIL: u8 = 1;

/// Where rows stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One on each line.
    Lines,
    /// One after the other, over lines.
    Series,
    /// In an array, from after its bracket.
    Array,
}

/// Cuts a JSON file into blocks. Made by [`table`](super::table()).
pub struct JsonBlocks<R> {
    /// What was read to see the shape, then the rest.
    reader: Chain<Cursor<Vec<u8>>, R>,
    shape: Shape,
    options: Options,
    /// The start of a row whose end wasn't read yet.
    carry: Vec<u8>,
    is_first: bool,
    at_end: bool,
    done: bool,
    tail: Tail,
    in_tail: bool,
}

/// Follows the nesting.
#[derive(Default)]
struct Cut {
    at: usize,
    depth: usize,
    in_string: bool,
    /// Where the last whole row ends.
    last_end: usize,
    /// The array has closed.
    closed: bool,
}

impl Cut {
    fn scan(&mut self, bytes: &[u8], shape: Shape) {
        if shape == Shape::Lines {
            if let Some(line_end) = memchr::memrchr(b'\n', &bytes[self.at..]) {
                self.last_end = self.at + line_end + 1;
            }
            self.at = bytes.len();
            return;
        }
        while self.at < bytes.len() && !self.closed {
            if self.in_string {
                let Some(offset) = memchr::memchr2(b'"', b'\\', &bytes[self.at..]) else { break };
                let at = self.at + offset;
                if bytes[at] == b'"' {
                    (self.in_string, self.at) = (false, at + 1);
                } else if at + 1 < bytes.len() {
                    self.at = at + 2;
                } else {
                    // The escaped byte isn't here yet.
                    self.at = at;
                    return;
                }
                continue;
            }
            self.step(bytes[self.at], shape);
        }
        self.at = self.at.max(if self.in_string { bytes.len() } else { self.at });
    }

    #[inline]
    fn step(&mut self, byte: u8, shape: Shape) {
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                if self.depth == 0 && shape == Shape::Series {
                    self.last_end = self.at + 1;
                }
            }
            b']' if shape == Shape::Array => self.closed = true,
            b',' if self.depth == 0 && shape == Shape::Array => self.last_end = self.at,
            _ => {}
        }
        self.at += 1;
    }
}

impl<R: Read> JsonBlocks<R> {
    /// Reads the rows of `read_ahead` followed by `reader`.
    pub(super) fn new(read_ahead: Vec<u8>, reader: R, shape: Shape, tail: Tail, options: Options) -> Self {
        let max_record_bytes = options.max_record_bytes.clamp(1, 1 << 30);
        let block_bytes = options.block_bytes.clamp(1, max_record_bytes);
        JsonBlocks {
            reader: Cursor::new(read_ahead).chain(reader),
            shape,
            options: Options { block_bytes, max_record_bytes, ..options },
            carry: Vec::new(),
            is_first: true,
            at_end: false,
            done: false,
            tail,
            in_tail: false,
        }
    }

    fn fill(&mut self, block: &mut Block) -> Result<bool> {
        if self.at_end && self.carry.is_empty() {
            return Ok(false);
        }
        let mut length = self.carry.len();
        let mut target = self.options.block_bytes.max(length);
        lengthen(&mut block.bytes, target);
        block.bytes[..length].copy_from_slice(&self.carry);
        self.carry.clear();
        let mut cut = Cut::default();
        loop {
            length += self.read(&mut block.bytes[length..])?;
            cut.scan(&block.bytes[..length], self.shape);
            if let Some(end) = self.decide(length, &cut, &mut block.damage)? {
                self.in_tail = cut.closed;
                self.carry.extend_from_slice(&block.bytes[end..length]);
                block.bytes.truncate(end);
                return Ok(end > 0);
            }
            target = (2 * target).min(self.options.max_record_bytes);
            lengthen(&mut block.bytes, target.max(length));
        }
    }

    /// What follows the rows, a piece at a time.
    fn fill_tail(&mut self, block: &mut Block) -> Result<bool> {
        block.begins = TAIL;
        let length = self.carry.len();
        block.bytes.clear();
        block.bytes.append(&mut self.carry);
        lengthen(&mut block.bytes, length.max(self.options.block_bytes));
        let read = self.read(&mut block.bytes[length..])?;
        block.bytes.truncate(length + read);
        let is_last = block.bytes.is_empty();
        let seen = match self.tail.is_broken {
            true => Ok(()),
            false if is_last => self.tail.finish(),
            false => self.tail.see(&block.bytes),
        };
        match seen {
            Err(reason) if self.options.reading == Reading::Strict => Err(reason.into()),
            Err(_) => {
                self.tail.is_broken = true;
                block.damage = Some(Damage::LongRecord);
                Ok(true)
            }
            Ok(()) => Ok(!is_last),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        read_full(&mut self.reader, buffer, &mut self.at_end)
    }

    /// How many bytes to give away; `None` to read more.
    fn decide(&self, length: usize, cut: &Cut, damage: &mut Option<Damage>) -> Result<Option<usize>> {
        let Options { reading, max_record_bytes: limit_bytes, .. } = self.options;
        if cut.closed {
            return Ok(Some(cut.at));
        }
        if self.at_end && self.shape != Shape::Array {
            return Ok(Some(length));
        }
        if cut.last_end > 0 {
            return Ok(Some(cut.last_end));
        }
        if !self.at_end && length < limit_bytes {
            return Ok(None);
        }
        match reading {
            Reading::Strict if self.at_end => Err(Error::from(JsonReason::Unclosed).at_row(1)),
            Reading::Strict => Err(Error::from(JsonReason::Long { limit_bytes }).at_row(1)),
            Reading::Tolerant => {
                *damage = (!self.at_end).then_some(Damage::LongRecord);
                Ok(Some(length))
            }
        }
    }
}

impl<R: Read> Source for JsonBlocks<R> {
    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        block.recycle(self.options.block_bytes);
        if self.done {
            block.bytes.clear();
            return Ok(false);
        }
        if self.in_tail {
            let filled = self.fill_tail(block);
            self.done = !matches!(filled, Ok(true));
            return filled;
        }
        let filled = self.fill(block);
        self.done = !matches!(filled, Ok(true));
        if std::mem::take(&mut self.is_first) && matches!(filled, Ok(true)) && self.shape == Shape::Array {
            let first = block.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
            if first == Some(&b',') && self.options.reading == Reading::Strict {
                return Err(Error::from(JsonReason::Syntax).at_row(1));
            }
        }
        filled
    }
}
