//! The outline of a cell: what tells one column from another without telling what a cell says.
//!
//! * *Shape*: how its text looks: the length, and the classes of bytes in it. Lost when a column is written anew.
//! * *Size*: about how large the value is: sign, decade and leading digit of a number, the year of a date, the length of a
//!   text. The same however the value is written, and moved in a plain way when a column changes its unit.
//! * *Grain*: the coarsest of a fixed list of grids that the value lies on. It tells rounding: a column of cents whose values
//!   are all whole was rounded.
//!
//! Sketches keep keyed hashes of outlines with their shares, so the bytes of an outline are part of their format.

use crate::table::value::{self, DateOrder, Decimal, Moment, Numeric};

/// The outline of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outline {
    pub(super) shape: [u8; 2],
    pub(super) size: [u8; 3],
    pub(super) grain: Grain,
}

impl Outline {
    /// The outline of a cell that holds a value.
    pub fn of(cell: &[u8]) -> Outline {
        let shape = shape(cell);
        let text = std::str::from_utf8(cell).unwrap_or_default();
        // Nearly all texts of words are told by their first byte.
        let may_be_number = text.bytes().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| {
            byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.') || !byte.is_ascii()
        });
        if !may_be_number {
            return Outline { shape, size: text_size(text), grain: Grain::NONE };
        }
        if let Some(number) = Decimal::parse(text) {
            return Outline { shape, size: number_size(number), grain: Grain::of_number(number) };
        }
        // Only year and time of day are looked at, so day and month may be mistaken for each other.
        let orders = [DateOrder::DayFirst, DateOrder::MonthFirst];
        match orders.into_iter().find_map(|order| Moment::parse(text, order, Numeric::No)) {
            Some(moment) => Outline { shape, size: date_size(moment), grain: Grain::of_moment(moment) },
            None => Outline { shape, size: text_size(text), grain: Grain::NONE },
        }
    }
}

/// The length of a text (up to 255) and the classes of bytes in it.
fn shape(cell: &[u8]) -> [u8; 2] {
    let classes = cell.iter().fold(0u8, |classes, byte| {
        classes
            | match byte {
                b'0'..=b'9' => 1,
                b'a'..=b'z' => 2,
                b'A'..=b'Z' => 4,
                b'-' => 8,
                b':' => 16,
                b'.' | b',' => 32,
                b'/' => 64,
                _ => 128,
            }
    });
    [cell.len().min(255) as u8, classes]
}

fn text_size(text: &str) -> [u8; 3] {
    [b't', value::trim(text).chars().count().min(255) as u8, 0]
}

/// Sign, place of the leading digit (128 is the ones) and the digit itself; 1 to 2 is a wide stretch, and is halved.
fn number_size(number: Decimal) -> [u8; 3] {
    let (digits, scale) = (number.mantissa().unsigned_abs(), u32::from(number.scale()));
    let Some(last) = digits.checked_ilog10() else { return [b'0', 0, 0] };
    let sign = if number.mantissa() < 0 { b'-' } else { b'+' };
    let tenths = if last == 0 { digits * 10 } else { digits / 10u128.pow(last - 1) };
    let lead = if tenths < 15 { 0 } else { (tenths / 10) as u8 };
    [sign, (128 + last - scale) as u8, lead]
}

fn date_size(moment: Moment) -> [u8; 3] {
    let [high, low] = (moment.year() as u16).to_be_bytes();
    [b'd', high, low]
}

/// The coarsest grid that a value lies on: multiples of 1, 2 or 5 of some decade for a number, a unit of time for a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grain([u8; 4]);

/// Seconds of the grids of time, each a divisor of the one before it. The last one stands for fractions of a second.
const TIMES: [i64; 8] = [86_400, 3_600, 900, 300, 60, 10, 1, 0];

/// Zeros before the point that are told apart.
const MAX_ZEROS: u32 = 6;

impl Grain {
    /// What is no number and no date, and nought, which lies on every grid.
    pub const NONE: Grain = Grain([0; 4]);

    fn of_number(number: Decimal) -> Grain {
        let (mut digits, mut zeros) = (number.mantissa(), 0);
        if digits == 0 {
            return Grain::NONE;
        }
        while number.scale() == 0 && digits % 10 == 0 && zeros < MAX_ZEROS {
            digits /= 10;
            zeros += 1;
        }
        let step = match digits % 10 {
            0 | 5 | -5 => 5,
            digit if digit % 2 == 0 => 2,
            _ => 1,
        };
        Grain::number(zeros as i32 - i32::from(number.scale()), step)
    }

