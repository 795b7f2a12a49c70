//! Workbooks with binary parts: the same parts as xlsx has, as records. Source: [MS-XLSB] 2.1, 2.4.

use std::io::{BufRead, BufReader, Read};

use crate::error::Result;
use crate::table::format::reason::read_failed;
use crate::table::format::xlsx::handle::Handle;
use crate::table::format::xlsx::package::Package;
use crate::table::format::xlsx::styles::of_code;
use crate::table::format::xlsx::workbook::MAX_SHEETS;

use super::bytes::{Styles, f64_at, rk_at, truth, u16_at, u32_at, wide_text};
use super::grid::Spool;
use super::reason::SheetsReason;

/// The longest record that is looked into: a text of 32767 letters, with the formats of each.
const MAX_RECORD_BYTES: usize = 1 << 20;

/// The texts that cells share are kept in memory.
const MAX_STRINGS_BYTES: usize = 512 << 20;

/// Types of records.
mod kind {
    pub const ROW: u16 = 0x0000;
    pub const RK: u16 = 0x0002;
    pub const BOOL: u16 = 0x0004;
    pub const REAL: u16 = 0x0005;
    pub const TEXT: u16 = 0x0006;
    pub const SHARED_TEXT: u16 = 0x0007;
    pub const FORMULA_TEXT: u16 = 0x0008;
    pub const FORMULA_NUMBER: u16 = 0x0009;
    pub const FORMULA_BOOL: u16 = 0x000a;
    pub const SST_ITEM: u16 = 0x0013;
    pub const FORMAT: u16 = 0x002c;
    pub const XF: u16 = 0x002f;
    pub const RICH_TEXT: u16 = 0x003e;
    pub const END_SHEET_DATA: u16 = 0x0092;
    pub const WORKBOOK: u16 = 0x0099;
    pub const SHEET: u16 = 0x009c;
    pub const BEGIN_CELL_XFS: u16 = 0x0269;
    pub const END_CELL_XFS: u16 = 0x026a;
}

