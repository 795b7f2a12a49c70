//! How much may come out of packed bytes.

use crate::error::Result;

use super::reason::CompressionReason;

/// The most that is unpacked, 1 TiB: more than any table people exchange, and hours of work, not days.
const MAX_BYTES: u64 = 1 << 40;

/// The highest ratio. A table of which one column changes gets to some hundred; what is made to fill disks starts at a thousand
/// with gzip, and has no end with zstd.
const MAX_RATIO: u64 = 500;

/// Bytes that may come out whatever the ratio, 64 MiB: no harm, and a short table of one value packs better than any other.
const RATIO_FREE_BYTES: u64 = 64 << 20;

/// What may come out of packed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The most bytes.
    pub max_bytes: u64,
    /// The most bytes for each that is packed, once it is more than 64 MiB.
    pub max_ratio: u64,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { max_bytes: MAX_BYTES, max_ratio: MAX_RATIO }
    }
}

impl Bounds {
    /// Checks what came out, so far, of what was packed.
    ///
    /// # Errors
    /// If it is too much.
    pub fn check(&self, unpacked_bytes: u64, packed_bytes: u64) -> Result<()> {
        let &Bounds { max_bytes, max_ratio } = self;
        if unpacked_bytes > max_bytes {
            return Err(CompressionReason::Large { max_bytes }.into());
        }
        if unpacked_bytes > RATIO_FREE_BYTES && unpacked_bytes / max_ratio.max(1) > packed_bytes {
            return Err(CompressionReason::Ratio { max_ratio }.into());
        }
        Ok(())
    }
}
