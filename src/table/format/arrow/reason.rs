//! Why an Arrow file can't be read, or an edit not be put in.
//!
//! What the library says is not passed on: its messages may quote the file.

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(super) enum ArrowReason {
    #[error("the Arrow file has no footer that can be read")]
    Footer,
    #[error("the Arrow file's directory contradicts itself")]
    Directory,
    #[error("the Arrow data begins with no schema that can be read")]
    Schema,
    #[error("the Arrow file was written with the most significant byte first")]
    Endianness,
    #[error("the Arrow data ends in the middle of a message")]
    Cut,
    #[error("an Arrow message can't be read")]
    Message,
    #[error("an Arrow record batch can't be decoded")]
    Decode,
    #[error("an Arrow record batch can't be encoded")]
    Encode,
    #[error("an Arrow record batch has more than {limit_rows} rows")]
    ManyRows { limit_rows: usize },
    #[error("an Arrow record batch unpacks to more than {limit_bytes} bytes")]
    Large { limit_bytes: u64 },
    #[error("a new text does not fit the column's type")]
    Misfit,
    #[error("a new text is not among the values of the column's dictionary")]
    NotInDictionary,
    #[error("the column's dictionary can't grow beyond {values} values")]
    FullDictionary { values: usize },
    #[error("a dictionary grows further after a new text had to be added to it")]
    Grows,
    #[error("a new text is too long for this batch, which holds no text of more than 12 bytes")]
    NoRoom,
    #[error("the cell holds no value, so none can be changed")]
    Absent,
}

impl Reason for ArrowReason {
    fn class(&self) -> Class {
        Class::Data
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            ArrowReason::Footer | ArrowReason::Cut => "look whether the file was copied completely",
            ArrowReason::Directory | ArrowReason::Schema | ArrowReason::Message | ArrowReason::Decode => {
                "look whether the file was damaged, or write it again where it was made"
            }
            ArrowReason::Endianness => "write it again on a machine of today",
            ArrowReason::Encode => "write the file again with another compression",
            ArrowReason::ManyRows { .. } | ArrowReason::Large { .. } => {
                "write the file again with smaller record batches"
            }
            ArrowReason::Misfit => "leave the column unmarked, or mark it within what its type can hold",
            ArrowReason::NotInDictionary | ArrowReason::Grows => {
                "leave the column unmarked, or write the file again with it as plain values"
            }
            ArrowReason::FullDictionary { .. } => {
                "write the file again with larger dictionary indices, such as int32, or with plain values"
            }
            ArrowReason::NoRoom => "write the file again with the column as utf8 instead of utf8view",
            ArrowReason::Absent => "mark only cells that hold a value",
        };
        Some(hint.to_owned())
    }
}
