//! Files, opened for copying, whatever their format.
//!
//! A file is, from the outside in: bytes that are hashed, perhaps compressed, perhaps in another encoding, and a [`Format`]
//! within. All of it is sniffed from the first bytes, and a copy is written likewise.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::table::Row;

use super::block;
use super::copy::{Editor, Table};
use super::csv::{self, CsvTable};
use super::digest::{Hashing, SourceBytes};

/// A format whose files can be copied with edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text with a byte between fields.
    Csv,
}

impl Format {
    /// Its name, as commands and the ledger say it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
        }
    }
}

/// How to open a file.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The byte between fields of CSV; sniffed if `None`.
    pub delimiter: Option<u8>,
    /// Columns that must be there, for formats whose first rows need not have all.
    pub columns: Vec<String>,
    /// How text is cut into blocks.
    pub blocks: block::Options,
}

/// Bytes that are read once, in order.
pub type Stream<'a> = Box<dyn Read + Send + 'a>;

/// Where a file comes from.
pub enum Input<'a> {
    /// From a pipe, or from memory. A format that needs to be read here and there is put into a temporary file first.
    Stream(Stream<'a>),
    /// From the disk.
    File(PathBuf),
}

impl<'a> Input<'a> {
    /// What `reader` gives.
    pub fn stream(reader: impl Read + Send + 'a) -> Input<'a> {
        Input::Stream(Box::new(reader))
    }
}

/// A file that is open.
pub struct Opened<'a> {
    format: Format,
    table: AnyTable<'a>,
    source: Box<dyn SourceBytes + 'a>,
    wrapping: Wrapping,
}

enum AnyTable<'a> {
    Csv(CsvTable<Stream<'a>>),
}

/// What is around the text of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrapping;

/// A copy in the making, with the same around it.
pub struct Wrapped<W>(W);

/// Opens a file.
///
/// # Errors
/// If it can't be read, or not as it was asked, or holds no table.
pub fn open<'a>(input: Input<'a>, asked: &Asked) -> Result<Opened<'a>> {
    let stream = match input {
        Input::Stream(stream) => stream,
        Input::File(path) => Box::new(File::open(&path).map_err(|error| Error::io("open", &path, error))?),
    };
    let input = Hashing::new(stream);
    let source = Box::new(input.passed());
    let table = AnyTable::Csv(csv::table(Box::new(input) as Stream, asked.delimiter, asked.blocks)?);
    Ok(Opened { format: Format::Csv, table, source, wrapping: Wrapping })
}

impl<'a> Opened<'a> {
    /// Its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Its table, for those who only read.
    pub fn into_table(self) -> impl Table + 'a {
        self.table
    }

    /// Takes it apart: the table, the bytes that are read, and what is around them.
    pub fn into_parts(self) -> (impl Table + 'a, Box<dyn SourceBytes + 'a>, Wrapping) {
        (self.table, self.source, self.wrapping)
    }
}

impl Wrapping {
    /// Puts it around a copy.
    pub fn wrap<W: Write>(self, output: W) -> Wrapped<W> {
        Wrapped(output)
    }
}

impl<W: Write> Wrapped<W> {
    /// Ends the copy; gives what it was written to.
    pub fn finish(self) -> io::Result<W> {
        Ok(self.0)
    }
}

impl<W: Write> Write for Wrapped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Does the same with the table of any format.
macro_rules! with_table {
    ($any:expr, $table:ident => $does:expr) => {
        match $any {
            AnyTable::Csv($table) => $does,
        }
    };
}

impl Table for AnyTable<'_> {
    fn columns(&self) -> &[String] {
        with_table!(self, table => table.columns())
    }

    fn peek(&mut self, see: &mut dyn FnMut(&dyn Row)) -> Result<()> {
        with_table!(self, table => table.peek(see))
    }

    fn rows(self, see: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<u64> {
        with_table!(self, table => table.rows(see))
    }

    fn copy<E: Editor>(
        self,
        editor: &E,
        outputs: &mut [impl Write + Send],
        merge: impl FnMut(&mut E::Work) -> Result<()> + Send,
    ) -> Result<u64> {
        with_table!(self, table => table.copy(editor, outputs, merge))
    }
}
