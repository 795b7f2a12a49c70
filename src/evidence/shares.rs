//! How much of the leak speaks for each of the accused, and how they may have mixed their copies: two models of a leak given the
//! codewords of the accused, both fitted by expectation maximisation.
//!
//! * **Shares.** Each read is one accused's bit, or another copy's (1 with the position's bias), or a coin (a stranger's row,
//!   noise): `P(y = 1) = sum_a w_a x_a + others p + coins / 2`.
//! * **Collusion.** `c` colluders, the accused among them, compare their copies and choose by how many hold a 1:
//!   `P(y = 1) = theta_s` if `s` do. Of those not yet accused, a binomial number holds a 1. This covers majority, minority, coin,
//!   all ones and whatever else treats colluders alike.
//!
//! These are estimates, not evidence: they choose weights (see [`joint`](crate::evidence::joint)), whose bound holds however bad
//! they are, and tell the reader what the leak may be made of.
//!
//! Invariant: nothing here depends on the codeword of anybody but the accused.
//!
//! Sources: Dempster, Laird and Rubin (1977); Charpentier, Xie, Fontaine and Furon, "Expectation maximization decoding of Tardos
//! probabilistic fingerprinting code" (2009); Meerwald and Furon, "Toward practical joint decoding of binary Tardos
//! fingerprinting codes" (2012).

use rayon::prelude::*;

use crate::evidence::counts::{Counts, Group};
use crate::keys::prf::DerivedKey;
use crate::mark::code::Code;

/// The accused who are conditioned on at most: the first so many, by when they were accused.
pub(super) const MAX_ACCUSED: usize = 64;

/// Steps of a fit, which mostly stops long before.
const MAX_STEPS: usize = 200;

/// A fit stops when no weight moves by more.
const STILL: f64 = 1e-5;

/// Reads that one task adds up; fixed, so that sums come out the same on any number of threads.
const CHUNK_READS: usize = 8_192;

/// Bins of the bias in the table that a collusion is fitted to, evenly filled by the law of the biases.
const BIAS_BINS: usize = 64;

/// Probabilities of a collusion's choices keep this far from 0 and 1.
const CHOICE_MARGIN: f64 = 0.01;

/// Some reads of one position, with what the accused hold there.
#[derive(Clone, Copy)]
pub(super) struct Conditioned {
    pub(super) group: Group,
    pub(super) bias: f64,
    /// Bit `a` is the bit of accused `a`.
    pub(super) held: u64,
}

/// The whole leak, conditioned on the accused.
pub(super) struct Given {
    pub(super) reads: Vec<Conditioned>,
    /// How many are conditioned on.
    pub(super) accused: usize,
}

/// The shares of the leak, which add up to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Shares {
    /// The recipients who are accounted for, and the share of each.
    pub accused: Vec<(usize, f64)>,
    /// What reads like copies of others.
    pub others: f64,
    /// What reads like coins: strangers' rows, noise.
    pub coins: f64,
}

/// How `theta.len() - 1` colluders choose: the probability of a 1 by how many of them hold one.
#[derive(Clone, Debug)]
pub(super) struct Collusion {
    pub(super) theta: Vec<f64>,
}

impl Given {
    pub(super) fn new(
        counts: &Counts,
        code: &Code,
        accused: &[usize],
        key: impl Fn(usize) -> DerivedKey + Sync,
    ) -> Given {
        let accused = &accused[..accused.len().min(MAX_ACCUSED)];
        let groups: Vec<Group> = counts.groups().collect();
        let mut positions: Vec<u32> = groups.iter().map(|group| group.position).collect();
        positions.dedup();
        let words: Vec<Vec<bool>> = accused
            .par_iter()
            .map(|&recipient| code.bits_at(&key(recipient), &positions).collect())
            .collect();
        let mut at = 0;
        let reads = groups.into_iter().map(|group| {
            at += usize::from(positions[at] != group.position);
            let held = words.iter().enumerate().fold(0, |held, (a, word)| held | u64::from(word[at]) << a);
            Conditioned { group, bias: code.bias(group.position), held }
        });
        Given { reads: reads.collect(), accused: accused.len() }
    }

    /// The shares of the accused, of others' copies and of coins, in this order. Without `with_others` that share is kept at 0.
    pub(super) fn shares(&self, with_others: bool) -> Vec<f64> {
        let (others, coins) = (self.accused, self.accused + 1);
        let mut weights = vec![1.0 / (self.accused + 2) as f64; self.accused + 2];
        if !with_others {
            weights[others] = 0.0;
        }
        for _ in 0..MAX_STEPS {
            let claims = self.claims(&weights);
            let total: f64 = weights.iter().zip(&claims).map(|(weight, claim)| weight * claim).sum();
            if total <= 0.0 {
                break;
            }
            let mut moved = 0.0f64;
            for (weight, claim) in weights.iter_mut().zip(&claims) {
                let next = *weight * claim / total;
                moved = moved.max((next - *weight).abs());
                *weight = next;
            }
            if moved < STILL {
                break;
            }
        }
        debug_assert!(weights[coins].is_finite());
        weights
    }

