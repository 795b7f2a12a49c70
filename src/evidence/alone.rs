//! One recipient against counts that are laid open: what a stranger recomputes.
//!
//! Nothing but the counts, the biases where they were read, and the recipient's bits there goes in. The coins and their bound are
//! those of the trace; only the order in which weights are added up is another one, so scores agree but for rounding.

use crate::evidence::counts::Group;
use crate::evidence::decoder::Decoder;
use crate::evidence::tail::{Coin, Tail};

/// What one decoder makes of the counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The decoder.
    pub decoder: Decoder,
    /// The recipient's score, in the decoder's unit.
    pub score: f64,
    /// Natural log of the bound on the probability that an innocent scores as high; at most 0.
    pub ln_p: f64,
}

/// What each decoder makes of `groups` (positions ascending). `bias` gives the probability, strictly between 0 and 1, that an
/// innocent's bit at a position is 1, and `bit` the recipient's bit there.
pub fn outcomes(
    decoders: &[Decoder],
    groups: &[Group],
    bias: impl Fn(u32) -> f64,
    bit: impl Fn(u32) -> bool,
) -> Vec<Outcome> {
    let of_one = |&decoder: &Decoder| {
        let mut coins: Vec<(u32, Coin)> = Vec::new();
        for &group in groups {
            let coin = decoder.coin(bias(group.position), group);
            match coins.last_mut() {
                // The reads of a position are one coin, however sure each of them is.
                Some((position, known)) if *position == group.position => known.add(coin),
                _ => coins.push((group.position, coin)),
            }
        }
        let picked = coins.iter().map(|&(j, coin)| if bit(j) { coin.if_one } else { coin.if_zero });
        let score = picked.sum();
        let tail = Tail::new(coins.into_iter().map(|(_, coin)| coin).collect());
        Outcome { decoder, score, ln_p: tail.ln_bound(score) }
    };
    decoders.iter().map(of_one).collect()
}

/// The least probable of several outcomes; `None` of none.
pub fn best(outcomes: &[Outcome]) -> Option<&Outcome> {
    outcomes.iter().min_by(|a, b| a.ln_p.total_cmp(&b.ln_p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::counts::Counts;
    use crate::evidence::log::Log;
    use crate::evidence::score::{DECODERS, Evidence};
    use crate::evidence::windows::{self, Windows};
    use crate::keys::prf::DerivedKey;
    use crate::keys::secret::MarkingSecret;
    use crate::mark::code::{Code, codeword_key};
    use crate::mark::marker::Bit;

    const LENGTH: u32 = 4_096;

    fn key(recipient: usize) -> DerivedKey {
        codeword_key(&MarkingSecret::from_bytes([8; 32]), "alone", 1, &recipient.to_string())
    }

    /// Recipient 1's bits, some unsure, some positions twice.
    fn reads(code: &Code) -> Vec<Bit> {
        let word = code.codeword(&key(1));
        let read = |i: u32| {
            let position = i.wrapping_mul(2_654_435_761) % LENGTH;
            let flip = if i.is_multiple_of(3) { (i % 17) as u8 } else { 0 };
            Bit { position, value: word.bit(position) ^ i.is_multiple_of(11), flip }
        };
        (0..900).map(read).collect()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * (1.0 + b.abs())
    }

    #[test]
    fn it_agrees_with_the_ranking_of_all() {
        let code = Code::new(&MarkingSecret::from_bytes([8; 32]), "alone", 1, LENGTH);
        let mut counts = Counts::new(LENGTH as usize);
        reads(&code).into_iter().for_each(|bit| counts.add(bit));
        let groups: Vec<Group> = counts.groups().collect();
        let evidence = Evidence::new(&counts, &code);
        let scores = evidence.score_all(&code, 20, key);
        for (recipient, scores) in scores.iter().enumerate() {
            let word = code.codeword(&key(recipient));
            let found = outcomes(&DECODERS, &groups, |j| code.bias(j), |j| word.bit(j));
            assert!(found.iter().zip(scores).all(|(found, score)| close(found.score, *score)));
        }
        let ranked = &evidence.rank(&scores, -20.0)[0];
        let word = code.codeword(&key(1));
        let found = outcomes(&DECODERS, &groups, |j| code.bias(j), |j| word.bit(j));
        let found = best(&found).unwrap();
        assert_eq!((ranked.recipient, ranked.decoder), (1, found.decoder));
        assert!(close(ranked.ln_p, found.ln_p), "{} {}", ranked.ln_p, found.ln_p);
    }

    #[test]
    fn it_agrees_with_the_window_that_was_found() {
        let code = Code::new(&MarkingSecret::from_bytes([8; 32]), "alone", 1, LENGTH);
        let mut log = Log::new();
        for (row, bit) in reads(&code).into_iter().enumerate() {
            log.push(row as u32, row as u64 % 5, &[bit]);
        }
        let mut windows = Windows::new(&log, &code, 20);
        assert_eq!(windows.count(), windows::count(900, LENGTH as usize, 20, 2));
        let found = &windows.search(&code, 20, key, -25.0, |recipient| recipient != 1)[0];
        let in_order = match found.order {
            windows::Order::File => log.reads().to_vec(),
            windows::Order::Key => log.in_key_order().unwrap(),
        };
        let mut counts = Counts::new(LENGTH as usize);
        in_order[found.first_read..][..found.reads].iter().for_each(|read| counts.add(read.bit()));
        assert_eq!(counts.read(), found.reads as u64);
        let (word, groups) = (code.codeword(&key(1)), counts.groups().collect::<Vec<_>>());
        let outcomes = outcomes(&windows::DECODERS, &groups, |j| code.bias(j), |j| word.bit(j));
        let same = outcomes.iter().find(|outcome| outcome.decoder == found.decoder).unwrap();
        assert!(close(same.ln_p, found.ln_p), "{} {}", same.ln_p, found.ln_p);
    }
}
