//! The key file: both secrets of a home, sealed with a passphrase or left open with mode 0600.
//!
//! A sealed file is JSON: the parameters in the clear, the 64 secret bytes (marking secret, then signing seed)
//! encrypted with XChaCha20-Poly1305 under an Argon2id key, the whole header as associated data. Changing any byte of it
//! is noticed. An open file carries a keyed checksum instead, since a flipped bit would otherwise be a valid, wrong key.
//!
//! Sources: RFC 9106 (Argon2; second recommended parameters), RFC 8439 and draft-irtf-cfrg-xchacha (XChaCha20-Poly1305).

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::{BASE64, HEXLOWER};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Class, Reason, Result};
use crate::keys::secret::{MarkingSecret, SigningKey};

const SCHEMA: &str = "dyepack.keyring/1";

/// RFC 9106, section 4: the second recommended option, for machines with less memory (64 MiB, three passes).
const ARGON2_KIB: u32 = 64 * 1024;
const ARGON2_PASSES: u32 = 3;

/// What a hostile key file may ask of us at most.
const MAX_ARGON2_KIB: u32 = 1024 * 1024;
const MAX_ARGON2_PASSES: u32 = 16;

const SECRET_BYTES: usize = 64;
const NONCE_BYTES: usize = 24;

#[derive(Debug, thiserror::Error)]
enum KeyringError {
    #[error("the key file is damaged: {0}")]
    Damaged(&'static str),
    #[error("the key file is sealed and no passphrase is at hand")]
    Locked,
    #[error("the passphrase does not open the key file, or the file was changed")]
    WrongPassphrase,
}

impl Reason for KeyringError {
    fn class(&self) -> Class {
        Class::Key
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                KeyringError::Damaged(_) => "restore the key file from your backup",
                KeyringError::Locked => {
                    "run on a terminal, or put it in a file and name that in DYEPACK_PASSPHRASE_FILE"
                }
                KeyringError::WrongPassphrase => {
                    "check the passphrase; if it is right, restore the key file from your backup"
                }
            }
            .into(),
        )
    }
}

/// How the secrets are protected at rest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "protection", rename_all = "snake_case", deny_unknown_fields)]
enum Protection {
    Passphrase { argon2id_kib: u32, argon2id_passes: u32, salt: String, nonce: String },
    None { check: String },
}

#[derive(Serialize, Deserialize)]
struct Header {
    schema: String,
    /// For people: what this file is. Part of the associated data.
    label: String,
    #[serde(flatten)]
    protection: Protection,
}

#[derive(Serialize, Deserialize)]
struct File {
    #[serde(flatten)]
    header: Header,
    secret: String,
}

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
        let (mut salt, mut nonce) = ([0; 16], [0; NONCE_BYTES]);
        rng.fill_bytes(&mut salt);
        rng.fill_bytes(&mut nonce);
        let header = Header {
            schema: SCHEMA.into(),
            label: label.into(),
            protection: Protection::Passphrase {
                argon2id_kib: ARGON2_KIB,
                argon2id_passes: ARGON2_PASSES,
                salt: BASE64.encode(&salt),
                nonce: BASE64.encode(&nonce),
            },
        };
        let cipher = cipher(passphrase, &salt, ARGON2_KIB, ARGON2_PASSES)?;
        let bytes = self.bytes();
        let payload = Payload { msg: bytes.as_slice(), aad: &associated(&header) };
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| KeyringError::Damaged("it can't be encrypted"))?;
        Ok(render(header, &sealed))
    }

    /// The text of a key file without protection; the caller restricts who may read it.
    pub fn leave_open(&self, label: &str) -> String {
        let bytes = self.bytes();
        let protection = Protection::None { check: checksum(&bytes) };
        render(Header { schema: SCHEMA.into(), label: label.into(), protection }, bytes.as_slice())
    }

    /// Opens a key file. `passphrase` is asked for only if the file is sealed.
    pub fn open(
        text: &str,
        passphrase: impl FnOnce() -> Result<Option<Zeroizing<String>>>,
    ) -> Result<Keyring> {
        let file: File =
            serde_json::from_str(text).map_err(|_| KeyringError::Damaged("it is not a key file"))?;
        if file.header.schema != SCHEMA {
            return Err(KeyringError::Damaged("its schema is unknown").into());
        }
        let stored = Zeroizing::new(
            BASE64
                .decode(file.secret.as_bytes())
                .map_err(|_| KeyringError::Damaged("its secret is not base64"))?,
        );
        match &file.header.protection {
            Protection::None { check } => {
                let bytes: Zeroizing<[u8; SECRET_BYTES]> = Zeroizing::new(
                    stored
                        .as_slice()
                        .try_into()
                        .map_err(|_| KeyringError::Damaged("its secret has a wrong length"))?,
                );
                if checksum(&bytes) != *check {
                    return Err(KeyringError::Damaged("its checksum is wrong").into());
                }
                Ok(Keyring::from_bytes(&bytes))
            }
            Protection::Passphrase { argon2id_kib, argon2id_passes, salt, nonce } => {
                let salt = BASE64.decode(salt.as_bytes()).map_err(|_| KeyringError::Damaged("its salt"))?;
                let nonce: [u8; NONCE_BYTES] = BASE64
                    .decode(nonce.as_bytes())
                    .ok()
                    .and_then(|nonce| nonce.try_into().ok())
                    .ok_or(KeyringError::Damaged("its nonce"))?;
                let passphrase = passphrase()?.ok_or(KeyringError::Locked)?;
                let cipher = cipher(&passphrase, &salt, *argon2id_kib, *argon2id_passes)?;
                let payload = Payload { msg: stored.as_slice(), aad: &associated(&file.header) };
                let opened = Zeroizing::new(
                    cipher
                        .decrypt(&XNonce::from(nonce), payload)
                        .map_err(|_| KeyringError::WrongPassphrase)?,
                );
                let bytes = Zeroizing::new(
                    opened
                        .as_slice()
                        .try_into()
                        .map_err(|_| KeyringError::Damaged("its secret has a wrong length"))?,
                );
                Ok(Keyring::from_bytes(&bytes))
            }
        }
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

fn cipher(passphrase: &str, salt: &[u8], kib: u32, passes: u32) -> Result<XChaCha20Poly1305> {
    if kib > MAX_ARGON2_KIB || passes > MAX_ARGON2_PASSES {
        return Err(KeyringError::Damaged("its key derivation is beyond all limits").into());
    }
    let params =
        Params::new(kib, passes, 1, Some(32)).map_err(|_| KeyringError::Damaged("its key derivation"))?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .map_err(|_| KeyringError::Damaged("its salt"))?;
    Ok(XChaCha20Poly1305::new(&(*key).into()))
}

/// The header as it is authenticated: its own canonical JSON, whatever the file's spacing.
fn associated(header: &Header) -> Vec<u8> {
    serde_json::to_vec(header).expect("a header is plain strings and numbers")
}

fn checksum(bytes: &[u8; SECRET_BYTES]) -> String {
    HEXLOWER.encode(&blake3::derive_key("dyepack 2026 keyring check v1", bytes)[..8])
}

fn render(header: Header, secret: &[u8]) -> String {
    let file = File { header, secret: BASE64.encode(secret) };
    serde_json::to_string_pretty(&file).expect("a key file is plain strings and numbers") + "\n"
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
