//! The two secrets of a home: the marking secret and the signing key.

use ed25519_dalek::Signer as _;
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The 32-byte secret that every mark is derived from. Wiped on drop, and without `Debug` or `Serialize`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MarkingSecret([u8; 32]);

impl MarkingSecret {
    /// Wraps 32 bytes of full entropy.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        MarkingSecret(bytes)
    }

    /// Draws a new secret.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        MarkingSecret(bytes)
    }

    /// The bytes, for derivation and sealing inside `keys/` only.
    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// The Ed25519 key that signs the ledger. Wiped on drop, and without `Debug` or `Serialize`.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Wraps a 32-byte Ed25519 seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        SigningKey(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Draws a new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        SigningKey(ed25519_dalek::SigningKey::generate(rng))
    }

    /// The seed, for sealing inside `keys/` only.
    pub(super) fn expose_seed(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_bytes())
    }

    /// The 64-byte signature over `message` (RFC 8032, pure Ed25519).
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// The 32-byte public key.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}
