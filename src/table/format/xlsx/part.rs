//! The part of an archive that holds a sheet, unpacked as it is read, within bounds.

use std::io::{self, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::DeflateDecoder;

use crate::error::{Error, Result};

use super::handle::Handle;
use super::reason::XlsxReason;

/// The largest sheet, unpacked: 2 GiB. The largest grid, full, in 16384 columns, would be more, but programs that could open it
/// are not known; and a part beyond 4 GiB needs a kind of zip archive that not all of them read.
pub(in crate::table::format) const MAX_SHEET_BYTES: u64 = 2 << 30;

/// How much larger than its packed bytes a sheet is at most, from where on that counts: sheets of tables come to 10 to 50, the
/// same row a million times to some 100, and a part made to harm to 1000.
const MAX_RATIO: u64 = 300;
const RATIO_FROM_BYTES: u64 = 64 << 20;

/// Where a part stands in the archive, and what its directory says.
#[derive(Clone, Copy, Debug)]
pub(in crate::table::format) struct Place {
    pub start: u64,
    pub packed_bytes: u64,
    pub bytes: u64,
    pub crc: u32,
    pub is_deflated: bool,
}

/// A part as it is read.
pub(in crate::table::format) struct Part {
    source: Packed,
    place: Place,
    crc: Crc,
    passed: u64,
}

enum Packed {
    Stored(Slice),
    Deflated(DeflateDecoder<Slice>),
}

impl Part {
    /// Nothing is read yet.
    pub fn new(mut file: Handle, place: Place) -> io::Result<Part> {
        file.seek(SeekFrom::Start(place.start))?;
        let slice = Slice { file, left: place.packed_bytes };
        let source = match place.is_deflated {
            true => Packed::Deflated(DeflateDecoder::new(slice)),
            false => Packed::Stored(slice),
        };
        Ok(Part { source, place, crc: Crc::new(), passed: 0 })
    }

    fn check(&self, ended: bool) -> Result<()> {
        let ratio = self.passed / self.place.packed_bytes.max(1);
        if self.passed > MAX_SHEET_BYTES || self.passed > RATIO_FROM_BYTES && ratio > MAX_RATIO {
            return Err(XlsxReason::Bomb { passed_bytes: self.passed }.into());
        }
        if ended && (self.passed != self.place.bytes || self.crc.sum() != self.place.crc) {
            return Err(XlsxReason::Checksum.into());
        }
        Ok(())
    }
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.source {
            Packed::Stored(slice) => slice.read(buffer),
            Packed::Deflated(decoder) => decoder.read(buffer),
        };
        // What the decoder says of damage is of no use to anybody.
        let is_damage = |kind| matches!(kind, io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
        let n = read.map_err(|error| match is_damage(error.kind()) {
            true => io::Error::other(Error::from(XlsxReason::Checksum)),
            false => error,
        })?;
        self.crc.update(&buffer[..n]);
        self.passed += n as u64;
        self.check(n == 0 && !buffer.is_empty()).map_err(io::Error::other)?;
        Ok(n)
    }
}

/// Some bytes of a file.
struct Slice {
    file: Handle,
    left: u64,
}

impl Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let n = self.file.read(&mut buffer[..length])?;
        self.left -= n as u64;
        Ok(n)
    }
}
