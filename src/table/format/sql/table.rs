//! A table of a dump that can be copied, with all of the dump around it.
//!
//! To know the columns, the dump is read up to the first rows of the table, and what was read is put aside and read again
//! when the copy is made.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Chain, Read, Seek, Write};

use tempfile::{SpooledTempFile, spooled_tempfile};

use crate::error::{Error, Result};
use crate::table::Row;
use crate::table::format::block::{Block, Options, Peeked, Reading};
use crate::table::format::copy::{Editor, Table};
use crate::table::format::reason::read_failed;
use crate::table::format::splice::Edits;
use crate::table::format::text::{Syntax, TextRow, TextTable};

use super::blocks::{Begins, Blocks, MAX_TABLES, Names, Wanted};
use super::cell::{self, Cell};
use super::items::Items;
use super::lex::{Dialect, Name};
use super::reason::SqlReason;
use super::step::{Item, Place, step};

/// Bytes before the table's first row that are kept in memory; beyond, in a file.
const SPOOL_BYTES: usize = 16 << 20;

/// The most columns that are kept of the tables declared in a dump.
const MAX_DECLARED: usize = 1 << 20;

/// An open dump.
pub struct SqlTable<R> {
    text: TextTable<SqlSyntax, Blocks<Again<R>>>,
    /// The first rows.
    first: Block,
}

/// What was read before, then the rest.
pub type Again<R> = Chain<SpooledTempFile, R>;

/// Opens a dump for copying the table so named, or the only one that has rows.
///
/// # Errors
/// If it has no such table. That it has a second one is found out when that is met.
pub fn table<R: Read>(reader: R, table: Option<&str>, options: Options) -> Result<SqlTable<R>> {
    let options = Options { reading: Reading::Strict, ..options };
    let tee = Tee { reader, passed: spooled_tempfile(SPOOL_BYTES) };
    let mut search = Search::new(Items::new(tee, options)?, table);
    let (wanted, columns, first) = search.find(options.block_bytes)?;
    let dialect = search.items.dialect();
    let Tee { reader, mut passed } = search.items.into_reader();
    passed.rewind().map_err(read_failed)?;
    let syntax = SqlSyntax { dialect, wanted: wanted.clone(), columns: search.said, names: columns.clone() };
    let blocks = Peeked::new(Blocks::new(passed.chain(reader), wanted, options)?);
    Ok(SqlTable { text: TextTable { head: Vec::new(), columns, syntax, blocks }, first })
}

/// A reader that puts aside what it reads.
struct Tee<R> {
    reader: R,
    passed: SpooledTempFile,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.passed.write_all(&buffer[..length])?;
        Ok(length)
    }
}

/// The search for the first rows of a table.
struct Search<'a, R> {
    items: Items<R>,
    asked: Option<&'a str>,
    declared: Declared,
    names: Names,
    /// The columns that the first statement with rows lists.
    said: Option<Vec<String>>,
}

/// The columns of the tables that a dump declares.
#[derive(Default)]
pub(super) struct Declared {
    tables: HashMap<String, Vec<(Name, Vec<String>)>>,
    tables_number: usize,
    columns_number: usize,
}

impl Declared {
    /// Adds a table.
    pub fn add(&mut self, name: Name, columns: Vec<String>) {
        self.tables_number += 1;
        self.columns_number += columns.len();
        if self.tables_number <= MAX_TABLES && self.columns_number <= MAX_DECLARED {
            self.tables.entry(name.table.clone()).or_default().push((name, columns));
        }
    }

    /// The columns of a table, as last declared.
    pub fn columns(&self, name: &Name) -> Option<&Vec<String>> {
        let list = self.tables.get(&name.table)?;
        list.iter().rev().find(|(declared, _)| declared.is(name)).map(|(_, columns)| columns)
    }

    /// The tables for which `is` holds.
    fn names(&self, is: impl Fn(&Name) -> bool) -> Vec<Name> {
        let all = self.tables.values().flatten().map(|(name, _)| name);
        let mut names: Vec<Name> = all.filter(|name| is(name)).cloned().collect();
        names.sort_by_key(Name::to_string);
        names.dedup();
        names
    }
}

/// Names for columns without any.
pub(super) fn numbered(width: usize) -> Vec<String> {
    (1..=width).map(|number| format!("column{number}")).collect()
}

impl<'a, R: Read> Search<'a, R> {
    fn new(items: Items<R>, asked: Option<&'a str>) -> Self {
        Search { items, asked, declared: Declared::default(), names: Names::default(), said: None }
    }

    fn is_asked(&self, name: &Name) -> bool {
        self.asked.is_none_or(|asked| name.is_asked(asked))
    }

    /// The table, its columns, and a block of its first rows.
    fn find(&mut self, block_bytes: usize) -> Result<(Wanted, Vec<String>, Block)> {
        let mut current: Option<(Name, Option<Vec<String>>)> = None;
        while let Some((range, item)) = self.items.next_item()? {
            match item {
                Item::Create(name, columns) => self.declared.add(name, columns),
                Item::Begin(name, columns) => {
                    self.names.add(&name);
                    current = self.is_asked(&name).then_some((name, columns));
                }
                Item::Row(start) => {
                    if let Some((name, said)) = current.take() {
                        let width = self.width(start, range.end);
                        self.items.take_before(&range);
                        return Ok(self.found(name, said, width, block_bytes));
                    }
                }
                Item::Broken => return Err(SqlReason::Broken.into()),
                Item::Other => {}
            }
            self.items.take();
        }
        self.without_rows()
    }

