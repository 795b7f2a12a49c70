//! Where copies go. Those for an object store are sent in parts before the ledger commits, and become objects after.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use tempfile::NamedTempFile;

use crate::error::{Class, Error, Reason, Result};
use crate::store::{self, Address, Upload};

use super::order::{Delivery, Order};

#[derive(Debug, thiserror::Error)]
enum OutputError {
    #[error("`{0}` exists")]
    Exists(String),
    #[error("the output `{0}` is a folder")]
    IsFolder(String),
    #[error("the output `{0}` is no file")]
    IsDevice(String),
    #[error("the folder of the output `{0}` does not exist")]
    NoFolder(String),
    #[error("the output `{0}` is the input")]
    IsInput(String),
    #[error("two copies would have the same {0}, `{1}`")]
    Twice(&'static str, String),
}

impl Reason for OutputError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                OutputError::IsFolder(_) => "name a file in it",
                OutputError::IsDevice(_) => "name a file, or use `-` for standard output",
                OutputError::NoFolder(_) => "make it first, or choose another place",
                OutputError::Exists(_) => "choose another name, or replace it with --force",
                OutputError::IsInput(_) => "the input is never changed: choose another name",
                OutputError::Twice(..) => {
                    "name each recipient once, and put {recipient} into output and release id"
                }
            }
            .into(),
        )
    }
}

/// Refuses names that copies can't have, or can't share.
pub(super) fn check_names(order: &Order) -> Result<()> {
    check_twice(order)?;
    let mut outputs = order.copies.iter().filter_map(|copy| copy.output.as_ref());
    outputs.try_for_each(|output| check_output(output, order))
}

/// Refuses copies that could not be told apart.
pub(super) fn check_twice(order: &Order) -> Result<()> {
    let mut taken = HashSet::new();
    for copy in &order.copies {
        let output = copy.output.as_ref().map_or("-".into(), |output| output.display().to_string());
        let names =
            [("release id", copy.release.clone()), ("recipient", copy.to.clone()), ("output", output)];
        for (what, name) in names {
            if !taken.insert((what, name.clone())) {
                return Err(OutputError::Twice(what, name).into());
            }
        }
    }
    Ok(())
}

fn check_output(output: &Path, order: &Order) -> Result<()> {
    let same = |a: &Path, b: &Path| {
        a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
    };
    if order.source_path.as_deref().is_some_and(|source| same(source, output)) {
        return Err(OutputError::IsInput(output.display().to_string()).into());
    }
    if Address::is_like(output) {
        return Ok(());
    }
    let name = output.display().to_string();
    if output.is_dir() {
        return Err(OutputError::IsFolder(name).into());
    }
    // The copy takes the output's name: with --force it would take that of a device or a pipe, too.
    if output.metadata().is_ok_and(|found| !found.is_file()) {
        return Err(OutputError::IsDevice(name).into());
    }
    // A link counts, also one that leads nowhere: it is a name that is taken.
    if output.symlink_metadata().is_ok() && !order.force {
        return Err(OutputError::Exists(name).into());
    }
    if !folder_of(output).is_dir() {
        return Err(OutputError::NoFolder(name).into());
    }
    Ok(())
}

pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A temporary file for a copy, removed unless it is published. One that will get a name may be read as the user's other
/// files may.
pub(super) fn temporary(copy: &Delivery) -> Result<NamedTempFile> {
    let named = copy.output.as_ref().filter(|output| !Address::is_like(output));
    let folder = match named {
        Some(output) => folder_of(output).to_owned(),
        None => std::env::temp_dir(),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".dyepack-").suffix(".tmp");
    #[cfg(unix)]
    if named.is_some() {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(&folder).map_err(|error| Error::io("make a file in", &folder, error))
}

/// Checks, before anything is read, that every copy for a store can go where it is to go.
pub(super) fn check_stores(order: &Order) -> Result<()> {
    for copy in &order.copies {
        if let Some(address) = address(copy)? {
            store::check_writable(&address, order.force)?;
        }
    }
    Ok(())
}

/// Sends each copy that is for a store. What is dropped before it is completed is aborted.
pub(super) fn send(
    order: &Order,
    files: &[NamedTempFile],
    interrupted: &AtomicBool,
) -> Result<Vec<Option<Upload>>> {
    let copies = order.copies.iter().zip(files);
    let send = |(copy, file): (&Delivery, &NamedTempFile)| {
        let address = address(copy)?;
        let sent = address.map(|address| Upload::send(&address, file.as_file(), order.force, interrupted));
        sent.transpose()
    };
    copies.map(send).collect()
}

fn address(copy: &Delivery) -> Result<Option<Address>> {
    copy.output.as_deref().map_or(Ok(None), Address::of)
}

/// Gives the copy its name, makes it an object, or copies it to standard output.
pub(super) fn publish(
    file: NamedTempFile,
    upload: Option<Upload>,
    copy: &Delivery,
    force: bool,
) -> Result<()> {
    if let Some(upload) = upload {
        return upload.complete();
    }
    let Some(output) = &copy.output else {
        let fail = Error::standard_output;
        let mut file = file.reopen().map_err(fail)?;
        let mut stdout = io::stdout().lock();
        io::copy(&mut file, &mut stdout).map_err(fail)?;
        return stdout.flush().map_err(fail);
    };
    if force { file.persist(output) } else { file.persist_noclobber(output) }
        .map_err(|error| Error::io("name the output", output, error.error))?;
    // The name, too, survives a power cut. Not every file system can flush a folder, and none needs to for
    // correctness.
    if let Ok(folder) = File::open(folder_of(output)) {
        let _ = folder.sync_all();
    }
    Ok(())
}
