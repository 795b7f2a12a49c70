//! What is done to dates. Texts that do not begin with `yyyy-mm-dd` stay.

use clap::ValueEnum;
use serde::Deserialize;

use super::kind::{self, Kind, Rewrite};
use super::{Attack, Scene, Table};
use crate::error::Result;

/// What is left of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    /// `2021`.
    Year,
    /// `2021-08`.
    Month,
    /// `2021-08-23`.
    Day,
    /// Minutes and seconds become nought.
    Hour,
    /// Seconds become nought.
    Minute,
}

/// Year, month, day and the rest of a text that begins with `yyyy-mm-dd`.
pub(super) fn parts(text: &str) -> Option<(&str, &str, &str, &str)> {
    let date = text.get(..10)?;
    let (year, month, day) = (date.get(..4)?, date.get(5..7)?, date.get(8..)?);
    let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_date = [year, month, day].into_iter().all(are_digits)
        && date.as_bytes()[4] == b'-'
        && date.as_bytes()[7] == b'-'
        && (text.len() == 10 || matches!(text.as_bytes()[10], b' ' | b'T'));
    is_date.then_some((year, month, day, &text[10..]))
}

/// The attacks that write every date of a column otherwise.
pub(super) fn rewrite(table: &mut Table, attack: &Attack, scene: &Scene) -> Result<()> {
    let (names, how): (&[String], Box<Rewrite>) = match attack {
        Attack::TruncateDates { to, columns } => (columns, Box::new(|text| truncated(text, *to))),
        Attack::DayFirst { columns } => (columns, Box::new(day_first)),
        Attack::SwapDayMonth { columns } => (columns, Box::new(swapped)),
        _ => return Ok(()),
    };
    let columns = kind::columns(table, names, scene, |kind| kind == Kind::Date)?;
    table.map_columns(&columns, |_, text| how(text));
    Ok(())
}

fn truncated(text: &str, to: DatePart) -> Option<String> {
    let (year, month, ..) = parts(text)?;
    Some(match to {
        DatePart::Year => year.to_owned(),
        DatePart::Month => format!("{year}-{month}"),
        DatePart::Day => text[..10].to_owned(),
        DatePart::Hour => zeroed(text, 14),
        DatePart::Minute => zeroed(text, 17),
    })
}

/// `hh:mm:ss` with noughts from the byte `from` on, up to where the time ends.
fn zeroed(text: &str, from: usize) -> String {
    let zero = |(at, c): (usize, char)| if (from..19).contains(&at) && c.is_ascii_digit() { '0' } else { c };
    text.char_indices().map(zero).collect()
}

/// `dd/mm/yyyy`, with a space before the time.
pub(super) fn day_first(text: &str) -> Option<String> {
    let (year, month, day, rest) = parts(text)?;
    Some(format!("{day}/{month}/{year}{}", rest.replacen('T', " ", 1)))
}

/// What a program makes of `dd/mm/yyyy` that takes the first number for the month wherever it can.
fn swapped(text: &str) -> Option<String> {
    let (year, month, day, rest) = parts(text)?;
    let is_either = day.parse::<u8>().is_ok_and(|day| day <= 12);
    Some(if is_either { format!("{year}-{day}-{month}{rest}") } else { text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_by_example() {
        assert_eq!(truncated("2021-08-23T03:26:50Z", DatePart::Hour).unwrap(), "2021-08-23T03:00:00Z");
        assert_eq!(truncated("2021-08-23 03:26", DatePart::Minute).unwrap(), "2021-08-23 03:26");
        assert_eq!(truncated("2021-08-23 03:26", DatePart::Day).unwrap(), "2021-08-23");
        assert_eq!(truncated("2021-08-23", DatePart::Month).unwrap(), "2021-08");
        assert_eq!(day_first("2021-08-23T03:26:50Z").unwrap(), "23/08/2021 03:26:50Z");
        assert_eq!(swapped("2021-08-03 10:00").unwrap(), "2021-03-08 10:00");
        assert_eq!(swapped("2021-08-23").unwrap(), "2021-08-23");
        for odd in ["", "2021", "2021-8-3", "2021-08-23x", "20210823", "12345678901"] {
            assert_eq!(parts(odd), None, "{odd}");
        }
    }
}
