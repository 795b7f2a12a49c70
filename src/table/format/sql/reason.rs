//! Why a dump can't be read, or an edit not be put in. Names of tables are said, values never.

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(super) enum SqlReason {
    #[error("the dump has no table")]
    Empty,
    #[error("the dump has no table of that name, but {names}")]
    NoTable { names: String },
    #[error("the dump has several tables: {names}")]
    Several { names: String },
    #[error("row has {found} values, the table has {expected} columns")]
    Width { found: usize, expected: usize },
    #[error("a statement lists other columns than the one before")]
    OtherColumns,
    #[error("a row can't be read")]
    Broken,
    #[error("row or statement is longer than {limit_bytes} bytes")]
    Long { limit_bytes: usize },
    #[error("the dump ends within the rows of a table")]
    Unfinished,
    #[error("the new text is no number, but the cell is written as one")]
    NoNumber,
    #[error("the cell is no plain value, so it can't be changed")]
    NoValue,
}

impl Reason for SqlReason {
    fn class(&self) -> Class {
        match self {
            SqlReason::NoTable { .. } | SqlReason::Several { .. } => Class::Usage,
            _ => Class::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            SqlReason::Empty => "it needs rows: COPY … FROM stdin, or INSERT INTO … VALUES",
            SqlReason::NoTable { .. } => "use `--table` with one of these names",
            SqlReason::Several { .. } => "use `--table` to say which",
            SqlReason::Width { .. } | SqlReason::Broken => {
                "look for a comma or a quote in the row that isn't escaped, or dump the table again"
            }
            SqlReason::OtherColumns => "dump the table again, so that all rows have the same columns",
            SqlReason::Long { .. } => "look for a quote that never closes",
            SqlReason::Unfinished => "look whether the file was copied completely",
            SqlReason::NoNumber => "leave the column unmarked, or mark it within numbers",
            SqlReason::NoValue => "mark only cells that hold a number or a text",
        };
        Some(hint.to_owned())
    }
}
