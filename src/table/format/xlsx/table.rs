//! A sheet of a workbook as a table that can be copied.
//!
//! The sheet is text of blocks of rows, as a [`TextTable`] is; what is around it, the rest of the sheet and of the archive, is
//! put around the copies here.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::table::Row;
use crate::table::format::block::{Block, Options, Peeked};
use crate::table::format::copy::{Editor, Table};
use crate::table::format::reason::write_failed;
use crate::table::format::splice::Edits;
use crate::table::format::text::{Syntax, TextRow, TextTable};

use super::handle::Handle;
use super::package::{Copy, Package};
use super::part::Part;
use super::reason::XlsxReason;
use super::rows::{Head, Rows, SharedRows};
use super::scan::{Cells, MAX_COLUMNS, TagKind, next_tag};
use super::workbook::{Shared, Sheet, Workbook};

/// An open sheet.
pub struct XlsxTable {
    package: Package,
    /// The number of the sheet's part.
    part: usize,
    text: TextTable<SheetSyntax, SharedRows<Part>>,
    rows: Arc<Mutex<Rows<Part>>>,
}

/// Opens the sheet with a name, or the only one that holds a table.
pub(super) fn table(file: File, sheet: Option<&str>, options: Options) -> Result<XlsxTable> {
    let mut package = Package::open(Handle::new(file)?)?;
    let workbook = Workbook::read(&mut package)?;
    let (sheet, opened) = match sheet {
        Some(asked) => {
            let named = workbook.sheets.iter().find(|sheet| sheet.name == asked);
            let no_sheet = || XlsxReason::NoSheet { asked: asked.to_owned(), sheets: workbook.names() };
            let sheet = named.ok_or_else(no_sheet)?;
            let opened = Rows::open(package.part(sheet.part)?, options)?;
            (sheet, opened.ok_or_else(|| XlsxReason::NoTable(vec![sheet.name.clone()]))?)
        }
        None => only_table(&mut package, &workbook, options)?,
    };
    Ok(with_sheet(package, sheet, opened, &workbook.shared))
}

fn only_table<'a>(
    package: &mut Package,
    workbook: &'a Workbook,
    options: Options,
) -> Result<(&'a Sheet, (Head, Rows<Part>))> {
    let mut tables = Vec::new();
    for sheet in &workbook.sheets {
        if let Some(opened) = Rows::open(package.part(sheet.part)?, options)? {
            // One is kept open, the names of the others are.
            tables.push((sheet, tables.is_empty().then_some(opened)));
        }
    }
    match tables.len() {
        0 => Err(XlsxReason::NoTable(workbook.names()).into()),
        1 => {
            let (sheet, opened) = tables.remove(0);
            Ok((sheet, opened.ok_or(XlsxReason::Cut)?))
        }
        _ => Err(XlsxReason::Several(tables.iter().map(|(sheet, _)| sheet.name.clone()).collect()).into()),
    }
}

fn with_sheet(
    package: Package,
    sheet: &Sheet,
    opened: (Head, Rows<Part>),
    shared: &Arc<Shared>,
) -> XlsxTable {
    let (head, rows) = opened;
    let (names, columns) = names(&head, shared);
    let rows = Arc::new(Mutex::new(rows));
    let syntax = SheetSyntax { shared: shared.clone(), columns, names: names.clone() };
    let blocks = Peeked::new(SharedRows(rows.clone()));
    let text = TextTable { head: head.bytes, columns: names, syntax, blocks };
    XlsxTable { package, part: sheet.part, text, rows }
}

/// All tables of a workbook, with the names of their sheets.
pub(super) fn tables(file: Handle, options: Options) -> Result<Vec<(String, Result<XlsxTable>)>> {
    let mut package = Package::open(file)?;
    let workbook = Workbook::read(&mut package)?;
    let mut tables = Vec::new();
    for sheet in &workbook.sheets {
        let opened = package.part(sheet.part).and_then(|part| Rows::open(part, options));
        let table = match opened {
            Ok(None) => continue,
            Ok(Some(opened)) => Ok(with_sheet(package.clone(), sheet, opened, &workbook.shared)),
            Err(error) => Err(error),
        };
        tables.push((sheet.name.clone(), table));
    }
    Ok(tables)
}

