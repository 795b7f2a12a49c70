//! Why a CSV file can't be read.

use crate::error::{Class, Reason};

/// A format that is taken for CSV now and then, known by its first bytes.
#[derive(Debug)]
pub(super) struct OtherFormat {
    first_bytes: &'static [u8],
    name: &'static str,
    hint: &'static str,
}

/// Formats in which tables travel. None of them can begin a CSV file: each has a byte that no text has, or a whole word.
const OTHER_FORMATS: [OtherFormat; 9] = {
    const fn of(first_bytes: &'static [u8], name: &'static str, hint: &'static str) -> OtherFormat {
        OtherFormat { first_bytes, name, hint }
    }
    const SAVE: &str = "open it where it was made, and save or export the table as CSV";
    [
        of(b"\x1f\x8b", "compressed with gzip", "unpack it first, for instance with `gzip -d`"),
        of(b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it first, for instance with `zstd -d`"),
        of(b"\xfd7zXZ\0", "compressed with xz", "unpack it first, for instance with `xz -d`"),
        of(b"BZh91AY&SY", "compressed with bzip2", "unpack it first, for instance with `bzip2 -d`"),
        of(b"PK\x03\x04", "a zip archive or an Office file", "unpack it, or save the sheet as CSV"),
        of(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file", SAVE),
        of(b"PAR1", "Parquet", "convert it to CSV first"),
        of(b"%PDF-", "PDF", SAVE),
        of(b"SQLite format 3\0", "an SQLite database", "export the table as CSV first"),
    ]
};

impl OtherFormat {
    /// The format that a file with these first bytes has.
    pub(super) fn of(head: &[u8]) -> Option<&'static OtherFormat> {
        OTHER_FORMATS.iter().find(|format| head.starts_with(format.first_bytes))
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum CsvReason {
    #[error("the file is empty")]
    Empty,
    #[error("the file is UTF-16, not UTF-8")]
    Utf16,
    #[error("the file is {}, not CSV", .0.name)]
    Other(&'static OtherFormat),
    #[error("{0:?} can't separate fields")]
    Delimiter(char),
    #[error("row has {found} fields, the header has {expected}")]
    Width { found: usize, expected: usize },
    #[error("a quote opens here and never closes")]
    Unclosed,
    #[error("the header has a quote that never closes")]
    UnclosedHeader,
    #[error("row is longer than {limit_bytes} bytes")]
    Long { limit_bytes: usize },
    #[error("the header is longer than {limit_bytes} bytes")]
    LongHeader { limit_bytes: usize },
}

impl Reason for CsvReason {
    fn class(&self) -> Class {
        match self {
            CsvReason::Delimiter(_) => Class::Usage,
            _ => Class::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            CsvReason::Empty => "a table needs at least a header line with the names of its columns",
            CsvReason::Utf16 => "save it as UTF-8, for instance with `iconv -f UTF-16 -t UTF-8`",
            CsvReason::Other(format) => format.hint,
            CsvReason::Delimiter(_) => "use one byte that is no quote and no line end, such as , or ;",
            CsvReason::Width { .. } => {
                "look for a delimiter or a line end in the row that isn't quoted, \
                 or name another delimiter if most rows are split wrongly"
            }
            CsvReason::Unclosed | CsvReason::UnclosedHeader => {
                "close the quote at the end of its field, or double it if it belongs to the text"
            }
            CsvReason::Long { .. } | CsvReason::LongHeader { .. } => {
                "look for a quote that never closes, or for line ends that are missing"
            }
        };
        Some(hint.to_owned())
    }
}
