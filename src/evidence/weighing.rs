//! Positions with the weights of several decoders at once: everything that scoring needs, and the tails that bound it.
//!
//! A recipient's score is the sum of the weights that its bits pick: one dot product per decoder. All decoders of a stage are
//! scored in one walk over a codeword, because deriving the codeword costs more than adding up.
//!
//! Invariant: weights depend on the leak, the biases and the codewords of those accused so far; on no innocent's codeword.

use rayon::prelude::*;

use crate::evidence::tail::{Coin, Tail};
use crate::keys::prf::DerivedKey;
use crate::mark::code::{Code, CodewordStream};

/// Deriving a whole codeword costs, by the position, a fraction of seeking one: from one position in so many on it is cheaper.
const SEEK_WORTH: usize = 16;

/// Positions that are compared with all recipients of a batch before the next ones are: their gains, 64 KiB, stay in the
/// cache. One recipient after the other would read two megabytes for each.
const RUN_POSITIONS: usize = 2_048;

/// Recipients of a batch: each keeps a stream of some 2 KiB open.
const BATCH_RECIPIENTS: usize = 64;

/// Neighbouring scores may have bounds in the wrong order by less than this, in nats, because the search for a tilt stops early.
const BOUND_JITTER: f64 = 1e-3;

/// The weights of `D` decoders.
pub(super) struct Weighing<const D: usize> {
    /// Ascending.
    positions: Vec<u32>,
    /// For each position, by decoder: what a 1 adds beyond a 0.
    gains: Vec<[f64; D]>,
    /// What the codeword of all zeros scores, by decoder.
    floor: [f64; D],
    tails: [Tail; D],
}

impl<const D: usize> Weighing<D> {
    /// Sums the coins of each position, whose numbers ascend.
    pub(super) fn new(coins: impl Iterator<Item = (u32, [Coin; D])>) -> Weighing<D> {
        let mut positions: Vec<u32> = Vec::new();
        let mut by_decoder: [Vec<Coin>; D] = std::array::from_fn(|_| Vec::new());
        for (position, coins) in coins {
            let is_new = positions.last() != Some(&position);
            if is_new {
                positions.push(position);
            }
            for (all, coin) in by_decoder.iter_mut().zip(coins) {
                match all.last_mut() {
                    Some(last) if !is_new => last.add(coin),
                    _ => all.push(coin),
                }
            }
        }
        let gains = (0..positions.len())
            .map(|i| std::array::from_fn(|d| by_decoder[d][i].if_one - by_decoder[d][i].if_zero))
            .collect();
        let floor = std::array::from_fn(|d| by_decoder[d].iter().map(|coin| coin.if_zero).sum());
        Weighing { positions, gains, floor, tails: by_decoder.map(Tail::new) }
    }

    /// The positions, ascending.
    pub(super) fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// An innocent's distribution under decoder `d`.
    pub(super) fn tail(&self, d: usize) -> &Tail {
        &self.tails[d]
    }

    /// The scores of `recipients` recipients, by decoder; `key` gives the codeword key of each.
    pub(super) fn score_all(
        &self,
        code: &Code,
        recipients: usize,
        key: impl Fn(usize) -> DerivedKey + Sync,
    ) -> Vec<[f64; D]> {
        if self.positions.len() * SEEK_WORTH < code.len() {
            let score = |recipient| {
                let mut score = self.floor;
                let bits: Vec<bool> = code.bits_at(&key(recipient), &self.positions).collect();
                add_gains(&mut score, &self.gains, &bits);
                score
            };
            return (0..recipients).into_par_iter().map(score).collect();
        }
        let mut gains = vec![[0.0; D]; code.len()];
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

    /// The recipients with the best scores: for each, its least `ln_p`, the decoder's number and the score. Everybody whose bound
    /// lies below `ln_threshold` under some decoder is there, and the best `runners_up` others of each decoder.
    pub(super) fn best(
        &self,
        scores: &[[f64; D]],
        ln_threshold: f64,
        runners_up: usize,
    ) -> Vec<(usize, usize, f64, f64)> {
        let by_decoder: Vec<Vec<(usize, usize, f64, f64)>> = (0..D)
            .into_par_iter()
            .map(|d| {
                let best = self.best_of(d, scores, ln_threshold, runners_up);
                best.into_iter().map(|(recipient, score, ln_p)| (recipient, d, score, ln_p)).collect()
            })
            .collect();
        let mut best: Vec<Option<(usize, usize, f64, f64)>> = vec![None; scores.len()];
        for found in by_decoder.into_iter().flatten() {
            let known = &mut best[found.0];
            if known.is_none_or(|known| found.3 < known.3) {
                *known = Some(found);
            }
        }
        let mut ranking: Vec<_> = best.into_iter().flatten().collect();
        ranking.sort_by(|a, b| a.3.total_cmp(&b.3).then(a.0.cmp(&b.0)));
        ranking
    }

    fn best_of(
        &self,
        d: usize,
        scores: &[[f64; D]],
        ln_threshold: f64,
        runners_up: usize,
    ) -> Vec<(usize, f64, f64)> {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b][d].total_cmp(&scores[a][d]).then(a.cmp(&b)));
        let mut best = Vec::new();
        let mut above = 0;
        for recipient in order {
            let score = scores[recipient][d];
            let ln_p = self.tails[d].ln_bound(score);
            above += usize::from(ln_p >= ln_threshold);
            // The bound falls as the score rises, so whoever comes after this is above the threshold too. The margin makes that
            // true of what was computed: whether somebody is named must never turn on how others were ranked.
            if above > runners_up && ln_p >= ln_threshold.min(-BOUND_JITTER) + BOUND_JITTER {
                break;
            }
            best.push((recipient, score, ln_p));
        }
        best
    }
}

/// Adds to `score`, for each bit that is 1, what it adds beyond a 0.
fn add_gains<const D: usize>(score: &mut [f64; D], gains: &[[f64; D]], bits: &[bool]) {
    let mut sums = [0.0; D];
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
