//! Workbooks of Excel 97 to 2003: a stream of records, first of the workbook, then of each sheet.
//!
//! A record is at most 8 KiB long; a longer one goes on in records that say so. Where that happens within a text, the way its
//! letters are written may change. Source: [MS-XLS] 2.4, 2.5.293.

use std::io::Read;

use crate::error::Result;
use crate::table::format::reason::read_failed;
use crate::table::format::xlsx::handle::Handle;
use crate::table::format::xlsx::styles::of_code;

use super::bytes::{Styles, f64_at, rk_at, truth, u16_at, u32_at};
use super::grid::Spool;
use super::ole::Ole;
use super::reason::SheetsReason;

/// The largest file: the grid of these workbooks, 65536 rows by 256 columns, full of numbers, is about 250 MB.
const MAX_FILE_BYTES: u64 = 512 << 20;

/// Types of records.
mod kind {
    pub const FORMULA: u16 = 0x0006;
    pub const EOF: u16 = 0x000a;
    pub const DATE_MODE: u16 = 0x0022;
    pub const FILE_PASS: u16 = 0x002f;
    pub const CONTINUE: u16 = 0x003c;
    pub const BOUND_SHEET: u16 = 0x0085;
    pub const MUL_RK: u16 = 0x00bd;
    pub const XF: u16 = 0x00e0;
    pub const SST: u16 = 0x00fc;
    pub const LABEL_SST: u16 = 0x00fd;
    pub const NUMBER: u16 = 0x0203;
    pub const LABEL: u16 = 0x0204;
    pub const BOOL_ERR: u16 = 0x0205;
    pub const STRING: u16 = 0x0207;
    pub const RK: u16 = 0x027e;
    pub const FORMAT: u16 = 0x041e;
    pub const BOF: u16 = 0x0809;
}

/// The version of the records, at the start of the workbook's.
const BIFF8: u16 = 0x0600;

/// Reads all sheets.
pub(super) fn read(file: Handle, spool: &mut Spool) -> Result<()> {
    if file.length() > MAX_FILE_BYTES {
        return Err(SheetsReason::File { limit_bytes: MAX_FILE_BYTES }.into());
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(read_failed)?;
    let ole = Ole::read(&bytes).ok_or(SheetsReason::Damaged)?;
    if ole.stream("EncryptedPackage").is_some() {
        return Err(SheetsReason::Encrypted.into());
    }
    let Some(stream) = ole.stream("Workbook") else {
        let is_old = ole.stream("Book").is_some();
        return Err(if is_old { SheetsReason::TooOld } else { SheetsReason::Damaged }.into());
    };
    drop(ole);
    let workbook = Workbook::read(&stream)?;
    for (name, start) in &workbook.sheets {
        spool.sheet(name.clone())?;
        workbook.sheet(stream.get(*start..).unwrap_or_default(), spool)?;
    }
    Ok(())
}

/// The records of a stream, each with those that continue it.
struct Records<'a> {
    stream: &'a [u8],
}

impl<'a> Records<'a> {
    fn one(&mut self) -> Option<(u16, &'a [u8])> {
        let (kind, length) = (u16_at(self.stream, 0)?, usize::from(u16_at(self.stream, 2)?));
        let data = self.stream.get(4..4 + length)?;
        self.stream = &self.stream[4 + length..];
        Some((kind, data))
    }

    /// The next; its pieces are put into `pieces`.
    fn next_record(&mut self, pieces: &mut Vec<&'a [u8]>) -> Option<u16> {
        let (kind, data) = self.one()?;
        pieces.clear();
        pieces.push(data);
        while u16_at(self.stream, 0) == Some(kind::CONTINUE) {
            pieces.push(self.one()?.1);
        }
        Some(kind)
    }
}

/// Reads the pieces of a record one after the other.
struct Pieces<'a, 'b> {
    pieces: &'b [&'a [u8]],
    piece: &'a [u8],
}

