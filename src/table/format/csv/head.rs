//! The start of a file: its dialect and the names of its columns.

use std::io::Read;

use crate::error::{Error, Result};
use crate::table::format::block::{Options, Reading};
use crate::table::format::reason::read_failed;

use super::{
    blocks::Blocks,
    cell::Cell,
    cut::Cut,
    dialect::{Dialect, QUOTE},
    reason::CsvReason,
    records::{Fields, Records},
};

/// Bytes from which the dialect is guessed: some hundred records of most files, and one read of a pipe.
const SNIFF_BYTES: usize = 64 << 10;

/// The start of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// How the file is written.
    pub dialect: Dialect,
    /// Column names as the first record has them, unquoted; bytes that aren't UTF-8 became U+FFFD. They may be
    /// empty and may repeat.
    pub names: Vec<String>,
    /// Byte-order mark and first record as written, with its terminator and blank lines before it.
    pub bytes: Vec<u8>,
}

/// Reads the start of a CSV file. What follows `Head::bytes` is given by the [`Blocks`], without a gap.
///
/// The dialect is sniffed from the first 64 KiB; a `delimiter` that is given is kept.
///
/// # Errors
/// If the file is empty, has a header longer than the longest record, or can't be read; in strict
/// reading also if the header has a quote that never closes. If the `delimiter` is a quote or a line end.
pub fn open<R: Read>(mut reader: R, delimiter: Option<u8>, options: Options) -> Result<(Head, Blocks<R>)> {
    if let Some(delimiter @ (QUOTE | b'\r' | b'\n')) = delimiter {
        return Err(CsvReason::Delimiter(char::from(delimiter)).into());
    }
    let mut bytes = Vec::new();
    let mut wanted = SNIFF_BYTES;
    let mut at_end = read_up_to(&mut reader, &mut bytes, wanted)?;
    let dialect = Dialect::sniff(&bytes, delimiter);
    loop {
        let is_last_try = at_end || wanted >= options.max_record_bytes.max(SNIFF_BYTES);
        if let Some((end, names)) =
            header(&bytes[dialect.bom_bytes..], dialect, options, at_end, is_last_try)?
        {
            let read_ahead = bytes.split_off(dialect.bom_bytes + end);
            let head = Head { dialect, names, bytes };
            return Ok((head, Blocks::new(read_ahead, reader, dialect, options)));
        }
        wanted *= 2;
        at_end = read_up_to(&mut reader, &mut bytes, wanted)?;
    }
}

/// Fills `bytes` up to a length of `wanted`; true if the file ends before.
fn read_up_to(reader: &mut impl Read, bytes: &mut Vec<u8>, wanted: usize) -> Result<bool> {
    let missing = (wanted - bytes.len()) as u64;
    reader.take(missing).read_to_end(bytes).map_err(read_failed)?;
    Ok(bytes.len() < wanted)
}

/// The end of the first record of `body` and its names, `None` if more bytes are needed.
fn header(
    body: &[u8],
    dialect: Dialect,
    options: Options,
    at_end: bool,
    is_last_try: bool,
) -> Result<Option<(usize, Vec<String>)>> {
    let mut fields = Fields::default();
    let mut records = Records::new(body, dialect);
    let mut found = records.next_record(&mut fields);
    let complete = found && fields.is_terminated();
    if !complete && !is_last_try {
        return Ok(None);
    }
    if found && records.is_unclosed() && options.reading == Reading::Tolerant {
        let mut cut = Cut::new(dialect);
        cut.scan(body, true);
        records = Records::with_literal_quote(body, dialect, cut.open());
        found = records.next_record(&mut fields);
    }
    let limit_bytes = options.max_record_bytes;
    let reason = if !found && at_end {
        CsvReason::Empty
    } else if found && records.is_unclosed() && at_end {
        CsvReason::UnclosedHeader
    } else if !found || !(fields.is_terminated() || at_end) {
        CsvReason::LongHeader { limit_bytes }
    } else {
        let names = fields.ranges().map(|range| name(&body[range])).collect();
        return Ok(Some((fields.next_start(), names)));
    };
    Err(Error::from(reason))
}

fn name(raw: &[u8]) -> String {
    String::from_utf8_lossy(&Cell::new(raw).text()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(file: &[u8], delimiter: Option<u8>) -> String {
        let error = open(file, delimiter, Options::new(Reading::Strict)).err().expect("no table");
        assert!(error.hint().is_some(), "{error}");
        error.to_string()
    }

    #[test]
    fn a_file_without_a_header_says_why() {
        for (file, expected) in [
            (&b""[..], "the file is empty"),
            (b"\n\r\n", "the file is empty"),
            (b"\xef\xbb\xbf", "the file is empty"),
            (b"a,\"b\n1,2\n", "the header has a quote that never closes"),
        ] {
            assert_eq!(message(file, None), expected);
        }
        assert_eq!(message(b"a\n", Some(b'"')), "'\"' can't separate fields");
        assert_eq!(message(&vec![b'x'; 17 << 20], None), "the header is longer than 16777216 bytes");
    }

    #[test]
    fn a_reader_of_ours_that_fails_speaks_for_itself() {
        struct Failing(Option<std::io::Error>);
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(self.0.take().expect("read once"))
            }
        }
        let read =
            |error| open(Failing(Some(error)), None, Options::new(Reading::Strict)).err().expect("it failed");
        let ours = Error::usage("the copy is torn").with_hint("mend it");
        let error = read(std::io::Error::other(ours));
        assert_eq!((error.to_string().as_str(), error.hint()), ("the copy is torn", Some("mend it")));
        let error = read(std::io::Error::other("the line went dead"));
        assert_eq!(error.to_string(), "could not read: the line went dead");
    }

    #[test]
    fn tolerant_reading_gets_past_an_unclosed_quote_in_the_header() {
        let (head, _) = open(&b"a,\"b\n1,2\n"[..], None, Options::new(Reading::Tolerant)).unwrap();
        assert_eq!(head.names, ["a", "\"b"]);
        assert_eq!(head.bytes, b"a,\"b\n");
    }

    #[test]
    fn a_header_longer_than_the_sniffed_bytes_is_read_whole() {
        let names: Vec<String> = (0..20_000).map(|i| format!("column {i}")).collect();
        let file = names.join(",") + "\n1,2\n";
        let (head, _) = open(file.as_bytes(), None, Options::new(Reading::Strict)).unwrap();
        assert_eq!(head.names, names);
    }
}
