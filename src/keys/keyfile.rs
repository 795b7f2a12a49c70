//! Key files: secret bytes at rest, sealed with a passphrase or left open with mode 0600.
//!
//! A sealed file is JSON: the parameters in the clear, the secret bytes encrypted with XChaCha20-Poly1305 under an Argon2id
//! key, the whole header as associated data. Changing any byte of it is noticed. An open file carries a keyed checksum instead,
//! since a flipped bit would otherwise be a valid, wrong key.
//!
//! Sources: RFC 9106 (Argon2; second recommended parameters), RFC 8439 and draft-irtf-cfrg-xchacha (XChaCha20-Poly1305).

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::{BASE64, HEXLOWER};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::{Class, Error, Reason, Result};

/// RFC 9106, section 4: the second recommended option, for machines with less memory (64 MiB, three passes).
const ARGON2_KIB: u32 = 64 * 1024;
const ARGON2_PASSES: u32 = 3;

/// What a hostile key file may ask of us at most.
const MAX_ARGON2_KIB: u32 = 1024 * 1024;
const MAX_ARGON2_PASSES: u32 = 16;

const NONCE_BYTES: usize = 24;

#[derive(Debug, thiserror::Error)]
enum KeyFileError {
    #[error("the key file is damaged: {0}")]
    Damaged(&'static str),
    #[error("the key file is sealed and no passphrase is at hand")]
    Locked,
    #[error("the passphrase does not open the key file, or the file was changed")]
    WrongPassphrase,
}

impl Reason for KeyFileError {
    fn class(&self) -> Class {
        Class::Key
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                KeyFileError::Damaged(_) => "restore the key file from your backup",
                KeyFileError::Locked => {
                    "run on a terminal, or put it in a file and name that in DYEPACK_PASSPHRASE_FILE"
                }
                KeyFileError::WrongPassphrase => {
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

/// The text of a key file that only `passphrase` opens.
pub(super) fn seal(
    schema: &str,
    label: &str,
    secret: &[u8],
    passphrase: &str,
    rng: &mut impl CryptoRng,
) -> Result<String> {
    let (mut salt, mut nonce) = ([0; 16], [0; NONCE_BYTES]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut nonce);
    let header = Header {
        schema: schema.into(),
        label: label.into(),
        protection: Protection::Passphrase {
            argon2id_kib: ARGON2_KIB,
            argon2id_passes: ARGON2_PASSES,
            salt: BASE64.encode(&salt),
            nonce: BASE64.encode(&nonce),
        },
    };
    let cipher = cipher(passphrase, &salt, ARGON2_KIB, ARGON2_PASSES)?;
    let payload = Payload { msg: secret, aad: &associated(&header) };
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| KeyFileError::Damaged("it can't be encrypted"))?;
    Ok(render(header, &sealed))
}

/// The text of a key file without protection; the caller restricts who may read it.
pub(super) fn leave_open(schema: &str, label: &str, secret: &[u8]) -> String {
    let protection = Protection::None { check: checksum(secret) };
    render(Header { schema: schema.into(), label: label.into(), protection }, secret)
}

/// The secret bytes of a key file, and which of the schemas it has. `passphrase` is asked for only if the file is sealed.
pub(super) fn open<'a>(
    schemas: &[&'a str],
    text: &str,
    passphrase: impl FnOnce() -> Result<Option<Zeroizing<String>>>,
) -> Result<(&'a str, Zeroizing<Vec<u8>>)> {
    let file: File = serde_json::from_str(text).map_err(|_| KeyFileError::Damaged("it is not a key file"))?;
    let schema = schemas.iter().copied().find(|schema| *schema == file.header.schema);
    let schema = schema.ok_or(KeyFileError::Damaged("it holds keys of another kind"))?;
    let stored = Zeroizing::new(
        BASE64
            .decode(file.secret.as_bytes())
            .map_err(|_| KeyFileError::Damaged("its secret is not base64"))?,
    );
    match &file.header.protection {
        Protection::None { check } if checksum(&stored) != *check => {
            Err(KeyFileError::Damaged("its checksum is wrong").into())
        }
        Protection::None { .. } => Ok((schema, stored)),
        Protection::Passphrase { argon2id_kib, argon2id_passes, salt, nonce } => {
            let salt = BASE64.decode(salt.as_bytes()).map_err(|_| KeyFileError::Damaged("its salt"))?;
            let nonce: [u8; NONCE_BYTES] = BASE64
                .decode(nonce.as_bytes())
                .ok()
                .and_then(|nonce| nonce.try_into().ok())
                .ok_or(KeyFileError::Damaged("its nonce"))?;
            let passphrase = passphrase()?.ok_or(KeyFileError::Locked)?;
            let cipher = cipher(&passphrase, &salt, *argon2id_kib, *argon2id_passes)?;
            let payload = Payload { msg: stored.as_slice(), aad: &associated(&file.header) };
            let opened =
                cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| KeyFileError::WrongPassphrase)?;
            Ok((schema, Zeroizing::new(opened)))
        }
    }
}

/// Bytes of the salt that a passphrase is stretched with.
pub const SALT_BYTES: usize = 16;

/// The cipher under a passphrase, for files that no key of a home opens, such as its backup. `salt` is random and stands in
/// the file.
///
/// # Errors
/// If there is not memory enough.
pub fn passphrase_cipher(passphrase: &str, salt: &[u8; SALT_BYTES]) -> Result<XChaCha20Poly1305> {
    cipher(passphrase, salt, ARGON2_KIB, ARGON2_PASSES)
}

/// The error for secret bytes of a wrong length.
pub(super) fn wrong_length() -> Error {
    KeyFileError::Damaged("its secret has a wrong length").into()
}

fn cipher(passphrase: &str, salt: &[u8], kib: u32, passes: u32) -> Result<XChaCha20Poly1305> {
    Ok(XChaCha20Poly1305::new(&(*stretch(passphrase, salt, kib, passes)?).into()))
}

fn stretch(passphrase: &str, salt: &[u8], kib: u32, passes: u32) -> Result<Zeroizing<[u8; 32]>> {
    if kib > MAX_ARGON2_KIB || passes > MAX_ARGON2_PASSES {
        return Err(KeyFileError::Damaged("its key derivation is beyond all limits").into());
    }
    let params =
        Params::new(kib, passes, 1, Some(32)).map_err(|_| KeyFileError::Damaged("its key derivation"))?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .map_err(|_| KeyFileError::Damaged("its salt"))?;
    Ok(key)
}

/// The header as it is authenticated: its own canonical JSON, whatever the file's spacing.
fn associated(header: &Header) -> Vec<u8> {
    serde_json::to_vec(header).expect("a header is plain strings and numbers")
}

fn checksum(bytes: &[u8]) -> String {
    HEXLOWER.encode(&blake3::derive_key("dyepack 2026 keyring check v1", bytes)[..8])
}

fn render(header: Header, secret: &[u8]) -> String {
    let file = File { header, secret: BASE64.encode(secret) };
    serde_json::to_string_pretty(&file).expect("a key file is plain strings and numbers") + "\n"
}
