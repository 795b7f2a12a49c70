//! What is left between a leaked value and our original once all that is exact has been undone: nothing, rounding, or noise.
//!
//! Noise is a share of values that stay, and a law of the differences of the others: Gaussian, Laplace's or uniform, with a scale
//! that is the same for all values or grows with them. The scale is taken from the median of the differences, which marks (a
//! few percent of the cells, one quantum off) and outliers hardly move, and refined by likelihood; the law is the likeliest
//! of the six.
//!
//! A carrier's two candidate texts lie one quantum apart, so a noisy cell says which of them is the likelier, and by how much.
//!
//! Source: Huber, "Robust estimation of a location parameter" (1964), for the median absolute deviation.

use std::fmt;

use crate::sketch::Grain;
use crate::table::value::Decimal;

/// The share of values that are the original or one mark away from it, above which a column is taken as exact: the others
/// were altered.
const EXACT: f64 = 0.8;

/// The share of values that lie on a grid if they were rounded to it.
const ON_GRID: f64 = 0.98;

/// If so many of the originals do, it is their own grid.
const ON_GRID_ANYWAY: f64 = 0.9;

/// The share of values that are exactly their original, rounded.
const ROUNDED: f64 = 0.9;

/// The share of noisy values that may be anything.
const OUTLIERS: f64 = 0.02;

/// Scales over which outliers spread.
const OUTLIER_SCALES: f64 = 50.0;

/// Fewer pairs than this tell nothing.
const ENOUGH_PAIRS: usize = 8;

/// A leaked value in our terms, and our original.
pub(super) type Pair = (Decimal, Decimal);

/// What lies between leaked values and originals.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Noise {
    /// Nothing: a value that is neither candidate was altered.
    #[default]
    None,
    /// They were rounded.
    Rounded { step: Decimal, how: Rounding, is_time: bool },
    /// Something was added to them.
    Added(Spread),
}

/// Which way values were rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest.
    Nearest,
    /// Cut off.
    Down,
}

/// The law of what was added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The share of values to which nothing was added.
    pub still: f64,
    pub law: Law,
    /// In quanta; as a share of the original if `is_relative`.
    pub scale: f64,
    pub is_relative: bool,
    /// The distance of neighbouring leaked values, in quanta.
    step: f64,
    quantum: f64,
}

/// A family of symmetric laws of scale 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    Gaussian,
    Laplace,
    Uniform,
}

impl Law {
    const ALL: [Law; 3] = [Law::Gaussian, Law::Laplace, Law::Uniform];

    /// The probability of less than `x`.
    fn below(self, x: f64) -> f64 {
        match self {
            Law::Gaussian => 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2),
            Law::Laplace if x < 0.0 => 0.5 * x.exp(),
            Law::Laplace => 1.0 - 0.5 * (-x).exp(),
            Law::Uniform => (0.5 + 0.5 * x).clamp(0.0, 1.0),
        }
    }

    /// The scale of a law whose absolute values have this median.
    fn scale(self, median: f64) -> f64 {
        median
            * match self {
                Law::Gaussian => 1.4826,
                Law::Laplace => std::f64::consts::LOG2_E,
                Law::Uniform => 2.0,
            }
    }
}

impl Noise {
    /// What lies between leaked values and originals, whose marks move them by `quantum`.
    pub(super) fn of(pairs: &[Pair], quantum: Decimal, is_time: bool) -> Noise {
        if pairs.len() < ENOUGH_PAIRS || quantum <= Decimal::ZERO {
            return Noise::None;
        }
        let is_near = |(leaked, ours): &&Pair| distance(*leaked, *ours).is_some_and(|d| d <= quantum);
        // A few originals that moved by one quantum are marks; many are noise.
        let exact = pairs.iter().filter(|(leaked, ours)| leaked == ours).count() as f64;
        let near = pairs.iter().filter(is_near).count() as f64;
        let all = pairs.len() as f64;
        if near >= EXACT * all && exact >= 0.5 * near {
            return Noise::None;
        }
        rounding(pairs, quantum, is_time).unwrap_or_else(|| Spread::of(pairs, quantum))
    }

