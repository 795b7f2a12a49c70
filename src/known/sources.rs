//! Where the unmarked source of a release can be had: the file that it was, or the vault.
//!
//! A file counts only if its bytes are still those of the record. Looking at its length costs nothing and is done at once;
//! hashing it costs a read of the file and waits until somebody wants it. A folder counts if all files that were stamped are as
//! they were; others may have come since.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{KnownRelease, Reading};
use crate::error::Result;
use crate::table::format::found::Found;
use crate::table::format::kind::Said;
use crate::table::format::open::as_csv;
use crate::table::format::parts::{Leaf, Manifest, joined};
use crate::table::format::source::Input;
use crate::vault::{Copy, DELIMITER, Vault};

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
    /// The files in it, if it is a folder.
    parts: Option<Arc<Manifest>>,
    /// Which of their tables it is, if that was said.
    table: Option<String>,
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
    /// Its table. Of the vault's a read may fail, and then says why.
    pub table: Found<'static>,
}

impl Reading {
    /// The distinct sources of its releases that seem to be at hand, the latest first. No file is read.
    pub fn sources(&self, vault: &Vault) -> Vec<FoundSource> {
        let mut found: Vec<FoundSource> = Vec::new();
        for release in self.releases.iter().rev() {
            let is_same = |source: &FoundSource| {
                source.source_blake3 == release.source_blake3 && source.table == release.source_table
            };
            let place = found.iter().position(is_same).unwrap_or_else(|| {
                let dataset = self.policy.name().to_owned();
                let has = vault.has(&dataset, &release.source_blake3);
                found.push(FoundSource {
                    source_blake3: release.source_blake3.clone(),
                    source_bytes: release.source_bytes,
                    releases: Vec::new(),
                    dataset,
                    paths: Vec::new(),
                    parts: release.parts.as_ref().map(|(source, _)| source.clone()),
                    table: release.source_table.clone(),
                    vault: has.then(|| vault.clone()),
                });
                found.len() - 1
            });
            let source = &mut found[place];
            source.releases.push(release.release.clone());
            let path = release.source_path.as_ref().map(PathBuf::from);
            let fits = |path: &PathBuf| !source.paths.contains(path) && has_length(path, release);
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
            let said = Said { table: self.table.clone(), ..Said::default() };
            let table = match &self.parts {
                None if is_unchanged(path, &self.source_blake3) => {
                    as_csv(Input::File(path.clone()), &said)?.0
                }
                Some(parts) if are_unchanged(path, parts) => joined(leaves(path, parts), &said)?,
                None | Some(_) => continue,
            };
            return Ok(Some(OpenedSource { place: Place::Path(path.clone()), table }));
        }
        let Some(vault) = &self.vault else { return Ok(None) };
        let copy = vault.open(&self.dataset, &self.source_blake3)?;
        let opened =
            |copy: Copy| OpenedSource { place: Place::Vault, table: Found::csv(copy.csv, Some(DELIMITER)) };
        Ok(copy.map(opened))
    }
}

/// Whether what is at `path` has the length of the source of a release.
fn has_length(path: &Path, release: &KnownRelease) -> bool {
    let is_file_of =
        |path: &Path, bytes: u64| path.metadata().is_ok_and(|data| data.is_file() && data.len() == bytes);
    match &release.parts {
        None => is_file_of(path, release.source_bytes),
        Some((source, _)) => source.lines().iter().all(|line| is_file_of(&path.join(&line.name), line.bytes)),
    }
}

/// Whether all files of a list are in the folder, and as they were.
fn are_unchanged(folder: &Path, parts: &Manifest) -> bool {
    parts.lines().iter().all(|line| is_unchanged(&folder.join(&line.name), &line.blake3_hex()))
}

/// The files of a list that hold tables.
fn leaves(folder: &Path, parts: &Manifest) -> Vec<Leaf> {
    let tables = parts.lines().iter().filter(|line| line.bytes > 0);
    let leaf = |name: &String| folder.join(name);
    tables.map(|line| Leaf { name: line.name.clone(), path: leaf(&line.name), bytes: line.bytes }).collect()
}

