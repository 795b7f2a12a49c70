//! Why the sheets of a workbook can't be read.

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(super) enum SheetsReason {
    #[error("the file is damaged, or no workbook of its kind")]
    Damaged,
    #[error("the workbook is encrypted")]
    Encrypted,
    #[error("the workbook is older than Excel 97")]
    TooOld,
    #[error("the workbook is larger than {limit_bytes} bytes")]
    File { limit_bytes: u64 },
    #[error("the sheets of the workbook hold more than {limit_bytes} bytes of text")]
    Large { limit_bytes: u64 },
    #[error("a row of the workbook is longer than {limit_bytes} bytes")]
    Long { limit_bytes: usize },
    #[error("the workbook has more than {limit} sheets")]
    Sheets { limit: usize },
}

impl Reason for SheetsReason {
    fn class(&self) -> Class {
        Class::Data
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            SheetsReason::Damaged => "open it with a spreadsheet program and save it again",
            SheetsReason::Encrypted => "save it without a password",
            SheetsReason::TooOld | SheetsReason::File { .. } => "save it as xlsx or CSV",
            SheetsReason::Large { .. } | SheetsReason::Long { .. } | SheetsReason::Sheets { .. } => {
                "save the sheets that matter as CSV"
            }
        };
        Some(hint.to_owned())
    }
}
