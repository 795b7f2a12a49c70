//! The ledger: create, open, read.
//!
//! **Idea.** [`Ledger::open`] takes the lock, finishes what a crash left half done, and checks that key, checkpoint,
//! tiles and index are of one tree, reading one tile of each row. From then on every reading is proved against the
//! signed root; `append.rs` writes and `verify.rs` checks everything.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use data_encoding::HEXLOWER;

use super::{
    blobs,
    checkpoint::{Checkpoint, Verified},
    disk::{self, Disk},
    entry::{self, Entry},
    index::Index,
    lock::Lock,
    merkle::{self, Hash},
    note::{NOTE_LIMIT_BYTES, Verifier},
    prune::Prunings,
    reason::Reason,
    tree::Tree,
};
use crate::{
    error::{Error, Result},
    keys::secret::SigningKey,
};

/// The verifier key's file in the ledger's folder; with it, a folder is a ledger.
pub(super) const VKEY_FILE: &str = "ledger.vkey";

/// The published part.
pub(super) const LOG_FOLDER: &str = "log";

/// The signed head, below `log/`.
pub(super) const CHECKPOINT_FILE: &str = "checkpoint";

/// An open ledger. It holds the folder's lock until it is dropped.
pub struct Ledger {
    pub(super) dir: PathBuf,
    pub(super) disk: Disk,
    pub(super) verifier: Verifier,
    pub(super) checkpoint: Verified<Checkpoint>,
    pub(super) tree: Tree,
    pub(super) index: Index,
    /// A write failed: what is in memory may be older than what is on disk.
    pub(super) half_written: bool,
    /// Opening finished an append that an earlier process had begun.
    pub(super) recovered: bool,
    // Fields drop in order, and the lock must outlive the index.
    _lock: Lock,
}

/// What an opening is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenAs {
    /// To read and write.
    Checked,
    /// To build the index again: the one that is there is removed unread.
    WithoutIndex,
    /// To verify everything in order: the cheap check would name the last wrong entry before the first.
    Unchecked,
}

/// An entry as it stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its number, from 0.
    pub index: u64,
    /// Its bytes as stored.
    pub leaf: Vec<u8>,
    /// What it says; `None` is a kind of a later version.
    pub entry: Option<Entry>,
}

impl Ledger {
    /// Makes an empty ledger in the folder `dir`, signed by `signer` under the name `origin`
    /// (such as `example.org/ledger`; no white space and no `+`).
    ///
    /// # Errors
    /// `Usage` if there is already one.
    pub fn create(dir: &Path, origin: &str, signer: &SigningKey) -> Result<()> {
        Self::create_on(&Disk::default(), dir, origin, signer)
    }

    pub(super) fn create_on(disk: &Disk, dir: &Path, origin: &str, signer: &SigningKey) -> Result<()> {
        let verifier = Verifier::new(origin, &signer.public())?;
        disk::make_folder(dir).map_err(|e| Error::io("make", dir, e))?;
        let _lock = Lock::take(dir, Duration::ZERO, "create")?;
        let log = dir.join(LOG_FOLDER);
        if dir.join(VKEY_FILE).exists() || log.join("tile").exists() {
            return Err(Reason::Exists(dir.display().to_string()).into());
        }
        let empty = Checkpoint { origin: origin.to_owned(), size: 0, root: merkle::root_of(&[]) };
        disk.write(&log.join(CHECKPOINT_FILE), empty.sign(signer)?.note().as_bytes())?;
        // Commit point: with its key the ledger exists. A crash before leaves a folder in which to create it again.
        disk.write(&dir.join(VKEY_FILE), format!("{verifier}\n").as_bytes())
    }

    /// Opens the ledger in `dir`, waiting for another process for up to `wait`. `who` is shown to whoever waits for
    /// us: `stamp`. An append that was cut short is finished first.
    ///
    /// # Errors
    /// `Usage` without a ledger, `Io` if the lock does not come free, `Integrity` if its parts are not of one tree.
    pub fn open(dir: &Path, wait: Duration, who: &str) -> Result<Ledger> {
        Self::open_on(Disk::default(), dir, wait, who, OpenAs::Checked)
    }

