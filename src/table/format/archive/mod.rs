//! Files in zip and tar archives, and in folders, for those who only read.
//!
//! A member is unpacked into a file without a name and given when it is asked for. Nothing of an archive is ever written under
//! a name that it says, so that there is no name to fear; names are only shown, and made fit for that. What is no regular file
//! (a link, a device) is passed over, or, in a folder, told and never opened. Files that are hidden are passed over: systems
//! leave notes of their own there.
//!
//! Invariants: the number of members and the bytes of all together are bounded ([`Limits`]). Archives in archives are the
//! caller's, who bounds how deep that goes. An error of one member leaves the others to be read.
//!
//! Sources: PKWARE APPNOTE 6.3 (zip); POSIX pax and GNU tar.

mod folder;
mod name;
mod reason;
mod spool;
mod tar;
#[cfg(test)]
mod tests;
mod zip;

pub use self::tar::tar_members;
pub use self::zip::zip_members;
pub use folder::{Leaf, folder};
#[cfg(feature = "object-store")]
pub(crate) use name::is_hidden;
pub(crate) use name::shown;

use std::fs::File;

use super::compression::Bounds;

/// The most members, or files and folders of a folder: more than anybody looks through, and their names fit in memory.
const MAX_MEMBERS: u64 = 100_000;

/// The most bytes of all members together, 64 GiB. They are put on the disk, if only one by one.
const MAX_BYTES: u64 = 64 << 30;

/// A file in an archive.
#[derive(Debug)]
pub struct Member {
    /// Its name, fit for a terminal.
    pub name: String,
    /// What it holds, from the start. It is gone when this is closed.
    pub file: File,
    /// Hex BLAKE3 of that.
    pub blake3: String,
    /// Whether its end is missing or damaged; `file` holds what came before.
    pub is_torn: bool,
}

/// How much may be in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most members, those that are passed over included.
    pub max_members: u64,
    /// What all members together may come to.
    pub bounds: Bounds,
}

impl Default for Limits {
    fn default() -> Limits {
        let bounds = Bounds { max_bytes: MAX_BYTES, ..Bounds::default() };
        Limits { max_members: MAX_MEMBERS, bounds }
    }
}

/// A kind of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// See [`zip_members`]. Office files are of this kind too.
    Zip,
    /// See [`tar_members`].
    Tar,
}

/// The kind of archive that starts with `head`.
pub fn sniff(head: &[u8]) -> Option<Kind> {
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Some(Kind::Zip);
    }
    self::tar::is_header(head).then_some(Kind::Tar)
}
