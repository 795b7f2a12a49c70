//! The key file of somebody else who signs: an approver, a recipient, a witness.
//!
//! Such a key is made and kept by its owner, outside of the home. The home knows its public half, by the name that is in it.

use rand::CryptoRng;
use zeroize::Zeroizing;

use super::keyfile;
use super::secret::SigningKey;
use crate::error::Result;

const SCHEMA: &str = "dyepack.signer/1";

const SEED_BYTES: usize = 32;

/// A signing key and the name that it signs under.
#[derive(Clone)]
pub struct Signer {
    /// The name, as it stands in signed notes.
    pub name: String,
    /// What signs.
    pub key: SigningKey,
}

impl Signer {
    /// Draws a key.
    pub fn generate(name: &str, rng: &mut impl CryptoRng) -> Signer {
        Signer { name: name.to_owned(), key: SigningKey::generate(rng) }
    }

    /// The text of a key file that only `passphrase` opens.
    pub fn seal(&self, label: &str, passphrase: &str, rng: &mut impl CryptoRng) -> Result<String> {
        keyfile::seal(SCHEMA, label, &self.bytes(), passphrase, rng)
    }

    /// The text of a key file without protection; the caller restricts who may read it.
    pub fn leave_open(&self, label: &str) -> String {
        keyfile::leave_open(SCHEMA, label, &self.bytes())
    }

    /// Opens a key file. `passphrase` is asked for only if the file is sealed.
    pub fn open(
        text: &str,
        passphrase: impl FnOnce() -> Result<Option<Zeroizing<String>>>,
    ) -> Result<Signer> {
        let (_, bytes) = keyfile::open(&[SCHEMA], text, passphrase)?;
        let (seed, name) = bytes.split_first_chunk::<SEED_BYTES>().ok_or_else(keyfile::wrong_length)?;
        let name = str::from_utf8(name).map_err(|_| keyfile::wrong_length())?;
        Ok(Signer { name: name.to_owned(), key: SigningKey::from_seed(seed) })
    }

    /// The seed, then the name.
    fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(SEED_BYTES + self.name.len()));
        bytes.extend_from_slice(self.key.expose_seed().as_slice());
        bytes.extend_from_slice(self.name.as_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn a_signer_reads_back_and_is_no_keyring() {
        let rng = &mut StdRng::seed_from_u64(1);
        let signer = Signer::generate("carol@hospital.example", rng);
        let texts = [signer.leave_open("test"), signer.seal("test", "correct horse", rng).unwrap()];
        for text in texts {
            let pass = || Ok(Some(Zeroizing::new("correct horse".to_owned())));
            let opened = Signer::open(&text, pass).unwrap();
            assert_eq!((opened.name, opened.key.public()), (signer.name.clone(), signer.key.public()));
            let as_keyring = super::super::keyring::Keyring::open(&text, pass).err().unwrap();
            assert!(as_keyring.is_key(), "{as_keyring}");
        }
    }
}
