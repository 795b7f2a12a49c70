//! Backups: a whole home in one file, sealed with a passphrase of its own.
//!
//! **Idea.** A tape archive of the home's files, compressed, in the sealed chunks of the vault's files ([`seal`]). The key is
//! stretched from a passphrase, so that a backup opens on an empty machine. The label at the end says which ledger it holds and
//! has a digest over all members.
//!
//! **Invariants.** A backup is read again before it gets its name: every member is hashed, and the ledger in it verified.
//! A restored home appears by one rename, after the same checks. What can be made again is left out: index, locks, temporary
//! files.
//!
//! ```text
//! "dyepack.backup/1\n"   17 bytes
//! salt                   16 random bytes, for Argon2id (64 MiB, three passes)
//! nonce                  19 random bytes
//! chunks                 as in the vault; the body is a tar archive, compressed with zstd
//! label                  JSON, a `Label`
//! ```

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tempfile::{NamedTempFile, TempDir};

use crate::error::{Class, Error, Reason, Result, said};
use crate::home::{Home, sync_folder};
use crate::keys::{SALT_BYTES, passphrase_cipher};
use crate::ledger::{self, Ledger};
use crate::vault::NONCE_BYTES;
use crate::vault::reason::Fault;
use crate::vault::seal::{self, Kind, Sealer};

const KIND: Kind = Kind { magic: b"dyepack.backup/1\n", salt_bytes: SALT_BYTES };

const SCHEMA: &str = "dyepack.backup/1";

/// The note in a home on its last backup.
const NOTE: &str = "backup.json";

/// What the ledger's folder holds that can be made again.
const REMADE: [&str; 3] = ["ledger/index", "ledger/index.seal", "ledger/lock"];

#[derive(Debug, thiserror::Error)]
enum BackupError {
    #[error("the backup `{path}` is damaged: {what}")]
    Damaged { path: String, what: &'static str },
    #[error("the passphrase does not open the backup `{0}`, or the file was changed")]
    Unsealed(String),
    #[error("could not read the backup `{path}`: {}", said(source))]
    Unreadable { path: String, source: io::Error },
    #[error("`{0}` changed while it was backed up")]
    Changed(String),
    #[error("`{0}` exists")]
    Exists(String),
    #[error("`{0}` would lie in the home that it is a backup of")]
    Inside(String),
}

impl Reason for BackupError {
    fn class(&self) -> Class {
        match self {
            BackupError::Damaged { .. } => Class::Integrity,
            BackupError::Unsealed(_) => Class::Key,
            BackupError::Unreadable { .. } | BackupError::Changed(_) => Class::Io,
            BackupError::Exists(_) | BackupError::Inside(_) => Class::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                BackupError::Damaged { .. } => "take another backup: this one can't be trusted",
                BackupError::Unsealed(_) => {
                    "check the passphrase: it is the backup's own, not that of the keys"
                }
                BackupError::Unreadable { .. } => "check the name, who may read it, and the disk",
                BackupError::Changed(_) => "nothing was written: back up again",
                BackupError::Exists(_) => "a backup is never overwritten: choose another name",
                BackupError::Inside(_) => {
                    "it would be lost with the home, and be part of the next one: name a place elsewhere"
                }
            }
            .into(),
        )
    }
}

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    schema: String,
    /// When it was made, RFC 3339.
    pub time: String,
    /// The version that made it.
    pub version: String,
    /// Entries of the ledger.
    pub size: u64,
    /// Root of its tree, in hex.
    pub root: String,
    /// Time of its last entry.
    pub last_entry: Option<String>,
    /// Whether the vault's copies are in it.
    pub vault: bool,
    /// Files in it.
    pub members: u64,
    /// Their bytes.
    pub bytes: u64,
    /// BLAKE3 over path, length and BLAKE3 of each.
    digest: String,
}

/// What a home remembers of its last backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When it was made, RFC 3339.
    pub time: String,
    /// Entries of the ledger in it.
    pub size: u64,
    /// Whether the vault's copies are in it.
    pub vault: bool,
}

