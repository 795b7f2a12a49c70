//! The stage: an append that is decided and not yet spread over the other files.
//!
//! **Idea.** One file holds everything that an append adds, the new checkpoint and the new leaves. Once it stands the
//! append has happened; everything after is copying, and can be done again from here.
//!
//! Format: a line `dyepack.stage/1`, four big-endian bytes of length, the signed checkpoint, then the leaves as in a
//! bundle. It needs no checksum: the checkpoint is signed, and its root covers the leaves.
//!
//! **Invariant.** The file appears by a rename after an fsync. A damaged stage is therefore not the work of a crash.

use std::{io, path::Path};

use super::{
    checkpoint::{Checkpoint, Verified},
    disk::{self, Disk},
    note::Verifier,
    reason::Reason,
    tiles,
};
use crate::error::{Error, Result};

/// The stage's file in the ledger's folder.
pub(super) const FILE: &str = "stage";

const MAGIC: &[u8] = b"dyepack.stage/1\n";

/// The new leaves and the checkpoint of the tree with them.
pub(super) struct Stage {
    /// Signed, of the grown tree.
    pub(super) checkpoint: Verified<Checkpoint>,
    /// In order.
    pub(super) leaves: Vec<Vec<u8>>,
}

impl Stage {
    /// Entries before the append.
    pub(super) fn first(&self) -> u64 {
        self.checkpoint.size - self.leaves.len() as u64
    }

    /// Makes the append durable.
    pub(super) fn write(&self, disk: &Disk, dir: &Path) -> Result<()> {
        let note = self.checkpoint.note().as_bytes();
        let length = (note.len() as u32).to_be_bytes();
        let bytes = [MAGIC, &length, note, &tiles::encode_leaves(&self.leaves)].concat();
        disk.write(&dir.join(FILE), &bytes)
    }

    /// Reads a stage left behind, if there is one. Its leaves are still to be proved against its root.
    pub(super) fn left_in(dir: &Path, verifier: &Verifier) -> Result<Option<Stage>> {
        let path = dir.join(FILE);
        match disk::read(&path, u64::MAX - 1) {
            Ok(bytes) => Stage::parse(&bytes, verifier).map(Some),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("read", &path, e)),
        }
    }

    fn parse(bytes: &[u8], verifier: &Verifier) -> Result<Stage> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(Reason::Stage("it does not begin as one"))?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(Reason::Stage("it is cut"))?;
        let cut = rest.split_at_checked(u32::from_be_bytes(*length) as usize);
        let (note, leaves) = cut.ok_or(Reason::Stage("it is cut"))?;
        let checkpoint = Verified::open_stored(note, verifier).map_err(|e| e.in_file(FILE))?;
        let (leaves, whole) = tiles::decode_leaves(leaves);
        if !whole || leaves.is_empty() || leaves.len() as u64 > checkpoint.size {
            return Err(Reason::Stage("its entries do not add up").into());
        }
        Ok(Stage { checkpoint, leaves: leaves.into_iter().map(<[u8]>::to_vec).collect() })
    }
}
