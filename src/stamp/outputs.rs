//! Where copies go. Those for an object store are sent in parts before the ledger commits, and become objects after.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::atomic::AtomicBool;

use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::store::{self, Address, Upload};

use super::deliver::{Delivery, Order, folder_of};

/// Checks, before anything is read, that every copy for a store can go where it is to go.
pub(super) fn check(order: &Order) -> Result<()> {
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
