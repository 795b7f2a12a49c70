//! Sealed models: encrypted under a derived key, named by a keyed hash of what they say.
//!
//! The name is a keyed hash of the plain bytes, and its first 24 bytes are the nonce: the same content gives the same file, two
//! contents never share a nonce, and no randomness is needed (the synthetic initialisation vector of Rogaway and Shrimpton 2006).
//! The whole name is authenticated, so that one file can't pass for another. Hash and cipher have a key each.
//!
//! Sources: RFC 8439 and draft-irtf-cfrg-xchacha (XChaCha20-Poly1305); RFC 5297, section 1.3 (synthetic nonces).

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::prf::{DerivedKey, Purpose};
use super::secret::MarkingSecret;

/// Bytes of a name.
const NAME_BYTES: usize = 32;

/// Encrypts and opens models.
pub struct Sealer {
    /// One pair for each marking secret, the latest first.
    pairs: Vec<Pair>,
}

/// The keys under one marking secret.
struct Pair {
    name_key: DerivedKey,
    cipher: XChaCha20Poly1305,
}

impl Sealer {
    /// The sealer of one dataset's models.
    pub fn new(secret: &MarkingSecret, dataset: &str) -> Sealer {
        // A model stays what it is when marks are derived anew: new ones are sealed under the latest secret, old ones open.
        Sealer { pairs: secret.starts().map(|epoch| Pair::new(secret, dataset, epoch)).collect() }
    }

    /// The name, in hex, and the sealed bytes of `plain`.
    pub fn seal(&self, plain: &[u8]) -> (String, Vec<u8>) {
        self.pairs[0].seal(plain)
    }

    /// The plain bytes; nothing if they were changed, are of another name, or sealed under another key.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.pairs.iter().find_map(|pair| pair.open(name, sealed))
    }
}

impl Pair {
    fn new(secret: &MarkingSecret, dataset: &str, epoch: u32) -> Pair {
        let key = |purpose| DerivedKey::new(secret, purpose, dataset, epoch, None);
        let mut cipher_key = Zeroizing::new([0; 32]);
        key(Purpose::Model).extend(&[], cipher_key.as_mut_slice());
        let cipher = XChaCha20Poly1305::new(&(*cipher_key).into());
        Pair { name_key: key(Purpose::ModelName), cipher }
    }

    fn seal(&self, plain: &[u8]) -> (String, Vec<u8>) {
        let name = self.name(plain);
        let payload = Payload { msg: plain, aad: &name };
        let sealed =
            self.cipher.encrypt(&nonce(&name), payload).expect("the cipher takes any length in memory");
        (HEXLOWER.encode(&name), sealed)
    }

    fn open(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let name: [u8; NAME_BYTES] = HEXLOWER.decode(name.as_bytes()).ok()?.try_into().ok()?;
        let plain = self.cipher.decrypt(&nonce(&name), Payload { msg: sealed, aad: &name }).ok()?;
        (self.name(&plain) == name).then_some(plain)
    }

    fn name(&self, plain: &[u8]) -> [u8; NAME_BYTES] {
        let mut name = [0; NAME_BYTES];
        self.name_key.extend(plain, &mut name);
        name
    }
}

fn nonce(name: &[u8; NAME_BYTES]) -> XNonce {
    let nonce: [u8; 24] = *name.first_chunk().expect("a name is longer than a nonce");
    XNonce::from(nonce)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn sealer(secret: u8, dataset: &str) -> Sealer {
        Sealer::new(&MarkingSecret::from_bytes([secret; 32]), dataset)
    }

    #[test]
    fn a_rotation_seals_anew_and_still_opens_what_was_sealed() {
        let mut secret = MarkingSecret::from_bytes([1; 32]);
        let (old_name, old) = Sealer::new(&secret, "a").seal(b"forty-one");
        secret.rotate(1, &mut StdRng::seed_from_u64(1));
        let sealer = Sealer::new(&secret, "a");
        let (name, sealed) = sealer.seal(b"forty-one");
        assert!(name != old_name && sealer.open(&name, &sealed).is_some());
        assert_eq!(sealer.open(&old_name, &old).unwrap(), b"forty-one");
        assert!(self::sealer(1, "a").open(&name, &sealed).is_none(), "the stolen secret opens nothing new");
    }

    #[test]
    fn what_is_sealed_opens_under_its_key_and_name_alone() {
        let (name, sealed) = sealer(1, "a").seal(b"forty-one, 12 rows");
        assert_eq!(sealer(1, "a").seal(b"forty-one, 12 rows"), (name.clone(), sealed.clone()));
        assert_eq!(sealer(1, "a").open(&name, &sealed).unwrap(), b"forty-one, 12 rows");
        assert!(
            sealer(2, "a").open(&name, &sealed).is_none() && sealer(1, "b").open(&name, &sealed).is_none()
        );
        let (other, _) = sealer(1, "a").seal(b"forty-one, 13 rows");
        assert!(sealer(1, "a").open(&other, &sealed).is_none(), "another file under this name");
        assert!(sealer(1, "a").open("../keyring.json", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer(1, "a").open(&name, &changed).is_none(), "byte {at}");
            assert!(sealer(1, "a").open(&name, &sealed[..at]).is_none(), "cut at {at}");
        }
    }
}
