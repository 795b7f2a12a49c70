//! Several partners lay their copies of the same rows over each other, and choose where they differ.
//!
//! The *marking assumption* holds by construction: where all copies agree, nothing shows that there is a mark, so nothing
//! changes. The first six strategies are those of the traitor-tracing literature (Tardos 2008; Furon, Guyader and Cerou
//! 2008); average, minimum and maximum are what spreadsheets offer.

use clap::ValueEnum;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use serde::{Deserialize, Serialize};

use super::reason::AttackReason;
use super::{Rng, Scene, Table, numbers};
use crate::error::Result;
use crate::table::value::{DateOrder, Layout, Numeric};

/// How colluders choose where their copies differ.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Each row whole, from one of them
    MixRows,
    /// Each cell from one of them
    Interleave,
    /// What most of them have
    Majority,
    /// What the fewest have
    Minority,
    /// Any of the different texts, however many have it
    Coin,
    /// The text that reads as 1, which they can't know
    AllOnes,
    /// The text that reads as 0, which they can't know
    AllZeros,
    /// Nothing: the cell is emptied
    EraseDifferences,
    /// The mean of numbers and dates; of words, any
    Average,
    /// The least
    Min,
    /// The greatest
    Max,
}

/// The strategies of the literature and of spreadsheets, without those that mix whole rows.
pub const STRATEGIES: [Strategy; 10] = [
    Strategy::Interleave,
    Strategy::Majority,
    Strategy::Minority,
    Strategy::Coin,
    Strategy::AllOnes,
    Strategy::AllZeros,
    Strategy::EraseDifferences,
    Strategy::Average,
    Strategy::Min,
    Strategy::Max,
];

/// What comes of several copies of the same rows, in the same order.
pub(super) fn collude(copies: &[Table], strategy: Strategy, scene: &Scene, rng: &mut Rng) -> Result<Table> {
    let first = check(copies)?;
    if matches!(strategy, Strategy::AllOnes | Strategy::AllZeros) && scene.oracle.is_none() {
        return Err(AttackReason::NoOracle.into());
    }
    if strategy == Strategy::MixRows {
        let rows = (0..first.rows.len()).map(|r| copies.choose(rng).expect("a copy").rows[r].clone());
        return Ok(first.with_rows(rows.collect()));
    }
    let mut mixed = first.clone();
    mixed.map_cells(|r, c, text| {
        let texts = copies.iter().map(|copy| copy.rows[r].get(c).unwrap_or_default());
        if texts.clone().all(|other| other == text) {
            return None;
        }
        let all: Vec<&str> = texts.collect();
        let says = |text: &str| scene.oracle.and_then(|oracle| oracle.read(&first.rows[r], c, text));
        Some(choose(strategy, &all, says, rng))
    });
    Ok(mixed)
}

/// Copies that can be laid over each other; the first of them.
fn check(copies: &[Table]) -> Result<&Table> {
    let [first, others @ ..] = copies else { return Err(AttackReason::OneCopy.into()) };
    if others.is_empty() {
        return Err(AttackReason::OneCopy.into());
    }
    if others.iter().any(|other| other.header != first.header) {
        return Err(AttackReason::OtherColumns.into());
    }
    if others.iter().any(|other| other.rows.len() != first.rows.len()) {
        return Err(AttackReason::OtherRows.into());
    }
    Ok(first)
}

/// One of the texts `all` that the copies have, not all of which are the same.
fn choose(strategy: Strategy, all: &[&str], says: impl Fn(&str) -> Option<bool>, rng: &mut Rng) -> String {
    let mut distinct = all.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let holders = |text: &str| all.iter().filter(|&&other| other == text).count();
    // A draw between equals is decided by chance.
    distinct.shuffle(rng);
    let distinct = distinct.iter().copied();
    let any = distinct.clone().next().unwrap_or_default();
    let chosen = match strategy {
        Strategy::Interleave | Strategy::MixRows => all.choose(rng).copied(),
        Strategy::Majority => distinct.max_by_key(|text| holders(text)),
        Strategy::Minority => distinct.min_by_key(|text| holders(text)),
        Strategy::Coin => Some(any),
        Strategy::AllOnes => distinct.clone().find(|text| says(text) == Some(true)),
        Strategy::AllZeros => distinct.clone().find(|text| says(text) == Some(false)),
        Strategy::EraseDifferences => Some(""),
        Strategy::Average => return average(all).unwrap_or_else(|| any.to_owned()),
        Strategy::Min => distinct.min_by(|a, b| in_order(a, b)),
        Strategy::Max => distinct.max_by(|a, b| in_order(a, b)),
    };
    chosen.unwrap_or(any).to_owned()
}

