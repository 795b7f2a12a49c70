//! The error bound where it matters, at one in a million and beyond: measured by importance splitting, which is itself tried on
//! a tail that is known exactly, and whose verdict must turn against bounds that are wrong.
//!
//! `benches/calibration.rs` runs the large version, over all hostile leaks and down to 1e-12.

use crate::hostile::World;
use crate::lab::{Rng, seeded};
use crate::procedure::{Decoded, Procedure};
use crate::splitting::{self, Effort, Estimate, Statistic};
use dyepack::trial::interval::binomial_tail;

const SMALL: Effort = Effort { particles: 100, sweeps: 2, runs: 4 };

/// Standard errors beyond which a difference is no chance: one in a million for a normal law.
const NO_CHANCE: f64 = 4.9;

const CLAIM: f64 = 1e-6;

/// Heads among even and uneven coins.
struct Heads;

impl Statistic for Heads {
    type Sums = f64;

    fn sums(&self, bits: &[bool]) -> f64 {
        bits.iter().filter(|&&bit| bit).count() as f64
    }

    fn turn(&self, sums: &mut f64, _: usize, bit: bool) {
        *sums += if bit { 1.0 } else { -1.0 };
    }

    fn level(&self, sums: &f64) -> f64 {
        *sums
    }
}

#[test]
fn splitting_finds_the_binomial_tail() {
    let rng = &mut seeded("rare/binomial");
    for (bias, heads) in [(0.5, [60.0, 70.0, 77.0]), (0.02, [5.0, 10.0, 14.0])] {
        let found = splitting::estimate(&Heads, &[bias; 100], &heads, SMALL, rng);
        for (found, heads) in found.iter().zip(heads) {
            let exact = binomial_tail(heads as usize, 100, bias);
            let (low, high) = found.interval(NO_CHANCE);
            println!("{heads} of 100 at {bias}: {exact:.3e}, found {found:?}");
            assert!(low < exact && exact < high, "{heads} of 100 at {bias}: {exact:e}, found {found:?}");
            assert!(found.relative_error < 0.5, "an estimate that says nothing: {found:?}");
        }
    }
}

fn measured(procedure: &Procedure, rng: &mut Rng) -> Estimate {
    splitting::estimate(procedure, &procedure.biases(), &[-CLAIM.ln()], SMALL, rng)[0]
}

/// A claim is refuted when innocents reach it more often than it says.
fn is_refuted(found: Estimate) -> bool {
    found.interval(NO_CHANCE).0 > CLAIM
}

#[test]
fn one_in_a_million_is_no_more_than_that() {
    let rng = &mut seeded("rare/bound");
    let world = World::new(rng);
    let leaks = world.leaks(rng);
    for wanted in ["the minority of five", "forty extreme biases, rarer bits"] {
        let (_, reads) = leaks.iter().find(|(name, _)| *name == wanted).expect("a leak of that name");
        let whole = || Procedure::whole(world.weights(reads).map(Decoded::by_bound));
        let (found, tilted) = (measured(&whole(), rng), whole().by_tilting(-CLAIM.ln(), 2_000, rng));
        println!("{wanted}: claimed {CLAIM:e}, by splitting {found:?}, by tilting {tilted:?}");
        assert!(!is_refuted(found) && !is_refuted(tilted), "{wanted}: {found:?}, {tilted:?}");
        assert!(found.probability > CLAIM / 1e4, "{wanted}: nobody comes near the claim: {found:?}");
        let (low, high) = found.interval(NO_CHANCE);
        let (lowest, highest) = tilted.interval(NO_CHANCE);
        assert!(low < highest && lowest < high, "{wanted}: two roads to two numbers: {found:?}, {tilted:?}");

        let lie = measured(&whole().claiming(1e4), rng);
        assert!(is_refuted(lie), "{wanted}: a bound ten thousand times too small went unnoticed: {lie:?}");
    }
}

#[test]
fn control_a_normal_approximation_is_refuted() {
    let rng = &mut seeded("rare/control");
    let world = World::new(rng);
    let leaks = world.leaks(rng);
    let extreme = leaks.iter().find(|(name, _)| *name == "forty extreme biases, rarer bits").expect("there");
    let normal = world.weights(&extreme.1).map(Decoded::by_normal_approximation);
    let found = measured(&Procedure::whole(normal), rng);
    println!("claimed {CLAIM:e}, found {found:?}");
    assert!(is_refuted(found), "{found:?}");
}
