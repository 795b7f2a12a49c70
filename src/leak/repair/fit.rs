//! The repair and the noise of a column, from pairs of a leaked cell and our original of aligned rows.
//!
//! Exact repairs are found by vote: of all that the leaked cells suggest, and of the usual factors between units, the one
//! under which most pairs agree, a mark's quantum forgiven. What is left is [noise](super::noise).
//!
//! Originals are unmarked and most pairs are of cells without a mark, so neither the vote nor the noise depends on any codeword.

use std::collections::BTreeMap;

use crate::leak::cells::Cells;
use crate::table::value::{DateOrder, Decimal, Moment, Numeric, fold, is_missing, trim};

use super::noise::{Noise, Pair};
use super::{Dates, Repair, Spelling, Undo, Unit, candidates};

/// The share of pairs that agree under the right repair, unless there is noise.
const AGREE: f64 = 0.5;

/// How far the median ratio may be from a power of ten, as a share, if there is noise.
const NEAR_TENS: f64 = 0.15;

/// Factors between usual units: pounds and kilograms, inches and centimetres, miles and kilometres; creatinine in micromoles and
/// milligrams, glucose likewise; hours, minutes and days.
const FACTORS: [&str; 12] = [
    "2.20462262",
    "0.45359237",
    "2.54",
    "0.393700787",
    "1.609344",
    "0.621371192",
    "88.4",
    "0.0113122172",
    "18.0156",
    "0.0555074491",
    "60",
    "24",
];

/// What was done to a column, as pairs tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fit {
    /// What undoes it, as far as it is exact.
    pub repair: Repair,
    /// What is left.
    pub noise: Noise,
    /// Pairs of which both cells hold a value.
    pub pairs: u64,
    /// Those that agree once they are repaired.
    pub agreeing: u64,
}

/// What the originals are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Date,
    Text,
}

impl Fit {
    /// From pairs of a leaked cell and the original, of a column whose marks move by `quantum`.
    pub fn of<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, quantum: Decimal) -> Fit {
        let is_filled = |cell: &str| !is_missing(cell.as_bytes());
        let pairs: Vec<(&str, &str)> =
            pairs.filter(|(leaked, ours)| is_filled(leaked) && is_filled(ours)).collect();
        let kind = Kind::of(&pairs);
        let repairs = suggested(&pairs, kind);
        let agreeing = |repair: &Repair| {
            pairs.iter().filter(|(leaked, ours)| agree(repair, kind, leaked, ours, quantum)).count()
        };
        let counts: Vec<usize> = repairs.iter().map(agreeing).collect();
        // The first of the best, so that a repair that changes nothing does not count as one.
        let best = (0..repairs.len()).rev().max_by_key(|&i| counts[i]).unwrap_or(0);
        let mut repair = repairs[best];
        if (counts[best] as f64) < AGREE * pairs.len() as f64 && kind == Kind::Number {
            repair = by_ratio(&pairs, &repairs).unwrap_or(repair);
        }
        let values: Vec<Pair> =
            pairs.iter().filter_map(|pair| values(&repair, kind, pair.0, pair.1)).collect();
        Fit {
            repair,
            noise: Noise::of(&values, quantum, kind == Kind::Date),
            pairs: pairs.len() as u64,
            agreeing: agreeing(&repair) as u64,
        }
    }

    /// Whether all that was done can be undone.
    pub fn is_exact(&self) -> bool {
        self.noise == Noise::None
    }

    /// Which of a carrier's two texts, the original and the other one, a leaked cell (repaired) rather is: whether it is the
    /// other one, and how likely that is wrong, in 64ths. Nothing if it says nothing.
    pub fn soft(&self, ours: &str, other: &str, leaked: &str) -> Option<(bool, u8)> {
        let kind = if Decimal::parse(ours).is_some() { Kind::Number } else { Kind::Date };
        match (value(kind, ours), value(kind, other), value(kind, leaked)) {
            (Some(ours), Some(other), Some(leaked)) => self.noise.judge(ours, other, leaked),
            _ => {
                let leaked = fold(leaked);
                let (kept, changed) = (fold(ours) == leaked, fold(other) == leaked);
                (kept != changed).then_some((changed, 0))
            }
        }
    }
}

