//! An exact decimal number, bounded so that its arithmetic can't overflow.
//!
//! A value has at most [`MAX_INTEGER_DIGITS`] digits before the point and [`MAX_DECIMALS`] after it. Brought to
//! the finest scale it stays below 10^37, so any two values can be compared, added and divided in an `i128`
//! (whose limit is about 1.7 * 10^38) without a check that might fail. Text beyond the bounds is no number.
//!
//! Invariant: the mantissa has no trailing decimal zeros, so that equal values are equal structs.

use std::{cmp::Ordering, fmt};

use super::{narrow, trim};

/// Digits before the point: enough for any signed 64-bit integer.
pub const MAX_INTEGER_DIGITS: u8 = 19;

/// Digits after the point: enough for any `f64` of ordinary size as programs print it.
pub const MAX_DECIMALS: u8 = 18;

/// `mantissa / 10^scale`, exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decimal {
    mantissa: i128,
    scale: u8,
}

impl Decimal {
    /// Nought.
    pub const ZERO: Decimal = Decimal { mantissa: 0, scale: 0 };

    /// `mantissa / 10^scale`, unless that is out of bounds.
    pub fn new(mantissa: i128, scale: u8) -> Option<Decimal> {
        Self::from_parts(mantissa, i32::from(scale))
    }

    /// A whole number. Any `i64` fits.
    pub fn whole(value: i64) -> Decimal {
        Decimal { mantissa: i128::from(value), scale: 0 }
    }

