//! Windows: whether some part of the leak is one partner's.
//!
//! Three hundred rows of one partner among fifty thousand of others are lost in the counts of the whole and plain in a window of
//! their own. So blocks of consecutive reads are scored, in file order and in the order of the rows' keys, for all recipients.
//!
//! **Which windows.** Sizes of 64, 96, 128, 192, … reads, up to half of the leak and to the code's length, each starting at
//! every multiple of a quarter of its size. Then any stretch of `n >= 80` reads holds a whole window of more than `n / 1.9`
//! reads, and a window of up to `n` has little else in it. Half overlaps and doubled sizes would guarantee a third, and save
//! 1.2 nats, the worth of three reads. Longer windows than the code need no test of their own: that many reads of one partner
//! show in the whole leak. Fewer than 64 reads can't pay for themselves at any `alpha` in use.
//!
//! **What they cost.** About a fifth of a window per read and order, all counted before any codeword is looked at
//! ([`Windows::count`]). Work is reads times recipients times orders; above [`MAX_WORK`] only the file order is tried, and above
//! that again, or with more than [`MAX_READS`] reads, none. The key order is also left out when it is the file's. All of that is
//! decided by numbers that have nothing to do with codewords.
//!
//! **Screen and bound.** A walk over the reads with prefix sums gives each recipient's score in every window. The bound of
//! `evidence::tail` is computed only where a screen lets it hope: there each window has a least score, from cumulants at a few
//! tilts, which takes positions that repeat for separate coins. So a screen may lose an accusation, and never makes one. The
//! bound itself joins the reads of a position into one coin, as it must.
//!
//! Invariant: whether a recipient is accused here depends on the leak, the biases and that recipient's own codeword. There is no
//! ranking among recipients, which would let an innocent's codeword decide whether somebody else is looked at (see
//! [`joint`](crate::evidence::joint)).

use rayon::prelude::*;

use crate::evidence::counts::Group;
use crate::evidence::decoder::Decoder;
use crate::evidence::log::{Log, Read};
use crate::evidence::tail::{Coin, Tail};
use crate::keys::prf::DerivedKey;
use crate::mark::code::{Code, CodewordStream};

/// The decoders that score windows: one leaker, nearly alone or with a fifth of the window somebody else's.
pub const DECODERS: [Decoder; 2] = [Decoder::Likelihood(1), Decoder::Noisy(20)];

const COUNT: usize = DECODERS.len();

/// The shortest windows, in reads; the next are half as long again, and both are doubled.
const SHORTEST_READS: [usize; 2] = [64, 96];

/// Windows start at multiples of their size divided by this.
const STARTS_PER_SIZE: usize = 4;

/// All windows start and end at multiples of this: the largest number that divides the quarters of both shortest sizes.
const BLOCK_READS: usize = 8;

/// Reads times recipients times orders that are walked at most: some 10 s on two cores.
const MAX_WORK: u64 = 1 << 33;

/// The longest leak that is cut into windows: some 200 MB of weights.
const MAX_READS: usize = 1 << 22;

/// The tilts at which the screen knows every window's cumulant. A likelihood ratio whose noise is guessed right has its best
/// bound at 1.
const TILTS: [f64; 8] = [0.3, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0];

/// In which order reads are cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The file's.
    File,
    /// That of the rows' keys.
    Key,
}

/// A window that accuses somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The recipient's index.
    pub recipient: usize,
    /// In which order the window is one stretch.
    pub order: Order,
    /// The rows at its two ends, in that order.
    pub first_row: u32,
    /// See `first_row`.
    pub last_row: u32,
    /// Its first read, counted from 0 in that order.
    pub first_read: usize,
    /// How many reads it has.
    pub reads: usize,
    /// The decoder that found it.
    pub decoder: Decoder,
    /// Natural log of the bound for this recipient, window and decoder alone.
    pub ln_p: f64,
}

/// The windows of a leak, chosen and weighed.
pub struct Windows {
    tracks: Vec<Track>,
    levels: Vec<Level>,
    count: usize,
}

/// Windows of one size.
#[derive(Clone, Copy)]
struct Level {
    size: usize,
    step: usize,
}

/// The reads in one order, with what the walk needs. `[f64; COUNT]` is by decoder.
struct Track {
    order: Order,
    reads: Vec<Read>,
    coins: Vec<[Coin; COUNT]>,
    positions: Vec<u32>,
    gains: Vec<[f32; COUNT]>,
    /// Sums of `if_zero` over the reads before each block.
    zeros: Vec<[f64; COUNT]>,
    /// The least score that passes the screen, for each window, level by level.
    least: Vec<[f64; COUNT]>,
}