    /// Which of a carrier's texts, as numbers, a leaked value rather is: whether it is the other one, and how likely that is
    /// wrong, in 64ths. Nothing if it says nothing.
    pub(super) fn judge(&self, ours: Decimal, other: Decimal, leaked: Decimal) -> Option<(bool, u8)> {
        let likelihood = |candidate: Decimal| match self {
            Noise::None => f64::from(u8::from(candidate == leaked)),
            Noise::Rounded { step, how, .. } => {
                f64::from(u8::from(rounded(candidate, *step, *how) == Some(leaked)))
            }
            Noise::Added(spread) => spread.likelihood_of(candidate, leaked),
        };
        let (kept, changed) = (likelihood(ours), likelihood(other));
        let flip = (64.0 * kept.min(changed) / (kept + changed)).ceil();
        // Not a number if both are nought.
        (flip < 32.0).then_some((changed > kept, flip as u8))
    }
}

/// In words, for the report.
impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Noise::None => Ok(()),
            Noise::Rounded { step, how, is_time } => {
                let how = if *how == Rounding::Down { "cut" } else { "rounded" };
                write!(f, "{how} to {step}{}", if *is_time { " seconds" } else { "" })
            }
            Noise::Added(spread) if spread.is_relative => {
                write!(f, "noise of {:.2} % of a value", 100.0 * spread.scale)
            }
            Noise::Added(spread) => write!(f, "noise of {:.1} times a mark", spread.scale),
        }
    }
}

fn distance(one: Decimal, other: Decimal) -> Option<Decimal> {
    let difference = one.checked_sub(other)?;
    Some(difference.max(Decimal::ZERO.checked_sub(difference)?))
}

fn rounded(value: Decimal, step: Decimal, how: Rounding) -> Option<Decimal> {
    let quotient = match how {
        Rounding::Down => value.floor_div(step)?,
        Rounding::Nearest => value.checked_mul(2)?.checked_add(step)?.floor_div(step.checked_mul(2)?)?,
    };
    step.checked_mul(quotient)
}

/// The coarsest grid of which the leaked values are the rounded originals.
fn rounding(pairs: &[Pair], quantum: Decimal, is_time: bool) -> Option<Noise> {
    let all = pairs.len() as f64;
    let share = |is_so: &dyn Fn(&Pair) -> bool| pairs.iter().filter(|pair| is_so(pair)).count() as f64 / all;
    let is_on = |value: Decimal, step: Decimal| {
        rounded(value, step, Rounding::Down).is_some_and(|down| down == value)
    };
    let grids = Grain::all().filter(|grid| grid.is_time() == is_time).filter_map(Grain::step);
    let mut steps: Vec<Decimal> = grids
        .filter(|&step| step > quantum)
        .filter(|&step| share(&|pair| is_on(pair.0, step)) >= ON_GRID)
        .filter(|&step| share(&|pair| is_on(pair.1, step)) < ON_GRID_ANYWAY)
        .collect();
    steps.sort_unstable();
    let step = steps.pop()?;
    // Marks are rounded too, so most leaked values are the rounded original, whichever way it went.
    let agrees = |how| share(&|(leaked, ours)| rounded(*ours, step, how) == Some(*leaked)) >= ROUNDED;
    let how = [Rounding::Nearest, Rounding::Down].into_iter().find(|&how| agrees(how))?;
    Some(Noise::Rounded { step, how, is_time })
}

/// Shares of the median's scale that are tried: where few values moved, because the noise is finer than they can show, those
/// that did moved further than the law says.
const SCALES: [f64; 9] = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1];

/// Pairs that a law is fitted to.
const FITTED_PAIRS: usize = 2_000;