    /// The mantissa, without trailing decimal zeros.
    pub fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// The number of decimals, without trailing zeros.
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// Reads any usual spelling of a number: surrounding space, a sign, full-width digits, leading zeros,
    /// trailing decimal zeros, `.5`, `5.`, `1e3`, `2.5E-4`. Nothing for anything else or out of bounds.
    pub fn parse(text: &str) -> Option<Decimal> {
        let narrowed = narrow(text);
        let bytes = trim(&narrowed).as_bytes();
        let (negative, bytes) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, bytes),
        };
        let (digits, exponent) = match bytes.iter().position(|b| matches!(b, b'e' | b'E')) {
            Some(at) => (&bytes[..at], parse_exponent(&bytes[at + 1..])?),
            None => (bytes, 0),
        };
        let (integer, fraction) = split_point(digits);
        if integer.is_empty() && fraction.is_empty() {
            return None;
        }
        Self::from_digits(negative, integer, fraction, exponent)
    }

    /// Reads a cell that may be rewritten: `[-]digits[.digits]` with no needless zero in front and no negative
    /// nought. Returns the value and the number of decimals written.
    pub fn plain(text: &str) -> Option<(Decimal, u8)> {
        let bytes = text.as_bytes();
        let (negative, bytes) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, bytes),
        };
        let (integer, fraction) = split_point(bytes);
        let has_point = integer.len() < bytes.len();
        if has_point && fraction.is_empty() || fraction.len() > usize::from(MAX_DECIMALS) {
            return None;
        }
        match integer {
            [] | [b'0', _, ..] => return None,
            _ => {}
        }
        let value = Self::from_digits(negative, integer, fraction, 0)?;
        if negative && value == Self::ZERO {
            return None;
        }
        Some((value, fraction.len() as u8))
    }

    /// Appends the value with exactly `decimals` decimals, or nothing when it has more.
    pub fn write_fixed(self, decimals: u8, out: &mut String) -> Option<()> {
        if decimals > MAX_DECIMALS || self.scale > decimals {
            return None;
        }
        if self.mantissa < 0 {
            out.push('-');
        }
        // From the last digit to the first: formatting takes several times as long, and marks write millions of numbers.
        let mut digits = [0; (MAX_INTEGER_DIGITS + MAX_DECIMALS) as usize + 1];
        let mut rest = self.at_scale(decimals).unsigned_abs();
        let mut at = digits.len();
        for written in 0.. {
            if rest == 0 && written > decimals {
                break;
            }
            if written == decimals && decimals > 0 {
                at -= 1;
                digits[at] = b'.';
            }
            at -= 1;
            let (quotient, digit) = match u64::try_from(rest) {
                Ok(small) => (u128::from(small / 10), (small % 10) as u8),
                Err(_) => (rest / 10, (rest % 10) as u8),
            };
            digits[at] = b'0' + digit;
            rest = quotient;
        }
        out.push_str(str::from_utf8(&digits[at..]).expect("digits are ASCII"));
        Some(())
    }

    /// The sum, unless it is out of bounds.
    pub fn checked_add(self, other: Decimal) -> Option<Decimal> {
        if self.scale == 0 && other.scale == 0 {
            // Times in whole seconds: nothing to align, no zeros to trim.
            return Self::new(self.mantissa + other.mantissa, 0);
        }
        let scale = self.scale.max(other.scale);
        Self::new(self.at_scale(scale) + other.at_scale(scale), scale)
    }

    /// The difference, unless it is out of bounds.
    pub fn checked_sub(self, other: Decimal) -> Option<Decimal> {
        self.checked_add(Decimal { mantissa: -other.mantissa, ..other })
    }

    /// So many times the value, unless it is out of bounds.
    pub fn checked_mul(self, times: i128) -> Option<Decimal> {
        Self::new(self.mantissa.checked_mul(times)?, self.scale)
    }

    /// `floor(self / divisor)`; nothing unless the divisor is positive.
    pub fn floor_div(self, divisor: Decimal) -> Option<i128> {
        let scale = self.scale.max(divisor.scale);
        let (left, right) = (self.at_scale(scale), divisor.at_scale(scale));
        if right <= 0 {
            return None;
        }
        // A 128-bit division is a library call; nearly all cells fit the machine's own.
        match (i64::try_from(left), i64::try_from(right)) {
            (Ok(left), Ok(right)) => Some(i128::from(left.div_euclid(right))),
            _ => Some(left.div_euclid(right)),
        }
    }

    /// The mantissa at a scale that is at least its own: by the bounds it always fits.
    fn at_scale(self, scale: u8) -> i128 {
        debug_assert!(scale >= self.scale && scale <= MAX_DECIMALS);
        if scale == self.scale { self.mantissa } else { self.mantissa * pow10(scale - self.scale) }
    }

    fn from_digits(negative: bool, integer: &[u8], fraction: &[u8], exponent: i32) -> Option<Decimal> {
        let integer = trim_front(integer);
        let fraction = trim_back(fraction);
        // Between the two trims no bound of the text's own length is left but this one.
        const MAX_DIGITS: usize = (MAX_INTEGER_DIGITS + MAX_DECIMALS) as usize;
        if integer.len() + fraction.len() > MAX_DIGITS {
            return None;
        }
        let mut mantissa: i128 = 0;
        if integer.len() + fraction.len() < MAX_INTEGER_DIGITS as usize {
            let mut small: u64 = 0;
            for byte in integer.iter().chain(fraction) {
                small = small * 10 + u64::from(digit(*byte)?);
            }
            mantissa += i128::from(small);
        } else {
            for byte in integer.iter().chain(fraction) {
                mantissa = mantissa * 10 + i128::from(digit(*byte)?);
            }
        }
        let mantissa = if negative { -mantissa } else { mantissa };
        Self::from_parts(mantissa, fraction.len() as i32 - exponent)
    }

    fn from_parts(mut mantissa: i128, mut decimals: i32) -> Option<Decimal> {
        if mantissa == 0 {
            return Some(Self::ZERO);
        }
        if decimals < 0 {
            let shift = u8::try_from(-decimals).ok().filter(|shift| *shift <= MAX_INTEGER_DIGITS)?;
            mantissa = mantissa.checked_mul(pow10(shift))?;
            decimals = 0;
        }
        // 128-bit remainders are library calls; nearly all cells fit the machine's own.
        if let Ok(mut small) = i64::try_from(mantissa) {
            while decimals > 0 && small % 10 == 0 {
                small /= 10;
                decimals -= 1;
            }
            mantissa = i128::from(small);
        } else {
            while decimals > 0 && mantissa % 10 == 0 {
                mantissa /= 10;
                decimals -= 1;
            }
        }
        let scale = u8::try_from(decimals).ok().filter(|scale| *scale <= MAX_DECIMALS)?;
        let limit = pow10(MAX_INTEGER_DIGITS + scale);
        (mantissa.unsigned_abs() < limit as u128).then_some(Decimal { mantissa, scale })
    }
}

impl Ord for Decimal {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.mantissa.cmp(&other.mantissa);
        }
        let scale = self.scale.max(other.scale);
        self.at_scale(scale).cmp(&other.at_scale(scale))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write_fixed(self.scale, &mut text).ok_or(fmt::Error)?;
        f.write_str(&text)
    }
}

/// Ten to the power of at most 37.
fn pow10(exponent: u8) -> i128 {
    const POWERS: [i128; 38] = {
        let mut powers = [1; 38];
        let mut exponent = 1;
        while exponent < powers.len() {
            powers[exponent] = 10 * powers[exponent - 1];
            exponent += 1;
        }
        powers
    };
    POWERS[usize::from(exponent)]
}

