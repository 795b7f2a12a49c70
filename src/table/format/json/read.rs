//! The tables of a JSON file, for those who only read.
//!
//! Rows on lines, after each other or in one array are read as they come. A file that is one value of another shape is read
//! into memory first, up to a limit; a larger one must have one array of rows, as if it were to be copied.
//!
//! A document that says something itself, beside the tables within it, is also a row.

use std::io::{Cursor, Read};
use std::sync::Arc;

use crate::error::Result;
use crate::table::format::block::Options;
use crate::table::format::found::{Faults, Found};

use super::document::{Grid, PartReader, parts};
use super::lex::Lexer;
use super::reason::JsonReason;
use super::table::{BOM, HEAD_BYTES, open, read_ahead, wrapped};

/// The largest document that is read into memory, 256 MiB.
const MAX_DOCUMENT_BYTES: usize = 1 << 28;

/// The tables of a file called `name`. Rows that can't be read are left out if reading is tolerant.
///
/// # Errors
/// If nothing in it is a table.
pub fn read<R: Read + Send + 'static>(
    mut reader: R,
    name: &str,
    options: Options,
) -> Result<Vec<Found<'static>>> {
    let mut ahead = read_ahead(&mut reader, HEAD_BYTES)?;
    if !is_document(&ahead) {
        return Ok(vec![rows(Cursor::new(ahead).chain(reader), name, options, None)?]);
    }
    ahead.append(&mut read_ahead(&mut reader, MAX_DOCUMENT_BYTES - ahead.len())?);
    let is_large = ahead.len() == MAX_DOCUMENT_BYTES;
    let mut lexer = start(&ahead);
    let at = lexer.at;
    let is_whole = lexer.skip_value(0).is_ok();
    if is_whole && lexer.skip_space() != 0 {
        // Long rows after each other.
        return Ok(vec![rows(Cursor::new(ahead).chain(reader), name, options, None)?]);
    }
    if is_large && !is_whole {
        let faults = Faults::default();
        let table = wrapped(Cursor::new(ahead).chain(reader), &[], None, options, faults.clone());
        let table = table.map_err(|_| JsonReason::LargeDocument { limit_bytes: MAX_DOCUMENT_BYTES })?;
        return Ok(vec![Found::of(name, table, faults)]);
    }
    let document = Arc::new(ahead);
    let parts = parts(&document, at);
    if parts.is_empty() {
        return Ok(vec![match Grid::of(&document, at) {
            Some(grid) => of_grid(grid, document, name),
            None => rows(PartReader { at: 0, end: document.len(), document }, name, options, None)?,
        }]);
    }
    let itself = (document.len() <= options.max_record_bytes && says_something(&document, at)).then(|| {
        let reader = PartReader { at: 0, end: document.len(), document: document.clone() };
        rows(reader, name, options, None)
    });
    let found = parts.into_iter().map(|part| {
        let name = if name.is_empty() { part.name } else { format!("{name}/{}", part.name) };
        let within = part.is_entry.then_some(b"resource".as_slice());
        let reader = PartReader { document: document.clone(), at: part.start, end: part.end };
        rows(reader, &name, options, within)
    });
    found.chain(itself).collect()
}

/// Whether a document has members that are no objects and no arrays. A FHIR Bundle has, and none of them tells anything.
fn says_something(document: &[u8], at: usize) -> bool {
    let (mut says, mut is_bundle) = (false, false);
    let _ = Lexer { bytes: document, at }.members(0, |lexer, key| {
        says |= !matches!(lexer.next(), b'{' | b'[' | b'n');
        is_bundle |= document[key.inside] == *b"resourceType"
            && Lexer { ..*lexer }.string().is_ok_and(|kind| document[kind.inside] == *b"Bundle");
        lexer.skip_value(1)
    });
    says && !is_bundle
}

fn rows<R: Read + Send + 'static>(
    reader: R,
    name: &str,
    options: Options,
    within: Option<&'static [u8]>,
) -> Result<Found<'static>> {
    let faults = Faults::default();
    Ok(Found::of(name, open(reader, &[], options, within, faults.clone())?, faults))
}

fn of_grid(grid: Grid, document: Arc<Vec<u8>>, name: &str) -> Found<'static> {
    Found::piped(name, Faults::default(), move |out| {
        out.record(grid.names.iter())?;
        for row in 0..grid.rows() {
            out.record((0..grid.names.len()).map(|column| grid.cell(row, column, &document)))?;
        }
        Ok(())
    })
}

/// At the first byte that is no space.
fn start(head: &[u8]) -> Lexer<'_> {
    let mut lexer = Lexer { bytes: head, at: if head.starts_with(BOM) { BOM.len() } else { 0 } };
    lexer.skip_space();
    lexer
}

/// Whether the file may be one value that is no array of objects.
fn is_document(head: &[u8]) -> bool {
    let mut lexer = start(head);
    let begins = lexer.at;
    match lexer.next() {
        b'{' => match lexer.skip_value(0) {
            Ok(()) => lexer.skip_space() == 0,
            // It is cut off here, or broken; a row that is broken has another after it on the next line.
            Err(_) => {
                let length = memchr::memchr(b'\n', &head[begins..]);
                let line_end = length.map_or(head.len(), |length| begins + length);
                lexer.at > line_end || line_end == head.len()
            }
        },
        b'[' => {
            lexer.at += 1;
            lexer.skip_space() == b'['
        }
        _ => false,
    }
}

/// Whether lines that begin like this are a log with an object in each: in the first, which in a table has names, and in nearly
/// all others.
pub fn sniff_lines(head: &[u8]) -> bool {
    let mut lines = head.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let mut with_object = lines.clone().map(has_object);
    // The last may be cut off.
    let (all, some) = (lines.clone().count(), with_object.clone().filter(|has| *has).count());
    lines.next().is_some() && with_object.next() == Some(true) && (some + 1) * 10 >= all * 9
}

/// Whether there is an object with a member in a line.
fn has_object(line: &[u8]) -> bool {
    memchr::memmem::find_iter(line, b"{\"").any(|at| Lexer { bytes: line, at }.skip_value(0).is_ok())
}

/// Whether a file that begins like this is JSON.
pub fn sniff(head: &[u8]) -> bool {
    let mut lexer = Lexer { bytes: head, at: if head.starts_with(BOM) { BOM.len() } else { 0 } };
    match lexer.skip_space() {
        b'{' => {
            lexer.at += 1;
            match lexer.skip_space() {
                b'}' => true,
                b'"' => match lexer.string() {
                    Ok(_) => lexer.skip_space() == b':' || lexer.at == head.len(),
                    // A key that is cut off.
                    Err(_) => lexer.at >= head.len(),
                },
                _ => lexer.at == head.len(),
            }
        }
        b'[' => {
            lexer.at += 1;
            match lexer.skip_space() {
                b'{' => sniff(&head[lexer.at..]),
                b'[' | b']' => true,
                _ => lexer.at == head.len(),
            }
        }
        _ => false,
    }
}
