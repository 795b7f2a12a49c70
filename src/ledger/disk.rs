//! Durable writes: the only place in this folder that changes a file.
//!
//! A file is written to `<name>.tmp`, synced, renamed, and its folder synced: a reader sees the old bytes or the new,
//! never half, and once `write` returns they survive a power cut. The temporary name is fixed, so whoever repeats an
//! interrupted write also clears its remains.
//!
//! Tests give a [`Disk`] a plan of failures, counted over all steps (`tests.rs`).

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

/// Suffix of files being written.
pub(super) const TEMPORARY: &str = "tmp";

/// The way to the disk. In production it has no state.
#[derive(Clone, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) faults: Option<std::sync::Arc<super::tests::faults::Plan>>,
}

impl Disk {
    /// Replaces the file at `path` by `bytes`, durably, and makes its folders.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.step("write", path, || write_durably(path, bytes))
    }

    /// Removes a file or a whole folder, durably. One that is not there is fine.
    pub(super) fn remove(&self, path: &Path) -> Result<()> {
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        self.step("remove", path, || remove_durably(path))
    }

    /// Removes a file, if it is there; after a crash it may be there again, which must do no harm.
    pub(super) fn drop_file(&self, path: &Path) -> Result<()> {
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        self.step("remove", path, || fs::remove_file(path))
    }

    /// Does one durable step. Everything that changes a file passes here, so that tests can make it fail; `what` is
    /// the infinitive for the message.
    pub(super) fn step(
        &self,
        what: &str,
        path: &Path,
        action: impl FnOnce() -> io::Result<()>,
    ) -> Result<()> {
        #[cfg(test)]
        let action = || match &self.faults {
            Some(plan) => plan.step(what, path, action),
            None => action(),
        };
        action().map_err(|e| Error::io(what, path, e))
    }
}

/// Reads a whole file of at most `limit` bytes; a longer one is an error of kind `FileTooLarge`.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "file is longer than it can be"));
    }
    Ok(bytes)
}

/// Every file below `folder`, as paths relative to it with `/`, sorted. A folder that is not there has none.
pub(super) fn files_below(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_path_buf(), String::new())];
    while let Some((path, prefix)) = open.pop() {
        let listing = match fs::read_dir(&path) {
            Ok(listing) => listing,
            Err(e) if e.kind() == io::ErrorKind::NotFound && prefix.is_empty() => break,
            Err(e) => return Err(Error::io("list", &path, e)),
        };
        for item in listing {
            let item = item.map_err(|e| Error::io("list", &path, e))?;
            let name = format!("{prefix}{}", item.file_name().to_string_lossy());
            match item.file_type() {
                Ok(kind) if kind.is_dir() => open.push((item.path(), name + "/")),
                Ok(_) => found.push(name),
                Err(e) => return Err(Error::io("list", &item.path(), e)),
            }
        }
    }
    found.sort();
    Ok(found)
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let temporary = temporary_name(path);
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_folder(folder)
}

fn remove_durably(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        fs::remove_dir_all(path)?;
    } else {
        fs::remove_file(path)?;
    }
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Makes a folder and its parents, each durable in its own parent.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(Path::new("."));
    make_folder(parent)?;
    match fs::create_dir(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => sync_folder(parent),
    }
}

/// Where the bytes of `path` stand before the rename.
pub(super) fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(TEMPORARY);
    PathBuf::from(name)
}

/// Makes names in a folder durable. Windows has no such call and needs none.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
