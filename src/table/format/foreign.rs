//! Formats that are known by their first bytes, and that nothing here reads: better than to take them for text.

use crate::error::{Class, Reason, Result};

/// A format that is not read.
#[derive(Debug, thiserror::Error)]
#[error("the file is {name}")]
struct Foreign {
    first_bytes: &'static [u8],
    name: &'static str,
    hint: &'static str,
}

/// None of them can begin a text: each has a byte that no text has, or a whole word.
const FOREIGN: [Foreign; 3] = {
    const fn of(first_bytes: &'static [u8], name: &'static str, hint: &'static str) -> Foreign {
        Foreign { first_bytes, name, hint }
    }
    [
        of(b"\xfd7zXZ\0", "compressed with xz", "unpack it first, for instance with `xz -d`"),
        of(b"BZh91AY&SY", "compressed with bzip2", "unpack it first, for instance with `bzip2 -d`"),
        of(b"%PDF-", "a PDF document", "turn its pages into text, for instance with `pdftotext -layout`"),
    ]
};

impl Reason for &'static Foreign {
    fn class(&self) -> Class {
        Class::Data
    }

    fn hint(&self) -> Option<String> {
        Some(self.hint.to_owned())
    }
}

/// What is no text, and of no format that is known.
static UNKNOWN: Foreign = Foreign {
    first_bytes: b"",
    name: "no text, and of no known format",
    hint: "name its format with --format",
};

/// In text, at most one byte of so many is a character that controls something that no table has; packed data has one of nine.
/// NUL is another matter: some programs pad with it.
const BYTES_FOR_A_CONTROL: usize = 20;
const BYTES_FOR_A_NUL: usize = 3;

/// Refuses a file that starts with `head`, if it is known that nothing here reads it.
///
/// # Errors
/// If so.
pub fn refuse(head: &[u8]) -> Result<()> {
    match FOREIGN.iter().find(|format| head.starts_with(format.first_bytes)) {
        Some(format) => Err(format.into()),
        None => Ok(()),
    }
}

/// Refuses what was decoded as text and is none.
///
/// # Errors
/// If so.
pub fn refuse_no_text(head: &[u8]) -> Result<()> {
    let is_control = |byte: &&u8| matches!(byte, 1..=8 | 14..=26 | 28..=31 | 127);
    let controls = head.iter().filter(is_control).count();
    let nuls = head.iter().filter(|byte| **byte == 0).count();
    let is_text = controls * BYTES_FOR_A_CONTROL <= head.len() && nuls * BYTES_FOR_A_NUL <= head.len();
    if is_text { Ok(()) } else { Err((&UNKNOWN).into()) }
}
