//! Numbers of cells as text, and back: plain numbers, and those that a number format shows as dates or times.
//!
//! A date is a count of days, a time the fraction of one. Day 1 is 1900-01-01, and there is a day 60, 1900-02-29, which never
//! was; or day 0 is 1904-01-01, if the workbook says so (ECMA-376 part 1, 18.17.4.1). A fraction is as exact as spreadsheet
//! programs are when they show it: to the millisecond.

use std::io::Write;

use crate::table::value::moment::calendar;

/// What a number format shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Shown {
    /// A number.
    #[default]
    Number,
    /// A date; the time too, where there is one.
    Date,
    /// A date and a time.
    Moment,
    /// A time; the date too, where there is one.
    Time,
    /// Hours, as many as there are.
    Elapsed,
}

/// Where days are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epoch {
    /// 1900, with its leap day.
    Since1900,
    /// 1904.
    Since1904,
}

const DAY_MILLIS: i64 = 86_400_000;

/// 9999-12-31, the last day that has a text, in days since 1970.
const LAST_DAY: i64 = 2_932_896;

/// The most hours an [`Shown::Elapsed`] has, in days: beyond, it is a number.
const MOST_DAYS: f64 = 3_000_000.0;

/// The day that never was.
const PHANTOM: i64 = 60;

/// From where on, and below where, a number is written with an exponent: where ECMAScript does.
const LARGE: f64 = 1e21;
const SMALL: f64 = 1e-7;

/// Appends the text of a value.
pub fn write(value: f64, shown: Shown, epoch: Epoch, out: &mut Vec<u8>) {
    if shown == Shown::Number || !(0.0..=MOST_DAYS).contains(&value) {
        return write_number(value, out);
    }
    let millis = (value * DAY_MILLIS as f64).round() as i64;
    let (day, rest) = (millis / DAY_MILLIS, millis % DAY_MILLIS);
    let is_before_first = epoch == Epoch::Since1900 && day == 0;
    match shown {
        Shown::Elapsed => write_time(millis, out),
        Shown::Time if day == 0 => write_time(rest, out),
        // Day 0 is no date: programs show it as 1900-01-00.
        Shown::Date if is_before_first && rest == 0 => write_number(value, out),
        _ if is_before_first => write_time(rest, out),
        _ => {
            let start = out.len();
            if !write_day(day, epoch, out) {
                out.truncate(start);
                write_number(value, out);
            } else if shown != Shown::Date || rest != 0 {
                out.push(b'T');
                write_time(rest, out);
            }
        }
    }
}

/// The value that `text` says, if there is one that is written so. Zeros at the end of a fraction don't matter.
pub fn parse(text: &str, shown: Shown, epoch: Epoch) -> Option<f64> {
    let values = [parse_moment(text, epoch), parse_time(text), parse_number(text)];
    let mut written = Vec::new();
    values.into_iter().flatten().find(|&value| {
        written.clear();
        write(value, shown, epoch, &mut written);
        plain(text.as_bytes()) == plain(&written)
    })
}

/// Appends a number: the shortest decimal that reads back as it.
pub fn write_number(value: f64, out: &mut Vec<u8>) {
    let size = value.abs();
    let written = match size != 0.0 && size.is_finite() && !(SMALL..LARGE).contains(&size) {
        true => write!(out, "{value:e}"),
        false => write!(out, "{value}"),
    };
    written.expect("a vector takes everything");
}

fn parse_number(text: &str) -> Option<f64> {
    let is_plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'e');
    let value = text.bytes().all(is_plain).then(|| text.parse::<f64>().ok()).flatten()?;
    value.is_finite().then_some(value)
}

/// A text without the zeros at the end of its fraction.
fn plain(text: &[u8]) -> &[u8] {
    if !text.contains(&b'.') || text.contains(&b'e') {
        return text;
    }
    let end = text.iter().rposition(|&byte| byte != b'0').map_or(0, |last| last + 1);
    text[..end].strip_suffix(b".").unwrap_or(&text[..end])
}

/// Days since 1970 at day 0, or at day 1 of 1900 before March.
fn first_day(epoch: Epoch, day: i64) -> i64 {
    match epoch {
        Epoch::Since1904 => -24_107,
        Epoch::Since1900 if day < PHANTOM => -25_568,
        Epoch::Since1900 => -25_569,
    }
}

fn write_day(day: i64, epoch: Epoch, out: &mut Vec<u8>) -> bool {
    if epoch == Epoch::Since1900 && day == PHANTOM {
        out.extend_from_slice(b"1900-02-29");
        return true;
    }
    let days = day + first_day(epoch, day);
    let (year, month, day) = calendar::civil(days);
    write!(out, "{year:04}-{month:02}-{day:02}").expect("a vector takes everything");
    days <= LAST_DAY
}

fn write_time(millis: i64, out: &mut Vec<u8>) {
    let (seconds, rest) = (millis / 1000, millis % 1000);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    write!(out, "{hours:02}:{minutes:02}:{:02}", seconds % 60).expect("a vector takes everything");
    if rest != 0 {
        write!(out, ".{rest:03}").expect("a vector takes everything");
        out.truncate(out.iter().rposition(|&byte| byte != b'0').map_or(0, |last| last + 1));
    }
}