/// Calls `see` with the records of a part until it says no. Gives whether it did.
fn records(part: impl Read, mut see: impl FnMut(u16, &[u8]) -> Result<bool>) -> Result<bool> {
    let (mut reader, mut data) = (BufReader::new(part), Vec::new());
    while !reader.fill_buf().map_err(read_failed)?.is_empty() {
        let kind = varint(&mut reader, 2)? as u16;
        let length = varint(&mut reader, 4)?;
        data.clear();
        let looked = reader.by_ref().take(length as u64).take(MAX_RECORD_BYTES as u64);
        { looked }.read_to_end(&mut data).map_err(read_failed)?;
        let rest = (length - data.len()) as u64;
        std::io::copy(&mut reader.by_ref().take(rest), &mut std::io::sink()).map_err(read_failed)?;
        if !see(kind, &data)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A number of 7 bits in each byte, in so many bytes at most.
fn varint(reader: &mut impl Read, bytes: usize) -> Result<usize> {
    let mut number = 0;
    for at in 0..bytes {
        let mut byte = [0];
        reader.read_exact(&mut byte).map_err(|_| SheetsReason::Damaged)?;
        number |= usize::from(byte[0] & 0x7f) << (7 * at);
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    Ok(number)
}

/// Reads all sheets.
pub(super) fn read(file: Handle, spool: &mut Spool) -> Result<()> {
    let mut package = Package::open(file)?;
    let root = package.relations("")?.into_iter().find(|relation| relation.kind == "officeDocument");
    let main = root.map_or("xl/workbook.bin".to_owned(), |relation| relation.part);
    let relations = package.relations(&main)?;
    let mut workbook = Workbook::default();
    workbook.read(&mut package, &main, Workbook::see)?;
    for (kind, see) in [("styles", Workbook::see_style as See), ("sharedStrings", Workbook::see_string)] {
        if let Some(relation) = relations.iter().find(|relation| relation.kind == kind) {
            workbook.read(&mut package, &relation.part, see)?;
        }
    }
    for (name, id) in &workbook.sheets {
        let is_it = |relation: &&super::super::xlsx::package::Relation| {
            relation.id == *id && relation.kind == "worksheet"
        };
        let Some(relation) = relations.iter().find(is_it) else { continue };
        let Some(part) = package.find(&relation.part) else { continue };
        spool.sheet(name.clone())?;
        let part = package.part(part)?;
        if let Err(error) = workbook.sheet(part, spool) {
            spool.fail(error)?;
        }
    }
    Ok(())
}

type See = fn(&mut Workbook, u16, &[u8]) -> Option<()>;

/// What all sheets share.
#[derive(Default)]
struct Workbook {
    styles: Styles,
    is_in_cells: bool,
    strings: Vec<String>,
    string_bytes: usize,
    /// Names of sheets, and their relations.
    sheets: Vec<(String, String)>,
}

impl Workbook {
    fn read(&mut self, package: &mut Package, part: &str, see: See) -> Result<()> {
        let number = package.find(part).ok_or(SheetsReason::Damaged)?;
        records(package.part(number)?, |kind, data| {
            // What is damaged of a record is passed over.
            see(self, kind, data);
            if self.string_bytes > MAX_STRINGS_BYTES {
                return Err(SheetsReason::Large { limit_bytes: MAX_STRINGS_BYTES as u64 }.into());
            }
            Ok(true)
        })
        .map(drop)
    }

    fn see(&mut self, kind: u16, data: &[u8]) -> Option<()> {
        match kind {
            kind::WORKBOOK => self.styles.is_1904 = u32_at(data, 0)? & 1 != 0,
            kind::SHEET if self.sheets.len() <= MAX_SHEETS => {
                let (id, end) = wide_text(data, 8)?;
                self.sheets.push((wide_text(data, end)?.0, id));
            }
            _ => {}
        }
        Some(())
    }

    fn see_style(&mut self, kind: u16, data: &[u8]) -> Option<()> {
        match kind {
            kind::FORMAT => {
                let shown = of_code(&wide_text(data, 2)?.0);
                self.styles.formats.insert(u16_at(data, 0)?, shown);
            }
            kind::BEGIN_CELL_XFS => self.is_in_cells = true,
            kind::END_CELL_XFS => self.is_in_cells = false,
            kind::XF if self.is_in_cells => self.styles.styles.push(u16_at(data, 2)?),
            _ => {}
        }
        Some(())
    }

    fn see_string(&mut self, kind: u16, data: &[u8]) -> Option<()> {
        if kind == kind::SST_ITEM {
            // One that is damaged has its number too.
            let text = wide_text(data, 1).map(|(text, _)| text).unwrap_or_default();
            self.string_bytes += text.len() + size_of::<String>();
            self.strings.push(text);
        }
        Some(())
    }

    /// The cells of a sheet.
    fn sheet(&self, part: impl Read, spool: &mut Spool) -> Result<()> {
        let has_ended = records(part, |kind, data| {
            match kind {
                kind::ROW => spool.end_row()?,
                kind::END_SHEET_DATA => return Ok(false),
                // What is damaged of a cell makes it empty.
                _ => self.cell(kind, data, spool).transpose().map(drop)?,
            }
            Ok(true)
        })?;
        spool.end_row()?;
        if has_ended { Ok(()) } else { Err(SheetsReason::Damaged.into()) }
    }

    fn cell(&self, kind: u16, data: &[u8], spool: &mut Spool) -> Option<Result<()>> {
        let place = || Some((u32_at(data, 0)? as usize, u32_at(data, 4)? as usize & 0xff_ffff));
        let text = match kind {
            kind::RK => self.styles.number(rk_at(data, 8)?, place()?.1),
            kind::REAL | kind::FORMULA_NUMBER => self.styles.number(f64_at(data, 8)?, place()?.1),
            kind::BOOL | kind::FORMULA_BOOL => truth(*data.get(8)?).to_owned(),
            kind::TEXT | kind::FORMULA_TEXT => wide_text(data, 8)?.0,
            kind::RICH_TEXT => wide_text(data, 9)?.0,
            kind::SHARED_TEXT => {
                let text = self.strings.get(u32_at(data, 8)? as usize)?;
                return Some(spool.cell(place()?.0, text));
            }
            _ => return None,
        };
        Some(spool.cell(place()?.0, &text))
    }
}
