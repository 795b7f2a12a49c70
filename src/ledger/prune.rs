//! Retention: releases whose time is up are forgotten, and every proof stays valid.
//!
//! **Idea.** The tree needs the hashes of its leaves, not the leaves. A bundle of 256 entries that are all old gives way to the
//! file `kept/<number>`, which holds those of its entries that outlive releases, such as recipients, policies and key
//! epochs. The tiles of hashes stay, so inclusion and consistency are proved as before. C2SP tlog-tiles lets a log prune
//! a prefix of its entries.
//!
//! An entry `pruned` is recorded first. It says how far the pruning goes, and what is left, by a digest. Carrying it out is
//! part of that append's commit (`append.rs`), so a crash at any point is finished at the next opening.
//!
//! **Invariants.** Full bundles alone are pruned, and a prefix of them. A bundle goes after its `kept` file is durable. What is
//! missing without such an entry, or otherwise than it says, is an error.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{
    blobs, disk,
    entry::{self, Entry, Event},
    log::Ledger,
    reason::Reason,
    tiles::{self, TILE_WIDTH},
    tree::Tree,
};
use crate::{error::Result, keys::secret::SigningKey};

/// What is left of pruned bundles, beside `log/`.
pub(super) const KEPT_FOLDER: &str = "kept";

/// What a pruning would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruning {
    /// Entries before this index are pruned; 0 means that there is nothing to do.
    pub before: u64,
    /// Entries that go.
    pub entries: u64,
    /// Blobs that go.
    pub blobs: u64,
    /// Time of the latest entry that goes, RFC 3339.
    pub latest: Option<String>,
    /// Digest of what is left.
    kept: String,
}

/// What the entries say of prunings.
#[derive(Default)]
pub(super) struct Prunings {
    /// Index of the entry, the limit and the digest of the latest.
    latest: Option<(u64, u64, String)>,
}

impl Prunings {
    /// Takes note of an entry.
    pub(super) fn see(&mut self, index: u64, entry: Option<&Entry>) {
        if let Some(Event::Pruned { before, kept }) = entry.map(|entry| &entry.event) {
            self.latest = Some((index, *before, kept.clone()));
        }
    }

    /// Entries before this index may be missing.
    pub(super) fn before(&self) -> u64 {
        self.latest.as_ref().map_or(0, |(_, before, _)| *before)
    }

    /// Checks that what is missing in the tree is what the entries say.
    pub(super) fn check(&self, tree: &Tree, size: u64) -> Result<()> {
        let bundles = self.before() / TILE_WIDTH;
        let unsaid = (bundles..size / TILE_WIDTH).find(|number| tree.is_pruned(*number));
        if let Some(number) = unsaid {
            let what = "it was pruned, and no entry says so".to_owned();
            return Err(Reason::Entry { index: number * TILE_WIDTH, what }.into());
        }
        match &self.latest {
            Some((index, _, kept)) if digest(tree, bundles)? != *kept => {
                let what = "what is left of the entries that it pruned is not what it says".to_owned();
                Err(Reason::Entry { index: *index, what }.into())
            }
            _ => Ok(()),
        }
    }

    /// The same for a copy of the published log, where nothing is left of pruned bundles.
    pub(super) fn check_published(&self, tree: &Tree, size: u64) -> Result<()> {
        let bundles = self.before() / TILE_WIDTH;
        match (bundles..size / TILE_WIDTH).find(|number| !tree.has_bundle(*number)) {
            Some(number) => {
                let what = "it is missing, and no entry says that it was pruned".to_owned();
                Err(Reason::Entry { index: number * TILE_WIDTH, what }.into())
            }
            None => Ok(()),
        }
    }
}

