//! Rows in an array within the object that the file is: FHIR Bundles, `{"data":[{…},…]}`.
//!
//! Whether a file is one object, rather than rows after each other, is seen where the first object ends: if nothing comes
//! after it, or if it is longer than any row may be. What is looked at is bounded by the longest row.

use std::io::Read;

use crate::error::Result;
use crate::table::format::block::Options;

use super::blocks::Shape;
use super::cell::unescaped;
use super::document::{MAX_TABLES, is_entries};
use super::lex::Lexer;
use super::path::{self, Step};
use super::plan::Plan;
use super::reason::JsonReason;
use super::table::{LONGEST_WORD, Stand, read_ahead};
use super::tail::Tail;

/// Levels at which an array may be asked for.
const MAX_LEVELS: usize = 16;

/// What the file is, as far as the first object tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Rows after each other.
    Rows,
    /// One object.
    Whole,
    /// One object, whose end wasn't read.
    Long,
}

/// An array in an object.
struct Array {
    name: Vec<u8>,
    /// After its bracket.
    start: usize,
    is_entries: bool,
}

/// What the members of an object say.
#[derive(Default)]
struct Outline {
    arrays: Vec<Array>,
    /// Whether it is a FHIR resource, and no Bundle: a row.
    is_resource: bool,
}

/// The array of rows within the object that the file is: at the path `part`, or the only one. `None` if the rows are the
/// objects of the file.
pub(super) fn find<R: Read>(
    ahead: &mut Vec<u8>,
    at: usize,
    reader: &mut R,
    wanted: &[String],
    part: Option<&str>,
    options: Options,
) -> Result<Option<Stand>> {
    let extent = match ahead.get(at) {
        Some(b'{') => extent(ahead, at, reader, options.max_record_bytes.clamp(1, 1 << 30))?,
        _ => Extent::Rows,
    };
    match part {
        Some(_) if extent == Extent::Rows => Err(JsonReason::NoParts.into()),
        None if extent == Extent::Rows => Ok(None),
        Some(part) => at_path(ahead, at, part).map(Some),
        None => only(ahead, at, wanted, extent),
    }
}

/// The array that holds the rows if none was named; `None` if the object is a row itself.
fn only(ahead: &[u8], at: usize, wanted: &[String], extent: Extent) -> Result<Option<Stand>> {
    let Outline { mut arrays, is_resource } = outline(ahead, at);
    if let Some(entries) = arrays.iter().position(|array| array.is_entries) {
        return Ok(Some(stand(arrays.swap_remove(entries), 1, false)));
    }
    if is_resource || extent == Extent::Whole && (arrays.is_empty() || is_row(ahead, at, wanted)) {
        return Ok(None);
    }
    match arrays.len() {
        0 => Err(JsonReason::Late { limit_bytes: ahead.len() }.into()),
        1 => Ok(arrays.pop().map(|array| stand(array, 1, true))),
        _ => Err(JsonReason::several(names_of(&arrays)).into()),
    }
}

fn stand(array: Array, level: usize, only: bool) -> Stand {
    Stand {
        shape: Shape::Array,
        head_bytes: array.start,
        within: array.is_entries.then_some(b"resource".as_slice()),
        tail: Tail::of(array.name, level, only),
    }
}

/// Reads on until the first object's end is seen, or until it is longer than a row.
fn extent<R: Read>(ahead: &mut Vec<u8>, at: usize, reader: &mut R, limit: usize) -> Result<Extent> {
    let mut at_end = false;
    loop {
        let mut lexer = Lexer { bytes: ahead, at };
        match lexer.skip_value(0) {
            Ok(()) => {
                lexer.skip_space();
                if lexer.at < ahead.len() {
                    return Ok(Extent::Rows);
                }
                if at_end {
                    return Ok(Extent::Whole);
                }
            }
            Err(JsonReason::Syntax) if !at_end && lexer.at + LONGEST_WORD >= ahead.len() => {
                if ahead.len() >= limit {
                    return Ok(Extent::Long);
                }
            }
            // It is broken, which the one who reads it as a row will say.
            Err(_) => return Ok(Extent::Rows),
        }
        let more = ahead.len().clamp(1, limit);
        let mut read = read_ahead(reader, more)?;
        at_end = read.len() < more;
        ahead.append(&mut read);
    }
}

