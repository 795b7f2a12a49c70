//! A home: one folder with the keys and the ledger.
//!
//! ```text
//! HOME/keys/keyring.json   both secrets, sealed with a passphrase or mode 0600
//! HOME/ledger/             the signed record, with policies and sketches as blobs
//! HOME/models/             what occurs in datasets, sealed
//! HOME/vault/              sealed copies of sources, where a policy says so
//! ```

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::error::{Class, Error, Reason, Result, said};
use crate::keys::keyring::Keyring;
use crate::keys::secret::MarkingSecret;
use crate::ledger::{Ledger, Recorded, Registry};
use crate::vault::Vault;

#[derive(Debug, thiserror::Error)]
enum HomeError {
    #[error("`{0}` is already in use")]
    InUse(String),
    #[error("there is no home in `{0}`")]
    Missing(String),
    #[error("the home in `{0}` has lost its ledger")]
    NoLedger(String),
    #[error("could not read the key file `{path}`: {}", said(source))]
    Unreadable { path: String, source: io::Error },
}

impl Reason for HomeError {
    fn class(&self) -> Class {
        match self {
            HomeError::InUse(_) | HomeError::Missing(_) => Class::Usage,
            HomeError::NoLedger(_) => Class::Integrity,
            HomeError::Unreadable { .. } => Class::Key,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                HomeError::InUse(_) => "a home is never overwritten: name another folder with --home",
                HomeError::Missing(_) => "run `dyepack init` first, or name the home with --home",
                HomeError::NoLedger(_) => {
                    "move what is left of it aside, and restore your backup in its place: `dyepack restore`"
                }
                HomeError::Unreadable { .. } => {
                    "without its keys nothing can be stamped or traced: restore the key file"
                }
            }
            .into(),
        )
    }
}

/// A folder of keys and ledger.
#[derive(Clone, Debug)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// The home in `root`; nothing is read yet.
    pub fn new(root: impl Into<PathBuf>) -> Home {
        Home { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn keyring_path(&self) -> PathBuf {
        self.root.join("keys").join("keyring.json")
    }

    /// The ledger's folder.
    pub fn ledger_dir(&self) -> PathBuf {
        self.root.join("ledger")
    }

    /// The folder of the sealed models; see [`models`](mod@crate::models).
    pub fn models_dir(&self) -> PathBuf {
        self.root.join("models")
    }

    /// The vault, whose files open with the home's marking secret alone.
    pub fn vault(&self, secret: &MarkingSecret) -> Vault {
        Vault::new(self.root.join("vault"), secret)
    }

    /// Makes a home: the key file `keyring_text` of `keyring`, and an empty ledger named `origin`.
    ///
    /// All of it is made in a folder beside and renamed at the end, so a home exists wholly or not at all.
    ///
    /// # Errors
    /// If the folder exists and is not empty.
    pub fn create(&self, keyring: &Keyring, keyring_text: &str, origin: &str) -> Result<()> {
        self.check_unused()?;
        let parent = match self.root.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|error| Error::io("make", parent, error))?;
        let made = tempfile::Builder::new()
            .prefix(".dyepack-init-")
            .tempdir_in(parent)
            .map_err(|error| Error::io("make a folder in", parent, error))?;
        let new = Home::new(made.path());
        write_private(&new.keyring_path(), keyring_text)?;
        Ledger::create(&new.ledger_dir(), origin, &keyring.signing)?;
        // Commit point: with this rename the home exists. A crash before leaves a folder `.dyepack-init-…`
        // and no home.
        fs::rename(made.path(), &self.root).map_err(|error| Error::io("make", &self.root, error))?;
        // It has moved: nothing is left to clean up.
        let _ = made.keep();
        Ok(())
    }

    /// Refuses a folder that holds anything.
    ///
    /// # Errors
    /// If the folder exists and is not empty, or is no folder.
    pub fn check_unused(&self) -> Result<()> {
        let in_use = match fs::read_dir(&self.root) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        if in_use { Err(HomeError::InUse(self.root.display().to_string()).into()) } else { Ok(()) }
    }

    /// Opens the key file. `passphrase` is asked for only if the file is sealed.
    pub fn keyring(&self, passphrase: impl FnOnce() -> Result<Option<Zeroizing<String>>>) -> Result<Keyring> {
        self.check_exists()?;
        let path = self.keyring_path();
        let text = Zeroizing::new(
            fs::read_to_string(&path)
                .map_err(|source| HomeError::Unreadable { path: path.display().to_string(), source })?,
        );
        Keyring::open(&text, passphrase).map_err(|error| error.in_file(path.display().to_string()))
    }

    /// Replaces the key file, whole or not at all. The caller has locked the ledger.
    ///
    /// # Errors
    /// If it can't be written; then the old one stands.
    pub fn replace_keyring(&self, keyring_text: &str) -> Result<()> {
        let path = self.keyring_path();
        let folder = path.parent().expect("the key file lies in a folder");
        let fail = |error| Error::io("write", &path, error);
        // Readable by its owner alone, as all such temporary files.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
        file.write_all(keyring_text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
        // Commit point: with this rename the new key file is in force. A crash before leaves a temporary file.
        file.persist(&path).map_err(|error| fail(error.error))?;
        sync_folder(folder).map_err(fail)
    }

    /// Opens the ledger for `who` (shown to others who wait), waiting for its lock for up to `wait`.
    pub fn ledger(&self, wait: Duration, who: &str) -> Result<Ledger> {
        self.check_exists()?;
        Ledger::open(&self.ledger_dir(), wait, who)
    }

    /// The entries of the ledger and what they add up to; the ledger is free again afterwards.
    pub fn entries(&self, wait: Duration, who: &str) -> Result<(Vec<Recorded>, Registry)> {
        let ledger = self.ledger(wait, who)?;
        let entries = ledger.entries()?;
        let mut registry = Registry::replay(&entries);
        registry.fill_in(&ledger)?;
        Ok((entries, registry))
    }

    /// Refuses a folder that is no home.
    ///
    /// # Errors
    /// If it holds no ledger; `Integrity` if there are keys, which a home never has alone.
    pub fn check_exists(&self) -> Result<()> {
        if self.ledger_dir().is_dir() {
            return Ok(());
        }
        let root = self.root.display().to_string();
        let has_keys = self.keyring_path().exists();
        Err(if has_keys { HomeError::NoLedger(root) } else { HomeError::Missing(root) }.into())
    }
}

/// Writes a file that only its owner may read, in a folder that only its owner may enter.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().expect("the key file lies in a folder");
    let fail = |error| Error::io("write", path, error);
    fs::create_dir_all(folder).map_err(|error| Error::io("make", folder, error))?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        options.mode(0o600);
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .map_err(|error| Error::io("protect", folder, error))?;
    }
    let mut file = options.open(path).map_err(fail)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)
}

/// Makes names in a folder durable. Windows has no such call and needs none.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}
