//! The one reader of a CSV file: it cuts the stream into blocks of whole records.
//!
//! Invariants: the [`Head`](super::Head)'s bytes followed by those of all blocks are the file; each block starts
//! at the start of a record; where the file is cut into records doesn't depend on the size of the blocks. The
//! last one also holds for broken files, because complete records are given away first: a record is judged
//! broken only when it stands at the start of the buffer, and the buffer is never longer than the limit.

use std::io::{Chain, Cursor, Read};

use crate::error::{Error, Result};
use crate::table::format::block::{Block, Damage, Options, Reading, Source, lengthen, read_full};

use super::{cut::Cut, dialect::Dialect, head::Head, reason::CsvReason};

/// Cuts a CSV file into blocks, from just after its header. Made by [`open`](super::open).
pub struct Blocks<R> {
    /// What was read to find the header, then the rest.
    reader: Chain<Cursor<Vec<u8>>, R>,
    dialect: Dialect,
    options: Options,
    /// The start of a record whose end wasn't read yet.
    carry: Vec<u8>,
    at_end: bool,
    done: bool,
}

/// What to do with the buffer after a scan.
enum Step {
    /// Give the first so many bytes away as a block.
    Give(usize),
    /// Read more.
    Grow,
    /// A quote was declared literal: scan again.
    Rescan,
}

impl<R: Read> Blocks<R> {
    /// Reads the records of `read_ahead` followed by `reader`, which start with the start of a record.
    pub(super) fn new(read_ahead: Vec<u8>, reader: R, dialect: Dialect, options: Options) -> Self {
        let max_record_bytes = options.max_record_bytes.clamp(1, 1 << 30);
        let block_bytes = options.block_bytes.clamp(1, max_record_bytes);
        Blocks {
            reader: Cursor::new(read_ahead).chain(reader),
            dialect,
            options: Options { block_bytes, max_record_bytes, ..options },
            carry: Vec::new(),
            at_end: false,
            done: false,
        }
    }

    /// How the file is written.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Takes the header back: it becomes the first record, for a leak that has lost its header. Only before the
    /// first block is read; afterwards nothing happens.
    pub fn take_header_as_record(&mut self, head: &mut Head) {
        if self.carry.is_empty() && self.reader.get_ref().0.position() == 0 && !self.done {
            self.carry = head.bytes.split_off(self.dialect.bom_bytes);
            head.names.clear();
        }
    }

    fn fill(&mut self, block: &mut Block) -> Result<bool> {
        if self.at_end && self.carry.is_empty() {
            block.bytes.clear();
            return Ok(false);
        }
        let mut length = self.carry.len();
        let mut target = self.options.block_bytes.max(length);
        // The recycled buffer keeps its length, so that next to nothing is zeroed here.
        lengthen(&mut block.bytes, target);
        block.bytes[..length].copy_from_slice(&self.carry);
        self.carry.clear();
        let mut cut = Cut::new(self.dialect);
        loop {
            length += self.read(&mut block.bytes[length..])?;
            cut.scan(&block.bytes[..length], self.at_end);
            match self.decide(length, &mut cut, &mut block.damage)? {
                Step::Give(end) => {
                    self.carry.extend_from_slice(&block.bytes[end..length]);
                    block.bytes.truncate(end);
                    block.literal_quote = cut.literal_quote();
                    return Ok(end > 0);
                }
                Step::Grow => {
                    target = (2 * target).min(self.options.max_record_bytes);
                    lengthen(&mut block.bytes, target);
                }
                Step::Rescan => {}
            }
        }
    }

    /// Reads until `buffer` is full or the file ends; gives the number of bytes read.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        read_full(&mut self.reader, buffer, &mut self.at_end)
    }

    fn decide(&self, length: usize, cut: &mut Cut, damage: &mut Option<Damage>) -> Result<Step> {
        let Options { reading, max_record_bytes: limit_bytes, .. } = self.options;
        if self.at_end && cut.open().is_none() {
            return Ok(Step::Give(length));
        }
        if cut.last_end() > 0 {
            return Ok(Step::Give(cut.last_end()));
        }
        if !self.at_end && length < limit_bytes {
            return Ok(Step::Grow);
        }
        // The record at the start of the buffer is broken: a quote is open at the end, or it is too long.
        match (reading, cut.open()) {
            (Reading::Strict, _) if self.at_end => Err(Error::from(CsvReason::Unclosed).at_row(1)),
            (Reading::Strict, _) => Err(Error::from(CsvReason::Long { limit_bytes }).at_row(1)),
            (Reading::Tolerant, Some(quote)) if cut.literal_quote().is_none() => {
                // Once is enough. Nothing closed this quote, so all quotes after it come in even runs, and an
                // even run at the start of a field closes itself: nothing else stays open, lines end again.
                cut.take_literally(quote);
                *damage = Some(Damage::UnclosedQuote);
                Ok(Step::Rescan)
            }
            (Reading::Tolerant, _) => {
                *damage = Some(Damage::LongRecord);
                Ok(Step::Give(length))
            }
        }
    }
}

