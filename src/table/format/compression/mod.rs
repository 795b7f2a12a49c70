//! Files that are compressed with gzip or zstd.
//!
//! An [`Unpacker`] reads one, a [`Packer`] writes one of the same kind. How a file was packed (level, splits) is not to be seen
//! in it, so that packing anew gives other bytes; what its header says is kept, and the same input gives the same bytes.
//!
//! Invariants: never more comes out than the [`Bounds`] say, and the memory needed doesn't depend on the input.
//!
//! Sources: RFC 1952 (gzip), RFC 8878 (zstd).

mod bounds;
mod pack;
mod reason;
#[cfg(test)]
mod tests;
mod unpack;

pub use bounds::Bounds;
pub use pack::{Container, Packer};
pub use unpack::{Torn, Unpacker};

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// With gzip, one member or several.
    Gzip,
    /// With zstd, one frame or several.
    Zstd,
}

/// The start of a zstd frame.
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

impl Compression {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }
}

/// How a file that starts with `head` is compressed.
pub fn sniff(head: &[u8]) -> Option<Compression> {
    match head {
        // With deflate; there is no other method.
        [0x1f, 0x8b, 8, ..] => Some(Compression::Gzip),
        // The second is a frame that is skipped: tools put a table of contents there.
        _ if head.starts_with(ZSTD_MAGIC) => Some(Compression::Zstd),
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Compression::Zstd),
        _ => None,
    }
}
