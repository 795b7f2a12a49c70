//! Leaks made as hostile as can be, on a small code: what the error bound has to withstand.
//!
//! Each leak is fixed before any innocent's codeword is looked at, as the bound demands; beyond that anything goes.

use dyepack::evidence::counts::Counts;
use dyepack::mark::marker::Bit;
use rand::RngExt as _;

use crate::lab::Rng;
use crate::reference::{self, Scope, Weight};

/// Reads by position: `(position, zeros, ones)`, positions ascending.
pub type Reads = Vec<(u32, u32, u32)>;

pub const LENGTH: usize = 4096;

/// A code, some colluders, and leaks that depend on no innocent.
pub struct World {
    pub secret: [u8; 32],
    pub thresholds: Vec<u16>,
}

impl World {
    pub fn new(rng: &mut Rng) -> World {
        let secret = rng.random();
        World { secret, thresholds: Self::scope(&secret).thresholds(LENGTH) }
    }

    fn scope(secret: &[u8; 32]) -> Scope<'static> {
        Scope { secret: *secret, dataset: "calibration", epoch: 1 }
    }

    pub fn codeword(&self, id: &str) -> Vec<bool> {
        Self::scope(&self.secret).codeword(id, &self.thresholds)
    }

    pub fn leaks(&self, rng: &mut Rng) -> Vec<(&'static str, Reads)> {
        let one = |position: u32, bit: bool| (position, u32::from(!bit), u32::from(bit));
        let some = |n: u32| (0..n).map(move |i| i * (LENGTH as u32 / n));
        let rare = |position: u32| self.thresholds[position as usize] < 32_768;
        let colluders: Vec<Vec<bool>> = (0..5).map(|i| self.codeword(&format!("colluder-{i}"))).collect();
        let minority = |j: u32| {
            let ones = colluders.iter().filter(|word| word[j as usize]).count();
            if ones == 0 || ones == 5 { ones == 5 } else { ones < 3 }
        };
        let mut by_bias: Vec<u32> = (0..LENGTH as u32).collect();
        by_bias.sort_by_key(|&j| {
            self.thresholds[j as usize].min((65_536 - u32::from(self.thresholds[j as usize])) as u16)
        });
        let mut extreme = by_bias[..40].to_vec();
        let mut even = by_bias[LENGTH - 200..].to_vec();
        extreme.sort_unstable();
        even.sort_unstable();
        vec![
            ("coins", some(300).map(|j| one(j, rng.random())).collect()),
            ("all ones", some(300).map(|j| one(j, true)).collect()),
            ("always the rarer bit", some(300).map(|j| one(j, rare(j))).collect()),
            ("always the commoner bit", some(300).map(|j| one(j, !rare(j))).collect()),
            ("the minority of five", some(300).map(|j| one(j, minority(j))).collect()),
            ("one colluder's own copy", some(300).map(|j| one(j, colluders[0][j as usize])).collect()),
            ("positions read often, in contradiction", some(100).map(|j| (j, j % 7, 3)).collect()),
            (
                "one position outweighs all",
                some(50).map(|j| (j, 0, if j == 0 { 1_000 } else { 1 })).collect(),
            ),
            ("forty extreme biases, rarer bits", extreme.iter().map(|&j| one(j, rare(j))).collect()),
            ("two hundred even biases", even.iter().map(|&j| one(j, rng.random())).collect()),
            ("five positions", some(5).map(|j| one(j, rng.random())).collect()),
            ("a single position", vec![one(9, rare(9))]),
        ]
    }

    /// The bits of the nth innocent where the leak was read.
    pub fn innocent(&self, n: usize, reads: &Reads) -> Vec<bool> {
        let codeword = self.codeword(&format!("innocent-{n}"));
        reads.iter().map(|&(position, _, _)| codeword[position as usize]).collect()
    }

    /// What each decoder makes of a leak, in the reference's plain lines.
    pub fn weights(&self, reads: &Reads) -> [Vec<Weight>; reference::DECODERS.len()] {
        reference::DECODERS.map(|colluders| reference::weights(colluders, &self.thresholds, reads))
    }
}

pub fn counts(reads: &Reads) -> Counts {
    let mut counts = Counts::new(LENGTH);
    for &(position, zeros, ones) in reads {
        (0..zeros).for_each(|_| counts.add(Bit::plain(position, false)));
        (0..ones).for_each(|_| counts.add(Bit::plain(position, true)));
    }
    counts
}