    fn number(exponent: i32, step: u8) -> Grain {
        Grain([b'n', (128 + exponent) as u8, step, 0])
    }

    fn of_moment(moment: Moment) -> Grain {
        let on = |&seconds: &i64| seconds > 0 && moment.nanos() == 0 && moment.seconds() % seconds == 0;
        let level = TIMES.iter().position(on).unwrap_or(TIMES.len() - 1);
        Grain([b'd', level as u8, 0, 0])
    }

    /// Every grain but [`Grain::NONE`].
    pub fn all() -> impl Iterator<Item = Grain> {
        let numbers = (-i32::from(value::MAX_DECIMALS)..=MAX_ZEROS as i32)
            .flat_map(|exponent| [1, 2, 5].map(|step| Grain::number(exponent, step)));
        numbers.chain((0..TIMES.len()).map(|level| Grain([b'd', level as u8, 0, 0])))
    }

    /// The width of the grid: in the numbers' own unit, or in seconds. Nothing for fractions of a second, which are finer than
    /// any mark, and for [`Grain::NONE`].
    pub fn step(self) -> Option<Decimal> {
        let [kind, exponent, step, _] = self.0;
        match kind {
            b'n' => {
                let exponent = i32::from(exponent) - 128;
                let tens = 10i128.pow(exponent.max(0) as u32);
                Decimal::new(i128::from(step) * tens, (-exponent).max(0) as u8)
            }
            b'd' => Some(Decimal::whole(TIMES[usize::from(exponent)])).filter(|step| *step > Decimal::ZERO),
            _ => None,
        }
    }

    /// Whether all values of this grain lie on a grid too. Nought lies on every one.
    pub fn is_on(self, grid: Grain) -> bool {
        match (self.step(), grid.step()) {
            (Some(step), Some(grid)) => {
                let times = step.floor_div(grid).unwrap_or(0);
                times > 0 && grid.checked_mul(times) == Some(step)
            }
            _ => self == Grain::NONE,
        }
    }

    /// Whether this is a grain of a date.
    pub fn is_time(self) -> bool {
        self.0[0] == b'd'
    }

    pub(super) fn bytes(self) -> [u8; 4] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(cell: &str) -> Outline {
        Outline::of(cell.as_bytes())
    }

    #[test]
    fn sizes_and_grains_do_not_depend_on_the_spelling() {
        for (one, other) in [
            ("146.70", " 146.7"),
            ("1e3", "1000.00"),
            ("2021-08-23T03:26:00Z", "23/08/2021 03:26"),
            ("Ward", " ward "),
        ] {
            let (one, other) = (outline(one), outline(other));
            assert_eq!((one.size, one.grain), (other.size, other.grain));
        }
    }

    #[test]
    fn a_change_of_unit_moves_the_decade_alone() {
        let ([_, place, lead], [_, cents, same]) = (outline("146.76").size, outline("14676").size);
        assert_eq!((cents - place, lead), (2, same));
        assert_ne!(outline("1.2").size, outline("1.7").size);
        assert_ne!(outline("-3").size, outline("3").size);
    }

    #[test]
    fn grains_are_the_coarsest_grid() {
        let step = |cell| outline(cell).grain.step().map(|step| step.to_string());
        for (cell, expected) in [
            ("146.76", "0.02"),
            ("146.75", "0.05"),
            ("146.7", "0.1"),
            ("1500", "500"),
            ("-7", "1"),
            ("2021-08-23T03:26:50Z", "10"),
            ("2021-08-23T03:15", "900"),
            ("2021-08-23", "86400"),
        ] {
            assert_eq!(step(cell).as_deref(), Some(expected), "{cell}");
        }
        let on = |cell, grid| outline(cell).grain.is_on(outline(grid).grain);
        assert!(on("146.76", "0.02") && on("1500", "0.05") && on("0", "7") && !on("146.75", "0.02"));
        assert!(on("2021-08-23", "2021-08-23 03:00") && !on("2021-08-23T03:15", "2021-08-23 03:00"));
        assert_eq!((step("0"), step("ward"), step("2021-08-23T03:26:50.5Z")), (None, None, None));
        let known: Vec<Grain> = Grain::all().collect();
        assert!(
            ["146.76", "0.000001", "7000000", "2021-08-23"]
                .map(|c| outline(c).grain)
                .iter()
                .all(|g| { known.contains(g) })
        );
    }
}
