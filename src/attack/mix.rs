//! Rows of several partners' copies, and of strangers, in one file.

use clap::Args;
use rand::seq::SliceRandom as _;
use serde::Deserialize;

use super::reason::{self, AttackReason};
use super::{Amount, Rng, Scene, Table, rows};
use crate::error::Result;

/// How much of a leak is whose.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Args)]
#[serde(deny_unknown_fields)]
pub struct Mixture {
    /// What share of the leak each copy gives, with commas between [default: all the same]
    #[arg(long, value_delimiter = ',')]
    #[serde(default)]
    pub shares: Vec<f64>,
    /// What share of the leak is made-up rows of strangers
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    #[serde(default)]
    pub strangers: f64,
    /// How many rows the leak has [default: as many as the first copy]
    #[arg(long)]
    pub rows: Option<Amount>,
    /// Each partner's rows follow each other [default: scattered]
    #[arg(long)]
    #[serde(default)]
    pub runs: bool,
}

impl Mixture {
    pub(super) fn mix(&self, copies: &[Table], scene: &Scene, rng: &mut Rng) -> Result<Table> {
        let _ = scene;
        let first = copies.first().ok_or(AttackReason::OneCopy)?;
        if copies.iter().any(|copy| copy.header != first.header) {
            return Err(AttackReason::OtherColumns.into());
        }
        let shares = self.shares_of(copies.len())?;
        let rows = self.rows.map_or(first.rows.len(), |rows| rows.of(first.rows.len()));
        let count = |share: f64| (rows as f64 * share).round() as usize;
        let mut parts: Vec<Vec<csv::StringRecord>> = self.parts(copies, &shares, count, rng);
        let made_up = rows::strangers(first, count(self.strangers), rng);
        if self.runs {
            // Strangers before, between and after.
            let gaps = parts.len() + 1;
            let mut strangers = made_up.chunks(made_up.len().div_ceil(gaps).max(1));
            parts.shuffle(rng);
            let mut out: Vec<_> = strangers.next().unwrap_or_default().to_vec();
            for part in parts {
                out.extend(part);
                out.extend_from_slice(strangers.next().unwrap_or_default());
            }
            return Ok(first.with_rows(out));
        }
        let mut out: Vec<_> = parts.into_iter().flatten().chain(made_up).collect();
        out.shuffle(rng);
        Ok(first.with_rows(out))
    }

    fn shares_of(&self, copies: usize) -> Result<Vec<f64>> {
        let strangers = reason::share(self.strangers)?;
        if self.shares.is_empty() {
            return Ok(vec![(1.0 - strangers) / copies as f64; copies]);
        }
        let sum = self.shares.iter().sum::<f64>() + strangers;
        let fits = self.shares.len() == copies && self.shares.iter().all(|share| *share >= 0.0);
        if !fits || sum > 1.0 + 1e-9 {
            return Err(AttackReason::Shares { shares: self.shares.len(), copies }.into());
        }
        Ok(self.shares.clone())
    }

    /// Each copy's rows: other ones of each copy, as long as there are enough.
    fn parts(
        &self,
        copies: &[Table],
        shares: &[f64],
        count: impl Fn(f64) -> usize,
        rng: &mut Rng,
    ) -> Vec<Vec<csv::StringRecord>> {
        let longest = copies.iter().map(|copy| copy.rows.len()).max().unwrap_or_default();
        let mut order: Vec<usize> = (0..longest).collect();
        if !self.runs {
            order.shuffle(rng);
        }
        let mut next = 0;
        let part = |(copy, share): (&Table, &f64)| {
            let wanted = count(*share).min(copy.rows.len());
            let mut picked = Vec::with_capacity(wanted);
            // Twice around at most: what one copy lacks is passed over.
            for _ in 0..2 * longest {
                if picked.len() == wanted {
                    break;
                }
                picked.extend(copy.rows.get(order[next % longest]).cloned());
                next += 1;
            }
            picked
        };
        copies.iter().zip(shares).map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn copies() -> Vec<Table> {
        let copy = |name: &str| {
            let rows: String = (0..100).map(|row| format!("{row},{name}\n")).collect();
            Table::read(format!("id,who\n{rows}").as_bytes(), None).unwrap()
        };
        vec![copy("ann"), copy("bob")]
    }

    fn count(table: &Table, who: &str) -> usize {
        table.rows.iter().filter(|row| &row[1] == who && row[0].len() <= 2).count()
    }

    #[test]
    fn everybody_gives_the_share_that_was_said() {
        let rng = &mut Rng::seed_from_u64(5);
        let mixture = Mixture { shares: vec![0.3, 0.1], strangers: 0.6, ..Mixture::default() };
        let mixed = mixture.mix(&copies(), &Scene::default(), rng).unwrap();
        assert_eq!((mixed.rows.len(), count(&mixed, "ann"), count(&mixed, "bob")), (100, 30, 10));
        let ids: std::collections::HashSet<&str> = mixed.cells(0).collect();
        assert_eq!(ids.len(), 100, "no row is there twice");
        let mixture = Mixture { shares: vec![0.5], ..Mixture::default() };
        let error = mixture.mix(&copies(), &Scene::default(), rng).unwrap_err();
        assert_eq!(error.to_string(), "the shares do not fit the copies");
    }

    #[test]
    fn runs_stay_together() {
        let rng = &mut Rng::seed_from_u64(6);
        let mixture = Mixture { shares: vec![0.2, 0.2], strangers: 0.6, runs: true, ..Mixture::default() };
        let mixed = mixture.mix(&copies(), &Scene::default(), rng).unwrap();
        let first = mixed.cells(0).position(|id| id == "0").unwrap();
        let run: Vec<&str> = mixed.cells(0).skip(first).take(20).collect();
        assert_eq!(run, (0..20).map(|id| id.to_string()).collect::<Vec<_>>());
    }
}