impl Kind {
    fn of(pairs: &[(&str, &str)]) -> Kind {
        let share = |is_so: &dyn Fn(&str) -> bool| 2 * pairs.iter().filter(|(_, ours)| is_so(ours)).count();
        if share(&|ours| Decimal::parse(ours).is_some()) > pairs.len() {
            Kind::Number
        } else if share(&|ours| moment(ours).is_some()) > pairs.len() {
            Kind::Date
        } else {
            Kind::Text
        }
    }
}

fn moment(text: &str) -> Option<Moment> {
    Moment::parse(text, DateOrder::Unknown, Numeric::No)
}

/// A cell of ours, or a repaired one, as a number: seconds, if it is a date.
fn value(kind: Kind, text: &str) -> Option<Decimal> {
    match kind {
        Kind::Number => Decimal::parse(text),
        Kind::Date => moment(text).map(Moment::ordinal),
        Kind::Text => None,
    }
}

fn values(repair: &Repair, kind: Kind, leaked: &str, ours: &str) -> Option<Pair> {
    Some((value(kind, &repair.apply(leaked)?)?, value(kind, ours)?))
}

/// Whether a pair is the same under a repair, or a mark apart.
fn agree(repair: &Repair, kind: Kind, leaked: &str, ours: &str, quantum: Decimal) -> bool {
    match (kind, values(repair, kind, leaked, ours)) {
        (Kind::Text, _) => repair.apply(leaked).is_some_and(|leaked| fold(&leaked) == fold(ours)),
        (_, Some((leaked, ours))) => leaked.checked_sub(ours).is_some_and(|difference| {
            difference <= quantum && Decimal::ZERO.checked_sub(difference).is_some_and(|back| back <= quantum)
        }),
        (_, None) => false,
    }
}

/// Whether a leaked cell, repaired, is the original or a mark apart from it.
pub fn is_mark_apart(leaked: &[u8], ours: &[u8], quantum: Decimal) -> bool {
    let (Ok(leaked), Ok(ours)) = (str::from_utf8(leaked), str::from_utf8(ours)) else {
        return leaked == ours;
    };
    agree(&Repair::NONE, Kind::of(&[(leaked, ours)]), leaked, ours, quantum)
}

/// What the cells of both sides suggest; none at all comes first.
fn suggested(pairs: &[(&str, &str)], kind: Kind) -> Vec<Repair> {
    let mut cells = Cells::default();
    pairs.iter().for_each(|(leaked, _)| cells.add(leaked.as_bytes()));
    let mut repairs = candidates(&cells);
    repairs.retain(|repair| match repair.undo {
        Undo::Nothing => true,
        Undo::Number(..) => kind == Kind::Number,
        Undo::Date(_) => kind == Kind::Date,
        // The original's width is known, see below.
        Undo::Padded(_) => false,
    });
    match kind {
        Kind::Number => {
            // Of codes, which may be categories, the zeros matter.
            repairs.extend(width(pairs).map(|width| Repair::new(Undo::Padded(width))));
            repairs.extend(units(pairs));
        }
        Kind::Date => repairs = repairs.into_iter().flat_map(|repair| shifted(repair, pairs)).collect(),
        Kind::Text => repairs.extend(width(pairs).map(|width| Repair::new(Undo::Padded(width)))),
    }
    repairs
}

/// The digits of originals that are codes of one width, some with zeros in front, and whose leaked cells have fewer.
fn width(pairs: &[(&str, &str)]) -> Option<u8> {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let width = trim(pairs.first()?.1).len();
    let is_code = pairs.iter().all(|(_, ours)| trim(ours).len() == width && is_digits(trim(ours)));
    let lost = pairs.iter().any(|(leaked, ours)| trim(ours).starts_with('0') && trim(leaked).len() < width);
    (is_code && lost).then(|| u8::try_from(width).ok())?
}

