//! How a file is written: delimiter, line ends and byte-order mark, guessed from its first bytes.
//!
//! The guess is by consistency: the right delimiter gives (nearly) all records the number of fields that the
//! first one has. Two tiers keep a time of day from being taken for two columns: the rare delimiters, among
//! them `:`, are asked only when no usual one splits most records, and then the first record must agree.

use std::collections::BTreeMap;

use super::records::{Fields, Records};

/// The quote. Single quotes as quotes aren't supported: in data files they are apostrophes far more often.
pub(super) const QUOTE: u8 = b'"';

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The delimiters of nearly all files, in order of preference. Where each record has as many tabs, and as many commas,
/// the commas are those of a text: a tab is hardly ever part of one.
const USUAL: [u8; 4] = [b'\t', b',', b';', b'|'];

/// Delimiters of some database exports: unit separator and `^A` (Hive) among them.
const RARE: [u8; 5] = [0x1f, 0x01, b'^', b'~', b':'];

/// How the records of a file end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminator {
    /// A line feed, with or without a carriage return before it; the two may be mixed in one file.
    Lf,
    /// A lone carriage return: files of the old Macintosh, and some spreadsheet exports.
    Cr,
}

impl Terminator {
    /// The byte that ends a record.
    pub fn byte(self) -> u8 {
        match self {
            Terminator::Lf => b'\n',
            Terminator::Cr => b'\r',
        }
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The byte between two fields; never a quote, CR or LF.
    pub delimiter: u8,
    /// How records end.
    pub terminator: Terminator,
    /// Length of the byte-order mark at the start of the file: 0 or 3.
    pub bom_bytes: usize,
}

impl Dialect {
    /// Guesses the dialect from `head`, the first bytes of a file; a `delimiter` that is given is kept.
    ///
    /// A file with one column, an empty file and a file that nothing splits consistently get a comma.
    pub fn sniff(head: &[u8], delimiter: Option<u8>) -> Dialect {
        let bom_bytes = if head.starts_with(BOM) { BOM.len() } else { 0 };
        let body = &head[bom_bytes..];
        let old_mac = memchr::memchr(b'\n', body).is_none() && memchr::memchr(b'\r', body).is_some();
        let terminator = if old_mac { Terminator::Cr } else { Terminator::Lf };
        let with = |delimiter| Dialect { delimiter, terminator, bom_bytes };
        let guess = || {
            best(body, USUAL.map(with), |shape| 2 * shape.agreeing > shape.records)
                .or_else(|| best(body, RARE.map(with), |shape| shape.first_agrees))
                .or_else(|| best(body, USUAL.map(with), |_| true))
        };
        delimiter.map(with).or_else(guess).unwrap_or(with(b','))
    }
}

/// What a delimiter makes of the first records.
struct Shape {
    records: usize,
    /// Records with the most frequent number of fields above one.
    agreeing: usize,
    /// Whether the first record, usually the header, is among them.
    first_agrees: bool,
}

/// The acceptable candidate with the most agreeing records; the earlier one on a tie.
fn best<const N: usize>(
    body: &[u8],
    candidates: [Dialect; N],
    accept: impl Fn(&Shape) -> bool,
) -> Option<Dialect> {
    let mut best = None;
    let mut most = (false, 0);
    for dialect in candidates {
        let Some(shape) = shape(body, dialect) else { continue };
        // A first record that agrees outweighs a few more records: `1,5;2,5` under the header `a;b`.
        let rank = (shape.first_agrees, shape.agreeing);
        if accept(&shape) && rank > most {
            most = rank;
            best = Some(dialect);
        }
    }
    best
}

/// Counts the fields of every record; `None` when the delimiter splits nothing.
fn shape(body: &[u8], dialect: Dialect) -> Option<Shape> {
    let mut counts = Vec::new();
    let mut records = Records::new(body, dialect);
    let mut fields = Fields::default();
    let mut complete = true;
    while records.next_record(&mut fields) {
        counts.push(fields.len());
        complete = fields.is_terminated();
    }
    // The last record may be cut off where the head ends, unless it is all there is.
    if counts.len() > 1 && !complete {
        counts.pop();
    }
    let mut tally = BTreeMap::new();
    for &count in counts.iter().filter(|&&count| count > 1) {
        *tally.entry(count).or_insert(0_usize) += 1;
    }
    let (&mode, &agreeing) = tally.iter().max_by_key(|(_, times)| **times)?;
    Some(Shape { records: counts.len(), agreeing, first_agrees: counts.first() == Some(&mode) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delimiter(head: &str) -> char {
        char::from(Dialect::sniff(head.as_bytes(), None).delimiter)
    }

    #[test]
    fn the_delimiter_is_the_one_that_splits_consistently() {
        for (head, expected) in [
            ("a,b\n1,2\n", ','),
            ("a;b\n1,5;2,5\n3,5;4,5\n", ';'),
            ("a\tb\nx, y\tz, w\n", '\t'),
            // No header tells which it is.
            ("1\tx, y\t2\n2\tz, w\t3\n", '\t'),
            ("a|b|c\n1|2|3\n", '|'),
            ("id^name\n1^x\n", '^'),
            ("id\x01name\n1\x012\n", '\x01'),
            ("id:name\n1:x\n", ':'),
            ("id,note\n1,\"a;b;c\"\n2,\"a;b;c\"\n", ','),
            ("a,b;c\n1,2;3\n", ','),
            // A final record cut off by the end of the head doesn't count.
            ("a;b;c\n1;2;3\n4;5", ';'),
            // Ragged, yet nothing else splits at all.
            ("a\n1,2\nb\nc\nd\n", ','),
        ] {
            assert_eq!(delimiter(head), expected, "{head:?}");
        }
    }

    #[test]
    fn one_column_is_a_comma_whatever_it_holds() {
        for head in ["", "a", "a\n1\n2\n", "at\n12:30:00\n13:45:10\n", "name\nmy name\n", "\n\n"] {
            assert_eq!(delimiter(head), ',', "{head:?}");
        }
    }

    #[test]
    fn a_lone_cr_ends_records_only_without_any_lf() {
        let terminator = |head: &[u8]| Dialect::sniff(head, None).terminator;
        assert_eq!(terminator(b"a,b\r1,2\r"), Terminator::Cr);
        assert_eq!(terminator(b"a,b\r\n1,2\r\n"), Terminator::Lf);
        assert_eq!(terminator(b"a,b\n1,x\ry\n"), Terminator::Lf);
        assert_eq!(terminator(b"a,b"), Terminator::Lf);
    }

    #[test]
    fn a_given_delimiter_and_a_byte_order_mark_are_kept() {
        let dialect = Dialect::sniff(b"\xef\xbb\xbfa,b;c\n", Some(b';'));
        assert_eq!(dialect, Dialect { delimiter: b';', terminator: Terminator::Lf, bom_bytes: 3 });
    }
}
