//! Files on their way to a store.
//!
//! 1. [`Upload::send`] brings the bytes to the store, in parts. Nobody sees them there.
//! 2. [`Upload::complete`] makes them one object, at once.
//!
//! An upload that is dropped before 2 is aborted, and the store forgets its parts. A process that is killed can't do that: the
//! parts stay unseen until the bucket's own rule for unfinished uploads removes them (on Azure, after a week).
//!
//! An object that is there already is never replaced unless that was asked for. It is looked for before 1, after 1, and before
//! 2. On S3 the completion carries the condition too, so nobody can come between; Google's and Azure's completion take none
//! through this library, and there an object that appears within the last request is replaced.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::try_join_all;
use object_store::multipart::PartId;
use object_store::{Error as Store, MultipartId, ObjectStoreExt as _, PutPayload};

use crate::error::{Error, Result};
use crate::store::address::Address;
use crate::store::reason::StoreReason;

use super::client::Client;

/// Bytes of a part. S3 wants at least 5 MiB, and all of one size suits every store.
const PART_BYTES: u64 = 8 << 20;

/// The most parts of an upload to S3; a larger file has larger parts.
const MAX_PARTS: u64 = 10_000;

/// Bytes that are on their way at once, unless one part is larger.
const SENT_BYTES: u64 = 32 << 20;

/// A file whose parts are in the store.
pub struct Upload {
    client: Client,
    replaces: bool,
    /// `None` once it is an object.
    id: Option<MultipartId>,
    parts: Vec<PartId>,
}

/// Checks that an object may be written to: that the address names one, and there is none of its name unless that one is to be
/// replaced.
///
/// # Errors
/// If not, or the store can't be asked.
pub fn check_writable(address: &Address, replaces: bool) -> Result<()> {
    writable(address, replaces).map(drop)
}

fn writable(address: &Address, replaces: bool) -> Result<Client> {
    if address.is_folder() {
        return Err(StoreReason::NoObject(address.to_string()).into());
    }
    let client = Client::new(address)?;
    if !replaces {
        client.check_free()?;
    }
    Ok(client)
}

impl Client {
    fn check_free(&self) -> Result<()> {
        let head = async {
            match self.objects.head(&self.path).await {
                Ok(_) => Ok(false),
                Err(Store::NotFound { .. }) => Ok(true),
                // Who may write and not read is told by the condition.
                Err(Store::PermissionDenied { .. }) if self.only_new.is_some() => Ok(true),
                Err(error) => Err(error),
            }
        };
        if self.wait("look for", head)? { Ok(()) } else { Err(StoreReason::Exists(self.name()).into()) }
    }
}

impl Upload {
    /// Sends all of `file`.
    ///
    /// # Errors
    /// If the object is there and not to be replaced, the file can't be read, the store not be reached, or `interrupted` is set.
    pub fn send(address: &Address, file: &File, replaces: bool, interrupted: &AtomicBool) -> Result<Upload> {
        let client = writable(address, replaces)?;
        let id = client.wait("write", client.parts.create_multipart(&client.path))?;
        let mut upload = Upload { client, replaces, id: Some(id), parts: Vec::new() };
        upload.send_parts(file, interrupted)?;
        if !replaces {
            upload.client.check_free()?;
        }
        Ok(upload)
    }

    fn send_parts(&mut self, mut file: &File, interrupted: &AtomicBool) -> Result<()> {
        let client = &self.client;
        let id = self.id.as_ref().expect("it is not completed");
        let unread = |error| Error::io("read again", Path::new("the marked copy"), error);
        let length = file.metadata().map_err(unread)?.len();
        file.rewind().map_err(unread)?;
        let part_bytes = part_bytes(length);
        let at_once = (SENT_BYTES / part_bytes).max(1) as usize;
        let mut sent = 0;
        // A store has no object without a part: also of nothing.
        while sent < length || self.parts.is_empty() {
            if interrupted.load(Ordering::Relaxed) {
                return Err(StoreReason::Interrupted.into());
            }
            let mut requests = Vec::new();
            while requests.len() < at_once && (sent < length || self.parts.len() + requests.len() == 0) {
                let mut part = vec![0; part_bytes.min(length - sent) as usize];
                file.read_exact(&mut part).map_err(unread)?;
                sent += part.len() as u64;
                let number = self.parts.len() + requests.len();
                requests.push(client.parts.put_part(&client.path, id, number, PutPayload::from(part)));
            }
            self.parts.extend(client.wait("write", try_join_all(requests))?);
        }
        Ok(())
    }

    /// Makes it an object.
    ///
    /// # Errors
    /// If an object of its name has appeared that is not to be replaced, or the store can't be reached.
    pub fn complete(mut self) -> Result<()> {
        let client = &self.client;
        let mut store = &client.parts;
        if !self.replaces {
            client.check_free()?;
            store = client.only_new.as_ref().unwrap_or(store);
        }
        let id = self.id.as_ref().expect("it is not completed");
        let parts = std::mem::take(&mut self.parts);
        let request = async {
            match store.complete_multipart(&client.path, id, parts).await {
                // The condition was that there is no object.
                Err(Store::Precondition { path, source } | Store::NotModified { path, source }) => {
                    Err(Store::AlreadyExists { path, source })
                }
                other => other,
            }
        };
        client.wait("write", request)?;
        self.id = None;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            // If the store can't be told, its own rule for unfinished uploads has to do.
            let _ = self.client.wait("write", self.client.parts.abort_multipart(&self.client.path, &id));
        }
    }
}

/// The size of the parts of a file of `length` bytes.
fn part_bytes(length: u64) -> u64 {
    length.div_ceil(MAX_PARTS).max(PART_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_file_has_not_too_many_parts() {
        assert_eq!(part_bytes(1), PART_BYTES);
        let largest = 5_u64 << 40;
        assert!(largest.div_ceil(part_bytes(largest)) <= MAX_PARTS);
    }
}
