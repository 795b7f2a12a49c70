//! Leaked files, named by their bytes.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::ledger::entry;
use crate::table::format::archive::{self, Limits};

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
    leaves.map(|leaf| leaf.and_then(|leaf| Ok((hashed(leaf.name, &leaf.path)?, leaf.path)))).collect()
}

/// Refuses exhibits that are not what was traced: a file was changed between the two readings.
pub fn check_unchanged(exhibits: &[(Exhibit, PathBuf)], is_folder: bool, traced_blake3: &str) -> Result<()> {
    let found = match exhibits {
        [(only, _)] if !is_folder => only.blake3.clone(),
        // As a folder is named by a trace.
        _ => {
            let lines = exhibits.iter().map(|(exhibit, _)| format!("{}  {}\n", exhibit.blake3, exhibit.name));
            blake3::hash(lines.collect::<String>().as_bytes()).to_hex().to_string()
        }
    };
    if found == traced_blake3 { Ok(()) } else { Err(DisputeReason::LeakChanged.into()) }
}

impl From<&Exhibit> for entry::Exhibit {
    fn from(Exhibit { bytes, blake3, sha256, .. }: &Exhibit) -> entry::Exhibit {
        entry::Exhibit { bytes: *bytes, blake3: blake3.clone(), sha256: sha256.clone() }
    }
}

fn hashed(name: String, path: &Path) -> Result<Exhibit> {
    let fail = |error| Error::io("read", path, error);
    let mut file = File::open(path).map_err(fail)?;
    let (mut bytes, mut blake3, mut sha256) = (0, blake3::Hasher::new(), Sha256::new());
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = file.read(&mut buffer).map_err(fail)?;
        if length == 0 {
            break;
        }
        bytes += length as u64;
        blake3.update(&buffer[..length]);
        sha256.update(&buffer[..length]);
    }
    let sha256 = HEXLOWER.encode(&sha256.finalize());
    Ok(Exhibit { name, bytes, blake3: blake3.finalize().to_hex().to_string(), sha256 })
}
