//! The error bound: how rarely an innocent scores as high.
//!
//! Given the leak, an innocent recipient's bits are independent coins whose biases are known exactly. The leak
//! may have been made in any way, by any number of colluders: none of them knew the innocent's codeword, so the
//! weights `a_j`, `b_j`, which depend on the leak alone, are constants. Chernoff's inequality then gives, for every
//! `t >= 0`,
//!
//! ```text
//! P(S >= s) <= exp( sum_j ln(p_j e^{t a_j} + (1 - p_j) e^{t b_j}) - t s )
//! ```
//!
//! Invariant: each `t` gives a valid bound, so a search that stops early is less sharp, never wrong. Rounding is
//! covered by a slack that is far larger than the error of the sum (see [`Tail::ln_bound`]).
//!
//! Source: H. Chernoff, Ann. Math. Stat. 23 (1952); DESIGN 3.3.

/// One position of the leak as an innocent meets it: heads (bit 1) adds one weight to the score, tails the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coin {
    /// Probability that an innocent's bit is 1; strictly between 0 and 1.
    pub bias: f64,
    /// What the score gains if it is 1.
    pub if_one: f64,
    /// What the score gains if it is 0.
    pub if_zero: f64,
}

impl Coin {
    /// Adds the weights of more reads of the same position: it stays one coin.
    pub fn add(&mut self, other: Coin) {
        assert_eq!(self.bias, other.bias, "one position has one bias");
        self.if_one += other.if_one;
        self.if_zero += other.if_zero;
    }

    /// `ln E e^{t w}` of its weight `w`.
    pub(super) fn cumulant(&self, tilt: f64) -> f64 {
        let (top, rest) = self.cumulant_parts(tilt);
        top + rest
    }

    /// The cumulant as the larger exponent and the rest, a logarithm of something in (0, 1].
    fn cumulant_parts(&self, tilt: f64) -> (f64, f64) {
        let top = self.if_one.max(self.if_zero);
        let rest = self.bias * (tilt * (self.if_one - top)).exp()
            + (1.0 - self.bias) * (tilt * (self.if_zero - top)).exp();
        (tilt * top, rest.ln())
    }
}

/// The distribution of an innocent's score.
#[derive(Clone, Debug)]
pub struct Tail {
    coins: Vec<Coin>,
    mean: f64,
    highest: f64,
}

/// The largest tilt that is tried. Scores are in nats or standard deviations per cell, so a useful tilt is of order 1;
/// beyond this, exponentials only lose digits.
const MAX_TILT: f64 = 1024.0;

/// Steps of the search for the best tilt; each halves the bracket, and 60 halvings exhaust a double.
const SEARCH_STEPS: usize = 60;

impl Tail {
    /// The tail for a leak whose positions are `coins`.
    pub fn new(coins: Vec<Coin>) -> Tail {
        for coin in &coins {
            assert!(coin.bias > 0.0 && coin.bias < 1.0, "a bias is a probability of a real coin");
            assert!(coin.if_one.is_finite() && coin.if_zero.is_finite(), "weights are finite");
        }
        let mean = coins.iter().map(|c| c.bias * c.if_one + (1.0 - c.bias) * c.if_zero).sum();
        let highest = coins.iter().map(|c| c.if_one.max(c.if_zero)).sum();
        Tail { coins, mean, highest }
    }

    /// The positions, in the order given.
    pub fn coins(&self) -> &[Coin] {
        &self.coins
    }

    /// The natural log of an upper bound on the probability that an innocent scores `score` or more; at most 0.
    ///
    /// A sum of `n` doubles is wrong by at most `n` units in the last place of the sum of the absolute terms; with
    /// `n <= 65,536` that is below 2e-11 of it. The slack is fifty times that, and also covers the rounding of
    /// `score`, which is a sum of the same weights.
    pub fn ln_bound(&self, score: f64) -> f64 {
        assert!(score.is_finite(), "a score is finite");
        if score <= self.mean {
            return 0.0;
        }
        let tilt = self.best_tilt(score.min(self.highest));
        let (cumulant, magnitude) = self.cumulant(tilt);
        let slack = 1e-9 * (1.0 + magnitude + tilt * score.abs());
        (cumulant - tilt * score + slack).min(0.0)
    }

