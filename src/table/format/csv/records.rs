//! The records of a block and the byte range of each of their fields: the hot loop of the whole product.
//!
//! The rule stands on the page of the folder. A test reads it plainly, byte by byte, and compares.
//!
//! Ragged records are given as they are; [`check_width`] is for callers that insist.

use std::ops::Range;

use crate::error::{Error, Result};

use super::{
    dialect::{Dialect, QUOTE, Terminator},
    reason::CsvReason,
    scan::Marks,
};
use crate::table::format::block::Block;

/// The fields of one record, as byte ranges into the block. Reuse one value for all records.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    start: usize,
    /// Where each field ends. The next one starts one byte later, after the delimiter.
    ends: Vec<u32>,
    next: usize,
    terminated: bool,
}

impl Fields {
    /// Number of fields; at least one after a record was read.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether no record was read yet.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The byte range of field `index` as written, quotes and spaces included; `None` in a short record.
    #[inline]
    pub fn range(&self, index: usize) -> Option<Range<usize>> {
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 { self.start } else { self.ends[index - 1] as usize + 1 };
        Some(start..end)
    }

    /// The byte ranges of all fields, in order.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = Range<usize>> {
        let mut start = self.start;
        self.ends.iter().map(move |&end| {
            let range = start..end as usize;
            start = range.end + 1;
            range
        })
    }

    /// The byte range of the record, its terminator not included.
    pub fn record(&self) -> Range<usize> {
        self.start..self.ends.last().map_or(self.start, |&end| end as usize)
    }

    /// Where the next record (or a blank line) starts: just after the terminator.
    pub fn next_start(&self) -> usize {
        self.next
    }

    /// Forgets the last field, of a record that was cut off in it.
    pub fn drop_last(&mut self) {
        self.ends.pop();
    }

    /// Whether a terminator ended the record, rather than the end of the bytes.
    pub fn is_terminated(&self) -> bool {
        self.terminated
    }
}

/// The records of a run of whole records. See the [page of the folder](super) for the rule.
pub struct Records<'a> {
    bytes: &'a [u8],
    marks: Marks<'a>,
    delimiter: u8,
    terminator: Terminator,
    /// A quote that must not open a field although it stands at the start of one.
    literal_quote: Option<usize>,
    at: usize,
    unclosed: bool,
}

impl<'a> Records<'a> {
    /// Splits `bytes`, which start at the start of a record (after any byte-order mark).
    ///
    /// # Panics
    /// If `bytes` is longer than 4 GiB: ranges are kept in 32 bits, and blocks are far smaller.
    pub fn new(bytes: &'a [u8], dialect: Dialect) -> Self {
        assert!(u32::try_from(bytes.len()).is_ok(), "a block is shorter than 4 GiB");
        let Dialect { delimiter, terminator, .. } = dialect;
        let marks = Marks::new(bytes, [delimiter, terminator.byte(), QUOTE]);
        Records { bytes, marks, delimiter, terminator, literal_quote: None, at: 0, unclosed: false }
    }

    /// Splits a block of a file in `dialect`.
    pub fn of(block: &'a Block, dialect: Dialect) -> Self {
        Records::with_literal_quote(block.bytes(), dialect, block.literal_quote)
    }

    pub(super) fn with_literal_quote(
        bytes: &'a [u8],
        dialect: Dialect,
        literal_quote: Option<usize>,
    ) -> Self {
        Records { literal_quote, ..Records::new(bytes, dialect) }
    }

    /// Reads the next record into `fields`; false (and no fields) after the last one.
    #[inline]
    pub fn next_record(&mut self, fields: &mut Fields) -> bool {
        fields.ends.clear();
        fields.start = self.at;
        let mut field_start = self.at;
        while let Some(position) = self.marks.next_mark() {
            let byte = self.bytes[position];
            if byte == self.delimiter {
                fields.ends.push(position as u32);
                field_start = position + 1;
            } else if byte == QUOTE {
                if position == field_start && self.literal_quote != Some(position) {
                    self.skip_quoted();
                }
            } else {
                let end = self.content_end(field_start, position);
                if end == fields.start {
                    // A blank line: the record starts behind it.
                    fields.start = position + 1;
                    field_start = position + 1;
                    continue;
                }
                return self.finish(fields, end, Some(position));
            }
        }
        let end = self.bytes.len();
        fields.start < end && self.finish(fields, end, None)
    }

    /// Whether the last record ended with the bytes, inside an open quote.
    pub fn is_unclosed(&self) -> bool {
        self.unclosed
    }

    /// Passes over the marks of a quoted field, up to and including its closing quote.
    #[inline]
    fn skip_quoted(&mut self) {
        while let Some(position) = self.marks.next_mark() {
            if self.bytes[position] != QUOTE {
                continue;
            }
            if self.bytes.get(position + 1) != Some(&QUOTE) {
                return;
            }
            // An escaped quote: its second half is the next mark.
            self.marks.next_mark();
        }
        self.unclosed = true;
    }

