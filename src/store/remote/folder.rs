//! All objects below a name, fetched one after another into files without a name.
//!
//! Their number and the bytes of all together are bounded as those of an archive. An object that can't be fetched is an error in
//! its place.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::ObjectMeta;

use crate::error::{Error, Result};
use crate::store::address::Address;
use crate::store::reason::StoreReason;
use crate::table::format::archive::{Limits, is_hidden, shown};
use crate::table::format::digest::Sealing;
use crate::table::format::parts::Line;
use crate::table::format::reason::read_failed;

use super::client::Client;
use super::read::Object;

/// Bytes that are copied at once.
const PIECE_BYTES: usize = 1 << 18;

/// The objects below an address.
pub struct Folder {
    client: Client,
    list: BoxStream<'static, object_store::Result<ObjectMeta>>,
    limits: Limits,
    objects: u64,
    /// Of all these, as they are listed.
    bytes: u64,
    ended: bool,
    interrupted: &'static AtomicBool,
}

/// Lists the objects below `address`.
///
/// # Errors
/// If the store can't be reached.
pub fn folder(address: &Address, limits: Limits, interrupted: &'static AtomicBool) -> Result<Folder> {
    let client = Client::new(address)?;
    let list = client.objects.list(Some(&client.path));
    Ok(Folder { client, list, limits, objects: 0, bytes: 0, ended: false, interrupted })
}

impl Folder {
    fn fetch(&mut self, meta: &ObjectMeta, name: &str) -> Result<(Line, File)> {
        let mut object = Object::of(self.client.at(meta.location.clone(), name))?;
        let place = |error| Error::io("make room in", &std::env::temp_dir(), error);
        let mut file = tempfile::tempfile().map_err(place)?;
        let mut sealing = Sealing::new(&mut file);
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let length = match object.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(read_failed(error)),
            };
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(StoreReason::Interrupted.into());
            }
            sealing.write_all(&piece[..length]).map_err(place)?;
        }
        let written = sealing.finish().map_err(place)?;
        file.rewind().map_err(place)?;
        Ok((Line::new(name, &written), file))
    }

    /// The next object, or why it can't be had. An error ends the list.
    fn step(&mut self) -> Result<Option<Result<(Line, File)>>> {
        loop {
            let list = &mut self.list;
            let next = self.client.wait("list", async { list.next().await.transpose() })?;
            let Some(meta) = next else {
                let is_empty = self.objects == 0;
                return if is_empty { Err(self.client.error(StoreReason::Empty)) } else { Ok(None) };
            };
            let (max_objects, max_bytes) = (self.limits.max_members, self.limits.bounds.max_bytes);
            (self.objects, self.bytes) = (self.objects + 1, self.bytes.saturating_add(meta.size));
            if self.objects > max_objects {
                return Err(self.client.error(StoreReason::Many { max_objects }));
            }
            if self.bytes > max_bytes {
                return Err(self.client.error(StoreReason::Large { max_bytes }));
            }
            let within = meta.location.as_ref().strip_prefix(self.client.path.as_ref());
            let within = within.unwrap_or(meta.location.as_ref()).trim_start_matches('/');
            // An object without bytes is how stores keep an empty folder.
            if meta.size > 0 && !is_hidden(within) {
                return Ok(Some(self.fetch(&meta, &shown(within.as_bytes()))));
            }
        }
    }
}

impl Iterator for Folder {
    type Item = Result<(Line, File)>;

    fn next(&mut self) -> Option<Result<(Line, File)>> {
        if self.ended {
            return None;
        }
        let step = self.step();
        self.ended = !matches!(step, Ok(Some(_)));
        Some(step.transpose()?.flatten())
    }
}
