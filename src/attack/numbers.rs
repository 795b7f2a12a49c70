//! What is done to numbers.
//!
//! Attackers reckon with floats, as their tools do; what they write keeps the number of decimals that the cell had, unless
//! the attack is about decimals. Cells that are no plain number stay.

use rand::RngExt as _;

use super::kind::{self, Kind, Rewrite};
use super::reason::AttackReason;
use super::{Attack, Rng, Scene, Table};
use crate::error::Result;

/// A number without ornaments, `[-]digits[.digits]`, and how many decimals it shows. Text with needless zeros in front is a
/// code, not a number.
pub(super) fn plain(text: &str) -> Option<(f64, usize)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = !whole.is_empty()
        && (whole == "0" || !whole.starts_with('0'))
        && are_digits(whole)
        && are_digits(decimals)
        && !digits.ends_with('.');
    Some((text.parse().ok().filter(|_| is_plain)?, decimals.len()))
}

/// The attacks that write every number of a column otherwise.
pub(super) fn rewrite(table: &mut Table, attack: &Attack, scene: &Scene) -> Result<()> {
    let (names, how): (&[String], Box<Rewrite>) = match attack {
        Attack::Round { decimals, columns } => (columns, Box::new(|text| rounded(text, *decimals))),
        Attack::Truncate { decimals, columns } => {
            (columns, Box::new(|text| truncated(text, usize::from(*decimals))))
        }
        Attack::Rescale { factor, columns } => (columns, Box::new(|text| rescaled(text, *factor))),
        Attack::Bands { width: 0, .. } => return Err(AttackReason::NoWidth.into()),
        Attack::Bands { width, columns } => (columns, Box::new(|text| band(text, f64::from(*width)))),
        Attack::DecimalComma { columns } => (columns, Box::new(decimal_comma)),
        Attack::Thousands { columns } => (columns, Box::new(thousands)),
        _ => return Ok(()),
    };
    let columns = kind::columns(table, names, scene, |kind| kind == Kind::Number)?;
    table.map_columns(&columns, |_, text| how(text));
    Ok(())
}

fn rounded(text: &str, keep: i8) -> Option<String> {
    let (value, decimals) = plain(text)?;
    Some(match u8::try_from(keep) {
        Ok(keep) => format!("{value:.*}", decimals.min(usize::from(keep))),
        Err(_) => {
            let unit = 10f64.powi(-i32::from(keep));
            format!("{:.0}", (value / unit).round() * unit)
        }
    })
}

fn truncated(text: &str, keep: usize) -> Option<String> {
    let (_, decimals) = plain(text)?;
    let cut = decimals.saturating_sub(keep);
    Some(text[..text.len() - cut].trim_end_matches('.').to_owned())
}

/// Cents of a price with two decimals show none; otherwise digits are kept that the factor needs.
fn rescaled(text: &str, factor: f64) -> Option<String> {
    let (value, decimals) = plain(text)?;
    let shift = factor.abs().log10();
    let is_power = (shift - shift.round()).abs() < 1e-9;
    let decimals =
        if is_power { (decimals as i64 - shift.round() as i64).clamp(0, 18) as usize } else { decimals + 2 };
    Some(format!("{:.decimals$}", value * factor))
}

fn band(text: &str, width: f64) -> Option<String> {
    let low = (plain(text)?.0 / width).floor() * width;
    Some(format!("{low:.0}-{:.0}", low + width - 1.0))
}

fn decimal_comma(text: &str) -> Option<String> {
    plain(text).map(|_| text.replace('.', ","))
}

fn thousands(text: &str) -> Option<String> {
    plain(text)?;
    let whole = text.find('.').unwrap_or(text.len());
    let mut out = String::new();
    for (i, c) in text[..whole].chars().enumerate() {
        if i > 0 && (whole - i).is_multiple_of(3) && !out.ends_with('-') {
            out.push(',');
        }
        out.push(c);
    }
    Some(out + &text[whole..])
}

/// Adds noise whose standard deviation is so many of the column's own.
pub(super) fn add_noise(
    table: &mut Table,
    deviations: f64,
    names: &[String],
    scene: &Scene,
    rng: &mut Rng,
) -> Result<()> {
    let columns = kind::columns(table, names, scene, |kind| kind == Kind::Number)?;
    let spreads: Vec<f64> = columns.iter().map(|&column| deviations * spread(table, column)).collect();
    table.map_columns(&columns, |column, text| {
        let (value, decimals) = plain(text)?;
        let at = columns.iter().position(|&found| found == column)?;
        Some(format!("{:.decimals$}", value + spreads[at] * normal(rng)))
    });
    Ok(())
}

/// The standard deviation of a column's numbers.
fn spread(table: &Table, column: usize) -> f64 {
    let values: Vec<f64> = table.cells(column).filter_map(|text| Some(plain(text)?.0)).collect();
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// A standard normal number, by Box and Muller (1958).
fn normal(rng: &mut Rng) -> f64 {
    let (radius, angle): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn numbers_by_example() {
        assert_eq!(rounded("146.76", 1).unwrap(), "146.8");
        assert_eq!(rounded("146", 1).unwrap(), "146");
        assert_eq!(rounded("-146.76", -1).unwrap(), "-150");
        assert_eq!(truncated("146.76", 1).unwrap(), "146.7");
        assert_eq!(truncated("146.76", 0).unwrap(), "146");
        assert_eq!(rescaled("146.76", 100.0).unwrap(), "14676");
        assert_eq!(rescaled("146", 0.001).unwrap(), "0.146");
        assert_eq!(rescaled("70", 2.204_62).unwrap(), "154.32");
        assert_eq!(band("43", 10.0).unwrap(), "40-49");
        assert_eq!(decimal_comma("146.76").unwrap(), "146,76");
        assert_eq!(thousands("1234567.5").unwrap(), "1,234,567.5");
        assert_eq!(thousands("-123456").unwrap(), "-123,456");
        for odd in ["0012", "1.", ".5", "1e3", "NA", "", "-", "12 "] {
            assert_eq!(plain(odd), None, "{odd}");
        }
    }

    #[test]
    fn noise_is_as_wide_as_was_said() {
        let rng = &mut Rng::seed_from_u64(1);
        let draws: Vec<f64> = (0..10_000).map(|_| normal(rng)).collect();
        let mean = draws.iter().sum::<f64>() / 1e4;
        let variance = draws.iter().map(|draw| draw * draw).sum::<f64>() / 1e4;
        assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.06, "{mean} {variance}");
    }
}