impl Ledger {
    /// What would go if releases from before `older_than` were pruned.
    ///
    /// # Errors
    /// If the log can't be read whole.
    pub fn plan_pruning(&self, older_than: Timestamp) -> Result<Pruning> {
        let mut young = None;
        // By blob, the last disposable entry that names it; and those that others name.
        let (mut used, mut held) = (HashMap::new(), HashSet::new());
        let mut disposable: Vec<(u64, String)> = Vec::new();
        self.walk(skip, |index, entry, ()| {
            let Some(entry) = entry else { return Ok(()) };
            let is_old = entry.time.parse::<Timestamp>().is_ok_and(|time| time < older_than);
            if !is_old && young.is_none() {
                young = Some(index);
            }
            for blob in entry.event.blobs() {
                if entry.event.is_disposable() {
                    used.insert(blob.to_owned(), index);
                } else {
                    held.insert(blob.to_owned());
                }
            }
            if entry.event.is_disposable() && young.is_none() {
                disposable.push((index, entry.time.clone()));
            }
            Ok(())
        })?;
        let bundles = young.unwrap_or(self.size()) / TILE_WIDTH;
        let before = bundles * TILE_WIDTH;
        disposable.retain(|(index, _)| *index < before);
        let entries = disposable.len() as u64;
        if entries == 0 {
            return Ok(Pruning { before: 0, entries: 0, blobs: 0, latest: None, kept: String::new() });
        }
        let doomed = used.iter().filter(|(blob, last)| **last < before && !held.contains(*blob));
        Ok(Pruning {
            before,
            entries,
            blobs: doomed.count() as u64,
            latest: disposable.last().map(|(_, time)| time.clone()),
            kept: digest(&self.tree, bundles)?,
        })
    }

    /// Prunes as planned, and gives the index of the entry that says so. The index is built again.
    ///
    /// # Errors
    /// As [`append`](Ledger::append).
    pub fn prune(&mut self, plan: &Pruning, time: &str, operator: &str, signer: &SigningKey) -> Result<u64> {
        let event = Event::Pruned { before: plan.before, kept: plan.kept.clone() };
        let index = self.append(&[Entry::new(time, operator, event)], signer)?[0];
        // So that the next one to need it finds it.
        self.index.with(&self.tree, &self.checkpoint, |_| Ok(()))?;
        Ok(index)
    }

    /// Does what an entry `pruned` says. Can be done twice.
    pub(super) fn carry_out_pruning(&mut self, before: u64) -> Result<()> {
        let bundles = before / TILE_WIDTH;
        // Commit point: from here the index holds nothing, and is built again of what is left. Removing release ids from it
        // would leave their bytes in sled's files.
        self.index.abandon();
        self.index.discard()?;
        // Commit point: blobs go first. A crash after leaves the bundles that say which were to go.
        for blob in self.doomed_blobs(before)? {
            self.disk.remove(&blobs::path(&self.dir, &blob))?;
        }
        for number in 0..bundles {
            // What a power cut brought back of the bundle's beginnings.
            self.disk.remove(&self.tree.bundle_path(number).with_extension("p"))?;
            if !self.tree.bundle_path(number).exists() {
                continue;
            }
            let kept = kept_of(&self.tree, number)?;
            // Commit point: what is left of the bundle is durable. A crash after leaves both files.
            self.disk.write(&self.tree.kept_path(number), &kept)?;
            // Commit point: the bundle is gone.
            self.disk.remove(&self.tree.bundle_path(number))?;
        }
        Ok(())
    }

    /// Blobs that only entries before an index name, which go.
    fn doomed_blobs(&self, before: u64) -> Result<HashSet<String>> {
        let (mut doomed, mut held) = (HashSet::new(), HashSet::new());
        self.tree.walk(&self.checkpoint.root, entry::read, |index, entry| {
            let Some(event) = entry.map(|entry| entry.event) else { return Ok(()) };
            let goes = index < before && event.is_disposable();
            let set = if goes { &mut doomed } else { &mut held };
            set.extend(event.blobs().into_iter().map(str::to_owned));
            Ok(())
        })?;
        doomed.retain(|blob| !held.contains(blob) && blobs::exists(&self.dir, blob));
        Ok(doomed)
    }

