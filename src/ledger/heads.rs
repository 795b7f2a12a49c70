//! Signed heads that are kept beside the log: with the cosignatures of witnesses, with timestamps, and forks.
//!
//! | path | what |
//! | --- | --- |
//! | `heads/<size>` | the checkpoint of that size, signed by the ledger and by witnesses |
//! | `heads/<size>.<sha256>.tsr` | an RFC 3161 answer over that checkpoint without cosignatures, named by its own hash |
//! | `forks/<id>/ours`, `theirs` | two heads of different histories, both signed by the ledger's key |
//!
//! **Invariants.** A kept head is of the ledger's own history. A witness's line is kept only after it was checked, and each
//! witness has one line a head. Forks are never removed. All of this can be lost without harm to the log: cosignatures and
//! timestamps can be asked for again.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::{
    checkpoint::{Checkpoint, Verified},
    cosignature::Quorums,
    disk,
    history::Fork,
    log::Ledger,
    note::{NOTE_LIMIT_BYTES, SignedNote},
    reason::Reason,
    timestamp::{self, ANSWER_LIMIT_BYTES, Stated},
};
use crate::error::{Error, Result};

const HEADS: &str = "heads";
const FORKS: &str = "forks";

/// Bytes of the hash of both heads that name their fork.
const FORK_ID_BYTES: usize = 8;

/// What became of a cosigned checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is kept.
    Kept {
        /// Entries of its tree.
        size: u64,
        /// The witnesses whose cosignature is new.
        new: Vec<String>,
        /// Whether it has a quorum now.
        witnessed: bool,
    },
    /// It is of another history than the ledger, and both heads are kept as evidence.
    Fork(Fork),
}

/// A timestamp that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// Entries of the checkpoint's tree.
    pub size: u64,
    /// What the token says; its signature has not been checked.
    pub stated: Stated,
    /// The file, below the ledger's folder.
    pub path: String,
}

/// What was checked of the heads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptHeads {
    /// Entries of the largest tree whose checkpoint has a quorum.
    pub witnessed: Option<u64>,
    /// Timestamps whose hash is that of their checkpoint.
    pub timestamps: u64,
    /// Forks on record.
    pub forks: Vec<Fork>,
}

impl Ledger {
    /// The checkpoint of `size` entries, or the current one, with the cosignatures that are kept for it.
    ///
    /// # Errors
    /// `Usage` if none of this size is kept.
    pub fn head(&self, size: Option<u64>) -> Result<Verified<Checkpoint>> {
        let size = size.unwrap_or_else(|| self.size());
        match self.kept(size)? {
            Some(head) => Ok(head),
            None if size == self.size() => Ok(self.checkpoint.clone()),
            None => Err(Error::usage(format!("no checkpoint of {size} entries is kept"))
                .with_hint("those are kept that were cosigned or timestamped, and the current one")),
        }
    }