impl Spread {
    fn of(pairs: &[Pair], quantum: Decimal) -> Noise {
        let unit = number(quantum);
        // By how much a value moved, and its size, in quanta.
        let moves: Vec<(f64, f64)> = pairs
            .iter()
            .take(FITTED_PAIRS)
            .filter_map(|&(leaked, ours)| {
                Some((number(leaked.checked_sub(ours)?) / unit, (number(ours) / unit).abs()))
            })
            .collect();
        let finest = pairs.iter().map(|(leaked, _)| leaked.scale()).max().unwrap_or(0);
        let step = 10f64.powi(-i32::from(finest)) / unit;
        let laws = Law::ALL.into_iter().flat_map(|law| [(law, false), (law, true)]);
        let tried = laws.filter_map(|(law, is_relative)| {
            let moved = moves.iter().filter(|(by, _)| *by != 0.0);
            let sizes = moved.map(|&(by, size)| by.abs() / if is_relative { size } else { 1.0 });
            let scale = law.scale(median(sizes.collect())?);
            (scale > 0.0).then_some(Spread { still: 0.0, law, scale, is_relative, step, quantum: unit })
        });
        let fits = tried.flat_map(|spread| {
            SCALES.map(|share| Spread { scale: spread.scale * share, ..spread }.fitted(&moves))
        });
        let best = fits.max_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or(Noise::None, |(_, spread)| Noise::Added(spread))
    }

    /// With the share of values that stay beyond what the law itself leaves in place, and the log of the likelihood.
    fn fitted(mut self, moves: &[(f64, f64)]) -> (f64, Spread) {
        let mean =
            |each: &dyn Fn(&(f64, f64)) -> f64| moves.iter().map(each).sum::<f64>() / moves.len() as f64;
        let still = mean(&|&(by, _)| f64::from(u8::from(by == 0.0)));
        let by_law = mean(&|&(_, size)| self.probability(0.0, size));
        self.still = ((still - by_law) / (1.0 - by_law).max(1e-9)).clamp(0.0, 1.0);
        (mean(&|&(by, size)| self.likelihood(by, size).ln()), self)
    }

    /// The probability that the law moves a value of so many quanta by so many.
    fn probability(&self, by: f64, size: f64) -> f64 {
        let scale = if self.is_relative { self.scale * size } else { self.scale };
        // A value of nought has no relative noise.
        let scale = scale.max(self.step * 0.05);
        let below = |by: f64| self.law.below(by / scale);
        let inside = by.abs() <= 0.5 * OUTLIER_SCALES * scale;
        let outlier = if inside { (self.step / (OUTLIER_SCALES * scale)).min(1.0) } else { 1e-9 };
        let half = 0.5 * self.step;
        // From the far side, so that small probabilities keep their digits.
        let far = -by.abs();
        (1.0 - OUTLIERS) * (below(far + half) - below(far - half)).max(0.0) + OUTLIERS * outlier
    }

    fn likelihood(&self, by: f64, size: f64) -> f64 {
        let still = if by == 0.0 { self.still } else { 0.0 };
        still + (1.0 - self.still) * self.probability(by, size)
    }

    /// How likely a candidate becomes what leaked.
    fn likelihood_of(&self, candidate: Decimal, leaked: Decimal) -> f64 {
        let size = (number(candidate) / self.quantum).abs();
        match leaked.checked_sub(candidate) {
            Some(by) => self.likelihood(number(by) / self.quantum, size),
            None => 0.0,
        }
    }
}

