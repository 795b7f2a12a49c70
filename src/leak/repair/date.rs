//! Dates as spreadsheets and aggregators write them, as ISO text.
//!
//! [`Moment`] reads slash dates once their order is known, serials and epoch numbers. Added here: years of two digits, months by
//! name, a constant shift (another time zone), and the mix-up of a spreadsheet that takes `03/04/2021` for the fourth of March
//! and leaves `23/04/2021`, which has no such month, as text.

use std::borrow::Cow;
use std::fmt;

use crate::table::value::{DateOrder, Moment, Numeric, narrow, trim};

/// How the dates of a leaked column are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dates {
    /// What slash dates mean.
    pub order: DateOrder,
    /// Whether dates whose year comes first have day and month exchanged.
    pub swapped: bool,
    /// Seconds that the leak's times are ahead of ours.
    pub shift_seconds: i64,
}

impl Dates {
    /// Dates in one order.
    pub fn ordered(order: DateOrder) -> Dates {
        Dates { order, ..Dates::default() }
    }

    /// The instant in our terms.
    pub fn read(self, text: &str) -> Option<Moment> {
        let text = written_out(text);
        let moment = Moment::parse(&text, self.order, Numeric::Yes)?;
        let is_year_first = Moment::iso(trim(&text).as_bytes()).is_some();
        let moment =
            if self.swapped && is_year_first { moment.with_day_and_month_swapped()? } else { moment };
        moment.plus_seconds(-self.shift_seconds)
    }
}

impl fmt::Display for Dates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.swapped, self.order) {
            (true, _) => f.write_str("day and month mixed up")?,
            (false, DateOrder::DayFirst) => f.write_str("dates day first")?,
            (false, DateOrder::MonthFirst) => f.write_str("dates month first")?,
            (false, DateOrder::Unknown) => f.write_str("dates in another layout")?,
        }
        match self.shift_seconds {
            0 => Ok(()),
            shift if shift % 60 == 0 => write!(f, ", {} minutes ahead", shift / 60),
            shift => write!(f, ", {shift} seconds ahead"),
        }
    }
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Two digits from here on are a year of the last century, as spreadsheets have it.
const PIVOT: u32 = 30;

/// The text with a month's name as its number and a year of two digits as four, so that it can be read as a slash date or,
/// where a name leaves no doubt about the order, as an ISO one. Any other text stays as it is.
fn written_out(text: &str) -> Cow<'_, str> {
    let narrowed = narrow(text);
    let core = trim(&narrowed);
    match with_month_name(core).or_else(|| with_short_year(core)) {
        Some(text) => Cow::Owned(text),
        None => Cow::Borrowed(text),
    }
}

/// `23-Aug-21 03:26`, `Aug 23, 2021`, `23 August 2021` in ISO layout.
fn with_month_name(text: &str) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_alphabetic())?;
    let length = text[start..].find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len() - start);
    let name = text.get(start..start + 3).filter(|_| (3..=9).contains(&length))?.to_ascii_lowercase();
    let month = 1 + MONTHS.iter().position(|known| *known == name)?;
    let after = text[start + length..].trim_start_matches(['-', '/', '.', ',', ' ']);
    let before = text[..start].trim_end_matches(['-', '/', '.', ',', ' ']);
    let (day, rest) = if before.is_empty() { digits(after)? } else { (before, after) };
    let (year, time) = digits(rest.trim_start_matches([',', ' ']))?;
    let day: u32 = day.parse().ok()?;
    Some(format!("{}-{month:02}-{day:02}{time}", full_year(year)?))
}

/// `8/23/21 3:26` with all four digits of its year.
fn with_short_year(text: &str) -> Option<String> {
    let (first, rest) = digits(text)?;
    let separator = rest.chars().next().filter(|c| matches!(c, '/' | '.' | '-'))?;
    let (second, rest) = digits(&rest[1..])?;
    let (year, time) = digits(rest.strip_prefix(separator)?)?;
    let is_short = first.len() <= 2 && second.len() <= 2 && year.len() == 2;
    is_short.then(|| Some(format!("{first}{separator}{second}{separator}{}{time}", full_year(year)?)))?
}

fn full_year(year: &str) -> Option<String> {
    match (year.len(), year.parse::<u32>().ok()?) {
        (4, _) => Some(year.to_owned()),
        (2, short) => Some((if short < PIVOT { 2000 + short } else { 1900 + short }).to_string()),
        _ => None,
    }
}

/// The digits that a text begins with, at least one, and the rest.
fn digits(text: &str) -> Option<(&str, &str)> {
    let length = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (length > 0).then(|| text.split_at(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(dates: Dates, text: &str) -> Option<String> {
        dates.read(text).map(Moment::to_iso)
    }

    #[test]
    fn dates_of_spreadsheets_by_example() {
        let day_first = Dates::ordered(DateOrder::DayFirst);
        for (text, expected) in [
            ("03/04/2021", Some("2021-04-03")),
            ("3.4.21", Some("2021-04-03")),
            ("23/08/2021 03:26", Some("2021-08-23T03:26Z")),
            ("23-Aug-21", Some("2021-08-23")),
            ("Aug 23, 1999", Some("1999-08-23")),
            ("23 August 2021 03:26:50", Some("2021-08-23T03:26:50Z")),
            ("1/2/70", Some("1970-02-01")),
            ("44431", Some("2021-08-23")),
            ("2021-08-23T03:26:50.5Z", Some("2021-08-23T03:26:50.500000000Z")),
            ("august", None),
            ("12 apples", None),
        ] {
            assert_eq!(iso(day_first, text).as_deref(), expected, "{text}");
        }
        assert_eq!(iso(Dates::default(), "03/04/2021"), None, "the order is not known");
    }

    #[test]
    fn mix_ups_and_shifts_are_undone() {
        let mixed = Dates { swapped: true, ..Dates::ordered(DateOrder::DayFirst) };
        assert_eq!(iso(mixed, "2021-03-04").as_deref(), Some("2021-04-03"));
        assert_eq!(iso(mixed, "23/04/2021").as_deref(), Some("2021-04-23"));
        assert_eq!(iso(mixed, "2021-03-14"), None, "no fourteenth month");
        let ahead = Dates { shift_seconds: 7200, ..Dates::default() };
        assert_eq!(iso(ahead, "2021-01-01 01:30").as_deref(), Some("2020-12-31T23:30Z"));
        assert_eq!(ahead.to_string(), "dates in another layout, 120 minutes ahead");
    }
}