impl Level {
    fn starts(self, reads: usize) -> impl Iterator<Item = usize> {
        (0..(reads + 1).saturating_sub(self.size)).step_by(self.step)
    }
}

/// The sizes for so many reads.
fn levels(reads: usize, code_length: usize) -> Vec<Level> {
    let longest = (reads / 2).min(code_length);
    let sizes = (0..usize::BITS - 8).flat_map(|doublings| SHORTEST_READS.map(|size| size << doublings));
    sizes
        .take_while(|&size| size <= longest)
        .map(|size| Level { size, step: size / STARTS_PER_SIZE })
        .collect()
}

/// How many of the orders are tried: all, the file's alone, or none.
fn orders_affordable(reads: usize, recipients: usize) -> usize {
    let affordable = MAX_WORK / (reads as u64 * recipients as u64).max(1);
    if reads <= MAX_READS { affordable.min(2) as usize } else { 0 }
}

/// How many windows there are for so many reads, `orders` being 2 if the file is not in the order of its keys, else 1: what each
/// recipient pays for, times the decoders.
pub fn count(reads: usize, code_length: usize, recipients: usize, orders: usize) -> usize {
    let in_one_order: usize =
        levels(reads, code_length).iter().map(|level| level.starts(reads).count()).sum();
    in_one_order * orders.min(orders_affordable(reads, recipients))
}

impl Windows {
    /// Chooses the windows of a leak, by numbers alone.
    pub fn new(log: &Log, code: &Code, recipients: usize) -> Windows {
        let reads = log.reads().len();
        let orders_affordable = orders_affordable(reads, recipients);
        let levels = levels(reads, code.len());
        let mut orders = Vec::new();
        if !levels.is_empty() {
            if orders_affordable >= 1 {
                orders.push((Order::File, log.reads().to_vec()));
            }
            if orders_affordable >= 2 {
                orders.extend(log.in_key_order().map(|reads| (Order::Key, reads)));
            }
        }
        let count = count(reads, code.len(), recipients, orders.len());
        let tracks = orders.into_iter().map(|(order, reads)| Track::new(order, reads, code)).collect();
        Windows { tracks, levels, count }
    }

    /// How many there are, in all orders together: what each recipient pays for, times the decoders.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The orders in which the leak is cut.
    pub fn orders(&self) -> Vec<Order> {
        self.tracks.iter().map(|track| track.order).collect()
    }

    /// The coins of every window under every decoder, positions ascending: what its bound is made of, for whoever checks it.
    pub fn coins(&self) -> impl Iterator<Item = Vec<(u32, Coin)>> + '_ {
        self.tracks.iter().flat_map(move |track| {
            let ends = self.levels.iter().flat_map(move |level| {
                level.starts(track.reads.len()).map(move |start| (start, start + level.size))
            });
            ends.flat_map(move |(start, end)| (0..COUNT).map(move |d| track.coins(start, end, d)))
        })
    }

    /// The recipients with a window whose bound lies below `ln_threshold`, and the least probable window of each. Those who are
    /// to be skipped, because they are accused already, are not looked at.
    pub fn search(
        &mut self,
        code: &Code,
        recipients: usize,
        key: impl Fn(usize) -> DerivedKey + Sync,
        ln_threshold: f64,
        skip: impl Fn(usize) -> bool + Sync,
    ) -> Vec<Found> {
        let levels = &self.levels;
        self.tracks.iter_mut().for_each(|track| track.least = track.screen(levels, ln_threshold));
        let found =
            (0..recipients).into_par_iter().filter(|&recipient| !skip(recipient)).filter_map(|recipient| {
                let mut stream = CodewordStream::new(&key(recipient));
                let bits = stream.next_bits(code, code.len());
                let hits = self.tracks.iter().flat_map(|track| track.walk(levels, bits, recipient));
                hits.filter(|found| found.ln_p < ln_threshold).min_by(|a, b| a.ln_p.total_cmp(&b.ln_p))
            });
        found.collect()
    }
}

impl Track {
    fn new(order: Order, reads: Vec<Read>, code: &Code) -> Track {
        let positions: Vec<u32> = reads.iter().map(|read| read.bit().position).collect();
        let coins: Vec<[Coin; COUNT]> = reads
            .iter()
            .map(|read| {
                let group = Group::of(read.bit());
                DECODERS.map(|decoder| decoder.coin(code.bias(group.position), group))
            })
            .collect();
        let gains = coins.iter().map(|coins| coins.map(|coin| (coin.if_one - coin.if_zero) as f32)).collect();
        let zeros = prefix_sums(&coins, |coins| coins.map(|coin| coin.if_zero));
        Track { order, reads, coins, positions, gains, zeros, least: Vec::new() }
    }