    /// As [`open`](Self::open), through a given disk and for other ends.
    pub(super) fn open_on(
        disk: Disk,
        dir: &Path,
        wait: Duration,
        who: &str,
        opening: OpenAs,
    ) -> Result<Ledger> {
        if !dir.join(VKEY_FILE).is_file() {
            return Err(Reason::NoLedger(dir.display().to_string()).into());
        }
        let lock = Lock::take(dir, wait, who)?;
        let verifier = read_vkey(&dir.join(VKEY_FILE))?;
        let checkpoint = read_checkpoint(&dir.join(LOG_FOLDER).join(CHECKPOINT_FILE), |bytes| {
            Verified::open_stored(bytes, &verifier)
        })?;
        let tree = Tree::new(dir.join(LOG_FOLDER), checkpoint.size);
        let index = Index::new(dir, disk.clone());
        if opening == OpenAs::WithoutIndex {
            index.discard()?;
        }
        let mut ledger = Ledger {
            dir: dir.to_path_buf(),
            disk,
            verifier,
            checkpoint,
            tree,
            index,
            half_written: false,
            recovered: false,
            _lock: lock,
        };
        ledger.recover()?;
        if opening != OpenAs::Unchecked {
            ledger.check_head()?;
        }
        Ok(ledger)
    }

    /// The cheap agreement check: the tiles' right edge gives the signed root, the last entry has its hash, and the
    /// index is of this tree.
    fn check_head(&self) -> Result<()> {
        if self.tree.root()? != self.checkpoint.root {
            return Err(Reason::Root.into());
        }
        if let Some(last) = self.size().checked_sub(1) {
            self.tree.leaf(last)?;
        }
        self.index.check_head(&self.checkpoint)
    }

    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// Root of the Merkle tree over them.
    pub fn root(&self) -> Hash {
        self.checkpoint.root
    }

    /// The same in 64 hex digits.
    pub fn root_hex(&self) -> String {
        HEXLOWER.encode(&self.checkpoint.root)
    }

    /// The signed checkpoint, as published.
    pub fn checkpoint_text(&self) -> &str {
        self.checkpoint.note()
    }

    /// The key that the ledger is signed with.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Every entry in order, all proved against the root; those that were pruned are left out. Reads the whole log.
    pub fn entries(&self) -> Result<Vec<Recorded>> {
        let mut entries = Vec::new();
        self.walk(
            |leaf| Ok(leaf.to_vec()),
            |index, entry, leaf| {
                entries.push(Recorded { index, leaf, entry });
                Ok(())
            },
        )?;
        Ok(entries)
    }

    /// Visits every entry in order, all proved against the root; those that were pruned are left out. Of each, `visit` gets the
    /// number, the entry, and what `read` made of its leaf, which is done on all cores. What it was given holds only if this
    /// returns `Ok`.
    ///
    /// # Errors
    /// If the log is damaged, or `read` says what is wrong with a leaf.
    pub fn walk<T: Send>(
        &self,
        read: impl Fn(&[u8]) -> Result<T, String> + Sync,
        mut visit: impl FnMut(u64, Option<Entry>, T) -> Result<()>,
    ) -> Result<()> {
        self.check_usable()?;
        let mut prunings = Prunings::default();
        let read = |leaf: &[u8]| Ok((entry::read(leaf)?, read(leaf)?));
        self.tree.walk(&self.checkpoint.root, read, |index, (entry, made)| {
            prunings.see(index, entry.as_ref());
            visit(index, entry, made)
        })?;
        prunings.check(&self.tree, self.size())
    }

    /// One entry, proved against the root.
    pub fn entry(&self, index: u64) -> Result<Recorded> {
        let proof = self.inclusion_proof(index)?;
        let (leaf, hash) = self.tree.leaf(index)?;
        if !merkle::verify_inclusion(&hash, index, self.size(), &proof, &self.checkpoint.root) {
            let what = "it is not in the tree that the checkpoint signs".to_owned();
            return Err(Reason::Entry { index, what }.into());
        }
        recorded(index, leaf)
    }

    /// The release of an id.
    pub fn release(&self, id: &str) -> Result<Option<Recorded>> {
        self.check_usable()?;
        let index = self.index.with(&self.tree, &self.checkpoint, |store| store.release(id))?;
        index.map(|index| self.indexed_entry(index, |release| release.opening.release == id)).transpose()
    }

    /// Whether a delivery of this id was opened, closed since or not.
    pub fn is_opened(&self, id: &str) -> Result<bool> {
        self.check_usable()?;
        Ok(self.index.with(&self.tree, &self.checkpoint, |store| store.opening(id))?.is_some())
    }

    /// The entries that stand, in order: all but what was given. A ledger has few of them, so a delivery need not read the rest.
    pub fn standing(&self) -> Result<Vec<Recorded>> {
        self.check_usable()?;
        let indexes = self.index.with(&self.tree, &self.checkpoint, |store| store.standing())?;
        indexes.into_iter().map(|index| self.entry(index)).collect()
    }

    /// The releases that delivered exactly these bytes, by their BLAKE3 hash in hex, in order.
    pub fn releases_of_output(&self, blake3_hex: &str) -> Result<Vec<Recorded>> {
        self.check_usable()?;
        let indexes = self.index.with(&self.tree, &self.checkpoint, |store| store.outputs(blake3_hex))?;
        let found = indexes.into_iter();
        found.map(|index| self.indexed_entry(index, |release| release.output.blake3 == blake3_hex)).collect()
    }

