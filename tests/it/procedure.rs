//! What accuses, as a function of one innocent's bits: a decoder's bound, and the best of all decoders, paid for.
//!
//! A level is `-ln` of the claimed probability, so a claim of one in a million is the level 13.8. The claims come from the
//! product's own [`Tail`], the weights under them from the reference.
//!
//! For the same probabilities there is a second road, which shares nothing with splitting: draw innocents from biases that are
//! tilted so that a high score is nothing rare, and undo the tilt by weights. It needs sums of independent coins;
//! splitting does not. Source: Siegmund, "Importance sampling in the Monte Carlo study of sequential tests" (1976); for the
//! mixture of tilts: Veach and Guibas, "Optimally combining sampling techniques for Monte Carlo rendering" (1995).

use dyepack::evidence::tail::{Coin, Tail};
use dyepack::evidence::verdict::{Family, Stage};
use rand::RngExt as _;

use crate::lab::Rng;
use crate::reference::Weight;
use crate::splitting::{Estimate, Statistic};

/// Points of a curve: the chords between them exceed the convex function by less than 1e-4.
const POINTS: usize = 512;

/// The highest level that a curve tells apart from those above: no claim below 1e-16 is looked at.
const HIGHEST_LEVEL: f64 = 37.0;

/// A level as an increasing function of a score, by chords.
///
/// Chernoff's exponent is convex, so its chords lie above it: the claim is overstated by less than a ten-thousandth, never
/// understated, and the bound has to hold all the same.
pub struct Curve {
    lowest: f64,
    step: f64,
    levels: Vec<f64>,
}

impl Curve {
    /// The curve of a function that is 0 up to `mean` and does not fall from there to `highest`.
    pub fn new(mean: f64, highest: f64, level: impl Fn(f64) -> f64) -> Curve {
        let end = score_at(mean, highest, HIGHEST_LEVEL, &level);
        let step = (end - mean) / (POINTS - 1) as f64;
        let levels = (0..POINTS).map(|i| level(mean + step * i as f64)).collect();
        Curve { lowest: mean, step, levels }
    }

    /// The level of `score`.
    pub fn at(&self, score: f64) -> f64 {
        let place = ((score - self.lowest) / self.step).max(0.0);
        let left = (place as usize).min(POINTS - 2);
        let share = (place - left as f64).min(1.0);
        self.levels[left] + share * (self.levels[left + 1] - self.levels[left])
    }
}

/// The score at which `level` is first reached, or the highest.
fn score_at(mean: f64, highest: f64, wanted: f64, level: impl Fn(f64) -> f64) -> f64 {
    if level(highest) <= wanted {
        return highest;
    }
    let (mut low, mut high) = (mean, highest);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if level(middle) < wanted { low = middle } else { high = middle }
    }
    high
}

/// One decoder: its weights and the level of a score.
pub struct Decoded {
    weights: Vec<Weight>,
    curve: Curve,
    /// What a look by this decoder costs, in nats.
    price: f64,
}

impl Decoded {
    /// As the product claims it.
    pub fn by_bound(weights: Vec<Weight>) -> Decoded {
        let coin = |w: &Weight| Coin { bias: w.bias, if_one: w.if_one, if_zero: w.if_zero };
        let tail = Tail::new(weights.iter().map(coin).collect());
        Decoded::new(weights, |score| -tail.ln_bound(score))
    }

    /// As a normal approximation would claim it, which is no bound.
    pub fn by_normal_approximation(weights: Vec<Weight>) -> Decoded {
        let mean = mean(&weights);
        let variance = |w: &Weight| w.bias * (1.0 - w.bias) * (w.if_one - w.if_zero).powi(2);
        let deviation = weights.iter().map(variance).sum::<f64>().sqrt();
        let level = |score| -(0.5 * libm::erfc((score - mean) / (deviation * std::f64::consts::SQRT_2))).ln();
        Decoded::new(weights, level)
    }

    fn new(weights: Vec<Weight>, level: impl Fn(f64) -> f64) -> Decoded {
        let highest = weights.iter().map(|w| w.if_one.max(w.if_zero)).sum();
        let curve = Curve::new(mean(&weights), highest, level);
        Decoded { weights, curve, price: 0.0 }
    }

    /// The same for a stage in which a look costs so much.
    pub fn at(mut self, price: f64) -> Decoded {
        self.price = price;
        self
    }

    fn score(&self, bits: &[bool]) -> f64 {
        crate::reference::score(&self.weights, bits)
    }

