//! The correlation attack: who knows how columns go together finds cells that do not, and resets them.
//!
//! The attacker knows the joint distribution of every two columns, from the original table itself or from a sample of its kind
//! ([`Knowledge`]). A pair of values that is more frequent in the copy than it should be is suspicious, the more so the rarer
//! it should be. Each cell gathers the suspicion of its pairs with all other columns, as a log ratio of frequencies, so that
//! the odd cell of a row stands out from the cells that it is odd with. A value that the prior never saw adds to it. The most
//! suspicious cells are set to the value that fits the rest of their row best; in a column of numbers too fine for joints, to
//! the nearest known one.
//!
//! A column with more than [`MAX_VALUES`] values takes part by quantiles if it holds numbers, and not at all otherwise: the exact
//! joint of two columns whose values hardly repeat is no statistic but the table itself, against which no mark can stand.
//!
//! Source: Ji, Ayday and Yilmaz, "The Curse of Correlations for Robust Fingerprinting of Relational Databases" (RAID 2021),
//! section 4.2, the column-wise attack. Theirs thresholds the excess of each pair and flips bits; this one ranks and knows the
//! most plausible value, which is at least as strong.

use std::collections::HashMap;

use csv::StringRecord;
use rand::{Rng, RngExt as _};

/// Columns with more distinct values are known by quantiles.
const MAX_VALUES: usize = 1_000;

/// Into how many quantiles such a column is cut.
const BINS: usize = 32;

/// How many of a column's most frequent values are tried when a cell is reset: the most plausible one is among them.
const TRIED: usize = 64;

/// What is added to a count, so that what was never seen is improbable and not impossible.
const SMOOTHING: f64 = 0.5;

/// Where the attacker's joint distributions come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// From the original of the very copy: its frequencies are exact, and what it does not hold can't be original.
    Original,
    /// From another sample of the same population: frequencies are estimates, and new values turn up.
    Sample,
}

/// The joint distributions of all pairs of columns.
pub struct Joints {
    knowledge: Knowledge,
    columns: Vec<Coding>,
    counts: Counts,
    /// The prior probability of a value that was never seen, by column.
    unseen: Vec<f64>,
}

/// How the cells of one column become codes. The last code stands for whatever was never seen.
enum Coding {
    Values {
        codes: HashMap<String, u32>,
        texts: Vec<String>,
    },
    /// Upper edges of the quantiles, and all numbers that occur, with their texts.
    Quantiles {
        edges: Vec<f64>,
        known: Vec<(f64, String)>,
        once: usize,
    },
    Unknown,
}

/// How often codes and pairs of codes occur.
struct Counts {
    rows: f64,
    single: Vec<Vec<u32>>,
    /// For columns `a < b`, at `a * columns + b`: dense, by the code of `a`, then of `b`.
    pairs: Vec<Vec<u32>>,
}

impl Joints {
    /// Learns from rows of equal width.
    pub fn learn(rows: &[StringRecord], knowledge: Knowledge) -> Joints {
        let width = rows.first().map_or(0, StringRecord::len);
        let columns: Vec<Coding> = (0..width).map(|column| Coding::learn(rows, column)).collect();
        let counts = Counts::of(&columns, &encode(&columns, rows));
        let unseen =
            columns.iter().enumerate().map(|(c, coding)| unseen(coding, &counts.single[c])).collect();
        Joints { knowledge, columns, counts, unseen }
    }

    /// How much likelier a code, or a pair of codes, is in the copy than it should be; never below nought.
    fn excess(&self, copy: u32, copy_rows: f64, prior: u32) -> f32 {
        let smoothing = match self.knowledge {
            // One row of the original more or less is noticed.
            Knowledge::Original => SMOOTHING / 10.0,
            Knowledge::Sample => SMOOTHING,
        };
        let expected = (f64::from(prior) + smoothing) / self.counts.rows * copy_rows;
        (f64::from(copy) / expected).ln().max(0.0) as f32
    }

    /// The suspicion of a value that the prior never saw.
    fn novelty(&self, column: usize, copy: u32, copy_rows: f64) -> f32 {
        let natural = match self.knowledge {
            Knowledge::Original => SMOOTHING / self.counts.rows,
            Knowledge::Sample => self.unseen[column].max(SMOOTHING / self.counts.rows),
        };
        (f64::from(copy) / copy_rows / natural).ln().max(0.0) as f32
    }
}

