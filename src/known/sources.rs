//! Where the unmarked source of a release can be had: the file that it was, or the vault.
//!
//! A file counts only if its bytes are still those of the record. Looking at its length costs nothing and is done at once;
//! hashing it costs a read of the file and waits until somebody wants it.

use std::fs::File;
use std::io::{Read, Seek as _};
use std::path::{Path, PathBuf};

use super::Reading;
use crate::error::Result;
use crate::vault::{DELIMITER, Vault};

/// A source of some releases of a reading that is probably at hand.
pub struct FoundSource {
    /// Hex BLAKE3 of the source's bytes.
    pub source_blake3: String,
    /// Length of the source.
    pub source_bytes: u64,
    /// Ids of the releases that were made from it, the latest first.
    pub releases: Vec<String>,
    dataset: String,
    /// Files of the right length, the latest first.
    paths: Vec<PathBuf>,
    /// The vault, if it has a copy.
    vault: Option<Vault>,
}

/// Where a source was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the path that a release entry recorded, byte for byte.
    Path(PathBuf),
    /// In the vault: the same rows, and the columns that were kept.
    Vault,
}

/// A source that was opened.
pub struct OpenedSource {
    /// Where it was found.
    pub place: Place,
    /// The byte between its fields, if that is known.
    pub delimiter: Option<u8>,
    /// Its bytes, a CSV file with a header. Of the vault's a read may fail, and then says why.
    pub csv: Box<dyn Read + Send>,
}

impl Reading {
    /// The distinct sources of its releases that seem to be at hand, the latest first. No file is read.
    pub fn sources(&self, vault: &Vault) -> Vec<FoundSource> {
        let mut found: Vec<FoundSource> = Vec::new();
        for release in self.releases.iter().rev() {
            let is_same = |source: &FoundSource| source.source_blake3 == release.source_blake3;
            let place = found.iter().position(is_same).unwrap_or_else(|| {
                let dataset = self.policy.name().to_owned();
                let has = vault.has(&dataset, &release.source_blake3);
                found.push(FoundSource {
                    source_blake3: release.source_blake3.clone(),
                    source_bytes: release.source_bytes,
                    releases: Vec::new(),
                    dataset,
                    paths: Vec::new(),
                    vault: has.then(|| vault.clone()),
                });
                found.len() - 1
            });
            let source = &mut found[place];
            source.releases.push(release.release.clone());
            let path = release.source_path.as_ref().map(PathBuf::from);
            let fits = |path: &PathBuf| {
                let length = path.metadata().ok().filter(|data| data.is_file()).map(|data| data.len());
                length == Some(release.source_bytes) && !source.paths.contains(path)
            };
            source.paths.extend(path.filter(fits));
        }
        found.retain(|source| source.vault.is_some() || !source.paths.is_empty());
        found
    }
}

impl FoundSource {
    /// Opens it: a file whose hash is the recorded one, else the vault's copy. `None` if the files were changed or can't be
    /// read, and the vault has no copy.
    ///
    /// # Errors
    /// If the vault's copy is needed, and is damaged.
    pub fn open(&self) -> Result<Option<OpenedSource>> {
        for path in &self.paths {
            if let Some(file) = unchanged(path, &self.source_blake3) {
                let place = Place::Path(path.clone());
                return Ok(Some(OpenedSource { place, delimiter: None, csv: Box::new(file) }));
            }
        }
        let Some(vault) = &self.vault else { return Ok(None) };
        let copy = vault.open(&self.dataset, &self.source_blake3)?;
        let opened =
            copy.map(|copy| OpenedSource { place: Place::Vault, delimiter: Some(DELIMITER), csv: copy.csv });
        Ok(opened)
    }
}

/// The file, at its start, if it has this hash. One that can't be read is as good as one that is gone.
fn unchanged(path: &Path, blake3: &str) -> Option<File> {
    let mut file = File::open(path).ok()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&mut file).ok()?;
    let is_same = hasher.finalize().to_hex().as_str() == blake3;
    (is_same && file.rewind().is_ok()).then_some(file)
}
