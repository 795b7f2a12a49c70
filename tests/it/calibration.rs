//! The central test: nobody innocent is accused more often than the claimed error allows.
//!
//! Two roads. Whole traces, in which innocents are at risk, count accusations at a large alpha (where some may happen) and at
//! one in a million (where none may). And the bound itself: against fixed leaks, made as hostile as can be, thousands of
//! innocents draw their codewords, and the share with a bound of at most `u` must not exceed `u`. The same for the least of all
//! windows, and for whole investigations with their joint rounds. Negative controls show that the checks fail when the
//! statistics are wrong.
//!
//! `DYEPACK_TRIALS=10000` runs the large version; `DYEPACK_SEED` chooses other randomness.

use dyepack::demo::HOSPITAL_POLICY;
use dyepack::evidence::counts::Counts;
use dyepack::evidence::investigate::{FoundBy, investigate};
use dyepack::evidence::log::Log;
use dyepack::evidence::score::{DECODERS, Evidence};
use dyepack::evidence::tail::{Coin, Tail};
use dyepack::evidence::verdict::Family;
use dyepack::evidence::windows::{self, Windows};
use dyepack::keys::prf::DerivedKey;
use dyepack::keys::secret::MarkingSecret;
use dyepack::mark::code::{Code, Codeword, codeword_key};
use dyepack::mark::marker::Bit;
use dyepack::trial::interval::{binomial_tail, clopper_pearson};
use rand::RngExt as _;

use crate::hostile::{LENGTH, Reads, World, counts};
use crate::lab::{self, Lab, Rng, seeded, trials};
use crate::reference;
use crate::trials::{INNOCENCE, innocents};

/// A check fails only if what it saw happens by chance less often than this.
const CHANCE: f64 = 1e-6;

const ALPHAS: [f64; 3] = [0.05, 0.01, 1e-6];

#[test]
fn traces_accuse_innocents_no_more_often_than_alpha() {
    let rng = &mut seeded("calibration/traces");
    let each = trials(60) / INNOCENCE.len() + 1;
    let table = lab::hospital(900, 4);
    for kind in INNOCENCE {
        let mut accused = [0; ALPHAS.len()];
        for _ in 0..each {
            // A new secret for every trial: otherwise the same codewords would be tried again and again.
            let lab = Lab::new(HOSPITAL_POLICY, &table, 100, rng);
            let rows = rng.random_range(1..=table.rows.len());
            let found = innocents(kind, &lab, &table.sample(rows, rng), ALPHAS, rng);
            accused.iter_mut().zip(found).for_each(|(sum, n)| *sum += usize::from(n > 0));
        }
        for (accused, alpha) in accused.into_iter().zip(ALPHAS) {
            let (low, _) = clopper_pearson(accused, each, CHANCE);
            println!("{kind:?}: alpha {alpha}: innocents accused in {accused} of {each} trials");
            assert!(low <= alpha, "{kind:?}: {accused} of {each} is more than {alpha}");
        }
        assert_eq!(accused[2], 0, "{kind:?}: an innocent was named at one in a million");
    }
}

/// The logarithms of p-values must not be small more often than they say.
fn excess(ln_ps: &[f64]) -> Option<String> {
    [0.5, 0.1, 0.01, 1e-3].into_iter().find_map(|u: f64| {
        let small = ln_ps.iter().filter(|&&ln_p| ln_p <= u.ln()).count();
        let is_chance = binomial_tail(small, ln_ps.len(), u) >= CHANCE;
        (!is_chance).then(|| format!("{small} of {} are at most {u}", ln_ps.len()))
    })
}

