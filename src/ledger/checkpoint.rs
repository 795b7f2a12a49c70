//! The ledger's head: origin, size and root, signed.
//!
//! **Idea.** Three lines (origin, size in decimal, root in base64) as a signed note. Parse, don't validate: a
//! [`Verified<Checkpoint>`](Verified) can only be had from bytes whose signature was checked, or by signing.
//!
//! Source: C2SP tlog-checkpoint, <https://c2sp.org/tlog-checkpoint>. We write no extension lines and read none.

use std::ops::Deref;

use data_encoding::{BASE64, HEXLOWER};

use super::{
    merkle::Hash,
    note::{SignedNote, Verifier},
    reason::Reason,
};
use crate::{error::Result, keys::secret::SigningKey};

/// What a signature vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The ledger's name, also the name of its key.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the Merkle tree over them.
    pub root: Hash,
}

/// A value whose signature was checked, with the exact bytes that carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    note: String,
}

impl Checkpoint {
    /// The three lines.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root))
    }

    /// The root in 64 hex digits.
    pub fn root_hex(&self) -> String {
        HEXLOWER.encode(&self.root)
    }

    /// Signs under the origin.
    pub fn sign(self, signer: &SigningKey) -> Result<Verified<Checkpoint>> {
        let note = SignedNote::sign(self.text(), &self.origin, signer)?.render();
        Ok(Verified { value: self, note })
    }

    pub(super) fn parse(text: &str) -> Result<Self, Reason> {
        let lines: Vec<&str> = text.lines().collect();
        let [origin, size, root] = lines[..] else {
            return Err(Reason::Checkpoint("it has not three lines"));
        };
        let size = size.parse().map_err(|_| Reason::Checkpoint("the size is no number"))?;
        let root = BASE64.decode(root.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let root = root.ok_or(Reason::Checkpoint("the root is not 32 bytes of base64"))?;
        let checkpoint = Checkpoint { origin: origin.to_owned(), size, root };
        if checkpoint.text() != text {
            return Err(Reason::Checkpoint("not in canonical form"));
        }
        Ok(checkpoint)
    }
}

impl Verified<Checkpoint> {
    /// Reads a signed checkpoint: the note's form, the verifier's signature, the origin and the three lines, in this
    /// order. Signatures by others may stand beside it.
    pub fn open(bytes: &[u8], verifier: &Verifier) -> Result<Self> {
        let note = SignedNote::parse(bytes)?;
        let value = Checkpoint::parse(note.open(verifier)?)?;
        if value.origin != verifier.name() {
            return Err(Reason::Checkpoint("the origin is not the key's name").into());
        }
        Ok(Verified { value, note: note.render() })
    }

    /// As [`open`](Self::open), and nobody else signed: the form in which the ledger stores its own head. Another
    /// key's line can't be checked here, so its bytes could change unseen.
    pub(super) fn open_stored(bytes: &[u8], verifier: &Verifier) -> Result<Self> {
        if SignedNote::parse(bytes)?.signature_count() != 1 {
            return Err(Reason::Checkpoint("it has not exactly one signature").into());
        }
        Verified::open(bytes, verifier)
    }

    /// The signed note, byte for byte as stored.
    pub fn note(&self) -> &str {
        &self.note
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> (Verifier, String) {
        let signer = SigningKey::from_seed(&[1; 32]);
        let verifier = Verifier::new("example.org/l", &signer.public()).unwrap();
        let checkpoint = Checkpoint { origin: "example.org/l".into(), size: 10, root: [0xfb; 32] };
        (verifier, checkpoint.sign(&signer).unwrap().note().to_owned())
    }

    #[test]
    fn reading_inverts_signing() {
        let (verifier, note) = signed();
        let read = Verified::open(note.as_bytes(), &verifier).unwrap();
        assert_eq!((read.size, read.root, read.note()), (10, [0xfb; 32], note.as_str()));
    }

    #[test]
    fn every_byte_of_a_checkpoint_counts() {
        let (verifier, note) = signed();
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bent = note.clone().into_bytes();
                bent[at] ^= 1 << bit;
                let read = Verified::open(&bent, &verifier);
                assert!(read.is_err_and(|e| e.is_integrity()), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn properly_signed_nonsense_is_refused() {
        let signer = SigningKey::from_seed(&[1; 32]);
        let verifier = Verifier::new("o", &signer.public()).unwrap();
        let root = BASE64.encode(&[0; 32]);
        let texts = [
            format!("o\n010\n{root}\n"),
            format!("o\n+1\n{root}\n"),
            format!("o\n-1\n{root}\n"),
            format!("o\n99999999999999999999\n{root}\n"),
            format!("other\n1\n{root}\n"),
            format!("o\n1\n{root}\nextension\n"),
            "o\n1\nAAAA\n".to_owned(),
            "o\n1\n".to_owned(),
            "\n".to_owned(),
        ];
        for text in texts {
            let note = SignedNote::sign(text.clone(), "o", &signer).unwrap().render();
            assert!(Verified::open(note.as_bytes(), &verifier).is_err_and(|e| e.is_integrity()), "{text}");
        }
    }

    #[test]
    fn a_stored_checkpoint_has_one_signature() {
        let (verifier, note) = signed();
        let witnessed = format!("{note}— witness {}\n", BASE64.encode(&[7; 68]));
        assert!(Verified::open(witnessed.as_bytes(), &verifier).is_ok());
        assert!(Verified::open_stored(witnessed.as_bytes(), &verifier).is_err());
        assert!(Verified::open_stored(note.as_bytes(), &verifier).is_ok());
    }
}
