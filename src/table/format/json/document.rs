//! The tables of a document that is one value: arrays of objects within it, and grids.
//!
//! A grid is a table whose rows are no objects: an array of arrays that begins with the names; `columns` and `data`; or one
//! list for each column. The lists of pandas are objects, whose keys number the rows; or rows have names, and are in an object.

use std::io::{self, Read};
use std::sync::Arc;

use super::cell::{Kind, Slot, unescaped};
use super::lex::{Lexer, Quoted};
use super::path::{self, Step};
use super::reason::JsonReason;

/// Cells of a grid: 384 MiB while it is read.
const MAX_CELLS: usize = 1 << 24;
/// Columns of rows with names: each is looked for among them.
const MAX_NAMES: usize = 1 << 12;
/// Tables of one document, and the levels at which they are looked for.
pub(super) const MAX_TABLES: usize = 64;
const MAX_LEVELS: usize = 4;

/// An array of objects in a document.
pub(super) struct Part {
    /// Its path.
    pub name: String,
    /// Whether its rows are entries of a FHIR Bundle, whose columns are those of their resource.
    pub is_entry: bool,
    pub start: usize,
    pub end: usize,
}

/// The arrays of objects in `bytes`, as far as it can be read.
pub(super) fn parts(bytes: &[u8], at: usize) -> Vec<Part> {
    let mut found = Vec::new();
    // What is broken ends the search, and what was found stays.
    let _ = look(&mut Lexer { bytes, at }, &mut Vec::new(), &mut found);
    found
}

fn look(lexer: &mut Lexer, path: &mut Vec<Step>, found: &mut Vec<Part>) -> Result<(), JsonReason> {
    let (depth, bytes) = (path.len(), lexer.bytes);
    match lexer.next() {
        b'{' if depth < MAX_LEVELS => lexer.members(depth, |lexer, key| {
            path.push(Step::Member(unescaped(&bytes[key.inside])));
            let looked = look(lexer, path, found);
            path.pop();
            looked
        }),
        b'[' if depth > 0 && found.len() < MAX_TABLES => {
            let mut first = Lexer { bytes, at: lexer.at + 1 };
            if first.skip_space() != b'{' {
                return lexer.skip_value(depth);
            }
            let is_entry = matches!(path.as_slice(), [Step::Member(name)] if is_entries(name, &mut first));
            let part = Part { name: path::name(path), is_entry, start: lexer.at, end: bytes.len() };
            let at = found.len();
            found.push(part);
            lexer.skip_value(depth)?;
            found[at].end = lexer.at;
            Ok(())
        }
        _ => lexer.skip_value(depth),
    }
}

/// Whether an array called `name` with this first object holds the entries of a FHIR Bundle.
pub(super) fn is_entries(name: &[u8], first: &mut Lexer) -> bool {
    name == b"entry" && has_member(first, b"resource")
}

fn has_member(lexer: &mut Lexer, name: &[u8]) -> bool {
    let (mut has, bytes) = (false, lexer.bytes);
    let _ = lexer.members(0, |lexer, key| {
        has |= bytes[key.inside] == *name;
        lexer.skip_value(1)
    });
    has
}

/// A table whose rows are no objects.
#[derive(Default)]
pub(super) struct Grid {
    pub names: Vec<String>,
    /// By row or by column.
    lists: Vec<Vec<Slot>>,
    by_column: bool,
}

impl Grid {
    /// The grid that `bytes` is, if it is one.
    pub fn of(bytes: &[u8], at: usize) -> Option<Grid> {
        let mut lexer = Lexer { bytes, at };
        let grid = match lexer.next() {
            b'[' => Grid::of_lists(&mut lexer),
            _ => Grid::of_split(&mut Lexer { bytes, at })
                .or_else(|| Grid::of_rows(&mut Lexer { bytes, at }))
                .or_else(|| Grid::of_columns(&mut lexer)),
        };
        grid.filter(|grid| !grid.names.is_empty())
    }

