//! All tests of one reading as one procedure: the whole leak, its windows, and the joint rounds, each at its price.
//!
//! A round is given those accused before it. As the proof in `evidence::joint` has it, they are found by running the trace on the
//! guilty alone, so that the weights depend on no innocent.

use dyepack::evidence::counts::Counts;
use dyepack::evidence::investigate::{FoundBy, investigate};
use dyepack::evidence::joint;
use dyepack::evidence::log::Log;
use dyepack::evidence::tail::Coin;
use dyepack::evidence::verdict::{Family, Stage};
use dyepack::evidence::windows::{self, Windows};
use dyepack::keys::secret::MarkingSecret;
use dyepack::mark::code::{Code, codeword_key};
use dyepack::mark::marker::Bit;
use rand::RngExt as _;

use crate::hostile::{LENGTH, Reads, World};
use crate::lab::Rng;
use crate::procedure::{Decoded, Procedure, price};
use crate::reference::Weight;

const GUILTY: usize = 5;

const ROWS: usize = 600;

/// How the guilty made the leak.
#[derive(Clone, Copy, Debug)]
pub enum Made {
    /// What the fewest of them have.
    Minority,
    /// One copy, with a stretch of another's in it.
    Stretch,
}

pub const MADE: [Made; 2] = [Made::Minority, Made::Stretch];

impl Made {
    pub fn name(self) -> &'static str {
        match self {
            Made::Minority => "all stages: the minority of five",
            Made::Stretch => "all stages: a stretch of one copy in another",
        }
    }

    /// What the row says, of the bits that the guilty have there.
    fn bit(self, row: usize, held: &[bool]) -> bool {
        let ones = held.iter().filter(|&&bit| bit).count();
        match self {
            Made::Minority if ones == 0 || ones == GUILTY => held[0],
            Made::Minority => 2 * ones < GUILTY,
            Made::Stretch => held[usize::from((200..350).contains(&row))],
        }
    }
}

/// Everything that is tried on one leak, and how much it is.
pub struct Tests {
    pub procedure: Procedure,
    /// Tests of the whole leak, of all windows, and in the rounds that are run.
    pub whole: usize,
    pub windows: usize,
    pub rounds: usize,
    /// How many of the guilty are accused.
    pub accused: usize,
}

/// Makes a leak of one read a row, and all tests of it.
pub fn tests(world: &World, made: Made, rng: &mut Rng) -> Tests {
    let words: Vec<Vec<bool>> = (0..GUILTY).map(|n| world.codeword(&format!("colluder-{n}"))).collect();
    let (mut counts, mut log) = (Counts::new(LENGTH), Log::new());
    let mut reads = Reads::new();
    for (row, position) in rand::seq::index::sample(rng, LENGTH, ROWS).into_iter().enumerate() {
        let held: Vec<bool> = words.iter().map(|word| word[position]).collect();
        let bit = Bit::plain(position as u32, made.bit(row, &held));
        counts.add(bit);
        log.push(row as u32, rng.random(), &[bit]);
        reads.push((bit.position, u32::from(!bit.value), u32::from(bit.value)));
    }
    reads.sort_unstable();

    let secret = MarkingSecret::from_bytes(world.secret);
    let code = Code::new(&secret, "calibration", 1, LENGTH as u32);
    let key = |n: usize| codeword_key(&secret, "calibration", 1, &format!("colluder-{n}"));
    let family = Family { recipients: 100, readings: 1 };
    let named = investigate(&counts, Some(&log), &code, GUILTY, key, &family, 1e-6).named;
    let round_of = |by: FoundBy| if let FoundBy::Joint { round, .. } = by { round } else { 0 };
    let last = named.iter().map(|named| round_of(named.found_by)).max().unwrap_or(0) + 1;

    let spread = |coins: &mut dyn Iterator<Item = (u32, Coin)>| spread(world, &reads, coins);
    let mut decoders: Vec<Decoded> =
        world.weights(&reads).map(|weights| Decoded::by_bound(weights).at(price(Stage::WHOLE))).into();
    let whole = decoders.len();
    let cut = Windows::new(&log, &code, family.recipients);
    let stage = Stage::Windows { decoders: windows::DECODERS.len(), windows: cut.count() };
    for coins in cut.coins() {
        decoders.push(Decoded::by_bound(spread(&mut coins.into_iter())).at(price(stage)));
    }
    let windows = decoders.len() - whole;
    for round in 1..=last.min(joint::MAX_ROUNDS) {
        let before = named.iter().filter(|named| round_of(named.found_by) < round);
        let accused: Vec<usize> = before.map(|named| named.recipient).collect();
        let stage = Stage::Joint { decoders: joint::DECODERS, round };
        let coins = joint::coins(&counts, &code, &accused, key);
        for d in 0..joint::DECODERS {
            let mut coins = coins.iter().map(|(position, coins)| (*position, coins[d]));
            decoders.push(Decoded::by_bound(spread(&mut coins)).at(price(stage)));
        }
    }
    let rounds = decoders.len() - whole - windows;
    Tests { procedure: Procedure::new(decoders), whole, windows, rounds, accused: named.len() }
}

/// Weights for all positions that were read, from coins that stand at some of them.
fn spread(world: &World, reads: &Reads, coins: &mut dyn Iterator<Item = (u32, Coin)>) -> Vec<Weight> {
    let bias = |position: u32| f64::from(world.thresholds[position as usize]) / 65536.0;
    let mut weights: Vec<Weight> = reads
        .iter()
        .map(|&(position, ..)| Weight { bias: bias(position), if_one: 0.0, if_zero: 0.0 })
        .collect();
    for (position, coin) in coins {
        let at = reads.binary_search_by_key(&position, |read| read.0).expect("a position that was read");
        weights[at].if_one += coin.if_one;
        weights[at].if_zero += coin.if_zero;
    }
    weights
}
