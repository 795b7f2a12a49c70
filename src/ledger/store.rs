//! sled, as an index over the entries: by release id, by the hash of what was delivered, and those that decide what may be given.
//!
//! **Idea.** Everything in here is also in the tiles, and the entries themselves are there alone: the index stays small, and
//! its files are hashed whenever it is opened and closed. sled 0.34.7 panics on some damaged files, and its `flush` is no
//! fsync on Linux, so it is only ever given files that it left itself (`index.rs` sees to that), every call is guarded
//! against panics, and the data file is synced after each flush.
//!
//! **Invariants.** The caller holds the ledger's lock. After [`Store::close`] no thread of sled touches the files.
//!
//! Sources: sled 0.34.7 as measured (its `flush` calls `sync_file_range`); spacejam/sled issues 1527 and 1533.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    disk::{self, Disk},
    entry::{Entry, Event},
    lock::comes_free,
    reason::Reason,
};
use crate::error::{Error, Result};

/// sled's data file.
const DATA_FILE: &str = "db";

/// sled's page cache, in bytes; the default of 1 GB is for servers.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// Where the number of entries stands.
const SIZE_KEY: &str = "size";

/// How long sled may take to give its files back after a close. Typically under 10 ms.
const CLOSE_WAIT: Duration = Duration::from_secs(10);

