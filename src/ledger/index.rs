//! The index in its life: sealed, open, sealed again; or built anew from the tiles.
//!
//! **Idea.** sled is opened when something is looked up or appended, not before, and only on files that the seal
//! vouches for. See `seal.rs` for why, and `store.rs` for sled itself.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{
    checkpoint::Checkpoint,
    disk::{self, Disk},
    entry,
    reason::Reason,
    seal,
    store::Store,
    tree::Tree,
};
use crate::error::{Error, Result};

/// sled's folder in the ledger's.
const FOLDER: &str = "index";

/// The index of a ledger that is open.
pub(super) struct Index {
    dir: PathBuf,
    disk: Disk,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    store: Option<Store>,
    rebuilt: bool,
}

impl Index {
    /// The index of the ledger in `dir`, not opened yet.
    pub(super) fn new(dir: &Path, disk: Disk) -> Self {
        Index { dir: dir.to_path_buf(), disk, state: Mutex::default() }
    }

    /// The cheap check: if there is a seal, it is about this tree.
    pub(super) fn check_head(&self, checkpoint: &Checkpoint) -> Result<()> {
        match self.seal()? {
            Some(seal) if !seal.starts_with(seal::head(checkpoint.size, &checkpoint.root).as_bytes()) => {
                Err(Reason::Index("it is not of the tree that the checkpoint signs".to_owned()).into())
            }
            _ => Ok(()),
        }
    }

    /// Calls `use_store` with the open index of the given tree.
    pub(super) fn with<T>(
        &self,
        tree: &Tree,
        checkpoint: &Checkpoint,
        use_store: impl FnOnce(&Store) -> Result<T>,
    ) -> Result<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.store.is_none() {
            let (store, rebuilt) = self.open(tree, checkpoint)?;
            *state = State { store: Some(store), rebuilt: state.rebuilt || rebuilt };
        }
        match &state.store {
            Some(store) => use_store(store),
            None => Err(Reason::Index("it is closed".to_owned()).into()),
        }
    }

    /// Whether the index had to be built again since this process opened the ledger.
    pub(super) fn was_rebuilt(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).rebuilt
    }

    /// Closes sled, if it was opened, and seals its files as the index of this tree.
    pub(super) fn close(&self, checkpoint: &Checkpoint) -> Result<()> {
        let store = self.state.lock().unwrap_or_else(PoisonError::into_inner).store.take();
        let Some(store) = store else { return Ok(()) };
        store.sync(&self.disk)?;
        store.close()?;
        seal::sync_files(&self.folder())?;
        let text = seal::text(&self.folder(), checkpoint.size, &checkpoint.root)?;
        // Commit point: from here the index is opened again as it is. A crash before leaves it unsealed, and the next
        // one to need it builds it again.
        self.disk.write(&self.seal_path(), text.as_bytes())
    }

    /// Removes the index: the next one to need it builds it again.
    pub(super) fn discard(&self) -> Result<()> {
        // The seal goes first: an index that is half removed must not be vouched for.
        self.disk.remove(&self.seal_path())?;
        self.disk.remove(&self.folder())
    }

    /// Drops sled without sealing. After a write that failed half way nobody knows what its files hold.
    pub(super) fn abandon(&self) {
        let store = self.state.lock().unwrap_or_else(PoisonError::into_inner).store.take();
        store.map(Store::close);
    }

    fn open(&self, tree: &Tree, checkpoint: &Checkpoint) -> Result<(Store, bool)> {
        let folder = self.folder();
        match self.seal()? {
            Some(sealed) if folder.is_dir() => {
                if seal::text(&folder, checkpoint.size, &checkpoint.root)?.as_bytes() != sealed {
                    let what = "its files are not as the ledger left them";
                    return Err(Reason::Index(what.to_owned()).into());
                }
                // Commit point: the index is open from here, and a crash means to build it again.
                self.disk.remove(&self.seal_path())?;
                let store = Store::open(&folder)?;
                if store.size()? != checkpoint.size {
                    return Err(Reason::Index("it has not as many entries as the log".to_owned()).into());
                }
                Ok((store, false))
            }
            _ => Ok((self.rebuild(tree, checkpoint)?, true)),
        }
    }

    fn rebuild(&self, tree: &Tree, checkpoint: &Checkpoint) -> Result<Store> {
        self.discard()?;
        let store = Store::open(&self.folder())?;
        tree.walk(&checkpoint.root, entry::read, |index, entry| store.insert(index, entry.as_ref()))?;
        store.sync(&self.disk)?;
        Ok(store)
    }

    fn seal(&self) -> Result<Option<Vec<u8>>> {
        let path = self.seal_path();
        match disk::read(&path, seal::LIMIT_BYTES) {
            Ok(seal) => Ok(Some(seal).filter(|seal| !seal::is_earlier(seal))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) if e.kind() == std::io::ErrorKind::FileTooLarge => {
                Err(Reason::Index("its seal is longer than one can be".to_owned()).into())
            }
            Err(e) => Err(Error::io("read", &path, e)),
        }
    }

    fn folder(&self) -> PathBuf {
        self.dir.join(FOLDER)
    }

    fn seal_path(&self) -> PathBuf {
        self.dir.join(seal::FILE)
    }
}
