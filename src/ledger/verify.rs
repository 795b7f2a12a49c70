//! Checks a ledger from its stored bytes alone, and names the first entry that is wrong.
//!
//! What is derived anew: the checkpoint's signature, every leaf's hash against the lowest tiles, every row of tiles
//! from the row below, the root; every entry's signature and form; that the index finds each of them, and nothing else;
//! every blob; the heads that are kept beside the log. An append that was cut short is finished first, and a missing index
//! built again; both are reported.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::Path,
    time::Duration,
};

use super::{
    blobs,
    cosignature::Quorums,
    disk::{self, Disk},
    entry::{self, Entry, Event, Output},
    heads::KeptHeads,
    log::{CHECKPOINT_FILE, LOG_FOLDER, Ledger, OpenAs},
    note::Verifier,
    prune::Prunings,
    reason::Reason,
    statement::{Signers, other_bytes},
    store::Held,
    tiles,
};
use crate::error::{Error, Result};

/// What was checked, and found right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Number of entries.
    pub size: u64,
    /// Those of them whose bytes were pruned.
    pub pruned: u64,
    /// Root of the tree, 64 hex digits.
    pub root_hex: String,
    /// Entries by kind; those of later versions under `unknown`.
    pub kinds: BTreeMap<String, u64>,
    /// Blobs hashed, named by an entry or not.
    pub blobs: u64,
    /// Opening finished an append that a crash had cut short.
    pub recovered: bool,
    /// There was no index, or none that was closed cleanly, and it was built again.
    pub reindexed: bool,
    /// Files in `log/` that are neither checkpoint nor tile, and in `blob/` that are no blob, below the ledger's folder.
    pub strays: Vec<String>,
    /// What is kept beside the log: cosigned and timestamped checkpoints, forks.
    pub heads: KeptHeads,
    /// What an entry says was erased or pruned, and is there again: files below the ledger's folder.
    pub unforgotten: Vec<String>,
}

/// Checks the ledger in `dir`, waiting for its lock for up to `wait`. `vkey` is the verifier key as it was handed
/// over; without one the stored key is believed, and then the check shows consistency, not origin.
///
/// # Errors
/// `Integrity` names what is wrong; `Usage` if `vkey` is malformed.
pub fn verify(dir: &Path, wait: Duration, vkey: Option<&str>) -> Result<Verification> {
    let given = vkey.map(|text| Verifier::parse(text.trim())).transpose()?;
    let ledger = Ledger::open_on(Disk::default(), dir, wait, "verify", OpenAs::Unchecked)?;
    if given.is_some_and(|given| given != *ledger.verifier()) {
        return Err(Reason::OtherKey.into());
    }
    let verification = ledger.verify()?;
    ledger.close()?;
    Ok(verification)
}

impl Ledger {
    /// Checks everything that the ledger's folder holds. See [`verify`](fn@verify).
    pub fn verify(&self) -> Result<Verification> {
        self.check_usable()?;
        let mut seen = Seen::default();
        let mut compared = false;
        let checked = self.index.with(&self.tree, &self.checkpoint, |store| {
            let held = store.held()?;
            compared = true;
            self.check_entries(&mut seen, Some(&held))?;
            seen.check_counts(self.size(), store.size()?, &held)
        });
        if checked.is_err() && !compared {
            // The index can't be opened. What is wrong with the log comes first.
            self.check_entries(&mut seen, None)?;
        }
        checked?;
        self.kept_strays(&seen.prunings)?;
        let mut strays = self.strays()?;
        let blobs = self.check_blobs(&mut strays)?;
        let heads = self.check_heads(&seen.quorums)?;
        Ok(Verification {
            size: self.size(),
            pruned: self.size() - seen.entries,
            unforgotten: self.unforgotten(&seen.prunings, &seen.erased),
            root_hex: self.root_hex(),
            kinds: seen.kinds,
            blobs,
            recovered: self.recovered,
            reindexed: self.index.was_rebuilt(),
            strays,
            heads,
        })
    }

