//! Streams in an OLE file: chains of sectors, as a file system on a disk has them.
//!
//! Chains may be circular or lead out of the file if somebody made them so; no chain is followed for more sectors than the
//! file has. Source: [MS-CFB] 2.1 to 2.6.

use super::bytes::{array, u16_at, u32_at, utf16};

/// The size of a sector of small streams, and the size from which on a stream is not small.
const SMALL_SECTOR: usize = 64;
const SMALL_BYTES: usize = 4096;

/// A sector that holds a list of sectors has so many bytes before it.
const HEADER_SECTORS: std::ops::Range<usize> = 76..512;

/// Bytes of an entry of the directory.
const ENTRY_BYTES: usize = 128;

/// An OLE file in memory.
pub(super) struct Ole<'a> {
    file: &'a [u8],
    sector_bytes: usize,
    /// For each sector, the next.
    next: Vec<u32>,
    next_small: Vec<u32>,
    small: Vec<u8>,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    first: u32,
    bytes: usize,
}

impl<'a> Ole<'a> {
    /// Reads the directory; nothing if it can't be true.
    pub fn read(file: &'a [u8]) -> Option<Ole<'a>> {
        let sector_bytes = match u16_at(file, 30)? {
            9 => 512,
            12 => 4096,
            _ => return None,
        };
        let mut ole = Ole {
            file,
            sector_bytes,
            next: Vec::new(),
            next_small: Vec::new(),
            small: Vec::new(),
            entries: Vec::new(),
        };
        ole.read_next(u32_at(file, 68)?);
        let directory = ole.chain(u32_at(file, 48)?, usize::MAX)?;
        ole.entries = directory.chunks_exact(ENTRY_BYTES).filter_map(entry).collect();
        let root = ole.entries.first()?;
        ole.small = ole.chain(root.first, root.bytes).unwrap_or_default();
        let list = ole.chain(u32_at(file, 60)?, usize::MAX).unwrap_or_default();
        ole.next_small = numbers(&list).collect();
        Some(ole)
    }

    /// The stream with a name, in any case.
    pub fn stream(&self, name: &str) -> Option<Vec<u8>> {
        let entry = self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))?;
        if entry.bytes >= SMALL_BYTES {
            return self.chain(entry.first, entry.bytes);
        }
        let sector = |number: usize| {
            let start = number.checked_mul(SMALL_SECTOR)?;
            self.small.get(start..start + SMALL_SECTOR)
        };
        follow(entry.first, entry.bytes, self.small.len() / SMALL_SECTOR, &self.next_small, sector)
    }

    fn sectors(&self) -> usize {
        self.file.len() / self.sector_bytes
    }

    fn sector(&self, number: usize) -> Option<&'a [u8]> {
        // The header stands before the first. The last may be cut short.
        let start = number.checked_add(1)?.checked_mul(self.sector_bytes)?;
        self.file.get(start..(start.checked_add(self.sector_bytes)?).min(self.file.len()))
    }

    fn chain(&self, first: u32, bytes: usize) -> Option<Vec<u8>> {
        follow(first, bytes, self.sectors(), &self.next, |number| self.sector(number))
    }

    /// Reads what sector follows which. The sectors that say so are listed in the header, and in a chain of sectors.
    fn read_next(&mut self, more: u32) {
        let mut lists: Vec<u32> = numbers(self.file.get(HEADER_SECTORS).unwrap_or_default()).collect();
        let mut list = more;
        for _ in 0..self.sectors() {
            let Some(sector) = self.sector(list as usize) else { break };
            lists.extend(numbers(sector));
            // The last number of each is the next one's.
            list = lists.pop().unwrap_or(u32::MAX);
            if lists.len() > self.sectors() {
                break;
            }
        }
        for list in lists {
            // More than one number for each sector means nothing.
            if self.next.len() > self.sectors() {
                break;
            }
            self.next.extend(self.sector(list as usize).into_iter().flat_map(numbers));
        }
    }
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).filter_map(|chunk| u32_at(chunk, 0))
}

/// The bytes of a chain, up to so many; it has `sectors` at most.
fn follow<'a>(
    first: u32,
    bytes: usize,
    sectors: usize,
    next: &[u32],
    sector: impl Fn(usize) -> Option<&'a [u8]>,
) -> Option<Vec<u8>> {
    let (mut out, mut number) = (Vec::new(), first);
    for _ in 0..=sectors {
        let Some(here) = sector(number as usize) else { break };
        out.extend_from_slice(&here[..here.len().min(bytes - out.len())]);
        if out.len() == bytes {
            break;
        }
        number = *next.get(number as usize)?;
    }
    (!out.is_empty()).then_some(out)
}

fn entry(bytes: &[u8]) -> Option<Entry> {
    let length = usize::from(u16_at(bytes, 64)?).saturating_sub(2).min(64);
    let size = u64::from_le_bytes(array(bytes, 120)?) & u64::from(u32::MAX);
    Some(Entry {
        name: utf16(&bytes[..length]),
        first: u32_at(bytes, 116)?,
        bytes: usize::try_from(size).ok()?,
    })
}
