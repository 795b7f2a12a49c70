//! Why a CSV file can't be read.

use std::io;

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(super) enum CsvReason {
    #[error("could not read: {0}")]
    Read(#[source] io::Error),
    #[error("the file is empty")]
    Empty,
    #[error("the file is UTF-16, not UTF-8")]
    Utf16,
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
            CsvReason::Read(_) => Class::Io,
            CsvReason::Delimiter(_) => Class::Usage,
            _ => Class::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            CsvReason::Read(_) => return None,
            CsvReason::Empty => "a table needs at least a header line with the names of its columns",
            CsvReason::Utf16 => "save it as UTF-8, for instance with `iconv -f UTF-16 -t UTF-8`",
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
