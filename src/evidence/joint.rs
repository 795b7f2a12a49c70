//! Joint decoding: once some are accused, what they explain is known, and the others stand out from what is left.
//!
//! A round weighs the whole leak again, given the codewords of the accused, under models of how the leak was made
//! ([`shares`](crate::evidence::shares)): a further copy with share `v` of it, for three values of `v`, and a collusion of 1,
//! 2, 4 and 8 more than are accused. Each read scores `ln P(y | x, accused) - ln P(y | accused)`. Rounds repeat until one names
//! nobody. The first round also runs when nobody is accused yet: then the models are fitted to the biases alone, and learn
//! attacks, such as the minority vote, under which the fixed decoders are weak.
//!
//! # Why the bound still holds
//!
//! Call a recipient innocent whose codeword the leak does not depend on, and all others guilty. Weights in a round depend on
//! the leak and on the codewords of the accused. Were an innocent among these, they would depend on its codeword, and would be no
//! constants any more for *its* test. So the argument goes by the *first* innocent who is accused.
//!
//! 1. Let stages be numbered (whole leak, windows, round 1, 2, …), and let `A_k` be everybody accused before stage `k`. Whether
//!    recipient `r` is accused in stage `k` depends on the leak, `A_k` and its codewords, and `r`'s own codeword; on nobody
//!    else's.
//! 2. Imagine the trace run on the guilty alone, which gives `A'_k`. That is a function of the leak and of guilty codewords, so
//!    all innocents' codewords are independent of it, and given it they are still coins of known bias.
//! 3. As long as no innocent was accused before stage `k`, `A_k = A'_k` by induction over (1). So the event *an innocent `i` is
//!    accused in stage `k`, and no innocent before* implies that `i` passes the test of stage `k` with weights made from
//!    `A'_k`. By (2) and the bound of `evidence::tail`, each decoder's test does that with a probability of at most its share
//!    of `alpha`.
//! 4. If any innocent is accused, one is accused in a first stage. The sum over stages, innocents and decoders is at most `alpha`
//!    ([`verdict`](crate::evidence::verdict)).
//!
//! What would break it, and is therefore not done:
//!
//! * Fitting a model to somebody and testing the same person with it. `tests/it/calibration.rs` does that on purpose, and fails.
//! * Conditioning on the *best* few, accused or not. An innocent among them would shape the weights that it is tested with; and
//!   were it left out of them for its own test, its codeword would still decide which of two sets of weights it meets, which is
//!   one try more than is paid for.
//! * Ranking recipients and looking at the first so many only. Then innocents decide who of the guilty is looked at, against
//!   (1). So rankings are cut only far below the threshold, windows are screened by fixed scores, and if more than 64 are
//!   accused, those accused first are conditioned on.
//! * Dropping somebody from the accused later, or testing the accused again.
//!
//! Readings of one leak are investigated apart, each with its own accused and its own part of `alpha`, so the argument holds
//! for each.
//!
//! The bound of somebody accused in round `k` presumes that those accused before are guilty; the `alpha` of the trace presumes
//! nothing.
//!
//! Source: P. Meerwald and T. Furon, "Toward practical joint decoding of binary Tardos fingerprinting codes", IEEE TIFS 7 (2012).

use crate::evidence::counts::Counts;
use crate::evidence::decoder::ASSUMED_NOISE;
use crate::evidence::shares::{Collusion, Conditioned, Given};
use crate::evidence::tail::Coin;
use crate::evidence::verdict::{Family, Stage};
use crate::evidence::weighing::Weighing;
use crate::keys::prf::DerivedKey;
use crate::mark::code::Code;

/// Decoders of a round.
pub const DECODERS: usize = 7;

/// Rounds at most. Ten colluders who are named one by one need nine.
pub const MAX_ROUNDS: usize = 12;

/// A small share of the leak that is always looked for, whatever the fit says.
const SMALL_SHARE: f64 = 0.05;

/// The least share that is looked for. The fit may leave nothing to others while one of them is there.
const LEAST_SHARE: f64 = 0.01;

/// How many more colluders than are accused are assumed.
const MORE_COLLUDERS: [usize; 4] = [1, 2, 4, 8];

/// What a round assumes of the leak.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Model {
    /// This share of it is from the recipient's copy.
    Share(f64),
    /// So many colluders made it, the accused and the recipient among them.
    Colluders(usize),
}

/// Somebody accused in a round.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The recipient's index.
    pub recipient: usize,
    /// The round, from 1.
    pub round: usize,
    /// The model under which the score was least probable.
    pub model: Model,
    /// Natural log of the bound under that model alone.
    pub ln_p: f64,
}

