//! Why a CSV file can't be read.

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(super) enum CsvReason {
    #[error("the file is empty")]
    Empty,
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
