//! Probabilities too small to be counted: how often an innocent's bits reach a level, by importance splitting.
//!
//! A crowd of innocents is drawn. The ones with the lowest level are killed and replaced by copies of survivors, each copy
//! moved at random for a while without falling back to the level of the killed. With `k` of `n` killed, a share `1 - k / n`
//! lies above that level; the product of these shares is the estimate. Scores come in lumps (few bits make few sums), so each
//! innocent also draws a lot, which decides between equal levels: then one at a time is killed, as theory wants it.
//!
//! The moves are reversible for the law of an innocent's bits: a random handful of bits is drawn anew from their biases, or two
//! bits change places by Metropolis' rule (which finds its way where ones are rare and each counts); either is undone if
//! the level would be lost.
//!
//! Sources: Cerou, Furon and Guyader, "Experimental assessment of the reliability for watermarking and fingerprinting schemes"
//! (2008); Cerou, Del Moral, Furon and Guyader, "Sequential Monte Carlo for rare event estimation" (2012), section 3;
//! for lumps: C. Walter, "Rare event simulation and splitting for discontinuous random variables" (2015).

use rand::RngExt as _;

use crate::lab::Rng;

/// What an innocent's bits are measured by.
pub trait Statistic: Sync {
    /// Running sums, which a changed bit changes a little.
    type Sums: Clone;

    fn sums(&self, bits: &[bool]) -> Self::Sums;

    /// The bit at `position` becomes `bit`.
    fn turn(&self, sums: &mut Self::Sums, position: usize, bit: bool);

    /// The larger, the more it speaks against the innocent.
    fn level(&self, sums: &Self::Sums) -> f64;
}

/// How hard to try.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Size of the crowd.
    pub particles: usize,
    /// How often, on average, each bit of a copy is tried for another value before the copy counts as another innocent.
    pub sweeps: usize,
    /// Independent crowds, whose spread gives the error.
    pub runs: usize,
}

/// An estimated probability.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    pub probability: f64,
    /// Relative standard error: the spread between runs, or what theory gives for independent particles, if that is larger.
    pub relative_error: f64,
}

impl Estimate {
    /// The interval of `z` standard errors of the logarithm, which is nearly normal.
    pub fn interval(&self, z: f64) -> (f64, f64) {
        let factor = (z * self.relative_error).exp();
        (self.probability / factor, self.probability * factor)
    }
}

/// Levels within this of each other are one: sums of the same weights in another order differ by less.
const SAME_LEVEL: f64 = 1e-9;

/// The share of moves that should be accepted; the handful's size follows it.
const WANTED_ACCEPTANCE: f64 = 0.3;

/// How far one copy's moves change the handful of the next: the crowd climbs slowly, and a thousand copies teach it well.
const ADAPTATION: f64 = 0.02;

/// An innocent of the crowd.
#[derive(Clone)]
struct Particle<S> {
    bits: Vec<bool>,
    sums: S,
    rank: Rank,
}

/// A level, and a lot between 0 and 1 that decides between equal ones.
type Rank = (f64, f64);

struct Crowd<'a, T: Statistic> {
    statistic: &'a T,
    biases: &'a [f64],
    particles: Vec<Particle<T::Sums>>,
    /// Bits that are drawn anew in one move.
    handful: f64,
    sweeps: usize,
}