    /// Checks every entry in order, and the tree over them; against the index too, if there is one.
    fn check_entries(&self, seen: &mut Seen, held: Option<&Held>) -> Result<()> {
        let read = |leaf: &[u8]| entry::read_signed(leaf, &self.verifier);
        self.tree.walk(&self.checkpoint.root, read, |index, entry| {
            seen.check(index, entry, &self.verifier, Some(&self.dir), held)
                .map_err(|what| Reason::Entry { index, what }.into())
        })?;
        seen.check_missing()?;
        seen.prunings.check(&self.tree, self.size())
    }

    /// Files of `log/` that belong to no tree. One with the name of a tile is an error: it is of a larger tree, that
    /// is, somebody put an older checkpoint back.
    fn strays(&self) -> Result<Vec<String>> {
        let mut strays: BTreeSet<String> =
            disk::files_below(&self.dir.join(LOG_FOLDER))?.into_iter().collect();
        strays.remove(CHECKPOINT_FILE);
        for tile in tiles::of_tree(self.size()) {
            strays.remove(&tile.path());
        }
        // A power cut can bring back what an append had removed.
        strays.retain(|path| !self.is_earlier_part(path));
        match strays.iter().find(|path| tiles::is_tile_path(path)) {
            Some(tile) => Err(Reason::Stray(tile.clone()).into()),
            None => Ok(strays.into_iter().map(|path| format!("{LOG_FOLDER}/{path}")).collect()),
        }
    }

    /// Whether a file is the beginning of one of the tree's tiles, as a smaller tree of the same history had it.
    fn is_earlier_part(&self, path: &str) -> bool {
        let Some((tile, width)) = path.split_once(".p/") else { return false };
        let Ok(width) = width.parse::<u64>() else { return false };
        let in_part = format!("{tile}.p/");
        let is_of = |path: &str| path == tile || path.starts_with(&in_part);
        let Some(current) = tiles::of_tree(self.size()).find(|tile| is_of(&tile.path())) else {
            return false;
        };
        let read = |path: &str| disk::read(&self.dir.join(LOG_FOLDER).join(path), tiles::BUNDLE_LIMIT_BYTES);
        let parts = (read(path), read(&current.path()));
        width < current.width && matches!(parts, (Ok(part), Ok(whole)) if whole.starts_with(&part))
    }

    /// Hashes every blob, also those that no entry names. Files that are none join the strays.
    fn check_blobs(&self, strays: &mut Vec<String>) -> Result<u64> {
        let listing = blobs::list(&self.disk, &self.dir)?;
        for name in &listing.names {
            blobs::get(&self.dir, name)?;
        }
        strays.extend(listing.strays);
        Ok(listing.names.len() as u64)
    }
}

/// What the entries so far have said.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) entries: u64,
    pub(super) prunings: Prunings,
    /// Blobs that entries say are forgotten.
    erased: HashSet<String>,
    /// Blobs that may have been forgotten, and the entries that name them.
    missing: Vec<(u64, String)>,
    pub(super) kinds: BTreeMap<String, u64>,
    /// By the id of each release: whom it was given to, and a digest of what.
    releases: BTreeMap<String, (String, [u8; 32])>,
    openings: BTreeSet<String>,
    standing: u64,
    blobs: BTreeSet<String>,
    quorums: Quorums,
    signers: Signers,
    /// Releases that were signed for.
    receipts: BTreeSet<String>,
    /// Receipts for releases that are not there, and these.
    orphans: Vec<(u64, String)>,
}

