//! Why a folder can't be taken as one table.

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(super) enum PartsReason {
    #[error("the folder is a table of {0}")]
    Managed(&'static str),
    #[error("it is a link, and links are not followed")]
    Link,
    #[error("it is no file")]
    NoFile,
    #[error("its name has characters that lists of files can't have")]
    Name,
    #[error("there is no table in the folder")]
    Nothing,
    #[error("the folder has more than {max_files} files and folders")]
    Many { max_files: u64 },
    #[error("folders are nested more than {max_depth} deep")]
    Deep { max_depth: usize },
    #[error("a stored list of files is damaged")]
    Manifest,
}

impl Reason for PartsReason {
    fn class(&self) -> Class {
        match self {
            PartsReason::Manifest => Class::Integrity,
            _ => Class::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            PartsReason::Managed(_) => {
                "its log would be false of a copy, and files that it no longer counts would go out: export \
                 the rows of today into a folder of plain Parquet, and stamp that"
            }
            PartsReason::Link => "put the file itself there, or take the link away",
            PartsReason::NoFile => "take it away: only files can be delivered",
            PartsReason::Name => "use names of UTF-8 without backslashes and control characters",
            PartsReason::Nothing => "hidden files and those whose names begin with `_` do not count",
            PartsReason::Many { .. } | PartsReason::Deep { .. } => "stamp the folders within one by one",
            PartsReason::Manifest => "restore the ledger from your backup",
        };
        Some(hint.to_owned())
    }
}