/// What it takes to make one.
pub struct Order<'a> {
    /// Where it goes.
    pub output: &'a Path,
    /// Opens it.
    pub passphrase: &'a str,
    /// Random, and never used again: salt and nonce.
    pub salt: [u8; SALT_BYTES],
    /// See `salt`.
    pub nonce: [u8; NONCE_BYTES],
    /// Whether the vault's copies go into it.
    pub vault: bool,
    /// Now, RFC 3339.
    pub time: &'a str,
}

/// Members so far.
struct Tally {
    members: u64,
    bytes: u64,
    hasher: blake3::Hasher,
}

impl Tally {
    fn new() -> Tally {
        Tally { members: 0, bytes: 0, hasher: blake3::Hasher::new() }
    }

    fn add(&mut self, path: &str, bytes: u64, hash: &blake3::Hash) {
        self.members += 1;
        self.bytes += bytes;
        self.hasher.update(&(path.len() as u64).to_le_bytes()).update(path.as_bytes());
        self.hasher.update(&bytes.to_le_bytes()).update(hash.as_bytes());
    }

    fn digest(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }
}

/// Hashes what is read through it.
struct Hashing<R> {
    inner: R,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<R: Read> Hashing<R> {
    fn new(inner: R) -> Self {
        Hashing { inner, hasher: blake3::Hasher::new(), bytes: 0 }
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        self.bytes += length as u64;
        Ok(length)
    }
}

/// Writes a backup, reads it again, and gives it its name. The ledger is locked until all but the vault is in it.
///
/// # Errors
/// If the output exists or would lie in the home, anything can't be read or written, or what was written does not verify;
/// nothing is left then.
pub fn write(home: &Home, wait: Duration, order: &Order) -> Result<Label> {
    if order.output.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(order.output.display().to_string()).into());
    }
    let folder = match order.output.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if is_in_home(folder, home.root()) {
        return Err(BackupError::Inside(order.output.display().to_string()).into());
    }
    let fail = |error| Error::io("write", order.output, error);
    let file = NamedTempFile::with_prefix_in(".dyepack-", folder).map_err(fail)?;
    let cipher = passphrase_cipher(order.passphrase, &order.salt)?;
    let out = BufWriter::new(file.as_file());
    let sealer = Sealer::new(out, KIND, &order.salt, cipher, &order.nonce).map_err(fail)?;
    let mut archive = tar::Builder::new(zstd::Encoder::new(sealer, 0).map_err(fail)?);

    let ledger = home.ledger(wait, "backup")?;
    let mut tally = Tally::new();
    let is_vault = |path: &String| path.starts_with("vault/");
    for path in files_of(home.root())?.into_iter().filter(|path| !is_vault(path)) {
        add(&mut archive, &mut tally, home.root(), &path, order.output)?;
    }
    let mut label = Label {
        schema: SCHEMA.into(),
        time: order.time.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        size: ledger.size(),
        root: ledger.root_hex(),
        last_entry: time_of_last(&ledger)?,
        vault: order.vault,
        members: 0,
        bytes: 0,
        digest: String::new(),
    };
    ledger.close()?;
    if order.vault {
        // A copy in the vault has its name from the moment it is whole. One that is removed meanwhile is left out.
        for path in files_of(home.root())?.into_iter().filter(is_vault) {
            if home.root().join(&path).exists() {
                add(&mut archive, &mut tally, home.root(), &path, order.output)?;
            }
        }
    }
    (label.members, label.bytes, label.digest) = (tally.members, tally.bytes, tally.digest());
    let text = serde_json::to_vec(&label).expect("a label is plain strings and numbers");
    let sealed = archive.into_inner().and_then(|zstd| zstd.finish()).and_then(|sealer| sealer.finish(&text));
    sealed.and_then(|mut out| out.flush()).and_then(|()| file.as_file().sync_all()).map_err(fail)?;

    // In the home, where all of it lies already: the place of the backup may not be as safe.
    let aside = tempdir_in(home.root(), ".dyepack-verify-")?;
    let read = read(file.path(), order.passphrase, Some(aside.path()), |path| path.starts_with("ledger/"))?;
    ledger::verify(&Home::new(aside.path()).ledger_dir(), Duration::ZERO, None)?;
    assert_eq!(read, label, "what was read is what was written");
    file.persist_noclobber(order.output).map_err(|error| fail(error.error))?;
    // The name, too, survives a power cut, where the file system can do that.
    let _ = sync_folder(folder);
    let note = Note { time: label.time.clone(), size: label.size, vault: label.vault };
    write_note(home, &note)?;
    Ok(label)
}

