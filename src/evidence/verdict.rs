//! What may be said, and how the number of tries is paid for.
//!
//! Invariant: nobody is named unless the bound, multiplied by everything that was tried, lies below `alpha`.

use serde::Serialize;

use crate::evidence::score::DECODERS;

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

/// Everything that was tried in one trace: each try could have accused an innocent by chance, so each is paid for
/// (Bonferroni's inequality, which needs no independence).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Recipients whose codewords were compared.
    pub recipients: usize,
    /// Ways of reading the leak that were scored: datasets, policies and key epochs.
    pub readings: usize,
}

impl Family {
    /// The natural log of the number of tries.
    pub fn ln_tries(self) -> f64 {
        ((self.recipients.max(1) * self.readings.max(1) * DECODERS.len()) as f64).ln()
    }

    /// The bound on the probability that *any* innocent does so well in *any* try, as a natural log, at most 0.
    pub fn ln_family_p(self, ln_p: f64) -> f64 {
        (ln_p + self.ln_tries()).min(0.0)
    }

    /// What a single bound must stay below for a family-wise `alpha`, as a natural log.
    pub fn ln_threshold(self, alpha: f64) -> f64 {
        alpha.ln() - self.ln_tries()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_try_is_paid_for() {
        let family = Family { recipients: 100, readings: 3 };
        assert!((family.ln_tries() - 1200f64.ln()).abs() < 1e-12);
        assert_eq!(family.ln_family_p(-1.0), 0.0);
        assert!((family.ln_family_p(-50.0) - (1200f64.ln() - 50.0)).abs() < 1e-12);
        assert!((family.ln_threshold(1e-6) + family.ln_tries() - 1e-6f64.ln()).abs() < 1e-12);
    }
}
