//! Whether a place is within quotes, by the rule of [CSV](super::super::csv), from the quotes alone.
//!
//! Not all have to be looked at. After a quote that is not doubled and does not stand at the start of a field none is open: it
//! closes a field, or it is an ordinary character. Where cells are quoted there is one nearby.

use crate::table::format::block::MAX_RECORD_BYTES;
use crate::table::format::csv::{Dialect, Marks};

const QUOTE: u8 = b'"';

/// Bytes and quotes before a place among which a quote is looked for after which none is open.
const NEAR_BYTES: usize = 256;
const NEAR_QUOTES: usize = 16;

/// Goes through a window of text once.
#[derive(Clone, Debug, Default)]
pub(super) struct Quotes {
    /// What was gone through.
    scanned: usize,
    /// Whether a quote is open there, and the bytes since then.
    is_open: bool,
    open_bytes: usize,
    /// Where text begins a field though no delimiter or line end stands before it.
    fresh: usize,
}

impl Quotes {
    /// Outside of quotes, at the start of a field.
    pub(super) fn starting(at: usize) -> Quotes {
        Quotes { scanned: at, fresh: at, ..Quotes::default() }
    }

    /// Says that the text before `at` was dropped and a line begins there.
    pub(super) fn begin_line(&mut self, at: usize) {
        *self = Quotes::starting(at);
    }

    /// Whether a line begins at `at` by what was said.
    pub(super) fn begins_at(&self, at: usize) -> bool {
        self.fresh == at
    }

    /// The window has lost its first bytes.
    pub(super) fn shift(&mut self, bytes: usize) {
        self.scanned = self.scanned.saturating_sub(bytes);
        self.fresh = self.fresh.checked_sub(bytes).unwrap_or(usize::MAX);
    }

    /// Whether a quote is open at `to`, which may not lie before what was asked last.
    pub(super) fn is_open(&mut self, window: &[u8], to: usize, dialect: Dialect) -> bool {
        if to <= self.scanned {
            return self.is_open;
        }
        if let Some(certain) = self.certain(window, to, dialect) {
            (self.scanned, self.is_open) = (certain, false);
        }
        let (from, mut passed) = (self.scanned, self.scanned);
        let mut marks = Marks::new(&window[from..to], [QUOTE; 3]);
        while let Some(offset) = marks.next_mark() {
            let at = from + offset;
            if at < passed {
                continue;
            }
            if !self.is_open {
                (self.is_open, self.open_bytes) = (self.begins_field(window, at, dialect), 0);
            } else if window.get(at + 1) == Some(&QUOTE) {
                passed = at + 2;
            } else {
                self.is_open = false;
            }
        }
        self.scanned = passed.max(to);
        self.open_bytes += to - from;
        // No cell is so long. The quote was none, and all after it came in pairs.
        if self.open_bytes > MAX_RECORD_BYTES {
            self.is_open = false;
        }
        self.is_open
    }

    fn begins_field(&self, window: &[u8], at: usize, dialect: Dialect) -> bool {
        let ends = [dialect.delimiter, dialect.terminator.byte()];
        at == 0 || at == self.fresh || ends.contains(&window[at - 1])
    }

    /// A place shortly before `to` at which no quote is open, seen from what is around it.
    fn certain(&self, window: &[u8], to: usize, dialect: Dialect) -> Option<usize> {
        let from = to - NEAR_BYTES.min(to - self.scanned);
        if from == self.scanned {
            return None;
        }
        let quotes =
            memchr::memrchr_iter(QUOTE, &window[from..to]).take(NEAR_QUOTES).map(|offset| from + offset);
        let is_single = |at: usize| window[at - 1] != QUOTE && window.get(at + 1) != Some(&QUOTE);
        let mut closing = quotes.filter(|&at| !self.begins_field(window, at, dialect) && is_single(at));
        closing.next().map(|at| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_is_judged_the_same_from_afar_and_step_by_step(
            text in "(a|,|\"|\"\"|\n|\"a\"|\r\n|,\"|\",){300,400}",
            step in 1_usize..700,
        ) {
            let (text, dialect) = (text.as_bytes(), Dialect::sniff(b"", Some(b',')));
            let (mut afar, mut near) = (Quotes::starting(0), Quotes::starting(0));
            for to in 0..text.len() {
                let expected = near.is_open(text, to, dialect);
                if to % step == 0 {
                    prop_assert_eq!(afar.is_open(text, to, dialect), expected, "{}", to);
                }
            }
        }
    }
}