/// Opens a backup and hashes every member, without a trace on the disk.
///
/// # Errors
/// `Key` if the passphrase does not open it, `Integrity` if it is damaged.
pub fn check(path: &Path, passphrase: &str) -> Result<Label> {
    read(path, passphrase, None, |_| false)
}

/// Makes a home of a backup. `check` looks at the ledger that was in it before the home exists.
///
/// # Errors
/// As [`check`](fn@check); if the home is in use; if the ledger does not verify. There is no home then.
pub fn restore(
    path: &Path,
    passphrase: &str,
    home: &Home,
    check: impl FnOnce(&Ledger) -> Result<()>,
) -> Result<Label> {
    home.check_unused()?;
    let parent = match home.root().parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(|error| Error::io("make", parent, error))?;
    let made = tempdir_in(parent, ".dyepack-restore-")?;
    let label = read(path, passphrase, Some(made.path()), |_| true)?;
    let new = Home::new(made.path());
    let verification = ledger::verify(&new.ledger_dir(), Duration::ZERO, None)?;
    if (verification.size, &verification.root_hex) != (label.size, &label.root) {
        let what = "its ledger is another than its label says";
        return Err(BackupError::Damaged { path: path.display().to_string(), what }.into());
    }
    let ledger = new.ledger(Duration::ZERO, "restore")?;
    check(&ledger)?;
    ledger.close()?;
    // Commit point: with this rename the home exists. A crash before leaves a folder `.dyepack-restore-…` and no home.
    fs::rename(made.path(), home.root()).map_err(|error| Error::io("make", home.root(), error))?;
    // It has moved: nothing is left to clean up.
    let _ = made.keep();
    let _ = sync_folder(parent);
    Ok(label)
}

/// What the home remembers of its last backup, if there was one.
pub fn last(home: &Home) -> Option<Note> {
    serde_json::from_slice(&fs::read(home.root().join(NOTE)).ok()?).ok()
}

fn write_note(home: &Home, note: &Note) -> Result<()> {
    let path = home.root().join(NOTE);
    let fail = |error| Error::io("write", &path, error);
    let mut file = NamedTempFile::with_prefix_in(".dyepack-", home.root()).map_err(fail)?;
    let text = serde_json::to_vec(note).expect("a note is plain strings and numbers");
    file.write_all(&text).map_err(fail)?;
    file.persist(&path).map(drop).map_err(|error| fail(error.error))
}

fn tempdir_in(folder: &Path, prefix: &str) -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix(prefix).tempdir_in(folder);
    made.map_err(|error| Error::io("make a folder in", folder, error))
}

/// Whether a folder is part of a home, also through a link such as that of a vault on a larger disk.
fn is_in_home(folder: &Path, root: &Path) -> bool {
    // One that is not there is refused when it is written to.
    let Ok(folder) = folder.canonicalize() else { return false };
    let parts = [".", "keys", "ledger", "models", "vault"].map(|name| root.join(name).canonicalize());
    parts.iter().flatten().any(|part| folder.starts_with(part))
}

/// When the last entry was recorded.
fn time_of_last(ledger: &Ledger) -> Result<Option<String>> {
    let last = ledger.size().checked_sub(1).map(|last| ledger.entry(last)).transpose()?;
    Ok(last.and_then(|recorded| recorded.entry).map(|entry| entry.time))
}