/// Whether the file has this hash. One that can't be read is as good as one that is gone.
fn is_unchanged(path: &Path, blake3: &str) -> bool {
    let mut hasher = blake3::Hasher::new();
    let read = File::open(path).and_then(|file| hasher.update_reader(file).map(drop));
    read.is_ok() && hasher.finalize().to_hex().as_str() == blake3
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;

    use super::*;
    use crate::demo::HOSPITAL_POLICY;
    use crate::keys::secret::MarkingSecret;
    use crate::known::KnownRelease;
    use crate::mark::policy::Policy;
    use crate::vault::{Columns, NONCE_BYTES};

    struct Bench {
        dir: tempfile::TempDir,
        vault: Vault,
        reading: Reading,
    }

    impl Bench {
        fn new() -> Bench {
            let dir = tempfile::tempdir().unwrap();
            let vault = Vault::new(dir.path().join("vault"), &MarkingSecret::from_bytes([7; 32]));
            let policy = Policy::parse(HOSPITAL_POLICY).unwrap();
            Bench {
                dir,
                vault,
                reading: Reading { policy, slots: vec![], epoch: 1, releases: vec![], model: None },
            }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        /// Records that `bytes`, read from this file, were released.
        fn release(&mut self, release: &str, name: &str, bytes: &str) {
            self.reading.releases.push(KnownRelease {
                release: release.to_owned(),
                recipient: "acme".to_owned(),
                time: "2026-01-05T09:00:00Z".to_owned(),
                source_path: Some(self.path(name).display().to_string()),
                source_table: None,
                source_bytes: bytes.len() as u64,
                source_blake3: hash(bytes),
                output_blake3: hash("copy"),
                sketch: crate::sketch::SketchBuilder::new(vec![]).finish(&sampler()).into(),
                parts: None,
                receipt: None,
            });
        }

        fn keep(&self, bytes: &str) {
            let mut copy = self.vault.deposit(&[1; NONCE_BYTES]).unwrap();
            copy.begin(Columns::choose(&["kept".to_owned()], |_| true, |_| Ok(())).unwrap()).unwrap();
            self.vault.keep(copy.finish("stays", &hash(bytes), 0, "2026-01-05T09:00:00Z").unwrap()).unwrap();
        }

        /// Where each source is found, with the releases that were made from it.
        fn found(&self) -> Vec<Found> {
            let read = |opened: OpenedSource| {
                let mut text = String::new();
                { opened.table.csv }.read_to_string(&mut text).unwrap();
                (opened.place, text)
            };
            let sources = self.reading.sources(&self.vault).into_iter();
            sources.map(|source| (source.releases.clone(), source.open().unwrap().map(read))).collect()
        }
    }

    /// Releases of a source, and where it is found with what bytes.
    type Found = (Vec<String>, Option<(Place, String)>);

    fn sampler() -> crate::sketch::Sampler {
        use crate::keys::prf::{DerivedKey, Purpose};
        let secret = MarkingSecret::from_bytes([7; 32]);
        crate::sketch::Sampler::new(DerivedKey::new(&secret, Purpose::Sketch, "stays", 1, None))
    }

    fn hash(bytes: &str) -> String {
        blake3::hash(bytes.as_bytes()).to_hex().to_string()
    }

    #[test]
    fn the_recorded_file_comes_first_then_the_vault() {
        let mut bench = Bench::new();
        bench.release("r1", "a.csv", "a\n1\n");
        bench.release("r2", "b.csv", "a\n2\n");
        bench.release("r3", "a.csv", "a\n1\n");
        assert!(bench.found().is_empty(), "neither is there");

        fs::write(bench.path("a.csv"), "a\n1\n").unwrap();
        let releases = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let at_path = || (releases(&["r3", "r1"]), Some((Place::Path(bench.path("a.csv")), "a\n1\n".into())));
        assert_eq!(bench.found(), [at_path()]);

        bench.keep("a\n1\n");
        bench.keep("a\n2\n");
        let in_vault = |ids| (releases(ids), Some((Place::Vault, "kept\n".to_owned())));
        assert_eq!(bench.found(), [at_path(), in_vault(&["r2"])]);
        fs::write(bench.path("a.csv"), "a\n1\n2\n").unwrap();
        assert_eq!(bench.found(), [in_vault(&["r3", "r1"]), in_vault(&["r2"])], "another length");
    }

    #[test]
    fn a_changed_file_of_the_same_length_is_not_taken() {
        let mut bench = Bench::new();
        bench.release("r1", "a.csv", "a\n1\n");
        fs::write(bench.path("a.csv"), "a\n3\n").unwrap();
        assert_eq!(bench.reading.sources(&bench.vault).len(), 1, "its bytes are not looked at yet");
        assert_eq!(bench.found(), [(vec!["r1".to_owned()], None)]);
        bench.keep("a\n1\n");
        assert_eq!(bench.found()[0].1, Some((Place::Vault, "kept\n".to_owned())));
    }

    #[test]
    fn a_folder_is_no_file() {
        let mut bench = Bench::new();
        fs::create_dir(bench.path("a.csv")).unwrap();
        let length = bench.path("a.csv").metadata().unwrap().len() as usize;
        bench.release("r1", "a.csv", &"a".repeat(length));
        assert!(bench.found().is_empty());
    }
}