    /// Where the field that the terminator at `position` ends has its last byte, plus one.
    #[inline]
    fn content_end(&self, field_start: usize, position: usize) -> usize {
        let crlf =
            self.terminator == Terminator::Lf && position > field_start && self.bytes[position - 1] == b'\r';
        position - usize::from(crlf)
    }

    #[inline]
    fn finish(&mut self, fields: &mut Fields, end: usize, terminator: Option<usize>) -> bool {
        fields.ends.push(end as u32);
        fields.terminated = terminator.is_some();
        fields.next = terminator.map_or(self.bytes.len(), |position| position + 1);
        self.at = fields.next;
        true
    }
}

/// Checks that a record has as many fields as the header.
///
/// `row` is the data row, 1-based: within the block in a worker of the pump, which makes it absolute.
///
/// # Errors
/// Names the row and both counts.
pub fn check_width(row: u64, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::from(CsvReason::Width { found, expected }).at_row(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LF: Dialect = Dialect { delimiter: b',', terminator: Terminator::Lf, bom_bytes: 0 };
    const CR: Dialect = Dialect { terminator: Terminator::Cr, ..LF };

    fn split(text: &str, dialect: Dialect) -> Vec<Vec<&str>> {
        let mut records = Records::new(text.as_bytes(), dialect);
        let mut fields = Fields::default();
        let mut found = Vec::new();
        while records.next_record(&mut fields) {
            found.push(fields.ranges().map(|range| &text[range]).collect());
        }
        found
    }

    #[test]
    fn a_quote_opens_only_at_the_start_of_a_field() {
        let cases: &[(&str, &[&[&str]])] = &[
            ("a,b\n1,2\n", &[&["a", "b"], &["1", "2"]]),
            ("a,b\n1,2", &[&["a", "b"], &["1", "2"]]),
            ("5\" disk,x\n6,y\n", &[&["5\" disk", "x"], &["6", "y"]]),
            ("1, \"x\"\n2,y\n", &[&["1", " \"x\""], &["2", "y"]]),
            ("1,\"x\ny\"\n2,z\n", &[&["1", "\"x\ny\""], &["2", "z"]]),
            ("1,\"x\"\"\n\"\"y\"\n2,z\n", &[&["1", "\"x\"\"\n\"\"y\""], &["2", "z"]]),
            // After the closing quote all is literal, also a further quote.
            ("\"a\"b\"c,d\n1,2\n", &[&["\"a\"b\"c", "d"], &["1", "2"]]),
            ("\"\",\"\"\n", &[&["\"\"", "\"\""]]),
            (",\n,,\n", &[&["", ""], &["", "", ""]]),
        ];
        for (text, expected) in cases {
            assert_eq!(split(text, LF), *expected, "{text:?}");
        }
    }

    #[test]
    fn line_ends_blank_lines_and_lone_crs() {
        let cases: &[(&str, Dialect, &[&[&str]])] = &[
            ("", LF, &[]),
            ("\n\r\n\n", LF, &[]),
            ("a,b\r\n\r\n1,\r\n", LF, &[&["a", "b"], &["1", ""]]),
            ("a\n\nb\n", LF, &[&["a"], &["b"]]),
            ("\"\"\r\n", LF, &[&["\"\""]]),
            ("1,x\ry\n2,z\r", LF, &[&["1", "x\ry"], &["2", "z\r"]]),
            ("1,\"x\"\r\n", LF, &[&["1", "\"x\""]]),
            ("a,b\r1,\"x\ry\"\r\r2,3", CR, &[&["a", "b"], &["1", "\"x\ry\""], &["2", "3"]]),
        ];
        for (text, dialect, expected) in cases {
            assert_eq!(split(text, *dialect), *expected, "{text:?}");
        }
    }

    #[test]
    fn a_record_knows_its_place() {
        let text = b"\na,bc\r\n\"x\ny";
        let mut records = Records::new(text, LF);
        let mut fields = Fields::default();
        assert!(records.next_record(&mut fields));
        assert_eq!((fields.record(), fields.next_start(), fields.len()), (1..5, 7, 2));
        assert_eq!((fields.range(0), fields.range(1), fields.range(2)), (Some(1..2), Some(3..5), None));
        assert!(fields.is_terminated() && !records.is_unclosed());
        assert!(records.next_record(&mut fields));
        assert_eq!(fields.record(), 7..text.len());
        assert!(!fields.is_terminated() && records.is_unclosed());
        assert!(!records.next_record(&mut fields) && fields.is_empty());
    }

    #[test]
    fn a_wrong_width_names_the_row_and_both_counts() {
        assert!(check_width(1, 4, 4).is_ok());
        let error = check_width(7, 3, 4).unwrap_err();
        assert_eq!(error.to_string(), "row 7: row has 3 fields, the header has 4");
        assert!(error.hint().is_some());
    }
}
