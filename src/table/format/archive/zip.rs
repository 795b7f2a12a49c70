//! Zip archives.

use std::fs::File;

use zip::ZipArchive;
use zip::result::ZipError;

use crate::error::{Error, Result};
use crate::table::format::reason::read_failed;

use super::name::{is_hidden, shown};
use super::reason::ArchiveReason;
use super::spool::{Spent, Spooled, why};
use super::{Limits, Member};

/// The bits of a Unix mode that say what a file is, and a regular one.
const TYPE_BITS: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// The files in a zip archive, in its directory's order.
///
/// # Errors
/// If the archive has no directory, as it stands at its end. Of the iterator: of one member, or, as the last, of the limits.
pub fn zip_members(
    file: File,
    limits: Limits,
) -> Result<impl Iterator<Item = Result<Member>> + Send + use<>> {
    let packed_bytes = file.metadata().map_err(read_failed)?.len();
    let archive = ZipArchive::new(file).map_err(|error| reason(error, ArchiveReason::Damaged("zip")))?;
    Ok(Zip { archive, packed_bytes, next: 0, spent: Spent::new(limits) })
}

struct Zip {
    archive: ZipArchive<File>,
    packed_bytes: u64,
    next: usize,
    spent: Spent,
}

impl Zip {
    /// The member at `index`; `None` if it is passed over. The inner error is of this member alone.
    fn member(&mut self, index: usize) -> Result<Option<Result<Member>>> {
        self.spent.add_member()?;
        let name = match self.archive.by_index_data(index) {
            Err(error) => {
                let name = format!("member {}", index + 1);
                return Ok(Some(Err(reason(error, ArchiveReason::Member).in_file(name))));
            }
            Ok(entry) => {
                let name = shown(entry.name_raw());
                let kind = entry.unix_mode().unwrap_or(0) & TYPE_BITS;
                let is_regular = !entry.is_dir() && !entry.is_symlink() && (kind == 0 || kind == REGULAR);
                if !is_regular || is_hidden(&name) {
                    return Ok(None);
                }
                if entry.encrypted() {
                    return Ok(Some(Err(Error::from(ArchiveReason::Encrypted).in_file(name))));
                }
                name
            }
        };
        let mut reader = match self.archive.by_index(index) {
            Ok(reader) => reader,
            Err(error) => return Ok(Some(Err(reason(error, ArchiveReason::Member).in_file(name)))),
        };
        // Members may lie over each other, so that all of them together are compared with the whole.
        let packed_bytes = self.packed_bytes;
        match self.spent.spool(name.clone(), &mut reader, || packed_bytes)? {
            Spooled::Member(member) => Ok(Some(Ok(member))),
            Spooled::Nothing(error) => Ok(Some(Err(error.in_file(name)))),
        }
    }
}

impl Iterator for Zip {
    type Item = Result<Member>;

    fn next(&mut self) -> Option<Result<Member>> {
        while self.next < self.archive.len() {
            let index = self.next;
            self.next += 1;
            match self.member(index) {
                Ok(None) => {}
                Ok(member) => return member,
                Err(error) => {
                    self.next = usize::MAX;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// What an error of the library means.
fn reason(error: ZipError, otherwise: ArchiveReason) -> Error {
    match error {
        ZipError::Io(error) => why(error, otherwise),
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => {
            ArchiveReason::Method.into()
        }
        ZipError::InvalidPassword => ArchiveReason::Encrypted.into(),
        _ => otherwise.into(),
    }
}