fn digit(byte: u8) -> Option<u8> {
    byte.is_ascii_digit().then(|| byte - b'0')
}

/// What stands before and after the first point.
fn split_point(digits: &[u8]) -> (&[u8], &[u8]) {
    match digits.iter().position(|b| *b == b'.') {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &[]),
    }
}

/// The exponent's value; four digits are far beyond any that could matter.
fn parse_exponent(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 4 {
        return None;
    }
    let value = digits.iter().try_fold(0, |value, byte| Some(value * 10 + i32::from(digit(*byte)?)))?;
    Some(if negative { -value } else { value })
}

pub(super) fn trim_front(mut digits: &[u8]) -> &[u8] {
    while let [b'0', rest @ ..] = digits {
        digits = rest;
    }
    digits
}

pub(super) fn trim_back(mut digits: &[u8]) -> &[u8] {
    while let [rest @ .., b'0'] = digits {
        digits = rest;
    }
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_by_example() {
        for (text, canonical) in [
            ("123", "123"),
            (" +00123.4500\t", "123.45"),
            ("-0.00", "0"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1e3", "1000"),
            ("2.5E-4", "0.00025"),
            ("1000e-20", "0.00000000000000001"),
            ("１２．５", "12.5"),
            ("\u{2212}7", "-7"),
            ("0e9999", "0"),
            ("0.000000000000000000000000", "0"),
            ("9223372036854775807", "9223372036854775807"),
        ] {
            assert_eq!(Decimal::parse(text).map(|d| d.to_string()).as_deref(), Some(canonical), "{text}");
        }
    }

    #[test]
    fn what_is_no_number() {
        let nines = "9".repeat(400);
        for text in [
            "",
            " ",
            "+",
            "-",
            ".",
            "e3",
            "1e",
            "1e+",
            "1.2.3",
            "1,5",
            "0x10",
            "12a",
            "--1",
            "1e99999",
            "1e30",
            "1e-30",
            "NaN",
            "inf",
            "1 2",
            "९",
            "18446744073709551615",
            &nines,
        ] {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn plain_is_strict_and_counts_decimals() {
        for (text, decimals) in [("0", 0), ("0.50", 2), ("-12.5", 1), ("100", 0)] {
            assert_eq!(Decimal::plain(text).map(|(_, decimals)| decimals), Some(decimals), "{text}");
        }
        for text in ["", "-", "+1", "01", "00.5", ".5", "5.", "1e3", " 1", "1 ", "-0", "-0.00", "１", "1.2.3"]
        {
            assert_eq!(Decimal::plain(text), None, "{text:?}");
        }
    }

    #[test]
    fn fixed_rendering_keeps_the_decimals_or_refuses() {
        let fixed = |text: &str, decimals| {
            let mut out = String::new();
            Decimal::parse(text)?.write_fixed(decimals, &mut out).map(|()| out)
        };
        assert_eq!(fixed("-0.5", 2).as_deref(), Some("-0.50"));
        assert_eq!(fixed("1000", 0).as_deref(), Some("1000"));
        assert_eq!(fixed("0", 3).as_deref(), Some("0.000"));
        assert_eq!(fixed("0.125", 2), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[-+0-9.eE ]{0,60}|\\PC{0,20}") {
            if let Some(value) = Decimal::parse(&text) {
                prop_assert_eq!(Decimal::parse(&value.to_string()), Some(value));
                let _ = value.checked_add(value);
                let _ = value.floor_div(value);
            }
        }

        #[test]
        fn plain_and_fixed_are_inverse(mantissa in -10_i64.pow(17)..10_i64.pow(17), decimals in 0_u8..=18) {
            let value = Decimal::new(i128::from(mantissa), decimals).unwrap();
            let mut text = String::new();
            value.write_fixed(decimals, &mut text).unwrap();
            prop_assert_eq!(Decimal::plain(&text), Some((value, decimals)));
        }

        #[test]
        fn order_and_sum_agree_with_integers(a in any::<i32>(), b in any::<i32>(), scale in 0_u8..9) {
            let of = |v: i32| Decimal::new(i128::from(v), scale).unwrap();
            prop_assert_eq!(of(a).cmp(&of(b)), a.cmp(&b));
            prop_assert_eq!(
                of(a).checked_add(of(b)),
                Decimal::new(i128::from(a) + i128::from(b), scale)
            );
        }
    }
}
