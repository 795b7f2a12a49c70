//! Folders, as if they were archives.

use std::fs::{self, FileType};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

use super::Limits;
use super::name::{is_hidden, shown};
use super::reason::ArchiveReason;

/// The deepest nesting of folders, more than people have.
const MAX_DEPTH: usize = 64;

/// What is in a folder and is no folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its name from the folder on, fit for a terminal.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    kind: FileType,
}

impl Leaf {
    /// Whether it is a file. What else there is must not be opened: a link leads elsewhere, a pipe never ends.
    pub fn is_file(&self) -> bool {
        self.kind.is_file()
    }

    /// The same, if it is a file.
    ///
    /// # Errors
    /// If it is something else.
    pub fn file(self) -> Result<Leaf> {
        if self.is_file() {
            return Ok(self);
        }
        let reason = if self.kind.is_symlink() { ArchiveReason::Link } else { ArchiveReason::NoFile };
        Err(Error::from(reason).in_file(self.name))
    }
}

/// What is in a folder and in the folders within, in the order of their names. Links are not followed.
///
/// Errors of the iterator: of one folder within, or, as the last, of the limit.
///
/// # Errors
/// If it is no folder, or can't be looked into.
pub fn folder(path: &Path, limits: Limits) -> Result<impl Iterator<Item = Result<Leaf>> + Send + use<>> {
    let root = path.to_owned();
    let mut folder = Folder { root, pending: Vec::new(), left: limits.max_members, limits };
    folder.look_into(path, 1)?;
    Ok(folder)
}

struct Folder {
    root: PathBuf,
    /// What is to come, the next one last.
    pending: Vec<Pending>,
    left: u64,
    limits: Limits,
}

struct Pending {
    path: PathBuf,
    kind: FileType,
    depth: usize,
}

impl Folder {
    fn look_into(&mut self, path: &Path, depth: usize) -> Result<()> {
        // The folder itself is named by who asked for it.
        let name = (depth > 1).then(|| self.name(path));
        let named = |error: Error| match &name {
            Some(name) => error.in_file(name),
            None => error,
        };
        let failed = |error| named(Error::io("look into", path, error));
        if depth > MAX_DEPTH {
            return Err(named(ArchiveReason::Deep { max_depth: MAX_DEPTH }.into()));
        }
        let start = self.pending.len();
        for entry in fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if self.left == 0 {
                self.pending.clear();
                let max_members = self.limits.max_members;
                return Err(ArchiveReason::ManyFiles { max_members }.into());
            }
            self.left -= 1;
            let kind = entry.file_type().map_err(failed)?;
            if !is_hidden(&entry.file_name().to_string_lossy()) {
                self.pending.push(Pending { path: entry.path(), kind, depth });
            }
        }
        self.pending[start..].sort_unstable_by(|a, b| b.path.cmp(&a.path));
        Ok(())
    }

    fn name(&self, path: &Path) -> String {
        let within = path.strip_prefix(&self.root).unwrap_or(path);
        shown(within.to_string_lossy().as_bytes())
    }
}

impl Iterator for Folder {
    type Item = Result<Leaf>;

    fn next(&mut self) -> Option<Result<Leaf>> {
        loop {
            let Pending { path, kind, depth } = self.pending.pop()?;
            if !kind.is_dir() {
                return Some(Ok(Leaf { name: self.name(&path), path, kind }));
            }
            if let Err(error) = self.look_into(&path, depth + 1) {
                return Some(Err(error));
            }
        }
    }
}
