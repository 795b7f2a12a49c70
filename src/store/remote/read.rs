//! Objects, read from their start to their end.
//!
//! Piece by piece, so that a slow reader lets no answer run out of time. Each piece is asked for under the condition that the
//! object is still the one that was opened.

use std::io::{self, Cursor, Read};

use object_store::{GetOptions, ObjectMeta, ObjectStoreExt as _};

use crate::error::Result;
use crate::store::address::Address;
use crate::store::reason::StoreReason;

use super::client::Client;

/// Bytes that are asked for at once: some hundred requests for a gigabyte, and half a minute for each even over a slow line.
const PIECE_BYTES: u64 = 8 << 20;

/// An object that is read. An error of a read is one of this crate within.
pub struct Object {
    client: Client,
    was: ObjectMeta,
    /// Where the next piece begins.
    next: u64,
    piece: Cursor<Vec<u8>>,
}

/// Opens an object.
///
/// # Errors
/// If the address is that of a folder, there is no such object, or the store can't be reached.
pub fn open(address: &Address) -> Result<Object> {
    if address.is_folder() {
        return Err(StoreReason::NoObject(address.to_string()).into());
    }
    Object::of(Client::new(address)?)
}

impl Object {
    pub(super) fn of(client: Client) -> Result<Object> {
        let was = client.wait("read", client.objects.head(&client.path))?;
        Ok(Object { client, was, next: 0, piece: Cursor::default() })
    }

    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        self.was.size
    }

    fn fetch(&mut self) -> Result<()> {
        let end = self.was.size.min(self.next + PIECE_BYTES);
        let options = GetOptions {
            if_match: self.was.e_tag.clone(),
            range: Some((self.next..end).into()),
            ..GetOptions::default()
        };
        let request = async {
            let answer = self.client.objects.get_opts(&self.client.path, options).await?;
            let now = answer.meta.clone();
            Ok((now, answer.bytes().await?))
        };
        let (now, piece) = self.client.wait("read", request)?;
        let is_same = |now: &ObjectMeta| {
            (now.size, &now.e_tag, now.last_modified)
                == (self.was.size, &self.was.e_tag, self.was.last_modified)
        };
        if !is_same(&now) || piece.len() as u64 != end - self.next {
            return Err(self.client.error(StoreReason::Changed));
        }
        (self.next, self.piece) = (end, Cursor::new(piece.into()));
        Ok(())
    }
}

impl Read for Object {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let is_used = self.piece.position() == self.piece.get_ref().len() as u64;
        if is_used && self.next < self.was.size {
            self.fetch().map_err(io::Error::other)?;
        }
        self.piece.read(buffer)
    }
}