/// The number that these digits say; nothing else may stand there.
fn digits(text: &str) -> Option<i64> {
    let is_short = !text.is_empty() && text.len() < 12;
    (is_short && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn parse_time(text: &str) -> Option<f64> {
    millis(text).map(|millis| millis as f64 / DAY_MILLIS as f64)
}

fn millis(text: &str) -> Option<i64> {
    let (time, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fraction = fraction.trim_end_matches('0');
    let mut parts = time.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || fraction.len() > 3 {
        return None;
    }
    let seconds = digits(hours)?.checked_mul(3600)? + digits(minutes)? * 60 + digits(seconds)?;
    Some(seconds.checked_mul(1000)? + digits(&format!("{fraction:0<3}"))?)
}

fn parse_moment(text: &str, epoch: Epoch) -> Option<f64> {
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00"));
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let day = if epoch == Epoch::Since1900 && date == "1900-02-29" {
        PHANTOM
    } else {
        let month = u8::try_from(digits(month)?).ok()?;
        let days = calendar::days(digits(year)?, month, u8::try_from(digits(day)?).ok()?)?;
        match days - first_day(epoch, PHANTOM) {
            day if epoch == Epoch::Since1900 && day <= PHANTOM => day - 1,
            day => day,
        }
    };
    let millis = millis(time).filter(|&millis| millis < DAY_MILLIS)?;
    (parts.next().is_none() && day >= 0).then_some(day as f64 + millis as f64 / DAY_MILLIS as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: f64, shown: Shown, epoch: Epoch) -> String {
        let mut out = Vec::new();
        write(value, shown, epoch, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_the_dates_that_spreadsheet_programs_show() {
        let (early, late) = (Epoch::Since1900, Epoch::Since1904);
        let cases = [
            (45322.0, Shown::Date, early, "2024-01-31"),
            (45322.0, Shown::Moment, early, "2024-01-31T00:00:00"),
            (45_322.430_902_777_78, Shown::Moment, early, "2024-01-31T10:20:30"),
            (45322.5, Shown::Date, early, "2024-01-31T12:00:00"),
            (43860.0, Shown::Date, late, "2024-01-31"),
            (0.0, Shown::Date, late, "1904-01-01"),
            (1.0, Shown::Date, early, "1900-01-01"),
            (59.0, Shown::Date, early, "1900-02-28"),
            (60.0, Shown::Date, early, "1900-02-29"),
            (61.0, Shown::Date, early, "1900-03-01"),
            (0.0, Shown::Date, early, "0"),
            (0.5, Shown::Moment, early, "12:00:00"),
            (0.430_902_777_777_777_8, Shown::Time, late, "10:20:30"),
            (1.5, Shown::Elapsed, early, "36:00:00"),
            (2_958_465.0, Shown::Date, early, "9999-12-31"),
            (2_958_466.0, Shown::Date, early, "2958466"),
            (-1.0, Shown::Date, early, "-1"),
            (0.1, Shown::Number, early, "0.1"),
            (7.0, Shown::Number, early, "7"),
            (1e20, Shown::Number, early, "100000000000000000000"),
        ];
        for (value, shown, epoch, expected) in cases {
            assert_eq!(text(value, shown, epoch), expected);
            assert_eq!(parse(expected, shown, epoch), Some(value), "{expected}");
        }
    }

    #[test]
    fn a_text_that_the_format_would_not_show_is_no_value() {
        let none = [
            ("2024-02-30", Shown::Date),
            ("31.01.2024", Shown::Date),
            ("2024-01-31", Shown::Moment),
            ("2024-01-31T10:20:30.0005", Shown::Moment),
            ("2024-01-31T24:00:00", Shown::Moment),
            ("1899-12-31", Shown::Date),
            ("10:61:00", Shown::Time),
            ("x", Shown::Number),
            ("", Shown::Number),
            ("inf", Shown::Number),
            ("007", Shown::Number),
            ("2024-01-31", Shown::Number),
        ];
        for (text, shown) in none {
            assert_eq!(parse(text, shown, Epoch::Since1900), None, "{text}");
        }
        assert_eq!(parse("5.20", Shown::Number, Epoch::Since1900), Some(5.2));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value: f64, day in 0..2_950_000_i64, millis in 0..DAY_MILLIS) {
            let again = parse(&text(value, Shown::Number, Epoch::Since1900), Shown::Number, Epoch::Since1900);
            prop_assert_eq!(again.map(f64::to_bits), value.is_finite().then_some(value.to_bits()));
            let value = day as f64 + millis as f64 / DAY_MILLIS as f64;
            for epoch in [Epoch::Since1900, Epoch::Since1904] {
                for shown in [Shown::Date, Shown::Moment, Shown::Time, Shown::Elapsed] {
                    prop_assert_eq!(parse(&text(value, shown, epoch), shown, epoch), Some(value));
                }
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,30}|[0-9:.T-]{0,30}") {
            for shown in [Shown::Date, Shown::Time, Shown::Elapsed, Shown::Number] {
                let _ = parse(&text, shown, Epoch::Since1904);
            }
        }
    }
}
