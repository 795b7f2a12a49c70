//! Files, opened for copying, whatever their format.
//!
//! A file is, from the outside in: bytes that are hashed, perhaps compressed, perhaps in another encoding, and a [`Format`]
//! within. All of it is sniffed from the first bytes, and a copy is written likewise.

use std::io::Write;

use crate::error::Result;
use crate::table::Row;

use super::arrow::{self, ArrowTable};
use super::block::{self, Reading};
use super::copy::{Editor, Table};
use super::csv::{self, CsvTable};
use super::digest::SourceBytes;
use super::found::{Faults, Found};
use super::json::{self, JsonTable};
use super::kind::{Format, ReadOnly, Said};
use super::parquet::{self, ParquetTable};
use super::parts::arranged::Arranged;
use super::parts::{self, hive::Constant};
use super::source::{Input, Source, Stream};
use super::sql::{self, SqlTable};
use super::sqlite::{self, SqliteTable};
use super::wrapping::{Wrapping, unwrap};
use super::xlsx::{self, XlsxTable};

/// How to open a file.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What the user says of it.
    pub said: Said,
    /// Columns that must be there, for formats whose first rows need not have all.
    pub columns: Vec<String>,
    /// How text is cut into blocks.
    pub blocks: block::Options,
}

/// A file that is open.
pub struct Opened<'a> {
    format: Format,
    table: Arranged<AnyTable<'a>>,
    source: Box<dyn SourceBytes + 'a>,
    wrapping: Wrapping,
}

enum AnyTable<'a> {
    Csv(CsvTable<Stream<'a>>),
    Json(JsonTable<Stream<'a>>),
    Sql(SqlTable<Stream<'a>>),
    Parquet(ParquetTable),
    Arrow(ArrowTable),
    Xlsx(XlsxTable),
    Sqlite(SqliteTable),
}

/// Opens a file.
///
/// # Errors
/// If it can't be read, or not as it was asked, or holds no table.
pub fn open<'a>(input: Input<'a>, asked: &Asked) -> Result<Opened<'a>> {
    let (source, bytes) = Source::open(input)?;
    let within = unwrap(source, &asked.said, asked.blocks.reading, &Faults::default())?;
    let table = Arranged::as_is(table(within.format, within.source, asked)?);
    Ok(Opened { format: within.format, table, source: bytes, wrapping: within.wrapping })
}

/// Opens a file for those who only read: its one table as CSV text, whatever the format, and the file's bytes. CSV stays as
/// it is. The files of a folder are one table.
///
/// # Errors
/// As [`open`].
pub fn as_csv(input: Input<'static>, said: &Said) -> Result<(Found<'static>, Box<dyn SourceBytes>)> {
    if let Input::File(path) = &input
        && path.is_dir()
    {
        return parts::as_csv(path, said);
    }
    let blocks = block::Options::new(Reading::Strict);
    let asked = Asked { said: said.clone(), columns: Vec::new(), blocks };
    let (source, bytes) = Source::open(input)?;
    let within = unwrap(source, said, blocks.reading, &Faults::default())?;
    let found = match within.format {
        Format::Csv => Found::csv(within.source.into_stream(), said.delimiter),
        format => Found::of("", table(format, within.source, &asked)?, Faults::default()),
    };
    Ok((found, bytes))
}

fn table<'a>(format: Format, source: Source<'a>, asked: &Asked) -> Result<AnyTable<'a>> {
    let name = asked.said.table.as_deref();
    Ok(match format {
        Format::Csv => AnyTable::Csv(csv::table(source.into_stream(), asked.said.delimiter, asked.blocks)?),
        Format::Json => {
            AnyTable::Json(json::table(source.into_stream(), &asked.columns, name, asked.blocks)?)
        }
        Format::Sql => AnyTable::Sql(sql::table(source.into_stream(), name, asked.blocks)?),
        Format::Parquet => AnyTable::Parquet(parquet::open(source.into_file()?)?),
        Format::Arrow => AnyTable::Arrow(arrow::table(source.into_file()?, asked.blocks)?),
        Format::ArrowStream => AnyTable::Arrow(arrow::stream(source.into_file()?, asked.blocks)?),
        Format::Xlsx => AnyTable::Xlsx(xlsx::table(source.into_file()?, name, asked.blocks)?),
        Format::Sqlite => AnyTable::Sqlite(sqlite::table(source.into_path()?, name)?),
        Format::Text | Format::Xlsb | Format::Xls | Format::Ods | Format::Zip | Format::Tar => {
            return Err(ReadOnly(format).into());
        }
    })
}

impl<'a> Opened<'a> {
    /// Its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The names of its columns.
    pub fn columns(&self) -> &[String] {
        self.table.columns()
    }

    /// The names of its columns with those of `constants` that it has not itself.
    pub fn with_constants(&self, constants: &[Constant]) -> Vec<String> {
        self.table.with_constants(constants)
    }

    /// Shows the table with these columns, see [`Arranged::arrange`].
    pub fn arrange(&mut self, columns: &[String], constants: &[Constant]) {
        self.table.arrange(columns, constants);
    }

    /// Calls `see` with some of the first rows, which stay to be passed.
    ///
    /// # Errors
    /// If one can't be read.
    pub fn peek(&mut self, see: &mut dyn FnMut(&dyn Row)) -> Result<()> {
        self.table.peek(see)
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

/// Does the same with the table of any format.
macro_rules! with_table {
    ($any:expr, $table:ident => $does:expr) => {
        match $any {
            AnyTable::Csv($table) => $does,
            AnyTable::Json($table) => $does,
            AnyTable::Sql($table) => $does,
            AnyTable::Parquet($table) => $does,
            AnyTable::Arrow($table) => $does,
            AnyTable::Xlsx($table) => $does,
            AnyTable::Sqlite($table) => $does,
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