    /// `[["Id","x"],[1,2]]`. A list that is cut off ends it.
    fn of_lists(lexer: &mut Lexer) -> Option<Grid> {
        let bytes = lexer.bytes;
        let mut lists = lists(lexer);
        if lists.is_empty() {
            return None;
        }
        let names = lists.remove(0).into_iter().map(|slot| text(slot, bytes)).collect();
        Some(Grid { names, lists, by_column: false })
    }

    /// `{"columns":["Id","x"],"data":[[1,2]]}`.
    fn of_split(lexer: &mut Lexer) -> Option<Grid> {
        let (bytes, mut grid, mut has) = (lexer.bytes, Grid::default(), [false; 2]);
        let _ = lexer.members(0, |lexer, key| match &bytes[key.inside] {
            b"columns" if lexer.next() == b'[' => {
                has[0] = true;
                grid.names = list(lexer, MAX_CELLS)?.into_iter().map(|slot| text(slot, bytes)).collect();
                Ok(())
            }
            b"data" if lexer.next() == b'[' => {
                has[1] = true;
                let mut ahead = Lexer { bytes, at: lexer.at };
                grid.lists = lists(&mut ahead);
                lexer.skip_value(1)
            }
            _ => lexer.skip_value(1),
        });
        (has == [true; 2]).then_some(grid)
    }

    /// `{"0":{"Id":1,"x":3},"1":{"Id":2,"x":4}}`. The names of rows may be the key, so they are a column, without a name.
    fn of_rows(lexer: &mut Lexer) -> Option<Grid> {
        let bytes = lexer.bytes;
        let (mut grid, mut cells) = (Grid { names: vec![String::new()], ..Grid::default() }, 0);
        let mut is_grid = true;
        let _ = lexer.members(0, |lexer, key| {
            is_grid &= lexer.next() == b'{';
            let mut row = vec![quoted(key)];
            named(lexer, &mut grid.names, &mut row)?;
            cells += row.len();
            grid.lists.push(row);
            if is_grid && cells <= MAX_CELLS { Ok(()) } else { Err(JsonReason::Syntax) }
        });
        let is_number = |name: &[u8]| name.iter().all(u8::is_ascii_digit);
        // Columns would be numbered within, and be fewer than rows.
        is_grid &= grid.names.iter().any(|name| !is_number(name.as_bytes()))
            && (grid.lists.len() >= grid.names.len()
                || grid.lists.iter().all(|row| is_number(&row[0].text(bytes))));
        is_grid.then_some(grid)
    }

    /// `{"Id":[1,2],"x":{"0":3,"1":4}}`.
    fn of_columns(lexer: &mut Lexer) -> Option<Grid> {
        let (bytes, mut grid, mut cells) = (lexer.bytes, Grid { by_column: true, ..Grid::default() }, 0);
        let mut is_grid = true;
        let _ = lexer.members(0, |lexer, key| {
            let column = list(lexer, MAX_CELLS.saturating_sub(cells))?;
            cells += column.len();
            is_grid &= column.iter().any(|slot| slot.kind != Kind::Nothing);
            grid.names.push(String::from_utf8_lossy(&unescaped(&bytes[key.inside])).into_owned());
            grid.lists.push(column);
            Ok(())
        });
        let length = grid.lists.first().map_or(0, Vec::len);
        (is_grid && length > 0 && grid.lists.iter().all(|list| list.len() == length)).then_some(grid)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        if self.by_column { self.lists.first().map_or(0, Vec::len) } else { self.lists.len() }
    }

    /// A cell, in the bytes that the grid was found in.
    pub fn cell<'b>(&self, row: usize, column: usize, bytes: &'b [u8]) -> std::borrow::Cow<'b, [u8]> {
        let (list, at) = if self.by_column { (column, row) } else { (row, column) };
        let slot = self.lists.get(list).and_then(|list| list.get(at)).copied().unwrap_or_default();
        slot.text(bytes)
    }
}

fn text(slot: Slot, bytes: &[u8]) -> String {
    String::from_utf8_lossy(&slot.text(bytes)).into_owned()
}

/// The lists in an array, as far as it can be read.
fn lists(lexer: &mut Lexer) -> Vec<Vec<Slot>> {
    let (mut lists, mut cells) = (Vec::new(), 0);
    let _ = lexer.items(0, |lexer, _| {
        let list = list(lexer, MAX_CELLS.saturating_sub(cells))?;
        // An empty list needs memory too.
        cells += list.len() + 1;
        lists.push(list);
        Ok(())
    });
    lists
}