impl<R: Read> Source for Blocks<R> {
    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        block.recycle(self.options.block_bytes);
        if self.done {
            block.bytes.clear();
            return Ok(false);
        }
        let filled = self.fill(block);
        self.done = !matches!(filled, Ok(true));
        filled
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::super::{Fields, Records, open};
    use super::*;

    fn limits(reading: Reading, max_record_bytes: usize) -> Options {
        Options { reading, block_bytes: 8, max_record_bytes }
    }

    /// The rows of all blocks as written, with their damage, until the first error.
    fn rows(file: &str, options: Options) -> (Vec<String>, Vec<Damage>, Option<Error>) {
        let (head, mut blocks) = open(file.as_bytes(), Some(b','), options).unwrap();
        let (mut rows, mut damage) = (Vec::new(), Vec::new());
        let (mut block, mut fields) = (Block::default(), Fields::default());
        loop {
            match blocks.next_block(&mut block) {
                Ok(true) => {}
                Ok(false) => return (rows, damage, None),
                Err(error) => {
                    assert!(!blocks.next_block(&mut block).unwrap(), "nothing follows an error");
                    return (rows, damage, Some(error));
                }
            }
            damage.extend(block.damage());
            let mut records = Records::of(&block, head.dialect);
            while records.next_record(&mut fields) {
                rows.push(String::from_utf8_lossy(&block.bytes()[fields.record()]).into_owned());
            }
        }
    }

    #[test]
    fn an_unclosed_quote_swallows_nothing() {
        let file = "a,b\n1,x\n2,\"y\n3,\"\"\n4,z\"\"\n5,w";
        let (found, damage, error) = rows(file, limits(Reading::Tolerant, 1000));
        assert_eq!(found, ["1,x", "2,\"y", "3,\"\"", "4,z\"\"", "5,w"]);
        assert_eq!(damage, [Damage::UnclosedQuote]);
        assert!(error.is_none());

        let (found, _, error) = rows(file, limits(Reading::Strict, 1000));
        assert_eq!(found, ["1,x"]);
        let error = error.unwrap();
        assert_eq!(error.to_string(), "row 1: a quote opens here and never closes");
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_record_beyond_the_limit_is_an_error_or_is_split() {
        let file = format!("a\n1\n\"2{}\n4\"\n5\n", "\n3".repeat(20));
        let (found, _, error) = rows(&file, limits(Reading::Strict, 30));
        assert_eq!(found, ["1"]);
        assert_eq!(error.unwrap().to_string(), "row 1: row is longer than 30 bytes");
        assert_eq!(rows(&file, limits(Reading::Strict, 48)).0.len(), 3, "48 bytes is its length");

        let (found, damage, error) = rows(&file, limits(Reading::Tolerant, 30));
        let mut expected = vec!["1", "\"2"];
        expected.extend(["3"; 20]);
        expected.extend(["4\"", "5"]);
        assert_eq!(found, expected);
        assert_eq!(damage, [Damage::UnclosedQuote]);
        assert!(error.is_none());
    }

    #[test]
    fn a_line_without_end_is_cut_in_pieces() {
        let file = format!("a\n1\n{}\n2\n", "x".repeat(70));
        let (found, damage, _) = rows(&file, limits(Reading::Tolerant, 32));
        assert_eq!(found.iter().map(String::len).collect::<Vec<_>>(), [1, 32, 32, 6, 1]);
        assert_eq!(damage, [Damage::LongRecord; 2]);
    }

    #[test]
    fn long_quoted_fields_cost_linear_time_and_bounded_memory() {
        // Every line opens a quote that never closes within the limit.
        let file = format!("a\n{}", "\"x\n\"\"\n".repeat(100_000));
        let (head, mut blocks) = open(file.as_bytes(), None, limits(Reading::Tolerant, 1000)).unwrap();
        let (mut block, mut length) = (Block::default(), head.bytes.len());
        while blocks.next_block(&mut block).unwrap() {
            length += block.bytes().len();
            assert!(block.bytes.capacity() <= 2000);
        }
        assert_eq!(length, file.len());
    }

    #[test]
    fn a_lost_header_can_be_taken_back_as_a_record() {
        let file = b"\xef\xbb\xbf1,2\n3,4\n";
        let options = limits(Reading::Tolerant, 1000);
        let (mut head, mut blocks) = open(&file[..], None, options).unwrap();
        blocks.take_header_as_record(&mut head);
        assert_eq!((head.names.len(), &head.bytes[..]), (0, &file[..3]));
        let mut block = Block::default();
        assert!(blocks.next_block(&mut block).unwrap());
        assert_eq!(block.bytes(), &file[3..]);
    }

    #[test]
    fn a_failing_reader_is_an_error_of_the_system() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("unplugged"))
            }
        }
        let header = Cursor::new(format!("a,b\n{}", "1,2\n".repeat(20_000)));
        let (_, mut blocks) = open(header.chain(Failing), None, Options::new(Reading::Strict)).unwrap();
        let error = blocks.next_block(&mut Block::default()).unwrap_err();
        assert_eq!(error.to_string(), "could not read: unplugged");
        assert_eq!(error.class(), crate::error::Class::Io);
    }
}
