//! An instant, read from many layouts and rewritten in the one it came in.
//!
//! A cell with a date is a *layout* (where the year, month, day, hour, minute and second stand) and an instant.
//! [`Layout::of`] finds both; [`Layout::write`] puts another instant into the same places and copies every other
//! byte: separators, fraction, zone and surrounding space. So a rewritten cell can't differ in style.
//!
//! Text without a zone is taken as UTC: a column is read the same way before and after marking, and only
//! differences matter. The proleptic Gregorian calendar is used throughout, as ISO 8601 has it.
//!
//! Source of the calendar arithmetic: Howard Hinnant, "chrono-compatible low-level date algorithms"
//! (`days_from_civil`, `civil_from_days`); the tests compare it with `jiff`.

use super::{Decimal, narrow, trim};

pub(in crate::table) mod calendar;
mod layout;
mod number;
mod scan;

pub use layout::Layout;

/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// What a date of two short numbers and a year means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DateOrder {
    /// `23/08/2021`
    DayFirst,
    /// `08/23/2021`
    MonthFirst,
    /// Only dates that are the same day either way, or possible only one way, are read.
    #[default]
    Unknown,
}

impl DateOrder {
    /// What one text tells of its column's order: `23/08/2021` is possible only day first.
    pub fn of(text: &str) -> DateOrder {
        let reads = |order| Moment::parse(text, order, Numeric::No).is_some();
        match (reads(DateOrder::DayFirst), reads(DateOrder::MonthFirst)) {
            (true, false) => DateOrder::DayFirst,
            (false, true) => DateOrder::MonthFirst,
            _ => DateOrder::Unknown,
        }
    }
}

/// Whether bare numbers are dates: Excel serials, epoch seconds and its fractions, `yyyymmdd`, `yyyymmddhhmmss`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Numeric {
    /// A number is a number.
    No,
    /// The column is known to hold dates, so a number is one too.
    Yes,
}

/// The finest unit that a text speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// A date without a time.
    Day,
    /// Hours and minutes.
    Minute,
    /// Seconds.
    Second,
    /// A fraction of a second.
    Subsecond,
}

impl Precision {
    /// The unit in seconds; fractions of a second count as one, since nothing finer is ever moved.
    pub fn unit_seconds(self) -> i64 {
        match self {
            Precision::Day => DAY_SECONDS,
            Precision::Minute => 60,
            Precision::Second | Precision::Subsecond => 1,
        }
    }
}

/// An instant: whole seconds since 1970-01-01T00:00:00Z, nanoseconds on top, and how finely it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    seconds: i64,
    nanos: u32,
    precision: Precision,
}

impl Moment {
    /// Reads ISO, compact and slash dates, alone or with a time and a zone, and on demand bare numbers. Nothing
    /// when the text is no date, when its day and month can't be told apart, or when it is a number and
    /// numbers are not asked for.
    pub fn parse(text: &str, order: DateOrder, numeric: Numeric) -> Option<Moment> {
        if let Some(moment) = Self::iso(text.as_bytes()) {
            return Some(moment);
        }
        let narrowed = narrow(text);
        let text = trim(&narrowed);
        if let Some((moment, _)) = Layout::of(text, order, numeric) {
            return Some(moment);
        }
        match numeric {
            Numeric::Yes => number::read(text),
            Numeric::No => None,
        }
    }

    /// Reads `yyyy-mm-dd`, alone or with `Thh:mm[:ss[.f]]` (or a space) and a zone. The layout of most columns,
    /// so it is read by position.
    pub fn iso(text: &[u8]) -> Option<Moment> {
        if text.len() < 10 || text[4] != b'-' || text[7] != b'-' {
            return None;
        }
        let year = i64::from(two(text, 0)?) * 100 + i64::from(two(text, 2)?);
        let days = calendar::days(year, two(text, 5)?, two(text, 8)?)?;
        if text.len() == 10 {
            return Self::at(days * DAY_SECONDS, 0, Precision::Day);
        }
        if text.len() < 16 || !matches!(text[10], b'T' | b't' | b' ') || text[13] != b':' {
            return None;
        }
        let (hour, minute) = (two(text, 11)?, two(text, 14)?);
        let mut rest = &text[16..];
        let (mut second, mut nanos, mut precision) = (0, 0, Precision::Minute);
        if rest.first() == Some(&b':') {
            second = two(text, 17)?;
            precision = Precision::Second;
            rest = &text[19..];
            if let [b'.' | b',', digits @ ..] = rest {
                let length = digits.iter().take_while(|b| b.is_ascii_digit()).count();
                nanos = scan::nanos(&digits[..length])?;
                precision = Precision::Subsecond;
                rest = &digits[length..];
            }
        }
        let offset = if rest.is_empty() || rest == b"Z" { 0 } else { scan::offset_seconds(rest)? };
        let time = calendar::second_of_day(hour, minute, second)?;
        Self::at(days * DAY_SECONDS + time - offset, nanos, precision)
    }