impl<'a, 'b> Pieces<'a, 'b> {
    fn new(pieces: &'b [&'a [u8]], at: usize) -> Self {
        let (first, rest) = pieces.split_first().map_or((&b""[..], pieces), |(first, rest)| (*first, rest));
        Pieces { pieces: rest, piece: first.get(at..).unwrap_or_default() }
    }

    /// Goes on in the next piece if this one has ended.
    fn advance(&mut self) -> Option<bool> {
        if !self.piece.is_empty() {
            return Some(false);
        }
        let (next, rest) = self.pieces.split_first()?;
        (self.piece, self.pieces) = (next, rest);
        Some(true)
    }

    fn byte(&mut self) -> Option<u8> {
        while self.piece.is_empty() {
            self.advance()?;
        }
        let (byte, rest) = self.piece.split_first()?;
        self.piece = rest;
        Some(*byte)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        (0..bytes).try_fold(0, |sum, at| Some(sum | usize::from(self.byte()?) << (8 * at)))
    }

    fn skip(&mut self, mut bytes: usize) -> Option<()> {
        while bytes > 0 {
            self.advance()?;
            let here = bytes.min(self.piece.len());
            (self.piece, bytes) = (&self.piece[here..], bytes - here);
        }
        Some(())
    }

    /// A text with its flags, and perhaps with formats and readings after it, which are passed over.
    fn text(&mut self, letters: usize) -> Option<String> {
        let flags = self.byte()?;
        let runs = if flags & 8 != 0 { self.number(2)? } else { 0 };
        let more = if flags & 4 != 0 { self.number(4)? } else { 0 };
        let text = self.letters(letters, flags & 1 != 0)?;
        self.skip(runs * 4 + more)?;
        Some(text)
    }

    fn letters(&mut self, mut left: usize, mut is_wide: bool) -> Option<String> {
        let mut text = Vec::new();
        while left > 0 {
            if self.advance()? {
                // A piece that goes on with a text says how its letters are written.
                is_wide = self.byte()? & 1 != 0;
                continue;
            }
            let width = 1 + usize::from(is_wide);
            let here = left.min(self.piece.len() / width);
            if here == 0 {
                return None;
            }
            let (now, rest) = self.piece.split_at(here * width);
            match is_wide {
                true => text.extend(now.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]))),
                false => text.extend(now.iter().map(|byte| u16::from(*byte))),
            }
            (self.piece, left) = (rest, left - here);
        }
        Some(String::from_utf16_lossy(&text))
    }
}

/// What all sheets share.
#[derive(Default)]
struct Workbook {
    styles: Styles,
    strings: Vec<String>,
    /// Names of sheets, and where their records begin.
    sheets: Vec<(String, usize)>,
}

impl Workbook {
    fn read(stream: &[u8]) -> Result<Workbook> {
        let (mut records, mut pieces) = (Records { stream }, Vec::new());
        let mut workbook = Workbook::default();
        let first = records.next_record(&mut pieces);
        if first != Some(kind::BOF) || u16_at(pieces[0], 0) != Some(BIFF8) {
            return Err(SheetsReason::TooOld.into());
        }
        while let Some(kind) = records.next_record(&mut pieces) {
            match kind {
                kind::EOF => break,
                kind::FILE_PASS => return Err(SheetsReason::Encrypted.into()),
                // What is damaged of these is passed over: the cells may be whole.
                _ => drop(workbook.see(kind, &pieces)),
            }
        }
        Ok(workbook)
    }