/// How the attacker spends its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// On the most suspicious cells, wherever they are. Chance alone makes columns of many values more suspicious than others, so
    /// much of it goes there.
    Anywhere,
    /// On the most suspicious cells of each column, the same share of every one.
    EachColumn,
}

/// Resets the share `budget` of all cells, the most suspicious ones. Gives their number.
pub fn correlate(
    rows: &mut [StringRecord],
    prior: &Joints,
    budget: f64,
    spread: Spread,
    rng: &mut impl Rng,
) -> usize {
    let codes = encode(&prior.columns, rows);
    let copy = Counts::of(&prior.columns, &codes);
    let width = prior.columns.len();
    let mut ranked = Suspicion::new(prior, &copy).rank(&codes, rows, rng);
    ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let mut left = match spread {
        Spread::Anywhere => vec![usize::MAX; width],
        Spread::EachColumn => vec![(budget * rows.len() as f64) as usize; width],
    };
    let wanted = (budget * (rows.len() * width) as f64) as usize;
    let (mut resets, mut done) = (HashMap::<usize, Vec<(usize, String)>>::new(), 0);
    for (_, row, column) in ranked {
        if done == wanted {
            break;
        }
        if left[column] == 0 {
            continue;
        }
        if let Some(text) = prior.most_plausible(&codes, row, column, &rows[row][column]) {
            resets.entry(row).or_default().push((column, text));
            left[column] -= 1;
            done += 1;
        }
    }
    for (row, cells) in resets {
        let mut texts: Vec<&str> = rows[row].iter().collect();
        cells.iter().for_each(|(column, text)| texts[*column] = text);
        rows[row] = texts.into_iter().collect();
    }
    done
}

/// The suspicion of every code and every pair of codes.
struct Suspicion<'a> {
    prior: &'a Joints,
    single: Vec<Vec<f32>>,
    pairs: Vec<Vec<f32>>,
}