    /// The same instant told another number of whole seconds later.
    pub fn plus_seconds(self, seconds: i64) -> Option<Moment> {
        let seconds = self.seconds.checked_add(seconds)?;
        Self::at(seconds, self.nanos, self.precision)
    }

    /// Whole seconds since the epoch, rounded down.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// The year, in UTC.
    pub fn year(self) -> i64 {
        calendar::civil(self.seconds.div_euclid(DAY_SECONDS)).0
    }

    /// Nanoseconds on top of the seconds, always towards the future.
    pub fn nanos(self) -> u32 {
        self.nanos
    }

    /// How finely the text told it.
    pub fn precision(self) -> Precision {
        self.precision
    }

    /// Seconds since the epoch as an exact number.
    pub fn ordinal(self) -> Decimal {
        if self.nanos == 0 {
            return Decimal::whole(self.seconds);
        }
        let nanos = i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos);
        Decimal::new(nanos, 9).expect("years of four digits are far inside the bounds of a decimal")
    }

    /// The text in ISO layout and UTC, as finely as the moment was told: a date alone, or with minutes, seconds or a fraction.
    pub fn to_iso(self) -> String {
        let (year, month, day) = calendar::civil(self.seconds.div_euclid(DAY_SECONDS));
        let time = self.seconds.rem_euclid(DAY_SECONDS);
        let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
        let mut text = format!("{year:04}-{month:02}-{day:02}");
        if self.precision >= Precision::Minute {
            text += &format!("T{hour:02}:{minute:02}");
        }
        if self.precision >= Precision::Second {
            text += &format!(":{second:02}");
        }
        if self.precision == Precision::Subsecond {
            text += &format!(".{:09}", self.nanos);
        }
        if self.precision > Precision::Day { text + "Z" } else { text }
    }

    /// The same instant with day and month exchanged, where that is a date.
    pub fn with_day_and_month_swapped(self) -> Option<Moment> {
        let (year, month, day) = calendar::civil(self.seconds.div_euclid(DAY_SECONDS));
        let days = calendar::days(year, day, month)?;
        Self::at(days * DAY_SECONDS + self.seconds.rem_euclid(DAY_SECONDS), self.nanos, self.precision)
    }

    /// Appends the canonical text: `yyyy-mm-ddThh:mm:ss[.f]Z`, or the date alone at midnight UTC.
    ///
    /// Digit by digit, because keys often hold a time and `write!` takes more than twice as long (190 against 80 ns).
    pub(super) fn write_canonical(self, out: &mut Vec<u8>) {
        let (year, month, day) = calendar::civil(self.seconds.div_euclid(DAY_SECONDS));
        let time = self.seconds.rem_euclid(DAY_SECONDS);
        let pair = |number: i64| [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        let ([y0, y1], [y2, y3]) = (pair(year / 100), pair(year % 100));
        let ([m0, m1], [d0, d1]) = (pair(i64::from(month)), pair(i64::from(day)));
        out.extend_from_slice(&[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1]);
        if time == 0 && self.nanos == 0 {
            return;
        }
        let ([h0, h1], [m0, m1]) = (pair(time / 3600), pair(time / 60 % 60));
        let [s0, s1] = pair(time % 60);
        out.extend_from_slice(&[b'T', h0, h1, b':', m0, m1, b':', s0, s1]);
        if self.nanos != 0 {
            out.extend_from_slice(format!(".{:09}", self.nanos).trim_end_matches('0').as_bytes());
        }
        out.push(b'Z');
    }

    /// The only place where a moment is made: its year has four digits.
    fn at(seconds: i64, nanos: u32, precision: Precision) -> Option<Moment> {
        let inside = (calendar::FIRST_SECOND..calendar::END_SECOND).contains(&seconds);
        inside.then_some(Moment { seconds, nanos, precision })
    }
}

