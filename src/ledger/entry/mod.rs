//! What the ledger records, and how an entry becomes a leaf.
//!
//! **Idea.** A leaf is the JSON text `{"entry": …, "key": "<hex key id>", "signature": "<base64>"}` without white
//! space. The signature covers `dyepack.entry/1`, a newline and the exact bytes of the member `entry`, so that one
//! leaf can be shown and checked alone. The leaf's bytes, not a re-serialisation, are what the tree hashes.
//!
//! **Invariants.**
//! * Cutting a leaf open and joining it again gives the same bytes.
//! * An entry of a kind or schema that this version does not know is kept and listed, never an error. Fields that it
//!   does not know are ignored.
//! * No patient data, no codeword and no secret: only what is in the types of [`event`] and [`release`].

pub mod event;
pub mod release;
pub mod trace;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use strum::VariantNames as _;

use super::{blobs::is_hash, note::Verifier, reason::Reason, tiles::LEAF_LIMIT_BYTES};
use crate::{error::Result, keys::secret::SigningKey};

pub use event::{Event, Facts, Recipient};
pub use release::{Commitment, Opening, Output, Release, Source};
pub use trace::{Exhibit, Traced};

/// The schema of the entries.
pub const SCHEMA: &str = "dyepack.entry/1";

/// What an entry's signature begins with, so that it can't pass for a signature over something else.
const SIGNED_PREFIX: &[u8] = b"dyepack.entry/1\n";

/// One fact, who recorded it and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// [`SCHEMA`].
    pub schema: String,
    /// When, RFC 3339.
    pub time: String,
    /// Who ran the command.
    pub operator: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Entry {
    /// An entry of this version's schema.
    pub fn new(time: impl Into<String>, operator: impl Into<String>, event: Event) -> Self {
        Entry { schema: SCHEMA.to_owned(), time: time.into(), operator: operator.into(), event }
    }

    /// The release, if it is one.
    pub fn release(&self) -> Option<&Release> {
        match &self.event {
            Event::Release(release) => Some(release),
            _ => None,
        }
    }

    /// Refuses what could not be told apart or looked up later.
    pub(super) fn check(&self) -> Result<()> {
        let bad = |what: &str| Err(Reason::BadEntry(what.to_owned()).into());
        if self.schema != SCHEMA {
            return bad("its schema is not `dyepack.entry/1`");
        }
        if self.time.parse::<jiff::Timestamp>().is_err() {
            return bad("its time is not RFC 3339");
        }
        if let Event::WitnessesSet(quorum) = &self.event {
            quorum.check()?;
        }
        if let Event::ReleaseOpened(Opening { release, .. }) | Event::ReleaseCut { release, .. } = &self.event
            && release.is_empty()
        {
            return bad("its release id is empty");
        }
        self.event.check_signers()?;
        if let Event::OpeningMade { sha256, .. } = &self.event
            && !is_hash(sha256)
        {
            return Err(Reason::BadHash(sha256.clone()).into());
        }
        if let Event::Release(release) = &self.event {
            if release.opening.release.is_empty() {
                return bad("its release id is empty");
            }
            let hashes = [&release.source.blake3, &release.output.blake3, &release.output.sha256];
            if let Some(hash) = hashes.into_iter().find(|hash| !is_hash(hash)) {
                return Err(Reason::BadHash(hash.clone()).into());
            }
        }
        Ok(())
    }

    /// Signs the entry: the bytes of its leaf.
    pub(super) fn to_leaf(&self, verifier: &Verifier, signer: &SigningKey) -> Result<Vec<u8>> {
        let entry = serde_json::to_string(self).map_err(|e| Reason::BadEntry(e.to_string()))?;
        let signature = BASE64.encode(&signer.sign(&[SIGNED_PREFIX, entry.as_bytes()].concat()));
        let leaf = join(&entry, &verifier.id_hex(), &signature);
        if leaf.len() > LEAF_LIMIT_BYTES {
            let what = format!("it has {} bytes, the most is {LEAF_LIMIT_BYTES}", leaf.len());
            return Err(Reason::BadEntry(what).into());
        }
        Ok(leaf.into_bytes())
    }
}

/// A leaf cut into its members.
#[derive(Deserialize)]
struct Leaf<'a> {
    #[serde(borrow)]
    entry: &'a RawValue,
    key: &'a str,
    signature: &'a str,
}

/// What every entry of every version has.
#[derive(Deserialize)]
struct Head {
    schema: String,
    kind: String,
}

