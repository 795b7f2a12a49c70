//! The two secrets of a home: the marking secret and the signing key.

use ed25519_dalek::Signer as _;
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::{Class, Reason, Result};

#[derive(Debug, thiserror::Error)]
enum SecretError {
    #[error("the key file has no secret for key epoch {0}")]
    NoEpoch(u32),
}

impl Reason for SecretError {
    fn class(&self) -> Class {
        Class::Key
    }

    fn hint(&self) -> Option<String> {
        Some(
            "it is older than the ledger: restore the key file from a backup made after the key was rotated"
                .into(),
        )
    }
}

/// The epoch from which a home's first secret holds. Releases count epochs from 1.
const FIRST: u32 = 0;

/// The 32-byte secrets that every mark is derived from: one for each rotation and the first. Wiped on drop, and without
/// `Debug` or `Serialize`.
///
/// A secret holds from its own epoch until the next one's. What has no epoch, such as models and the vault, is made under the
/// latest one and looked for under all.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MarkingSecret(Vec<Held>);

/// A secret and the epoch from which it holds.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct Held {
    from: u32,
    bytes: [u8; 32],
}

impl MarkingSecret {
    /// Wraps 32 bytes of full entropy.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        MarkingSecret(vec![Held { from: FIRST, bytes }])
    }

    /// Draws a new secret.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        MarkingSecret::from_bytes(bytes)
    }

    /// Draws another secret, and gives the epoch from which it holds: one that is later than `epoch` and than those of all
    /// secrets that there are, so that none of them is ever replaced.
    pub fn rotate(&mut self, epoch: u32, rng: &mut impl CryptoRng) -> u32 {
        let from = epoch.max(self.latest()) + 1;
        // The first epoch is 1, and its secret holds from 0.
        let from = from.max(2);
        let mut held = Held { from, bytes: [0; 32] };
        rng.fill_bytes(&mut held.bytes);
        self.0.push(held);
        from
    }

    /// The epochs from which the secrets hold, the latest first.
    pub fn starts(&self) -> impl Iterator<Item = u32> {
        self.0.iter().rev().map(|held| held.from)
    }

    /// The epoch from which the latest secret holds.
    pub fn latest(&self) -> u32 {
        self.0.last().map_or(FIRST, |held| held.from)
    }

    /// Whether the secret of a key epoch is here. Each epoch but the first began with a secret of its own; a key file
    /// that was put back to an older state lacks it.
    pub fn covers(&self, epoch: u32) -> bool {
        epoch <= 1 || self.0.iter().any(|held| held.from == epoch)
    }

    /// Refuses an epoch whose secret is not here: marks under another one would lead nowhere.
    ///
    /// # Errors
    /// As [`covers`](Self::covers) says.
    pub fn check_epoch(&self, epoch: u32) -> Result<()> {
        if self.covers(epoch) { Ok(()) } else { Err(SecretError::NoEpoch(epoch).into()) }
    }

    /// The secret of an epoch, for derivation inside `keys/` only.
    pub(super) fn expose(&self, epoch: u32) -> &[u8] {
        let held = self.0.iter().rfind(|held| held.from <= epoch);
        &held.expect("the first secret holds from the first epoch").bytes
    }

    /// All of them, for sealing inside `keys/` only.
    pub(super) fn expose_all(&self) -> impl Iterator<Item = (u32, &[u8; 32])> {
        self.0.iter().map(|held| (held.from, &held.bytes))
    }

    /// Several, in ascending order of their epochs from 0; nothing if they are not.
    pub(super) fn from_all(secrets: impl Iterator<Item = (u32, [u8; 32])>) -> Option<Self> {
        let held: Vec<Held> = secrets.map(|(from, bytes)| Held { from, bytes }).collect();
        let ascends = held.windows(2).all(|pair| pair[0].from < pair[1].from);
        (ascends && held.first()?.from == FIRST).then_some(MarkingSecret(held))
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
