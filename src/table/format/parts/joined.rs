//! All parts as one table, for those who only read.

use std::path::Path;

use crate::error::Result;
use crate::table::Row;
use crate::table::format::block::{Options, Reading};
use crate::table::format::copy::Table as _;
use crate::table::format::digest::SourceBytes;
use crate::table::format::found::{Faults, Found};
use crate::table::format::kind::Said;
use crate::table::format::open::{Asked, Opened, open};
use crate::table::format::source::Input;

use super::columns::Columns;
use super::hive;
use super::listing::{Leaf, Listing};

/// Opens a folder that is one table: its rows as CSV text, and the hash of the list of its files.
///
/// # Errors
/// As [`Listing::of`] and [`joined`].
pub fn as_csv(folder: &Path, said: &Said) -> Result<(Found<'static>, Box<dyn SourceBytes>)> {
    let listing = Listing::of(folder)?;
    let found = joined(listing.parts.clone(), said)?;
    Ok((found, Box::new(listing)))
}

/// Opens one file as a part of the table that the names of the folders around it speak of: the columns that stand there are
/// among its own. `None` if there are none.
///
/// # Errors
/// As [`joined`].
pub fn around(path: &Path, said: &Said) -> Result<Option<Found<'static>>> {
    let folders = hive::around(path).len();
    if folders == 0 {
        return Ok(None);
    }
    let names: Vec<_> = path.components().rev().take(folders + 1).collect();
    let names: Vec<_> = names.iter().rev().map(|name| name.as_os_str().to_string_lossy()).collect();
    let part = Leaf { name: names.join("/"), path: path.to_owned(), bytes: 0 };
    joined(vec![part], said).map(Some)
}

/// The rows of all parts, one after another, as CSV text with the columns of all of them.
///
/// # Errors
/// If one can't be opened. The table's: if a row can't be read.
pub fn joined(parts: Vec<Leaf>, said: &Said) -> Result<Found<'static>> {
    let mut columns = Columns::default();
    for part in &parts {
        let opened = part.open(said)?;
        columns.add(&opened.with_constants(&hive::constants(&part.name)));
    }
    let said = said.clone();
    Ok(Found::piped("", Faults::default(), move |out| {
        let width = columns.names().len();
        out.record(columns.names().iter())?;
        for part in &parts {
            let mut opened = part.open(&said)?;
            opened.arrange(columns.names(), &hive::constants(&part.name));
            let mut see = |row: &dyn Row| out.record((0..width).map(|column| row.cell(column)));
            opened.into_table().rows(&mut see).map_err(|error| part.named(error))?;
        }
        Ok(())
    }))
}

impl Leaf {
    fn open(&self, said: &Said) -> Result<Opened<'static>> {
        let blocks = Options::new(Reading::Strict);
        let asked = Asked { said: said.clone(), columns: Vec::new(), blocks };
        open(Input::File(self.path.clone()), &asked).map_err(|error| self.named(error))
    }

    /// The error with the file's name.
    pub fn named(&self, error: crate::error::Error) -> crate::error::Error {
        error.in_data(&self.path.display().to_string())
    }
}
