//! Cells that are stored as values: their text, and the value that a text says.
//!
//! Columnar formats store a number, a date or an identifier as an integer that a type gives a meaning to: a [`Whole`].
//! Both directions are exact. A value has one text, and [`Whole::parse`] and [`float`] give a value only if it is the one
//! that the text says; a text that the type would have to round gives none.
//!
//! Texts: numbers are plain decimals, dates `2024-01-31`, date-times `2024-01-31T10:20:30.5` (`Z` after them where the type
//! counts in UTC), times `10:20:30`, booleans `true` and `false`. Years before 0001 and after 9999 are written but can't be
//! parsed.

use std::io::Write;

mod clock;
mod digits;
pub mod float;

pub use clock::Unit;

/// What a stored integer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// `true` is 1.
    Bool,
    /// A signed integer of so many bits.
    Int(u8),
    /// An unsigned integer of so many bits.
    UInt(u8),
    /// A multiple of 10^-scale, of at most so many digits.
    Decimal { precision: u8, scale: u8 },
    /// Days since 1970-01-01.
    Date,
    /// A time since midnight.
    Time(Unit),
    /// A date-time since 1970-01-01T00:00:00, in UTC if `zoned`.
    Moment { unit: Unit, zoned: bool },
    /// The 128 bits of an RFC 9562 identifier.
    Uuid,
}

/// The most digits of a [`Whole::Decimal`]: those that any `i128` holds.
pub const MAX_PRECISION: u8 = 38;

impl Whole {
    /// Appends the value's text.
    pub fn write(self, value: i128, out: &mut Vec<u8>) {
        match self {
            Whole::Bool => out.extend_from_slice(if value == 0 { b"false" } else { b"true" }),
            Whole::Int(_) | Whole::UInt(_) => digits::write_scaled(value, 0, out),
            Whole::Decimal { scale, .. } => digits::write_scaled(value, scale.into(), out),
            Whole::Date => clock::write_date(value, out),
            Whole::Time(unit) => clock::write_time(value, unit, out),
            Whole::Moment { unit, zoned } => clock::write_moment(value, unit, zoned, out),
            Whole::Uuid => write_uuid(value as u128, out).expect("a vector takes everything"),
        }
    }

    /// The value that `text` says, if the type can hold exactly it.
    pub fn parse(self, text: &str) -> Option<i128> {
        match self {
            Whole::Bool => match text {
                "true" => Some(1),
                "false" => Some(0),
                _ => None,
            },
            Whole::Int(bits) => {
                let half = 1_i128 << (bits - 1);
                parse_digits(text).filter(|value| (-half..half).contains(value))
            }
            Whole::UInt(bits) => parse_digits(text).filter(|value| (0..1_i128 << bits).contains(value)),
            Whole::Decimal { precision, scale } => parse_decimal(text, precision, scale),
            Whole::Date => clock::parse_date(text),
            Whole::Time(unit) => clock::parse_time(text, unit),
            Whole::Moment { unit, zoned } => clock::parse_moment(text, unit, zoned),
            Whole::Uuid => parse_uuid(text),
        }
    }
}

/// An integer as people write it: digits, perhaps after a minus.
fn parse_digits(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn parse_decimal(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (fraction, rest) = fraction.split_at_checked(usize::from(scale)).unwrap_or((fraction, ""));
    let digits_only = whole != "-" && !whole.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !digits_only || rest.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let value = parse_digits(&format!("{whole}{fraction:0<width$}", width = usize::from(scale)))?;
    (value.unsigned_abs() < 10_u128.checked_pow(u32::from(precision))?).then_some(value)
}

fn write_uuid(bits: u128, out: &mut Vec<u8>) -> std::io::Result<()> {
    write!(
        out,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        bits >> 96,
        bits >> 80 & 0xffff,
        bits >> 64 & 0xffff,
        bits >> 48 & 0xffff,
        bits & 0xffff_ffff_ffff
    )
}

fn parse_uuid(text: &str) -> Option<i128> {
    let dashes = [8, 13, 18, 23];
    let well_formed = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match dashes.contains(&at) {
            true => byte == b'-',
            false => byte.is_ascii_hexdigit(),
        });
    well_formed
        .then(|| u128::from_str_radix(&text.replace('-', ""), 16).ok().map(|bits| bits as i128))
        .flatten()
}

/// The text of a cell without the spaces around it.
pub fn core(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&byte| byte != b' ').unwrap_or(text.len());
    let end = text.iter().rposition(|&byte| byte != b' ').map_or(start, |last| last + 1);
    &text[start..end]
}

/// `old` with its core replaced by `new`: the spaces around it stay.
pub fn with_core(old: &[u8], new: &str) -> Vec<u8> {
    let kept = core(old);
    let before = old.iter().position(|&byte| byte != b' ').unwrap_or(old.len());
    let after = &old[before + kept.len()..];
    [&old[..before], new.as_bytes(), after].concat()
}

#[cfg(test)]
mod tests;
