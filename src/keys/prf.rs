//! Purpose-bound keys, derived from the marking secret.
//!
//! Every key is `blake3::derive_key(context, material)` where `context` is a fixed string per purpose and
//! `material` is the secret of the key epoch followed by the dataset, the key epoch and, where it applies, the recipient, each
//! length-prefixed (DESIGN 2.1). Two purposes never share a key, and no input can imitate another because of
//! the prefixes.
//!
//! Source: the BLAKE3 paper, section 6.2 (key derivation) and 2.6 (extendable output).

use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::secret::MarkingSecret;

/// What a derived key is for. The strings are part of the format: changing one orphans every mark ever made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Selects carriers, positions and spins of a row.
    Carrier,
    /// Draws the biases of the code.
    Bias,
    /// Draws the codeword of one recipient.
    Codeword,
    /// Hashes values into sketches.
    Sketch,
    /// Seals models.
    Model,
    /// Names sealed models.
    ModelName,
    /// Seals the copies in the vault.
    Vault,
    /// Names the files in the vault.
    VaultName,
    /// Hashes the ids of data subjects, of all datasets alike.
    Subject,
    /// Salts the commitment to the codeword of one recipient.
    CodewordSalt,
    /// Salts the commitments to the biases, one by one.
    BiasSalt,
    /// Salts the commitment to the carrier key.
    CarrierSalt,
}

impl Purpose {
    fn context(self) -> &'static str {
        match self {
            Purpose::Carrier => "dyepack 2026 carrier v1",
            Purpose::Bias => "dyepack 2026 bias v1",
            Purpose::Codeword => "dyepack 2026 codeword v1",
            Purpose::Sketch => "dyepack 2026 sketch v1",
            Purpose::Model => "dyepack 2026 model v1",
            Purpose::ModelName => "dyepack 2026 model name v1",
            Purpose::Vault => "dyepack 2026 vault v1",
            Purpose::VaultName => "dyepack 2026 vault name v1",
            Purpose::Subject => "dyepack 2026 subject v1",
            Purpose::CodewordSalt => "dyepack 2026 commitment salt v1",
            Purpose::BiasSalt => "dyepack 2026 bias commitment salt v1",
            Purpose::CarrierSalt => "dyepack 2026 carrier commitment salt v1",
        }
    }
}

/// A derived 32-byte key. Wiped on drop, and without `Debug` or `Serialize`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DerivedKey([u8; 32]);

impl DerivedKey {
    /// Derives the key of `purpose` for a dataset, a key epoch and, for codewords, a recipient.
    pub fn new(
        secret: &MarkingSecret,
        purpose: Purpose,
        dataset: &str,
        epoch: u32,
        recipient: Option<&str>,
    ) -> Self {
        let mut material = Vec::with_capacity(128);
        for part in [secret.expose(epoch), dataset.as_bytes(), &epoch.to_le_bytes()]
            .into_iter()
            .chain(recipient.map(str::as_bytes))
        {
            material.extend_from_slice(&(part.len() as u64).to_le_bytes());
            material.extend_from_slice(part);
        }
        let key = blake3::derive_key(purpose.context(), &material);
        material.zeroize();
        DerivedKey(key)
    }

    /// A key that its owner disclosed.
    pub fn disclosed(bytes: [u8; 32]) -> Self {
        DerivedKey(bytes)
    }

    /// The key itself: for the hash that commits to it, and for the opening that somebody decided upon. Whoever has it can do all
    /// that its purpose says, and nothing else: it tells nothing of the secret or of other keys.
    pub fn disclose(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0)
    }

    /// The cipher under this key, which is then used for nothing else.
    pub fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }

    /// The key's endless pseudorandom stream.
    pub fn stream(&self) -> blake3::OutputReader {
        blake3::Hasher::new_keyed(&self.0).finalize_xof()
    }

    /// Fills `out` with the pseudorandom bytes for `message`; a longer output begins with a shorter one.
    pub fn extend(&self, message: &[u8], out: &mut [u8]) {
        if out.len() <= blake3::OUT_LEN {
            // The one-shot function spares the set-up of a hasher: 40 ns instead of 60 for a short message.
            out.copy_from_slice(&blake3::keyed_hash(&self.0, message).as_bytes()[..out.len()]);
            return;
        }
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(message);
        hasher.finalize_xof().fill(out);
    }

    /// The first eight pseudorandom bytes for `message`, little-endian.
    pub fn word(&self, message: &[u8]) -> u64 {
        let hash = blake3::keyed_hash(&self.0, message);
        u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn keys_differ_by_purpose_dataset_epoch_and_recipient() {
        let secret = MarkingSecret::from_bytes([7; 32]);
        let word = |purpose, dataset: &str, epoch, recipient: Option<&str>| {
            DerivedKey::new(&secret, purpose, dataset, epoch, recipient).word(b"x")
        };
        let words = [
            word(Purpose::Carrier, "a", 1, None),
            word(Purpose::Bias, "a", 1, None),
            word(Purpose::Sketch, "a", 1, None),
            word(Purpose::Model, "a", 1, None),
            word(Purpose::ModelName, "a", 1, None),
            word(Purpose::Vault, "a", 1, None),
            word(Purpose::VaultName, "a", 1, None),
            word(Purpose::Subject, "a", 1, None),
            word(Purpose::BiasSalt, "a", 1, None),
            word(Purpose::CarrierSalt, "a", 1, None),
            word(Purpose::CodewordSalt, "a", 1, Some("r")),
            word(Purpose::Carrier, "b", 1, None),
            word(Purpose::Carrier, "a", 2, None),
            word(Purpose::Codeword, "a", 1, Some("r")),
            word(Purpose::Codeword, "a", 1, Some("rr")),
            word(Purpose::Codeword, "a", 1, Some("")),
            word(Purpose::Codeword, "a", 1, None),
        ];
        let distinct: std::collections::HashSet<_> = words.iter().collect();
        assert_eq!(distinct.len(), words.len());
    }

    #[test]
    fn a_rotation_changes_later_epochs_alone() {
        let old = MarkingSecret::from_bytes([7; 32]);
        let mut new = old.clone();
        let epoch = new.rotate(1, &mut StdRng::seed_from_u64(1));
        let word = |secret, epoch| DerivedKey::new(secret, Purpose::Carrier, "a", epoch, None).word(b"x");
        assert_eq!(epoch, 2);
        assert!((0..2).all(|epoch| word(&old, epoch) == word(&new, epoch)));
        // Who stole the old secret knows every epoch that could be derived from it, and not this one.
        assert!((2..9).all(|epoch| word(&old, epoch) != word(&new, epoch)));
        assert!(new.covers(1) && new.covers(2) && !new.covers(3) && !old.covers(2));
        assert_eq!(new.rotate(1, &mut StdRng::seed_from_u64(2)), 3, "a secret is never replaced");
        assert_eq!(new.starts().collect::<Vec<_>>(), [3, 2, 0]);
    }

    #[test]
    fn a_longer_output_begins_with_the_shorter_one() {
        let key = DerivedKey::new(&MarkingSecret::from_bytes([7; 32]), Purpose::Carrier, "a", 1, None);
        let (mut long, mut short) = ([0; 200], [0; 20]);
        key.extend(b"row", &mut long);
        key.extend(b"row", &mut short);
        assert_eq!(short, long[..20]);
        assert_eq!(key.word(b"row").to_le_bytes(), long[..8]);
    }
}