/// The names of the columns, and which columns of the grid they are: from the first with a name to the last.
fn names(head: &Head, shared: &Shared) -> (Vec<String>, Range<usize>) {
    let (bytes, mut cells) = (&head.bytes, Cells::default());
    // It was read before, so it can be read again.
    if let Ok(Some(tag)) = next_tag(bytes, head.row.start) {
        let _ = cells.read(bytes, &tag, &(0..MAX_COLUMNS));
    }
    let text = |column| {
        let text = cells.cell(column).map(|cell| cell.text(bytes, shared)).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    };
    let has_name = |column: &usize| !text(*column).is_empty();
    let first = cells.columns().find(has_name).unwrap_or(0);
    let end = cells.columns().filter(has_name).last().map_or(first, |last| last + 1);
    ((first..end).map(text).collect(), first..end)
}

/// How the rows of one sheet are written.
pub(super) struct SheetSyntax {
    shared: Arc<Shared>,
    columns: Range<usize>,
    names: Vec<String>,
}

impl Syntax for SheetSyntax {
    type Scratch = Cells;
    type Row<'a> = SheetRow<'a>;

    fn rows(
        &self,
        block: &Block,
        cells: &mut Cells,
        mut see: impl FnMut(&SheetRow<'_>) -> Result<()>,
    ) -> Result<u64> {
        let (bytes, mut rows, mut at) = (block.bytes(), 0, 0);
        let broken = |reason: XlsxReason, rows| Error::from(reason).at_row(rows + 1);
        while let Some(tag) = next_tag(bytes, at).map_err(|reason| broken(reason, rows))? {
            if tag.kind == TagKind::Close || tag.local(bytes) != b"row" {
                return Err(broken(XlsxReason::Syntax, rows));
            }
            let end = cells.read(bytes, &tag, &self.columns).map_err(|reason| broken(reason, rows))?;
            at = end.ok_or_else(|| broken(XlsxReason::Cut, rows))?;
            // Rows that only have a style are no records, as blank lines are none.
            if cells.is_blank() {
                continue;
            }
            rows += 1;
            see(&SheetRow { bytes, cells, syntax: self }).map_err(|error| error.at_row(rows))?;
        }
        Ok(rows)
    }
}

/// A row of a sheet.
pub(super) struct SheetRow<'a> {
    bytes: &'a [u8],
    cells: &'a Cells,
    syntax: &'a SheetSyntax,
}

impl Row for SheetRow<'_> {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        match self.cells.cell(column) {
            Some(cell) => cell.text(self.bytes, &self.syntax.shared),
            None => Cow::Borrowed(b""),
        }
    }
}

impl TextRow for SheetRow<'_> {
    fn replace(&self, column: usize, new_text: &str, edits: &mut Edits) -> Result<()> {
        let replaced = match self.cells.cell(column) {
            Some(cell) => cell.replace(self.bytes, &self.syntax.shared, new_text, edits),
            None => Err(XlsxReason::Absent),
        };
        replaced.map_err(|reason| Error::from(reason).at_column(self.syntax.names[column].clone()))
    }
}

impl XlsxTable {
    /// Calls `see` with what stands after the grid: all blocks have passed.
    fn tail(rows: &Mutex<Rows<Part>>, see: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        rows.lock().unwrap_or_else(PoisonError::into_inner).tail(see)
    }
}

impl Table for XlsxTable {
    fn columns(&self) -> &[String] {
        &self.text.columns
    }

    fn peek(&mut self, see: &mut dyn FnMut(&dyn Row)) -> Result<()> {
        self.text.peek(see)
    }

    fn rows(self, see: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<u64> {
        let rows = self.text.rows(see)?;
        // The checksum is known at the end.
        Self::tail(&self.rows, |_| Ok(()))?;
        Ok(rows)
    }

    fn copy<E: Editor>(
        mut self,
        editor: &E,
        outputs: &mut [impl Write + Send],
        merge: impl FnMut(&mut E::Work) -> Result<()> + Send,
    ) -> Result<u64> {
        // Of whichever sheet: that the rows are those of another can't be told with certainty.
        if self.package.has_pivot_rows()? {
            return Err(XlsxReason::Pivot.into());
        }
        let mut copies: Vec<_> = outputs.iter_mut().map(Copy::new).collect();
        self.package.copy_before(self.part, &mut copies)?;
        self.package.begin(self.part, &mut copies)?;
        let rows = self.text.copy(editor, &mut copies, merge)?;
        Self::tail(&self.rows, |bytes| {
            copies.iter_mut().try_for_each(|copy| copy.write_all(bytes)).map_err(write_failed)
        })?;
        self.package.copy_after(self.part, &mut copies)?;
        copies.into_iter().try_for_each(Copy::finish)?;
        Ok(rows)
    }
}