    /// For each source of reads, what its weight has to be multiplied with in the next step, but for a factor.
    fn claims(&self, weights: &[f64]) -> Vec<f64> {
        let parts: Vec<Vec<f64>> = self
            .reads
            .par_chunks(CHUNK_READS)
            .map(|reads| {
                let mut claims = vec![0.0; weights.len()];
                for read in reads {
                    let (if_zero, if_one) = read.claims(weights);
                    let extra = if_one - if_zero;
                    for (a, claim) in claims[..self.accused].iter_mut().enumerate() {
                        *claim += if read.held >> a & 1 == 1 { if_one } else { if_zero };
                    }
                    claims[self.accused] += if_zero + read.bias * extra;
                    claims[self.accused + 1] += if_zero + 0.5 * extra;
                }
                claims
            })
            .collect();
        let mut claims = vec![0.0; weights.len()];
        for part in parts {
            claims.iter_mut().zip(part).for_each(|(claim, part)| *claim += part);
        }
        claims
    }

    /// The natural log of the leak's likelihood under these shares.
    pub(super) fn ln_likelihood(&self, weights: &[f64]) -> f64 {
        let of = |read: &Conditioned| {
            let one = read.turned(read.mixture(weights)).clamp(1e-12, 1.0 - 1e-12);
            f64::from(read.group.ones) * one.ln() + f64::from(read.group.zeros) * (1.0 - one).ln()
        };
        self.reads.iter().map(of).sum()
    }

    /// The likeliest way in which `colluders` of them, more than are accused, have chosen.
    pub(super) fn collusion(&self, colluders: usize) -> Collusion {
        let unknown = colluders - self.accused;
        let table = self.table();
        // The prior is the interleaving attack, at the weight of one read.
        let prior: Vec<f64> = (0..=colluders).map(|ones| ones as f64 / colluders as f64).collect();
        let mut theta = prior.clone();
        for _ in 0..MAX_STEPS {
            let (mut ones, mut all) = (prior.clone(), vec![1.0; colluders + 1]);
            for &(held, bias, [n0, n1]) in &table {
                let chances = binomial(unknown, bias);
                let reach = &theta[held..=held + unknown];
                let one: f64 = chances.iter().zip(reach).map(|(chance, theta)| chance * theta).sum();
                for (l, chance) in chances.iter().enumerate() {
                    let from_ones = n1 * chance * reach[l] / one;
                    ones[held + l] += from_ones;
                    all[held + l] += from_ones + n0 * chance * (1.0 - reach[l]) / (1.0 - one);
                }
            }
            let mut moved = 0.0f64;
            for ((theta, ones), all) in theta.iter_mut().zip(&ones).zip(&all) {
                let next = (ones / all).clamp(CHOICE_MARGIN, 1.0 - CHOICE_MARGIN);
                moved = moved.max((next - *theta).abs());
                *theta = next;
            }
            if moved < STILL {
                break;
            }
        }
        Collusion { theta }
    }

    /// The leak as a collusion sees it: `(accused who hold a 1, bias, [zeros, ones])`, similar biases together.
    fn table(&self) -> Vec<(usize, f64, [f64; 2])> {
        let mut cells = vec![(0.0, [0.0; 2]); (self.accused + 1) * BIAS_BINS];
        for read in &self.reads {
            let angle = read.bias.sqrt().asin() / std::f64::consts::FRAC_PI_2;
            let bin = ((angle * BIAS_BINS as f64) as usize).min(BIAS_BINS - 1);
            let cell = &mut cells[read.held.count_ones() as usize * BIAS_BINS + bin];
            // What may have been turned counts by the information that is left.
            let sure = (1.0 - 2.0 * read.group.flip_probability()).powi(2);
            let (zeros, ones) = (sure * f64::from(read.group.zeros), sure * f64::from(read.group.ones));
            cell.0 += read.bias * (zeros + ones);
            cell.1[0] += zeros;
            cell.1[1] += ones;
        }
        let cells = cells.into_iter().enumerate().filter(|(_, (_, [zeros, ones]))| zeros + ones > 0.0);
        cells.map(|(i, (sum, [zeros, ones]))| (i / BIAS_BINS, sum / (zeros + ones), [zeros, ones])).collect()
    }
}

impl Conditioned {
    /// The probability of a 1 under shares.
    pub(super) fn mixture(&self, weights: &[f64]) -> f64 {
        let accused = weights.len() - 2;
        let held = (0..accused).filter(|a| self.held >> a & 1 == 1).map(|a| weights[a]).sum::<f64>();
        held + weights[accused] * self.bias + 0.5 * weights[accused + 1]
    }

