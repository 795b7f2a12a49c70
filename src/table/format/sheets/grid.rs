//! Cells, as they come, made into tables; and the temporary file in which those wait until they are read.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use crate::error::{Error, Result};
use crate::table::format::block::MAX_RECORD_BYTES;
use crate::table::format::csv::write_record;
use crate::table::format::reason::{read_failed, write_failed};
use crate::table::format::xlsx::handle::Handle;
use crate::table::format::xlsx::workbook::MAX_SHEETS;

use super::reason::SheetsReason;

/// How much longer than its file the text of all sheets may be, and from where on that counts. Packed sheets come to 10 to 50;
/// but a cell that is repeated, or a text that many cells name, may make anything of a small file.
const MAX_RATIO: u64 = 200;
const RATIO_FROM_BYTES: u64 = 64 << 20;

/// Columns of the largest grid.
pub(super) const MAX_COLUMNS: usize = 16_384;

/// The sheets of a workbook.
pub(super) struct Spool {
    file: BufWriter<File>,
    written: u64,
    limit_bytes: u64,
    record: Vec<u8>,
    sheets: Vec<Sheet>,
    row: Row,
    /// The columns of the sheet, once its header has passed.
    columns: Option<Range<usize>>,
}

struct Sheet {
    name: String,
    start: u64,
    failed: Option<Error>,
}

/// The cells of a row that have a text.
#[derive(Default)]
struct Row {
    cells: Vec<(usize, Range<usize>)>,
    text: String,
}

/// A table's name and its text.
pub(super) type Table = (String, Box<dyn Read + Send>);

impl Spool {
    /// Lets `read` fill one from a file of so many bytes; gives its tables.
    ///
    /// # Errors
    /// That of `read`, if it came before any sheet. Otherwise it is the last sheet's.
    pub fn fill(file_bytes: u64, read: impl FnOnce(&mut Spool) -> Result<()>) -> Result<Vec<Table>> {
        let mut spool = Spool {
            file: BufWriter::new(tempfile::tempfile().map_err(write_failed)?),
            written: 0,
            limit_bytes: RATIO_FROM_BYTES.max(file_bytes.saturating_mul(MAX_RATIO)),
            record: Vec::new(),
            sheets: Vec::new(),
            row: Row::default(),
            columns: None,
        };
        let result = read(&mut spool).and_then(|()| spool.end_row());
        match (result, spool.sheets.last_mut()) {
            (Err(error), Some(sheet)) => sheet.failed = Some(error),
            (result, _) => result?,
        }
        spool.finish()
    }

    /// Begins a sheet.
    pub fn sheet(&mut self, name: String) -> Result<()> {
        self.end_row()?;
        if self.sheets.len() >= MAX_SHEETS {
            return Err(SheetsReason::Sheets { limit: MAX_SHEETS }.into());
        }
        self.columns = None;
        self.sheets.push(Sheet { name, start: self.written, failed: None });
        Ok(())
    }

    /// Says that the sheet can't be read further, while the next may.
    pub fn fail(&mut self, error: Error) -> Result<()> {
        self.end_row()?;
        if let Some(sheet) = self.sheets.last_mut() {
            sheet.failed.get_or_insert(error);
        }
        Ok(())
    }

    /// Adds a cell to the row. Spaces around a text are no part of it.
    pub fn cell(&mut self, column: usize, text: &str) -> Result<()> {
        let text = text.trim_matches(' ');
        if text.is_empty() || column >= MAX_COLUMNS {
            return Ok(());
        }
        let start = self.row.text.len();
        if start + text.len() > MAX_RECORD_BYTES {
            return Err(SheetsReason::Long { limit_bytes: MAX_RECORD_BYTES }.into());
        }
        self.row.text.push_str(text);
        self.row.cells.push((column, start..self.row.text.len()));
        Ok(())
    }

    /// Ends the row: the header if it is the first with a text.
    pub fn end_row(&mut self) -> Result<()> {
        self.repeat_row(1)
    }

    /// Ends the row, which is there some times.
    pub fn repeat_row(&mut self, times: usize) -> Result<()> {
        let Row { cells, text } = &mut self.row;
        cells.sort_by_key(|(column, _)| *column);
        if let (Some((first, _)), Some((last, _))) = (cells.first(), cells.last()) {
            let columns = self.columns.get_or_insert(*first..last + 1).clone();
            self.record.clear();
            let mut rest = cells.iter().peekable();
            let fields: Vec<&str> = columns
                .map(|column| {
                    while rest.next_if(|(other, _)| *other < column).is_some() {}
                    rest.next_if(|(other, _)| *other == column).map_or("", |(_, range)| &text[range.clone()])
                })
                .collect();
            write_record(fields.iter(), &mut self.record);
            for _ in 0..times {
                self.written += self.record.len() as u64;
                if self.written > self.limit_bytes {
                    return Err(SheetsReason::Large { limit_bytes: self.limit_bytes }.into());
                }
                self.file.write_all(&self.record).map_err(write_failed)?;
            }
        }
        cells.clear();
        text.clear();
        Ok(())
    }

    fn finish(self) -> Result<Vec<Table>> {
        let file = self.file.into_inner().map_err(|error| write_failed(error.into_error()))?;
        let file = Handle::new(file)?;
        let ends: Vec<u64> =
            self.sheets.iter().skip(1).map(|sheet| sheet.start).chain([self.written]).collect();
        let mut tables: Vec<Table> = Vec::new();
        for (sheet, end) in self.sheets.into_iter().zip(ends) {
            if sheet.start == end && sheet.failed.is_none() {
                continue;
            }
            let mut text = file.clone();
            text.seek(SeekFrom::Start(sheet.start)).map_err(read_failed)?;
            let text = text.take(end - sheet.start).chain(Failing(sheet.failed));
            tables.push((sheet.name, Box::new(text)));
        }
        Ok(tables)
    }
}

/// Ends with an error, if there is one.
struct Failing(Option<Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), |error| Err(io::Error::other(error)))
    }
}