/// Puts the values of an object below their names; a new name is a new column.
fn named(lexer: &mut Lexer, names: &mut Vec<String>, row: &mut Vec<Slot>) -> Result<(), JsonReason> {
    let bytes = lexer.bytes;
    let mut next = 1;
    lexer.members(1, |lexer, key| {
        let name = String::from_utf8_lossy(&unescaped(&bytes[key.inside])).into_owned();
        // Nearly always they come in the same order.
        let at =
            if names.get(next) == Some(&name) { Some(next) } else { names.iter().position(|n| *n == name) };
        let at = match at {
            Some(at) => at,
            None if names.len() == MAX_NAMES => return Err(JsonReason::Syntax),
            None => {
                names.push(name);
                names.len() - 1
            }
        };
        row.resize(row.len().max(at + 1), Slot::default());
        row[at] = slot(lexer)?;
        next = at + 1;
        Ok(())
    })
}

/// The values of an array or of an object.
fn list(lexer: &mut Lexer, limit: usize) -> Result<Vec<Slot>, JsonReason> {
    let mut slots = Vec::new();
    let mut add = |lexer: &mut Lexer| {
        if slots.len() >= limit {
            return Err(JsonReason::Syntax);
        }
        slots.push(slot(lexer)?);
        Ok(())
    };
    match lexer.next() {
        b'[' => lexer.items(1, |lexer, _| add(lexer))?,
        b'{' => lexer.members(1, |lexer, _| add(lexer))?,
        _ => return Err(JsonReason::Syntax),
    }
    Ok(slots)
}

fn quoted(string: Quoted) -> Slot {
    Slot::new(string.inside, if string.escaped { Kind::Escaped } else { Kind::Plain })
}

/// One value; an object or an array says nothing.
fn slot(lexer: &mut Lexer) -> Result<Slot, JsonReason> {
    Ok(match lexer.next() {
        b'"' => quoted(lexer.string()?),
        b'-' | b'0'..=b'9' => Slot::new(lexer.number()?, Kind::Number),
        b't' | b'f' => Slot::new(lexer.word()?, Kind::Truth),
        _ => {
            lexer.skip_value(2)?;
            Slot::default()
        }
    })
}

/// A part of a document, to be read as a file.
pub(super) struct PartReader {
    pub document: Arc<Vec<u8>>,
    pub at: usize,
    pub end: usize,
}

impl Read for PartReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&self.document[self.at..self.end]).read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names and the rows of a grid.
    fn grid(text: &str) -> Option<(Vec<String>, Vec<Vec<String>>)> {
        let bytes = text.as_bytes();
        let grid = Grid::of(bytes, 0)?;
        let cell = |row, column| String::from_utf8_lossy(&grid.cell(row, column, bytes)).into_owned();
        let rows =
            (0..grid.rows()).map(|row| (0..grid.names.len()).map(|column| cell(row, column)).collect());
        Some((grid.names.clone(), rows.collect()))
    }

    #[test]
    fn rows_with_names_are_a_grid() {
        let (names, rows) = grid(r#"{"0":{"Id":"a","x":1},"1":{"x":2,"Id":"b","y":true}}"#).unwrap();
        assert_eq!(names, ["", "Id", "x", "y"]);
        assert_eq!(rows, [["0", "a", "1", ""], ["1", "b", "2", "true"]]);
        let (names, rows) = grid(r#"{"V1":{"x":1},"V2":{"x":2},"V3":{"x":3"#).unwrap();
        assert_eq!(names, ["", "x"]);
        assert_eq!(rows, [["V1", "1"], ["V2", "2"]]);
    }

    #[test]
    fn numbered_cells_are_those_of_columns() {
        let (names, rows) = grid(r#"{"Id":{"0":"a","1":"b"},"x":{"0":1,"1":2}}"#).unwrap();
        assert_eq!(names, ["Id", "x"]);
        assert_eq!(rows, [["a", "1"], ["b", "2"]]);
    }
}
