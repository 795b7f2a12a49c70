//! Finds the last record end in a growing buffer, looking at nothing but quotes and terminators.
//!
//! Outside quotes a quote opens a field exactly when the byte before it is a delimiter or a terminator (or there
//! is none), so the delimiters, the most frequent marks, needn't be visited. Jumping from quote to quote with
//! memchr is faster still in a file without quotes, but ten times slower where every cell is quoted. One reader does this for
//! the whole file; cutting at guessed places in parallel would need the parity of the quotes before, which stray
//! quotes falsify.

use super::{
    dialect::{Dialect, QUOTE},
    scan::Marks,
};

/// The state of the search. The buffer only ever grows at its end; what was scanned isn't scanned again.
pub(super) struct Cut {
    delimiter: u8,
    terminator: u8,
    scanned: usize,
    /// Just after the last terminator outside quotes; 0 while there is none.
    last_end: usize,
    /// Where the quote stands that is open at `scanned`.
    open: Option<usize>,
    literal_quote: Option<usize>,
}

impl Cut {
    /// A search in an empty buffer that will start with the start of a record.
    pub(super) fn new(dialect: Dialect) -> Self {
        let Dialect { delimiter, terminator, .. } = dialect;
        Cut {
            delimiter,
            terminator: terminator.byte(),
            scanned: 0,
            last_end: 0,
            open: None,
            literal_quote: None,
        }
    }

    /// Just after the last complete record; 0 if there is none.
    pub(super) fn last_end(&self) -> usize {
        self.last_end
    }

    /// Where the quote stands that nothing has closed yet.
    pub(super) fn open(&self) -> Option<usize> {
        self.open
    }

    /// The quote that was declared an ordinary character.
    pub(super) fn literal_quote(&self) -> Option<usize> {
        self.literal_quote
    }

    /// Declares the open quote at `position` an ordinary character; the text after it is scanned again.
    pub(super) fn take_literally(&mut self, position: usize) {
        self.literal_quote = Some(position);
        self.open = None;
        self.scanned = position + 1;
    }

    /// Scans what was added to `bytes`; `at_end` says that nothing will follow.
    pub(super) fn scan(&mut self, bytes: &[u8], at_end: bool) {
        let base = self.scanned;
        let mut marks = Marks::new(&bytes[base..], [QUOTE, self.terminator, QUOTE]);
        while let Some(offset) = marks.next_mark() {
            let position = base + offset;
            let is_quote = bytes[position] == QUOTE;
            if self.open.is_none() {
                if !is_quote {
                    self.last_end = position + 1;
                } else if self.opens(bytes, position) {
                    self.open = Some(position);
                }
            } else if is_quote {
                match bytes.get(position + 1) {
                    // An escaped quote: its second half is the next mark.
                    Some(&QUOTE) => _ = marks.next_mark(),
                    None if !at_end => {
                        // What follows decides whether this is one, so it is looked at again.
                        self.scanned = position;
                        return;
                    }
                    _ => self.open = None,
                }
            }
        }
        self.scanned = bytes.len();
    }

    /// Whether a quote outside of quotes opens a field.
    fn opens(&self, bytes: &[u8], position: usize) -> bool {
        let at_field_start = match position.checked_sub(1) {
            None => true,
            Some(before) => bytes[before] == self.delimiter || bytes[before] == self.terminator,
        };
        at_field_start && self.literal_quote != Some(position)
    }
}

#[cfg(test)]
mod tests {
    use super::super::dialect::Terminator;
    use super::*;

    const LF: Dialect = Dialect { delimiter: b',', terminator: Terminator::Lf, bom_bytes: 0 };

    fn cut(text: &str) -> (usize, Option<usize>) {
        let mut cut = Cut::new(LF);
        cut.scan(text.as_bytes(), true);
        (cut.last_end(), cut.open())
    }

    #[test]
    fn the_last_end_lies_outside_quotes() {
        assert_eq!(cut("a,b\n1,2"), (4, None));
        assert_eq!(cut("a\n\"b\nc\nd"), (2, Some(2)));
        assert_eq!(cut("a\n\"b\nc\"\nd"), (8, None));
        assert_eq!(cut("5\" disk,x\n6"), (10, None));
        assert_eq!(cut("\"x\"\"\n\"\"\"\n"), (9, None));
        assert_eq!(cut("abc"), (0, None));
    }

    #[test]
    fn growing_byte_by_byte_gives_the_same() {
        let text = "a,\"b\"\"\n\"\"\"\"\",c\"d\n\"\",\"\n\"\r\n1,\"\"\n";
        for end in 0..=text.len() {
            let mut growing = Cut::new(LF);
            for length in 0..end {
                growing.scan(&text.as_bytes()[..length], false);
            }
            growing.scan(&text.as_bytes()[..end], true);
            assert_eq!((growing.last_end(), growing.open()), cut(&text[..end]), "{:?}", &text[..end]);
        }
    }

    #[test]
    fn a_quote_taken_literally_frees_the_lines_after_it() {
        let text = "1,\"x\n2,\"\"\n3,y";
        let mut cut = Cut::new(LF);
        cut.scan(text.as_bytes(), true);
        assert_eq!((cut.last_end(), cut.open()), (0, Some(2)));
        cut.take_literally(2);
        cut.scan(text.as_bytes(), true);
        assert_eq!((cut.last_end(), cut.open(), cut.literal_quote()), (10, None, Some(2)));
    }
}
