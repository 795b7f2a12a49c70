//! The source map: which rows of the leak speak for whom. Description, not evidence: nobody is named by it.
//!
//! Rows with reads are walked in file order. A row is *one accused's*, *others'* (whoever they are) or *mixed* (from each
//! source by its share of the whole), and going from one to another costs a penalty. The likeliest course is Viterbi's. Where
//! copies are mixed row by row, no course pays, and the map is one mixed stretch whose shares say the rest.
//!
//! Invariants: stretches ascend and do not overlap; there are at most [`MAX_SEGMENTS`].
//!
//! Source: A. Viterbi, IEEE Trans. Inf. Theory 13 (1967).

use crate::evidence::log::{Log, Read};
use crate::evidence::shares::Shares;
use crate::keys::prf::DerivedKey;
use crate::mark::code::{Code, Codeword};

/// The accused who can own a stretch: those with the largest shares. With *others* and *mixed* they fit a mask of 32 bits.
const MAX_SPEAKERS: usize = 30;

/// Stretches at most; if there are more, a change is made dearer.
const MAX_SEGMENTS: usize = 1_000;

/// What a change costs, in nats: as much as some 35 reads of one untouched copy can give.
const CHANGE: f64 = 14.0;

/// The share of a speaker's own cells that read as coins.
const NOISE: f64 = 0.05;

/// Who a stretch speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// One of the accused, by the recipient's index.
    Recipient(usize),
    /// Somebody else, or nobody.
    Others,
    /// Each source by its share.
    Mixed,
}

/// A stretch of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// The first row with a read.
    pub first_row: u32,
    /// The last row with a read.
    pub last_row: u32,
    /// Who it speaks for.
    pub speaker: Speaker,
    /// How many reads it has.
    pub reads: u64,
    /// How much likelier these reads are than if they were others', in nats.
    pub ln_ratio: f64,
}

/// The states of the walk.
struct Sources<'a> {
    code: &'a Code,
    speakers: Vec<(usize, Codeword)>,
    /// By speaker.
    shares: Vec<f64>,
    others: f64,
    coins: f64,
}

/// Draws the map of a log, given who is accused and how much each has of the leak. Empty if nobody is.
pub(super) fn draw(
    log: &Log,
    code: &Code,
    shares: &Shares,
    key: impl Fn(usize) -> DerivedKey,
) -> Vec<Segment> {
    if shares.accused.is_empty() {
        return Vec::new();
    }
    let sources = Sources::new(code, shares, key);
    let mut penalty = CHANGE;
    loop {
        let segments = sources.walk(log, penalty);
        if segments.len() <= MAX_SEGMENTS {
            return segments;
        }
        penalty *= 2.0;
    }
}

