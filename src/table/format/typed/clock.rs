//! Dates and times that are stored as a count.

use crate::table::value::moment::calendar;

use super::digits;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Second,
    /// 10^-3 seconds.
    Milli,
    /// 10^-6 seconds.
    Micro,
    /// 10^-9 seconds.
    Nano,
}

const DAY_SECONDS: i64 = 86_400;

impl Unit {
    /// Digits after the second.
    fn digits(self) -> usize {
        match self {
            Unit::Second => 0,
            Unit::Milli => 3,
            Unit::Micro => 6,
            Unit::Nano => 9,
        }
    }

    fn per_second(self) -> i64 {
        10_i64.pow(self.digits() as u32)
    }
}

/// Days that any stored date-time of 64 bits stays within, so that the calendar's arithmetic can't overflow.
const MOST_DAYS: i128 = i64::MAX as i128 / DAY_SECONDS as i128;

pub(super) fn write_date(days: i128, out: &mut Vec<u8>) {
    let (year, month, day) = calendar::civil(days.clamp(-MOST_DAYS - 1, MOST_DAYS) as i64);
    if year < 0 {
        out.push(b'-');
    }
    digits::write(year.unsigned_abs().into(), 4, out);
    out.push(b'-');
    digits::write(month.into(), 2, out);
    out.push(b'-');
    digits::write(day.into(), 2, out);
}

pub(super) fn write_time(count: i128, unit: Unit, out: &mut Vec<u8>) {
    // A count beyond a day is no time; it is shown as what it is, and no text can be parsed as it.
    if count < 0 {
        out.push(b'-');
    }
    let (seconds, fraction) = split(count.abs(), unit.per_second());
    let (minutes, second) = split(seconds, 60);
    let (hour, minute) = split(minutes, 60);
    digits::write(hour.unsigned_abs(), 2, out);
    out.push(b':');
    digits::write(minute.unsigned_abs(), 2, out);
    out.push(b':');
    digits::write(second.unsigned_abs(), 2, out);
    if fraction != 0 {
        out.push(b'.');
        digits::write(fraction.unsigned_abs(), unit.digits(), out);
        digits::trim_decimals(out);
    }
}

pub(super) fn write_moment(count: i128, unit: Unit, zoned: bool, out: &mut Vec<u8>) {
    let (days, time) = split(count, DAY_SECONDS * unit.per_second());
    write_date(days, out);
    out.push(b'T');
    write_time(time, unit, out);
    if zoned {
        out.push(b'Z');
    }
}

/// Quotient, rounded down, and remainder. A 128-bit division is a library call; nearly all counts fit the machine's own.
fn split(count: i128, by: i64) -> (i128, i128) {
    match i64::try_from(count) {
        Ok(count) => (count.div_euclid(by).into(), count.rem_euclid(by).into()),
        Err(_) => (count.div_euclid(by.into()), count.rem_euclid(by.into())),
    }
}

/// The number that these digits say; nothing else may stand there.
fn number(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

pub(super) fn parse_date(text: &str) -> Option<i128> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || !text.is_ascii() || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (month, day) = (number(&text[5..7])? as u8, number(&text[8..])? as u8);
    calendar::days(number(&text[..4])?, month, day).map(i128::from)
}

pub(super) fn parse_time(text: &str, unit: Unit) -> Option<i128> {
    let (time, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let bytes = time.as_bytes();
    if bytes.len() != 8 || !text.is_ascii() || bytes[2] != b':' || bytes[5] != b':' {
        return None;
    }
    let part = |at: usize| number(&time[at..at + 2]).map(|part| part as u8);
    let seconds = calendar::second_of_day(part(0)?, part(3)?, part(6)?)?;
    let (held, rest) = fraction.split_at_checked(unit.digits()).unwrap_or((fraction, ""));
    if rest.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let parts =
        if unit.digits() == 0 { 0 } else { number(&format!("{held:0<width$}", width = unit.digits()))? };
    Some(i128::from(seconds) * i128::from(unit.per_second()) + i128::from(parts))
}

pub(super) fn parse_moment(text: &str, unit: Unit, zoned: bool) -> Option<i128> {
    let text = if zoned { text.strip_suffix('Z')? } else { text };
    let (date, time) = text.split_once('T')?;
    let day = i128::from(DAY_SECONDS * unit.per_second());
    let count = parse_date(date)? * day + parse_time(time, unit)?;
    i64::try_from(count).ok().map(i128::from)
}
