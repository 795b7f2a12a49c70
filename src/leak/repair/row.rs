//! A leaked row with its columns repaired as they are looked at.

use std::borrow::Cow;

use crate::table::Row;

use super::Repair;

/// What stands for a cell that can't be read: of no column's kind, and not missing either, so that it is counted.
pub const UNREADABLE: &str = "\u{fffd}";

/// A row seen through repairs, which stand in the order of its columns; columns beyond them are as they are.
#[derive(Clone, Copy)]
pub struct RepairedRow<'a, R> {
    row: &'a R,
    repairs: &'a [Repair],
}

impl<'a, R: Row> RepairedRow<'a, R> {
    /// Wraps a row.
    pub fn new(row: &'a R, repairs: &'a [Repair]) -> Self {
        RepairedRow { row, repairs }
    }
}

impl<R: Row> Row for RepairedRow<'_, R> {
    #[inline]
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        let cell = self.row.cell(column);
        match self.repairs.get(column) {
            Some(repair) if !repair.is_none() => repaired(cell, repair),
            _ => cell,
        }
    }
}

fn repaired<'a>(cell: Cow<'a, [u8]>, repair: &Repair) -> Cow<'a, [u8]> {
    // Bytes that are no text are damage of another kind, which readers count themselves.
    let Ok(text) = std::str::from_utf8(&cell) else { return cell };
    match repair.apply(text) {
        Some(Cow::Borrowed(_)) => cell,
        Some(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
        None => Cow::Borrowed(UNREADABLE.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Spelling, Undo, Unit};
    use super::*;

    struct Cells([&'static str; 3]);

    impl Row for Cells {
        fn cell(&self, column: usize) -> Cow<'_, [u8]> {
            Cow::Borrowed(self.0.get(column).copied().unwrap_or_default().as_bytes())
        }
    }

    #[test]
    fn cells_are_repaired_on_access() {
        let repairs = [Repair::NONE, Repair::new(Undo::Number(Spelling::Comma, Unit::Tens(2)))];
        let text = |row: [&'static str; 3], column| {
            let row = Cells(row);
            let cell = RepairedRow::new(&row, &repairs).cell(column).into_owned();
            String::from_utf8(cell).unwrap()
        };
        assert_eq!(text(["1,5", "1.250", "1,5"], 0), "1,5");
        assert_eq!(text(["1,5", "1.250", "1,5"], 1), "12.5");
        assert_eq!(text(["1,5", "gone", "1,5"], 1), UNREADABLE);
        assert_eq!(text(["1,5", "", "1,5"], 1), "");
        assert_eq!(text(["1,5", "x", "1,5"], 2), "1,5");
    }
}
