//! The sheets of workbooks, for those who only read them: xlsx and xlsm, xlsb, xls, ods.
//!
//! All that a leak may come in. Each sheet is a table of its own; its first row with a value holds the names of the columns.
//! Texts are the same in all four formats, so that a table that was saved in another one is found again.
//!
//! xlsx is read as it is copied. Of the others the sheets are written as CSV to a temporary file, in one pass, through a
//! [`grid`]; [`ods`] is XML, [`xlsb`] and [`xls`] are records of [`bytes`], the latter in an [`ole`] file.
//!
//! They are read here and not by a library (calamine): that trusts counts, repetitions and chains of a file in places, so that
//! a file of some kilobytes can take all memory, and a program without memory ends without an error. Tests compare with it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use crate::error::Result;

use super::block::Options;
use super::found::{Faults, Found};
use super::reason::read_failed;
use super::xlsx;
use super::xlsx::handle::Handle;
use super::xlsx::package::Package;

mod bytes;
mod grid;
mod ods;
mod ole;
mod reason;
mod xls;
mod xlsb;

use grid::Spool;

/// A format of workbooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workbook {
    /// Office Open XML: xlsx, xlsm.
    Xlsx,
    /// Office Open XML with binary parts.
    Xlsb,
    /// Excel 97 to 2003.
    Xls,
    /// OpenDocument.
    Ods,
}

/// The first bytes of a zip archive, and of an OLE file.
const ZIP: &[u8] = b"PK\x03\x04";
const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// What a file of type `mimetype` in an OpenDocument archive begins with, if it is a workbook or a template of one.
const ODS: &str = "application/vnd.oasis.opendocument.spreadsheet";

/// The longest such type.
const MAX_TYPE_BYTES: u64 = 256;

/// The format of a workbook; nothing if the file is none. The file is at its start again afterwards.
///
/// # Errors
/// If the file can't be read.
pub fn sniff(file: &File) -> Result<Option<Workbook>> {
    let mut handle = file.try_clone().map_err(read_failed)?;
    let mut first = Vec::new();
    handle.seek(SeekFrom::Start(0)).map_err(read_failed)?;
    handle.by_ref().take(OLE.len() as u64).read_to_end(&mut first).map_err(read_failed)?;
    let format = if first == OLE {
        Some(Workbook::Xls)
    } else if first.starts_with(ZIP) {
        // What is no archive after all is no workbook.
        Package::open(Handle::new(handle.try_clone().map_err(read_failed)?)?).ok().and_then(of_archive)
    } else {
        None
    };
    handle.seek(SeekFrom::Start(0)).map_err(read_failed)?;
    Ok(format)
}

fn of_archive(mut package: Package) -> Option<Workbook> {
    let kind = package.text("mimetype", "type", MAX_TYPE_BYTES).ok().flatten();
    if kind.is_some_and(|kind| kind.starts_with(ODS)) {
        return Some(Workbook::Ods);
    }
    let root = package.relations("").ok()?.into_iter().find(|relation| relation.kind == "officeDocument");
    let main = root.map_or("xl/workbook.xml".to_owned(), |relation| relation.part);
    package.find(&main)?;
    let is_workbook = main.contains("workbook");
    match main.rsplit('.').next() {
        Some("xml") if is_workbook => Some(Workbook::Xlsx),
        Some("bin") if is_workbook => Some(Workbook::Xlsb),
        _ => None,
    }
}

/// The tables of a workbook, one for each sheet that has a row with a value. A sheet that is damaged gives what comes before
/// the damage, then an error.
///
/// # Errors
/// If the file is no workbook of this format, or can't be read.
pub fn read(file: File, format: Workbook, name: &str, options: Options) -> Result<Vec<Found<'static>>> {
    let file = Handle::new(file)?;
    let bytes = file.length();
    let found = match format {
        Workbook::Xlsx => return xlsx_tables(file, name, options),
        Workbook::Ods => Spool::fill(bytes, |spool| ods::read(file, spool))?,
        Workbook::Xls => Spool::fill(bytes, |spool| xls::read(file, spool))?,
        Workbook::Xlsb => Spool::fill(bytes, |spool| xlsb::read(file, spool))?,
    };
    Ok(found
        .into_iter()
        .map(|(sheet, csv)| Found::written(within(name, &sheet), csv, Faults::default()))
        .collect())
}

fn xlsx_tables(file: Handle, name: &str, options: Options) -> Result<Vec<Found<'static>>> {
    let found = xlsx::tables(file, options)?.into_iter().map(|(sheet, table)| match table {
        Ok(table) => Found::of(within(name, &sheet), table, Faults::default()),
        Err(error) => Found::piped(within(name, &sheet), Faults::default(), move |_| Err(error)),
    });
    Ok(found.collect())
}

/// Where a sheet was found.
fn within(name: &str, sheet: &str) -> String {
    if name.is_empty() { sheet.to_owned() } else { format!("{name}/{sheet}") }
}

#[cfg(test)]
mod tests;
