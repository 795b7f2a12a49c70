//! Side files by content: policy texts, sketches, names; entries name them by BLAKE3 hash.
//!
//! **Invariant.** What [`get`] gives has the hash that was asked for: bytes are hashed again at every reading.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    disk::{self, Disk},
    reason::Reason,
};
use crate::error::{Error, Result};

/// Where blobs stand below the ledger's folder.
const FOLDER: &str = "blob";

/// Keeps bytes and gives their name. Doing it again changes nothing, and repairs a damaged file.
pub(super) fn put(disk: &Disk, dir: &Path, bytes: &[u8]) -> Result<String> {
    let hash = blake3::hash(bytes).to_hex().to_string();
    if get(dir, &hash).is_err() {
        disk.write(&path(dir, &hash), bytes)?;
    }
    Ok(hash)
}

/// The bytes of a name.
pub(super) fn get(dir: &Path, hash: &str) -> Result<Vec<u8>> {
    if !is_hash(hash) {
        return Err(Reason::BadHash(hash.to_owned()).into());
    }
    let path = path(dir, hash);
    let bytes = std::fs::read(&path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => Reason::BlobMissing(hash.to_owned()).into(),
        _ => Error::io("read", &path, e),
    })?;
    if blake3::hash(&bytes).to_hex().as_str() != hash {
        return Err(Reason::BlobChanged(hash.to_owned()).into());
    }
    Ok(bytes)
}

/// Whether a blob is there, without reading it.
pub(super) fn exists(dir: &Path, hash: &str) -> bool {
    is_hash(hash) && path(dir, hash).is_file()
}

/// What lies in the folder.
pub(super) struct Listing {
    /// The names of all blobs.
    pub(super) names: Vec<String>,
    /// Files that are none, below the ledger's folder.
    pub(super) strays: Vec<String>,
}

/// Lists the folder. Remains of an interrupted [`put`] are cleared away first.
pub(super) fn list(disk: &Disk, dir: &Path) -> Result<Listing> {
    let mut names = disk::files_below(&dir.join(FOLDER))?;
    for name in names.extract_if(.., |name| name.ends_with(disk::TEMPORARY)) {
        disk.remove(&dir.join(FOLDER).join(name))?;
    }
    let strays = names.extract_if(.., |name| !is_hash(name)).map(|name| format!("{FOLDER}/{name}"));
    let strays = strays.collect();
    Ok(Listing { names, strays })
}

/// Whether a text is a BLAKE3 or SHA-256 hash as we write it: 64 lower-case hex digits.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Where the blob of a hash stands.
pub(super) fn path(dir: &Path, hash: &str) -> PathBuf {
    dir.join(FOLDER).join(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_read_back_and_damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let hash = put(&Disk::default(), dir.path(), b"policy").unwrap();
        assert_eq!(put(&Disk::default(), dir.path(), b"policy").unwrap(), hash);
        assert_eq!(get(dir.path(), &hash).unwrap(), b"policy");
        std::fs::write(path(dir.path(), &hash), b"Policy").unwrap();
        let error = get(dir.path(), &hash).unwrap_err();
        assert!(error.is_integrity() && error.to_string().contains(&hash));
        put(&Disk::default(), dir.path(), b"policy").unwrap();
        assert!(get(dir.path(), &hash).is_ok(), "putting again repairs");
    }

    #[test]
    fn a_name_is_never_a_path() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["", "../ledger.vkey", &"A".repeat(64), &"/".repeat(64)] {
            assert!(get(dir.path(), name).is_err() && !exists(dir.path(), name), "{name}");
        }
    }
}
