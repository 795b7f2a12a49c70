//! Decoders: rules that turn a read cell into a score.
//!
//! A decoder gives every cell a score for a match and one for a mismatch with a recipient's bit. None is best against every
//! leak, so several run side by side and every one is paid for (see [`DECODERS`]).
//!
//! * The **symmetric** score knows nothing about the leak; it is strong where colluders choose against the many.
//! * **Likelihood ratios** of the interleaving attack by 1, 4 and 16 colluders: what most leaks are like.
//! * **Agreement** counts matches, whatever the bias. It is the likelihood ratio of a small share `s` of one copy among rows
//!   that read as fair coins, because they are strangers': with `P(y = 1 | x) = s x + (1 - s)/2` a match is worth `ln(1 + s)`,
//!   a mismatch `ln(1 - s)`, so to first order `+s` and `-s` alike. Against that leak it stands 6 % more standard deviations
//!   above chance than the symmetric score (`0.571^(1/2)` to 0.715 by the law of the biases), and costs `ln(5/4)`.
//! * A **noisy** likelihood ratio for windows, whose edges reach into what is somebody else's.
//!
//! A read that the leak has turned with probability `f` says `(1 - f) P + f (1 - P)` where a plain one says `P`. The likelihood
//! ratios take that for `P`, and the others shrink by `1 - 2f`, which is the same to first order.
//!
//! Sources: symmetric: Skoric, Katzenbeisser and Celik (2008); interleaving likelihood ratio: T. Laarhoven, "Capacities
//! and capacity-achieving decoders for various fingerprinting games" (2014), with the noise term of DESIGN 3.2.

use crate::evidence::counts::Group;
use crate::evidence::tail::Coin;

/// A rule that turns a read cell into a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// Skoric's symmetric Tardos score, in standard deviations per cell.
    Symmetric,
    /// Laarhoven's likelihood ratio of the interleaving attack by this many colluders, in nats per cell.
    Likelihood(u32),
    /// One for a match, minus one for a mismatch.
    Agreement,
    /// The likelihood ratio of one leaker, when this percentage of the cells is anything else's, in nats per cell.
    Noisy(u32),
}

/// The decoders that are run on the whole leak. Their number multiplies every probability (family-wise error).
pub const DECODERS: [Decoder; 5] = [
    Decoder::Symmetric,
    Decoder::Likelihood(1),
    Decoder::Likelihood(4),
    Decoder::Likelihood(16),
    Decoder::Agreement,
];

/// The share of cells that the likelihood ratios assume to be randomised. Simulated at 0.001, 0.02, 0.05 and 0.1:
/// 0.02 is the only one at which the decoders together reach every row of the table of DESIGN 3.3; larger ones
/// lose ten colluders by minority vote.
pub(super) const ASSUMED_NOISE: f64 = 0.02;

impl Decoder {
    /// What findings and openings call it.
    pub fn name(self) -> String {
        match self {
            Decoder::Symmetric => "symmetric".into(),
            Decoder::Likelihood(colluders) => format!("likelihood ratio, {colluders} colluders"),
            Decoder::Agreement => "agreement".into(),
            Decoder::Noisy(percent) => format!("likelihood ratio, {percent} % noise"),
        }
    }

    /// `(match, mismatch)` for a leaked bit that an innocent has with probability `q`, and that the leak has turned with
    /// probability `flip`.
    pub(super) fn scores(self, q: f64, flip: f64) -> (f64, f64) {
        let sure = 1.0 - 2.0 * flip;
        match self {
            Decoder::Symmetric => (sure * ((1.0 - q) / q).sqrt(), -sure * (q / (1.0 - q)).sqrt()),
            Decoder::Likelihood(colluders) => likelihood(q, flip, 1.0 / f64::from(colluders), ASSUMED_NOISE),
            Decoder::Agreement => (sure, -sure),
            Decoder::Noisy(percent) => likelihood(q, flip, 1.0, f64::from(percent) / 100.0),
        }
    }

    /// The weights of a position with bias `p` by some of its reads.
    pub(super) fn coin(self, p: f64, group: Group) -> Coin {
        let flip = group.flip_probability();
        let (match_one, mismatch_one) = self.scores(p, flip);
        let (match_zero, mismatch_zero) = self.scores(1.0 - p, flip);
        let (zeros, ones) = (f64::from(group.zeros), f64::from(group.ones));
        Coin {
            bias: p,
            if_one: ones * match_one + zeros * mismatch_zero,
            if_zero: ones * mismatch_one + zeros * match_zero,
        }
    }
}

/// The likelihood ratio of a recipient whose copy gave a share `own` of the cells, to an innocent.
fn likelihood(q: f64, flip: f64, own: f64, noise: f64) -> (f64, f64) {
    let turned = |p: f64| (1.0 - 2.0 * flip) * ((1.0 - noise) * p + noise / 2.0) + flip;
    let innocent = turned(q);
    ((turned(own + (1.0 - own) * q) / innocent).ln(), (turned((1.0 - own) * q) / innocent).ln())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mark::marker::Bit;

    #[test]
    fn an_innocent_expects_nothing_and_a_match_is_worth_more_when_rare() {
        for q in [0.01, 0.2, 0.5, 0.99] {
            for flip in [0.0, 0.3] {
                let (hit, miss) = Decoder::Symmetric.scores(q, flip);
                assert!((q * hit + (1.0 - q) * miss).abs() < 1e-12);
                for decoder in [1, 4, 16].map(Decoder::Likelihood).into_iter().chain([Decoder::Noisy(20)]) {
                    let (hit, miss) = decoder.scores(q, flip);
                    assert!(q * hit + (1.0 - q) * miss < 0.0, "a likelihood ratio has negative drift");
                    assert!((q * hit.exp() + (1.0 - q) * miss.exp() - 1.0).abs() < 1e-12);
                    assert!(hit > 0.0 && miss < 0.0);
                }
            }
        }
        let rare = |q| Decoder::Likelihood(4).scores(q, 0.0).0;
        assert!(rare(0.1) > rare(0.9));
    }

    #[test]
    fn contradicting_reads_of_one_position_cancel_at_even_bias() {
        for decoder in DECODERS {
            let coin = decoder.coin(0.5, Group { position: 0, flip: 0, zeros: 3, ones: 3 });
            assert!((coin.if_one - coin.if_zero).abs() < 1e-12, "{decoder:?}");
        }
    }

    #[test]
    fn a_read_says_less_the_likelier_it_was_turned_and_a_flip_is_noise() {
        let gain = |decoder: Decoder, flip| {
            let coin = decoder.coin(0.3, Group::of(Bit { position: 0, value: true, flip }));
            coin.if_one - coin.if_zero
        };
        for decoder in DECODERS {
            let gains: Vec<f64> = (0..=Bit::NOTHING).map(|flip| gain(decoder, flip)).collect();
            assert!(gains.windows(2).all(|pair| pair[1] < pair[0]), "{decoder:?}: {gains:?}");
            assert!(gains[usize::from(Bit::NOTHING)].abs() < 1e-12);
        }
        // A tenth of the cells is noise, so a twentieth is turned; 8/64 more: f + e/2 - f e is noise of 0.325.
        let (composed, once) = (likelihood(0.3, 0.125, 1.0, 0.1), likelihood(0.3, 0.0, 1.0, 0.325));
        assert!((composed.0 - once.0).abs() < 1e-12 && (composed.1 - once.1).abs() < 1e-12);
    }
}
