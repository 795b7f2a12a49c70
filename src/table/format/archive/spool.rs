//! Members put into files without a name.

use std::fs::File;
use std::io::{self, Read, Seek, Write};

use crate::error::{Error, Result};
use crate::table::format::reason::read_failed;

use super::reason::ArchiveReason;
use super::{Limits, Member};

/// Bytes that are copied at once; what is read together with damaged bytes is lost.
const PIECE_BYTES: usize = 8 << 10;

/// What was taken out of an archive so far.
pub(super) struct Spent {
    limits: Limits,
    members: u64,
    bytes: u64,
}

/// What became of a member.
pub(super) enum Spooled {
    /// It is read, or what of it can be.
    Member(Member),
    /// Nothing of it can be read.
    Nothing(Error),
}

impl Spent {
    pub(super) fn new(limits: Limits) -> Spent {
        Spent { limits, members: 0, bytes: 0 }
    }

    /// Counts a member.
    ///
    /// # Errors
    /// If it is one too many.
    pub(super) fn add_member(&mut self) -> Result<()> {
        self.members += 1;
        let max_members = self.limits.max_members;
        if self.members > max_members { Err(ArchiveReason::Many { max_members }.into()) } else { Ok(()) }
    }

    /// Reads a member, out of an archive of which `packed_bytes` were read.
    ///
    /// # Errors
    /// If there is too much of it, no place for it, or nothing more to be had: nothing else should be read then.
    pub(super) fn spool(
        &mut self,
        name: String,
        reader: &mut impl Read,
        packed_bytes: impl Fn() -> u64,
    ) -> Result<Spooled> {
        let place = |error| Error::io("make room in", &std::env::temp_dir(), error);
        let mut file = tempfile::tempfile().map_err(place)?;
        let (mut piece, mut bytes) = ([0; PIECE_BYTES], 0u64);
        let mut blake3 = blake3::Hasher::new();
        let mut is_torn = false;
        loop {
            let length = match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // Another of our readers is below, and has said why nothing more is read.
                Err(error) if is_ours(&error) => return Err(read_failed(error).in_file(name)),
                Err(error) if bytes == 0 => return Ok(Spooled::Nothing(why(error, ArchiveReason::Member))),
                Err(_) => {
                    is_torn = true;
                    break;
                }
            };
            bytes += length as u64;
            self.bytes += length as u64;
            let bounds = self.limits.bounds.check(self.bytes, packed_bytes());
            bounds.map_err(|error| error.in_file(name.as_str()))?;
            blake3.update(&piece[..length]);
            file.write_all(&piece[..length]).map_err(place)?;
        }
        rewind(&mut file).map_err(place)?;
        let blake3 = blake3.finalize().to_hex().to_string();
        Ok(Spooled::Member(Member { name, file, blake3, is_torn }))
    }
}

fn rewind(file: &mut File) -> io::Result<()> {
    file.flush()?;
    file.rewind()
}

/// What an error of reading means: what the reader or the system says, or damage. What libraries say may quote the data.
pub(super) fn why(error: io::Error, otherwise: ArchiveReason) -> Error {
    if is_ours(&error) || error.raw_os_error().is_some() { read_failed(error) } else { otherwise.into() }
}

fn is_ours(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Error>())
}