fn number(value: Decimal) -> f64 {
    value.mantissa() as f64 / 10f64.powi(i32::from(value.scale()))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| value.is_finite());
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    fn cents(value: f64) -> Decimal {
        Decimal::new((value * 100.0).round() as i128, 2).unwrap()
    }

    /// Originals between 10 and 1000 in cents, each of twenty with a mark, and what becomes of them.
    fn pairs(change: impl Fn(f64, &mut Xoshiro256PlusPlus) -> f64) -> Vec<Pair> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        (0..2_000)
            .map(|n| {
                let ours = cents(10.0 + 990.0 * rng.random::<f64>());
                let marked =
                    if n % 20 == 0 { ours.checked_add(Decimal::new(1, 2).unwrap()).unwrap() } else { ours };
                (cents(change(number(marked), &mut rng)), ours)
            })
            .collect()
    }

    fn gaussian(rng: &mut Xoshiro256PlusPlus) -> f64 {
        (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt() * (std::f64::consts::TAU * rng.random::<f64>()).cos()
    }

    fn noise(change: impl Fn(f64, &mut Xoshiro256PlusPlus) -> f64) -> Noise {
        Noise::of(&pairs(change), Decimal::new(1, 2).unwrap(), false)
    }

    fn spread(noise: Noise) -> Spread {
        let Noise::Added(spread) = noise else { panic!("{noise:?}") };
        spread
    }

    #[test]
    fn marks_and_altered_cells_are_no_noise() {
        assert_eq!(noise(|value, _| value), Noise::None);
        let altered =
            noise(|value, rng| if rng.random_bool(0.1) { 1000.0 * rng.random::<f64>() } else { value });
        assert_eq!(altered, Noise::None);
    }

    #[test]
    fn rounding_is_told_from_noise() {
        let step = |noise| match noise {
            Noise::Rounded { step, how, .. } => (step.to_string(), how),
            other => panic!("{other:?}"),
        };
        assert_eq!(step(noise(|value, _| value.round())), ("1".into(), Rounding::Nearest));
        assert_eq!(step(noise(|value, _| (value + 1e-9).floor())), ("1".into(), Rounding::Down));
        assert_eq!(step(noise(|value, _| (value * 20.0).round() / 20.0)), ("0.05".into(), Rounding::Nearest));
    }

    #[test]
    fn laws_and_scales_are_found() {
        let found = spread(noise(|value, rng| value + 0.03 * gaussian(rng)));
        assert_eq!((found.law, found.is_relative), (Law::Gaussian, false));
        assert!((found.scale - 3.0).abs() < 0.4 && found.still < 0.1, "{found:?}");
        let found = spread(noise(|value, rng| value + 0.5 * (rng.random::<f64>() - 0.5)));
        assert_eq!((found.law, found.is_relative), (Law::Uniform, false));
        assert!((found.scale - 25.0).abs() < 3.0, "{found:?}");
        let found = spread(noise(|value, rng| value * (1.0 + 0.01 * gaussian(rng))));
        assert!(found.is_relative && (found.scale - 0.01).abs() < 0.001, "{found:?}");
    }

    #[test]
    fn noisy_carriers_become_soft_bits_as_sure_as_they_say() {
        let noise = noise(|value, rng| value + 0.008 * gaussian(rng));
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(6);
        let (mut wrong, mut said, mut read) = (0.0, 0.0, 0);
        for _ in 0..20_000 {
            let ours = cents(10.0 + 990.0 * rng.random::<f64>());
            let other = ours.checked_add(Decimal::new(1, 2).unwrap()).unwrap();
            let is_changed = rng.random_bool(0.5);
            let leaked = cents(number(if is_changed { other } else { ours }) + 0.008 * gaussian(&mut rng));
            let Some((changed, flip)) = noise.judge(ours, other, leaked) else { continue };
            read += 1;
            wrong += f64::from(u8::from(changed != is_changed));
            said += f64::from(flip) / 64.0;
        }
        assert!(read > 15_000, "{read}");
        let (wrong, said) = (wrong / f64::from(read), said / f64::from(read));
        assert!((wrong - said).abs() < 0.03 && wrong < 0.35, "wrong {wrong}, said {said}");
    }

    #[test]
    fn exact_and_rounded_cells_say_all_or_nothing() {
        let judge = |noise: Noise, leaked| noise.judge(cents(7.02), cents(7.03), cents(leaked));
        assert_eq!(judge(Noise::None, 7.02), Some((false, 0)));
        assert_eq!(judge(Noise::None, 7.03), Some((true, 0)));
        assert_eq!(judge(Noise::None, 7.04), None);
        let step = Decimal::new(5, 2).unwrap();
        let rounded = Noise::Rounded { step, how: Rounding::Nearest, is_time: false };
        assert_eq!(judge(rounded, 7.05), Some((true, 0)), "7.02 goes down, 7.03 up");
        assert_eq!(judge(rounded, 7.0), Some((false, 0)));
        assert_eq!(rounded.judge(cents(7.0), cents(7.01), cents(7.0)), None, "both go down");
    }
}
