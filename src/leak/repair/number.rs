//! Numbers as people and spreadsheets write them: thousands separators, decimal commas, currency signs, accountants' brackets;
//! and numbers in another unit.

use std::borrow::Cow;
use std::fmt;

use crate::table::value::{Decimal, MAX_DECIMALS, narrow, trim};

/// What separates the decimals of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// `1,234.50`, `1 234.50`, `1'234.50`
    Point,
    /// `1.234,50`, `1 234,50`, `1'234,50`
    Comma,
}

/// The unit of a column of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// The leaked number is ours with the point moved so many places to the right: 2 for cents.
    Tens(i8),
    /// The leaked number is ours times a factor. Ours is had back by rounding to so many decimals.
    Factor { factor: Decimal, decimals: u8 },
}

impl Unit {
    /// Our own unit.
    pub const OURS: Unit = Unit::Tens(0);

    /// The number in our unit.
    pub fn undo(self, leaked: Decimal) -> Option<Decimal> {
        match self {
            Unit::Tens(0) => Some(leaked),
            Unit::Tens(places) => shift(leaked, -places),
            Unit::Factor { factor, decimals } => divide(leaked, factor, decimals),
        }
    }
}

/// Moves the point to the right, or to the left if `places` is negative.
pub(super) fn shift(number: Decimal, places: i8) -> Option<Decimal> {
    let scale = i32::from(number.scale()) - i32::from(places);
    match u8::try_from(scale) {
        Ok(scale) => Decimal::new(number.mantissa(), scale),
        Err(_) => Decimal::new(number.mantissa().checked_mul(10i128.checked_pow((-scale) as u32)?)?, 0),
    }
}

/// The quotient, rounded half up.
pub(super) fn divide(number: Decimal, divisor: Decimal, decimals: u8) -> Option<Decimal> {
    let up = i32::from(decimals) + i32::from(divisor.scale()) - i32::from(number.scale());
    let (mut over, mut under) = (number.mantissa(), divisor.mantissa());
    let power = 10i128.checked_pow(up.unsigned_abs())?;
    if up >= 0 {
        over = over.checked_mul(power)?;
    } else {
        under = under.checked_mul(power)?;
    }
    let rounded = over.checked_mul(2)?.checked_add(under)?.checked_div_euclid(under.checked_mul(2)?)?;
    Decimal::new(rounded, decimals.min(MAX_DECIMALS))
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unit::Tens(2) => f.write_str("in hundredths"),
            Unit::Tens(3) => f.write_str("in thousandths"),
            Unit::Tens(-3) => f.write_str("in thousands"),
            Unit::Tens(places @ 1..) => write!(f, "multiplied by {}", 10i128.pow(*places as u32)),
            Unit::Tens(places) => write!(f, "divided by {}", 10i128.pow(u32::from(places.unsigned_abs()))),
            Unit::Factor { factor, .. } => write!(f, "multiplied by {factor}"),
        }
    }
}

/// Signs of money that may stand before or after a number.
const CURRENCIES: &str = "$€£¥₹₽₩₺₪₴₫฿¢%";

/// Longest word beside a number that is taken for a currency: `USD`, `EUR`, `Fr.`
const WORD_BYTES: usize = 3;

/// Reads a number with the decorations of `spelling`; plain numbers with a decimal point are read under [`Spelling::Point`].
pub fn read(text: &str, spelling: Spelling) -> Option<Decimal> {
    let narrowed = narrow(text);
    let (negative, core) = undecorated(trim(&narrowed))?;
    let (point, grouping): (char, &[char]) = match spelling {
        Spelling::Point => ('.', &[',', ' ', '\'', '\u{2019}']),
        Spelling::Comma => (',', &['.', ' ', '\'', '\u{2019}']),
    };
    let (whole, fraction) = core.split_once(point).unwrap_or((core, ""));
    let plain = match (ungrouped(whole, grouping)?, fraction) {
        (whole, "") => whole,
        (whole, fraction) => Cow::Owned(format!("{whole}.{fraction}")),
    };
    let number = Decimal::parse(&plain)?;
    if negative { Decimal::ZERO.checked_sub(number) } else { Some(number) }
}