    /// The largest checkpoint that a quorum has cosigned: every entry of its tree counts as witnessed.
    pub fn witnessed(&self, quorums: &Quorums) -> Result<Option<Verified<Checkpoint>>> {
        for size in self.kept_sizes()?.into_iter().rev() {
            let Some(head) = self.kept(size)? else { continue };
            let note = SignedNote::parse(head.note().as_bytes())?;
            if quorums.are_met_by(size, &note) {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// Takes in a checkpoint of this ledger that witnesses have cosigned. Lines of others than those who were ever asked are
    /// left out.
    ///
    /// # Errors
    /// `Integrity` if the ledger's key did not sign it, or a witness's line does not hold; `Usage` if nobody who was asked
    /// cosigned it. A fork is no error: it is kept, and given back.
    pub fn take_cosigned(&self, bytes: &[u8], quorums: &Quorums) -> Result<Taken> {
        self.check_usable()?;
        let theirs = Verified::open(bytes, &self.verifier)?;
        if let Some(fork) = self.history().fork_with(&theirs)? {
            return self.keep_fork(fork).map(Taken::Fork);
        }
        let from = SignedNote::parse(theirs.note().as_bytes())?;
        let mut note = match self.kept(theirs.size)? {
            Some(kept) => SignedNote::parse(kept.note().as_bytes())?,
            None => self.bare(&theirs)?,
        };
        let (mut new, mut cosigned) = (Vec::new(), false);
        for witness in quorums.witnesses() {
            cosigned |= witness.cosigned(&from)?.is_some();
            if witness.carry(&from, &mut note)? {
                new.push(witness.name().to_owned());
            }
        }
        if !cosigned {
            return Err(Reason::NotCosigned.into());
        }
        let size = theirs.size;
        if !new.is_empty() {
            self.write_head(size, &note)?;
        }
        Ok(Taken::Kept { size, new, witnessed: quorums.are_met_by(size, &note) })
    }

    /// The request for a timestamp over the current checkpoint, which is kept from now on; see [`timestamp`].
    pub fn timestamp_request(&self) -> Result<Vec<u8>> {
        self.check_usable()?;
        let head = self.head(None)?;
        let bare = self.bare(&head)?;
        if self.kept(head.size)?.is_none() {
            self.write_head(head.size, &bare)?;
        }
        Ok(timestamp::request(&Sha256::digest(bare.render()).into()))
    }

    /// Keeps an authority's answer beside the checkpoint that it is over. Its signature is not checked; see [`timestamp`].
    pub fn keep_timestamp(&self, answer: &[u8]) -> Result<Timestamp> {
        self.check_usable()?;
        let stated = timestamp::read(answer)?;
        for size in self.kept_sizes()? {
            let Some(head) = self.kept(size)? else { continue };
            if stated.sha256 == *Sha256::digest(self.bare(&head)?.render()) {
                let path = format!("{HEADS}/{size}.{}.tsr", HEXLOWER.encode(&Sha256::digest(answer)));
                self.disk.write(&self.dir.join(&path), answer)?;
                return Ok(Timestamp { size, stated, path });
            }
        }
        Err(Reason::OtherTimestamp.into())
    }

    /// The timestamps that are kept, by size.
    pub fn timestamps(&self) -> Result<Vec<Timestamp>> {
        let mut found = Vec::new();
        for name in self.names(HEADS)?.iter().filter(|name| name.ends_with(".tsr")) {
            found.push(self.read_timestamp(name)?);
        }
        found.sort_by_key(|timestamp| timestamp.size);
        Ok(found)
    }

    /// The forks on record.
    pub fn forks(&self) -> Result<Vec<Fork>> {
        let names = self.names(FORKS)?;
        let ids: BTreeSet<&str> = names.iter().filter_map(|name| name.strip_suffix("/theirs")).collect();
        ids.into_iter().map(|id| self.read_fork(id)).collect()
    }

    /// Checks everything of the heads that can be checked from the log alone.
    pub(super) fn check_heads(&self, quorums: &Quorums) -> Result<KeptHeads> {
        let witnesses = quorums.witnesses();
        for name in self.names(HEADS)?.iter().filter(|name| !name.ends_with(".tsr")) {
            let head = match name.parse() {
                Ok(size) if format!("{size}") == *name => self.kept(size)?,
                _ => return Err(damaged(&format!("{HEADS}/{name}"), "its name is not that of a head").into()),
            };
            let Some(head) = head else { continue };
            let damaged = |what: &str| Error::from(damaged(&format!("{HEADS}/{name}"), what));
            let mut note = SignedNote::parse(head.note().as_bytes())?;
            for witness in &witnesses {
                witness.cosigned(&note).map_err(|_| damaged("a cosignature does not hold"))?;
            }
            let lines = note.signature_count();
            let known = witnesses.iter().map(|w| w.verifier()).chain([&self.verifier]);
            note.keep_signatures_of(&known.collect::<Vec<_>>());
            if note.signature_count() != lines {
                return Err(damaged("a line is of somebody who was never asked"));
            }
            if !self.history().contains(&head)? {
                return Err(damaged("it is of another history than the log"));
            }
        }
        let forks = self.forks()?;
        for fork in &forks {
            if self.history().contains(&fork.theirs)? {
                let path = format!("{FORKS}/{}/theirs", fork_id(fork));
                return Err(damaged(&path, "it is of the log's own history").into());
            }
        }
        Ok(KeptHeads {
            witnessed: self.witnessed(quorums)?.map(|head| head.size),
            timestamps: self.timestamps()?.len() as u64,
            forks,
        })
    }

    /// The sizes of the heads that are kept, from the smallest.
    fn kept_sizes(&self) -> Result<Vec<u64>> {
        let mut sizes: Vec<u64> = self.names(HEADS)?.iter().filter_map(|name| name.parse().ok()).collect();
        sizes.sort_unstable();
        Ok(sizes)
    }

    fn kept(&self, size: u64) -> Result<Option<Verified<Checkpoint>>> {
        let name = format!("{HEADS}/{size}");
        let path = self.dir.join(&name);
        let bytes = match disk::read(&path, NOTE_LIMIT_BYTES) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("read", &path, e)),
        };
        let head = Verified::open(&bytes, &self.verifier).map_err(|e| damaged(&name, &e.to_string()))?;
        if head.size != size {
            return Err(damaged(&name, "it is of another size").into());
        }
        Ok(Some(head))
    }

    fn write_head(&self, size: u64, note: &SignedNote) -> Result<()> {
        self.disk.write(&self.dir.join(HEADS).join(size.to_string()), note.render().as_bytes())
    }

    /// The note with the ledger's own signature alone.
    fn bare(&self, head: &Verified<Checkpoint>) -> Result<SignedNote> {
        let mut note = SignedNote::parse(head.note().as_bytes())?;
        note.keep_signatures_of(&[&self.verifier]);
        Ok(note)
    }

    /// The checkpoint as it is timestamped: with the ledger's own signature alone.
    pub fn bare_text(&self, head: &Verified<Checkpoint>) -> Result<String> {
        Ok(self.bare(head)?.render())
    }

    fn read_timestamp(&self, name: &str) -> Result<Timestamp> {
        let path = format!("{HEADS}/{name}");
        let file = self.dir.join(&path);
        let answer = disk::read(&file, ANSWER_LIMIT_BYTES).map_err(|e| Error::io("read", &file, e))?;
        let (size, hash) = name.split_once('.').unwrap_or_default();
        if hash.strip_suffix(".tsr") != Some(&HEXLOWER.encode(&Sha256::digest(&answer))) {
            return Err(damaged(&path, "it holds other bytes than its name says").into());
        }
        let stated = timestamp::read(&answer)?;
        let head = size.parse().ok().map(|size| self.kept(size)).transpose()?.flatten();
        match head {
            Some(head) if stated.sha256 == *Sha256::digest(self.bare_text(&head)?) => {
                Ok(Timestamp { size: head.size, stated, path })
            }
            _ => Err(damaged(&path, "it is over another checkpoint").into()),
        }
    }

    fn keep_fork(&self, fork: Fork) -> Result<Fork> {
        // What was held first is evidence: it is not replaced by a later head of ours.
        if let Some(known) = self.forks()?.into_iter().find(|known| known.theirs == fork.theirs) {
            return Ok(known);
        }
        let fork = Fork { ours: self.head(None)?, ..fork };
        let folder = self.dir.join(FORKS).join(fork_id(&fork));
        self.disk.write(&folder.join("ours"), fork.ours.note().as_bytes())?;
        // Commit point: with both heads the fork is on record. A crash before leaves one alone, which is written again.
        self.disk.write(&folder.join("theirs"), fork.theirs.note().as_bytes())?;
        Ok(fork)
    }

    fn read_fork(&self, id: &str) -> Result<Fork> {
        let read = |which: &str| {
            let name = format!("{FORKS}/{id}/{which}");
            let path = self.dir.join(&name);
            let bytes = disk::read(&path, NOTE_LIMIT_BYTES).map_err(|e| Error::io("read", &path, e))?;
            let head = Verified::open(&bytes, &self.verifier);
            head.map_err(|e| Error::from(damaged(&name, &e.to_string())))
        };
        let (ours, theirs) = (read("ours")?, read("theirs")?);
        let is_loss = theirs.size > ours.size;
        let fork = Fork { ours, theirs, is_loss };
        if fork_id(&fork) != id {
            return Err(damaged(&format!("{FORKS}/{id}"), "its heads are not as they were kept").into());
        }
        Ok(fork)
    }

    /// The files below a folder of heads. Remains of an interrupted write are cleared away first.
    fn names(&self, folder: &str) -> Result<Vec<String>> {
        let mut names = disk::files_below(&self.dir.join(folder))?;
        for name in names.extract_if(.., |name| name.ends_with(disk::TEMPORARY)) {
            self.disk.remove(&self.dir.join(folder).join(name))?;
        }
        Ok(names)
    }
}

fn fork_id(fork: &Fork) -> String {
    let hash = Sha256::new().chain_update(fork.ours.note()).chain_update(fork.theirs.note()).finalize();
    HEXLOWER.encode(&hash[..FORK_ID_BYTES])
}

fn damaged(path: &str, what: &str) -> Reason {
    Reason::Head { path: path.to_owned(), what: what.to_owned() }
}
