//! Cosignatures: what a witness says of a checkpoint.
//!
//! **Idea.** A witness signs the text of somebody else's checkpoint, with a heading and the time, after it has seen that the
//! tree grew from the one that it signed before. The signature is one more line of the note: eight big-endian bytes of the
//! time in seconds since 1970, then 64 of Ed25519. The key's algorithm byte is 0x04, so its id differs from that of the same
//! key under 0x01.
//!
//! Source: C2SP tlog-cosignature, <https://c2sp.org/tlog-cosignature> (the Ed25519 type, `cosignature/v1`).

use std::fmt;

use super::note::Verifier;
use crate::error::Result;

/// The algorithm byte of timestamped Ed25519 cosignatures.
const COSIGNATURE: u8 = 4;

/// The public key of a witness, with the name that it cosigns under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness(Verifier);

impl Witness {
    /// Names a 32-byte Ed25519 public key. The name is not empty and has no white space and no `+`.
    pub fn new(name: &str, public: &[u8; 32]) -> Result<Self> {
        Verifier::of_algorithm(COSIGNATURE, name, public).map(Witness)
    }

    /// Reads `name+hex8+base64(0x04 || public key)`, as [`Display`](fmt::Display) writes it.
    pub fn parse(text: &str) -> Result<Self> {
        Verifier::parse_as(COSIGNATURE, text).map(Witness)
    }

    /// The name that it cosigns under.
    pub fn name(&self) -> &str {
        self.0.name()
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