/// Factors between units, with the originals' decimals to round to.
fn units(pairs: &[(&str, &str)]) -> Vec<Repair> {
    let decimals = pairs.iter().filter_map(|(_, ours)| Decimal::parse(ours)).map(Decimal::scale).max();
    let factors = FACTORS.iter().filter_map(|factor| Decimal::parse(factor));
    let unit = |factor| Unit::Factor { factor, decimals: decimals.unwrap_or(0) };
    factors.map(|factor| Repair::new(Undo::Number(Spelling::Point, unit(factor)))).collect()
}

/// The same dates, and the same dates less the commonest distance from the originals.
fn shifted(repair: Repair, pairs: &[(&str, &str)]) -> Vec<Repair> {
    let dates = match repair.undo {
        Undo::Date(dates) => dates,
        _ => Dates::default(),
    };
    let mut shifts: BTreeMap<i64, usize> = BTreeMap::new();
    for (leaked, ours) in pairs {
        if let (Some(leaked), Some(ours)) = (dates.read(leaked), moment(ours)) {
            *shifts.entry(leaked.seconds() - ours.seconds()).or_default() += 1;
        }
    }
    let commonest = shifts.into_iter().max_by_key(|&(_, n)| n).map_or(0, |(shift, _)| shift);
    let shift = Repair::new(Undo::Date(Dates { shift_seconds: commonest, ..dates }));
    if commonest == 0 { vec![repair] } else { vec![repair, shift] }
}

