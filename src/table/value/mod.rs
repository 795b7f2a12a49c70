//! Canonical values: what a cell says, however it is written.
//!
//! A leak has been through a spreadsheet, a database or a script before it is read. Each of them rewrites cells
//! without changing what they say: `146.70` becomes `146.7`, `2021-08-23T03:26:50Z` becomes
//! `2021-08-23 03:26:50+00:00`, `00123` becomes `123`. This folder reads all of these as one value.
//!
//! * [`Decimal`]: an exact number. Floats never touch a cell.
//! * [`Moment`]: an instant with the precision that the text had, and its rewriting in the same layout.
//! * [`identity`]: the canonical bytes of one key cell, from which the row's randomness is derived.
//! * [`rank`]: where a key stands in the order of its column.
//! * [`is_missing`]: the spellings of "no value".
//!
//! Invariants: reading is tolerant and never panics, whatever the bytes; rewriting is strict and refuses
//! anything that it could not write back in exactly the layout it found.

mod decimal;
mod identity;
pub(in crate::table) mod moment;
mod rank;

use std::borrow::Cow;

pub use decimal::{Decimal, MAX_DECIMALS, MAX_INTEGER_DIGITS};
pub use identity::identity;
pub use moment::{DateOrder, Layout, Moment, Numeric, Precision};
pub use rank::rank;

/// The longest spelling of "no value".
const MISSING_MAX_BYTES: usize = 5;

/// Whether a cell is one of the usual spellings of "no value", white space and letter case aside.
///
/// Such a cell is never a carrier and is never read. The list is what pandas, R, SPSS, SAS, MySQL and the
/// Synthea and UCI tables write.
pub fn is_missing(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    if cell.len() > MISSING_MAX_BYTES {
        return false;
    }
    let mut folded = [0; MISSING_MAX_BYTES];
    let folded = &mut folded[..cell.len()];
    folded.copy_from_slice(cell);
    folded.make_ascii_lowercase();
    matches!(
        &*folded,
        b"" | b"na"
            | b"n/a"
            | b"#n/a"
            | b"<na>"
            | b"nan"
            | b"nat"
            | b"null"
            | b"none"
            | b"nil"
            | b"n.a."
            | b"?"
            | b"-"
            | b"--"
            | b"."
            | b"\\n"
    )
}

/// Removes what surrounds a value: Unicode white space, and the byte-order mark and zero-width space that
/// editors leave at the ends.
pub(crate) fn trim(text: &str) -> &str {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}')),
    }
}

/// Full-width forms, the typographic minus and the no-break spaces as ASCII; everything else as it is.
pub(crate) fn narrow(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(narrow_char).collect())
}

fn narrow_char(c: char) -> char {
    match c {
        // The full-width block repeats ASCII from `!` to `~` at a constant distance.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{a0}' | '\u{202f}' => ' ',
        '\u{2212}' => '-',
        _ => c,
    }
}

/// Lower case for comparing: upper then lower, letter by letter.
///
/// This is not the full case folding of Unicode, but it joins what matters and `str::to_lowercase` does not:
/// `ß` with `SS`, and the final sigma with the others.
pub(crate) fn fold_case(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// The form in which two texts are compared: narrow, trimmed, NFC and case-folded.
pub(crate) fn fold(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    let narrowed = narrow(text);
    let text = trim(&narrowed);
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Folding can undo NFC (`ŉ` becomes two letters), hence normalise on both sides.
    let composed: String = text.nfc().collect();
    fold_case(&composed).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_values_by_example() {
        for cell in ["", " ", "NA", "n/a", "NULL", "NaN", "None", "?", "-", "\\N", "#N/A", " nan\t", "NaT"] {
            assert!(is_missing(cell.as_bytes()), "{cell:?}");
        }
        for cell in ["0", "no", "unknown", "-1", "nano", "naught", "x", "--5"] {
            assert!(!is_missing(cell.as_bytes()), "{cell:?}");
        }
    }

    #[test]
    fn folding_by_example() {
        for (left, right) in [
            ("Straße", "STRASSE"),
            ("ΟΔΟΣ", "οδος"),
            ("Cafe\u{301}", "CAFÉ"),
            ("ＡＢＣ１２", "abc12"),
            (" \u{feff}x ", "X"),
        ] {
            assert_eq!(fold(left), fold(right), "{left} {right}");
        }
    }
}
