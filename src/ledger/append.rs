//! Writing: the commit points of an append, and their repetition after a crash.
//!
//! **Idea.** An append is one durable file, the stage, and then copying. [`Ledger::append`] and [`Ledger::recover`]
//! run the same [`Ledger::commit`]; each of its steps can be done twice.
//!
//! **Invariants.** An append that returned `Ok` is never lost. One that returned an error happened whole or not at
//! all, and the next opening decides which. The checkpoint on disk never names a tree that is not complete.

use std::collections::BTreeSet;

use super::{
    blobs,
    checkpoint::Checkpoint,
    disk::temporary_name,
    entry::{self, Entry, Event},
    log::{CHECKPOINT_FILE, LOG_FOLDER, Ledger},
    reason::Reason,
    stage::{self, Stage},
    tiles,
    tree::{Growth, Tree},
};
use crate::{error::Result, keys::secret::SigningKey};

impl Ledger {
    /// Signs and records entries, all or none, and gives their indexes.
    ///
    /// # Errors
    /// `Key` if the signer is not the ledger's; `Usage` for a release id that is taken, a blob that is not there, an
    /// amendment of a later entry, or a leaf longer than 65,535 bytes; nothing is written then. After an `Io` error
    /// the ledger must be opened again.
    pub fn append(&mut self, entries: &[Entry], signer: &SigningKey) -> Result<Vec<u64>> {
        self.check_usable()?;
        if signer.public() != *self.verifier.public() {
            return Err(Reason::WrongSigner.into());
        }
        self.check_new(entries)?;
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let leaves = entries.iter().map(|e| e.to_leaf(&self.verifier, signer));
        let leaves = leaves.collect::<Result<Vec<_>>>()?;
        let growth = self.tree.grow(&leaves)?;
        let origin = self.checkpoint.origin.clone();
        let checkpoint = Checkpoint { origin, size: growth.size, root: growth.root }.sign(signer)?;
        let stage = Stage { checkpoint, leaves };
        let first = stage.first();

        // Until the end of the commit, an error leaves memory and disk apart.
        self.half_written = true;
        // Commit point 1: the stage is durable. Before, nothing has happened; from here the append has happened, and a
        // crash is repaired by `recover`.
        stage.write(&self.disk, &self.dir)?;
        self.commit(&stage, Some(growth))?;
        self.half_written = false;
        Ok((first..self.size()).collect())
    }

    /// Spreads a stage over index, tiles and checkpoint. `growth` is what the tiles still lack, if anything.
    fn commit(&mut self, stage: &Stage, growth: Option<Growth>) -> Result<()> {
        // Commit point 2: sled has the entries, flushed and synced. A crash leaves it unsealed: it is built again.
        self.index.with(&self.tree, &self.checkpoint, |store| {
            for (index, leaf) in (stage.first()..).zip(&stage.leaves) {
                let entry = entry::read(leaf).map_err(|what| Reason::Entry { index, what })?;
                store.insert(index, entry.as_ref())?;
            }
            store.sync(&self.disk)
        })?;

        let log = self.dir.join(LOG_FOLDER);
        if let Some(growth) = growth {
            // Commit point 3: the tiles of the new tree stand beside the partial ones of the old, which the old
            // checkpoint still needs. A crash leaves some of them; they are written again with the same bytes.
            for (path, bytes) in &growth.files {
                self.disk.write(&log.join(path), bytes)?;
            }
            // Commit point 4: the checkpoint names the new tree, which is complete.
            self.disk.write(&log.join(CHECKPOINT_FILE), stage.checkpoint.note().as_bytes())?;
        }
        self.checkpoint = stage.checkpoint.clone();
        self.tree = Tree::new(log.clone(), self.checkpoint.size);

        // The old tree's partial tiles go while the stage still stands, so that a crash here is also repaired.
        let current: BTreeSet<_> = tiles::partial(self.size()).collect();
        for tile in tiles::partial(stage.first()).filter(|tile| !current.contains(tile)) {
            let path = log.join(tile.path());
            self.disk.drop_file(&path)?;
            // Its folder goes too, unless another partial tile lives in it.
            let _ = path.parent().map(std::fs::remove_dir);
        }
        // Commit point 5: what the new entries say is forgotten is gone. A crash before repeats it from the stage.
        self.forget(stage)?;
        // Commit point 6: nothing is left to repeat. A stage that comes back after a crash is repeated once more; the next
        // append's replaces it.
        self.disk.drop_file(&self.dir.join(stage::FILE))
    }

    /// Removes what entries say is forgotten.
    fn forget(&mut self, stage: &Stage) -> Result<()> {
        for (index, leaf) in (stage.first()..).zip(&stage.leaves) {
            match entry::read(leaf).map_err(|what| Reason::Entry { index, what })?.map(|entry| entry.event) {
                Some(Event::RecipientErased { blob, .. }) => {
                    self.disk.remove(&blobs::path(&self.dir, &blob))?
                }
                Some(Event::Pruned { before, .. }) => self.carry_out_pruning(before)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Finishes an append that a crash cut short, or clears the remains of one that never happened.
    pub(super) fn recover(&mut self) -> Result<()> {
        // A stage that was never renamed: its append did not happen.
        self.disk.remove(&temporary_name(&self.dir.join(stage::FILE)))?;
        let Some(stage) = Stage::left_in(&self.dir, &self.verifier)? else { return Ok(()) };
        let growth = if stage.checkpoint.size == self.size() {
            // The crash came after commit point 4.
            if stage.checkpoint != self.checkpoint {
                return Err(Reason::Stage("it is of another tree than the checkpoint").into());
            }
            None
        } else if stage.first() == self.size() {
            let growth = self.tree.grow(&stage.leaves)?;
            if growth.root != stage.checkpoint.root {
                return Err(Reason::Stage("its entries do not give its root").into());
            }
            Some(growth)
        } else {
            return Err(Reason::Stage("it does not continue the log").into());
        };
        self.half_written = true;
        self.commit(&stage, growth)?;
        self.half_written = false;
        self.recovered = true;
        Ok(())
    }

    /// Refuses entries that would make the ledger contradict itself. Looks into the index, so sled is open after.
    fn check_new(&self, entries: &[Entry]) -> Result<()> {
        let mut new_releases = BTreeSet::new();
        for (index, entry) in (self.size()..).zip(entries) {
            entry.check()?;
            for hash in entry.event.blobs() {
                if !blobs::exists(&self.dir, hash) {
                    return Err(Reason::BadEntry(format!("it names blob `{hash}`, which is not kept")).into());
                }
            }
            match &entry.event {
                Event::Amendment { supersedes, .. } if *supersedes >= index => {
                    let what = format!("entry {index} can't supersede entry {supersedes}");
                    return Err(Reason::BadEntry(what).into());
                }
                Event::RecipientErased { blob, .. } if !blobs::is_hash(blob) => {
                    return Err(Reason::BadHash(blob.clone()).into());
                }
                Event::Pruned { before, .. } if *before > self.size() || before % tiles::TILE_WIDTH != 0 => {
                    let what = format!("entry {before} does not end a bundle that is there");
                    return Err(Reason::BadEntry(what).into());
                }
                Event::Release(release) if !new_releases.insert(release.opening.release.as_str()) => {
                    return Err(Reason::DuplicateRelease(release.opening.release.clone()).into());
                }
                _ => {}
            }
        }
        self.index.with(&self.tree, &self.checkpoint, |store| {
            for id in new_releases {
                if store.release(id)?.is_some() {
                    return Err(Reason::DuplicateRelease(id.to_owned()).into());
                }
            }
            Ok(())
        })
    }
}