impl<'a> Sources<'a> {
    fn new(code: &'a Code, shares: &Shares, key: impl Fn(usize) -> DerivedKey) -> Sources<'a> {
        let mut accused = shares.accused.clone();
        accused.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        accused.truncate(MAX_SPEAKERS);
        // Those who find no room count as others.
        let others = 1.0 - shares.coins - accused.iter().map(|(_, share)| share).sum::<f64>();
        Sources {
            code,
            shares: accused.iter().map(|&(_, share)| share).collect(),
            speakers: accused.into_iter().map(|(r, _)| (r, code.codeword(&key(r)))).collect(),
            others: others.max(0.0),
            coins: shares.coins,
        }
    }

    fn states(&self) -> usize {
        self.speakers.len() + 2
    }

    fn speaker(&self, state: usize) -> Speaker {
        match self.speakers.get(state) {
            Some(&(recipient, _)) => Speaker::Recipient(recipient),
            None if state == self.speakers.len() => Speaker::Others,
            None => Speaker::Mixed,
        }
    }

    /// Adds to `ln`, by state, how likely a read is.
    fn weigh(&self, read: Read, ln: &mut [f64]) {
        let bit = read.bit();
        let p = self.code.bias(bit.position);
        let flip = bit.flip_probability();
        let says = |one: f64| {
            let one = (1.0 - 2.0 * flip) * ((1.0 - NOISE) * one + NOISE / 2.0) + flip;
            if bit.value { one.ln() } else { (1.0 - one).ln() }
        };
        let (certain, never) = (says(1.0), says(0.0));
        let mut mixed = self.others * p + 0.5 * self.coins;
        for (a, (_, word)) in self.speakers.iter().enumerate() {
            let holds = word.bit(bit.position);
            ln[a] += if holds { certain } else { never };
            mixed += if holds { self.shares[a] } else { 0.0 };
        }
        // Where nothing is left for others, they are taken for copies and coins in equal parts.
        let rest = self.others + self.coins;
        let others = if rest > 0.0 { (self.others * p + 0.5 * self.coins) / rest } else { 0.5 * (p + 0.5) };
        ln[self.speakers.len()] += says(others);
        ln[self.speakers.len() + 1] += says(mixed.clamp(0.0, 1.0));
    }

    fn walk(&self, log: &Log, penalty: f64) -> Vec<Segment> {
        let course = self.course(log, penalty);
        let mut segments: Vec<Segment> = Vec::new();
        let mut ln = vec![0.0; self.states()];
        let mut last_state = usize::MAX;
        for (reads, state) in log.rows().zip(course) {
            ln.fill(0.0);
            reads.iter().for_each(|&read| self.weigh(read, &mut ln));
            let (row, ratio) = (reads[0].row, ln[state] - ln[self.speakers.len()]);
            match segments.last_mut() {
                Some(segment) if state == last_state => {
                    segment.last_row = row;
                    segment.reads += reads.len() as u64;
                    segment.ln_ratio += ratio;
                }
                _ => segments.push(Segment {
                    first_row: row,
                    last_row: row,
                    speaker: self.speaker(state),
                    reads: reads.len() as u64,
                    ln_ratio: ratio,
                }),
            }
            last_state = state;
        }
        segments
    }

    /// The likeliest state of each row with reads.
    fn course(&self, log: &Log, penalty: f64) -> Vec<usize> {
        let mut scores = vec![0.0; self.states()];
        let mut ln = vec![0.0; self.states()];
        // For each row: the best state before it, and which states are best entered from there.
        let mut back: Vec<(u8, u32)> = Vec::new();
        for reads in log.rows() {
            ln.fill(0.0);
            reads.iter().for_each(|&read| self.weigh(read, &mut ln));
            let best = largest(&scores);
            let entered = scores[best] - penalty;
            let mut changed = 0;
            for (state, score) in scores.iter_mut().enumerate() {
                if *score < entered {
                    *score = entered;
                    changed |= 1 << state;
                }
                *score += ln[state];
            }
            back.push((best as u8, changed));
        }
        let mut state = largest(&scores);
        let mut course = vec![0; back.len()];
        for (at, (best, changed)) in back.into_iter().enumerate().rev() {
            course[at] = state;
            if changed >> state & 1 == 1 {
                state = usize::from(best);
            }
        }
        course
    }
}

fn largest(scores: &[f64]) -> usize {
    (0..scores.len())
        .max_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a)))
        .expect("there are states")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::secret::MarkingSecret;
    use crate::mark::code::codeword_key;
    use crate::mark::marker::Bit;

    fn key(recipient: usize) -> DerivedKey {
        codeword_key(&MarkingSecret::from_bytes([8; 32]), "map", 1, &recipient.to_string())
    }

    fn log(code: &Code, source: impl Fn(u32) -> usize) -> Log {
        let words: Vec<Codeword> = (0..4).map(|recipient| code.codeword(&key(recipient))).collect();
        let mut log = Log::new();
        for row in (0..6_000).step_by(2) {
            let position = row * 7 % 65_536;
            log.push(row, 0, &[Bit::plain(position, words[source(row)].bit(position))]);
        }
        log
    }

    fn shares(accused: &[(usize, f64)], others: f64) -> Shares {
        Shares { accused: accused.to_vec(), others, coins: 0.0 }
    }

    #[test]
    fn stretches_are_found_with_their_ends() {
        let code = Code::new(&MarkingSecret::from_bytes([8; 32]), "map", 1, 65_536);
        let source = |row| [0, 3, 1][usize::from(row >= 2_000) + usize::from(row >= 4_000)];
        let map =
            draw(&log(&code, source), &code, &shares(&[(0, 1.0 / 3.0), (1, 1.0 / 3.0)], 1.0 / 3.0), key);
        let speakers: Vec<Speaker> = map.iter().map(|segment| segment.speaker).collect();
        assert_eq!(speakers, [Speaker::Recipient(0), Speaker::Others, Speaker::Recipient(1)]);
        for (segment, end) in map.iter().zip([1_998i64, 3_998, 5_998]) {
            assert!((i64::from(segment.last_row) - end).abs() < 60, "{map:?}");
        }
        assert!(map.windows(2).all(|pair| pair[0].last_row < pair[1].first_row));
        assert_eq!(map.iter().map(|segment| segment.reads).sum::<u64>(), 3_000);
        assert!(map[0].ln_ratio > 50.0 && map[1].ln_ratio == 0.0, "{map:?}");
    }

    #[test]
    fn copies_mixed_row_by_row_are_one_mixed_stretch() {
        let code = Code::new(&MarkingSecret::from_bytes([8; 32]), "map", 1, 65_536);
        let source = |row: u32| usize::from(row.wrapping_mul(2_654_435_761) >> 31 == 1);
        let map = draw(&log(&code, source), &code, &shares(&[(0, 0.5), (1, 0.5)], 0.0), key);
        assert_eq!(map.len(), 1);
        assert_eq!(map[0].speaker, Speaker::Mixed);
        assert!(draw(&log(&code, source), &code, &shares(&[], 1.0), key).is_empty());
    }
}
