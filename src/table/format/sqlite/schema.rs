//! The pages of the database's own table, which says what tables there are.
//!
//! The library reads all of it before a statement can be run, and so before anything can be checked. It follows each page that
//! another names, however often one is named: 20 pages that name the next 80 times each are read for ever. So it is looked
//! first whether the pages are a tree. Whatever else is wrong with them is left to the library.
//!
//! Source: SQLite, "Database File Format", 1.3 and 1.6.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use crate::error::Result;
use crate::table::format::reason::read_failed;

use super::reason::SqliteReason;

/// Bytes before the first page's own header.
const HEADER_BYTES: usize = 100;

/// How the pages of a table begin.
const INTERIOR: u8 = 5;
const LEAF: u8 = 13;

/// Checks that no page is named twice.
///
/// # Errors
/// If one is, or what names pages can't be read.
pub(super) fn check(mut file: &File) -> Result<()> {
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header).map_err(|_| SqliteReason::Damaged)?;
    let page_bytes = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 1 << 16,
        bytes if bytes >= 512 && bytes.is_power_of_two() => usize::from(bytes),
        _ => return Err(SqliteReason::Damaged.into()),
    };
    let (mut seen, mut ahead, mut page) = (HashSet::new(), vec![1_u32], Vec::new());
    while let Some(number) = ahead.pop() {
        let start = u64::from(number).checked_sub(1).map(|before| before * page_bytes as u64);
        let start = start.filter(|_| seen.insert(number)).ok_or(SqliteReason::Damaged)?;
        page.clear();
        file.seek(SeekFrom::Start(start)).map_err(read_failed)?;
        file.take(page_bytes as u64).read_to_end(&mut page).map_err(read_failed)?;
        let at = if number == 1 { HEADER_BYTES } else { 0 };
        ahead.extend(children(&page, at).ok_or(SqliteReason::Damaged)?);
    }
    Ok(())
}

/// The pages that a page names, whose header begins at a place.
fn children(page: &[u8], at: usize) -> Option<Vec<u32>> {
    let header = page.get(at..at + 12)?;
    match header[0] {
        LEAF => return Some(Vec::new()),
        INTERIOR => {}
        _ => return None,
    }
    let cells = usize::from(u16::from_be_bytes([header[3], header[4]]));
    let places = page.get(at + 12..)?.get(..2 * cells)?;
    let number = |at: usize| Some(u32::from_be_bytes(*page.get(at..)?.first_chunk()?));
    let places = places.chunks_exact(2).map(|place| usize::from(u16::from_be_bytes([place[0], place[1]])));
    places.chain([at + 8]).map(number).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const PAGE_BYTES: usize = 512;

    fn page(at: usize, kind: u8, names: &[u32], last: u32) -> Vec<u8> {
        let mut page = vec![0; PAGE_BYTES];
        page[at] = kind;
        page[at + 3..at + 5].copy_from_slice(&(names.len() as u16).to_be_bytes());
        page[at + 8..at + 12].copy_from_slice(&last.to_be_bytes());
        for (number, name) in names.iter().enumerate() {
            let cell = PAGE_BYTES - 5 * (number + 1);
            page[at + 12 + 2 * number..][..2].copy_from_slice(&(cell as u16).to_be_bytes());
            page[cell..cell + 4].copy_from_slice(&name.to_be_bytes());
        }
        page
    }

    fn checked(pages: &[Vec<u8>]) -> bool {
        let mut bytes = pages.concat();
        bytes[16..18].copy_from_slice(&(PAGE_BYTES as u16).to_be_bytes());
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        file.rewind().unwrap();
        check(&file).is_ok()
    }

    #[test]
    fn a_schema_is_a_tree() {
        let (leaf, first) = (page(0, LEAF, &[], 0), page(HEADER_BYTES, INTERIOR, &[2], 3));
        assert!(checked(&[page(HEADER_BYTES, LEAF, &[], 0)]));
        assert!(checked(&[first.clone(), leaf.clone(), leaf.clone()]));
        assert!(checked(&[
            first.clone(),
            leaf.clone(),
            page(0, INTERIOR, &[4], 5),
            leaf.clone(),
            leaf.clone()
        ]));
        // In a circle, twice, nowhere, and beyond the end.
        assert!(!checked(&[first.clone(), leaf.clone(), page(0, INTERIOR, &[1], 4), leaf.clone()]));
        assert!(!checked(&[
            first.clone(),
            leaf.clone(),
            page(0, INTERIOR, &[4, 4], 5),
            leaf.clone(),
            leaf.clone()
        ]));
        assert!(!checked(&[page(HEADER_BYTES, INTERIOR, &[0], 2), leaf.clone()]));
        assert!(!checked(&[first, leaf]));
    }
}
