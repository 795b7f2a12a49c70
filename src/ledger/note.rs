//! Signed notes and verifier keys.
//!
//! **Idea.** A note is text that ends in a newline, an empty line, and signature lines
//! `— <name> <base64(key id || signature)>`. The key id is the first four bytes of
//! `SHA-256(name || 0x0A || algorithm || public key)`; the algorithm is 0x01 for Ed25519 over the text.
//!
//! **Invariant.** A [`SignedNote`] is canonical: rendering it gives the bytes that were parsed.
//!
//! Source: C2SP signed-note, <https://c2sp.org/signed-note>.

use std::{fmt, str};

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use super::reason::Reason;
use crate::{error::Result, keys::secret::SigningKey};

/// The algorithm byte of Ed25519 over the text.
const ED25519: u8 = 1;

/// Longest note read, in bytes; a checkpoint with a hundred witnesses has about 12 kB.
pub(super) const NOTE_LIMIT_BYTES: u64 = 64 * 1024;

/// Most signature lines read; the limit of Go's `sumdb/note`.
const SIGNATURES_LIMIT: usize = 100;

/// A public key with the name it signs under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    algorithm: u8,
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl Verifier {
    /// Names a 32-byte Ed25519 public key. The name is not empty and has no white space and no `+`.
    pub fn new(name: &str, public: &[u8; 32]) -> Result<Self> {
        Self::of_algorithm(ED25519, name, public)
    }

    /// As [`new`](Self::new), for an algorithm that signs with Ed25519 keys too.
    pub(super) fn of_algorithm(algorithm: u8, name: &str, public: &[u8; 32]) -> Result<Self> {
        if !is_name(name) {
            return Err(Reason::Name(name.to_owned()).into());
        }
        let key = VerifyingKey::from_bytes(public).map_err(|_| Reason::VerifierKey("not a curve point"))?;
        Ok(Verifier { algorithm, name: name.to_owned(), id: key_id(algorithm, name, public), key })
    }

    /// Reads `name+hex8+base64(0x01 || public key)`, as [`Display`](fmt::Display) writes it.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_as(ED25519, text)
    }

    /// As [`parse`](Self::parse), with the byte of another algorithm.
    pub(super) fn parse_as(algorithm: u8, text: &str) -> Result<Self> {
        // The base64 part may hold a `+`, the name may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Reason::VerifierKey("it is not name+id+key").into());
        };
        let key = BASE64.decode(key.as_bytes()).map_err(|_| Reason::VerifierKey("the key is not base64"))?;
        let public: &[u8; 32] = match key.split_first() {
            Some((found, public)) if *found == algorithm => {
                public.try_into().map_err(|_| Reason::VerifierKey("wrong length"))?
            }
            _ if algorithm == ED25519 => return Err(Reason::VerifierKey("not an Ed25519 key").into()),
            _ => return Err(Reason::VerifierKey("not a key that cosigns").into()),
        };
        let verifier = Verifier::of_algorithm(algorithm, name, public)?;
        if verifier.id_hex() != id {
            return Err(Reason::VerifierKey("the key id does not belong to the name and key").into());
        }
        Ok(verifier)
    }

    /// The name that the key signs under; for a ledger, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The four bytes of the key id as eight hex digits.
    pub fn id_hex(&self) -> String {
        HEXLOWER.encode(&self.id)
    }

    /// The 32-byte Ed25519 public key.
    pub fn public(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether `signature` is this key's over `message`. Strict: no weak keys, no second form of a signature.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.algorithm], self.public().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, self.id_hex(), BASE64.encode(&key))
    }
}

/// A note with its signatures, of which none has been checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    name: String,
    /// Key id and signature; their split and length depend on the key's algorithm.
    payload: Vec<u8>,
}

impl SignedNote {
    /// Signs `text`, which must end in a newline, under `name`.
    pub fn sign(text: String, name: &str, signer: &SigningKey) -> Result<Self> {
        if !is_name(name) {
            return Err(Reason::Name(name.to_owned()).into());
        }
        if !is_text(&text) {
            return Err(Reason::Note("the text has control characters or no newline at its end").into());
        }
        let id = key_id(ED25519, name, &signer.public());
        let payload = [id.as_slice(), &signer.sign(text.as_bytes())].concat();
        Ok(SignedNote { text, lines: vec![Line { name: name.to_owned(), payload }] })
    }

