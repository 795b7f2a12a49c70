//! Binary floating point numbers as text.
//!
//! A number is written as the shortest decimal that reads back as it, without an exponent unless it is very small or very
//! large. A text is taken only if the number that is nearest to it is written like it, up to zeros at the ends.

use std::fmt::{Display, LowerExp};
use std::io::Write;
use std::str::FromStr;

/// From where on, and below where, a number is written with an exponent: where ECMAScript does, whose rule most
/// programs that write shortest numbers have taken over.
const LARGE: f64 = 1e21;
const SMALL: f64 = 1e-7;

/// A binary floating point number.
pub trait Float: Copy + Display + LowerExp + FromStr + Into<f64> {}

impl Float for f32 {}
impl Float for f64 {}

/// Appends the number's text.
pub fn write(value: impl Float, out: &mut Vec<u8>) {
    let size = value.into().abs();
    let written = match size != 0.0 && size.is_finite() && !(SMALL..LARGE).contains(&size) {
        true => write!(out, "{value:e}"),
        false => write!(out, "{value}"),
    };
    written.expect("a vector takes everything");
}

/// The number that `text` says, if there is one that is written so.
pub fn parse<F: Float>(text: &str) -> Option<F> {
    let value: F = text.parse().ok()?;
    let mut written = Vec::new();
    write(value, &mut written);
    let written = str::from_utf8(&written).ok()?;
    (value.into().is_finite() && plain(text) == plain(written)).then_some(value)
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
