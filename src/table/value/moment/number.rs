//! Dates that are written as bare numbers: what a spreadsheet or a database makes of a date column.
//!
//! Excel counts days from 1899-12-30 (its 1900 date system, from March 1900 on). Serials are read from 20000
//! (1954) to 80000 (2119) only, and rounded to the nearest second because a fraction of a day rarely ends.
//! Epoch numbers are told by their length, which holds from September 2001 to 2286: 10 digits of seconds,
//! 13 of milliseconds, 16 of microseconds, 19 of nanoseconds. Such numbers are read and never rewritten.

use super::{DAY_SECONDS, Decimal, Moment, Precision};

/// 1970-01-01 as an Excel serial.
const EXCEL_EPOCH: i128 = 25_569;

/// Seconds of a quarter of an hour, see [`excel_precision`].
const QUARTER_SECONDS: i64 = 900;

pub(super) fn read(text: &str) -> Option<Moment> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let value = Decimal::parse(text)?;
    let whole = value.floor_div(Decimal::whole(1))?;
    match whole.checked_ilog10()? + 1 {
        5 if (20_000..80_000).contains(&whole) => excel(value),
        10 => epoch(value, 1),
        13 => epoch(value, 1_000),
        16 => epoch(value, 1_000_000),
        19 => epoch(value, 1_000_000_000),
        _ => None,
    }
}

fn excel(serial: Decimal) -> Option<Moment> {
    let unit = 10_i128.pow(u32::from(serial.scale()));
    let twice = serial.mantissa() * i128::from(DAY_SECONDS) * 2;
    let rounded = (twice + unit).div_euclid(2 * unit);
    let seconds = i64::try_from(rounded - EXCEL_EPOCH * i128::from(DAY_SECONDS)).ok()?;
    let is_exact = twice.rem_euclid(2 * unit) == 0;
    Moment::at(seconds, 0, excel_precision(serial.scale(), seconds, is_exact))
}

/// A day has 86,400 seconds, so five decimals tell a second (nearly: 0.86 s) and three a minute (1.4 min).
/// With fewer, the text was either rounded, and says the day only, or it is a round time such as 12:00 = 0.5. Of three or
/// four, one in 25 or fewer is a whole minute by accident; 00:36 = 0.025 is one in truth.
fn excel_precision(decimals: u8, seconds: i64, is_exact: bool) -> Precision {
    match decimals {
        0 => Precision::Day,
        5.. => Precision::Second,
        3 | 4 if is_exact && seconds % 60 == 0 => Precision::Second,
        _ if seconds % QUARTER_SECONDS == 0 => Precision::Second,
        _ => Precision::Day,
    }
}

fn epoch(value: Decimal, per_second: i64) -> Option<Moment> {
    let seconds = value.floor_div(Decimal::whole(per_second))?;
    let whole = Decimal::new(seconds * i128::from(per_second), 0)?;
    let nanos_each = Decimal::new(i128::from(per_second), 9)?;
    let nanos = u32::try_from(value.checked_sub(whole)?.floor_div(nanos_each)?).ok()?;
    let fine = per_second > 1 || value.scale() > 0;
    let precision = if fine { Precision::Subsecond } else { Precision::Second };
    Moment::at(i64::try_from(seconds).ok()?, nanos, precision)
}