/// The probability that an innocent's level is at least each of `levels`, which ascend; bits are 1 with `biases`.
pub fn estimate<T: Statistic>(
    statistic: &T,
    biases: &[f64],
    levels: &[f64],
    effort: Effort,
    rng: &mut Rng,
) -> Vec<Estimate> {
    let runs: Vec<Vec<f64>> =
        (0..effort.runs).map(|_| Crowd::new(statistic, biases, effort, rng).reach(levels, rng)).collect();
    let particles = (effort.runs * effort.particles) as f64;
    (0..levels.len())
        .map(|i| {
            let n = runs.len() as f64;
            let mean = runs.iter().map(|run| run[i]).sum::<f64>() / n;
            let variance = runs.iter().map(|run| (run[i] - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
            let spread = if mean > 0.0 { (variance / n).sqrt() / mean } else { 0.0 };
            let theory = if mean > 0.0 { (-mean.ln() / particles).sqrt() } else { 0.0 };
            Estimate { probability: mean, relative_error: spread.max(theory) }
        })
        .collect()
}

impl<'a, T: Statistic> Crowd<'a, T> {
    fn new(statistic: &'a T, biases: &'a [f64], effort: Effort, rng: &mut Rng) -> Crowd<'a, T> {
        let particles = (0..effort.particles).map(|_| {
            let bits: Vec<bool> = biases.iter().map(|&bias| rng.random_bool(bias)).collect();
            let sums = statistic.sums(&bits);
            let rank = (level_of(statistic, &sums), rng.random());
            Particle { bits, sums, rank }
        });
        let particles = particles.collect();
        Crowd { statistic, biases, particles, handful: biases.len() as f64 / 4.0, sweeps: effort.sweeps }
    }

    /// Climbs through `levels`, and gives the estimate of each; zeros from where nobody can climb further.
    fn reach(mut self, levels: &[f64], rng: &mut Rng) -> Vec<f64> {
        let (mut probability, mut reached) = (1.0, Vec::new());
        loop {
            let ranks = self.particles.iter().map(|particle| particle.rank);
            let lowest = ranks.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))).expect("a crowd");
            while reached.len() < levels.len() && levels[reached.len()] <= lowest.0 {
                reached.push(probability);
            }
            if reached.len() == levels.len() {
                return reached;
            }
            let (killed, alive): (Vec<usize>, Vec<usize>) =
                (0..self.particles.len()).partition(|&i| self.particles[i].rank <= lowest);
            if alive.is_empty() {
                reached.resize(levels.len(), 0.0);
                return reached;
            }
            probability *= alive.len() as f64 / self.particles.len() as f64;
            for dead in killed {
                let parent = alive[rng.random_range(0..alive.len())];
                self.particles[dead] = self.particles[parent].clone();
                self.shake(dead, lowest, rng);
            }
        }
    }

    /// Moves a copy away from its parent, staying above `floor`.
    ///
    /// Size and number of the moves are fixed beforehand: made to depend on how the copy fares, they would drive it away from the
    /// floor or towards it (measured: 40 % too many at 1e-7).
    fn shake(&mut self, index: usize, floor: Rank, rng: &mut Rng) {
        let n = self.biases.len();
        let handful = (self.handful.round() as usize).clamp(1, n);
        let moves = (self.sweeps * n).div_ceil(handful);
        let mut accepted = 0;
        for _ in 0..moves {
            let changes = self.redraw(index, handful, rng);
            accepted += usize::from(self.keep_if_above(index, floor, &changes));
            for _ in 0..handful {
                let changes = self.exchange(index, rng);
                self.keep_if_above(index, floor, &changes);
            }
            let (level, lot) = &mut self.particles[index].rank;
            let lowest_lot = if *level > floor.0 { 0.0 } else { floor.1 };
            *lot = lowest_lot + (1.0 - lowest_lot) * rng.random::<f64>();
        }
        let excess = accepted as f64 / moves as f64 - WANTED_ACCEPTANCE;
        self.handful = (self.handful * (ADAPTATION * excess).exp()).clamp(1.0, n as f64);
    }

    /// Of a handful of bits, drawn anew from their biases, those that turn.
    fn redraw(&self, index: usize, handful: usize, rng: &mut Rng) -> Vec<usize> {
        let places = rand::seq::index::sample(rng, self.biases.len(), handful);
        let bits = &self.particles[index].bits;
        places.into_iter().filter(|&i| rng.random_bool(self.biases[i]) != bits[i]).collect()
    }

    /// Two bits that differ and may change places, or none.
    fn exchange(&self, index: usize, rng: &mut Rng) -> Vec<usize> {
        let n = self.biases.len();
        let (a, b) = (rng.random_range(0..n), rng.random_range(0..n));
        let bits = &self.particles[index].bits;
        if bits[a] == bits[b] {
            return Vec::new();
        }
        let (one, zero) = if bits[a] { (a, b) } else { (b, a) };
        let odds = |i: usize| self.biases[i] / (1.0 - self.biases[i]);
        let allowed = (odds(zero) / odds(one)).min(1.0);
        if rng.random_bool(allowed) { vec![a, b] } else { Vec::new() }
    }

    fn keep_if_above(&mut self, index: usize, floor: Rank, changes: &[usize]) -> bool {
        if changes.is_empty() {
            return true;
        }
        let particle = &mut self.particles[index];
        let before = particle.sums.clone();
        for &position in changes {
            particle.bits[position] = !particle.bits[position];
            self.statistic.turn(&mut particle.sums, position, particle.bits[position]);
        }
        let rank = (level_of(self.statistic, &particle.sums), particle.rank.1);
        if rank > floor {
            particle.rank = rank;
            return true;
        }
        changes.iter().for_each(|&position| particle.bits[position] = !particle.bits[position]);
        particle.sums = before;
        false
    }
}

fn level_of<T: Statistic>(statistic: &T, sums: &T::Sums) -> f64 {
    (statistic.level(sums) / SAME_LEVEL).round() * SAME_LEVEL
}
