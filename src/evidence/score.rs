//! How well each recipient's codeword fits the bits that were read.
//!
//! A decoder gives every cell a score for a match and one for a mismatch; cells at one position add up to the
//! position's two weights, and a recipient's score is the sum of the weights that its bits pick: one dot product.
//! Four decoders run side by side, because no single one is best against every attack: the symmetric one, and the
//! likelihood ratio for 1, 4 and 16 colluders. Whoever uses them all pays for four tries (see [`DECODERS`]).
//!
//! Sources: symmetric: Skoric, Katzenbeisser and Celik (2008); interleaving likelihood ratio: T. Laarhoven, "Capacities
//! and capacity-achieving decoders for various fingerprinting games" (2014), with the noise term of DESIGN 3.2.

use rayon::prelude::*;

use crate::evidence::counts::Counts;
use crate::evidence::tail::{Coin, Tail};
use crate::keys::prf::DerivedKey;
use crate::mark::code::{Code, CodewordStream};

/// A rule that turns a read cell into a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// Skoric's symmetric Tardos score, in standard deviations per cell.
    Symmetric,
    /// Laarhoven's likelihood ratio of the interleaving attack by this many colluders, in nats per cell.
    Likelihood(u32),
}

/// The decoders that are always run. Their number multiplies every probability (family-wise error).
pub const DECODERS: [Decoder; 4] =
    [Decoder::Symmetric, Decoder::Likelihood(1), Decoder::Likelihood(4), Decoder::Likelihood(16)];

/// The share of cells that the likelihood ratios assume to be randomised. Simulated at 0.001, 0.02, 0.05 and 0.1:
/// 0.02 is the only one at which the four decoders together reach every row of the table of DESIGN 3.3; larger ones
/// lose ten colluders by minority vote.
const ASSUMED_NOISE: f64 = 0.02;

/// Carriers with which one untouched copy is named at a family-wise 1e-6 in 95 % of cases among 10,000 recipients
/// (DESIGN 3.3, first row).
pub const CARRIERS_TO_NAME: u64 = 80;

/// How many recipients below the accused keep a place in the ranking, so that the reader sees the runner-up.
const RANKED_AT_LEAST: usize = 10;

/// Deriving a whole codeword costs, by the position, a fraction of seeking one: from one position in so many on it is cheaper.
const SEEK_WORTH: usize = 16;

/// Positions that are compared with all recipients of a batch before the next ones are: their gains, 64 KiB, stay in the
/// cache. One recipient after the other would read two megabytes for each.
const RUN_POSITIONS: usize = 2_048;

/// Recipients of a batch: each keeps a stream of some 2 KiB open.
const BATCH_RECIPIENTS: usize = 64;

impl Decoder {
    /// `(match, mismatch)` for a leaked bit that an innocent has with probability `q`.
    fn scores(self, q: f64) -> (f64, f64) {
        match self {
            Decoder::Symmetric => (((1.0 - q) / q).sqrt(), -(q / (1.0 - q)).sqrt()),
            Decoder::Likelihood(colluders) => {
                let (kept, flip) = (1.0 - ASSUMED_NOISE, ASSUMED_NOISE / 2.0);
                let own = 1.0 / f64::from(colluders);
                let innocent = kept * q + flip;
                let matched = kept * (own + (1.0 - own) * q) + flip;
                let mismatched = kept * (1.0 - own) * q + flip;
                ((matched / innocent).ln(), (mismatched / innocent).ln())
            }
        }
    }

    /// The weights of a position with bias `p` that was read `zeros` times as 0 and `ones` times as 1.
    fn coin(self, p: f64, zeros: u32, ones: u32) -> Coin {
        let (match_one, mismatch_one) = self.scores(p);
        let (match_zero, mismatch_zero) = self.scores(1.0 - p);
        let (zeros, ones) = (f64::from(zeros), f64::from(ones));
        Coin {
            bias: p,
            if_one: ones * match_one + zeros * mismatch_zero,
            if_zero: ones * mismatch_one + zeros * match_zero,
        }
    }
}

