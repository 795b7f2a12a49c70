//! sled, as an index over the entries: by number, by release id, by the hash of what was delivered.
//!
//! **Idea.** Everything in here is also in the tiles. sled 0.34.7 panics on some damaged files, and its `flush` is no
//! fsync on Linux, so it is only ever given files that it left itself (`index.rs` sees to that), every call is guarded
//! against panics, and the data file is synced after each flush.
//!
//! **Invariants.** The caller holds the ledger's lock. After [`Store::close`] no thread of sled touches the files.
//!
//! Sources: sled 0.34.7 as measured (its `flush` calls `sync_file_range`); spacejam/sled issues 1527 and 1533.

use std::{
    fs::{self, File},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    disk::{self, Disk},
    entry::Entry,
    lock::comes_free,
    reason::Reason,
};
use crate::error::{Error, Result};

/// sled's data file.
const DATA_FILE: &str = "db";

/// sled's page cache, in bytes; the default of 1 GB is for servers.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// How long sled may take to give its files back after a close. Typically under 10 ms.
const CLOSE_WAIT: Duration = Duration::from_secs(10);

/// An open index.
pub(super) struct Store {
    path: PathBuf,
    db: sled::Db,
    /// Index, big-endian, to the leaf.
    entries: sled::Tree,
    /// Release id to index.
    releases: sled::Tree,
    /// BLAKE3 of the output in hex, then the index, to nothing.
    outputs: sled::Tree,
}

impl Store {
    /// Opens the index in the folder `path`, or makes an empty one.
    pub(super) fn open(path: &Path) -> Result<Store> {
        disk::make_folder(path).map_err(|e| Error::io("make", path, e))?;
        remove_unfinished_snapshots(path)?;
        comes_free(&path.join(DATA_FILE), CLOSE_WAIT);
        guarded(path, || {
            // No flusher thread: we flush ourselves, and a short open ends without waiting for it.
            let config = sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(None);
            let db = config.open()?;
            Ok(Store {
                path: path.to_path_buf(),
                entries: db.open_tree("entries")?,
                releases: db.open_tree("releases")?,
                outputs: db.open_tree("outputs")?,
                db,
            })
        })
    }

    /// Adds an entry. Doing it again changes nothing, and a release id belongs to the first entry that has it.
    pub(super) fn insert(&self, index: u64, leaf: &[u8], entry: Option<&Entry>) -> Result<()> {
        guarded(&self.path, || {
            let key = index.to_be_bytes();
            self.entries.insert(key, leaf)?;
            if let Some(release) = entry.and_then(Entry::release) {
                if self.releases.get(&release.opening.release)?.is_none() {
                    self.releases.insert(&release.opening.release, &key)?;
                }
                self.outputs.insert(output_key(&release.output.blake3, index), &[])?;
            }
            Ok(())
        })
    }

    /// Makes what was inserted durable.
    pub(super) fn sync(&self, disk: &Disk) -> Result<()> {
        guarded(&self.path, || self.db.flush())?;
        let data = self.path.join(DATA_FILE);
        disk.step("sync", &data, || File::open(&data)?.sync_all())
    }

    /// How many entries it holds, judged by the last one.
    pub(super) fn size(&self) -> Result<u64> {
        let last = guarded(&self.path, || self.entries.last())?;
        last.map_or(Ok(0), |(key, _)| Ok(self.index_of(&key)?.saturating_add(1)))
    }

    /// The leaf at `index`.
    pub(super) fn leaf(&self, index: u64) -> Result<Option<sled::IVec>> {
        guarded(&self.path, || self.entries.get(index.to_be_bytes()))
    }

    /// The index of a release.
    pub(super) fn release(&self, id: &str) -> Result<Option<u64>> {
        let found = guarded(&self.path, || self.releases.get(id))?;
        found.map(|value| self.index_of(&value)).transpose()
    }

