//! The reads of a leak in order, for questions that counts can't answer: whether some *part* of it is one partner's, and which
//! rows speak for whom.
//!
//! A read takes eight bytes, a row with reads sixteen more. Rows come in file order, each with an *order key*: a number that
//! sorts rows as their identity does, so that a partner's stretch of the table is found again after the file was shuffled.
//!
//! Invariants: rows ascend; the log is bounded, and says so when it had to stop. Nothing in it depends on a codeword.

use crate::mark::marker::Bit;

/// Reads that a log keeps at most: 128 MB. A leak with more has evidence to spare in its counts.
const MAX_READS: usize = 1 << 24;

/// One carrier of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The row of the leak, from 0.
    pub row: u32,
    /// Position, flip and value, in 24, 7 and 1 bits.
    packed: u32,
}

impl Read {
    fn new(row: u32, bit: Bit) -> Read {
        debug_assert!(bit.position < 1 << 24 && bit.flip < 1 << 7, "positions and flips are small");
        Read { row, packed: bit.position << 8 | u32::from(bit.flip) << 1 | u32::from(bit.value) }
    }

    /// What it says.
    pub fn bit(self) -> Bit {
        Bit { position: self.packed >> 8, value: self.packed & 1 == 1, flip: (self.packed >> 1 & 0x7f) as u8 }
    }
}

/// A row with reads.
#[derive(Clone, Copy)]
struct Row {
    /// Where its reads begin.
    first: u32,
    /// Sorts as the rows' identities do.
    key: u64,
}

/// The reads of a leak, in file order.
#[derive(Clone)]
pub struct Log {
    reads: Vec<Read>,
    rows: Vec<Row>,
    max_reads: usize,
    is_complete: bool,
}

impl Default for Log {
    fn default() -> Log {
        Log::with_limit(MAX_READS)
    }
}

impl Log {
    /// An empty log.
    pub fn new() -> Log {
        Log::default()
    }

    fn with_limit(max_reads: usize) -> Log {
        Log { reads: Vec::new(), rows: Vec::new(), max_reads, is_complete: true }
    }

    /// Adds the reads of a row, which comes after all rows so far. Reads that say nothing are left out. The first row that does
    /// not fit closes the log.
    pub fn push(&mut self, row: u32, key: u64, bits: &[Bit]) {
        let telling = || bits.iter().filter(|bit| bit.flip < Bit::NOTHING);
        if !self.is_complete || telling().next().is_none() {
            return;
        }
        if self.reads.len() + bits.len() > self.max_reads {
            self.is_complete = false;
            return;
        }
        debug_assert!(self.reads.last().is_none_or(|last| last.row < row), "rows ascend");
        self.rows.push(Row { first: self.reads.len() as u32, key });
        self.reads.extend(telling().map(|&bit| Read::new(row, bit)));
    }

    /// All reads, in file order.
    pub fn reads(&self) -> &[Read] {
        &self.reads
    }

    /// False if the leak had more reads than a log keeps: then this is its beginning.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The reads by row, in file order.
    pub fn rows(&self) -> impl Iterator<Item = &[Read]> + '_ {
        (0..self.rows.len()).map(|row| self.reads_of(row))
    }

    /// All reads in the order of their rows' keys; `None` if that is the order of the file.
    pub fn in_key_order(&self) -> Option<Vec<Read>> {
        if self.rows.is_sorted_by_key(|row| row.key) {
            return None;
        }
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by_key(|&row| (self.rows[row].key, row));
        Some(order.into_iter().flat_map(|row| self.reads_of(row)).copied().collect())
    }

    fn reads_of(&self, row: usize) -> &[Read] {
        let end = self.rows.get(row + 1).map_or(self.reads.len(), |next| next.first as usize);
        &self.reads[self.rows[row].first as usize..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(reads: &[Read]) -> Vec<u32> {
        reads.iter().map(|read| read.row).collect()
    }

    #[test]
    fn a_read_comes_back_as_it_was() {
        assert_eq!(size_of::<Read>(), 8);
        for bit in [
            Bit::plain(65_535, true),
            Bit { position: 0, value: false, flip: 31 },
            Bit { position: 77, value: true, flip: 1 },
        ] {
            assert_eq!(Read::new(3, bit).bit(), bit);
        }
    }

    #[test]
    fn rows_can_be_walked_by_file_and_by_key() {
        let mut log = Log::new();
        log.push(2, 50, &[Bit::plain(1, true), Bit::plain(2, true)]);
        log.push(3, 10, &[Bit { position: 4, value: true, flip: Bit::NOTHING }]);
        log.push(7, 20, &[Bit::plain(3, false)]);
        assert_eq!(rows(log.reads()), [2, 2, 7]);
        assert_eq!(rows(&log.in_key_order().unwrap()), [7, 2, 2]);
        assert_eq!(log.rows().map(<[Read]>::len).collect::<Vec<_>>(), [2, 1]);
        log.push(9, 60, &[Bit::plain(3, false)]);
        let mut sorted = Log::new();
        sorted.push(0, 1, &[Bit::plain(1, true)]);
        sorted.push(1, 2, &[Bit::plain(1, true)]);
        assert!(sorted.in_key_order().is_none());
    }

    #[test]
    fn a_full_log_closes_and_says_so() {
        let mut log = Log::with_limit(2);
        log.push(0, 0, &[Bit::plain(1, true)]);
        assert!(log.is_complete());
        log.push(1, 1, &[Bit::plain(1, true), Bit::plain(2, true)]);
        log.push(2, 2, &[Bit::plain(1, true)]);
        assert!(!log.is_complete());
        assert_eq!(rows(log.reads()), [0], "what comes after a gap would be a leak that never was");
    }
}
