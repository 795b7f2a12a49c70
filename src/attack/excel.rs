//! What spreadsheets do to a table that is opened and saved.
//!
//! Excel keeps 15 significant digits and reads cells as it pleases: numbers lose the zeros in front and behind, dates without
//! a `T` become dates and come back in the user's own order or, in a column formatted as numbers, as days since 1899-12-30.

use clap::ValueEnum;
use serde::Deserialize;

use super::{Table, dates};
use crate::table::value::{DateOrder, Moment, Numeric};

/// Excel's day 25,569 is 1970-01-01.
const EPOCH_SERIAL: f64 = 25_569.0;
const DAY_SECONDS: f64 = 86_400.0;

/// Digits that Excel keeps.
const DIGITS: usize = 15;

/// What becomes of dates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ExcelDates {
    /// `23/08/2021 03:26`: the seconds are lost.
    #[default]
    DayFirst,
    /// `44431.143634`.
    Serial,
}

/// Opens and saves in Excel.
pub(super) fn round_trip(table: &mut Table, dates: ExcelDates) {
    table.map_cells(|_, _, text| match dates {
        ExcelDates::DayFirst => shown(text).or_else(|| number(text)),
        ExcelDates::Serial => serial(text).or_else(|| number(text)),
    });
}

/// A date as Excel shows it; it does not take one with a `T` or a zone for a date.
fn shown(text: &str) -> Option<String> {
    let (.., rest) = dates::parts(text)?;
    let is_known = rest.is_empty() || rest.starts_with(' ') && !rest.ends_with(|c: char| c.is_alphabetic());
    // dd/mm/yyyy hh:mm
    is_known.then(|| dates::day_first(text))?.map(|text| text.chars().take(16).collect())
}

fn serial(text: &str) -> Option<String> {
    shown(text)?;
    let seconds = Moment::parse(text, DateOrder::Unknown, Numeric::No)?.seconds();
    let days = EPOCH_SERIAL + seconds as f64 / DAY_SECONDS;
    Some(trimmed(&format!("{days:.9}")))
}

/// A number as Excel writes it: `00123` becomes `123`, `12.50` becomes `12.5`, digits after the fifteenth become zeros.
fn number(text: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().filter(|&byte| byte == b'.').count() <= 1
        && digits.bytes().any(|byte| byte.is_ascii_digit());
    if !is_number {
        return None;
    }
    let whole = digits.split('.').next().unwrap_or_default().trim_start_matches('0');
    let rest = &digits[digits.find('.').unwrap_or(digits.len())..];
    let long = format!("{}{rest}", if whole.is_empty() { "0" } else { whole });
    let mut kept = 0;
    let cut: String = long
        .chars()
        .map(|c| {
            kept += usize::from(c.is_ascii_digit());
            if c.is_ascii_digit() && kept > DIGITS { '0' } else { c }
        })
        .collect();
    let sign = if text.starts_with('-') { "-" } else { "" };
    Some(format!("{sign}{}", trimmed(&cut)))
}

/// Without zeros at the end of decimals.
fn trimmed(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

/// Saves again, in a tool that is gentler than Excel: only the zeros behind decimals are lost, and dates with a time are
/// written with the day first.
pub(super) fn resave(table: &mut Table) {
    table.map_cells(|_, _, text| {
        if let Some((whole, decimals)) = text.split_once('.') {
            let is_number = [whole, decimals].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
            return is_number.then(|| trimmed(text));
        }
        let (.., rest) = dates::parts(text)?;
        rest.starts_with(' ').then(|| dates::day_first(text))?
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excel_by_example() {
        for (before, after) in [
            ("00123", Some("123")),
            ("146.70", Some("146.7")),
            ("-12.00", Some("-12")),
            ("0", Some("0")),
            ("0.50", Some("0.5")),
            ("12345678901234567", Some("12345678901234500")),
            ("A12", None),
            ("", None),
            ("-", None),
            (".", None),
        ] {
            assert_eq!(number(before).as_deref(), after, "{before}");
        }
        assert_eq!(shown("2021-08-23 03:26:50").unwrap(), "23/08/2021 03:26");
        assert_eq!(shown("2021-08-23").unwrap(), "23/08/2021");
        assert_eq!(shown("2021-08-23T03:26:50Z"), None);
        assert_eq!(serial("2021-08-23").unwrap(), "44431");
        assert_eq!(serial("2021-08-23 12:00").unwrap(), "44431.5");
    }
}