    /// The number of values of the row that has just passed.
    fn width(&self, start: usize, end: usize) -> usize {
        let (bytes, mut cells) = (self.items.bytes(), Vec::new());
        match self.items.place() {
            Place::Lines => cell::line(bytes, start, end, &mut cells),
            _ => _ = cell::tuple(&bytes[..end], start, self.items.dialect(), &mut cells),
        }
        cells.len()
    }

    fn found(
        &mut self,
        name: Name,
        said: Option<Vec<String>>,
        width: usize,
        block_bytes: usize,
    ) -> (Wanted, Vec<String>, Block) {
        let columns = said.as_ref().or_else(|| self.declared.columns(&name)).cloned();
        let begins = Begins { place: self.items.place(), wanted: true };
        // What can't be read here is met again when the rows pass.
        while self.items.passed_bytes() < block_bytes && matches!(self.items.next_item(), Ok(Some(_))) {}
        let first = Block { begins: begins.code(), ..Block::of(self.items.take().to_vec()) };
        self.said = said;
        let wanted = Wanted { name, asked: self.asked.map(str::to_owned) };
        (wanted, columns.unwrap_or_else(|| numbered(width)), first)
    }

    fn without_rows(&self) -> Result<(Wanted, Vec<String>, Block)> {
        let mut names = Names::default();
        let declared = self.declared.names(|name| self.is_asked(name));
        if let [name] = &*declared {
            let wanted = Wanted { name: name.clone(), asked: self.asked.map(str::to_owned) };
            let columns = self.declared.columns(name).cloned().unwrap_or_default();
            return Ok((wanted, columns, Block::default()));
        }
        declared.iter().for_each(|name| names.add(name));
        if !names.is_empty() {
            return Err(SqlReason::Several { names: names.list() }.into());
        }
        self.declared.names(|_| true).iter().chain([]).for_each(|name| names.add(name));
        let known = if self.names.is_empty() { names.list() } else { self.names.list() };
        Err(if known.is_empty() { SqlReason::Empty } else { SqlReason::NoTable { names: known } }.into())
    }
}

impl<R: Read + Send> Table for SqlTable<R> {
    fn columns(&self) -> &[String] {
        self.text.columns()
    }

    fn peek(&mut self, see: &mut dyn FnMut(&dyn Row)) -> Result<()> {
        self.text.syntax.rows(&self.first, &mut Vec::new(), |row| {
            see(row);
            Ok(())
        })?;
        Ok(())
    }

    fn rows(self, see: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<u64> {
        self.text.rows(see)
    }

    fn copy<E: Editor>(
        self,
        editor: &E,
        outputs: &mut [impl Write + Send],
        merge: impl FnMut(&mut E::Work) -> Result<()> + Send,
    ) -> Result<u64> {
        self.text.copy(editor, outputs, merge)
    }
}

/// How the rows of the wanted table are written.
pub struct SqlSyntax {
    dialect: Dialect,
    wanted: Wanted,
    /// The columns as the first statement lists them, if it does.
    columns: Option<Vec<String>>,
    /// The names of its columns.
    names: Vec<String>,
}

impl SqlSyntax {
    fn check_columns(&self, listed: Option<&Vec<String>>) -> Result<()> {
        if listed == self.columns.as_ref() { Ok(()) } else { Err(SqlReason::OtherColumns.into()) }
    }
}

impl Syntax for SqlSyntax {
    type Scratch = Vec<Cell>;
    type Row<'a> = SqlRow<'a>;

    fn rows(
        &self,
        block: &Block,
        cells: &mut Vec<Cell>,
        mut see: impl FnMut(&SqlRow<'_>) -> Result<()>,
    ) -> Result<u64> {
        let bytes = block.bytes();
        let Begins { mut place, mut wanted } = Begins::of(block.begins);
        let (mut at, mut rows) = (0, 0);
        while at < bytes.len() {
            let Some(next) = step(bytes, at, place, self.dialect, true) else { break };
            match next.item {
                Item::Begin(name, listed) => {
                    wanted = self.wanted.is(&name);
                    if wanted {
                        self.check_columns(listed.as_ref()).map_err(|error| error.at_row(rows + 1))?;
                    }
                }
                Item::Row(start) if wanted => {
                    rows += 1;
                    match next.place {
                        Place::Lines => cell::line(bytes, start, next.end, cells),
                        _ => cell::tuple(&bytes[..next.end], start, self.dialect, cells)
                            .ok_or_else(|| Error::from(SqlReason::Broken).at_row(rows))?,
                    }
                    let (found, expected) = (cells.len(), self.names.len());
                    if found != expected {
                        return Err(Error::from(SqlReason::Width { found, expected }).at_row(rows));
                    }
                    see(&SqlRow { bytes, cells, names: &self.names }).map_err(|error| error.at_row(rows))?;
                }
                _ => {}
            }
            (at, place) = (next.end, next.place);
        }
        Ok(rows)
    }
}

/// A row of a dump.
pub struct SqlRow<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) cells: &'a [Cell],
    pub(super) names: &'a [String],
}

impl Row for SqlRow<'_> {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        self.cells.get(column).map_or(Cow::Borrowed(b""), |cell| cell.text(self.bytes))
    }
}

impl TextRow for SqlRow<'_> {
    fn replace(&self, column: usize, new_text: &str, edits: &mut Edits) -> Result<()> {
        let replaced = self.cells[column].replace(self.bytes, new_text, edits);
        replaced.map_err(|error| error.at_column(self.names[column].clone()))
    }
}