    /// The indexes of the releases whose output has this BLAKE3 hash, in order.
    pub(super) fn outputs(&self, blake3_hex: &str) -> Result<Vec<u64>> {
        let keys = guarded(&self.path, || {
            self.outputs.scan_prefix(blake3_hex).keys().collect::<sled::Result<Vec<_>>>()
        })?;
        let exact = keys.iter().filter(|key| key.len() == blake3_hex.len() + 8);
        exact.map(|key| self.index_of(&key[blake3_hex.len()..])).collect()
    }

    /// How many entries, releases and outputs it holds, counted one by one.
    pub(super) fn counts(&self) -> Result<[u64; 3]> {
        guarded(&self.path, || {
            Ok([self.entries.len() as u64, self.releases.len() as u64, self.outputs.len() as u64])
        })
    }

    /// Closes the index and waits until sled has let go of its files. An error means that it may still be writing.
    pub(super) fn close(self) -> Result<()> {
        let path = self.path.clone();
        guarded(&path, || {
            drop(self);
            Ok(())
        })?;
        if !comes_free(&path.join(DATA_FILE), CLOSE_WAIT) {
            return Err(Reason::Index("sled did not let go of its files".to_owned()).into());
        }
        Ok(())
    }

    fn index_of(&self, bytes: &[u8]) -> Result<u64> {
        let bytes =
            bytes.try_into().map_err(|_| Reason::Index("a number in it has not 8 bytes".to_owned()))?;
        Ok(u64::from_be_bytes(bytes))
    }
}

fn output_key(blake3_hex: &str, index: u64) -> Vec<u8> {
    [blake3_hex.as_bytes(), &index.to_be_bytes()].concat()
}

/// Removes `snap.*.generating`: sled renames such a file only when it is complete, yet would read a left-over one and
/// then refuse to open. Safe because the caller holds the ledger's lock.
fn remove_unfinished_snapshots(path: &Path) -> Result<()> {
    for name in disk::files_below(path)? {
        if name.starts_with("snap.") && name.ends_with(".generating") {
            let file = path.join(name);
            fs::remove_file(&file).map_err(|e| Error::io("remove", &file, e))?;
        }
    }
    Ok(())
}

/// Calls sled, and makes an error of what goes wrong in there, panics included.
fn guarded<T>(path: &Path, call: impl FnOnce() -> sled::Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(e))) if e.kind() != io::ErrorKind::Other => Err(Error::io("use", path, e)),
        Ok(Err(e)) => Err(Reason::Index(e.to_string()).into()),
        Err(_) => Err(Reason::Index("sled panicked".to_owned()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::entry::{Event, Opening, Output, Release};

    fn release(id: &str, blake3: &str) -> Entry {
        let output = Output { blake3: blake3.to_owned(), ..Output::default() };
        let opening = Opening { release: id.into(), ..Opening::default() };
        Entry::new("t", "o", Event::Release(Release { opening, output, ..Release::default() }))
    }

    #[test]
    fn what_was_inserted_is_found_after_a_close() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.size().unwrap(), 0);
        store.insert(0, b"zero", Some(&release("r-0", "aa"))).unwrap();
        store.insert(1, b"one", Some(&release("r-1", "aa"))).unwrap();
        store.insert(2, b"two", None).unwrap();
        store.close().unwrap();
        let store = Store::open(dir.path()).unwrap();
        assert_eq!((store.size().unwrap(), store.counts().unwrap()), (3, [3, 2, 2]));
        assert_eq!(store.leaf(1).unwrap().unwrap(), b"one");
        assert_eq!(store.release("r-1").unwrap(), Some(1));
        assert_eq!(store.release("r-").unwrap(), None);
        assert_eq!(store.outputs("aa").unwrap(), [0, 1]);
        assert_eq!(store.outputs("a").unwrap(), [0_u64; 0]);
        store.close().unwrap();
    }

    #[test]
    fn a_left_over_snapshot_does_not_lock_us_out() {
        let dir = tempfile::tempdir().unwrap();
        Store::open(dir.path()).unwrap().close().unwrap();
        fs::write(dir.path().join("snap.0000000000000FFF.generating"), b"").unwrap();
        Store::open(dir.path()).unwrap().close().unwrap();
    }
}