    /// The tilt at which an innocent's mean score has the level, and the logarithm of the mean of `e^(tilt S)`.
    fn tilt(&self, level: f64) -> (f64, f64) {
        let odds = |w: &Weight, t: f64| (1.0 - w.bias) / w.bias * (t * (w.if_zero - w.if_one)).exp();
        let tilted_mean = |t: f64| -> f64 {
            let one = |w: &Weight| 1.0 / (1.0 + odds(w, t));
            self.weights.iter().map(|w| one(w) * w.if_one + (1.0 - one(w)) * w.if_zero).sum()
        };
        let (mut low, mut high) = (0.0, 20.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.curve.at(tilted_mean(middle)) < level { low = middle } else { high = middle }
        }
        let cumulant = |w: &Weight| {
            // One position may weigh so much that its exponential is no double.
            let top = high * w.if_one.max(w.if_zero);
            let (one, zero) = ((high * w.if_one - top).exp(), (high * w.if_zero - top).exp());
            top + (w.bias * one + (1.0 - w.bias) * zero).ln()
        };
        (high, self.weights.iter().map(cumulant).sum())
    }
}

fn mean(weights: &[Weight]) -> f64 {
    weights.iter().map(|w| w.bias * w.if_one + (1.0 - w.bias) * w.if_zero).sum()
}

/// What the product takes for one look of a stage at one recipient under one reading.
pub fn price(stage: Stage) -> f64 {
    -Family { recipients: 1, readings: 1 }.ln_share(stage)
}

/// The best of some decoders, each paid for.
pub struct Procedure {
    decoders: Vec<Decoded>,
}

impl Procedure {
    pub fn new(decoders: impl IntoIterator<Item = Decoded>) -> Procedure {
        Procedure { decoders: decoders.into_iter().collect() }
    }

    /// The decoders of the whole leak, as the product pays for them.
    pub fn whole(decoders: impl IntoIterator<Item = Decoded>) -> Procedure {
        Procedure::new(decoders.into_iter().map(|decoder| decoder.at(price(Stage::WHOLE))))
    }

    /// The same, claiming probabilities `times` smaller: a lie, for controls.
    pub fn claiming(mut self, times: f64) -> Procedure {
        self.decoders.iter_mut().for_each(|decoder| decoder.price -= times.ln());
        self
    }

    /// The probabilities that an innocent's bits are 1.
    pub fn biases(&self) -> Vec<f64> {
        self.decoders[0].weights.iter().map(|w| w.bias).collect()
    }

    fn best(&self, scores: impl Iterator<Item = f64>) -> f64 {
        let levels =
            self.decoders.iter().zip(scores).map(|(decoder, score)| decoder.curve.at(score) - decoder.price);
        levels.fold(f64::NEG_INFINITY, f64::max)
    }

    /// The probability that an innocent reaches `level`, by tilted sampling.
    pub fn by_tilting(&self, level: f64, draws: usize, rng: &mut Rng) -> Estimate {
        let tilts: Vec<(f64, f64)> =
            self.decoders.iter().map(|decoder| decoder.tilt(level + decoder.price)).collect();
        let mut weights = Vec::new();
        for draw in 0..draws {
            let (decoder, (tilt, _)) = (&self.decoders[draw % tilts.len()], tilts[draw % tilts.len()]);
            let one =
                |w: &Weight| 1.0 / (1.0 + (1.0 - w.bias) / w.bias * (tilt * (w.if_zero - w.if_one)).exp());
            let bits: Vec<bool> = decoder.weights.iter().map(|w| rng.random_bool(one(w))).collect();
            let scores: Vec<f64> = self.decoders.iter().map(|decoder| decoder.score(&bits)).collect();
            // How much likelier these bits are under the mixture of all tilts than for an innocent.
            let ratios =
                tilts.iter().zip(&scores).map(|(&(tilt, ln_mean), score)| (tilt * score - ln_mean).exp());
            let ratio = ratios.sum::<f64>() / tilts.len() as f64;
            let is_reached = self.best(scores.into_iter()) >= level;
            weights.push(if is_reached { 1.0 / ratio } else { 0.0 });
        }
        let n = weights.len() as f64;
        let probability = weights.iter().sum::<f64>() / n;
        let variance = weights.iter().map(|w| (w - probability).powi(2)).sum::<f64>() / n;
        Estimate { probability, relative_error: (variance / n).sqrt() / probability.max(f64::MIN_POSITIVE) }
    }
}

/// The scores, one for each decoder.
impl Statistic for Procedure {
    type Sums = Vec<f64>;

    fn sums(&self, bits: &[bool]) -> Vec<f64> {
        self.decoders.iter().map(|decoder| decoder.score(bits)).collect()
    }

    fn turn(&self, sums: &mut Vec<f64>, position: usize, bit: bool) {
        for (sum, decoder) in sums.iter_mut().zip(&self.decoders) {
            let weight = decoder.weights[position];
            let gain = weight.if_one - weight.if_zero;
            *sum += if bit { gain } else { -gain };
        }
    }

    fn level(&self, sums: &Vec<f64>) -> f64 {
        self.best(sums.iter().copied())
    }
}