/// The power of ten that the noisy leaked numbers are of the originals, read in the spelling that most of them have.
fn by_ratio(pairs: &[(&str, &str)], repairs: &[Repair]) -> Option<Repair> {
    let ratios = |repair: &Repair| -> Vec<f64> {
        let values = pairs.iter().filter_map(|pair| values(repair, Kind::Number, pair.0, pair.1));
        let ratio = |(leaked, ours): Pair| {
            leaked.mantissa() as f64 / ours.mantissa() as f64
                * 10f64.powi(i32::from(ours.scale()) - i32::from(leaked.scale()))
        };
        values.filter(|(_, ours)| *ours != Decimal::ZERO).map(ratio).collect()
    };
    let is_near = |repair: &&Repair| {
        let mut ratios = ratios(repair);
        let middle = ratios.len() / 2;
        2 * ratios.len() > pairs.len()
            && (*ratios.select_nth_unstable_by(middle, f64::total_cmp).1 - 1.0).abs() < NEAR_TENS
    };
    repairs.iter().find(is_near).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leak::repair::noise::Rounding;

    fn fit(pairs: &[(String, String)], quantum: &str) -> Fit {
        let pairs = pairs.iter().map(|(leaked, ours)| (leaked.as_str(), ours.as_str()));
        Fit::of(pairs, Decimal::parse(quantum).unwrap())
    }

    /// Costs, of which each tenth is a mark off, and what became of them.
    fn costs(change: impl Fn(f64) -> String) -> Fit {
        let ours = |n: u32| f64::from(n * n * 37 % 100_000) / 100.0 + 1.0;
        let pair = |n| {
            let marked = ours(n) + if n % 10 == 0 { 0.01 } else { 0.0 };
            (change(marked), format!("{:.2}", ours(n)))
        };
        fit(&(1..400).map(pair).collect::<Vec<_>>(), "0.01")
    }

    fn words(fit: Fit) -> (String, bool) {
        (fit.repair.to_string(), fit.is_exact())
    }

    #[test]
    fn exact_damage_of_numbers_is_found_by_vote() {
        for (found, expected) in [
            (costs(|value| format!("{value:.2}")), ""),
            (costs(|value| format!("{:.0}", value * 100.0)), "in hundredths"),
            (costs(|value| format!("{:.5}", value / 1000.0)), "in thousands"),
            (costs(|value| format!("{value:.2} EUR").replace('.', ",")), "decimal commas"),
            (costs(|value| format!("{:.4}", value * 2.204_622_62)), "multiplied by 2.20462262"),
        ] {
            assert_eq!(words(found), (expected.to_owned(), true), "{found:?}");
            assert_eq!(found.agreeing, found.pairs);
        }
    }

    #[test]
    fn rounding_and_noise_are_found_under_the_repair() {
        let rounded = costs(|value| format!("{value:.0},0"));
        let Noise::Rounded { step, how, .. } = rounded.noise else { panic!("{rounded:?}") };
        assert_eq!((step, how), (Decimal::whole(1), Rounding::Nearest));
        assert_eq!(rounded.repair.to_string(), "decimal commas");
        let noisy = costs(|value| format!("{:.0}", (value + (value * 77.7).sin() * 0.2) * 100.0));
        let Noise::Added(spread) = noisy.noise else { panic!("{noisy:?}") };
        assert!(spread.scale > 5.0 && spread.scale < 30.0, "{spread:?}");
        assert_eq!(noisy.repair.to_string(), "in hundredths");
    }

    #[test]
    fn dates_are_put_in_order_and_shifted_back() {
        let dates = |change: &dyn Fn(i64, Moment) -> String| {
            let pair = |n: i64| {
                let ours = Moment::iso(b"2021-01-01T00:00:00Z").unwrap().plus_seconds(n * 1_234_567).unwrap();
                let marked = ours.plus_seconds(i64::from(n % 10 == 0)).unwrap();
                (change(n, marked), ours.to_iso())
            };
            fit(&(0..200).map(pair).collect::<Vec<_>>(), "1")
        };
        let slashed = |order: &dyn Fn(&str, &str) -> String, moment: Moment| {
            let iso = moment.to_iso();
            order(&iso[5..7], &iso[8..10]) + &format!("/{} {}", &iso[..4], &iso[11..19])
        };
        let day_first = dates(&|_, m| slashed(&|month, day| format!("{day}/{month}"), m));
        assert_eq!(words(day_first), ("dates day first".into(), true));
        let month_first = dates(&|_, m| slashed(&|month, day| format!("{month}/{day}"), m));
        assert_eq!(words(month_first), ("dates month first".into(), true));
        let zone = dates(&|_, m| m.plus_seconds(7200).unwrap().to_iso());
        assert_eq!(words(zone), ("dates in another layout, 120 minutes ahead".into(), true));
        let cut = dates(&|_, m| m.to_iso()[..10].to_owned());
        let Noise::Rounded { step, how, is_time } = cut.noise else { panic!("{cut:?}") };
        assert_eq!((step, how, is_time), (Decimal::whole(86_400), Rounding::Down, true));
        let mixed = dates(&|_, m| {
            let swapped = m.with_day_and_month_swapped().map(Moment::to_iso);
            swapped.unwrap_or_else(|| slashed(&|month, day| format!("{day}/{month}"), m))
        });
        assert_eq!(words(mixed), ("day and month mixed up".into(), true));
    }

    #[test]
    fn texts_and_codes() {
        let pair = |leaked: &str, ours: &str| (leaked.to_owned(), ours.to_owned());
        let wards = [pair("NORTH ", "north"), pair("south", "South"), pair("east", "east")];
        assert_eq!(words(fit(&wards, "0")), (String::new(), true));
        let codes = [pair("12", "0012"), pair("7", "0007"), pair("1234", "1234")];
        let found = fit(&codes, "0");
        assert!(found.is_exact() && found.agreeing == 3);
        assert_eq!(found.soft("north", "south", " SOUTH"), Some((true, 0)));
        assert_eq!(found.soft("north", "south", "east"), None);
    }
}