/// Reads the entry of a leaf; `None` is a kind or schema of a later version. The signature is not looked at.
pub(super) fn read(leaf: &[u8]) -> Result<Option<Entry>, String> {
    cut(leaf)?.read()
}

/// As [`read`], if the verifier's key signed it.
pub(super) fn read_signed(leaf: &[u8], verifier: &Verifier) -> Result<Option<Entry>, String> {
    let leaf = cut(leaf)?;
    leaf.check_signature(verifier)?;
    leaf.read()
}

/// The entry of a leaf that came from elsewhere, if the verifier's key signed it; `None` is a kind or schema of a later version.
///
/// # Errors
/// `Integrity` if the leaf is malformed or not signed by the key.
pub fn open_leaf(leaf: &[u8], verifier: &Verifier) -> Result<Option<Entry>> {
    read_signed(leaf, verifier).map_err(|what| Reason::Leaf(what).into())
}

impl Leaf<'_> {
    fn read(&self) -> Result<Option<Entry>, String> {
        let entry = self.entry.get();
        let head: Head = serde_json::from_str(entry).map_err(|e| format!("it is no entry: {e}"))?;
        if head.schema != SCHEMA || !Event::VARIANTS.contains(&head.kind.as_str()) {
            return Ok(None);
        }
        serde_json::from_str(entry).map(Some).map_err(|e| format!("it is no {}: {e}", head.kind))
    }

    /// Checks key and signature.
    fn check_signature(&self, verifier: &Verifier) -> Result<(), String> {
        if self.key != verifier.id_hex() {
            return Err("it is signed by another key".to_owned());
        }
        let signature: Option<[u8; 64]> =
            BASE64.decode(self.signature.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let signature = signature.ok_or("its signature is not 64 bytes of base64")?;
        let message = [SIGNED_PREFIX, self.entry.get().as_bytes()].concat();
        if verifier.verifies(&message, &signature) {
            Ok(())
        } else {
            Err("its signature does not hold".to_owned())
        }
    }
}

fn cut(bytes: &[u8]) -> Result<Leaf<'_>, String> {
    let leaf: Leaf = serde_json::from_slice(bytes).map_err(|e| format!("it is no leaf: {e}"))?;
    if join(leaf.entry.get(), leaf.key, leaf.signature).as_bytes() != bytes {
        return Err("it is not in canonical form".to_owned());
    }
    Ok(leaf)
}

