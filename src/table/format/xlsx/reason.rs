//! Why a workbook can't be read, or an edit not be put in.
//!
//! What the libraries say is not passed on: their messages may quote the file.

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(in crate::table::format) enum XlsxReason {
    #[error("the file is no complete zip archive")]
    Zip,
    #[error("the workbook is encrypted")]
    Encrypted,
    #[error("parts of the archive overlap, or two have one name")]
    Overlap,
    #[error("the archive holds no workbook")]
    NoWorkbook,
    #[error("the part of the workbook that holds its {0} can't be read")]
    Part(&'static str),
    #[error("the part of the workbook that holds its {part} is larger than {limit_bytes} bytes")]
    Large { part: &'static str, limit_bytes: u64 },
    #[error("the sheet unpacks to far more than its size: to over {passed_bytes} bytes")]
    Bomb { passed_bytes: u64 },
    #[error("the checksum of the sheet is wrong")]
    Checksum,
    #[error("the workbook has no sheet {asked:?}; it has {}", list(.sheets))]
    NoSheet { asked: String, sheets: Vec<String> },
    #[error("several sheets hold a table: {}", list(.0))]
    Several(Vec<String>),
    #[error("no sheet holds a table; there are {}", list(.0))]
    NoTable(Vec<String>),
    #[error("the workbook has more than {limit} sheets")]
    Sheets { limit: usize },
    #[error("the sheet ends in the middle")]
    Cut,
    #[error("the sheet's XML is not as spreadsheet programs write it")]
    Syntax,
    #[error("two cells of a row stand in one column")]
    Twice,
    #[error("row is longer than {limit_bytes} bytes")]
    Long { limit_bytes: usize },
    #[error("the header does not end within {limit_bytes} bytes")]
    LongHead { limit_bytes: usize },
    #[error("a new text does not fit the cell's type")]
    Misfit,
    #[error("the cell holds no value, so none can be changed")]
    Absent,
    #[error("the workbook holds a second copy of rows, for a pivot table, that would stay unmarked")]
    Pivot,
    #[error("the cell's value is computed, so it can't be changed")]
    Formula,
}

/// Names of sheets, as far as a line holds them.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    let more = if names.len() > SHOWN { ", …" } else { "" };
    match shown.is_empty() {
        true => "no sheets".to_owned(),
        false => shown.join(", ") + more,
    }
}

impl Reason for XlsxReason {
    fn class(&self) -> Class {
        match self {
            XlsxReason::NoSheet { .. } | XlsxReason::Several(_) => Class::Usage,
            _ => Class::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            XlsxReason::Zip | XlsxReason::Checksum | XlsxReason::Cut => {
                "look whether the file was copied completely"
            }
            XlsxReason::Encrypted => "save it without a password",
            XlsxReason::NoWorkbook => "look whether it is another kind of file than its name says",
            XlsxReason::Overlap | XlsxReason::Part(_) | XlsxReason::Syntax | XlsxReason::Twice => {
                "open it with a spreadsheet program and save it again"
            }
            XlsxReason::Large { .. } | XlsxReason::Bomb { .. } | XlsxReason::Sheets { .. } => {
                "if the file is to be trusted, save its sheets as CSV"
            }
            XlsxReason::NoSheet { .. } | XlsxReason::Several(_) => "name one of them",
            XlsxReason::NoTable(_) => "a table needs at least a row with the names of its columns",
            XlsxReason::Long { .. } | XlsxReason::LongHead { .. } => {
                "look whether the first row of the sheet holds the names of the columns, or save it as CSV"
            }
            XlsxReason::Misfit => "leave the column unmarked, or mark it within what its cells can hold",
            XlsxReason::Absent => "mark only cells that hold a value",
            XlsxReason::Pivot => {
                "remove the pivot table, or untick \"save source data with file\" in its options, \
                 and save again"
            }
            XlsxReason::Formula => "values that are computed can't be marked; paste them as values",
        };
        Some(hint.to_owned())
    }
}