/// Numbers by value, everything else by its text, which is right for dates with the year first.
fn in_order(a: &str, b: &str) -> std::cmp::Ordering {
    match (numbers::plain(a), numbers::plain(b)) {
        (Some((a, _)), Some((b, _))) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}

/// The mean of numbers or of dates, written as the first of them is; `None` for words.
fn average(all: &[&str]) -> Option<String> {
    let count = all.len() as f64;
    if let Some(values) = all.iter().map(|text| numbers::plain(text)).collect::<Option<Vec<_>>>() {
        let decimals = values.iter().map(|(_, decimals)| *decimals).max()?;
        let mean = values.iter().map(|(value, _)| value).sum::<f64>() / count;
        return Some(format!("{mean:.decimals$}"));
    }
    let read = |text: &&str| Layout::of(text, DateOrder::Unknown, Numeric::No);
    let moments = all.iter().map(read).collect::<Option<Vec<_>>>()?;
    let (first, layout) = moments.first()?;
    let sum: i64 = moments.iter().map(|(moment, _)| moment.seconds() - first.seconds()).sum();
    let unit = first.precision().unit_seconds();
    let moved = (sum as f64 / count / unit as f64).round() as i64 * unit;
    let mut out = String::new();
    layout.write(all[0], first.plus_seconds(moved)?, &mut out)?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn chosen(strategy: Strategy, all: &[&str]) -> String {
        choose(strategy, all, |text| Some(text.ends_with('1')), &mut Rng::seed_from_u64(3))
    }

    #[test]
    fn strategies_by_example() {
        let all = ["9.01", "10.02", "10.02"];
        for (strategy, expected) in [
            (Strategy::Majority, "10.02"),
            (Strategy::Minority, "9.01"),
            (Strategy::AllOnes, "9.01"),
            (Strategy::AllZeros, "10.02"),
            (Strategy::EraseDifferences, ""),
            (Strategy::Average, "9.68"),
            (Strategy::Min, "9.01"),
            (Strategy::Max, "10.02"),
        ] {
            assert_eq!(chosen(strategy, &all), expected, "{strategy:?}");
        }
        assert_eq!(chosen(Strategy::Average, &["2021-08-23 10:00", "2021-08-23 10:02"]), "2021-08-23 10:01");
        assert!(["x", "y"].contains(&chosen(Strategy::Average, &["x", "y"]).as_str()));
    }

    #[test]
    fn copies_that_do_not_fit_are_refused() {
        let read = |text: &str| Table::read(text.as_bytes(), None).unwrap();
        let try_on = |copies: &[Table], strategy| {
            collude(copies, strategy, &Scene::default(), &mut Rng::seed_from_u64(3)).unwrap_err().to_string()
        };
        let one = read("a,b\n1,2\n");
        let two = [one.clone(), read("a,b\n1,2\n3,4\n")];
        assert_eq!(try_on(std::slice::from_ref(&one), Strategy::Coin), "this takes at least two copies");
        assert_eq!(try_on(&two, Strategy::Coin), "the copies do not have the same number of rows");
        let other = [one.clone(), read("a,c\n1,2\n")];
        assert_eq!(try_on(&other, Strategy::Coin), "the copies do not have the same columns");
        let same = [one.clone(), one];
        assert!(try_on(&same, Strategy::AllOnes).starts_with("this strategy has to know"));
    }
}
