//! What others say under their own keys: an approval, a receipt.
//!
//! **Idea.** A statement is a C2SP signed note of two lines: its kind and version, and one JSON object. So the tool of
//! anybody who has the signer's verifier key can check it, without a ledger and without dyepack.
//!
//! **Invariants.**
//! * The ledger keeps the note as it was signed, never a re-serialisation.
//! * What a [`Signed`] claims is believed only after [`Signed::verify`].
//! * No data value is in it: names, counts, hashes and times.
//!
//! [`approval`] and [`receipt`] are the kinds, [`signers`] says whose keys count at a point of the ledger.

pub mod approval;
mod reason;
pub mod receipt;
pub mod signers;
#[cfg(test)]
mod tests;

use serde::{Serialize, de::DeserializeOwned};

use super::note::{SignedNote, Verifier};
use crate::{error::Result, keys::secret::SigningKey};

pub use approval::Approval;
use reason::StatementReason;
pub use receipt::DeliveryReceipt;
pub use signers::Signers;

/// The error for a receipt of other bytes than were delivered as `release`.
pub fn other_bytes(release: &str) -> crate::Error {
    StatementReason::OtherBytes(release.to_owned()).into()
}

/// A kind of statement.
pub trait Statement: Serialize + DeserializeOwned {
    /// The first line of its text: kind and version.
    const KIND: &'static str;

    /// What the JSON's form alone does not rule out.
    fn fault(&self) -> Option<&'static str>;
}

/// A statement with its signatures, of which none has been checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T> {
    note: SignedNote,
    said: T,
}

impl<T: Statement> Signed<T> {
    /// Signs under `name`.
    ///
    /// # Errors
    /// If the name can't stand in a note, or the statement has a fault.
    pub fn sign(said: T, name: &str, key: &SigningKey) -> Result<Self> {
        if let Some(what) = said.fault() {
            return Err(StatementReason::Malformed { kind: T::KIND, what }.into());
        }
        let json = serde_json::to_string(&said).expect("a statement is plain strings and numbers");
        Ok(Signed { note: SignedNote::sign(format!("{}\n{json}\n", T::KIND), name, key)?, said })
    }

    /// Reads a note. Members of the JSON that are not known are passed over.
    ///
    /// # Errors
    /// `Usage` if it is no statement of this kind.
    pub fn parse(note: &str) -> Result<Self> {
        let malformed = |what| StatementReason::Malformed { kind: T::KIND, what };
        let parsed = SignedNote::parse(note.as_bytes()).map_err(|_| malformed("it is no signed note"))?;
        let text = parsed.unchecked_text().strip_suffix('\n').and_then(|text| text.split_once('\n'));
        let said: T = match text {
            Some((kind, json)) if kind == T::KIND => {
                serde_json::from_str(json).map_err(|_| malformed("its second line is not its JSON"))?
            }
            _ => return Err(malformed("its first line is another").into()),
        };
        match said.fault() {
            Some(what) => Err(malformed(what).into()),
            None => Ok(Signed { note: parsed, said }),
        }
    }

    /// What it says, whoever signed it.
    pub fn claimed(&self) -> &T {
        &self.said
    }

    /// What the verifier's key signed.
    ///
    /// # Errors
    /// `Usage` if that key did not sign it.
    pub fn verify(&self, verifier: &Verifier) -> Result<&T> {
        match self.note.open(verifier) {
            Ok(_) => Ok(&self.said),
            Err(_) => {
                Err(StatementReason::OtherKey { kind: T::KIND, name: verifier.name().to_owned() }.into())
            }
        }
    }

    /// The note, as it is handed over and kept.
    pub fn render(&self) -> String {
        self.note.render()
    }
}

#[cfg(test)]
mod form {
    use super::*;
    use crate::ledger::entry::Output;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn receipt() -> DeliveryReceipt {
        DeliveryReceipt {
            release: "r1".into(),
            output: Output { bytes: 9, blake3: "ab".repeat(32), sha256: "cd".repeat(32) },
            time: "2026-03-01T12:00:00Z".into(),
        }
    }

    #[test]
    fn a_statement_is_a_note_of_two_lines() {
        let note = Signed::sign(receipt(), "acme.example", &key(1)).unwrap().render();
        let lines: Vec<&str> = note.lines().collect();
        assert_eq!(lines[0], "dyepack.delivery-receipt/1");
        assert_eq!(
            lines[1],
            format!(
                r#"{{"release":"r1","bytes":9,"blake3":"{}","sha256":"{}","time":"2026-03-01T12:00:00Z"}}"#,
                "ab".repeat(32),
                "cd".repeat(32)
            )
        );
        assert_eq!((lines[2], lines.len()), ("", 4));
        let read: Signed<DeliveryReceipt> = Signed::parse(&note).unwrap();
        let signer = Verifier::new("acme.example", &key(1).public()).unwrap();
        assert_eq!(read.verify(&signer).unwrap(), &receipt());
        assert_eq!(read.render(), note);
    }

    #[test]
    fn another_key_name_or_text_does_not_verify() {
        let note = Signed::sign(receipt(), "acme.example", &key(1)).unwrap().render();
        let read: Signed<DeliveryReceipt> = Signed::parse(&note).unwrap();
        for (name, seed) in [("acme.example", 2), ("acme", 1)] {
            let other = Verifier::new(name, &key(seed).public()).unwrap();
            let error = read.verify(&other).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
        }
        let signer = Verifier::new("acme.example", &key(1).public()).unwrap();
        for at in 0..note.len() {
            let mut bent = note.clone().into_bytes();
            bent[at] ^= 1;
            let opened = String::from_utf8(bent).ok().and_then(|bent| Signed::parse(&bent).ok());
            let opened: Option<Signed<DeliveryReceipt>> = opened;
            assert!(opened.is_none_or(|read| read.verify(&signer).is_err()), "byte {at}");
        }
    }

    #[test]
    fn other_kinds_are_refused_and_more_members_are_not() {
        let sign = |text: &str| SignedNote::sign(text.to_owned(), "a", &key(1)).unwrap().render();
        let json = serde_json::to_string(&receipt()).unwrap();
        let more = json.replacen('{', r#"{"more":[1],"#, 1);
        assert!(
            Signed::<DeliveryReceipt>::parse(&sign(&format!("dyepack.delivery-receipt/1\n{more}\n"))).is_ok()
        );
        for text in [
            format!("dyepack.approval/1\n{json}\n"),
            format!("dyepack.delivery-receipt/2\n{json}\n"),
            format!("dyepack.delivery-receipt/1\n{json}\n{json}\n"),
            "dyepack.delivery-receipt/1\n".to_owned(),
            "dyepack.delivery-receipt/1\n{}\n".to_owned(),
            format!("dyepack.delivery-receipt/1\n{}\n", json.replace("2026", "26")),
            format!("dyepack.delivery-receipt/1\n{}\n", json.replace("abab", "ABAB")),
            format!("dyepack.delivery-receipt/1\n{}\n", json.replace("r1", "")),
        ] {
            let error = Signed::<DeliveryReceipt>::parse(&sign(&text)).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{text}");
        }
        assert!(Signed::<DeliveryReceipt>::parse("hello").is_err());
    }
}