    /// An entry that the index points to, if it is what the index says.
    fn indexed_entry(&self, index: u64, is_it: impl Fn(&entry::Release) -> bool) -> Result<Recorded> {
        let wrong = || Error::from(Reason::Index(format!("it points to entry {index}, which is another")));
        if index >= self.size() {
            return Err(wrong());
        }
        let found = self.entry(index)?;
        let release = found.entry.as_ref().and_then(Entry::release);
        if release.is_some_and(is_it) { Ok(found) } else { Err(wrong()) }
    }

    /// The proof that entry `index` is in the tree of the current checkpoint (RFC 6962 section 2.1.1).
    pub fn inclusion_proof(&self, index: u64) -> Result<Vec<Hash>> {
        self.check_usable()?;
        let size = self.size();
        if index >= size {
            return Err(Reason::NoEntry { index, size }.into());
        }
        merkle::inclusion_proof(&self.tree, index, size)
    }

    /// The proof that the current tree begins with the tree of `old_size` entries (RFC 6962 section 2.1.2).
    pub fn consistency_proof(&self, old_size: u64) -> Result<Vec<Hash>> {
        self.check_usable()?;
        let size = self.size();
        if old_size > size {
            return Err(Reason::NoPrefix { old: old_size, size }.into());
        }
        merkle::consistency_proof(&self.tree, old_size, size)
    }

    /// Checks that the ledger grew from an earlier signed checkpoint, kept elsewhere: the only defence against a
    /// folder that was put back whole to an older state, or written anew with the same key.
    ///
    /// # Errors
    /// `Integrity` if the checkpoint is not ours or is of another history.
    pub fn check_grew_from(&self, earlier: &[u8]) -> Result<()> {
        self.check_usable()?;
        self.history().check_contains(&Verified::open(earlier, &self.verifier)?)
    }

    /// Keeps a policy text or a sketch and gives its BLAKE3 hash in hex. An entry may name it from then on.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<String> {
        blobs::put(&self.disk, &self.dir, bytes)
    }

    /// The bytes of a blob, hashed again.
    pub fn blob(&self, blake3_hex: &str) -> Result<Vec<u8>> {
        blobs::get(&self.dir, blake3_hex)
    }

    /// After a write that failed half way nothing in memory is sure.
    pub(super) fn check_usable(&self) -> Result<()> {
        if self.half_written { Err(Reason::HalfWritten.into()) } else { Ok(()) }
    }

    /// Closes and seals the index and gives the lock back. Dropping does the same, and keeps errors to itself: an
    /// index that could not be sealed is built again next time.
    pub fn close(self) -> Result<()> {
        self.close_index()
    }

    fn close_index(&self) -> Result<()> {
        if self.half_written {
            self.index.abandon();
            return Ok(());
        }
        self.index.close(&self.checkpoint)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let _ = self.close_index();
    }
}

/// Builds the index of the ledger in `dir` again from the log; gives the number of entries.
pub fn reindex(dir: &Path, wait: Duration) -> Result<u64> {
    let ledger = Ledger::open_on(Disk::default(), dir, wait, "reindex", OpenAs::WithoutIndex)?;
    let size = ledger.index.with(&ledger.tree, &ledger.checkpoint, |store| store.size())?;
    ledger.close()?;
    Ok(size)
}

fn recorded(index: u64, leaf: Vec<u8>) -> Result<Recorded> {
    let entry = entry::read(&leaf).map_err(|what| Reason::Entry { index, what })?;
    Ok(Recorded { index, leaf, entry })
}

fn read_vkey(path: &Path) -> Result<Verifier> {
    let bytes = disk::read(path, NOTE_LIMIT_BYTES).map_err(|e| Error::io("read", path, e))?;
    let text = String::from_utf8(bytes).map_err(|_| Reason::Vkey("it is not UTF-8"))?;
    let parsed = Verifier::parse(text.trim_end()).ok().filter(|parsed| format!("{parsed}\n") == text);
    Ok(parsed.ok_or(Reason::Vkey("its name, id and key do not belong together"))?)
}

/// Reads the checkpoint at `path`; `open` checks it.
pub(super) fn read_checkpoint(
    path: &Path,
    open: impl FnOnce(&[u8]) -> Result<Verified<Checkpoint>>,
) -> Result<Verified<Checkpoint>> {
    let bytes = disk::read(path, NOTE_LIMIT_BYTES).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Reason::Checkpoint("it is missing").into(),
        std::io::ErrorKind::FileTooLarge => Reason::Checkpoint("it is longer than 64 kB").into(),
        _ => Error::io("read", path, e),
    })?;
    open(&bytes).map_err(|e| e.in_file("log/checkpoint"))
}
