//! How well a candidate agrees with a leaked row: a log likelihood ratio, column by column.
//!
//! A column agrees exactly, nearly (numbers and times within a tolerance that a hundredth of all pairs of rows meet by chance),
//! or not. With `m` the probability of that outcome if the two rows are one, and `u` if they met by chance, the column adds
//! `ln(m / u)`. `u` of an exact agreement is the share of the reference's rows that hold the value, so rare values weigh most.
//! Missing cells say nothing. The `m` are learned from rows that are already matched ([`Scale::learn`]), beginning with a guess.
//!
//! Columns are not independent: an agreement that an earlier column already implies (the name of a code beside the code) must not
//! count twice. So the weight of an agreement is scaled by `ln P(b agrees | a agrees) / ln P(b agrees)`, the least over all
//! earlier columns `a`, both probabilities counted among pairs of the reference's own rows.

use std::collections::HashSet;

use super::blocks::Leaked;
use super::digest::{Digest, nats};
use super::field::{Field, MISSING};

/// Rarities are one byte.
const RARITIES: usize = 256;

/// Rows by which columns are compared with each other.
const SAMPLE_ROWS: usize = 4_096;

/// Chance pairs closer than the tolerance.
const NEAR_SHARE: f64 = 0.01;

/// The first guess of `m`: exactly, nearly, not.
const GUESS: [f64; 3] = [0.94, 0.03, 0.03];

/// How many rows the guess weighs against what is learned.
const GUESS_ROWS: f64 = 20.0;

/// No outcome is ever held to be more improbable than this: a single altered cell should not outweigh all others.
const LEAST: f64 = 0.02;

/// A column that agrees more often than this says nothing.
const ALWAYS: f64 = 0.999;

/// How many pairs of rows the independence of two columns weighs against what is counted.
const GUESS_PAIRS: f64 = 20.0;

/// The least probability that two rows disagree by chance: below, in a column of one value, disagreeing would speak for a row.
const LEAST_NO: f64 = 0.1;

/// How a column of two rows agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agreement {
    Exact,
    Near,
    No,
    /// One of the two is missing.
    Unknown,
}

/// What the columns' agreements weigh.
#[derive(Clone)]
pub(super) struct Scale {
    fields: Vec<FieldScale>,
}

#[derive(Clone)]
struct FieldScale {
    /// NaN if the column has no tolerance.
    tolerance: f32,
    near_u: f64,
    /// The part of an agreement that no earlier column implies.
    share: f64,
    exact: [f32; RARITIES],
    near: f32,
    no: [f32; RARITIES],
}

impl Scale {
    pub fn new(digest: &Digest, fields: &[Field]) -> Scale {
        let sample = Sample::new(digest, fields);
        let shares = sample.shares(digest, fields.len());
        let scales = (0..fields.len()).zip(shares).map(|(field, share)| {
            let (tolerance, near_u) = if fields[field].is_on_a_line() {
                sample.tolerance(digest, field)
            } else {
                (f32::NAN, NEAR_SHARE)
            };
            let mut scale = FieldScale {
                tolerance,
                near_u,
                share,
                exact: [0.0; RARITIES],
                near: 0.0,
                no: [0.0; RARITIES],
            };
            scale.set(GUESS);
            scale
        });
        Scale { fields: scales.collect() }
    }

    /// How a column of a leaked row and a row of the reference agrees.
    pub fn agreement(&self, digest: &Digest, leaked: &Leaked, row: usize, field: usize) -> Agreement {
        let (theirs, ours) = (leaked.exact[field], digest.said(row, field));
        if theirs == MISSING || ours == MISSING {
            Agreement::Unknown
        } else if theirs == ours || theirs == digest.other(row, field) {
            Agreement::Exact
        } else if (leaked.places[field] - digest.place(row, field)).abs() <= self.fields[field].tolerance {
            // Never true of a NaN, whichever of the three it is.
            Agreement::Near
        } else {
            Agreement::No
        }
    }

    /// The weight of a row of the reference for a leaked row, over the fields that `counts`.
    pub fn weigh(&self, digest: &Digest, leaked: &Leaked, row: usize, counts: impl Fn(usize) -> bool) -> f32 {
        let fields = (0..self.fields.len()).filter(|field| counts(*field));
        fields
            .map(|field| {
                let agreement = self.agreement(digest, leaked, row, field);
                self.fields[field].weight(agreement, digest.rarity(row, field))
            })
            .sum()
    }

    /// What a rival of `best` would weigh more if the leak held whichever text of a carrier of `best` suits the rival: the
    /// leaker's bits should tell no two rows apart.
    pub fn benefit(&self, digest: &Digest, leaked: &Leaked, best: usize, rival: usize) -> f32 {
        let mut benefit = 0.0;
        for (field, scale) in self.fields.iter().enumerate() {
            let texts = |row| [digest.said(row, field), digest.other(row, field)];
            let [_, other] = texts(best);
            let found = |row| self.agreement(digest, leaked, row, field);
            if other != MISSING
                && found(best) == Agreement::Exact
                && texts(rival).iter().any(|text| *text != MISSING && texts(best).contains(text))
            {
                let rarity = digest.rarity(rival, field);
                benefit += scale.weight(Agreement::Exact, rarity) - scale.weight(found(rival), rarity);
            }
        }
        benefit
    }