    /// Reads a note of at most 64 kB; checks its form, not its signatures.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() as u64 > NOTE_LIMIT_BYTES {
            return Err(Reason::Note("longer than 64 kB").into());
        }
        let note = str::from_utf8(bytes).map_err(|_| Reason::Note("not UTF-8"))?;
        let end = note.rfind("\n\n").ok_or(Reason::Note("no empty line before the signatures"))? + 1;
        let (text, signatures) = (&note[..end], &note[end + 1..]);
        if !is_text(text) || !signatures.ends_with('\n') {
            return Err(Reason::Note("control characters, or no newline at the end").into());
        }
        let lines = signatures.lines().map(parse_line).collect::<Option<Vec<_>>>();
        let lines = lines.ok_or(Reason::Note("a signature line is not `— name base64`"))?;
        if lines.len() > SIGNATURES_LIMIT {
            return Err(Reason::Note("more than 100 signatures").into());
        }
        let parsed = SignedNote { text: text.to_owned(), lines };
        if parsed.render().as_bytes() != bytes {
            return Err(Reason::Note("not in canonical form").into());
        }
        Ok(parsed)
    }

    /// The text, if the verifier's key signed it. Signatures of other keys are left aside.
    pub fn open(&self, verifier: &Verifier) -> Result<&str> {
        let mut of_key = self.lines.iter().filter(|l| l.name == verifier.name).filter_map(|l| {
            let (id, signature) = l.payload.split_at_checked(4)?;
            (id == verifier.id).then_some(signature)
        });
        let (first, second) = (of_key.next(), of_key.next());
        match first.map(<&[u8; 64]>::try_from) {
            Some(Ok(signature)) if second.is_none() && verifier.verifies(self.text.as_bytes(), signature) => {
                Ok(&self.text)
            }
            _ => Err(Reason::Signature.into()),
        }
    }

    /// What was signed, or is said to have been.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How many keys signed.
    pub(super) fn signature_count(&self) -> usize {
        self.lines.len()
    }

    /// The note as it is stored and published.
    pub fn render(&self) -> String {
        let mut note = format!("{}\n", self.text);
        for Line { name, payload } in &self.lines {
            note += &format!("— {name} {}\n", BASE64.encode(payload));
        }
        note
    }
}

fn parse_line(line: &str) -> Option<Line> {
    let (name, payload) = line.strip_prefix("— ")?.split_once(' ')?;
    let payload = BASE64.decode(payload.as_bytes()).ok()?;
    (is_name(name) && payload.len() > 4).then(|| Line { name: name.to_owned(), payload })
}

fn key_id(algorithm: u8, name: &str, public: &[u8; 32]) -> [u8; 4] {
    let hash =
        Sha256::new().chain_update(name).chain_update([b'\n', algorithm]).chain_update(public).finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

fn is_text(text: &str) -> bool {
    text.ends_with('\n') && !text.chars().any(|c| c < ' ' && c != '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Go's `golang.org/x/mod/sumdb/note`.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_sumdb_note_example_opens() {
        let peter = Verifier::parse(PETER).unwrap();
        assert_eq!(peter.to_string(), PETER);
        let note = SignedNote::parse(NOTE.as_bytes()).unwrap();
        assert_eq!(note.render(), NOTE);
        assert!(note.open(&peter).unwrap().starts_with("If you think"));
    }

    #[test]
    fn every_byte_of_a_note_counts() {
        let peter = Verifier::parse(PETER).unwrap();
        for at in 0..NOTE.len() {
            for mask in [0x01, 0x20, 0x80] {
                let mut bent = NOTE.as_bytes().to_vec();
                bent[at] ^= mask;
                let opened = SignedNote::parse(&bent).and_then(|n| n.open(&peter).map(str::to_owned));
                assert!(opened.is_err_and(|e| e.is_integrity()), "byte {at} ^ {mask}");
            }
            assert!(SignedNote::parse(&NOTE.as_bytes()[..at]).is_err(), "cut at {at}");
        }
        for at in 0..PETER.len() {
            let mut bent = PETER.as_bytes().to_vec();
            bent[at] ^= 1;
            assert!(Verifier::parse(str::from_utf8(&bent).unwrap()).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_note_of_our_own_opens_under_its_key_only() {
        let signer = SigningKey::from_seed(&[5; 32]);
        let verifier = Verifier::new("example.org/ledger", &signer.public()).unwrap();
        let other = Verifier::new("example.org/other", &signer.public()).unwrap();
        let note = SignedNote::sign("hello\n\nworld\n".to_owned(), verifier.name(), &signer).unwrap();
        let read = SignedNote::parse(note.render().as_bytes()).unwrap();
        assert_eq!(read.open(&verifier).unwrap(), "hello\n\nworld\n");
        assert!(read.open(&other).is_err());
        assert!(SignedNote::sign("no newline".to_owned(), "a", &signer).is_err());
        assert!(Verifier::new("two words", &signer.public()).is_err());
        assert!(Verifier::new("a+b", &signer.public()).is_err());
    }

    #[test]
    fn signatures_of_witnesses_are_left_aside() {
        let peter = Verifier::parse(PETER).unwrap();
        let witnessed = format!("{NOTE}— witness.example {}\n", BASE64.encode(&[7; 76]));
        let note = SignedNote::parse(witnessed.as_bytes()).unwrap();
        assert_eq!(note.signature_count(), 2);
        assert!(note.open(&peter).is_ok());
    }
}
