//! The files of a folder that is one table, and what becomes of each of them.
//!
//! What stands beside the tables was made by programs for programs, of the files as they are. What would be false of copies is
//! left out: checksums, summaries of Parquet files (`_metadata`), hidden files, everything else whose name begins with `_` as
//! far as it says anything. Files without a byte say nothing false (`_SUCCESS`, a part without rows) and are copied. A table
//! of which a log says what counts (Delta Lake, Iceberg, Hudi) can't be copied file by file, and is refused.
//!
//! Sources: Spark's and Hadoop's rule for hidden files (`_` or `.` first; with `=` in it a name is a partition's); the Delta
//! protocol; Iceberg's table spec.

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::table::format::archive::shown;
use crate::table::format::digest::SourceBytes;

use super::manifest::{Line, Manifest};
use super::reason::PartsReason;

/// The most files and folders, left-out ones included: their names and hashes fit in memory.
const MAX_FILES: u64 = 1_000_000;

/// The deepest nesting of folders, more than people have.
const MAX_DEPTH: usize = 64;

/// Folders that say that a log decides what of the table counts.
const LOGS: [(&str, &str); 3] = [
    ("_delta_log", "Delta Lake"),
    ("_spark_metadata", "Spark's structured streaming"),
    (".hoodie", "Apache Hudi"),
];

/// How files of checksums are named.
const CHECKSUMS: [&str; 7] = [".crc", ".md5", ".sha1", ".sha256", ".sha512", ".b3", "sums"];

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// From the folder on, with `/` between folders.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// A file that has no place in a copy of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// From the folder on, fit for a terminal; of a folder that is left out whole, its name alone.
    pub name: String,
    /// Why, to be read after `left out`.
    pub why: &'static str,
}

/// The files of a folder, each kind in the order of their names, byte by byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The files that are to hold tables.
    pub parts: Vec<Leaf>,
    /// Files without a byte.
    pub empty: Vec<Leaf>,
    /// What has no place in a copy.
    pub left_out: Vec<LeftOut>,
}

/// What becomes of a file.
enum Role {
    Table,
    LeftOut(&'static str),
    Log(&'static str),
}

impl Listing {
    /// Lists a folder.
    ///
    /// # Errors
    /// If it can't be looked into, holds what can't be copied, or no table.
    pub fn of(folder: &Path) -> Result<Listing> {
        let mut listing = Listing::default();
        let mut left = MAX_FILES;
        listing.look_into(folder, "", 1, &mut left)?;
        if listing.parts.is_empty() {
            return Err(Error::from(PartsReason::Nothing).in_data(&folder.display().to_string()));
        }
        listing.parts.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        listing.empty.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        listing.left_out.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(listing)
    }

    /// Bytes of all tables.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    fn look_into(&mut self, folder: &Path, within: &str, depth: usize, left: &mut u64) -> Result<()> {
        let failed = |error| Error::io("look into", folder, error);
        if depth > MAX_DEPTH {
            return Err(PartsReason::Deep { max_depth: MAX_DEPTH }.into());
        }
        for entry in fs::read_dir(folder).map_err(failed)? {
            *left = left.checked_sub(1).ok_or(PartsReason::Many { max_files: MAX_FILES })?;
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            self.add(&entry, within, depth, left)
                .map_err(|error| error.in_data(&path.display().to_string()))?;
        }
        Ok(())
    }

    fn add(&mut self, entry: &DirEntry, within: &str, depth: usize, left: &mut u64) -> Result<()> {
        let (path, base) = (entry.path(), entry.file_name());
        let name = format!("{within}{}", shown(base.to_string_lossy().as_bytes()));
        let kind = entry.file_type().map_err(|error| Error::io("look at", &path, error))?;
        match Role::of(&base.to_string_lossy(), kind.is_dir()) {
            Role::Log(what) => return Err(PartsReason::Managed(what).into()),
            Role::LeftOut(why) => {
                let is_empty = || entry.metadata().is_ok_and(|data| data.len() == 0);
                if why == UNDERSCORE && kind.is_file() && is_empty() {
                    self.empty.push(Leaf { name, path, bytes: 0 });
                } else {
                    self.left_out.push(LeftOut { name, why });
                }
                return Ok(());
            }
            Role::Table if kind.is_symlink() => return Err(PartsReason::Link.into()),
            Role::Table if !kind.is_dir() && !kind.is_file() => return Err(PartsReason::NoFile.into()),
            Role::Table => {}
        }
        // What `shown` changes can't stand in a list of files, nor can what no list could name.
        if base.to_str().is_none_or(|base| format!("{within}{base}") != name || base.contains('\\')) {
            return Err(PartsReason::Name.into());
        }
        if kind.is_dir() {
            if base == "metadata" && is_iceberg(&path) {
                return Err(PartsReason::Managed("Apache Iceberg").into());
            }
            return self.look_into(&path, &format!("{name}/"), depth + 1, left);
        }
        let bytes = entry.metadata().map_err(|error| Error::io("look at", &path, error))?.len();
        let leaves = if bytes == 0 { &mut self.empty } else { &mut self.parts };
        leaves.push(Leaf { name, path, bytes });
        Ok(())
    }
}

/// Why a file with `_` before its name is left out, unless it is empty.
const UNDERSCORE: &str = "names that begin with `_`";

impl Role {
    fn of(base: &str, is_folder: bool) -> Role {
        if let Some((_, what)) = LOGS.iter().find(|(log, _)| is_folder && *log == base) {
            return Role::Log(what);
        }
        let lower = base.to_ascii_lowercase();
        if base.starts_with('.') {
            Role::LeftOut("hidden files")
        } else if is_summary(base) && base != SUCCESS {
            Role::LeftOut("summaries of the unmarked files")
        } else if base.starts_with('_') && !base.contains('=') {
            Role::LeftOut(UNDERSCORE)
        } else if !is_folder && CHECKSUMS.iter().any(|end| lower.ends_with(end)) {
            Role::LeftOut("checksums of the unmarked files")
        } else {
            Role::Table
        }
    }
}

/// Whether a folder's logs are those of Iceberg.
fn is_iceberg(metadata: &Path) -> bool {
    let names = fs::read_dir(metadata).into_iter().flatten().flatten();
    let mut names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.any(|name| name.ends_with(".metadata.json") || name == "version-hint.text")
}

const SUCCESS: &str = "_SUCCESS";

/// Whether a file of this name is no table but says something of the tables beside it.
pub fn is_summary(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    matches!(base, SUCCESS | "_metadata" | "_common_metadata")
}

/// Whether a file of this name would be no part of a folder that is one table.
pub fn is_note(name: &str) -> bool {
    let mut names = name.split('/').rev();
    let is_note = |base, is_folder| !matches!(Role::of(base, is_folder), Role::Table);
    names.next().is_some_and(|base| is_note(base, false)) || names.any(|folder| is_note(folder, true))
}

impl SourceBytes for Listing {
    fn so_far(&self) -> u64 {
        0
    }

