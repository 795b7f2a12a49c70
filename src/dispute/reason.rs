//! Why evidence can't be made, or does not hold.

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(super) enum DisputeReason {
    #[error("no release `{0}` is on record")]
    NoRelease(String),
    #[error("release `{0}` was recorded without commitments")]
    NoCommitment(String),
    #[error("the leak does not read as release `{0}` was marked")]
    NotRead(String),
    #[error("`{recipient}` is not named by the marks of release `{release}` in this leak")]
    NotAccused { recipient: String, release: String },
    #[error(
        "`{recipient}` is named only given the others who are named, which an opening for one can't show"
    )]
    OnlyJointly { recipient: String },
    #[error("`{recipient}` is named by the ledger: the leak is byte for byte release `{release}`")]
    OnlyExact { recipient: String, release: String },
    #[error("the leak changed while it was read")]
    LeakChanged,
    #[error("`{0}` exists")]
    Exists(String),
    #[error("the opening is no opening of this version: {0}")]
    Malformed(String),
    #[error("the opening's signature is not by this key")]
    Signature,
    #[error("the opening does not hold: {0}")]
    Mismatch(&'static str),
    #[error("it is about another leak")]
    OtherLeak { sha256: Vec<String> },
    #[error("the leak can't be read again: {0}")]
    NotAgain(&'static str),
}

impl Reason for DisputeReason {
    fn class(&self) -> Class {
        match self {
            DisputeReason::NotAccused { .. }
            | DisputeReason::OnlyJointly { .. }
            | DisputeReason::OnlyExact { .. }
            | DisputeReason::NoCommitment(_) => Class::Policy,
            DisputeReason::Signature | DisputeReason::Mismatch(_) => Class::Integrity,
            DisputeReason::Malformed(_) => Class::Data,
            _ => Class::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            DisputeReason::NoRelease(_) => "see `dyepack ledger list`",
            DisputeReason::NoCommitment(_) => {
                "what was not committed to before delivery can't be opened; `trace --evidence` needs none"
            }
            DisputeReason::NotRead(_) => "see with `dyepack trace` what the leak reads as",
            DisputeReason::NotAccused { .. } => {
                "open nothing for nobody's use; an opening that clears somebody is made with \
                 --even-if-not-accused"
            }
            DisputeReason::OnlyJointly { .. } => {
                "open the releases of the others first; what the leak says of this one alone is opened with \
                 --even-if-not-accused"
            }
            DisputeReason::OnlyExact { .. } => {
                "its entry holds the hash of the leak, which proves that without an opening: see \
                 `trace --evidence`; the marks are opened with --even-if-not-accused"
            }
            DisputeReason::LeakChanged => "keep it where nothing writes to it, and start again",
            DisputeReason::Exists(_) => "evidence is never overwritten: choose another name",
            DisputeReason::Malformed(_) => "name the file that `dyepack open` wrote",
            DisputeReason::Signature => {
                "compare the key with the one that was handed over, and the file with its sender's"
            }
            DisputeReason::Mismatch(_) => "keep the file as evidence: its maker signed what does not add up",
            DisputeReason::OtherLeak { sha256 } => return Some(files_meant(sha256)),
            DisputeReason::NotAgain(_) => "leave --leak away to check all the rest",
        };
        Some(hint.to_owned())
    }
}

/// The leak that an opening is about, as a hint.
fn files_meant(sha256: &[String]) -> String {
    match sha256 {
        [only] => format!("name the file that it is about: `sha256sum` of it gives {only}"),
        more => format!(
            "name the folder of the {} files that it is about; their SHA-256 are in it, under `leak`",
            more.len()
        ),
    }
}