    /// For each window the least score at which one of the tilts gives a bound below the threshold: `K(t) - t s <= ln`.
    fn screen(&self, levels: &[Level], ln_threshold: f64) -> Vec<[f64; COUNT]> {
        let at_tilts = prefix_sums(&self.coins, |coins| {
            let mut cumulants = [0.0; COUNT * TILTS.len()];
            for (coin, cumulants) in coins.iter().zip(cumulants.chunks_exact_mut(TILTS.len())) {
                cumulants.iter_mut().zip(TILTS).for_each(|(cumulant, tilt)| *cumulant = coin.cumulant(tilt));
            }
            cumulants
        });
        let mut least = Vec::new();
        for level in levels {
            for start in level.starts(self.reads.len()) {
                let (from, to) = (start / BLOCK_READS, (start + level.size) / BLOCK_READS);
                least.push(std::array::from_fn(|d| {
                    let tilts = TILTS.iter().enumerate().map(|(i, tilt)| {
                        let at = d * TILTS.len() + i;
                        (at_tilts[to][at] - at_tilts[from][at] - ln_threshold) / tilt
                    });
                    tilts.fold(f64::INFINITY, f64::min)
                }));
            }
        }
        least
    }

    /// Of each size and decoder, the window with the most that passes the screen, with its bound.
    fn walk(&self, levels: &[Level], bits: &[bool], recipient: usize) -> Vec<Found> {
        let sums = self.sums(bits);
        let mut found = Vec::new();
        let mut least = self.least.iter();
        for level in levels {
            let mut best = [(0.0, 0); COUNT];
            for (start, least) in level.starts(self.reads.len()).zip(&mut least) {
                let (from, to) = (&sums[start / BLOCK_READS], &sums[(start + level.size) / BLOCK_READS]);
                for d in 0..COUNT {
                    let excess = to[d] - from[d] - least[d];
                    if excess > best[d].0 {
                        best[d] = (excess, start);
                    }
                }
            }
            for (d, &(excess, start)) in best.iter().enumerate() {
                if excess > 0.0 {
                    found.push(self.judge(start, start + level.size, d, bits, recipient));
                }
            }
        }
        found
    }

    /// The recipient's score over the reads before each block.
    fn sums(&self, bits: &[bool]) -> Vec<[f64; COUNT]> {
        let mut sums = Vec::with_capacity(self.zeros.len());
        let mut gained = [0.0f64; COUNT];
        sums.push(gained);
        let blocks = self.positions.chunks_exact(BLOCK_READS).zip(self.gains.chunks_exact(BLOCK_READS));
        for ((positions, gains), zeros) in blocks.zip(&self.zeros[1..]) {
            let mut block = [0.0f32; COUNT];
            for (&position, gains) in positions.iter().zip(gains) {
                let mask = u32::from(bits[position as usize]).wrapping_neg();
                for (sum, gain) in block.iter_mut().zip(gains) {
                    *sum += f32::from_bits(gain.to_bits() & mask);
                }
            }
            gained.iter_mut().zip(block).for_each(|(sum, gain)| *sum += f64::from(gain));
            sums.push(std::array::from_fn(|d| gained[d] + zeros[d]));
        }
        sums
    }

    /// The coins of one window: the reads of a position are one.
    fn coins(&self, start: usize, end: usize, d: usize) -> Vec<(u32, Coin)> {
        let mut order: Vec<usize> = (start..end).collect();
        order.sort_unstable_by_key(|&read| (self.positions[read], read));
        let mut coins: Vec<(u32, Coin)> = Vec::new();
        for read in order {
            let (position, coin) = (self.positions[read], self.coins[read][d]);
            match coins.last_mut() {
                Some((last, known)) if *last == position => known.add(coin),
                _ => coins.push((position, coin)),
            }
        }
        coins
    }

    /// The bound of one window.
    fn judge(&self, start: usize, end: usize, d: usize, bits: &[bool], recipient: usize) -> Found {
        let coins = self.coins(start, end, d);
        let picked = coins.iter().map(|(j, coin)| if bits[*j as usize] { coin.if_one } else { coin.if_zero });
        let score = picked.sum();
        Found {
            recipient,
            order: self.order,
            first_row: self.reads[start].row,
            last_row: self.reads[end - 1].row,
            first_read: start,
            reads: end - start,
            decoder: DECODERS[d],
            ln_p: Tail::new(coins.into_iter().map(|(_, coin)| coin).collect()).ln_bound(score),
        }
    }
}