    /// Finds the tilt at which the tilted mean equals `score`: bisection on a monotone function, after doubling.
    fn best_tilt(&self, score: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0 / 64.0);
        while self.tilted_mean(high) < score {
            low = high;
            high *= 2.0;
            if high > MAX_TILT {
                return MAX_TILT;
            }
        }
        // The bound is flat at its minimum: a thousandth of the tilt costs about a millionth of the exponent.
        for _ in 0..SEARCH_STEPS {
            if high - low <= 1e-3 * high {
                break;
            }
            let middle = 0.5 * (low + high);
            if self.tilted_mean(middle) < score { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    /// `K(t)`, and the sum of the absolute values of what was added up.
    fn cumulant(&self, tilt: f64) -> (f64, f64) {
        self.coins.iter().fold((0.0, 0.0), |(sum, magnitude), coin| {
            let (top, rest) = coin.cumulant_parts(tilt);
            let largest = tilt * coin.if_one.abs().max(coin.if_zero.abs());
            (sum + (top + rest), magnitude + largest + rest.abs())
        })
    }

    /// `K'(t)`: the mean score of an innocent under the tilted law.
    fn tilted_mean(&self, tilt: f64) -> f64 {
        self.coins
            .iter()
            .map(|coin| {
                let odds = (1.0 - coin.bias) / coin.bias * (tilt * (coin.if_zero - coin.if_one)).exp();
                // Infinite odds leave the zero alone.
                let one = 1.0 / (1.0 + odds);
                one * coin.if_one + (1.0 - one) * coin.if_zero
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coins(n: usize) -> Vec<Coin> {
        (0..n)
            .map(|j| {
                let bias = 0.05 + 0.9 * (j as f64 + 0.5) / n as f64;
                Coin { bias, if_one: -bias.ln(), if_zero: (1.0 - bias).ln() * (j % 3) as f64 }
            })
            .collect()
    }

    /// The exact probability of each score, by walking all outcomes.
    fn exact_tail(coins: &[Coin], score: f64) -> f64 {
        (0..1u32 << coins.len())
            .map(|outcome| {
                let (mut probability, mut sum) = (1.0, 0.0);
                for (j, coin) in coins.iter().enumerate() {
                    let one = outcome >> j & 1 == 1;
                    probability *= if one { coin.bias } else { 1.0 - coin.bias };
                    sum += if one { coin.if_one } else { coin.if_zero };
                }
                if sum >= score - 1e-12 { probability } else { 0.0 }
            })
            .sum()
    }

    #[test]
    fn the_bound_is_never_below_the_exact_tail() {
        let coins = coins(14);
        let tail = Tail::new(coins.clone());
        let mut sharpest = f64::NEG_INFINITY;
        for step in 0..200 {
            let score = tail.mean + (tail.highest - tail.mean) * f64::from(step) / 199.0;
            let (bound, exact) = (tail.ln_bound(score), exact_tail(&coins, score).ln());
            assert!(bound >= exact, "score {score}: bound {bound} below exact {exact}");
            sharpest = sharpest.max(exact - bound);
        }
        assert!(sharpest > -0.02, "at the very top the bound meets the exact tail, got {sharpest}");
    }

    #[test]
    fn scores_at_and_below_the_mean_prove_nothing() {
        let tail = Tail::new(coins(10));
        assert_eq!(tail.ln_bound(tail.mean), 0.0);
        assert_eq!(tail.ln_bound(tail.mean - 5.0), 0.0);
        assert_eq!(Tail::new(Vec::new()).ln_bound(0.0), 0.0);
    }

    #[test]
    fn an_impossible_score_is_bounded_by_the_top_one() {
        let tail = Tail::new(coins(10));
        assert!(tail.ln_bound(tail.highest + 1.0) <= tail.ln_bound(tail.highest));
    }

    #[test]
    fn the_bound_falls_as_the_score_rises() {
        let tail = Tail::new(coins(500));
        let bounds: Vec<f64> = (0..50)
            .map(|i| tail.ln_bound(tail.mean + (tail.highest - tail.mean) * f64::from(i) / 49.0))
            .collect();
        assert!(bounds.windows(2).all(|w| w[1] <= w[0] + 1e-6), "{bounds:?}");
    }
}
