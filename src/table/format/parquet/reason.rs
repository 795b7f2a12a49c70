//! Why a Parquet file can't be read, or an edit not be put in.
//!
//! What the library says is not passed on: its messages may quote the file.

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(super) enum ParquetReason {
    #[error("the file is no complete Parquet file")]
    Footer,
    #[error("the Parquet file is encrypted, or keeps columns in other files")]
    Elsewhere,
    #[error("the Parquet file's directory contradicts itself")]
    Directory,
    #[error("the Parquet column can't be decoded")]
    Decode,
    #[error("the Parquet column can't be encoded")]
    Encode,
    #[error("a row group has more than {limit_rows} rows")]
    Large { limit_rows: u64 },
    #[error("a new text does not fit the column's type")]
    Misfit,
    #[error("the cell holds no value, so none can be changed")]
    Absent,
    #[error("dates of this type (INT96) can't be written any more")]
    Int96,
}

impl Reason for ParquetReason {
    fn class(&self) -> Class {
        Class::Data
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            ParquetReason::Footer => {
                "its directory stands at its end: look whether the file was copied completely"
            }
            ParquetReason::Elsewhere => "write it again without encryption, as one file",
            ParquetReason::Directory | ParquetReason::Decode => {
                "look whether the file was damaged, or write it again where it was made"
            }
            ParquetReason::Encode => "write the file again with another compression",
            ParquetReason::Large { .. } => "write the file again with smaller row groups",
            ParquetReason::Misfit => "leave the column unmarked, or mark it within what its type can hold",
            ParquetReason::Absent => "mark only cells that hold a value",
            ParquetReason::Int96 => {
                "leave the column unmarked, or write the file again with modern timestamps"
            }
        };
        Some(hint.to_owned())
    }
}