#[test]
fn the_bound_is_a_p_value_whatever_was_leaked() {
    let rng = &mut seeded("calibration/bound");
    let world = World::new(rng);
    let secret = MarkingSecret::from_bytes(world.secret);
    let code = Code::new(&secret, "calibration", 1, LENGTH as u32);
    let innocents = trials(1_500);
    for (name, reads) in world.leaks(rng) {
        let evidence = Evidence::new(&counts(&reads), &code);
        let scores = evidence.score_all(&code, innocents, |n| {
            codeword_key(&secret, "calibration", 1, &format!("innocent-{n}"))
        });
        for (d, colluders) in reference::DECODERS.into_iter().enumerate() {
            let coins = reference::weights(colluders, &world.thresholds, &reads).into_iter();
            let coins = coins.map(|w| Coin { bias: w.bias, if_one: w.if_one, if_zero: w.if_zero });
            let tail = Tail::new(coins.collect());
            let ln_ps: Vec<f64> = scores.iter().map(|scores| tail.ln_bound(scores[d])).collect();
            assert_eq!(excess(&ln_ps), None, "{name}, {:?}", DECODERS[d]);
        }
        // The best of the five decoders, paid for.
        let paid = (DECODERS.len() as f64).ln();
        let ranking = evidence.rank(&scores, f64::INFINITY);
        assert_eq!(ranking.len(), innocents);
        let best: Vec<f64> = ranking.iter().map(|candidate| candidate.ln_p + paid).collect();
        assert_eq!(excess(&best), None, "{name}, the best of all decoders");
    }
}

#[test]
fn control_a_normal_approximation_fails_the_check() {
    let rng = &mut seeded("calibration/control");
    let world = World::new(rng);
    let leaks = world.leaks(rng);
    let failed = leaks.iter().filter(|(_, reads)| {
        let weights = reference::weights(0, &world.thresholds, reads);
        let mean: f64 = weights.iter().map(|w| w.bias * w.if_one + (1.0 - w.bias) * w.if_zero).sum();
        let variance: f64 =
            weights.iter().map(|w| w.bias * (1.0 - w.bias) * (w.if_one - w.if_zero).powi(2)).sum();
        let ln_p = |n| {
            let score = reference::score(&weights, &world.innocent(n, reads));
            (0.5 * libm::erfc((score - mean) / (2.0 * variance).sqrt())).ln()
        };
        excess(&(0..1_500).map(ln_p).collect::<Vec<_>>()).is_some()
    });
    let failed: Vec<&str> = failed.map(|(name, _)| *name).collect();
    println!("the normal approximation fails on: {failed:?}");
    assert!(failed.contains(&"forty extreme biases, rarer bits"), "the check can't fail: {failed:?}");
}

#[test]
fn control_dropping_what_does_not_fit_fails_the_check() {
    let rng = &mut seeded("calibration/peeking");
    let world = World::new(rng);
    let (_, reads) = world.leaks(rng).swap_remove(0);
    let ln_p = |n| {
        // Leaves out, for each suspect, a tenth of the carriers: those that speak against it.
        let mut against = reads.len() / 10;
        let bits = world.innocent(n, &reads);
        let kept: Vec<bool> = reads
            .iter()
            .zip(&bits)
            .map(|(&(_, _, ones), &bit)| {
                let is_dropped = (ones == 1) != bit && against > 0;
                against -= usize::from(is_dropped);
                !is_dropped
            })
            .collect();
        let keep = |i: &usize| kept[*i];
        let left: Reads = (0..reads.len()).filter(keep).map(|i| reads[i]).collect();
        let bits: Vec<bool> = (0..reads.len()).filter(keep).map(|i| bits[i]).collect();
        let weights = reference::weights(1, &world.thresholds, &left);
        reference::ln_bound(&weights, reference::score(&weights, &bits))
    };
    assert!(excess(&(0..400).map(ln_p).collect::<Vec<_>>()).is_some(), "the check can't fail");
}

/// A leak by recipients 0 to 3 in some way, read by read, as counts and log.
fn guilty_leak(code: &Code, key: &impl Fn(usize) -> DerivedKey, rng: &mut Rng) -> (Counts, Log) {
    let words: Vec<Codeword> = (0..4).map(|guilty| code.codeword(&key(guilty))).collect();
    let (kind, from) = (rng.random_range(0..5), rng.random_range(0..300));
    let (mut counts, mut log) = (Counts::new(LENGTH), Log::new());
    for row in 0..600 {
        let position = rng.random_range(0..LENGTH as u32);
        let held: Vec<bool> = words.iter().map(|word| word.bit(position)).collect();
        let ones = held.iter().filter(|&&bit| bit).count();
        let value = match kind {
            // One copy with a stretch of another's in it; a few of one among coins; four mixed; the rarer bit; all ones.
            0 => held[usize::from((from..from + 150).contains(&row))],
            1 if rng.random_bool(0.2) => held[0],
            1 => rng.random(),
            2 => held[rng.random_range(0..4)],
            3 => ones == 4 || ones == 1 || ones == 2 && rng.random(),
            _ => ones > 0,
        };
        counts.add(Bit::plain(position, value));
        log.push(row, rng.random(), &[Bit::plain(position, value)]);
    }
    (counts, log)
}

