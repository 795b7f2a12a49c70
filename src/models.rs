//! The models of a home: one sealed file each, named by a keyed hash of what it says.
//!
//! ```text
//! HOME/models/<64 hex digits>   a model of `mark::model`, sealed by `keys::seal`
//! ```
//!
//! The ledger names a model and does not hold it: it tells how many patients have which value, if only of values that many have.
//! A file is written whole or not at all, and never changed.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error::{Class, Error, Reason, Result};
use crate::keys::seal::Sealer;
use crate::keys::secret::MarkingSecret;
use crate::mark::model::Model;

#[derive(Debug, thiserror::Error)]
enum ModelError {
    #[error("the model `{0}` is not in the home")]
    Missing(String),
    #[error("the model `{0}` is damaged")]
    Damaged(String),
}

impl Reason for ModelError {
    fn class(&self) -> Class {
        Class::Integrity
    }

    fn hint(&self) -> Option<String> {
        Some("restore the folder `models` of the home from your backup".into())
    }
}

/// Keeps a model in `folder` and gives its name. Doing it again changes nothing, and repairs a damaged file.
pub fn keep(folder: &Path, secret: &MarkingSecret, model: &Model) -> Result<String> {
    let (name, sealed) = Sealer::new(secret, model.dataset()).seal(&model.to_bytes());
    let path = path(folder, &name);
    fs::create_dir_all(folder).map_err(|error| Error::io("make", folder, error))?;
    let fail = |error| Error::io("write", &path, error);
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
    file.write_all(&sealed).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
    // Commit point: with this rename the model is kept. A crash before leaves a temporary file that nothing names.
    file.persist(&path).map_err(|error| Error::io("write", &path, error.error))?;
    Ok(name)
}

/// Opens the model `name` of `dataset`.
///
/// # Errors
/// If it is not there or was changed.
pub fn open(folder: &Path, secret: &MarkingSecret, dataset: &str, name: &str) -> Result<Model> {
    let path = path(folder, name);
    let sealed = fs::read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ModelError::Missing(name.to_owned()).into(),
        _ => Error::io("read", &path, error),
    })?;
    let plain = Sealer::new(secret, dataset).open(name, &sealed);
    let model = plain.and_then(|plain| Model::from_bytes(&plain));
    model
        .filter(|model| model.dataset() == dataset)
        .ok_or_else(|| Error::from(ModelError::Damaged(name.to_owned())).in_file(path.display().to_string()))
}

/// A name is never a path: what is no name leads to a file that is not there.
fn path(folder: &Path, name: &str) -> PathBuf {
    let is_name = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    folder.join(if is_name { name } else { "no-such-model" })
}
