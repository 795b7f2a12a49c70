//! Days, in UTC.

use std::fmt;

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};

/// From a day to a day, both included; open where none is said. Days are days in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
}

/// How far back an accounting goes, 45 CFR 164.528(a)(1).
const ACCOUNTING_YEARS: i64 = 6;

impl Period {
    /// The six years before a day: from the same day of the year (in a leap year that day, or the one before) to that day.
    pub fn accounting_before(day: Date) -> Period {
        Period { from: Some(day.saturating_sub(ACCOUNTING_YEARS.years())), to: Some(day) }
    }

    /// The first moment that is in it, and the first that is after it.
    pub(super) fn bounds(self) -> (Option<Timestamp>, Option<Timestamp>) {
        let midnight = |day: Date| day.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp());
        (self.from.and_then(midnight), self.to.and_then(|day| midnight(day.tomorrow().ok()?)))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (Some(from), Some(to)) => write!(f, "{from} to {to} (days in UTC)"),
            (Some(from), None) => write!(f, "from {from} (days in UTC)"),
            (None, Some(to)) => write!(f, "until {to} (days in UTC)"),
            (None, None) => f.write_str("the whole ledger"),
        }
    }
}