    fn finish(&self) -> Result<(u64, String)> {
        let files = self.parts.iter().chain(&self.empty);
        let lines = files.map(|leaf| Line::of_file(&leaf.name, &leaf.path)).collect::<Result<Vec<_>>>()?;
        let sealed = Manifest::new(lines).sealed();
        Ok((sealed.bytes, sealed.blake3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn names(leaves: &[Leaf]) -> Vec<&str> {
        leaves.iter().map(|leaf| leaf.name.as_str()).collect()
    }

    #[test]
    fn every_file_has_its_role() {
        let folder = folder(&[
            ("a/x.csv", "id\n"),
            ("a-b.csv", "id\n"),
            ("_year=2024/x.csv", "id\n"),
            ("a/empty.csv", ""),
            ("_SUCCESS", ""),
            ("a/_SUCCESS", "{\"committer\": 1}"),
            ("_metadata", "PAR1"),
            ("a/.x.csv.crc", "crc"),
            ("a/x.csv.sha256", "0 x"),
            ("SHA256SUMS", "0 x"),
            ("_temporary/0/x.csv", "id\n"),
            (".git/config", "x"),
        ]);
        let listing = Listing::of(folder.path()).unwrap();
        assert_eq!(names(&listing.parts), ["_year=2024/x.csv", "a-b.csv", "a/x.csv"]);
        assert_eq!(names(&listing.empty), ["_SUCCESS", "a/empty.csv"]);
        let left_out: Vec<&str> = listing.left_out.iter().map(|left| left.name.as_str()).collect();
        assert_eq!(
            left_out,
            [".git", "SHA256SUMS", "_metadata", "_temporary", "a/.x.csv.crc", "a/_SUCCESS", "a/x.csv.sha256"]
        );
        assert_eq!(listing.bytes(), 9);
        assert!(is_note("a/_SUCCESS") && is_note("_temporary/0/x.csv") && is_note("a/.x.crc"));
        assert!(!is_note("_year=2024/x.csv") && !is_note("x.csv"));
    }

    #[track_caller]
    fn refused(files: &[(&str, &str)], said: &str) {
        let folder = folder(files);
        let error = Listing::of(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with(said), "{error}");
    }

    #[test]
    fn what_can_t_be_copied_file_by_file_is_refused() {
        refused(&[("x.parquet", "P"), ("_delta_log/0.json", "{}")], ": the folder is a table of Delta Lake");
        refused(&[("data/x.parquet", "P"), ("metadata/v1.metadata.json", "{}")], "a table of Apache Iceberg");
        refused(&[("x.parquet", "P"), (".hoodie/x", "")], ": the folder is a table of Apache Hudi");
        refused(&[("_SUCCESS", "")], ": there is no table in the folder");
        refused(&[("a\\b.csv", "id\n")], ": its name has characters that lists of files can't have");
        refused(&[("a\nb.csv", "id\n")], ": its name has characters that lists of files can't have");
        assert!(Listing::of(folder(&[("metadata/x.csv", "id\n")]).path()).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn no_link_is_followed_and_none_passed_over() {
        let outside = folder(&[("x.csv", "id\n")]);
        for target in ["x.csv", "."] {
            let folder = folder(&[("y.csv", "id\n")]);
            std::os::unix::fs::symlink(outside.path().join(target), folder.path().join("link")).unwrap();
            let error = Listing::of(folder.path()).unwrap_err().to_string();
            assert!(error.ends_with("link: it is a link, and links are not followed"), "{error}");
        }
    }
}
