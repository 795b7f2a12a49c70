//! A block: a run of whole records of a file, small enough to keep and large enough to be worth sending around.
//!
//! Formats whose records are text (CSV, NDJSON) are read as blocks that follow each other without a gap, so that
//! copying all blocks copies the file. A [`Source`] fills them, the [pump](super::pump) carries them.

use std::io::{self, Read};

use crate::error::Result;

use super::reason::read_failed;

/// Bytes that a block aims at. Large enough that handing one over costs nothing beside splitting it (about
/// 0.5 ms), small enough that one block and its edited copy stay in a second-level cache.
pub const BLOCK_BYTES: usize = 1 << 18;

/// The longest record, 16 MiB: longer than any row people exchange (a spreadsheet cell holds 32 KiB), so that
/// a quote that never closes is found before it has swallowed the memory.
pub const MAX_RECORD_BYTES: usize = 16 << 20;

/// Whole records of a file, and the damage that was passed over to find them.
#[derive(Debug, Default)]
pub struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) rows_before: u64,
    /// Where a quote stands that must be read as an ordinary character (CSV, tolerant reading).
    pub(super) literal_quote: Option<usize>,
    pub(super) damage: Option<Damage>,
    /// Where in its format's grammar the block begins, for formats whose blocks don't tell (SQL).
    pub(super) begins: u8,
}

impl Block {
    /// A block of these records.
    pub fn of(bytes: Vec<u8>) -> Block {
        Block { bytes, ..Block::default() }
    }

    /// The records, byte for byte as in the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of the block's first data row in the file, 1-based, the header not counted.
    ///
    /// Known to the sink of the [pump](super::pump) only. Everywhere else blocks count for themselves: it is 1.
    pub fn first_row(&self) -> u64 {
        self.rows_before + 1
    }

    /// What is broken at the start of the block; always `None` in strict reading.
    pub fn damage(&self) -> Option<Damage> {
        self.damage
    }

    /// Forgets everything but the buffer, and gives back memory that one long record had needed.
    pub(super) fn recycle(&mut self, block_bytes: usize) {
        let Block { bytes, rows_before, literal_quote, damage, begins } = self;
        if bytes.capacity() > 4 * block_bytes {
            bytes.truncate(block_bytes);
            bytes.shrink_to_fit();
        }
        *rows_before = 0;
        *literal_quote = None;
        *damage = None;
        *begins = 0;
    }
}

/// Lengthens a buffer. An empty one gets memory that the system zeroes, and only where it is touched: most of a short file's
/// buffers never are.
pub(super) fn lengthen(bytes: &mut Vec<u8>, length: usize) {
    if bytes.is_empty() {
        *bytes = vec![0; length];
    } else {
        bytes.resize(length, 0);
    }
}

/// Something broken that tolerant reading passed over. It concerns the first record of its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// A quote opens a field and never closes; it was read as an ordinary character.
    UnclosedQuote,
    /// The record was longer than the limit and was cut in the middle.
    LongRecord,
}

/// What to do with broken records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// They are errors: for stamping, where a wrong cell must not be edited.
    Strict,
    /// They are split as well as possible and reported as [`Damage`]: for tracing, where every cell helps.
    Tolerant,
}

/// How a file is cut into blocks.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What to do with broken records.
    pub reading: Reading,
    /// Bytes that a block aims at; a longer record makes a longer block. [`BLOCK_BYTES`] unless testing.
    pub block_bytes: usize,
    /// The longest record, in bytes, its terminator included. [`MAX_RECORD_BYTES`] unless testing.
    pub max_record_bytes: usize,
}

impl Options {
    /// Strict or tolerant reading with blocks of the default size.
    pub fn new(reading: Reading) -> Self {
        Options { reading, block_bytes: BLOCK_BYTES, max_record_bytes: MAX_RECORD_BYTES }
    }
}

/// A source whose first block may be looked at before it is taken.
pub struct Peeked<S> {
    first: Option<Block>,
    rest: S,
}

impl<S: Source> Peeked<S> {
    /// Nothing is read yet.
    pub fn new(source: S) -> Peeked<S> {
        Peeked { first: None, rest: source }
    }

    /// The first block, if there is one.
    pub fn peek(&mut self) -> Result<Option<&Block>> {
        if self.first.is_none() {
            let mut block = Block::default();
            self.first = self.rest.next_block(&mut block)?.then_some(block);
        }
        Ok(self.first.as_ref())
    }
}

impl<S: Source> Source for Peeked<S> {
    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        match self.first.take() {
            Some(first) => {
                *block = first;
                Ok(true)
            }
            None => self.rest.next_block(block),
        }
    }
}

/// Reads until `buffer` is full or the file ends, which `at_end` then says; gives the number of bytes read.
pub(super) fn read_full(reader: &mut impl Read, buffer: &mut [u8], at_end: &mut bool) -> Result<usize> {
    let mut length = 0;
    while length < buffer.len() && !*at_end {
        match reader.read(&mut buffer[length..]) {
            Ok(0) => *at_end = true,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read_failed(error)),
        }
    }
    Ok(length)
}

/// A reader that cuts a file into blocks.
pub trait Source {
    /// Fills `block` with the next records, reusing its buffer; false after the last ones.
    ///
    /// # Errors
    /// Errors name rows relative to the block: the first record of the block that could not be given is row 1.
    fn next_block(&mut self, block: &mut Block) -> Result<bool>;
}
