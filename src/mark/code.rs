//! The code: biases, positions and codewords of a binary Tardos code.
//!
//! Position `j` has a secret bias `p_j`, drawn once per dataset from the arcsine law with cutoff 0.01. Recipient
//! `r` has bit 1 at `j` with probability `p_j`, from `r`'s own stream. Nothing is stored: a codeword is derived
//! from the keys when it is needed.
//!
//! Invariant: a bias is a multiple of 2^-16 and a codeword bit is one 16-bit draw compared with it, so the
//! probability that an innocent's bit is 1 is `p_j` *exactly*. The error bound of `evidence::tail` rests on that.
//! The sine comes from `libm`, which computes the same bits on every platform.
//!
//! Sources: G. Tardos, "Optimal probabilistic fingerprint codes", J. ACM 55 (2008), section 2; the cutoff and the
//! symmetric use of both bits: Skoric, Katzenbeisser and Celik, "Symmetric Tardos fingerprinting codes" (2008).

use std::f64::consts::FRAC_PI_2;

use bitvec::prelude::{BitVec, Lsb0};

use crate::keys::prf::{DerivedKey, Purpose};
use crate::keys::secret::MarkingSecret;

/// Biases lie in `[CUTOFF, 1 - CUTOFF]`. The table of DESIGN 3.3 was simulated with this value.
const CUTOFF: f64 = 0.01;

/// Bytes of stream per position of a codeword: one draw of 16 bits.
const DRAW_BYTES: usize = 2;

/// BLAKE3 produces its output in blocks of this many bytes; a seek inside a block costs a whole one.
const STREAM_BLOCK_BYTES: usize = 64;

/// The biases of one dataset and key epoch.
#[derive(Clone)]
pub struct Code {
    /// `p_j * 2^16`, one for each position.
    thresholds: Vec<u16>,
}

/// The bits of one recipient, one for each position of the code.
#[derive(Clone, PartialEq, Eq)]
pub struct Codeword(BitVec<u64, Lsb0>);

impl Codeword {
    /// The bit at `position`; panics past the code's length.
    pub fn bit(&self, position: u32) -> bool {
        self.0[position as usize]
    }

    /// The number of positions.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True for the empty codeword, which no code has.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Code {
    /// Draws the `length` biases of a dataset and epoch.
    pub fn new(secret: &MarkingSecret, dataset: &str, epoch: u32, length: u32) -> Code {
        let mut stream = DerivedKey::new(secret, Purpose::Bias, dataset, epoch, None).stream();
        let mut draws = vec![0; length as usize * 4];
        stream.fill(&mut draws);
        let thresholds = draws
            .chunks_exact(4)
            .map(|draw| bias_threshold(u32::from_le_bytes(draw.try_into().expect("chunks of four"))))
            .collect();
        Code { thresholds }
    }

    /// The number of positions `L`.
    pub fn len(&self) -> usize {
        self.thresholds.len()
    }

    /// True for a code without positions, which no policy allows.
    pub fn is_empty(&self) -> bool {
        self.thresholds.is_empty()
    }

    /// The exact probability that an innocent's bit at `position` is 1.
    pub fn bias(&self, position: u32) -> f64 {
        bias_of(self.threshold(position))
    }

    /// The bias at `position` times 2^16, as it is drawn and stored.
    pub fn threshold(&self, position: u32) -> u16 {
        self.thresholds[position as usize]
    }

    /// The codeword of the recipient whose codeword key is `key`.
    pub fn codeword(&self, key: &DerivedKey) -> Codeword {
        Codeword(CodewordStream::new(key).next_bits(self, self.len()).iter().collect())
    }

    /// The bits of a recipient at `positions` (ascending), in their order. Reads just the blocks of the stream that hold them,
    /// so a short leak costs a short derivation.
    pub fn bits_at<'a>(&'a self, key: &DerivedKey, positions: &'a [u32]) -> impl Iterator<Item = bool> + 'a {
        let mut stream = key.stream();
        let mut buffer = [0; STREAM_BLOCK_BYTES];
        let mut loaded = usize::MAX;
        positions.iter().map(move |&position| {
            let byte = position as usize * DRAW_BYTES;
            let (block, at) = (byte / STREAM_BLOCK_BYTES, byte % STREAM_BLOCK_BYTES);
            if block != loaded {
                stream.set_position((block * STREAM_BLOCK_BYTES) as u64);
                stream.fill(&mut buffer);
                loaded = block;
            }
            is_one(&buffer[at..at + DRAW_BYTES], self.thresholds[position as usize])
        })
    }
}