impl<'a> Suspicion<'a> {
    fn new(prior: &'a Joints, copy: &Counts) -> Suspicion<'a> {
        let excess = |copy_counts: &[u32], prior_counts: &[u32]| -> Vec<f32> {
            let both = copy_counts.iter().zip(prior_counts);
            both.map(|(&n, &expected)| if n == 0 { 0.0 } else { prior.excess(n, copy.rows, expected) })
                .collect()
        };
        let mut single: Vec<Vec<f32>> =
            copy.single.iter().zip(&prior.counts.single).map(|(n, expected)| excess(n, expected)).collect();
        for (column, suspicion) in single.iter_mut().enumerate() {
            if let (Some(last), Some(&count)) = (suspicion.last_mut(), copy.single[column].last()) {
                *last = if count == 0 { 0.0 } else { prior.novelty(column, count, copy.rows) };
            }
        }
        let pairs = copy.pairs.iter().zip(&prior.counts.pairs).map(|(n, expected)| excess(n, expected));
        Suspicion { prior, single, pairs: pairs.collect() }
    }

    /// Every cell that can be reset at all, with its suspicion. Equals are in random order.
    fn rank(
        &self,
        codes: &[Vec<u32>],
        rows: &[StringRecord],
        rng: &mut impl Rng,
    ) -> Vec<(f32, usize, usize)> {
        let width = codes.len();
        let mut ranked = Vec::new();
        let mut sums = vec![0.0; width];
        for (r, row) in rows.iter().enumerate() {
            for (c, sum) in sums.iter_mut().enumerate() {
                *sum = self.single[c].get(codes[c][r] as usize).copied().unwrap_or(0.0);
                *sum += self.finer(c, &row[c]) + 1e-4 * rng.random::<f32>();
            }
            for a in 0..width {
                for b in a + 1..width {
                    let pairs = &self.pairs[a * width + b];
                    if !pairs.is_empty() {
                        let found = pairs[codes[a][r] as usize * self.single[b].len() + codes[b][r] as usize];
                        sums[a] += found;
                        sums[b] += found;
                    }
                }
            }
            let attackable = |c: &usize| !matches!(self.prior.columns[*c], Coding::Unknown);
            ranked.extend((0..width).filter(attackable).map(|c| (sums[c], r, c)));
        }
        ranked
    }

    /// In a column that is known by quantiles, the suspicion of a number that the prior does not hold.
    fn finer(&self, column: usize, text: &str) -> f32 {
        let Coding::Quantiles { known, .. } = &self.prior.columns[column] else { return 0.0 };
        let Ok(number) = text.trim().parse::<f64>() else { return 0.0 };
        let is_known = known.binary_search_by(|(at, _)| at.total_cmp(&number)).is_ok();
        match self.prior.knowledge {
            _ if is_known => 0.0,
            Knowledge::Original => self.prior.counts.rows.ln() as f32,
            // New values are nothing unusual in so fine a column, as often as they turn up in a new sample.
            Knowledge::Sample => -(self.prior.unseen[column].max(1e-9)).ln() as f32,
        }
    }
}

impl Joints {
    /// The most plausible other text of a cell, given the row's other cells; nothing when none is known.
    fn most_plausible(&self, codes: &[Vec<u32>], row: usize, column: usize, text: &str) -> Option<String> {
        let texts = match &self.columns[column] {
            Coding::Unknown => return None,
            Coding::Quantiles { known, .. } => return nearest(known, text),
            Coding::Values { texts, .. } => texts,
        };
        let current = codes[column][row] as usize;
        let others = (0..texts.len().min(TRIED)).filter(|&code| code != current);
        let plausibility = |code: usize| {
            let of_value = f64::from(self.counts.single[column][code]);
            let given = |other: usize| {
                let both = self.counts.pair(column, code, other, codes[other][row] as usize)?;
                Some(((f64::from(both) + SMOOTHING / 10.0) / (of_value + 1.0)).ln())
            };
            let width = self.columns.len();
            of_value.ln() + (0..width).filter(|&other| other != column).filter_map(given).sum::<f64>()
        };
        let best = others.map(|code| (plausibility(code), code)).max_by(|a, b| a.0.total_cmp(&b.0))?.1;
        Some(texts[best].clone())
    }
}

/// The text of the nearest known number other than the cell's own.
fn nearest(known: &[(f64, String)], text: &str) -> Option<String> {
    let number: f64 = text.trim().parse().ok()?;
    let at = known.partition_point(|(other, _)| *other < number);
    let below = known[..at].last();
    let above = known[at..].iter().find(|(other, _)| *other > number);
    [below, above]
        .into_iter()
        .flatten()
        .min_by(|a, b| (a.0 - number).abs().total_cmp(&(b.0 - number).abs()))
        .map(|(_, text)| text.clone())
}

/// The probability that one more row holds a value not seen yet: the share of values seen once (Good and Turing).
fn unseen(coding: &Coding, single: &[u32]) -> f64 {
    let (once, rows) = match coding {
        Coding::Values { .. } => {
            (single.iter().filter(|&&n| n == 1).count(), single.iter().map(|&n| f64::from(n)).sum::<f64>())
        }
        Coding::Quantiles { once, .. } => (*once, single.iter().map(|&n| f64::from(n)).sum()),
        Coding::Unknown => (0, 1.0),
    };
    once as f64 / rows
}

impl Coding {
    fn learn(rows: &[StringRecord], column: usize) -> Coding {
        let mut counts: HashMap<&str, u32> = HashMap::new();
        rows.iter().for_each(|row| *counts.entry(&row[column]).or_default() += 1);
        if counts.len() > MAX_VALUES || counts.len() * 2 > rows.len() {
            return Coding::quantiles(rows, column);
        }
        let mut values: Vec<(&str, u32)> = counts.into_iter().collect();
        values.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let texts: Vec<String> = values.into_iter().map(|(text, _)| text.to_owned()).collect();
        let codes = texts.iter().zip(0..).map(|(text, code)| (text.clone(), code)).collect();
        Coding::Values { codes, texts }
    }

    fn quantiles(rows: &[StringRecord], column: usize) -> Coding {
        let parse = |row: &StringRecord| Some((row[column].trim().parse().ok()?, row[column].to_owned()));
        let mut known: Vec<(f64, String)> = rows.iter().filter_map(parse).collect();
        if known.len() < rows.len() / 2 {
            return Coding::Unknown;
        }
        known.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut edges: Vec<f64> = (1..BINS).map(|bin| known[bin * known.len() / BINS].0).collect();
        edges.dedup();
        let once = known.chunk_by(|a, b| a.0 == b.0).filter(|equal| equal.len() == 1).count();
        known.dedup_by(|a, b| a.0 == b.0);
        Coding::Quantiles { edges, known, once }
    }