/// The number alone, and whether it is negative: without currency, sign and brackets.
fn undecorated(text: &str) -> Option<(bool, &str)> {
    let is_sign = |c: char| CURRENCIES.contains(c);
    let (mut negative, mut core) = match text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    // Sign and currency come in any order, on either side, once each.
    for _ in 0..2 {
        core = core.trim_matches(|c: char| is_sign(c) || c.is_whitespace());
        if let Some(rest) = core.strip_prefix('-').or_else(|| core.strip_suffix('-')) {
            (negative, core) = (!negative, rest);
        }
        core = core.strip_prefix('+').unwrap_or(core);
        core = without_word(core);
    }
    core.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == ',').then_some((negative, core))
}

/// Takes off a short word that stands before or after.
fn without_word(text: &str) -> &str {
    let is_digit = |c: char| c.is_ascii_digit();
    let (Some(first), Some(last)) = (text.find(is_digit), text.rfind(is_digit)) else { return text };
    let is_word = |word: &str| {
        let word = word.trim_matches(|c: char| c.is_whitespace() || c == '.');
        !word.is_empty() && word.len() <= WORD_BYTES && word.chars().all(char::is_alphabetic)
    };
    match (&text[..first], &text[last + 1..]) {
        (before, "") if is_word(before) => &text[first..],
        ("", after) if is_word(after) => &text[..=last],
        _ => text,
    }
}

/// Whole digits without the separators of their groups: the first of up to three digits, the last of three, those between of
/// three or, as in India, two. Nothing if they are grouped otherwise.
fn ungrouped<'a>(whole: &'a str, grouping: &[char]) -> Option<Cow<'a, str>> {
    let Some(separator) = whole.chars().find(|c| grouping.contains(c)) else {
        return Some(Cow::Borrowed(whole));
    };
    let groups: Vec<&str> = whole.split(separator).collect();
    let (first, rest) = groups.split_first()?;
    let (last, between) = rest.split_last()?;
    let is_grouped = (1..=3).contains(&first.len())
        && last.len() == 3
        && between.iter().all(|group| (2..=3).contains(&group.len()))
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_digit()));
    is_grouped.then(|| Cow::Owned(groups.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn decorated_numbers_by_example() {
        use Spelling::{Comma, Point};
        for (text, spelling, expected) in [
            ("1,234.50", Point, Some("1234.5")),
            ("1.234,50", Comma, Some("1234.5")),
            ("1 234,50", Comma, Some("1234.5")),
            ("1\u{202f}234,50 €", Comma, Some("1234.5")),
            ("1'234.50", Point, Some("1234.5")),
            ("CHF 1\u{2019}234.50", Point, Some("1234.5")),
            ("$ 1,234,567.8", Point, Some("1234567.8")),
            ("12,34,567", Point, Some("1234567")),
            ("-$5.20", Point, Some("-5.2")),
            ("(5.20)", Point, Some("-5.2")),
            ("5,20-", Comma, Some("-5.2")),
            ("1e3", Point, Some("1000")),
            (".5", Point, Some("0.5")),
            ("0,5", Comma, Some("0.5")),
            ("1.234", Point, Some("1.234")),
            ("1.234", Comma, Some("1234")),
            ("12,3,4", Point, None),
            ("1,23", Point, None),
            ("12 apples", Point, None),
            ("2021-08-23", Point, None),
            ("", Comma, None),
        ] {
            assert_eq!(read(text, spelling), expected.map(decimal), "{text}");
        }
    }

    #[test]
    fn units_are_undone_exactly() {
        assert_eq!(Unit::Tens(2).undo(decimal("14676")), Some(decimal("146.76")));
        assert_eq!(Unit::Tens(-3).undo(decimal("0.14676")), Some(decimal("146.76")));
        let pounds = Unit::Factor { factor: decimal("2.20462262"), decimals: 1 };
        assert_eq!(pounds.undo(decimal("159.6")), Some(decimal("72.4")));
        assert_eq!(pounds.undo(decimal("-159.6")), Some(decimal("-72.4")));
        assert_eq!(Unit::Tens(-18).undo(decimal("9999999999999999999")), None, "out of bounds");
    }
}
