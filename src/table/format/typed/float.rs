//! Binary floating point numbers as text.
//!
//! A number is written as the shortest decimal that reads back as it, without an exponent unless it is very small or very
//! large. A text is taken if the number that is nearest to it is written like it, up to zeros at the ends. One with more digits
//! than the type is sure to keep, as sums and products have, is taken for the nearest number, which differs from it by less
//! than a cell of the type can say anyway.

use std::fmt::{Display, LowerExp};
use std::io::Write;
use std::str::FromStr;

use super::digits;

/// From where on, and below where, a number is written with an exponent: where ECMAScript does, whose rule most
/// programs that write shortest numbers have taken over.
const LARGE: f64 = 1e21;
const SMALL: f64 = 1e-7;

/// Decimals of the numbers that are written the short way, and the most that such a number is, without its point: fewer digits
/// than any two neighbours of 64 bits have in common (15).
const FEW_DECIMALS: usize = 4;
const FEW_SCALE: f64 = 1e4;
const FEW_MOST: f64 = 1e15;

/// A binary floating point number.
pub trait Float: Copy + Display + LowerExp + FromStr + Into<f64> {
    /// So many digits of a decimal always come back.
    const SURE_DIGITS: usize;
    /// Numbers below this are so close to each other that a hundredth is ten of their distances or more.
    const FINE_BELOW: f64;

    /// The number times 10^[`FEW_DECIMALS`] if that many decimals say all of it.
    fn few_decimals(self) -> Option<i64> {
        None
    }
}

impl Float for f32 {
    const SURE_DIGITS: usize = f32::DIGITS as usize;
    const FINE_BELOW: f64 = 1e4;
}

impl Float for f64 {
    const SURE_DIGITS: usize = f64::DIGITS as usize;
    const FINE_BELOW: f64 = 1e12;

    fn few_decimals(self) -> Option<i64> {
        let scaled = (self * FEW_SCALE).round();
        // The quotient is the number nearest to the decimal. So both are one number, and no shorter decimal is: two of at most
        // 15 digits never are. Nought has a sign that an integer lacks.
        (scaled != 0.0 && scaled.abs() < FEW_MOST && scaled / FEW_SCALE == self).then_some(scaled as i64)
    }
}

/// Appends the number's text.
pub fn write(value: impl Float, out: &mut Vec<u8>) {
    // Prices and measurements; the general way takes several times as long.
    if let Some(scaled) = value.few_decimals() {
        digits::write_scaled(scaled.into(), FEW_DECIMALS, out);
        return digits::trim_decimals(out);
    }
    let size = value.into().abs();
    let written = match size != 0.0 && size.is_finite() && !(SMALL..LARGE).contains(&size) {
        true => write!(out, "{value:e}"),
        false => write!(out, "{value}"),
    };
    written.expect("a vector takes everything");
}

/// The number that `text` says, if the type has one that may stand for it.
pub fn parse<F: Float>(text: &str) -> Option<F> {
    let value: F = text.parse().ok()?;
    let mut written = Vec::new();
    write(value, &mut written);
    let written = str::from_utf8(&written).ok()?;
    let is_said = || text == written || plain(text) == plain(written);
    let is_near = || significant_digits(text) > F::SURE_DIGITS && value.into().abs() < F::FINE_BELOW;
    (value.into().is_finite() && (is_said() || is_near())).then_some(value)
}

/// How many digits a number has from the first to the last that is no nought; none if it has an exponent.
fn significant_digits(text: &str) -> usize {
    match plain(text) {
        ("e", ..) => 0,
        (_, "", fraction) => fraction.trim_start_matches('0').len(),
        (_, whole, fraction) => whole.len() + fraction.len(),
    }
}

/// Sign, whole digits and fraction digits, or all of a number that has an exponent.
fn plain(text: &str) -> (&str, &str, &str) {
    if text.contains(['e', 'E']) {
        return ("e", text, "");
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    (sign, whole.trim_start_matches('0'), fraction.trim_end_matches('0'))
}
