//! Why the ledger refuses.

use std::time::Duration;

use crate::error::{self, Class};

/// Every failure of this folder that is not plain input/output.
#[derive(Debug, thiserror::Error)]
pub(super) enum Reason {
    #[error("no ledger in `{0}`")]
    NoLedger(String),
    #[error("there is already a ledger in `{0}`")]
    Exists(String),
    #[error("the ledger is in use by {holder} (waited {} ms)", waited.as_millis())]
    Locked { holder: String, waited: Duration },
    #[error("the ledger's last write failed half way")]
    HalfWritten,
    #[error("the signing key is not the key of this ledger")]
    WrongSigner,
    #[error("`{0}` can't be an origin or a key name")]
    Name(String),
    #[error("the verifier key is malformed: {0}")]
    VerifierKey(&'static str),
    #[error("an entry can't be recorded: {0}")]
    BadEntry(String),
    #[error("release `{0}` is already in the ledger")]
    DuplicateRelease(String),
    #[error("`{0}` is no BLAKE3 hash in 64 lower-case hex digits")]
    BadHash(String),
    #[error("there is no entry {index}, the ledger has {size}")]
    NoEntry { index: u64, size: u64 },
    #[error("entry {0} was pruned")]
    Pruned(u64),
    #[error("the ledger never had {old} entries, it has {size}")]
    NoPrefix { old: u64, size: u64 },

    #[error("the stored verifier key is damaged: {0}")]
    Vkey(&'static str),
    #[error("the ledger is signed by another key than the one given")]
    OtherKey,
    #[error("the signed note is malformed: {0}")]
    Note(&'static str),
    #[error("the checkpoint is malformed: {0}")]
    Checkpoint(&'static str),
    #[error("the signature does not belong to the text and key")]
    Signature,
    #[error("the tile `{path}` is damaged: {what}")]
    Tile { path: String, what: &'static str },
    #[error("the tiles do not add up to the root in the checkpoint")]
    Root,
    #[error("entry {index}: {what}")]
    Entry { index: u64, what: String },
    #[error("`{0}` lies among the tiles but is no part of this tree")]
    Stray(String),
    #[error("the staged append is damaged: {0}")]
    Stage(&'static str),
    #[error("blob {0} is not in the ledger")]
    BlobMissing(String),
    #[error("blob {0} is no recipient's personal data")]
    Personal(String),
    #[error("blob {0} holds other bytes than its name says")]
    BlobChanged(String),
    #[error("the index is damaged: {0}")]
    Index(String),
    #[error("the two checkpoints are not of the same history")]
    Forked,
}

impl error::Reason for Reason {
    fn class(&self) -> Class {
        match self {
            Reason::Locked { .. } | Reason::HalfWritten => Class::Io,
            Reason::WrongSigner => Class::Key,
            Reason::NoLedger(_)
            | Reason::Exists(_)
            | Reason::Name(_)
            | Reason::VerifierKey(_)
            | Reason::BadEntry(_)
            | Reason::DuplicateRelease(_)
            | Reason::BadHash(_)
            | Reason::NoEntry { .. }
            | Reason::Pruned(_)
            | Reason::NoPrefix { .. } => Class::Usage,
            _ => Class::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Reason::NoLedger(_) => "run `dyepack init` first, or name the home with `--home`",
            Reason::Exists(_) => "a ledger is never overwritten: choose another home",
            Reason::Locked { .. } => "wait for it to end, or wait longer with `--lock-timeout`",
            Reason::HalfWritten => "open the ledger again: opening finishes or drops the write",
            Reason::WrongSigner => "unlock the key that created this ledger",
            Reason::DuplicateRelease(_) => "a release is recorded once: choose another `--release-id`",
            Reason::Index(_) => "the index can be rebuilt from the log: run `dyepack ledger reindex`",
            Reason::NoEntry { .. } => "entries count from 0: see `dyepack ledger list`",
            Reason::Pruned(_) => {
                "its time was up: its hash is left, which proofs need, and its bytes are gone"
            }
            Reason::VerifierKey(_) => {
                "it looks like NAME+ID+KEY: `dyepack init` printed it, and `ledger.vkey` holds it"
            }
            Reason::OtherKey => "compare the key with the one handed over when the ledger was set up",
            Reason::Root
            | Reason::Entry { .. }
            | Reason::Tile { .. }
            | Reason::Stray(_)
            | Reason::Note(_)
            | Reason::Checkpoint(_)
            | Reason::Signature => {
                "keep this folder as evidence, and compare it with the last copy that verified"
            }
            Reason::Stage(_) => {
                "keep this folder as evidence: the file `stage` was changed after it was written"
            }
            Reason::Vkey(_) => "restore `ledger.vkey` from a copy: it is published and holds no secret",
            Reason::BlobMissing(_) | Reason::BlobChanged(_) => "restore the file under `blob/` from a backup",
            Reason::Forked => "keep both: a signed fork proves that the ledger was rewritten",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