/// A model, ready to say how likely a 1 is.
enum Fitted {
    /// Shares of the accused, others' copies and coins, once the recipient's share is taken out.
    Share {
        rest: Vec<f64>,
        own: f64,
    },
    Collusion(Collusion),
}

/// Runs rounds until nobody new is accused; adds to `accused` and tells who.
pub(super) fn rounds(
    counts: &Counts,
    code: &Code,
    recipients: usize,
    key: impl Fn(usize) -> DerivedKey + Sync,
    (family, alpha): (Family, f64),
    accused: &mut Vec<usize>,
) -> Vec<Found> {
    let mut found = Vec::new();
    for round in 1..=MAX_ROUNDS {
        let ln_threshold = family.ln_threshold(Stage::Joint { decoders: DECODERS, round }, alpha);
        let new = one_round(counts, code, recipients, &key, accused, ln_threshold);
        if new.is_empty() {
            break;
        }
        accused.extend(new.iter().map(|&(recipient, ..)| recipient));
        found.extend(new.into_iter().map(|(recipient, model, ln_p)| Found { recipient, round, model, ln_p }));
    }
    found
}

/// Everybody not yet accused whose bound lies below `ln_threshold`, given the accused.
fn one_round(
    counts: &Counts,
    code: &Code,
    recipients: usize,
    key: &(impl Fn(usize) -> DerivedKey + Sync),
    accused: &[usize],
    ln_threshold: f64,
) -> Vec<(usize, Model, f64)> {
    let given = Given::new(counts, code, accused, key);
    let models = models(&given);
    let weighing: Weighing<DECODERS> = Weighing::new(weighed(&given, &models).into_iter());
    let others: Vec<usize> = (0..recipients).filter(|recipient| !accused.contains(recipient)).collect();
    let scores = weighing.score_all(code, others.len(), |other| key(others[other]));
    let best = weighing.best(&scores, ln_threshold, 0);
    best.into_iter()
        .filter(|&(.., ln_p)| ln_p < ln_threshold)
        .map(|(other, d, _, ln_p)| (others[other], models[d].0, ln_p))
        .collect()
}

/// The coins of a round under each of its models, given the accused, positions ascending (one may come more than once): what its
/// bounds are made of, for whoever checks them.
pub fn coins(
    counts: &Counts,
    code: &Code,
    accused: &[usize],
    key: impl Fn(usize) -> DerivedKey + Sync,
) -> Vec<(u32, [Coin; DECODERS])> {
    let given = Given::new(counts, code, accused, &key);
    weighed(&given, &models(&given))
}

fn weighed(given: &Given, models: &[(Model, Fitted); DECODERS]) -> Vec<(u32, [Coin; DECODERS])> {
    let coins = |read: &Conditioned| {
        let coins = std::array::from_fn(|d| coin(read, |bit| models[d].1.one(read, given.accused, bit)));
        (read.group.position, coins)
    };
    given.reads.iter().map(coins).collect()
}

/// The models of a round, by what is known of the accused.
fn models(given: &Given) -> [(Model, Fitted); DECODERS] {
    let shares = given.shares(true);
    let unexplained = shares[given.accused];
    let own = [unexplained, unexplained / 3.0, SMALL_SHARE].map(|own| own.max(LEAST_SHARE));
    std::array::from_fn(|d| match own.get(d) {
        Some(&own) => (Model::Share(own), Fitted::Share { rest: taken_out(&shares, own), own }),
        None => {
            let colluders = given.accused + MORE_COLLUDERS[d - own.len()];
            (Model::Colluders(colluders), Fitted::Collusion(given.collusion(colluders)))
        }
    })
}

/// The shares without `own`, which is taken from others' copies, then from coins, then from all.
fn taken_out(shares: &[f64], own: f64) -> Vec<f64> {
    let mut rest = shares.to_vec();
    let mut left = own;
    for source in [shares.len() - 2, shares.len() - 1] {
        let taken = left.min(rest[source]);
        rest[source] -= taken;
        left -= taken;
    }
    let scale = 1.0 - left / rest.iter().sum::<f64>().max(left).max(f64::MIN_POSITIVE);
    rest.iter_mut().for_each(|share| *share *= scale);
    rest
}

impl Fitted {
    /// The probability that a read says 1 if the recipient holds `bit`.
    fn one(&self, read: &Conditioned, accused: usize, bit: bool) -> f64 {
        match self {
            Fitted::Share { rest, own } => read.mixture(rest) + own * f64::from(u8::from(bit)),
            Fitted::Collusion(collusion) => {
                collusion.one(read.held.count_ones() as usize, accused, read.bias, Some(bit))
            }
        }
    }
}