/// Sums of what `value` says over the elements before each block; elements of a last block that is not full are left out.
fn prefix_sums<T, const N: usize>(elements: &[T], value: impl Fn(&T) -> [f64; N]) -> Vec<[f64; N]> {
    let mut sum = [0.0; N];
    let mut sums = vec![sum];
    for block in elements.chunks_exact(BLOCK_READS) {
        for element in block {
            sum.iter_mut().zip(value(element)).for_each(|(sum, value)| *sum += value);
        }
        sums.push(sum);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::secret::MarkingSecret;
    use crate::mark::code::codeword_key;
    use crate::mark::marker::Bit;

    const LENGTH: u32 = 65_536;

    fn secret() -> MarkingSecret {
        MarkingSecret::from_bytes([3; 32])
    }

    fn key(recipient: usize) -> DerivedKey {
        codeword_key(&secret(), "windows", 1, &recipient.to_string())
    }

    /// One read a row: recipient 1's in `burst`, recipient 2's elsewhere; keys run by sevenths.
    fn log(code: &Code, rows: u32, burst: std::ops::Range<u32>) -> Log {
        let words = [1, 2].map(|recipient| code.codeword(&key(recipient)));
        let mut log = Log::new();
        for row in 0..rows {
            let position = row.wrapping_mul(40_503) % LENGTH;
            let word = &words[usize::from(!burst.contains(&row))];
            log.push(row, u64::from(row % 7), &[Bit::plain(position, word.bit(position))]);
        }
        log
    }

    #[test]
    fn every_stretch_holds_a_window_of_half_its_size() {
        for reads in [128, 1_000, 70_000] {
            let levels = levels(reads, LENGTH as usize);
            for length in [80, 100, 119, 120, 159, 160, 500, 3_000] {
                for from in (0..(reads + 1).saturating_sub(length)).step_by(13) {
                    let fits = |level: &Level| {
                        level.starts(reads).any(|start| from <= start && start + level.size <= from + length)
                    };
                    let largest = levels.iter().filter(|level| fits(level)).map(|level| level.size).max();
                    assert!(
                        largest.is_some_and(|size| size * 19 >= length * 10),
                        "{reads} {length} {from} {largest:?}"
                    );
                }
            }
        }
        assert!(levels(127, 65_536).is_empty());
    }

    #[test]
    fn a_stretch_of_one_partner_in_anothers_rows_is_found_where_it_is() {
        let code = Code::new(&secret(), "windows", 1, LENGTH);
        let mut windows = Windows::new(&log(&code, 6_000, 3_000..3_150), &code, 20);
        assert_eq!(windows.orders(), [Order::File, Order::Key]);
        let found = windows.search(&code, 20, key, -30.0, |recipient| recipient == 2);
        let found: Vec<_> = found.iter().map(|found| (found.recipient, found.order)).collect();
        assert_eq!(found, [(1, Order::File)]);
        let all = windows.search(&code, 20, key, -30.0, |_| false);
        assert!(all.iter().any(|found| found.recipient == 2), "the others' rows are windows too");
        let window = all.iter().find(|found| found.recipient == 1).unwrap();
        assert!(window.first_row >= 2_980 && window.last_row < 3_170, "{window:?}");
    }

    #[test]
    fn a_windows_bound_is_the_plain_bound_of_its_reads() {
        let code = Code::new(&secret(), "windows", 1, LENGTH);
        let log = log(&code, 2_000, 0..300);
        let mut windows = Windows::new(&log, &code, 3);
        let found = windows.search(&code, 3, key, -5.0, |recipient| recipient != 1).remove(0);
        let mut counts = crate::evidence::counts::Counts::new(LENGTH as usize);
        let inside = log.reads().iter().filter(|read| (found.first_row..=found.last_row).contains(&read.row));
        inside.for_each(|read| counts.add(read.bit()));
        let word = code.codeword(&key(1));
        let (mut coins, mut score) = (Vec::new(), 0.0);
        for group in counts.groups() {
            let coin = found.decoder.coin(code.bias(group.position), group);
            score += if word.bit(group.position) { coin.if_one } else { coin.if_zero };
            coins.push(coin);
        }
        assert_eq!((found.order, counts.read()), (Order::File, found.reads as u64));
        assert!((Tail::new(coins).ln_bound(score) - found.ln_p).abs() < 1e-9);
    }

    #[test]
    fn what_costs_too_much_is_left_out_by_numbers_alone() {
        let code = Code::new(&secret(), "windows", 1, LENGTH);
        let log = log(&code, 6_000, 0..10);
        let few = Windows::new(&log, &code, 10);
        let many = Windows::new(&log, &code, 1_000_000);
        assert_eq!(many.orders(), [Order::File]);
        assert_eq!(few.count(), 2 * many.count());
        assert_eq!(Windows::new(&log, &code, 10_000_000).count(), 0);
    }
}
