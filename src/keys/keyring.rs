//! The key file of a home, which holds both of its secrets.

use rand::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::keyfile;
use super::secret::{MarkingSecret, SigningKey};
use crate::error::Result;

const SCHEMA: &str = "dyepack.keyring/1";

/// The marking secret, then the signing seed.
const SECRET_BYTES: usize = 64;

/// The two secrets of a home.
#[derive(Clone)]
pub struct Keyring {
    /// What marks are derived from.
    pub marking: MarkingSecret,
    /// What signs the ledger.
    pub signing: SigningKey,
}

impl Keyring {
    /// Draws both secrets.
    pub fn generate(rng: &mut impl CryptoRng) -> Keyring {
        Keyring { marking: MarkingSecret::generate(rng), signing: SigningKey::generate(rng) }
    }

    /// The text of a key file that only `passphrase` opens.
    pub fn seal(&self, label: &str, passphrase: &str, rng: &mut impl CryptoRng) -> Result<String> {
        keyfile::seal(SCHEMA, label, self.bytes().as_slice(), passphrase, rng)
    }

    /// The text of a key file without protection; the caller restricts who may read it.
    pub fn leave_open(&self, label: &str) -> String {
        keyfile::leave_open(SCHEMA, label, self.bytes().as_slice())
    }

    /// Opens a key file. `passphrase` is asked for only if the file is sealed.
    pub fn open(
        text: &str,
        passphrase: impl FnOnce() -> Result<Option<Zeroizing<String>>>,
    ) -> Result<Keyring> {
        let bytes = keyfile::open(SCHEMA, text, passphrase)?;
        let bytes: &[u8; SECRET_BYTES] = bytes.as_slice().try_into().map_err(|_| keyfile::wrong_length())?;
        Ok(Keyring::from_bytes(bytes))
    }

    fn bytes(&self) -> Zeroizing<[u8; SECRET_BYTES]> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        bytes[..32].copy_from_slice(self.marking.expose());
        bytes[32..].copy_from_slice(self.signing.expose_seed().as_slice());
        bytes
    }

    fn from_bytes(bytes: &[u8; SECRET_BYTES]) -> Keyring {
        let mut half: [u8; 32] = *bytes.first_chunk().expect("64 bytes have a first half");
        let marking = MarkingSecret::from_bytes(half);
        half.copy_from_slice(&bytes[32..]);
        let signing = SigningKey::from_seed(&half);
        half.zeroize();
        Keyring { marking, signing }
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn keyring() -> Keyring {
        Keyring::generate(&mut StdRng::seed_from_u64(1))
    }

    fn say(passphrase: &str) -> impl FnOnce() -> Result<Option<Zeroizing<String>>> {
        let passphrase = Zeroizing::new(passphrase.to_owned());
        move || Ok(Some(passphrase))
    }

    #[test]
    fn a_sealed_file_opens_with_its_passphrase_alone() {
        let text = keyring().seal("test", "correct horse", &mut StdRng::seed_from_u64(2)).unwrap();
        let opened = Keyring::open(&text, say("correct horse")).unwrap();
        assert_eq!(opened.bytes().as_slice(), keyring().bytes().as_slice());
        let wrong = Keyring::open(&text, say("wrong horse")).err().unwrap();
        assert!(wrong.is_key() && wrong.to_string().contains("passphrase"), "{wrong}");
        let locked = Keyring::open(&text, || Ok(None)).err().unwrap();
        assert!(locked.is_key() && locked.hint().unwrap().contains("DYEPACK_PASSPHRASE_FILE"));
    }

    #[test]
    fn an_open_file_asks_nothing() {
        let text = keyring().leave_open("test");
        let opened = Keyring::open(&text, || unreachable!("no passphrase is needed")).unwrap();
        assert_eq!(opened.bytes().as_slice(), keyring().bytes().as_slice());
    }

    /// Corrupt the valid: each byte of both kinds of file, changed in two ways, either fails with a key error or is
    /// harmless (spacing).
    #[test]
    fn no_changed_byte_gives_another_key() {
        let sealed = keyring().seal("test", "pass", &mut StdRng::seed_from_u64(2)).unwrap();
        let secret_at = sealed.find("\"secret\"").unwrap();
        for (text, step) in [(keyring().leave_open("test"), 1), (sealed.clone(), 41)] {
            for at in (0..text.len()).step_by(step).chain([secret_at]).filter(|&at| at < text.len()) {
                for flip in [1, 0x20] {
                    let mut bytes = text.clone().into_bytes();
                    bytes[at] ^= flip;
                    let Ok(changed) = String::from_utf8(bytes) else { continue };
                    match Keyring::open(&changed, say("pass")) {
                        Err(error) => assert!(error.is_key()),
                        Ok(opened) => assert_eq!(opened.bytes().as_slice(), keyring().bytes().as_slice()),
                    }
                }
            }
        }
    }

    #[test]
    fn a_hostile_file_can_not_ask_for_all_memory() {
        let sealed = keyring().seal("test", "pass", &mut StdRng::seed_from_u64(2)).unwrap();
        let hostile = sealed.replace("65536", "4294967295");
        assert!(Keyring::open(&hostile, say("pass")).err().unwrap().is_key());
    }
}