/// The likelihood ratio of reads, given the probability of a 1 by the recipient's bit, to what an innocent expects.
fn coin(read: &Conditioned, one: impl Fn(bool) -> f64) -> Coin {
    let noisy = |bit| {
        let one = one(bit).clamp(0.0, 1.0);
        read.turned((1.0 - ASSUMED_NOISE) * one + ASSUMED_NOISE / 2.0)
    };
    let (if_one, if_zero) = (noisy(true), noisy(false));
    let innocent = read.bias * if_one + (1.0 - read.bias) * if_zero;
    let (zeros, ones) = (f64::from(read.group.zeros), f64::from(read.group.ones));
    let score = |one: f64| ones * (one / innocent).ln() + zeros * ((1.0 - one) / (1.0 - innocent)).ln();
    Coin { bias: read.bias, if_one: score(if_one), if_zero: score(if_zero) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::score::{DECODERS as WHOLE, Evidence};
    use crate::keys::secret::MarkingSecret;
    use crate::mark::code::codeword_key;
    use crate::mark::marker::Bit;

    const LENGTH: u32 = 16_384;
    const FAMILY: Family = Family { recipients: 50, readings: 1 };

    fn key(recipient: usize) -> DerivedKey {
        codeword_key(&MarkingSecret::from_bytes([6; 32]), "joint", 1, &recipient.to_string())
    }

    #[test]
    fn a_small_share_beside_a_copy_is_found_once_the_copy_is_known() {
        let code = Code::new(&MarkingSecret::from_bytes([6; 32]), "joint", 1, LENGTH);
        let words = [0, 1].map(|recipient| code.codeword(&key(recipient)));
        let mut counts = Counts::new(LENGTH as usize);
        // Recipient 1 has one read in forty of 8,000.
        for j in 0..8_000 {
            counts.add(Bit::plain(j, words[usize::from(j % 40 == 7)].bit(j)));
        }
        let evidence = Evidence::new(&counts, &code);
        let ranking = evidence.rank(&evidence.score_all(&code, 50, key), -25.0);
        let named: Vec<usize> = ranking.iter().filter(|c| c.ln_p < -25.0).map(|c| c.recipient).collect();
        assert_eq!(named, [0], "alone it drowns, under each of {} decoders", WHOLE.len());

        let mut accused = named;
        let found = rounds(&counts, &code, 50, key, (FAMILY, 1e-6), &mut accused);
        assert_eq!(accused, [0, 1]);
        assert_eq!((found[0].recipient, found[0].round), (1, 1));
        assert!(found[0].ln_p < -25.0);
    }

    #[test]
    fn a_share_that_is_taken_out_leaves_the_rest() {
        for (shares, own) in [([0.5, 0.3, 0.2], 0.3), ([0.5, 0.1, 0.4], 0.3), ([0.99, 0.0, 0.01], 0.05)] {
            let rest = taken_out(&shares, own);
            assert!((rest.iter().sum::<f64>() + own - 1.0).abs() < 1e-12, "{rest:?}");
            assert!(rest.iter().all(|&share| share >= 0.0));
        }
    }

    #[test]
    fn given_the_guilty_the_least_of_all_models_is_a_p_value_once_all_are_paid() {
        let code = Code::new(&MarkingSecret::from_bytes([6; 32]), "joint", 1, LENGTH);
        let words = [0, 1, 2].map(|recipient| code.codeword(&key(recipient)));
        let mut counts = Counts::new(LENGTH as usize);
        for j in 0..600 {
            let ones = words.iter().filter(|word| word.bit(j * 7)).count();
            // The minority of three: the models have to learn an attack that goes against its makers.
            counts.add(Bit::plain(j * 7, ones == 1 || ones == 3));
        }
        let innocents = 1_500;
        let innocent = |n: usize| if n < 2 { key(n) } else { key(n + 1_000) };
        let paid = (DECODERS as f64).ln();
        for (accused, name) in [(&[][..], "nobody"), (&[0, 1][..], "two")] {
            let found = one_round(&counts, &code, innocents + 2, &innocent, accused, 0.5f64.ln() - paid);
            for u in [0.5f64, 0.1, 0.01, 1e-3] {
                let small = found.iter().filter(|&&(r, _, ln_p)| r >= 2 && ln_p + paid <= u.ln()).count();
                let expected = u * innocents as f64;
                assert!(small as f64 <= expected + 5.0 * expected.sqrt(), "{name}: {small} below {u}");
            }
        }
    }

    #[test]
    fn an_empty_leak_accuses_nobody() {
        let code = Code::new(&MarkingSecret::from_bytes([6; 32]), "joint", 1, LENGTH);
        let mut accused = Vec::new();
        assert!(
            rounds(&Counts::new(LENGTH as usize), &code, 50, key, (FAMILY, 1e-6), &mut accused).is_empty()
        );
    }
}