/// An open index.
pub(super) struct Store {
    path: PathBuf,
    db: sled::Db,
    /// Release id to the index, big-endian.
    releases: sled::Tree,
    /// The same for deliveries that were opened, by the first opening.
    openings: sled::Tree,
    /// [Short] of the output's hash, then the index, to nothing.
    outputs: sled::Tree,
    /// Indexes of the entries that stand ([`Event::stands`]), to nothing.
    standing: sled::Tree,
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
                releases: db.open_tree("releases")?,
                openings: db.open_tree("openings")?,
                outputs: db.open_tree("outputs")?,
                standing: db.open_tree("standing")?,
                db,
            })
        })
    }

    /// Adds an entry. Doing it again changes nothing, and a release id belongs to the first entry that has it.
    pub(super) fn insert(&self, index: u64, entry: Option<&Entry>) -> Result<()> {
        guarded(&self.path, || {
            let key = index.to_be_bytes();
            let insert_first = |tree: &sled::Tree, id: &str| match tree.get(id)? {
                None => tree.insert(id, &key).map(drop),
                Some(_) => Ok(()),
            };
            match entry.map(|entry| &entry.event) {
                Some(Event::Release(release)) => {
                    insert_first(&self.releases, &release.opening.release)?;
                    self.outputs.insert(output_key(&release.output.blake3, index), &[])?;
                }
                Some(Event::ReleaseOpened(opening)) => insert_first(&self.openings, &opening.release)?,
                Some(event) if event.stands() => self.standing.insert(key, &[]).map(drop)?,
                _ => {}
            }
            self.db.insert(SIZE_KEY, &(index + 1).to_be_bytes())?;
            Ok(())
        })
    }

    /// Makes what was inserted durable.
    pub(super) fn sync(&self, disk: &Disk) -> Result<()> {
        guarded(&self.path, || self.db.flush())?;
        let data = self.path.join(DATA_FILE);
        disk.step("sync", &data, || File::open(&data)?.sync_all())
    }

    /// How many entries it is about.
    pub(super) fn size(&self) -> Result<u64> {
        let size = guarded(&self.path, || self.db.get(SIZE_KEY))?;
        size.map_or(Ok(0), |size| self.index_of(&size))
    }

    /// The indexes of the entries that stand, in order.
    pub(super) fn standing(&self) -> Result<Vec<u64>> {
        let keys = guarded(&self.path, || self.standing.iter().keys().collect::<sled::Result<Vec<_>>>())?;
        keys.iter().map(|key| self.index_of(key)).collect()
    }

    /// The index of the entry that opened a delivery.
    pub(super) fn opening(&self, id: &str) -> Result<Option<u64>> {
        let found = guarded(&self.path, || self.openings.get(id))?;
        found.map(|value| self.index_of(&value)).transpose()
    }

    /// The index of a release.
    pub(super) fn release(&self, id: &str) -> Result<Option<u64>> {
        let found = guarded(&self.path, || self.releases.get(id))?;
        found.map(|value| self.index_of(&value)).transpose()
    }

    /// The indexes of the releases whose output has this BLAKE3 hash, in order.
    pub(super) fn outputs(&self, blake3_hex: &str) -> Result<Vec<u64>> {
        let keys = guarded(&self.path, || {
            self.outputs.scan_prefix(short(blake3_hex)).keys().collect::<sled::Result<Vec<_>>>()
        })?;
        keys.iter().map(|key| self.index_of(&key[size_of::<Short>()..])).collect()
    }

    /// All that it holds, to be compared with the log: one scan, where a look-up for each entry would read pages all over.
    pub(super) fn held(&self) -> Result<Held> {
        guarded(&self.path, || {
            let by_id = |tree: &sled::Tree| {
                let pairs = tree.iter().map(|pair| pair.map(|(id, index)| (id.to_vec(), index.to_vec())));
                pairs.collect::<sled::Result<HashMap<_, _>>>()
            };
            let keys = |tree: &sled::Tree| {
                let keys = tree.iter().keys().map(|key| key.map(|key| key.to_vec()));
                keys.collect::<sled::Result<HashSet<_>>>()
            };
            Ok(Held {
                releases: by_id(&self.releases)?,
                openings: by_id(&self.openings)?,
                outputs: keys(&self.outputs)?,
                standing: keys(&self.standing)?,
            })
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

/// What an index holds, as it is stored.
pub(super) struct Held {
    releases: HashMap<Vec<u8>, Vec<u8>>,
    openings: HashMap<Vec<u8>, Vec<u8>>,
    outputs: HashSet<Vec<u8>>,
    standing: HashSet<Vec<u8>>,
}

impl Held {
    /// Whether an entry is found by all that it is looked up by. Of several openings of a release the first one is.
    pub(super) fn finds(&self, index: u64, event: &Event, is_first_opening: bool) -> bool {
        let key = index.to_be_bytes();
        let leads_here = |ids: &HashMap<Vec<u8>, Vec<u8>>, id: &str| {
            ids.get(id.as_bytes()).is_some_and(|found| *found == key)
        };
        match event {
            Event::Release(release) => {
                leads_here(&self.releases, &release.opening.release)
                    && self.outputs.contains(&output_key(&release.output.blake3, index))
            }
            Event::ReleaseOpened(opening) => {
                !is_first_opening || leads_here(&self.openings, &opening.release)
            }
            event => !event.stands() || self.standing.contains(&key[..]),
        }
    }

    /// How many releases, openings, outputs and standing entries there are.
    pub(super) fn counts(&self) -> [u64; 4] {
        [self.releases.len(), self.openings.len(), self.outputs.len(), self.standing.len()].map(|n| n as u64)
    }
}

fn output_key(blake3_hex: &str, index: u64) -> Vec<u8> {
    [&short(blake3_hex)[..], &index.to_be_bytes()].concat()
}

/// What stands for a hash in a key. The entry says whether it is the one that was meant.
type Short = [u8; 16];

fn short(text: &str) -> Short {
    let mut short = Short::default();
    blake3::Hasher::new().update(text.as_bytes()).finalize_xof().fill(&mut short);
    short
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
    use crate::ledger::entry::{Opening, Output, Release};

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
        let amendment = Event::Amendment { supersedes: 0, note: String::new() };
        let suspended = Event::RecipientSuspended { recipient: "p".into(), reason: None };
        let opened = Event::ReleaseOpened(Opening { release: "r-2".into(), ..Opening::default() });
        store.insert(0, Some(&release("r-0", "aa"))).unwrap();
        store.insert(1, Some(&release("r-1", "aa"))).unwrap();
        for (index, event) in (2..).zip([amendment, suspended, opened]) {
            store.insert(index, Some(&Entry::new("t", "o", event))).unwrap();
        }
        store.insert(5, None).unwrap();
        store.close().unwrap();
        let store = Store::open(dir.path()).unwrap();
        assert_eq!((store.size().unwrap(), store.held().unwrap().counts()), (6, [2, 1, 2, 1]));
        assert_eq!(store.standing().unwrap(), [3]);
        let (held, first) = (store.held().unwrap(), release("r-0", "aa").event);
        assert!(held.finds(0, &first, false) && !held.finds(1, &first, false));
        assert_eq!((store.opening("r-2").unwrap(), store.opening("r-1").unwrap()), (Some(4), None));
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