    /// Sets the `m` by pairs of rows that are taken to be one.
    pub fn learn<'a>(&mut self, digest: &Digest, pairs: impl Iterator<Item = (&'a Leaked, usize)> + Clone) {
        for field in 0..self.fields.len() {
            let mut seen = GUESS.map(|m| m * GUESS_ROWS);
            for (leaked, row) in pairs.clone() {
                match self.agreement(digest, leaked, row, field) {
                    Agreement::Exact => seen[0] += 1.0,
                    Agreement::Near => seen[1] += 1.0,
                    Agreement::No => seen[2] += 1.0,
                    Agreement::Unknown => {}
                }
            }
            let sum: f64 = seen.iter().sum();
            self.fields[field].set(seen.map(|n| n / sum));
        }
    }
}

impl FieldScale {
    fn weight(&self, agreement: Agreement, rarity: usize) -> f32 {
        match agreement {
            Agreement::Exact => self.exact[rarity],
            Agreement::Near => self.near,
            Agreement::No => self.no[rarity],
            Agreement::Unknown => 0.0,
        }
    }

    fn set(&mut self, m: [f64; 3]) {
        let m = m.map(|m| m.max(LEAST));
        let sum: f64 = m.iter().sum();
        let [exact, near, no] = m.map(|m| (m / sum).ln());
        self.near = (near - self.near_u.ln() * self.share) as f32;
        for rarity in 0..RARITIES {
            let u = (-nats(rarity)).exp();
            let no_u = (1.0 - u - self.near_u).max(LEAST_NO);
            self.exact[rarity] = (exact + nats(rarity) * self.share) as f32;
            self.no[rarity] = (no - no_u.ln()) as f32;
        }
    }
}

/// Some rows of the reference, evenly spread, and no two alike: a row that stands twice would make every column seem to imply
/// every other one.
struct Sample(Vec<usize>);

impl Sample {
    fn new(digest: &Digest, fields: &[Field]) -> Sample {
        let step = digest.rows.div_ceil(SAMPLE_ROWS).max(1);
        let content = |row: &usize| {
            let fields = (0..fields.len()).filter(|&field| !fields[field].is_identity);
            fields.map(|field| digest.said(*row, field)).collect::<Vec<u32>>()
        };
        let mut seen = HashSet::new();
        Sample((0..digest.rows).step_by(step).filter(|row| seen.insert(content(row))).collect())
    }

    /// For each column the least part of its agreements that an earlier one leaves open.
    fn shares(&self, digest: &Digest, fields: usize) -> Vec<f64> {
        let columns: Vec<Vec<u32>> =
            (0..fields).map(|field| self.0.iter().map(|&row| digest.said(row, field)).collect()).collect();
        let alone: Vec<f64> =
            columns.iter().map(|said| equal_pairs(said.iter().map(|s| u64::from(*s)))).collect();
        let all = (self.0.len() * self.0.len().saturating_sub(1)) as f64 / 2.0;
        let share = |a: usize, b: usize| {
            let both = columns[a].iter().zip(&columns[b]).map(|(a, b)| u64::from(*a) << 32 | u64::from(*b));
            let chance = ((alone[b] + 1.0) / (all + 1.0)).min(ALWAYS);
            // Where next to nothing was seen, columns are taken as independent.
            let given = (equal_pairs(both) + GUESS_PAIRS * chance) / (alone[a] + GUESS_PAIRS);
            (given.min(1.0).ln() / chance.ln()).clamp(0.0, 1.0)
        };
        (0..fields).map(|b| (0..b).map(|a| share(a, b)).fold(1.0, f64::min)).collect()
    }

    /// The distance that a hundredth of all pairs do not exceed, and how many are that near without being equal.
    fn tolerance(&self, digest: &Digest, field: usize) -> (f32, f64) {
        let places: Vec<f32> = self.0.iter().map(|&row| digest.place(row, field)).collect();
        let half = places.len() / 2;
        let mut apart: Vec<f32> = places.iter().zip(&places[half..]).map(|(a, b)| (a - b).abs()).collect();
        apart.retain(|distance| !distance.is_nan());
        apart.sort_unstable_by(f32::total_cmp);
        let tolerance = apart.get((apart.len() as f64 * NEAR_SHARE) as usize).copied().unwrap_or(0.0);
        if tolerance <= 0.0 {
            return (f32::NAN, NEAR_SHARE);
        }
        let near = apart.iter().filter(|distance| **distance > 0.0 && **distance <= tolerance).count();
        (tolerance, (near as f64 / apart.len() as f64).max(NEAR_SHARE / 10.0))
    }
}

/// The number of pairs of equal values.
fn equal_pairs(values: impl Iterator<Item = u64>) -> f64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.chunk_by(|a, b| a == b).map(|same| same.len() as f64 * (same.len() - 1) as f64 / 2.0).sum()
}