/// Two digits at a place.
fn two(text: &[u8], at: usize) -> Option<u8> {
    match text.get(at..at + 2)? {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn iso(text: &str) -> Moment {
        Moment::iso(text.as_bytes()).unwrap()
    }

    #[test]
    fn one_instant_in_many_spellings() {
        let expected = iso("2021-08-23T03:26:50Z").ordinal();
        for text in [
            "2021-08-23T03:26:50",
            "2021-08-23 03:26:50",
            " 2021-08-23 03:26:50+00:00 ",
            "2021-08-23T05:26:50+02:00",
            "2021-08-22T22:26:50.000-0500",
            "2021-08-23t03:26:50z",
            "2021-08-23 03:26:50 UTC",
            "2021/08/23 3:26:50",
            "23/08/2021 03:26:50",
            "8/23/2021 3:26:50",
            "23.8.2021 3:26:50 AM",
            "20210823032650",
            "20210823T032650Z",
            "1629689210",
            "1629689210.0",
            "1629689210000",
            "1629689210000000",
            "1629689210000000000",
            "44431.1436342593",
            "２０２１-08-23 03：26：50",
        ] {
            let moment = Moment::parse(text, DateOrder::Unknown, Numeric::Yes);
            assert_eq!(moment.map(Moment::ordinal), Some(expected), "{text}");
        }
    }

    #[test]
    fn precision_is_what_the_text_told() {
        for (text, precision) in [
            ("2021-08-23", Precision::Day),
            ("2021-08-23T03:26", Precision::Minute),
            ("2021-08-23T03:26:50", Precision::Second),
            ("2021-08-23T03:26:50.000Z", Precision::Subsecond),
            ("44431", Precision::Day),
            ("44431.5", Precision::Second),
            ("44431.14", Precision::Day),
            ("44431.025", Precision::Second),
            ("44431.026", Precision::Day),
            ("20210823", Precision::Day),
            ("1629689210", Precision::Second),
        ] {
            let moment = Moment::parse(text, DateOrder::Unknown, Numeric::Yes);
            assert_eq!(moment.map(Moment::precision), Some(precision), "{text}");
        }
    }

    #[test]
    fn day_and_month_are_never_guessed() {
        let read = |text, order| Moment::parse(text, order, Numeric::No).map(Moment::seconds);
        let (march, april) = (iso("2021-03-04").seconds(), iso("2021-04-03").seconds());
        assert_eq!(read("03/04/2021", DateOrder::Unknown), None);
        assert_eq!(read("03/04/2021", DateOrder::MonthFirst), Some(march));
        assert_eq!(read("03.04.2021", DateOrder::DayFirst), Some(april));
        assert_eq!(read("05/05/2021", DateOrder::Unknown), Some(iso("2021-05-05").seconds()));
        assert_eq!(read("13/05/2021", DateOrder::MonthFirst), None);
    }

    #[test]
    fn what_is_no_moment() {
        for text in [
            "",
            "2021",
            "2021-13-01",
            "2021-02-29",
            "2021-00-10",
            "2021-08-23T24:00:00",
            "2021-08-23T03:60",
            "2021-08-23T03",
            "2021-08-23T03:26:50+25:00",
            "2021-08-23x",
            "0000-00-00",
            "2021-08/23",
            "20211301",
            "19999",
            "80001",
            "1629689",
            "-44431.5",
            "2021-08-23T03:26:50.",
            "12:30",
            "1/2/21",
            "9".repeat(99).as_str(),
        ] {
            assert_eq!(Moment::parse(text, DateOrder::DayFirst, Numeric::Yes), None, "{text:?}");
        }
        assert_eq!(Moment::parse("44431", DateOrder::DayFirst, Numeric::No), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[-0-9T:./Z+ ]{0,40}|\\PC{0,24}") {
            for order in [DateOrder::DayFirst, DateOrder::Unknown] {
                let _ = Moment::parse(&text, order, Numeric::Yes);
            }
        }

        #[test]
        fn the_fast_path_agrees_with_the_layouts(seconds in -60_000_000_000_i64..250_000_000_000) {
            let mut text = Vec::new();
            Moment::at(seconds, 0, Precision::Second).unwrap().write_canonical(&mut text);
            let text = String::from_utf8(text).unwrap();
            let (slow, _) = Layout::of(&text, DateOrder::Unknown, Numeric::No).unwrap();
            prop_assert_eq!(Moment::iso(text.as_bytes()), Some(slow));
            prop_assert_eq!(slow.seconds(), seconds);
        }
    }
}