impl Seen {
    /// Checks one entry against those before it, and, where they are at hand, against the blobs below the folder
    /// `blobs` and the index.
    pub(super) fn check(
        &mut self,
        index: u64,
        entry: Option<Entry>,
        verifier: &Verifier,
        blobs: Option<&Path>,
        held: Option<&Held>,
    ) -> Result<(), String> {
        self.entries += 1;
        let Some(entry) = entry else {
            *self.kinds.entry("unknown".to_owned()).or_default() += 1;
            return Ok(());
        };
        *self.kinds.entry(entry.event.kind().to_owned()).or_default() += 1;
        self.prunings.see(index, Some(&entry));
        let is_personal = matches!(entry.event, Event::RecipientRegistered { .. });
        if let Event::RecipientErased { blob, .. } = &entry.event {
            self.erased.insert(blob.clone());
        }
        for hash in entry.event.blobs() {
            let Some(dir) = blobs.filter(|_| !self.blobs.contains(hash)) else { continue };
            if is_personal && !blobs::exists(dir, hash) {
                self.missing.push((index, hash.to_owned()));
            } else {
                blobs::get(dir, hash).map_err(say)?;
                self.blobs.insert(hash.to_owned());
            }
        }
        self.check_links(index, &entry, held)?;
        self.check_statement(index, &entry, verifier)?;
        self.signers.apply(&entry.event);
        Ok(())
    }

    /// Checks what others signed against the keys that count at this point.
    fn check_statement(&mut self, index: u64, entry: &Entry, verifier: &Verifier) -> Result<(), String> {
        match &entry.event {
            Event::Approved { approver, note } => {
                self.signers.check_approval(verifier.name(), approver, note).map_err(say)?;
            }
            Event::ReceiptAttached { release, note } => {
                let Some((recipient, given)) = self.releases.get(release) else {
                    self.orphans.push((index, release.clone()));
                    return Ok(());
                };
                let receipt = self.signers.check_receipt(recipient, release, note).map_err(say)?;
                if digest(&receipt.output) != *given {
                    return Err(say(other_bytes(release)));
                }
                if !self.receipts.insert(release.clone()) {
                    return Err(format!("release `{release}` was signed for before"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Checks what an entry says about others, and that the index finds it.
    fn check_links(&mut self, index: u64, entry: &Entry, held: Option<&Held>) -> Result<(), String> {
        match &entry.event {
            Event::Amendment { supersedes, .. } if *supersedes >= index => {
                return Err(format!("it supersedes entry {supersedes}, which is not earlier"));
            }
            Event::WitnessesSet(quorum) => self.quorums.insert(index, quorum.clone()),
            Event::Release(release) => {
                let given = (release.opening.recipient.clone(), digest(&release.output));
                let before = self.releases.insert(release.opening.release.clone(), given);
                if before.is_some() {
                    return Err(format!("release `{}` was recorded before", release.opening.release));
                }
            }
            _ => {}
        }
        let first_opening = match &entry.event {
            Event::ReleaseOpened(opening) => self.openings.insert(opening.release.clone()),
            _ => false,
        };
        self.standing += u64::from(entry.event.stands());
        match held.is_none_or(|held| held.finds(index, &entry.event, first_opening)) {
            true => Ok(()),
            false => Err("the index does not find it".to_owned()),
        }
    }

    /// A blob is missing only where an entry says that it was forgotten, and so is a release that was signed for.
    pub(super) fn check_missing(&self) -> Result<()> {
        if let Some((index, release)) = self.orphans.first().filter(|_| self.prunings.before() == 0) {
            let what = format!("it is for release `{release}`, which is not earlier");
            return Err(Reason::Entry { index: *index, what }.into());
        }
        match self.missing.iter().find(|(_, hash)| !self.erased.contains(hash)) {
            Some((index, hash)) => {
                let what = say(Reason::BlobMissing(hash.clone()).into());
                Err(Reason::Entry { index: *index, what }.into())
            }
            None => Ok(()),
        }
    }

    /// The index holds nothing that the log does not.
    fn check_counts(&self, size: u64, indexed: u64, held: &Held) -> Result<()> {
        let (releases, openings) = (self.releases.len() as u64, self.openings.len() as u64);
        let counts = [releases, openings, releases, self.standing];
        if held.counts() != counts || indexed != size {
            return Err(Reason::Index("it holds more than the log".to_owned()).into());
        }
        Ok(())
    }
}

/// What tells the delivered bytes of two releases apart, in less room.
fn digest(output: &Output) -> [u8; 32] {
    let Output { bytes, blake3, sha256 } = output;
    *blake3::hash(format!("{bytes} {blake3} {sha256}").as_bytes()).as_bytes()
}

fn say(error: Error) -> String {
    error.to_string()
}