/// A recipient's codeword on its way: its bits in order, some at a time, so that many recipients can be compared with one run
/// of positions while that is in the cache.
pub struct CodewordStream {
    stream: blake3::OutputReader,
    next: usize,
    draws: Vec<u8>,
    bits: Vec<bool>,
}

impl CodewordStream {
    /// The codeword of the recipient whose codeword key is `key`.
    pub fn new(key: &DerivedKey) -> CodewordStream {
        CodewordStream { stream: key.stream(), next: 0, draws: Vec::new(), bits: Vec::new() }
    }

    /// The next `run` bits of the codeword; fewer at its end.
    pub fn next_bits(&mut self, code: &Code, run: usize) -> &[bool] {
        let thresholds = &code.thresholds[self.next..code.len().min(self.next + run)];
        self.next += thresholds.len();
        self.draws.resize(thresholds.len() * DRAW_BYTES, 0);
        self.stream.fill(&mut self.draws);
        self.bits.clear();
        // A plain loop over two slices: chains of adapters were not inlined here and cost more.
        let (draws, _) = self.draws.as_chunks::<DRAW_BYTES>();
        for (draw, &threshold) in draws.iter().zip(thresholds) {
            self.bits.push(u16::from_le_bytes(*draw) < threshold);
        }
        &self.bits
    }
}

/// The codeword key of one recipient.
pub fn codeword_key(secret: &MarkingSecret, dataset: &str, epoch: u32, recipient: &str) -> DerivedKey {
    DerivedKey::new(secret, Purpose::Codeword, dataset, epoch, Some(recipient))
}

/// The bias that a threshold stands for, exactly.
pub fn bias_of(threshold: u16) -> f64 {
    f64::from(threshold) / 65536.0
}

/// Where a 16-bit draw falls among `length` positions, at most 65,536: evenly if `length` is a power of two, as policies have it.
pub fn position(draw: u16, length: u32) -> u32 {
    ((u64::from(draw) * u64::from(length)) >> 16) as u32
}

fn is_one(draw: &[u8], threshold: u16) -> bool {
    u16::from_le_bytes([draw[0], draw[1]]) < threshold
}

/// The arcsine law by its inverse: `p = sin^2(r)` with `r` uniform between the angles of the two cutoffs.
fn bias_threshold(draw: u32) -> u16 {
    let lowest = libm::asin(CUTOFF.sqrt());
    let uniform = (f64::from(draw) + 0.5) / 4_294_967_296.0;
    let sine = libm::sin(lowest + uniform * (FRAC_PI_2 - 2.0 * lowest));
    (sine * sine * 65536.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> MarkingSecret {
        MarkingSecret::from_bytes(std::array::from_fn(|i| i as u8))
    }

    #[test]
    fn biases_at_the_boundaries_are_known() {
        assert_eq!(bias_threshold(0), 655);
        assert_eq!(bias_threshold(1 << 31), 32768);
        assert_eq!(bias_threshold(u32::MAX), 64881);
        assert_eq!(655 + 64881, 65536, "the law is symmetric");
    }

    #[test]
    fn seeking_and_filling_give_the_same_bits() {
        let code = Code::new(&secret(), "encounters", 1, 65536);
        let key = codeword_key(&secret(), "encounters", 1, "acme");
        let codeword = code.codeword(&key);
        for step in [1, 31, 977] {
            let positions: Vec<u32> = (0..65536).step_by(step).collect();
            let mut bits = positions.iter().zip(code.bits_at(&key, &positions));
            assert!(bits.all(|(&j, bit)| codeword.bit(j) == bit), "step {step}");
        }
        let mut stream = CodewordStream::new(&key);
        for start in (0..65536).step_by(1000) {
            let mut bits = (start..).zip(stream.next_bits(&code, 1000));
            assert!(bits.all(|(j, &bit)| codeword.bit(j) == bit), "from {start}");
        }
    }

    #[test]
    fn positions_cover_the_code() {
        assert_eq!(position(0, 65536), 0);
        assert_eq!(position(u16::MAX, 65536), 65535);
        assert_eq!(position(u16::MAX, 1024), 1023);
    }
}