    /// What becomes of the probability of a 1 when the leak has turned some bits.
    pub(super) fn turned(&self, one: f64) -> f64 {
        let flip = self.group.flip_probability();
        (1.0 - 2.0 * flip) * one + flip
    }

    /// How strongly these reads ask for a source that says 0, and for one that says 1.
    fn claims(&self, weights: &[f64]) -> (f64, f64) {
        let flip = self.group.flip_probability();
        let one = self.turned(self.mixture(weights)).clamp(1e-9, 1.0 - 1e-9);
        let (zeros, ones) = (f64::from(self.group.zeros) / (1.0 - one), f64::from(self.group.ones) / one);
        (ones * flip + zeros * (1.0 - flip), ones * (1.0 - flip) + zeros * flip)
    }
}

impl Collusion {
    /// The probability of a 1 where `held` of the accused hold one, and one colluder more holds `bit`, if it is known.
    pub(super) fn one(&self, held: usize, accused: usize, bias: f64, bit: Option<bool>) -> f64 {
        let known = accused + usize::from(bit.is_some());
        let chances = binomial(self.theta.len() - 1 - known, bias);
        let from = held + usize::from(bit == Some(true));
        chances.iter().zip(&self.theta[from..]).map(|(chance, theta)| chance * theta).sum()
    }
}

/// The probabilities of 0 to `n` ones in `n` coins of probability `p`, which is neither 0 nor 1.
fn binomial(n: usize, p: f64) -> Vec<f64> {
    let mut chances = Vec::with_capacity(n + 1);
    chances.push((1.0 - p).powi(n as i32));
    for ones in 1..=n {
        chances.push(chances[ones - 1] * (n + 1 - ones) as f64 / ones as f64 * p / (1.0 - p));
    }
    chances
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::secret::MarkingSecret;
    use crate::mark::code::codeword_key;
    use crate::mark::marker::Bit;

    const LENGTH: u32 = 16_384;

    fn key(recipient: usize) -> DerivedKey {
        codeword_key(&MarkingSecret::from_bytes([5; 32]), "shares", 1, &recipient.to_string())
    }

    fn code() -> Code {
        Code::new(&MarkingSecret::from_bytes([5; 32]), "shares", 1, LENGTH)
    }

    /// A fair draw below `n` for each position, the same every time.
    fn draw(position: u32, n: u64) -> u64 {
        key(999_999).word(&position.to_le_bytes()) % n
    }

    /// One read at every position, as `choose` says given the bits of recipients 0 to 4.
    fn counts(code: &Code, choose: impl Fn(u32, [bool; 5]) -> bool) -> Counts {
        let words = [0, 1, 2, 3, 4].map(|recipient| code.codeword(&key(recipient)));
        let mut counts = Counts::new(LENGTH as usize);
        for j in 0..LENGTH {
            counts.add(Bit::plain(j, choose(j, std::array::from_fn(|i| words[i].bit(j)))));
        }
        counts
    }

    #[test]
    fn shares_are_found_again() {
        let code = code();
        let counts = counts(&code, |j, bits| match draw(j, 10) {
            0..5 => bits[0],
            5..7 => bits[1],
            7 => bits[4],
            _ => draw(j + LENGTH, 2) == 1,
        });
        let given = Given::new(&counts, &code, &[0, 1], key);
        let found = given.shares(true);
        for (found, expected) in found.iter().zip([0.5, 0.2, 0.1, 0.2]) {
            assert!((found - expected).abs() < 0.03, "{found:?}");
        }
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let without = given.shares(false);
        assert_eq!(without[2], 0.0);
        assert!(given.ln_likelihood(&found) > given.ln_likelihood(&without) + 10.0);
    }

    #[test]
    fn a_collusions_choice_is_found_again() {
        let code = code();
        let minority = counts(&code, |_, bits| match bits.iter().filter(|&&bit| bit).count() {
            0 => false,
            5 => true,
            ones => ones < 3,
        });
        let collusion = Given::new(&minority, &code, &[0, 1, 2], key).collusion(5);
        for (theta, expected) in collusion.theta.iter().zip([0.0, 1.0, 1.0, 0.0, 0.0, 1.0]) {
            assert!((theta - expected).abs() < 0.15, "{:?}", collusion.theta);
        }
        // What is known of one more colluder, averaged over the bias, is what is known without.
        let (one, p) = (|bit| collusion.one(1, 3, 0.3, bit), 0.3);
        assert!((p * one(Some(true)) + (1.0 - p) * one(Some(false)) - one(None)).abs() < 1e-12);
    }

    #[test]
    fn binomials_are_those_of_the_books() {
        let found = binomial(3, 0.25);
        let expected = [27.0, 27.0, 9.0, 1.0].map(|n| n / 64.0);
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12));
        assert_eq!(binomial(0, 0.3), [1.0]);
    }
}
