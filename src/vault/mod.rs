//! The vault: sealed copies of what was stamped, so that a trace has the original at hand.
//!
//! A trace that knows the unmarked original sees which cells were changed, and finds rows that lost their key. Sources are
//! moved, edited and deleted; so a home may keep of each source the columns that tracing needs, one copy for all its
//! recipients.
//!
//! Invariants: a copy is sealed with the home's key ([`seal`]) and neither it nor its name reveals anything; it appears under
//! its name whole or not at all ([`deposit`]); its rows are the source's, in order, and its cells say what the source's
//! say ([`pack`]). Nothing in it depends on a recipient, so looking at it when a leak is read is as harmless as looking at the
//! owner's own file (DESIGN 3.3).
//!
//! The vault knows nothing of the ledger: whoever publishes or removes a copy holds the ledger's lock.

mod deposit;
mod pack;
pub(crate) mod reason;
pub(crate) mod seal;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::keys::prf::{DerivedKey, Purpose};
use crate::keys::secret::MarkingSecret;
use crate::table::format::block::{Block, Options, Reading, Source as _};
use crate::table::format::csv::{self, Fields, Records, check_width};

pub use deposit::{Deposit, Finished};
pub use pack::{Columns, Packer};
pub use seal::NONCE_BYTES;

use reason::{Fault, VaultReason};

/// What separates the fields of a copy, whatever it was in the source.
pub const DELIMITER: u8 = b',';

/// Length of a file's name: 32 bytes in hexadecimal.
const NAME_CHARS: usize = 64;

/// What a copy is of. Sealed with it, and readable without the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The dataset's name.
    pub dataset: String,
    /// Hex BLAKE3 of the source's bytes.
    pub source_blake3: String,
    /// When the copy was made, RFC 3339.
    pub time: String,
    /// Data rows.
    pub rows: u64,
    /// The columns that were kept, in the source's order.
    pub columns: Vec<String>,
}

impl Label {
    fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a label is plain strings and numbers")
    }
}

/// A file of the vault.
pub struct Stored {
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// What its label says, if it can be opened and the file has the right name.
    pub label: Result<Label>,
}

impl Stored {
    /// The file's name in the vault.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }
}

/// A copy that was opened.
pub struct Copy {
    /// What it is of.
    pub label: Label,
    /// Its bytes, with a header, fields separated by [`DELIMITER`]. A read fails where the file is damaged, with an
    /// [`Error`] inside that names it.
    pub csv: Box<dyn Read + Send>,
}

/// A folder of sealed copies, and the keys to them.
#[derive(Clone)]
pub struct Vault {
    dir: PathBuf,
    /// One pair for each marking secret, the latest first.
    pairs: Vec<Pair>,
}

/// The keys under one marking secret.
#[derive(Clone)]
struct Pair {
    seal: DerivedKey,
    names: DerivedKey,
}

impl Vault {
    /// The vault in `dir`, which need not be there.
    pub fn new(dir: impl Into<PathBuf>, secret: &MarkingSecret) -> Vault {
        // One key for all datasets, so that a label says of which dataset a file is. New copies are sealed under the latest
        // secret, and old ones found under theirs.
        let key = |purpose, epoch| DerivedKey::new(secret, purpose, "", epoch, None);
        let pair = |epoch| Pair { seal: key(Purpose::Vault, epoch), names: key(Purpose::VaultName, epoch) };
        Vault { dir: dir.into(), pairs: secret.starts().map(pair).collect() }
    }

    /// The names that a file for a dataset's source may have, that of a new one first: keyed hashes, so that they can't be told
    /// from any other.
    pub fn names_of(&self, dataset: &str, source_blake3: &str) -> impl Iterator<Item = String> {
        self.pairs.iter().map(move |pair| pair.name_of(dataset, source_blake3))
    }

    fn paths_of(&self, dataset: &str, source_blake3: &str) -> impl Iterator<Item = PathBuf> {
        self.names_of(dataset, source_blake3).map(|name| self.dir.join(name))
    }

    /// Begins a copy. `nonce` is random and never used again.
    pub fn deposit(&self, nonce: &[u8; NONCE_BYTES]) -> Result<Deposit> {
        Deposit::new(&self.dir, &self.pairs[0].seal, nonce)
    }

    /// Whether the vault has what this copy has: a copy of the same source, with these columns at least.
    pub fn holds(&self, copy: &Finished) -> bool {
        let Label { dataset, source_blake3, columns, .. } = &copy.label;
        self.paths_of(dataset, source_blake3).any(|path| {
            let held = File::open(&path).ok().and_then(|file| self.unseal(&path, file).ok());
            held.is_some_and(|(held, _)| columns.iter().all(|name| held.columns.contains(name)))
        })
    }

    /// Makes a copy's bytes durable, unless the vault holds it already: what takes long of [`keep`](Vault::keep), to be done
    /// before the ledger is locked.
    pub fn prepare(&self, copy: &Finished) -> Result<()> {
        if self.holds(copy) { Ok(()) } else { copy.sync() }
    }

    /// Gives a copy its name, durably, or drops it if the vault holds it already. The caller has locked the ledger.
    pub fn keep(&self, copy: Finished) -> Result<()> {
        let name = self.pairs[0].name_of(&copy.label.dataset, &copy.label.source_blake3);
        let path = self.dir.join(name);
        if self.holds(&copy) { Ok(()) } else { copy.publish(&path) }
    }

    /// Opens the copy of a dataset's source; `None` if the vault has none.
    ///
    /// # Errors
    /// If the file can't be read, or is not what it should be; a damaged row is found when it is read.
    pub fn open(&self, dataset: &str, source_blake3: &str) -> Result<Option<Copy>> {
        for path in self.paths_of(dataset, source_blake3) {
            match File::open(&path) {
                Ok(file) => return self.open_file(&path, file).map(Some),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(VaultReason::at(&path, error.into()).into()),
            }
        }
        Ok(None)
    }