    /// The number of codes; 0 where nothing is known.
    fn codes(&self) -> usize {
        match self {
            Coding::Values { texts, .. } => texts.len() + 1,
            Coding::Quantiles { edges, .. } => edges.len() + 2,
            Coding::Unknown => 0,
        }
    }

    fn code(&self, text: &str) -> u32 {
        match self {
            Coding::Values { codes, texts } => codes.get(text).copied().unwrap_or(texts.len() as u32),
            Coding::Quantiles { edges, .. } => match text.trim().parse::<f64>() {
                Ok(number) => edges.partition_point(|edge| *edge <= number) as u32,
                Err(_) => edges.len() as u32 + 1,
            },
            Coding::Unknown => 0,
        }
    }
}

/// The codes of all cells, by column.
fn encode(columns: &[Coding], rows: &[StringRecord]) -> Vec<Vec<u32>> {
    let encoded = |(c, coding): (usize, &Coding)| rows.iter().map(|row| coding.code(&row[c])).collect();
    columns.iter().enumerate().map(encoded).collect()
}

impl Counts {
    fn of(columns: &[Coding], codes: &[Vec<u32>]) -> Counts {
        let width = columns.len();
        let mut counts = Counts {
            rows: codes.first().map_or(0, Vec::len) as f64,
            single: columns.iter().map(|coding| vec![0; coding.codes()]).collect(),
            pairs: vec![Vec::new(); width * width],
        };
        for a in (0..width).filter(|&a| columns[a].codes() > 0) {
            codes[a].iter().for_each(|&code| counts.single[a][code as usize] += 1);
            for b in (a + 1..width).filter(|&b| columns[b].codes() > 0) {
                let mut pairs = vec![0; columns[a].codes() * columns[b].codes()];
                for (&left, &right) in codes[a].iter().zip(&codes[b]) {
                    pairs[left as usize * columns[b].codes() + right as usize] += 1;
                }
                counts.pairs[a * width + b] = pairs;
            }
        }
        counts
    }

    /// How often two codes meet; nothing where a column is not known.
    fn pair(&self, a: usize, code: usize, b: usize, other: usize) -> Option<u32> {
        let width = self.single.len();
        if a < b {
            self.pairs[a * width + b].get(code * self.single[b].len() + other).copied()
        } else {
            self.pairs[b * width + a].get(other * self.single[a].len() + code).copied()
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::Xoshiro256PlusPlus;

    use super::*;

    /// Towns with their zip and telephone codes, and a number of no consequence.
    fn table(rows: usize) -> Vec<StringRecord> {
        let row = |n: usize| {
            let (town, zip, dial) =
                [("bonn", "53", "0228"), ("kiel", "24", "0431"), ("ulm", "89", "0731")][n % 3];
            [town, zip, dial, &(n / 3 % 7).to_string()].into_iter().collect()
        };
        (0..rows).map(row).collect()
    }

    #[test]
    fn cells_that_do_not_go_together_are_set_right() {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
        let original = table(300);
        for knowledge in [Knowledge::Original, Knowledge::Sample] {
            let prior = Joints::learn(&table(600), knowledge);
            let mut leak = original.clone();
            leak[9] = ["bonn", "24", "0228", "3"].into_iter().collect();
            leak[20] = ["ulm", "89", "0731", "99"].into_iter().collect();
            assert_eq!(correlate(&mut leak, &prior, 2.0 / 1200.0, Spread::Anywhere, rng), 2);
            assert_eq!(&leak[9][1], "53", "{knowledge:?}");
            assert_ne!(&leak[20][3], "99", "{knowledge:?}");
        }
    }

    #[test]
    fn a_budget_for_each_column_is_kept() {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(2);
        let (original, prior) = (table(300), Joints::learn(&table(300), Knowledge::Sample));
        let mut leak = original.clone();
        assert_eq!(correlate(&mut leak, &prior, 0.1, Spread::EachColumn, rng), 120);
        for column in 0..4 {
            let changed = leak.iter().zip(&original).filter(|(a, b)| a[column] != b[column]).count();
            assert_eq!(changed, 30, "column {column}");
        }
    }
}