    fn see(&mut self, kind: u16, pieces: &[&[u8]]) -> Option<()> {
        let data = pieces[0];
        match kind {
            kind::DATE_MODE => self.styles.is_1904 = u16_at(data, 0)? == 1,
            kind::XF => self.styles.styles.push(u16_at(data, 2)?),
            kind::FORMAT => {
                let code = Pieces::new(pieces, 4).text(u16_at(data, 2)?.into())?;
                self.styles.formats.insert(u16_at(data, 0)?, of_code(&code));
            }
            // Sheets of other types are charts and macros.
            kind::BOUND_SHEET if data.get(5) == Some(&0) => {
                let name = Pieces::new(pieces, 7).text((*data.get(6)?).into())?;
                self.sheets.push((name, usize::try_from(u32_at(data, 0)?).ok()?));
            }
            kind::SST => {
                let mut rest = Pieces::new(pieces, 8);
                while let Some(letters) = rest.number(2) {
                    self.strings.push(rest.text(letters)?);
                }
            }
            _ => {}
        }
        Some(())
    }

    /// The cells of a sheet whose records these are.
    fn sheet(&self, stream: &[u8], spool: &mut Spool) -> Result<()> {
        let (mut records, mut pieces) = (Records { stream }, Vec::new());
        let (mut depth, mut row, mut computed) = (0_usize, None, None);
        while let Some(kind) = records.next_record(&mut pieces) {
            match kind {
                // Charts within a sheet have records like its own.
                kind::BOF => depth += 1,
                kind::EOF if depth <= 1 => return Ok(()),
                kind::EOF => depth -= 1,
                kind::STRING if depth == 1 => {
                    let text =
                        u16_at(pieces[0], 0).and_then(|letters| Pieces::new(&pieces, 2).text(letters.into()));
                    if let (Some(column), Some(text)) = (computed.take(), text) {
                        spool.cell(column, &text)?;
                    }
                }
                _ if depth == 1 && is_cell(kind) => {
                    let Some((its_row, column)) = place(pieces[0]) else { continue };
                    if row.replace(its_row) != Some(its_row) {
                        spool.end_row()?;
                    }
                    // What is damaged of a cell makes it empty.
                    self.cell(kind, &pieces, column, spool).transpose()?;
                    computed = (kind == kind::FORMULA).then_some(column);
                }
                _ => {}
            }
        }
        // The records end, or are cut off, without the one that says so.
        spool.fail(SheetsReason::Damaged.into())
    }

    fn cell(&self, kind: u16, pieces: &[&[u8]], column: usize, spool: &mut Spool) -> Option<Result<()>> {
        let data = pieces[0];
        let style = usize::from(u16_at(data, 4)?);
        let text = match kind {
            kind::NUMBER => self.styles.number(f64_at(data, 6)?, style),
            kind::RK => self.styles.number(rk_at(data, 6)?, style),
            kind::LABEL_SST => return Some(spool.cell(column, self.strings.get(u32_at(data, 6)? as usize)?)),
            kind::LABEL => Pieces::new(pieces, 8).text(u16_at(data, 6)?.into())?,
            kind::BOOL_ERR if data.get(7)? == &0 => truth(*data.get(6)?).to_owned(),
            kind::FORMULA => match (u16_at(data, 12)?, data.get(6)?) {
                (u16::MAX, 1) => truth(*data.get(8)?).to_owned(),
                (u16::MAX, _) => return None,
                _ => self.styles.number(f64_at(data, 6)?, style),
            },
            kind::MUL_RK => {
                // Pairs of style and number, and the last column.
                let pairs = data.get(4..data.len().checked_sub(2)?)?.chunks_exact(6);
                return Some(pairs.enumerate().try_for_each(|(at, pair)| {
                    let style = u16_at(pair, 0).unwrap_or(0).into();
                    spool.cell(column + at, &self.styles.number(rk_at(pair, 2).unwrap_or(f64::NAN), style))
                }));
            }
            _ => return None,
        };
        Some(spool.cell(column, &text))
    }
}

fn is_cell(kind: u16) -> bool {
    use kind::*;
    matches!(kind, NUMBER | RK | LABEL_SST | LABEL | BOOL_ERR | FORMULA | MUL_RK)
}

fn place(data: &[u8]) -> Option<(u16, usize)> {
    Some((u16_at(data, 0)?, u16_at(data, 2)?.into()))
}
