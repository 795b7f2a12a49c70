//! A dump cut into blocks, and the check that it has one table only unless one was named.
//!
//! A block may begin anywhere between two items, so it says where: [`Begins`].

use std::io::Read;

use crate::error::{Error, Result};
use crate::table::format::block::{Block, Options, Source};

use super::items::Items;
use super::lex::Name;
use super::reason::SqlReason;
use super::step::{Item, Place};

/// Names that an error lists.
const MOST_NAMES: usize = 20;

/// Names that are kept of the tables of a dump, and the columns of all of them: more than any real one has, and no more
/// memory than a block or two for crafted ones.
pub(super) const MAX_TABLES: usize = 10_000;

/// The table that is copied.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub name: Name,
    /// How it was asked for.
    pub asked: Option<String>,
}

impl Wanted {
    /// Whether rows of a table so called are the ones.
    pub fn is(&self, name: &Name) -> bool {
        self.name.is(name)
    }

    /// Whether somebody could have meant another table too.
    fn is_unclear(&self, other: &Name) -> bool {
        match &self.asked {
            Some(asked) => other.is_asked(asked) && other.to_string() != *asked,
            None => true,
        }
    }
}

/// Where a block begins, and whether in the rows of the wanted table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begins {
    pub place: Place,
    pub wanted: bool,
}

impl Begins {
    /// As a block has it.
    pub fn code(self) -> u8 {
        let place = match self.place {
            Place::Top => 0,
            Place::Lines => 1,
            Place::Tuples => 2,
        };
        place << 1 | u8::from(self.wanted)
    }

    /// What [`code`](Self::code) gave.
    pub fn of(code: u8) -> Begins {
        let place = [Place::Top, Place::Lines, Place::Tuples][usize::from(code >> 1)];
        Begins { place, wanted: code & 1 == 1 }
    }
}

/// Names of tables, each once.
#[derive(Default)]
pub(super) struct Names(Vec<Name>);

impl Names {
    pub fn add(&mut self, name: &Name) {
        if self.0.len() < MAX_TABLES && !self.0.iter().any(|known| known.is(name)) {
            self.0.push(name.clone());
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Them, for an error.
    pub fn list(&self) -> String {
        let named: Vec<_> = self.0.iter().take(MOST_NAMES).map(|name| format!("`{name}`")).collect();
        let more = if self.0.len() > MOST_NAMES { ", …" } else { "" };
        named.join(", ") + more
    }
}

/// Cuts a dump into blocks.
pub struct Blocks<R> {
    items: Items<R>,
    block_bytes: usize,
    wanted: Wanted,
    /// Whose rows these are.
    current: Option<Name>,
    is_wanted: bool,
    done: bool,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(reader: R, wanted: Wanted, options: Options) -> Result<Blocks<R>> {
        let items = Items::new(reader, options)?;
        let block_bytes = options.block_bytes.max(1);
        Ok(Blocks { items, block_bytes, wanted, current: None, is_wanted: false, done: false })
    }

    fn fill(&mut self, block: &mut Block) -> Result<bool> {
        block.begins = Begins { place: self.items.place(), wanted: self.is_wanted }.code();
        let mut rows = 0;
        while self.items.passed_bytes() < self.block_bytes {
            let item = self.items.next_item().map_err(|error| error.at_row(rows + 1))?;
            let Some((_, item)) = item else { break };
            match item {
                Item::Begin(name, _) => {
                    self.is_wanted = self.wanted.is(&name);
                    self.current = Some(name);
                }
                Item::Row(_) if self.is_wanted => rows += 1,
                Item::Row(_) => self.check_other()?,
                Item::Broken if self.is_wanted => return Err(Error::from(SqlReason::Broken).at_row(rows + 1)),
                Item::Broken => return Err(SqlReason::Broken.into()),
                Item::Create(..) | Item::Other => {}
            }
        }
        let bytes = self.items.take();
        block.bytes.clear();
        block.bytes.extend_from_slice(bytes);
        Ok(!bytes.is_empty())
    }

    /// A row of another table: an error if that could be the one that is meant.
    fn check_other(&mut self) -> Result<()> {
        let Some(other) = self.current.as_ref().filter(|other| self.wanted.is_unclear(other)) else {
            return Ok(());
        };
        let mut names = Names::default();
        names.add(&self.wanted.name);
        names.add(other);
        // The rest has passed when all names are known; that it can't be read is less than what is to be said.
        let mut current = None;
        while let Ok(Some((_, item))) = self.items.next_item() {
            match item {
                Item::Begin(name, _) => current = Some(name),
                Item::Row(_) => current.take().iter().for_each(|name| names.add(name)),
                _ => {}
            }
            self.items.take();
        }
        Err(SqlReason::Several { names: names.list() }.into())
    }
}

impl<R: Read> Source for Blocks<R> {
    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        block.recycle(self.block_bytes);
        if self.done {
            block.bytes.clear();
            return Ok(false);
        }
        let filled = self.fill(block);
        self.done = !matches!(filled, Ok(true));
        filled
    }
}