    /// Whether there is a file for a dataset's source. It is not opened.
    pub fn has(&self, dataset: &str, source_blake3: &str) -> bool {
        self.paths_of(dataset, source_blake3).any(|path| path.is_file())
    }

    /// Every file of the vault, by name, with its label. A vault that is not there has none.
    pub fn stored(&self) -> Result<Vec<Stored>> {
        let is_name = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.len() == NAME_CHARS && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let stored = files(&self.dir)?.into_iter().filter(is_name).map(|path| {
            let file = File::open(&path).map_err(|error| VaultReason::at(&path, error.into()));
            let bytes = file.as_ref().ok().and_then(|file| file.metadata().ok()).map_or(0, |data| data.len());
            let label = file.map_err(Error::from).and_then(|file| self.unseal(&path, file));
            Stored { label: label.map(|(label, _)| label), bytes, path }
        });
        Ok(stored.collect())
    }

    /// Decrypts and reads a whole file, and checks that it holds what its label says.
    pub fn verify(&self, path: &Path) -> Result<Label> {
        let file = File::open(path).map_err(|error| VaultReason::at(path, error.into()))?;
        let Copy { label, csv } = self.open_file(path, file)?;
        let is_right = count(csv, &label).map_err(|error| {
            // Anything but our own word on the file means that it is no table.
            if error.is_integrity() { error } else { VaultReason::at(path, Fault::Mislabelled).into() }
        })?;
        if is_right { Ok(label) } else { Err(VaultReason::at(path, Fault::Mislabelled).into()) }
    }

    /// Removes a file. The caller has locked the ledger.
    pub fn remove(&self, stored: &Stored) -> Result<()> {
        let removed = fs::remove_file(&stored.path).and_then(|()| deposit::sync_folder(&self.dir));
        removed.map_err(|error| Error::io("remove", &stored.path, error))
    }

    /// Removes temporary files that killed processes left; gives their number.
    pub fn sweep(&self) -> Result<usize> {
        deposit::sweep(&self.dir)
    }

    fn open_file(&self, path: &Path, file: File) -> Result<Copy> {
        let (label, body) = self.unseal(path, file)?;
        let fail = |error| VaultReason::at(path, Fault::Io(error));
        let inner = zstd::Decoder::with_buffer(BufReader::with_capacity(1 << 16, body)).map_err(fail)?;
        Ok(Copy { label, csv: Box::new(Named { inner, path: path.to_owned() }) })
    }

    /// Opens a file's label, and checks that the file has the name of what it holds.
    fn unseal(&self, path: &Path, file: File) -> Result<(Label, seal::Body)> {
        let fail = |fault| VaultReason::at(path, fault);
        let again = || file.try_clone().map_err(|error| fail(error.into()));
        // Another secret's file does not open here. The last one says why none did.
        let (mut pairs, mut opened) = (self.pairs.iter(), None);
        let (pair, opened) = loop {
            let Some(pair) = pairs.next() else {
                return Err(fail(opened.unwrap_or(Fault::Unsealed)).into());
            };
            match seal::open(again()?, seal::VAULT, |_| Ok::<_, Fault>(pair.seal.cipher())) {
                Ok(opened) => break (pair, opened),
                Err(fault) => opened = Some(fault),
            }
        };
        let label: Label = serde_json::from_slice(&opened.label).map_err(|_| fail(Fault::Mislabelled))?;
        let name = pair.name_of(&label.dataset, &label.source_blake3);
        if path.file_name().is_none_or(|found| found != name.as_str()) {
            return Err(fail(Fault::Swapped).into());
        }
        Ok((label, opened.body))
    }
}

impl Pair {
    fn name_of(&self, dataset: &str, source_blake3: &str) -> String {
        let mut message = (dataset.len() as u64).to_le_bytes().to_vec();
        message.extend_from_slice(dataset.as_bytes());
        message.extend_from_slice(source_blake3.as_bytes());
        let mut name = [0; NAME_CHARS / 2];
        self.names.extend(&message, &mut name);
        HEXLOWER.encode(&name)
    }
}

/// The files in a folder, sorted; none if it is not there.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let fail = |error| Error::io("list", dir, error);
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<io::Result<Vec<PathBuf>>>().map_err(fail)?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

/// Reads a copy to its end; whether it has the columns and rows of its label.
fn count(csv: impl Read, label: &Label) -> Result<bool> {
    let (head, mut blocks) = csv::open(csv, Some(DELIMITER), Options::new(Reading::Strict))?;
    let (mut block, mut fields, mut rows) = (Block::default(), Fields::default(), 0);
    while blocks.next_block(&mut block)? {
        let mut records = Records::of(&block, head.dialect);
        while records.next_record(&mut fields) {
            rows += 1;
            check_width(rows, fields.len(), label.columns.len())?;
        }
    }
    Ok(head.names == label.columns && rows == label.rows)
}

/// A reader whose errors name the file.
struct Named<R> {
    inner: R,
    path: PathBuf,
}

impl<R: Read> Read for Named<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            // Authentic bytes that zstd can't read are not what was packed.
            kind => {
                let is_ours = error.raw_os_error().is_none() && kind != io::ErrorKind::UnexpectedEof;
                let fault = error
                    .downcast()
                    .unwrap_or_else(|error| if is_ours { Fault::Mislabelled } else { Fault::Io(error) });
                io::Error::other(Error::from(VaultReason::at(&self.path, fault)))
            }
        })
    }
}
