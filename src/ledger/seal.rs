//! The seal on the index: a digest of sled's files as the last clean close left them.
//!
//! **Idea.** sled may panic, hang or lie when its files were changed behind its back. So the ledger writes down what
//! they were: tree size and root, then length, BLAKE3 and name of every file. There is no parser: the text is made
//! again and compared.
//!
//! **Invariant.** While sled is open there is no seal. An index without one is not opened but built again from the
//! tiles, which is what a crash costs; an index with a wrong one was changed by somebody.
//!
//! The seal guards against damage, not against whoever can also write a seal: what the index says is compared with
//! the signed tiles at every reading.

use std::{fs::File, path::Path};

use data_encoding::HEXLOWER;

use super::{disk, merkle::Hash};
use crate::error::{Error, Result};

/// The seal's file in the ledger's folder.
pub(super) const FILE: &str = "index.seal";

/// Longest seal read, in bytes; sled keeps a handful of files.
pub(super) const LIMIT_BYTES: u64 = 1024 * 1024;

/// What a seal of this version begins with.
const VERSION: &str = "dyepack.index/3\n";

/// Whether it is a seal of an earlier version, whose index is built again.
pub(super) fn is_earlier(seal: &[u8]) -> bool {
    [&b"dyepack.index/1\n"[..], b"dyepack.index/2\n"].iter().any(|earlier| seal.starts_with(earlier))
}

/// The first two lines: which tree the index is of.
pub(super) fn head(size: u64, root: &Hash) -> String {
    format!("{VERSION}{size} {}\n", HEXLOWER.encode(root))
}

/// The whole seal for the files that are in `folder` now.
pub(super) fn text(folder: &Path, size: u64, root: &Hash) -> Result<String> {
    let mut text = head(size, root);
    for name in disk::files_below(folder)? {
        let path = folder.join(&name);
        let mut hasher = blake3::Hasher::new();
        let hashed = File::open(&path).and_then(|file| hasher.update_reader(file).map(|h| h.count()));
        let bytes = hashed.map_err(|e| Error::io("read", &path, e))?;
        text += &format!("{bytes} {} {name}\n", hasher.finalize().to_hex());
    }
    Ok(text)
}

/// Makes sure that the files which a seal is about to vouch for are on the disk before it is.
pub(super) fn sync_files(folder: &Path) -> Result<()> {
    for name in disk::files_below(folder)? {
        let path = folder.join(&name);
        File::open(&path).and_then(|file| file.sync_all()).map_err(|e| Error::io("sync", &path, e))?;
    }
    disk::sync_folder(folder).map_err(|e| Error::io("sync", folder, e))
}
