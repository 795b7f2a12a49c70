//! Whether the first line of a leak is a header.
//!
//! It is, if a name in it is one of ours. Otherwise columns are compared with it: where all cells are numbers, dates or codes
//! of one shape, a header is not, and another row is.

use crate::leak::cells::Cells;
use crate::leak::repair::{Dates, Spelling, number};
use crate::table::value::is_missing;

/// Cells that tell what a column holds.
const ENOUGH_CELLS: u64 = 3;

/// Of ten cells so many must be of one kind.
const OF_TEN: u64 = 9;

/// Codes shorter than this may have names of the same length by accident.
const CODE_BYTES: usize = 8;

/// What a text looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Date,
    /// Of so many bytes, with digits in it.
    Code(usize),
    Text,
}

impl Kind {
    fn of(text: &str) -> Kind {
        let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
        if !has_digit {
            Kind::Text
        } else if number::read(text, Spelling::Point).or(number::read(text, Spelling::Comma)).is_some() {
            Kind::Number
        } else if Dates::default().read(text).is_some() {
            Kind::Date
        } else if text.len() >= CODE_BYTES {
            Kind::Code(text.len())
        } else {
            Kind::Text
        }
    }
}

/// Whether the first line looks like the rows below it, of which `cells` has a sample.
pub fn is_row(first_line: &[String], cells: &[Cells]) -> bool {
    let votes = first_line.iter().zip(cells).filter_map(|(first, column)| looks_alike(first, column));
    let (alike, unlike) =
        votes.fold((0, 0), |(a, u), is_alike| if is_alike { (a + 1, u) } else { (a, u + 1) });
    alike > 2 * unlike
}

/// Whether a text looks like a column's cells; nothing if the column does not tell.
fn looks_alike(first: &str, column: &Cells) -> Option<bool> {
    if is_missing(first.as_bytes()) || column.filled() < ENOUGH_CELLS {
        return None;
    }
    let kind = Kind::of(first);
    let of_kind = |kind| {
        let cells = column.texts().filter(|(text, _)| Kind::of(text) == kind);
        10 * cells.map(|(_, n)| n).sum::<u64>() >= OF_TEN * column.filled()
    };
    if kind != Kind::Text && of_kind(kind) {
        return Some(true);
    }
    let (shown, _) = column.texts().next()?;
    let theirs = Kind::of(shown);
    if theirs != Kind::Text && theirs != kind && of_kind(theirs) {
        return Some(false);
    }
    // A word that recurs below is no name of its column.
    column.texts().any(|(text, n)| text == first && n > 1).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(rows: &[[&str; 4]]) -> Vec<Cells> {
        let mut columns = vec![Cells::default(); 4];
        for row in rows {
            row.iter().zip(&mut columns).for_each(|(cell, column)| column.add(cell.as_bytes()));
        }
        columns
    }

    #[test]
    fn a_row_is_told_from_a_header() {
        let rows = [
            ["V-0000101", "2021-08-23", "north", "12.50"],
            ["V-0000102", "2021-08-24", "south", "7"],
            ["V-0000103", "", "north", "1,200.10"],
            ["V-0000104", "2021-08-26", "north", "3.20"],
        ];
        let is_row = |first: [&str; 4]| is_row(&first.map(str::to_owned), &cells(&rows));
        assert!(is_row(["V-0000100", "2021-08-22", "north", "99.10"]));
        assert!(is_row(["V-0000100", "", "east", "99.10"]));
        assert!(!is_row(["visit", "seen", "ward", "cost"]));
        assert!(!is_row(["visit", "seen", "ward", "2021"]), "a year may be a name");
        assert!(!is_row(["", "", "", ""]));
    }

    #[test]
    fn words_alone_tell_little() {
        let rows = [["a", "b", "c", "d"], ["a", "f", "g", "h"], ["i", "b", "k", "l"]];
        let is_row = |first: [&str; 4]| is_row(&first.map(str::to_owned), &cells(&rows));
        assert!(is_row(["a", "x", "y", "z"]));
        assert!(!is_row(["w", "x", "y", "z"]));
    }
}
