//! Tar archives, read as they come.
//!
//! The library lends its members from an archive that lends its reader. An iterator that owns all of it can't be built of that,
//! so each member is read as the first of an archive of its own, which begins where the last one ended.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

use super::name::{is_hidden, shown};
use super::reason::ArchiveReason;
use super::spool::{Spent, Spooled, why};
use super::{Limits, Member};

/// A record. Headers are one each, and members are filled up to the next.
const RECORD_BYTES: u64 = 512;

/// The most bytes of all headers of one member, 1 MiB: its name, twice, and attributes. The library holds them in memory.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// Where a header has the sum of its bytes.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Whether `head` starts with a header: the sum of its bytes is in it.
pub(super) fn is_header(head: &[u8]) -> bool {
    let Some(record) = head.first_chunk::<512>() else { return false };
    let field = record[CHECKSUM].trim_ascii_start();
    let digits = field.iter().take_while(|byte| matches!(byte, b'0'..=b'7'));
    let said = digits.fold(0u64, |sum, digit| sum * 8 + u64::from(digit - b'0'));
    let spaces = u64::from(b' ') * CHECKSUM.len() as u64;
    let sum: u64 = record.iter().map(|&byte| u64::from(byte)).sum();
    let field_sum: u64 = record[CHECKSUM].iter().map(|&byte| u64::from(byte)).sum();
    sum - field_sum + spaces == said
}

/// The files in a tar archive, in order.
///
/// Errors of the iterator: of one member, or, as the last, of the archive or the limits.
pub fn tar_members<R: Read + Send>(
    reader: R,
    limits: Limits,
) -> impl Iterator<Item = Result<Member>> + Send + use<R> {
    let reader = Rationed { reader, left: Arc::default(), passed: Arc::default() };
    Tar { reader, spent: Spent::new(limits), ended: false }
}

struct Tar<R> {
    reader: Rationed<R>,
    spent: Spent,
    ended: bool,
}

/// One step through an archive.
enum Step {
    End,
    PassedOver,
    Member(Result<Member>),
}

impl<R: Read> Tar<R> {
    fn step(&mut self) -> Result<Step> {
        let (left, passed) = (self.reader.left.clone(), self.reader.passed.clone());
        left.store(MAX_HEADER_BYTES, Ordering::Relaxed);
        let damaged = |error| why(error, ArchiveReason::Damaged("tar"));
        let mut archive = tar::Archive::new(&mut self.reader);
        let Some(entry) = archive.entries().map_err(damaged)?.next() else { return Ok(Step::End) };
        let mut entry = entry.map_err(damaged)?;
        self.spent.add_member()?;
        let (kind, bytes) = (entry.header().entry_type(), entry.size());
        let raw_name = entry.path_bytes().into_owned();
        let name = shown(&raw_name);
        if kind.is_gnu_sparse() {
            // What it is said to be, and what it takes here, differ: it could be anything.
            return Err(Error::from(ArchiveReason::Sparse).in_file(name));
        }
        left.store(bytes, Ordering::Relaxed);
        let is_file = (kind.is_file() || kind.is_contiguous()) && !raw_name.ends_with(b"/");
        let step = if is_file && !is_hidden(&name) {
            let spooled = self.spent.spool(name.clone(), &mut entry, || passed.load(Ordering::Relaxed))?;
            match spooled {
                Spooled::Member(member) => Step::Member(Ok(member)),
                Spooled::Nothing(error) => Step::Member(Err(error.in_file(name))),
            }
        } else {
            io::copy(&mut entry, &mut io::sink()).map_err(damaged)?;
            Step::PassedOver
        };
        // The library takes the end of the file for the end of a member.
        let missing = left.load(Ordering::Relaxed);
        Ok(self.after_member(step, bytes, missing))
    }

    /// Goes to the next header; a member of which something is missing is the last.
    fn after_member(&mut self, step: Step, bytes: u64, missing: u64) -> Step {
        let padding = bytes.next_multiple_of_record() - bytes;
        self.reader.left.store(padding, Ordering::Relaxed);
        // A last record that isn't filled up is no harm, and what comes after an error of reading is the end.
        let skipped = io::copy(&mut self.reader.by_ref().take(padding), &mut io::sink());
        self.ended = missing > 0 || skipped.is_err();
        match step {
            Step::Member(Ok(member)) => {
                let is_torn = member.is_torn || missing > 0;
                Step::Member(Ok(Member { is_torn, ..member }))
            }
            other => other,
        }
    }
}

impl<R: Read> Iterator for Tar<R> {
    type Item = Result<Member>;

    fn next(&mut self) -> Option<Result<Member>> {
        while !self.ended {
            match self.step() {
                Ok(Step::PassedOver) => {}
                Ok(Step::Member(member)) => return Some(member),
                Ok(Step::End) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

trait Records {
    fn next_multiple_of_record(self) -> u64;
}

impl Records for u64 {
    /// At the end of all numbers there is no next one, nor a file that long.
    fn next_multiple_of_record(self) -> u64 {
        self.checked_next_multiple_of(RECORD_BYTES).unwrap_or(self)
    }
}

/// Gives no more than it may, so that nobody reads on and on for the end of a name.
struct Rationed<R> {
    reader: R,
    left: Arc<AtomicU64>,
    passed: Arc<AtomicU64>,
}

impl<R: Read> Read for Rationed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 && !buffer.is_empty() {
            return Err(io::Error::other("more than the ration"));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let length = self.reader.read(&mut buffer[..most])?;
        self.left.fetch_sub(length as u64, Ordering::Relaxed);
        self.passed.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}
