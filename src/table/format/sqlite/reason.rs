//! Why a database can't be read, or an edit not be put in. What the library says is not passed on: it may quote the file.

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(super) enum SqliteReason {
    #[error("the file is no SQLite database that can be read")]
    Damaged,
    #[error("the table can't be read as its schema says")]
    Table,
    #[error("the database has changes in a second file that are not part of it yet")]
    Pending,
    #[error("the name of the file can't be given to SQLite")]
    Path,
    #[error("the database has no table")]
    Empty,
    #[error("the database has no table of that name, but {names}")]
    NoTable { names: String },
    #[error("the database has several tables: {names}")]
    Several { names: String },
    #[error("the table has no row numbers and no key")]
    WithoutKey,
    #[error("the column is part of the key by which rows are found")]
    Key,
    #[error("the key of the row is neither number nor text")]
    KeyOfBytes,
    #[error("the table has columns that are computed")]
    Generated,
    #[error("the column is the row number itself")]
    RowNumber,
    #[error("a new text can't be stored as the value was")]
    Misfit,
    #[error("the cell holds no number and no text, so it can't be changed")]
    NoValue,
    #[error("the row can't be changed")]
    Refused,
}

impl Reason for SqliteReason {
    fn class(&self) -> Class {
        match self {
            SqliteReason::NoTable { .. } | SqliteReason::Several { .. } => Class::Usage,
            _ => Class::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            SqliteReason::Damaged | SqliteReason::Table => {
                "look whether the file was copied completely, or write it again with `VACUUM INTO`"
            }
            SqliteReason::Pending => {
                "close the programs that use it, or run `PRAGMA wal_checkpoint(TRUNCATE)` on it"
            }
            SqliteReason::Path => "use a name that is text",
            SqliteReason::Empty => "it needs at least one table with rows",
            SqliteReason::NoTable { .. } => "use `--table` with one of these names",
            SqliteReason::Several { .. } => "use `--table` to say which",
            SqliteReason::WithoutKey | SqliteReason::KeyOfBytes | SqliteReason::Generated => {
                "copy it into an ordinary table with `CREATE TABLE … AS SELECT`"
            }
            SqliteReason::RowNumber | SqliteReason::Key => "leave the column unmarked",
            SqliteReason::Misfit => "leave the column unmarked, or mark it within what its type can hold",
            SqliteReason::NoValue => "mark only cells that hold a number or a text",
            SqliteReason::Refused => {
                "look for an index on the column that must be unique, or leave the column unmarked"
            }
        };
        Some(hint.to_owned())
    }
}
