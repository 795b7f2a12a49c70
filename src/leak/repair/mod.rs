//! Damaged values: what was done to the cells of a leaked column, and how far it can be undone.
//!
//! A [`Repair`] gives a leaked cell the text that our column would have, as far as that is exact: separators and signs of money
//! taken off, units changed back, dates in ISO layout, lost zeros put back. What is not exact, such as rounding coarser than
//! a mark, makes the column [unreadable](Repair::coarse): its carriers then count as such, instead of being read as coins.
//!
//! Repairs are found blindly from the release's sketch ([`guess`]), or from pairs of a leaked cell and our original
//! ([`fit`]), which also tell how noisy a column is. Both look at the leak, at the unmarked source and at nothing else: an
//! innocent's codeword has no part in it, so the bound of `evidence::tail` holds whatever is repaired.

mod candidates;
mod date;
mod fit;
pub mod guess;
mod noise;
pub(super) mod number;
mod row;

use std::borrow::Cow;
use std::fmt;

use crate::table::value::{Decimal, is_missing, trim};

pub use candidates::candidates;
pub use date::Dates;
pub use fit::{Fit, is_mark_apart};
pub use noise::{Law, Noise, Rounding, Spread};
pub use number::{Spelling, Unit};
pub use row::{RepairedRow, UNREADABLE};

/// What undoes the damage of one column.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Repair {
    /// How a cell is had back.
    pub undo: Undo,
    /// The grid on which all values lie since they were rounded, if it is too coarse for the marks.
    pub coarse: Option<Coarse>,
}

/// How a cell is had back.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Undo {
    /// It is as it was, up to what reading forgives anyway: space, letter case, trailing zeros.
    #[default]
    Nothing,
    /// A number that is decorated, or in another unit.
    Number(Spelling, Unit),
    /// A date in another layout.
    Date(Dates),
    /// A number of so many digits that lost its leading zeros.
    Padded(u8),
}

/// A grid that a column was rounded to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coarse {
    /// Its width, in our unit or in seconds.
    pub step: Decimal,
    /// Whether the step is a time.
    pub is_time: bool,
}

impl Repair {
    /// A column that is as it was.
    pub const NONE: Repair = Repair { undo: Undo::Nothing, coarse: None };

    /// A repair of readable cells.
    pub fn new(undo: Undo) -> Repair {
        Repair { undo, coarse: None }
    }

    /// Whether nothing has to be done.
    pub fn is_none(&self) -> bool {
        *self == Repair::NONE
    }

    /// The text that our column would have. `None` if it can't be had back; a cell that is not of the damaged kind stays as
    /// it is.
    pub fn apply<'a>(&self, cell: &'a str) -> Option<Cow<'a, str>> {
        if is_missing(cell.as_bytes()) {
            return Some(Cow::Borrowed(cell));
        }
        if self.coarse.is_some() {
            return None;
        }
        match self.undo {
            Undo::Nothing => Some(Cow::Borrowed(cell)),
            Undo::Number(spelling, unit) => match number::read(cell, spelling) {
                Some(number) => Some(Cow::Owned(unit.undo(number)?.to_string())),
                // In our own unit a number that is spelt otherwise still is what it says.
                None => (unit == Unit::OURS).then_some(Cow::Borrowed(cell)),
            },
            Undo::Date(dates) => match dates.read(cell) {
                Some(moment) => Some(Cow::Owned(moment.to_iso())),
                None => (!dates.swapped && dates.shift_seconds == 0).then_some(Cow::Borrowed(cell)),
            },
            Undo::Padded(width) => {
                let digits = trim(cell);
                let is_short =
                    digits.len() < usize::from(width) && digits.bytes().all(|byte| byte.is_ascii_digit());
                Some(if is_short {
                    Cow::Owned(format!("{digits:0>width$}", width = usize::from(width)))
                } else {
                    Cow::Borrowed(cell)
                })
            }
        }
    }
}

/// In words, for the report: `decimal commas, in hundredths`.
impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = |unit: Unit| if unit == Unit::OURS { String::new() } else { unit.to_string() };
        let undo = match self.undo {
            Undo::Nothing => String::new(),
            Undo::Number(Spelling::Point, Unit::OURS) => "decorated numbers".into(),
            Undo::Number(Spelling::Point, other) => unit(other),
            Undo::Number(Spelling::Comma, Unit::OURS) => "decimal commas".into(),
            Undo::Number(Spelling::Comma, other) => format!("decimal commas, {}", unit(other)),
            Undo::Date(dates) => dates.to_string(),
            Undo::Padded(_) => "leading zeros lost".into(),
        };
        f.write_str(&undo)?;
        if let Some(coarse) = self.coarse {
            if !undo.is_empty() {
                f.write_str(", ")?;
            }
            let unit = if coarse.is_time { " seconds" } else { "" };
            write!(f, "rounded to {}{unit}: unreadable", coarse.step)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::value::DateOrder;

    fn applied(undo: Undo, cell: &str) -> Option<String> {
        Repair::new(undo).apply(cell).map(Cow::into_owned)
    }

    #[test]
    fn repairs_by_example() {
        let cents = Undo::Number(Spelling::Point, Unit::Tens(2));
        for (undo, cell, expected) in [
            (Undo::Nothing, " x ", Some(" x ")),
            (cents, "14676", Some("146.76")),
            (cents, "free", None),
            (cents, "NA", Some("NA")),
            (Undo::Number(Spelling::Comma, Unit::OURS), "1.234,50", Some("1234.5")),
            (Undo::Number(Spelling::Comma, Unit::OURS), "free", Some("free")),
            (Undo::Date(Dates::ordered(DateOrder::MonthFirst)), "3/4/2021", Some("2021-03-04")),
            (Undo::Date(Dates::ordered(DateOrder::MonthFirst)), "soon", Some("soon")),
            (Undo::Padded(5), "123", Some("00123")),
            (Undo::Padded(5), "A12", Some("A12")),
        ] {
            assert_eq!(applied(undo, cell).as_deref(), expected, "{cell}");
        }
        let step = Decimal::whole(1);
        let rounded = Repair { undo: cents, coarse: Some(Coarse { step, is_time: false }) };
        assert_eq!(rounded.apply("14676"), None);
        assert_eq!(rounded.apply("NA").as_deref(), Some("NA"));
        assert_eq!(rounded.to_string(), "in hundredths, rounded to 1: unreadable");
        assert_eq!(Repair::NONE.to_string(), "");
    }
}