/// The arrays of objects among the members of an object, as far as it was read.
fn outline(bytes: &[u8], at: usize) -> Outline {
    let mut outline = Outline::default();
    let _ = Lexer { bytes, at }.members(0, |lexer, key| {
        let name = unescaped(&bytes[key.inside]);
        match lexer.next() {
            b'[' => {
                let start = lexer.at + 1;
                let mut first = Lexer { bytes, at: start };
                if first.skip_space() == b'{' && outline.arrays.len() < MAX_TABLES {
                    let is_entries = is_entries(&name, &mut first);
                    outline.arrays.push(Array { name, start, is_entries });
                }
            }
            b'"' if name == b"resourceType" => {
                let kind = Lexer { ..*lexer }.string()?;
                outline.is_resource = bytes[kind.inside] != *b"Bundle";
            }
            _ => {}
        }
        lexer.skip_value(1)
    });
    outline
}

/// Whether an object, as a row, has a column that is wanted.
fn is_row(bytes: &[u8], at: usize, wanted: &[String]) -> bool {
    let mut plan = Plan::new(None);
    let learned = plan.learn(&mut Lexer { bytes, at });
    let named =
        |name: &String| path::parse(name).is_ok_and(|steps| plan.columns.contains(&path::name(&steps)));
    learned.is_ok() && wanted.iter().any(named)
}

/// The array at a path that was asked for.
fn at_path(bytes: &[u8], at: usize, part: &str) -> Result<Stand> {
    let steps = path::parse(part)?;
    let names: Option<Vec<&[u8]>> = steps.iter().map(member).collect();
    let names = names.filter(|names| (1..=MAX_LEVELS).contains(&names.len()));
    let names = names.ok_or_else(|| JsonReason::Path(part.to_owned()))?;
    let mut starts = Vec::new();
    // What was not read is looked at when it is copied.
    let _ = starts_at(&mut Lexer { bytes, at }, &names, 0, &mut starts);
    match starts[..] {
        [start] => {
            let mut first = Lexer { bytes, at: start };
            let is_entries =
                first.skip_space() == b'{' && names.len() == 1 && is_entries(names[0], &mut first);
            let name = names[names.len() - 1].to_vec();
            Ok(stand(Array { name, start, is_entries }, names.len(), false))
        }
        [] => Err(JsonReason::no_part(part, names_of(&outline(bytes, at).arrays)).into()),
        _ => Err(JsonReason::Twice.into()),
    }
}

fn names_of(arrays: &[Array]) -> impl Iterator<Item = String> {
    arrays.iter().map(|array| path::name(&[Step::Member(array.name.clone())]))
}

fn member(step: &Step) -> Option<&[u8]> {
    match step {
        Step::Member(name) => Some(name),
        Step::Item(_) => None,
    }
}

/// Where the arrays begin that these names lead to.
fn starts_at(
    lexer: &mut Lexer,
    names: &[&[u8]],
    depth: usize,
    starts: &mut Vec<usize>,
) -> Result<(), JsonReason> {
    let bytes = lexer.bytes;
    lexer.members(depth, |lexer, key| {
        if unescaped(&bytes[key.inside]) == names[depth] {
            match lexer.next() {
                b'{' if depth + 1 < names.len() => return starts_at(lexer, names, depth + 1, starts),
                b'[' if depth + 1 == names.len() => starts.push(lexer.at + 1),
                _ => {}
            }
        }
        lexer.skip_value(depth + 1)
    })
}
