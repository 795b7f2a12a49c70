//! One process at a time: the file `lock`.
//!
//! **Idea.** The operating system's file lock, which a killed process gives back by itself. The holder writes who it
//! is into the file, for the message that the next one prints; the text decides nothing.

use std::{
    fs::{self, File, TryLockError},
    io::Write as _,
    path::Path,
    time::Duration,
};

use super::{disk, reason::Reason};
use crate::error::{Error, Result};

const FILE: &str = "lock";

/// First and longest pause between two tries. A `stamp` holds the ledger for some 20 ms.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));

/// Longest text shown of a holder, in bytes.
const HOLDER_LIMIT_BYTES: u64 = 200;

/// The lock on a ledger's folder, given back on drop.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, waiting for up to `wait`. `who` is a word for the message: `stamp`.
    pub(super) fn take(dir: &Path, wait: Duration, who: &str) -> Result<Lock> {
        Self::take_file(&dir.join(FILE), wait, who)
    }

    /// As [`take`](Self::take), with a lock file of a given name.
    pub(super) fn take_file(path: &Path, wait: Duration, who: &str) -> Result<Lock> {
        let opened = File::options().create(true).write(true).truncate(false).open(path);
        let file = opened.map_err(|e| Error::io("open", path, e))?;
        // Pauses are added up rather than a clock read: below floor 4 nothing knows the time.
        let (mut waited, mut pause) = (Duration::ZERO, PAUSES.0);
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(e)) => return Err(Error::io("lock", path, e)),
                Err(TryLockError::WouldBlock) if waited >= wait => {
                    return Err(Reason::Locked { holder: holder(path), waited }.into());
                }
                Err(TryLockError::WouldBlock) => {
                    let nap = pause.min(wait - waited);
                    std::thread::sleep(nap);
                    (waited, pause) = (waited + nap, (pause * 2).min(PAUSES.1));
                }
            }
        }
        announce(&file, who).map_err(|e| Error::io("write", path, e))?;
        Ok(Lock { _file: file })
    }
}

fn announce(mut file: &File, who: &str) -> std::io::Result<()> {
    file.set_len(0)?;
    file.write_all(format!("process {}: {who}\n", std::process::id()).as_bytes())
}

/// Who the file says holds it. Anybody may have written it, so it is shown as plain words.
fn holder(path: &Path) -> String {
    let text = disk::read(path, HOLDER_LIMIT_BYTES).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    if text.is_empty() { "another process".to_owned() } else { text }
}

/// Waits until nobody holds a lock on `path`, for up to `wait`; whether it came free. sled gives its files back from
/// background threads, some time after the database was dropped.
pub(super) fn comes_free(path: &Path, wait: Duration) -> bool {
    let Ok(file) = fs::File::open(path) else { return true };
    let mut waited = Duration::ZERO;
    while file.try_lock().is_err() {
        if waited >= wait {
            return false;
        }
        std::thread::sleep(PAUSES.0);
        waited += PAUSES.0;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_and_then_says_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path(), Duration::ZERO, "stamp").unwrap();
        let error = Lock::take(dir.path(), Duration::from_millis(20), "verify").err().unwrap();
        let expected = format!("process {}: stamp (waited 20 ms)", std::process::id());
        assert!(error.to_string().contains(&expected), "{error}");
        assert!(error.hint().unwrap().contains("--lock-timeout"));
        let path = dir.path().to_path_buf();
        let waiter = std::thread::spawn(move || Lock::take(&path, Duration::from_secs(20), "verify").is_ok());
        std::thread::sleep(Duration::from_millis(20));
        drop(first);
        assert!(waiter.join().unwrap());
    }
}
