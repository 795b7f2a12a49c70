//! What may be said, and how everything that was tried is paid for.
//!
//! # The family
//!
//! A trace tries a great deal: every recipient, under every reading, with several decoders, on the whole leak, on its windows,
//! and again in rounds after somebody was named. Each try could accuse an innocent by chance. So `alpha` is divided among all
//! tries beforehand (Bonferroni's inequality with weights, which needs no independence):
//!
//! ```text
//! stage                    share of alpha             divided evenly over
//! whole leak               3/4                        recipients x readings x decoders
//! windows                  1/8                        recipients x readings x decoders x windows
//! joint round k = 1, 2, …  1/8 * 1/(k (k + 1))        recipients x readings x decoders
//! ```
//!
//! `1/(k (k + 1))` adds up to 1 over all `k`, however many rounds there are. The shares add up to 1, so if each try accuses an
//! innocent with a probability of at most its share of `alpha`, the probability that *anybody* innocent is accused is at most
//! `alpha`. A bound `p` of one try, divided by its share, is its family-wise bound; somebody is named if that lies below `alpha`.
//!
//! The tries are counted before any codeword is looked at, from the number of recipients, readings and reads alone. A stage
//! that is left out (no log, too many reads) gives nothing back, because a fixed split is easier to check: a share of 3/4
//! instead of 1 costs 0.29 nats, less than one carrier.
//!
//! Invariant: nobody is named unless the bound, divided by the share of the try, lies below `alpha`.

use serde::Serialize;

/// The outcome of a trace (DESIGN 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The leak is byte for byte a recorded release that only one recipient got.
    Exact,
    /// One or more recipients lie below alpha.
    Identified,
    /// It is ours, and not enough can be read to name anyone.
    Inconclusive,
    /// Nothing says that it is ours.
    NoMatch,
}

impl Verdict {
    /// Whether somebody is named.
    pub fn names_somebody(self) -> bool {
        matches!(self, Verdict::Exact | Verdict::Identified)
    }
}

/// What every stage of one trace compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Recipients whose codewords were compared.
    pub recipients: usize,
    /// Ways of reading the leak that were scored: datasets, policies and key epochs.
    pub readings: usize,
}

/// A part of a trace that has its own share of `alpha`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The counts of the whole leak.
    Whole {
        /// Decoders run.
        decoders: usize,
    },
    /// Parts of the leak.
    Windows {
        /// Decoders run.
        decoders: usize,
        /// Windows tried, in all orders together.
        windows: usize,
    },
    /// The whole leak again, given whom it took from.
    Joint {
        /// Decoders run.
        decoders: usize,
        /// The round, from 1.
        round: usize,
    },
}

impl Stage {
    /// The tests of the whole leak with the decoders that are always run.
    pub const WHOLE: Stage = Stage::Whole { decoders: crate::evidence::score::DECODERS.len() };

    /// The stage's share of `alpha`, and among how many tries for each recipient and reading it is divided.
    fn share(self) -> (f64, f64) {
        match self {
            Stage::Whole { decoders } => (3.0 / 4.0, decoders as f64),
            Stage::Windows { decoders, windows } => (1.0 / 8.0, decoders as f64 * windows as f64),
            Stage::Joint { decoders, round } => {
                (1.0 / 8.0 / (round as f64 * (round + 1) as f64), decoders as f64)
            }
        }
    }
}

impl Family {
    /// The natural log of the share of `alpha` that one try of a stage has.
    pub fn ln_share(self, stage: Stage) -> f64 {
        let (share, tries) = stage.share();
        share.ln() - (self.recipients.max(1) as f64 * self.readings.max(1) as f64 * tries.max(1.0)).ln()
    }

    /// The bound on the probability that *any* innocent does so well in *any* try, as a natural log, at most 0.
    pub fn ln_family_p(self, stage: Stage, ln_p: f64) -> f64 {
        (ln_p - self.ln_share(stage)).min(0.0)
    }

    /// What the bound of one try must stay below for a family-wise `alpha`, as a natural log.
    pub fn ln_threshold(self, stage: Stage, alpha: f64) -> f64 {
        alpha.ln() + self.ln_share(stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILY: Family = Family { recipients: 100, readings: 3 };

    #[test]
    fn every_try_is_paid_for() {
        let whole = Stage::Whole { decoders: 5 };
        assert_eq!(whole, Stage::WHOLE);
        assert!((FAMILY.ln_share(whole) - (0.75f64 / 1500.0).ln()).abs() < 1e-12);
        assert_eq!(FAMILY.ln_family_p(whole, -1.0), 0.0);
        assert!((FAMILY.ln_family_p(whole, -50.0) - (2000f64.ln() - 50.0)).abs() < 1e-12);
        assert!((FAMILY.ln_family_p(whole, FAMILY.ln_threshold(whole, 1e-6)) - 1e-6f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn the_shares_of_all_tries_add_up_to_no_more_than_one() {
        let tries = 300.0;
        let mut sum = tries * 5.0 * FAMILY.ln_share(Stage::WHOLE).exp();
        sum += tries * 2.0 * 77.0 * FAMILY.ln_share(Stage::Windows { decoders: 2, windows: 77 }).exp();
        let joint = |round| tries * 7.0 * FAMILY.ln_share(Stage::Joint { decoders: 7, round }).exp();
        let few = sum + (1..=3).map(joint).sum::<f64>();
        let many = sum + (1..=100_000).map(joint).sum::<f64>();
        assert!(few < many && many <= 1.0 + 1e-9 && many > 0.9999, "{few} {many}");
    }
}
