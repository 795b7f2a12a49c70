//! How well each recipient's codeword fits the whole leak.
//!
//! Each [decoder](crate::evidence::decoder) gives every cell a score for a match and one for a mismatch; cells at one position
//! add up to the position's two weights, and a recipient's score is the sum of the weights that its bits pick. Five decoders
//! run side by side, and whoever uses them all pays for five tries (see [`DECODERS`]).

use crate::evidence::counts::{Counts, Group};
use crate::evidence::weighing::Weighing;
use crate::keys::prf::DerivedKey;
use crate::mark::code::Code;

pub use crate::evidence::decoder::{DECODERS, Decoder};

/// Carriers with which one untouched copy is named at a family-wise 1e-6 in 95 % of cases among 10,000 recipients
/// (DESIGN 3.3, first row).
pub const CARRIERS_TO_NAME: u64 = 80;

/// How many recipients below the accused keep a place in the ranking, so that the reader sees the runner-up.
const RANKED_AT_LEAST: usize = 10;

/// What a leak says, weighed by each decoder. It depends on the leak and the biases, on no codeword.
pub struct Evidence {
    weighing: Weighing<{ DECODERS.len() }>,
    /// The flip of each position's surest read.
    surest: Vec<u8>,
}

/// A recipient as the evidence sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The recipient's index in the list that was ranked.
    pub recipient: usize,
    /// The decoder that found the least probable score.
    pub decoder: Decoder,
    /// The score under that decoder, in its unit.
    pub score: f64,
    /// Natural log of the bound on the probability that an innocent scores as high under that decoder; at most 0.
    pub ln_p: f64,
}

impl Evidence {
    /// Weighs the counts of a leak.
    pub fn new(counts: &Counts, code: &Code) -> Evidence {
        let coins = |group: Group| DECODERS.map(|decoder| decoder.coin(code.bias(group.position), group));
        let weighing = Weighing::new(counts.groups().map(|group| (group.position, coins(group))));
        let mut surest: Vec<Group> = counts.groups().collect();
        // The surest group of a position comes first, and stays.
        surest.dedup_by_key(|group| group.position);
        Evidence { weighing, surest: surest.iter().map(|group| group.flip).collect() }
    }

    /// The number of distinct positions that were read.
    pub fn positions(&self) -> u64 {
        self.weighing.positions().len() as u64
    }

    /// The scores of `recipients` recipients, by decoder; `key` gives the codeword key of each.
    pub fn score_all(
        &self,
        code: &Code,
        recipients: usize,
        key: impl Fn(usize) -> DerivedKey + Sync,
    ) -> Vec<[f64; DECODERS.len()]> {
        self.weighing.score_all(code, recipients, key)
    }

    /// Ranks the recipients by how improbable their best score is for an innocent, the least probable first.
    ///
    /// Everybody whose bound lies below `ln_threshold` is in the list, and at least ten others where there are as many.
    pub fn rank(&self, scores: &[[f64; DECODERS.len()]], ln_threshold: f64) -> Vec<Candidate> {
        let best = self.weighing.best(scores, ln_threshold, RANKED_AT_LEAST);
        best.into_iter()
            .map(|(recipient, d, score, ln_p)| Candidate { recipient, decoder: DECODERS[d], score, ln_p })
            .collect()
    }

    /// The chance that an untouched copy of one recipient would be named from the positions read here, that is, would
    /// fall below `ln_threshold`.
    ///
    /// An estimate, not evidence: a normal approximation of the likelihood ratio for one leaker, at whose tilt of 1 the
    /// bound is `e^-S`. Positions read more than once count once, as copies of one cell say nothing new.
    pub fn power(&self, ln_threshold: f64) -> f64 {
        let (mut mean, mut variance) = (0.0, 0.0);
        for (coin, &flip) in self.weighing.tail(0).coins().iter().zip(&self.surest) {
            let (p, flip) = (coin.bias, f64::from(flip) / 64.0);
            let (one, zero) =
                (Decoder::Likelihood(1).scores(p, flip), Decoder::Likelihood(1).scores(1.0 - p, flip));
            // By the copy's bit: mostly it matches, now and then it was turned.
            let (mut expected, mut square) = (0.0, 0.0);
            for (chance, score) in [
                (p * (1.0 - flip), one.0),
                (p * flip, zero.1),
                ((1.0 - p) * (1.0 - flip), zero.0),
                ((1.0 - p) * flip, one.1),
            ] {
                expected += chance * score;
                square += chance * score * score;
            }
            mean += expected;
            variance += square - expected * expected;
        }
        if variance <= 0.0 {
            return 0.0;
        }
        0.5 * libm::erfc((-ln_threshold - mean) / (2.0 * variance).sqrt())
    }
}
