//! Leaked files, named by their bytes.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::ledger::entry;
use crate::table::format::archive::{self, Leaf, Limits};
use crate::table::format::digest::Written;
use crate::table::format::parts::{Line, Manifest};

use super::reason::DisputeReason;

/// A leaked file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exhibit {
    /// Its name; of a folder's files, from the folder on.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Hex BLAKE3.
    pub blake3: String,
    /// Hex SHA-256.
    pub sha256: String,
}

/// The file or the files of the folder `leak`, in the order in which they are read, and where they are.
///
/// # Errors
/// If one can't be read.
pub fn exhibits(leak: &Path) -> Result<Vec<(Exhibit, PathBuf)>> {
    if !leak.is_dir() {
        let name = leak.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![(hashed(name, leak)?, leak.to_owned())]);
    }
    let leaves = archive::folder(leak, Limits::default())?;
    // Links and pipes have no bytes of their own.
    let files = leaves.filter(|leaf| leaf.as_ref().map_or(true, Leaf::is_file));
    files.map(|leaf| leaf.and_then(|leaf| Ok((hashed(leaf.name, &leaf.path)?, leaf.path)))).collect()
}

/// Refuses exhibits that are not what was traced: a file was changed between the two readings.
pub fn check_unchanged(exhibits: &[(Exhibit, PathBuf)], is_folder: bool, traced_blake3: &str) -> Result<()> {
    let found = match exhibits {
        [(only, _)] if !is_folder => only.blake3.clone(),
        // As a folder is named by a trace.
        _ => Manifest::new(exhibits.iter().map(|(exhibit, _)| exhibit.into()).collect()).sealed().blake3,
    };
    if found == traced_blake3 { Ok(()) } else { Err(DisputeReason::LeakChanged.into()) }
}

impl From<&Exhibit> for entry::Exhibit {
    fn from(Exhibit { bytes, blake3, sha256, .. }: &Exhibit) -> entry::Exhibit {
        entry::Exhibit { bytes: *bytes, blake3: blake3.clone(), sha256: sha256.clone() }
    }
}

impl From<&Exhibit> for Line {
    fn from(Exhibit { name, bytes, blake3, sha256 }: &Exhibit) -> Line {
        Line::new(name, &Written { bytes: *bytes, blake3: blake3.clone(), sha256: sha256.clone() })
    }
}

fn hashed(name: String, path: &Path) -> Result<Exhibit> {
    let line = Line::of_file(&name, path)?;
    let (blake3, sha256) = (line.blake3_hex(), HEXLOWER.encode(&line.sha256));
    Ok(Exhibit { name, bytes: line.bytes, blake3, sha256 })
}
