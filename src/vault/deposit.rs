//! A copy in the making: a temporary file in the vault's folder, gone unless it is kept.
//!
//! The file is locked while its maker lives. A maker that was killed leaves its file without a lock, and the next one
//! sweeps it away.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Label;
use super::pack::{Columns, Packer};
use super::reason::VaultReason;
use super::seal::{NONCE_BYTES, Sealer, VAULT};
use crate::error::{Error, Result};
use crate::keys::prf::DerivedKey;

const TEMPORARY: &str = ".tmp";

/// How often to make a temporary file that a sweep took before it was locked.
const TRIES: usize = 16;

/// A copy of a source in the making.
pub struct Deposit {
    sealer: Sealer<BufWriter<NamedTempFile>>,
    path: PathBuf,
    columns: Columns,
}

impl Deposit {
    /// Begins a copy in `dir`.
    pub(super) fn new(dir: &Path, key: &DerivedKey, nonce: &[u8; NONCE_BYTES]) -> Result<Deposit> {
        make_private(dir)?;
        sweep(dir)?;
        let file = temporary(dir).map_err(|error| Error::io("make a file in", dir, error))?;
        let path = dir.to_owned();
        let sealer = Sealer::new(BufWriter::new(file), VAULT, &[], key.cipher(), nonce);
        let sealer = sealer.map_err(|error| fail(&path, error))?;
        Ok(Deposit { sealer, path, columns: Columns::default() })
    }

    /// Says which columns are kept, before the first block.
    pub fn begin(&mut self, columns: Columns) -> Result<()> {
        let mut packer = Packer::default();
        packer.begin();
        packer.add_header(&columns);
        packer.pack()?;
        self.columns = columns;
        self.add(&packer)
    }

    /// Adds a block that was packed; in the source's order.
    pub fn add(&mut self, packer: &Packer) -> Result<()> {
        self.sealer.write_all(packer.frame()).map_err(|error| fail(&self.path, error))
    }

    /// Ends the copy of a dataset's source with this hash and so many rows; `time` is now.
    pub fn finish(self, dataset: &str, source_blake3: &str, rows: u64, time: &str) -> Result<Finished> {
        let Deposit { sealer, path, columns } = self;
        let label = Label {
            dataset: dataset.to_owned(),
            source_blake3: source_blake3.to_owned(),
            time: time.to_owned(),
            rows,
            columns: columns.names().to_vec(),
        };
        let file = sealer.finish(&label.to_bytes()).and_then(|out| Ok(out.into_inner()?));
        Ok(Finished { file: file.map_err(|error| fail(&path, error))?, label })
    }
}

/// A whole copy that has no name yet.
pub struct Finished {
    file: NamedTempFile,
    pub(super) label: Label,
}

impl Finished {
    /// Makes its bytes durable.
    pub(super) fn sync(&self) -> Result<()> {
        self.file.as_file().sync_all().map_err(|error| Error::io("flush", self.file.path(), error))
    }

    /// Gives it its name, durably; what had the name is replaced.
    pub(super) fn publish(self, path: &Path) -> Result<()> {
        self.sync()?;
        let fail = |error| Error::io("name the vault's copy", path, error);
        // Commit point: from here on the vault holds the copy. A crash before leaves a temporary file, which the next
        // deposit sweeps away.
        self.file.persist(path).map_err(|error| fail(error.error))?;
        sync_folder(path.parent().unwrap_or(Path::new("."))).map_err(fail)
    }
}

fn fail(path: &Path, source: io::Error) -> Error {
    VaultReason::Write { path: path.display().to_string(), source }.into()
}

/// Makes a folder that only its owner may enter.
fn make_private(dir: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(dir).map_err(|error| Error::io("make", dir, error))
}

/// A temporary file that is locked.
fn temporary(dir: &Path) -> io::Result<NamedTempFile> {
    for _ in 0..TRIES {
        let file = tempfile::Builder::new().prefix(".").suffix(TEMPORARY).tempfile_in(dir)?;
        file.as_file().lock()?;
        // Another process's sweep may have come between the two lines above.
        if file.path().exists() {
            return Ok(file);
        }
    }
    Err(io::Error::other("temporary files vanish"))
}

/// Removes what makers left that live no more; gives the number of files.
pub(super) fn sweep(dir: &Path) -> Result<usize> {
    let mut swept = 0;
    for path in super::files(dir)? {
        let is_temporary = path.to_string_lossy().ends_with(TEMPORARY);
        let Some(file) = File::open(&path).ok().filter(|_| is_temporary) else { continue };
        if file.try_lock().is_ok() {
            // Its maker may have taken it away meanwhile.
            swept += usize::from(fs::remove_file(&path).is_ok());
        }
    }
    Ok(swept)
}

/// Makes names in a folder durable. Windows has no such call and needs none.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