    /// What an entry says is gone, and is still there: file names below the ledger's folder. Somebody put it back.
    pub(super) fn unforgotten(&self, prunings: &Prunings, erased: &HashSet<String>) -> Vec<String> {
        let erased = erased.iter().filter(|blob| blobs::exists(&self.dir, blob));
        let pruned = 0..prunings.before() / TILE_WIDTH;
        let pruned = pruned.map(|number| self.tree.bundle_path(number)).filter(|path| path.exists());
        let below = |path: std::path::PathBuf| match path.strip_prefix(&self.dir) {
            Ok(below) => below.display().to_string(),
            Err(_) => path.display().to_string(),
        };
        let mut found: Vec<String> =
            erased.map(|blob| blobs::path(&self.dir, blob)).chain(pruned).map(below).collect();
        found.sort();
        found
    }

    /// Removes again what entries say is gone, and blobs that no entry names, as a crash before an append leaves them; gives
    /// what it was.
    ///
    /// # Errors
    /// If the log can't be read whole, or something can't be removed.
    pub fn forget_again(&mut self) -> Result<Vec<String>> {
        let (mut prunings, mut erased) = (Prunings::default(), HashSet::new());
        let (mut named, mut all_are_known) = (HashSet::new(), true);
        self.walk(skip, |index, entry, ()| {
            prunings.see(index, entry.as_ref());
            // An entry of a later version may name blobs that this one does not know of.
            all_are_known &= entry.is_some();
            let Some(event) = entry.map(|entry| entry.event) else { return Ok(()) };
            named.extend(event.blobs().into_iter().map(str::to_owned));
            if let Event::RecipientErased { blob, .. } = event {
                erased.insert(blob);
            }
            Ok(())
        })?;
        if all_are_known {
            erased.extend(
                blobs::list(&self.disk, &self.dir)?.names.into_iter().filter(|name| !named.contains(name)),
            );
        }
        let found = self.unforgotten(&prunings, &erased);
        for blob in &erased {
            self.disk.remove(&blobs::path(&self.dir, blob))?;
        }
        if found.iter().any(|path| path.starts_with("log/")) {
            self.carry_out_pruning(prunings.before())?;
        }
        Ok(found)
    }

    /// Files in `kept/` that stand for no bundle that was pruned.
    pub(super) fn kept_strays(&self, prunings: &Prunings) -> Result<()> {
        let bundles = prunings.before() / TILE_WIDTH;
        for name in disk::files_below(&self.dir.join(KEPT_FOLDER))? {
            let number = name.parse::<u64>().ok().filter(|number| number.to_string() == name);
            if number.is_none_or(|number| number >= bundles) {
                return Err(Reason::Stray(format!("{KEPT_FOLDER}/{name}")).into());
            }
        }
        Ok(())
    }
}

/// Of a leaf nothing is needed but its entry.
fn skip(_: &[u8]) -> Result<(), String> {
    Ok(())
}

/// What is left of a bundle: of one that stands, what will be left.
fn kept_of(tree: &Tree, number: u64) -> Result<Vec<u8>> {
    if tree.is_pruned(number) {
        return tree.kept_bytes(number);
    }
    let mut kept = Vec::new();
    for (place, leaf) in (0..).zip(tree.bundle(number)?) {
        let index = number * TILE_WIDTH + place;
        let entry = entry::read(&leaf).map_err(|what| Reason::Entry { index, what })?;
        if entry.is_none_or(|entry| !entry.event.is_disposable()) {
            kept.push(place as u8);
            kept.extend(tiles::encode_leaves(&[leaf]));
        }
    }
    Ok(kept)
}

/// BLAKE3 over what is left of the first `bundles` bundles, each with its length.
fn digest(tree: &Tree, bundles: u64) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    for number in 0..bundles {
        let kept = kept_of(tree, number)?;
        hasher.update(&(kept.len() as u64).to_le_bytes()).update(&kept);
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// The leaves of a `kept` file, each with its place in the bundle; nothing if it is damaged.
pub(super) fn decode_kept(mut bytes: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut leaves: Vec<(u64, &[u8])> = Vec::new();
    while let Some((place, rest)) = bytes.split_first() {
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (leaf, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let place = u64::from(*place);
        if leaves.last().is_some_and(|(last, _)| *last >= place) {
            return None;
        }
        leaves.push((place, leaf));
        bytes = rest;
    }
    Some(leaves)
}