fn join(entry: &str, key: &str, signature: &str) -> String {
    format!(r#"{{"entry":{entry},"key":"{key}","signature":"{signature}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::cosignature::Quorum;

    fn keys() -> (SigningKey, Verifier) {
        let signer = SigningKey::from_seed(&[3; 32]);
        let verifier = Verifier::new("o", &signer.public()).unwrap();
        (signer, verifier)
    }

    fn opening(release: &str) -> Opening {
        Opening { release: release.into(), ..Opening::default() }
    }

    fn events() -> Vec<Event> {
        vec![
            Event::RecipientRegistered {
                recipient: Recipient { id: "a".into(), name: "Ä".into(), ..Recipient::default() },
            },
            Event::RecipientSuspended { recipient: "a".into(), reason: None },
            Event::RecipientErased { recipient: "a".into(), blob: "00".repeat(32), reason: None },
            Event::KeyRotated { epoch: 2, reason: Some("stolen".into()) },
            Event::Pruned { before: 512, kept: "00".repeat(32) },
            Event::PolicyAdopted {
                dataset: "d".into(),
                policy: "00".repeat(32),
                level: 2,
                slots: vec!["x".into()],
                model: None,
            },
            Event::Release(Release { opening: opening("r"), rows: u64::MAX, ..Release::default() }),
            Event::ReleaseOpened(opening("s")),
            Event::ReleaseCut { release: "s".into(), bytes: 9, reason: "interrupted".into() },
            Event::WitnessesSet(Quorum { quorum: 1, witnesses: vec!["w".into()] }),
            Event::Trace(Traced {
                verdict: "identified".into(),
                accused: vec!["a".into()],
                ..Traced::default()
            }),
            Event::OpeningMade { release: "r".into(), recipient: "a".into(), sha256: "00".repeat(32) },
            Event::Amendment { supersedes: 7, note: "\"quoted\"\n".into() },
            Event::RecipientChanged {
                recipient: "a".into(),
                changes: Facts { max_level: Some(2), ..Facts::default() },
            },
            Event::RecipientReinstated { recipient: "a".into(), reason: None },
            Event::ApproverAdded { approver: "c".into(), vkey: keys().1.to_string() },
            Event::ApproverRemoved { approver: "c".into(), reason: Some("left".into()) },
            Event::Approved { approver: "c".into(), note: "n".into() },
            Event::ReceiptAttached { release: "r".into(), note: "n".into() },
            Event::Refused {
                dataset: "d".into(),
                recipient: "a".into(),
                release: "r".into(),
                rules: vec!["approve_rows".into()],
                rows: Some(251),
            },
        ]
    }

    #[test]
    fn every_kind_reads_back_and_is_known() {
        let (signer, verifier) = keys();
        let events = events();
        assert_eq!(events.iter().map(Event::kind).collect::<Vec<_>>(), Event::VARIANTS);
        for event in events {
            let entry = Entry::new("2026-03-01T12:00:00Z", "op", event);
            let leaf = entry.to_leaf(&verifier, &signer).unwrap();
            assert!(String::from_utf8_lossy(&leaf).contains(&format!("\"kind\":\"{}\"", entry.event.kind())));
            read_signed(&leaf, &verifier).unwrap();
            assert_eq!(read(&leaf).unwrap(), Some(entry));
        }
    }

    #[test]
    fn later_kinds_schemas_and_fields_are_tolerated() {
        let leaf = |entry: &str| join(entry, "00000000", "").into_bytes();
        let base = r#""schema":"dyepack.entry/1","time":"t","operator":"o""#;
        assert_eq!(read(&leaf(&format!(r#"{{{base},"kind":"trace_performed","x":[1]}}"#))), Ok(None));
        assert_eq!(read(&leaf(r#"{"schema":"dyepack.entry/2","kind":"release"}"#)), Ok(None));
        let more = format!(r#"{{{base},"kind":"amendment","supersedes":1,"note":"n","new":{{}}}}"#);
        assert!(read(&leaf(&more)).unwrap().is_some());
        assert!(read(&leaf(&format!(r#"{{{base},"kind":"amendment"}}"#))).is_err());
        assert!(read(&leaf("[]")).is_err());
    }

    #[test]
    fn a_leaf_has_one_form() {
        let (signer, verifier) = keys();
        let entry = Entry::new("2026-03-01T12:00:00Z", "op", events().pop().unwrap());
        let leaf = String::from_utf8(entry.to_leaf(&verifier, &signer).unwrap()).unwrap();
        for other in [
            leaf.replacen("{", "{ ", 1),
            leaf.replace(",\"key\"", ", \"key\""),
            format!("{leaf}\n"),
            leaf.replacen("{\"entry\"", "{\"more\":1,\"entry\"", 1),
        ] {
            assert!(read_signed(other.as_bytes(), &verifier).is_err(), "{other}");
        }
        for at in 0..leaf.len() {
            let mut bent = leaf.clone().into_bytes();
            bent[at] ^= 4;
            assert!(read_signed(&bent, &verifier).is_err(), "byte {at}");
        }
    }

    #[test]
    fn entries_that_can_not_be_recorded_are_refused() {
        let (signer, verifier) = keys();
        let note = "x".repeat(LEAF_LIMIT_BYTES);
        let long = Entry::new("2026-03-01T12:00:00Z", "op", Event::Amendment { supersedes: 0, note });
        assert!(long.to_leaf(&verifier, &signer).is_err());
        assert!(Entry::new("yesterday", "op", events().remove(0)).check().is_err());
        let release = Entry::new("2026-03-01T12:00:00Z", "op", events().remove(6));
        assert!(release.check().is_err(), "its hashes are empty");
        let refuses = |event| Entry::new("2026-03-01T12:00:00Z", "op", event).check().is_err();
        let recipient = |vkey: &str, max_level| Recipient {
            id: "a".into(),
            facts: Facts { vkey: Some(vkey.into()), max_level: Some(max_level), ..Facts::default() },
            ..Recipient::default()
        };
        let registered = |vkey: &str, level| Event::RecipientRegistered { recipient: recipient(vkey, level) };
        assert!(!refuses(registered(&verifier.to_string(), 5)));
        assert!(refuses(registered("acme+00000000+AAAA", 5)));
        assert!(refuses(registered(&verifier.to_string(), 6)));
        assert!(refuses(Event::ApproverAdded { approver: "c".into(), vkey: "c".into() }));
        assert!(refuses(Event::Approved { approver: "c".into(), note: "n".into() }));
        assert!(refuses(Event::ReceiptAttached { release: "r".into(), note: "n".into() }));
    }
}
