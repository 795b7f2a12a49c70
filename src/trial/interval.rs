//! Exact intervals for the probability behind a count.
//!
//! Source: C. Clopper and E. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
//! Biometrika 26 (1934).

/// The chance of `successes` or more in `trials` of probability `p`.
pub fn binomial_tail(successes: usize, trials: usize, p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return if successes == 0 || p >= 1.0 { 1.0 } else { 0.0 };
    }
    let ln_factorial = |n: usize| libm::lgamma(n as f64 + 1.0);
    let term = |k: usize| {
        let ln_ways = ln_factorial(trials) - ln_factorial(k) - ln_factorial(trials - k);
        (ln_ways + k as f64 * p.ln() + (trials - k) as f64 * (1.0 - p).ln()).exp()
    };
    (successes..=trials).map(term).sum::<f64>().min(1.0)
}

/// The exact (Clopper-Pearson) interval for the probability behind `successes` of `trials`; each end is wrong with probability
/// `error`.
pub fn clopper_pearson(successes: usize, trials: usize, error: f64) -> (f64, f64) {
    let solve = |is_low: &dyn Fn(f64) -> bool| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if is_low(middle) { low = middle } else { high = middle }
        }
        low
    };
    let lowest = solve(&|p| binomial_tail(successes, trials, p) < error);
    let highest = solve(&|p| 1.0 - binomial_tail(successes + 1, trials, p) > error);
    (if successes == 0 { 0.0 } else { lowest }, if successes == trials { 1.0 } else { highest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_books() {
        // R: binom.test(3, 20)$conf.int
        let (low, high) = clopper_pearson(3, 20, 0.025);
        assert!((low - 0.032_070_9).abs() < 1e-6 && (high - 0.378_926_8).abs() < 1e-6, "{low} {high}");
        assert!((clopper_pearson(0, 10_000, 0.05).1 - 2.995_3e-4).abs() < 1e-7, "the rule of three");
        assert_eq!(clopper_pearson(0, 5, 0.05).0, 0.0);
        assert!((binomial_tail(2, 3, 0.5) - 0.5).abs() < 1e-12);
    }
}
