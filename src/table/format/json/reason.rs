//! Why a JSON file can't be read, or an edit not be put in. Never a word of the file itself.

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(super) enum JsonReason {
    #[error("the file holds no JSON object")]
    Empty,
    #[error("row is no valid JSON")]
    Syntax,
    #[error("row is no JSON object")]
    NoObject,
    #[error("row is no valid UTF-8")]
    Utf8,
    #[error("row is nested deeper than {limit} levels")]
    Deep { limit: usize },
    #[error("row has the same member twice")]
    Twice,
    #[error("the array of rows never closes")]
    Unclosed,
    #[error("row is longer than {limit_bytes} bytes")]
    Long { limit_bytes: usize },
    #[error("the JSON after the rows is cut off")]
    CutOff,
    #[error("what follows the rows is no valid JSON")]
    After,
    #[error("several members are arrays of objects: {0}")]
    Several(String),
    #[error("the file has no array at `{part}`")]
    NoPart { part: String, others: String },
    #[error("the file is no object, so none of its members holds the rows")]
    NoParts,
    #[error("no array of objects begins within the first {limit_bytes} bytes")]
    Late { limit_bytes: usize },
    #[error("the JSON document is longer than {limit_bytes} bytes, and its rows are no lines and no array")]
    LargeDocument { limit_bytes: usize },
    #[error("more than {limit} columns were asked for")]
    ManyColumns { limit: usize },
    #[error("`{0}` is no path to a member")]
    Path(String),
    #[error("a new text does not fit the type of the value")]
    Misfit,
    #[error("the cell holds no value, so none can be changed")]
    Absent,
}

/// Names that are listed, and the characters of each that are shown.
const MAX_NAMES: usize = 8;
const MAX_NAME: usize = 60;

fn listed(names: impl Iterator<Item = impl AsRef<str>>) -> String {
    let short = |name: &str| name.chars().take(MAX_NAME).filter(|c| !c.is_control()).collect::<String>();
    let names: Vec<String> =
        names.take(MAX_NAMES).map(|name| format!("`{}`", short(name.as_ref()))).collect();
    names.join(", ")
}

impl JsonReason {
    /// Several arrays could hold the rows.
    pub fn several(names: impl Iterator<Item = impl AsRef<str>>) -> JsonReason {
        JsonReason::Several(listed(names))
    }

    /// There is nothing at a path, and these are the arrays that there are.
    pub fn no_part(part: &str, names: impl Iterator<Item = impl AsRef<str>>) -> JsonReason {
        JsonReason::NoPart { part: part.to_owned(), others: listed(names) }
    }
}

impl Reason for JsonReason {
    fn class(&self) -> Class {
        match self {
            JsonReason::Path(_)
            | JsonReason::ManyColumns { .. }
            | JsonReason::Several(_)
            | JsonReason::NoPart { .. }
            | JsonReason::NoParts => Class::Usage,
            _ => Class::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            JsonReason::Empty => "a table is one object on each line, or one array of objects",
            JsonReason::Syntax | JsonReason::Utf8 => {
                "look whether the file was damaged or cut off, or write it again where it was made"
            }
            JsonReason::NoObject => "each row must be an object, such as {\"Id\": 1}",
            JsonReason::Deep { .. } | JsonReason::Twice => {
                "write the file again, with members that are unique"
            }
            JsonReason::Several(_) => "say which one holds the rows with `--table`",
            JsonReason::NoPart { others, .. } if !others.is_empty() => {
                return Some(format!("its arrays of objects are {others}"));
            }
            JsonReason::NoPart { .. } => {
                "look where the rows are, and write their path like `data` or `$.a.b`"
            }
            JsonReason::NoParts => "leave `--table` away",
            JsonReason::Late { .. } => {
                "write the member with the rows first, or the rows one on a line (NDJSON)"
            }
            JsonReason::After => "look whether the file was damaged, or write it again where it was made",
            JsonReason::CutOff | JsonReason::Unclosed => "look whether the file was copied completely",
            JsonReason::Long { .. } => "look for a quote or a bracket that never closes",
            JsonReason::LargeDocument { .. } => "write its rows one on a line (NDJSON)",
            JsonReason::ManyColumns { .. } => "ask for fewer columns",
            JsonReason::Path(_) => "write it like `$.period.start`, `$.name[0].family` or `$['a.b'].c`",
            JsonReason::Misfit => "leave the member unmarked, or mark it within what its type can hold",
            JsonReason::Absent => "mark only cells that hold a value",
        };
        Some(hint.to_owned())
    }
}
