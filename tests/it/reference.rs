//! The code and the score once more, in plain lines straight from the papers, for the fast path to agree with.
//!
//! Nothing is shared with `src/evidence` and `src/mark/code.rs`; keys follow the documented derivation (DESIGN 2.1), by BLAKE3
//! itself. Biases: G. Tardos, "Optimal probabilistic fingerprint codes" (2008). Symmetric score: Skoric, Katzenbeisser and
//! Celik (2008). Likelihood ratio of the interleaving attack: T. Laarhoven (2014). Bound: H. Chernoff (1952).

use dyepack::table::value;

/// What every key of one dataset is derived from.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub secret: [u8; 32],
    pub dataset: &'a str,
    pub epoch: u32,
}

impl Scope<'_> {
    fn key(&self, purpose: &str, recipient: Option<&str>) -> [u8; 32] {
        let mut material = Vec::new();
        let epoch = self.epoch.to_le_bytes();
        let mut parts: Vec<&[u8]> = vec![&self.secret, self.dataset.as_bytes(), &epoch];
        parts.extend(recipient.map(str::as_bytes));
        for part in parts {
            material.extend_from_slice(&(part.len() as u64).to_le_bytes());
            material.extend_from_slice(part);
        }
        blake3::derive_key(&format!("dyepack 2026 {purpose} v1"), &material)
    }

    fn stream(&self, purpose: &str, recipient: Option<&str>, bytes: usize) -> Vec<u8> {
        let mut out = vec![0; bytes];
        blake3::Hasher::new_keyed(&self.key(purpose, recipient)).finalize_xof().fill(&mut out);
        out
    }

    /// Biases times 2^16: the arcsine law between 0.01 and 0.99, by its inverse.
    pub fn thresholds(&self, length: usize) -> Vec<u16> {
        let lowest = 0.01f64.sqrt().asin();
        let highest = 0.99f64.sqrt().asin();
        let draws = self.stream("bias", None, length * 4);
        let draw = |c: &[u8]| f64::from(u32::from_le_bytes([c[0], c[1], c[2], c[3]]));
        let bias = |u: f64| (lowest + u * (highest - lowest)).sin().powi(2);
        draws.chunks(4).map(|c| (bias((draw(c) + 0.5) / 2f64.powi(32)) * 65536.0).round() as u16).collect()
    }

    /// A recipient's bits: 1 with the probability of the position's bias.
    pub fn codeword(&self, recipient: &str, thresholds: &[u16]) -> Vec<bool> {
        let draws = self.stream("codeword", Some(recipient), thresholds.len() * 2);
        draws.chunks(2).zip(thresholds).map(|(c, &t)| u16::from_le_bytes([c[0], c[1]]) < t).collect()
    }

    /// Where the cell of a row with identity `cells` and a column of the slot and rate falls, and with what spin; `None` if
    /// it is not selected.
    pub fn carrier(&self, cells: &[&str], slot: usize, rate: u32, length: usize) -> Option<(u32, u16)> {
        let mut identity = Vec::new();
        cells.iter().for_each(|cell| value::identity(cell.as_bytes(), &mut identity));
        let mut hash = vec![0; 8 + 6 * (slot + 1)];
        let mut hasher = blake3::Hasher::new_keyed(&self.key("carrier", None));
        hasher.update(&identity).finalize_xof().fill(&mut hash);
        let number = |at: usize| u16::from_le_bytes([hash[at], hash[at + 1]]);
        let at = 8 + 6 * slot;
        let position = u64::from(number(at + 2)) * length as u64 / (1 << 16);
        (u32::from(number(at)) < rate).then_some((position as u32, number(at + 4)))
    }
}

/// The decoders, in the product's order; 0 colluders stands for the symmetric score, the last for plain agreement.
pub const DECODERS: [u32; 5] = [0, 1, 4, 16, AGREEMENT];

const AGREEMENT: u32 = u32::MAX;

const NOISE: f64 = 0.02;

/// What one cell that reads as 1 (or, by symmetry, `1 - p` and 0) is worth to a recipient with the same bit, and with the other.
fn match_and_mismatch(colluders: u32, q: f64) -> (f64, f64) {
    if colluders == 0 {
        return (((1.0 - q) / q).sqrt(), -(q / (1.0 - q)).sqrt());
    }
    if colluders == AGREEMENT {
        return (1.0, -1.0);
    }
    let (c, e) = (f64::from(colluders), NOISE);
    let innocent = (1.0 - e) * q + e / 2.0;
    let matched = (1.0 - e) * (1.0 / c + (1.0 - 1.0 / c) * q) + e / 2.0;
    let mismatched = (1.0 - e) * (1.0 - 1.0 / c) * q + e / 2.0;
    ((matched / innocent).ln(), (mismatched / innocent).ln())
}

/// One position as an innocent meets it: its bias, and what bit 1 and bit 0 score.
#[derive(Clone, Copy)]
pub struct Weight {
    pub bias: f64,
    pub if_one: f64,
    pub if_zero: f64,
}

/// The weights of positions that were read, each `(position, zeros, ones)`.
pub fn weights(colluders: u32, thresholds: &[u16], reads: &[(u32, u32, u32)]) -> Vec<Weight> {
    reads
        .iter()
        .map(|&(position, zeros, ones)| {
            let bias = f64::from(thresholds[position as usize]) / 65536.0;
            let (match_one, mismatch_one) = match_and_mismatch(colluders, bias);
            let (match_zero, mismatch_zero) = match_and_mismatch(colluders, 1.0 - bias);
            let (zeros, ones) = (f64::from(zeros), f64::from(ones));
            Weight {
                bias,
                if_one: ones * match_one + zeros * mismatch_zero,
                if_zero: ones * mismatch_one + zeros * match_zero,
            }
        })
        .collect()
}

/// A recipient's score; `bits` are the recipient's at the weights' positions.
pub fn score(weights: &[Weight], bits: &[bool]) -> f64 {
    weights.iter().zip(bits).map(|(weight, &bit)| if bit { weight.if_one } else { weight.if_zero }).sum()
}

/// The logarithm of Chernoff's bound on an innocent's chance of `score` or more: golden section search over the tilt, which is
/// convex.
pub fn ln_bound(weights: &[Weight], score: f64) -> f64 {
    let exponent = |t: f64| -> f64 {
        let terms = weights.iter().map(|w| {
            let (one, zero) = (w.bias.ln() + t * w.if_one, (1.0 - w.bias).ln() + t * w.if_zero);
            let top = one.max(zero);
            top + ((one - top).exp() + (zero - top).exp()).ln()
        });
        terms.sum::<f64>() - t * score
    };
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (0.0, 64.0);
    for _ in 0..80 {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if exponent(left) < exponent(right) { high = right } else { low = left }
    }
    exponent(0.5 * (low + high)).min(0.0)
}

/// The bound for the best of all decoders among so many recipients and readings: the whole leak has three quarters of alpha.
pub fn ln_family(ln_p: f64, recipients: usize, readings: usize) -> f64 {
    (ln_p + ((recipients * readings * DECODERS.len()) as f64 / 0.75).ln()).min(0.0)
}