/// The files of a home that belong in a backup, as paths below it with `/`, sorted.
fn files_of(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![String::new()];
    while let Some(folder) = open.pop() {
        let path = root.join(&folder);
        let fail = |error| Error::io("list", &path, error);
        for item in fs::read_dir(&path).map_err(fail)? {
            let item = item.map_err(fail)?;
            let name =
                item.file_name().into_string().map_err(|_| fail(io::ErrorKind::InvalidFilename.into()))?;
            let below = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let is_temporary = name.starts_with('.') || name.ends_with(".tmp");
            if is_temporary || below == NOTE || REMADE.contains(&below.as_str()) {
                continue;
            }
            // A link to a folder elsewhere, such as a larger disk for the vault, is followed.
            if item.path().is_dir() {
                open.push(below);
            } else {
                found.push(below);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn add(
    archive: &mut tar::Builder<impl Write>,
    tally: &mut Tally,
    root: &Path,
    path: &str,
    output: &Path,
) -> Result<()> {
    let full = root.join(path);
    let fail = |error| Error::io("read", &full, error);
    let file = File::open(&full).map_err(fail)?;
    let metadata = file.metadata().map_err(fail)?;
    let mut header = tar::Header::new_gnu();
    header.set_size(metadata.len());
    header.set_mode(0o600);
    let mut reader = Hashing::new(BufReader::new(file).take(metadata.len()));
    let added = archive.append_data(&mut header, path, &mut reader);
    added.map_err(|error| Error::io("write", output, error))?;
    if reader.bytes != metadata.len() {
        return Err(BackupError::Changed(full.display().to_string()).into());
    }
    tally.add(path, reader.bytes, &reader.hasher.finalize());
    Ok(())
}

/// Why a backup can't be read, before its path is said.
enum Trouble {
    Fault(Fault),
    Error(Error),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Trouble {
        Trouble::Fault(fault)
    }
}

/// Reads a backup to its end, and puts the members that are `wanted` below `folder`.
fn read(
    path: &Path,
    passphrase: &str,
    folder: Option<&Path>,
    wanted: impl Fn(&str) -> bool,
) -> Result<Label> {
    let name = || path.display().to_string();
    let fail = |source: io::Error| match source.get_ref() {
        Some(inner) if inner.is::<Fault>() => Error::from(BackupError::Unsealed(name())),
        _ => BackupError::Unreadable { path: name(), source }.into(),
    };
    let damaged = |what| Error::from(BackupError::Damaged { path: name(), what });
    let file = File::open(path).map_err(fail)?;
    let opened = seal::open(file, KIND, |salt| {
        let salt = salt.try_into().map_err(|_| Fault::Foreign)?;
        passphrase_cipher(passphrase, salt).map_err(Trouble::Error)
    });
    let opened = opened.map_err(|trouble| match trouble {
        Trouble::Error(error) => error,
        Trouble::Fault(Fault::Io(source)) => fail(source),
        Trouble::Fault(Fault::Short) => damaged("it was cut off"),
        Trouble::Fault(Fault::Foreign) => damaged("it does not begin as a backup does"),
        Trouble::Fault(_) => BackupError::Unsealed(name()).into(),
    })?;
    let label: Label = serde_json::from_slice(&opened.label).map_err(|_| damaged("its label"))?;
    let body = zstd::Decoder::new(opened.body).map_err(fail)?;
    let mut archive = tar::Archive::new(body);
    let mut tally = Tally::new();
    for member in archive.entries().map_err(fail)? {
        let member = member.map_err(fail)?;
        let below = member.path().map_err(fail)?.into_owned();
        let is_plain = below.components().all(|part| matches!(part, Component::Normal(_)));
        let text =
            below.to_str().filter(|_| is_plain).ok_or_else(|| damaged("a name in it leads elsewhere"))?;
        let mut reader = Hashing::new(member);
        match folder.filter(|_| wanted(text)) {
            Some(folder) => unpack(&mut reader, &folder.join(&below), fail)?,
            None => drop(io::copy(&mut reader, &mut io::sink()).map_err(fail)?),
        }
        tally.add(text, reader.bytes, &reader.hasher.finalize());
    }
    if (tally.members, tally.bytes, tally.digest()) != (label.members, label.bytes, label.digest.clone()) {
        return Err(damaged("it does not hold the files that its label describes"));
    }
    Ok(label)
}

/// Writes one file that only its owner may read, durably.
fn unpack(member: &mut impl Read, path: &PathBuf, read_failed: impl Fn(io::Error) -> Error) -> Result<()> {
    let fail = |error| Error::io("write", path, error);
    let mut folders = fs::DirBuilder::new();
    folders.recursive(true);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        folders.mode(0o700);
        options.mode(0o600);
    }
    if let Some(folder) = path.parent() {
        folders.create(folder).map_err(fail)?;
    }
    let mut file = options.open(path).map_err(fail)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = member.read(&mut buffer).map_err(&read_failed)?;
        if length == 0 {
            return file.sync_all().map_err(fail);
        }
        file.write_all(&buffer[..length]).map_err(fail)?;
    }
}

#[cfg(test)]
mod tests;