/// What a leak says, weighed by each decoder. It depends on the leak and the biases, on no codeword.
pub struct Evidence {
    positions: Vec<u32>,
    /// For each position, by decoder: what a 1 adds beyond a 0.
    gains: Vec<[f64; DECODERS.len()]>,
    /// What the codeword of all zeros scores, by decoder.
    floor: [f64; DECODERS.len()],
    tails: [Tail; DECODERS.len()],
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
        let mut positions = Vec::new();
        let mut coins: [Vec<Coin>; DECODERS.len()] = Default::default();
        for (position, zeros, ones) in counts.positions() {
            positions.push(position);
            for (coins, decoder) in coins.iter_mut().zip(DECODERS) {
                coins.push(decoder.coin(code.bias(position), zeros, ones));
            }
        }
        let gains = (0..positions.len())
            .map(|i| std::array::from_fn(|d| coins[d][i].if_one - coins[d][i].if_zero))
            .collect();
        let floor = std::array::from_fn(|d| coins[d].iter().map(|coin| coin.if_zero).sum());
        Evidence { positions, gains, floor, tails: coins.map(Tail::new) }
    }

    /// The number of distinct positions that were read.
    pub fn positions(&self) -> u64 {
        self.positions.len() as u64
    }

    /// The scores of `recipients` recipients, by decoder; `key` gives the codeword key of each.
    pub fn score_all(
        &self,
        code: &Code,
        recipients: usize,
        key: impl Fn(usize) -> DerivedKey + Sync,
    ) -> Vec<[f64; DECODERS.len()]> {
        if self.positions.len() * SEEK_WORTH < code.len() {
            let score = |recipient| {
                let mut score = self.floor;
                let bits: Vec<bool> = code.bits_at(&key(recipient), &self.positions).collect();
                add_gains(&mut score, &self.gains, &bits);
                score
            };
            return (0..recipients).into_par_iter().map(score).collect();
        }
        let mut gains = vec![[0.0; DECODERS.len()]; code.len()];
        for (&position, &gain) in self.positions.iter().zip(&self.gains) {
            gains[position as usize] = gain;
        }
        let mut scores = vec![self.floor; recipients];
        scores.par_chunks_mut(BATCH_RECIPIENTS).enumerate().for_each(|(batch, scores)| {
            let first = batch * BATCH_RECIPIENTS;
            let mut streams: Vec<CodewordStream> =
                (first..first + scores.len()).map(|recipient| CodewordStream::new(&key(recipient))).collect();
            for run in gains.chunks(RUN_POSITIONS) {
                for (stream, score) in streams.iter_mut().zip(scores.iter_mut()) {
                    add_gains(score, run, stream.next_bits(code, run.len()));
                }
            }
        });
        scores
    }

    /// Ranks the recipients by how improbable their best score is for an innocent, the least probable first.
    ///
    /// Everybody whose bound lies below `ln_threshold` is in the list, and at least ten others where there are as many.
    pub fn rank(&self, scores: &[[f64; DECODERS.len()]], ln_threshold: f64) -> Vec<Candidate> {
        let by_decoder: Vec<Vec<Candidate>> =
            (0..DECODERS.len()).into_par_iter().map(|d| self.best_of(d, scores, ln_threshold)).collect();
        let mut best: Vec<Option<Candidate>> = vec![None; scores.len()];
        for candidate in by_decoder.into_iter().flatten() {
            let known = &mut best[candidate.recipient];
            if known.as_ref().is_none_or(|known| candidate.ln_p < known.ln_p) {
                *known = Some(candidate);
            }
        }
        let mut ranking: Vec<Candidate> = best.into_iter().flatten().collect();
        ranking.sort_by(|a, b| a.ln_p.total_cmp(&b.ln_p).then(a.recipient.cmp(&b.recipient)));
        ranking
    }

    /// The recipients with the best scores of one decoder: all below the threshold, and ten above it.
    fn best_of(&self, d: usize, scores: &[[f64; DECODERS.len()]], ln_threshold: f64) -> Vec<Candidate> {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b][d].total_cmp(&scores[a][d]).then(a.cmp(&b)));
        let mut candidates = Vec::new();
        let mut above = 0;
        for recipient in order {
            let score = scores[recipient][d];
            // The bound falls as the score rises, so the first ten above the threshold end the walk.
            let ln_p = self.tails[d].ln_bound(score);
            above += usize::from(ln_p >= ln_threshold);
            if above > RANKED_AT_LEAST {
                break;
            }
            candidates.push(Candidate { recipient, decoder: DECODERS[d], score, ln_p });
        }
        candidates
    }

    /// The chance that an untouched copy of one recipient would be named from the positions read here, that is, would
    /// fall below `ln_threshold`.
    ///
    /// An estimate, not evidence: a normal approximation of the likelihood ratio for one leaker, at whose tilt of 1 the
    /// bound is `e^-S`. Positions read more than once count once, as copies of one cell say nothing new.
    pub fn power(&self, ln_threshold: f64) -> f64 {
        let (mut mean, mut variance) = (0.0, 0.0);
        for coin in self.tails[0].coins() {
            let p = coin.bias;
            let (one, zero) = (Decoder::Likelihood(1).scores(p).0, Decoder::Likelihood(1).scores(1.0 - p).0);
            let expected = p * one + (1.0 - p) * zero;
            mean += expected;
            variance += p * one * one + (1.0 - p) * zero * zero - expected * expected;
        }
        if variance <= 0.0 {
            return 0.0;
        }
        0.5 * libm::erfc((-ln_threshold - mean) / (2.0 * variance).sqrt())
    }
}

/// Adds to `score`, for each bit that is 1, what it adds beyond a 0.
fn add_gains(score: &mut [f64; DECODERS.len()], gains: &[[f64; DECODERS.len()]], bits: &[bool]) {
    let mut sums = [0.0; DECODERS.len()];
    for (gains, &bit) in gains.iter().zip(bits) {
        // A mask instead of a branch: bits are unpredictable, and lanes side by side fit the vector registers.
        let mask = u64::from(bit).wrapping_neg();
        for (sum, gain) in sums.iter_mut().zip(gains) {
            *sum += f64::from_bits(gain.to_bits() & mask);
        }
    }
    for (score, sum) in score.iter_mut().zip(sums) {
        *score += sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_innocent_expects_nothing_and_a_match_is_worth_more_when_rare() {
        for q in [0.01, 0.2, 0.5, 0.99] {
            let (hit, miss) = Decoder::Symmetric.scores(q);
            assert!((q * hit + (1.0 - q) * miss).abs() < 1e-12);
            for colluders in [1, 4, 16] {
                let (hit, miss) = Decoder::Likelihood(colluders).scores(q);
                assert!(q * hit + (1.0 - q) * miss < 0.0, "a likelihood ratio has negative drift");
                assert!(hit > 0.0 && miss < 0.0);
            }
        }
        assert!(Decoder::Likelihood(4).scores(0.1).0 > Decoder::Likelihood(4).scores(0.9).0);
    }

    #[test]
    fn contradicting_reads_of_one_position_cancel_at_even_bias() {
        for decoder in DECODERS {
            let coin = decoder.coin(0.5, 3, 3);
            assert!((coin.if_one - coin.if_zero).abs() < 1e-12, "{decoder:?}");
        }
    }
}
