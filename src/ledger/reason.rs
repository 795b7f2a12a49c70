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
    #[error("the entry that was handed over is none of this ledger: {0}")]
    Leaf(String),
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
    #[error("the log has {held} entries, and its key signed a checkpoint of {signed}")]
    Lost { held: u64, signed: u64 },
    #[error("the proof is malformed: {0}")]
    Proof(&'static str),
    #[error("the proof does not lead to the root in the checkpoint")]
    ProofFails,
    #[error("the signed head `{path}` is damaged: {what}")]
    Head { path: String, what: String },

    #[error("no key is known for the log `{0}`")]
    UnknownLog(String),
    #[error("the checkpoint has {new} entries, and one of {old} was cosigned before")]
    Stale { old: u64, new: u64 },
    #[error("nothing shows that the tree grew from the one of {0} entries")]
    NeedsProof(u64),
    #[error("the proof begins at {proof} entries, and the last one cosigned has {old}")]
    OtherProof { old: u64, proof: u64 },
    #[error("the witness's state is damaged: {0}")]
    WitnessState(&'static str),
    #[error("none of the witnesses on record cosigned it")]
    NotCosigned,
    #[error("{met} of the witnesses named cosigned the checkpoint, and {quorum} are needed")]
    NoQuorum { met: usize, quorum: u32 },
    #[error("the timestamp can't be read: {0}")]
    Timestamp(&'static str),
    #[error("the timestamp is over none of the checkpoints that were kept for one")]
    OtherTimestamp,
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
            | Reason::NoPrefix { .. }
            | Reason::Pruned(_)
            | Reason::UnknownLog(_)
            | Reason::NeedsProof(_)
            | Reason::OtherProof { .. }
            | Reason::NotCosigned
            | Reason::OtherTimestamp => Class::Usage,
            Reason::Timestamp(_) => Class::Data,
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
            Reason::Root | Reason::Entry { .. } | Reason::Tile { .. } => {
                "keep this folder as evidence, and compare it with the last copy that verified; its owner \
                 goes on with a backup: `dyepack restore`"
            }
            Reason::Stray(_) | Reason::Note(_) | Reason::Checkpoint(_) | Reason::Signature => {
                "keep this folder as evidence, and compare it with the last copy that verified"
            }
            Reason::Stage(_) => {
                "keep this folder as evidence: the file `stage` was changed after it was written"
            }
            Reason::Vkey(_) => "restore `ledger.vkey` from a copy: it is published and holds no secret",
            Reason::BlobMissing(_) | Reason::BlobChanged(_) => "restore the file under `blob/` from a backup",
            Reason::Lost { .. } => {
                "it was put back to an older state, or is an older copy: find the newer one"
            }
            Reason::Proof(_) | Reason::ProofFails => {
                "have the proof made again; if it fails again, keep both as evidence"
            }
            Reason::Head { .. } => "restore the file from a copy; what it cosigned can be asked for again",
            Reason::UnknownLog(_) => "name its verifier key with `--vkey`, as its owner handed it over",
            Reason::Stale { .. } => {
                "ask for a newer one; if there is none, the ledger lost entries: keep both"
            }
            Reason::NeedsProof(old) | Reason::OtherProof { old, .. } => {
                return Some(format!(
                    "ask for the file that `dyepack ledger consistency {old}` writes, or name the log with \
                     `--from`"
                ));
            }
            Reason::WitnessState(_) => "restore the file from a copy, and cosign nothing before",
            Reason::NoQuorum { .. } => "ask for a proof with the cosignatures of more witnesses",
            Reason::NotCosigned => "see `dyepack ledger witnesses` for the keys that count",
            Reason::Timestamp(_) => "it should be the authority's answer, as `openssl ts -reply` reads it",
            Reason::OtherTimestamp => "make the request with `dyepack ledger timestamp request`",
            Reason::Forked => "keep both: a signed fork proves that the ledger was rewritten",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