#[test]
fn windows_and_joint_rounds_accuse_innocents_no_more_often_than_alpha() {
    let rng = &mut seeded("calibration/stages");
    let trials = trials(40);
    // Far above any alpha in use, so that a fault has a chance to show.
    for alpha in [0.9, 0.2] {
        let (mut wrong, mut by_rounds) = (0, 0);
        for _ in 0..trials {
            let secret = MarkingSecret::from_bytes(rng.random());
            let code = Code::new(&secret, "calibration", 1, LENGTH as u32);
            let key = |n: usize| codeword_key(&secret, "calibration", 1, &n.to_string());
            let (counts, log) = guilty_leak(&code, &key, rng);
            let family = Family { recipients: 30, readings: 1 };
            let found = investigate(&counts, Some(&log), &code, 30, key, &family, alpha);
            assert!(found.tried.windows > 100 && found.tried.orders.len() == 2);
            wrong += usize::from(found.named.iter().any(|named| named.recipient >= 4));
            by_rounds +=
                found.named.iter().filter(|named| matches!(named.found_by, FoundBy::Joint { .. })).count();
        }
        println!("alpha {alpha}: an innocent in {wrong} of {trials} trials, {by_rounds} accused in rounds");
        assert!(by_rounds > 0, "rounds had nothing to do");
        let (low, _) = clopper_pearson(wrong, trials, CHANCE);
        assert!(low <= alpha, "{wrong} of {trials} is more than {alpha}");
    }
}

#[test]
fn the_least_of_all_windows_is_a_p_value_once_all_are_paid_and_not_before() {
    let rng = &mut seeded("calibration/windows");
    let secret = MarkingSecret::from_bytes(rng.random());
    let code = Code::new(&secret, "calibration", 1, LENGTH as u32);
    let key = |n: usize| codeword_key(&secret, "calibration", 1, &n.to_string());
    let innocents = trials(1_500);
    for _ in 0..3 {
        let (_, log) = guilty_leak(&code, &key, rng);
        let mut windows = Windows::new(&log, &code, innocents);
        let tries = (windows.count() * windows::DECODERS.len()) as f64;
        // Whoever has no window below a half of the whole family's is no counterexample, and gets a 1.
        let mut least = |paid: f64| {
            let innocent = |n: usize| key(n + 1_000_000);
            let found = windows.search(&code, innocents, innocent, 0.5f64.ln() - paid, |_| false);
            let mut ln_ps = vec![0.0; innocents];
            found.iter().for_each(|found| ln_ps[found.recipient] = found.ln_p + paid);
            ln_ps
        };
        assert_eq!(excess(&least(tries.ln())), None, "the least of {tries} tries, paid");
        assert!(excess(&least(0.0)).is_some(), "the check can't fail");
    }
}

#[test]
fn control_a_model_fitted_to_the_suspect_fails_the_check() {
    let rng = &mut seeded("calibration/fitted");
    let world = World::new(rng);
    let (_, reads) = world.leaks(rng).swap_remove(0);
    let weights = reference::weights(0, &world.thresholds, &reads);
    let ln_p = |n| {
        let bits = world.innocent(n, &reads);
        let mut fitted = weights.clone();
        // Perhaps colluders chose the rarer bit here and the commoner there: whichever suits the suspect.
        for (weights, bits) in fitted.chunks_mut(10).zip(bits.chunks(10)) {
            if reference::score(weights, bits) < 0.0 {
                for weight in weights {
                    (weight.if_one, weight.if_zero) = (-weight.if_one, -weight.if_zero);
                }
            }
        }
        reference::ln_bound(&fitted, reference::score(&fitted, &bits))
    };
    assert!(excess(&(0..400).map(ln_p).collect::<Vec<_>>()).is_some(), "the check can't fail");
}
