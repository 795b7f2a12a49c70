//! The key file of a home, which holds all of its secrets.

use rand::CryptoRng;
use zeroize::Zeroizing;

use super::keyfile;
use super::secret::{MarkingSecret, SigningKey};
use crate::error::Result;

const SCHEMA: &str = "dyepack.keyring/2";

/// What files had before keys could be rotated: one marking secret, then the signing seed. It is read, not written.
const OLD_SCHEMA: &str = "dyepack.keyring/1";

const SEED_BYTES: usize = 32;

/// A marking secret with the epoch from which it holds, u32, little-endian.
const HELD_BYTES: usize = 36;

/// The secrets of a home.
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
        let (schema, bytes) = keyfile::open(&[SCHEMA, OLD_SCHEMA], text, passphrase)?;
        let parsed =
            if schema == OLD_SCHEMA { Keyring::from_old(&bytes) } else { Keyring::from_bytes(&bytes) };
        parsed.ok_or_else(keyfile::wrong_length)
    }

    /// The signing seed, then the marking secrets.
    fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let count = self.marking.expose_all().count();
        let mut bytes = Zeroizing::new(Vec::with_capacity(SEED_BYTES + count * HELD_BYTES));
        bytes.extend_from_slice(self.signing.expose_seed().as_slice());
        for (from, secret) in self.marking.expose_all() {
            bytes.extend_from_slice(&from.to_le_bytes());
            bytes.extend_from_slice(secret);
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Keyring> {
        let (seed, rest) = bytes.split_first_chunk::<SEED_BYTES>()?;
        let (held, []) = rest.as_chunks::<HELD_BYTES>() else { return None };
        let held = held.iter().map(|held| {
            let (from, secret) = held.split_first_chunk().expect("it is longer than four bytes");
            (u32::from_le_bytes(*from), secret.try_into().expect("the rest of 36 bytes is 32"))
        });
        Some(Keyring { marking: MarkingSecret::from_all(held)?, signing: SigningKey::from_seed(seed) })
    }

    fn from_old(bytes: &[u8]) -> Option<Keyring> {
        let (secret, seed) = bytes.split_first_chunk::<32>()?;
        let signing = SigningKey::from_seed(seed.try_into().ok()?);
        Some(Keyring { marking: MarkingSecret::from_bytes(*secret), signing })
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    /// A keyring that was rotated once.
    fn keyring() -> Keyring {
        let rng = &mut StdRng::seed_from_u64(1);
        let mut keyring = Keyring::generate(rng);
        assert_eq!(keyring.marking.rotate(1, rng), 2);
        keyring
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

    #[test]
    fn a_file_from_before_rotations_opens() {
        let mut old = [0; 64];
        old[..32].fill(3);
        old[32..].fill(4);
        let text = keyfile::leave_open(OLD_SCHEMA, "test", &old);
        let opened = Keyring::open(&text, || unreachable!("no passphrase is needed")).unwrap();
        assert_eq!(opened.marking.expose_all().collect::<Vec<_>>(), [(0, &[3; 32])]);
        assert_eq!(opened.signing.expose_seed().as_slice(), [4; 32]);
        for length in [0, 63, 65] {
            let text = keyfile::leave_open(OLD_SCHEMA, "test", &vec![0; length]);
            assert!(Keyring::open(&text, || Ok(None)).err().unwrap().is_key());
        }
    }

    #[test]
    fn secrets_out_of_order_are_no_keyring() {
        let held = |from: u32| [&from.to_le_bytes()[..], &[7; 32]].concat();
        let text = |starts: &[u32]| {
            let bytes = [vec![1; 32], starts.iter().flat_map(|from| held(*from)).collect()].concat();
            keyfile::leave_open(SCHEMA, "test", &bytes)
        };
        let opens = |starts| Keyring::open(&text(starts), || Ok(None)).is_ok();
        assert!(opens(&[0]) && opens(&[0, 2, 5]));
        for starts in [&[][..], &[1], &[0, 0], &[0, 5, 2]] {
            assert!(!opens(starts), "{starts:?}");
        }
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
