//! A day of the calendar, in UTC: what agreements and approvals last to the end of.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A day. As text `2027-01-31`, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    /// The last there is.
    pub const LAST: Day = Day(Date::MAX);

    /// As a date of the calendar.
    pub fn date(self) -> Date {
        self.0
    }

    /// The day, in UTC, of a time in RFC 3339; `None` if it is none.
    pub fn of(time: &str) -> Option<Day> {
        let time: Timestamp = time.parse().ok()?;
        Some(Day(time.to_zoned(TimeZone::UTC).date()))
    }
}

impl FromStr for Day {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Day, &'static str> {
        // jiff reads more spellings; a day on record has one.
        let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
        date.map(Day).ok_or("must be a day such as 2026-12-31")
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_spelling_and_ends_in_utc() {
        let day: Day = "2027-01-31".parse().unwrap();
        assert_eq!(day.to_string(), "2027-01-31");
        for other in
            ["2027-1-31", "20270131", "2027-02-30", "2027-01-31T00:00", " 2027-01-31", "-027-01-31", ""]
        {
            assert!(other.parse::<Day>().is_err(), "{other}");
        }
        assert_eq!(Day::of("2027-01-31T23:59:59Z"), Some(day));
        assert_eq!(Day::of("2027-02-01T00:30:00+02:00"), Some(day));
        assert!(Day::of("2027-02-01T00:00:00Z").unwrap() > day);
        assert_eq!(Day::of("yesterday"), None);
    }
}
