//! The grid of a sheet as blocks of whole rows.

use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use memchr::memmem;

use crate::error::Result;
use crate::table::format::block::{Block, Options, Source};
use crate::table::format::reason::read_failed;

use super::reason::XlsxReason;
use super::scan::{Cells, MAX_COLUMNS, Tag, TagKind, next_tag};

/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 16;

/// What may stand before the header's end: views, columns, some rows of a title that hold nothing.
const MAX_HEAD_BYTES: usize = 16 << 20;

/// A sheet, from its first row on.
pub(super) struct Rows<R> {
    part: R,
    pending: Vec<u8>,
    options: Options,
    row_end: Vec<u8>,
    grid_end: Vec<u8>,
    /// Whether the grid has ended: what is pending stands after it.
    is_over: bool,
}

/// What was found before the first row of the table.
pub(super) struct Head {
    /// All of the sheet to the end of the header.
    pub bytes: Vec<u8>,
    /// The header's row in it.
    pub row: Range<usize>,
}

/// A sheet that is read by blocks, and looked at afterwards.
pub(super) struct SharedRows<R>(pub Arc<Mutex<Rows<R>>>);

impl<R: Read> Source for SharedRows<R> {
    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next_block(block)
    }
}

impl<R: Read> Rows<R> {
    /// Reads to the end of the first row with a value; nothing if there is none.
    pub fn open(part: R, options: Options) -> Result<Option<(Head, Rows<R>)>> {
        let (row_end, grid_end) = (b"</row>".to_vec(), b"</sheetData>".to_vec());
        let mut rows = Rows { part, pending: Vec::new(), options, row_end, grid_end, is_over: false };
        let Some((prefix, mut at)) = rows.find_grid()? else { return Ok(None) };
        rows.row_end = [b"</", prefix.as_slice(), b"row>"].concat();
        rows.grid_end = [b"</", prefix.as_slice(), b"sheetData>"].concat();
        let mut cells = Cells::default();
        loop {
            let Some(tag) = rows.more_until(|bytes| next_tag(bytes, at))? else {
                return Err(XlsxReason::Cut.into());
            };
            if tag.kind == TagKind::Close {
                return Ok(None);
            }
            if tag.local(&rows.pending) != b"row" {
                return Err(XlsxReason::Syntax.into());
            }
            let end = rows.more_until(|bytes| cells.read(bytes, &tag, &(0..MAX_COLUMNS)))?;
            let end = end.ok_or(XlsxReason::Cut)?;
            if !cells.is_blank() {
                let rest = rows.pending.split_off(end);
                let bytes = std::mem::replace(&mut rows.pending, rest);
                return Ok(Some((Head { bytes, row: tag.range.start..end }, rows)));
            }
            at = end;
        }
    }

    /// The prefix of names in the sheet, and where its grid begins; nothing if the grid is empty.
    fn find_grid(&mut self) -> Result<Option<(Vec<u8>, usize)>> {
        let mut at = 0;
        loop {
            let Some(tag) = self.more_until(|bytes| next_tag_outside(bytes, at))? else {
                return Err(XlsxReason::Cut.into());
            };
            if tag.local(&self.pending) == b"sheetData" {
                let name = &self.pending[tag.name.clone()];
                let prefix = name[..name.len() - b"sheetData".len()].to_vec();
                return Ok((tag.kind == TagKind::Open).then_some((prefix, tag.range.end)));
            }
            at = tag.range.end;
        }
    }

    /// Reads on until `look` finds something; nothing if the sheet ends before. Each time twice as much, since `look` begins
    /// anew.
    fn more_until<T>(
        &mut self,
        mut look: impl FnMut(&[u8]) -> std::result::Result<Option<T>, XlsxReason>,
    ) -> Result<Option<T>> {
        loop {
            if let Some(found) = look(&self.pending)? {
                return Ok(Some(found));
            }
            if self.pending.len() > MAX_HEAD_BYTES {
                return Err(XlsxReason::LongHead { limit_bytes: MAX_HEAD_BYTES }.into());
            }
            if !self.fill(self.pending.len().max(READ_BYTES))? {
                return Ok(None);
            }
        }
    }

    /// Reads up to `bytes` more; false at the end.
    fn fill(&mut self, bytes: usize) -> Result<bool> {
        let before = self.pending.len();
        self.part.by_ref().take(bytes as u64).read_to_end(&mut self.pending).map_err(read_failed)?;
        Ok(self.pending.len() > before)
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        block.recycle(self.options.block_bytes);
        let mut looked = 0;
        while !self.is_over {
            if let Some(end) = memmem::find(&self.pending[looked..], &self.grid_end) {
                self.is_over = true;
                self.give(looked + end, block);
                return Ok(!block.bytes().is_empty());
            }
            // An end may have been cut in two.
            looked = self.pending.len().saturating_sub(self.grid_end.len());
            if self.pending.len() >= self.options.block_bytes
                && let Some(last) = memmem::rfind(&self.pending, &self.row_end)
            {
                self.give(last + self.row_end.len(), block);
                return Ok(true);
            }
            if self.pending.len() > self.options.max_record_bytes {
                let limit_bytes = self.options.max_record_bytes;
                return Err(crate::Error::from(XlsxReason::Long { limit_bytes }).at_row(1));
            }
            if !self.fill(READ_BYTES.max(self.options.block_bytes / 2))? {
                return Err(XlsxReason::Cut.into());
            }
        }
        Ok(false)
    }

    /// Puts what is pending before `end` into the block.
    fn give(&mut self, end: usize, block: &mut Block) {
        block.bytes.clear();
        block.bytes.extend_from_slice(&self.pending[..end]);
        self.pending.drain(..end);
    }

    /// Calls `see` with what stands after the grid, piece by piece.
    pub fn tail(&mut self, mut see: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        loop {
            see(&self.pending)?;
            self.pending.clear();
            if !self.fill(READ_BYTES)? {
                return Ok(());
            }
        }
    }
}

/// The next tag before the grid, where comments and instructions may stand.
fn next_tag_outside(bytes: &[u8], mut at: usize) -> std::result::Result<Option<Tag>, XlsxReason> {
    loop {
        let Some(found) = memchr::memchr(b'<', &bytes[at..]) else { return Ok(None) };
        let rest = &bytes[at + found..];
        let end = match rest {
            [b'<', b'?', ..] => b"?>".as_slice(),
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<'] | [b'<', b'!'] | [b'<', b'!', b'-'] => return Ok(None),
            _ => return next_tag(bytes, at),
        };
        let Some(length) = memmem::find(rest, end) else { return Ok(None) };
        if end == b"?>" && is_foreign(&rest[..length]) {
            return Err(XlsxReason::Part("cells in an encoding other than UTF-8"));
        }
        at += found + length + end.len();
    }
}

/// Whether a declaration names another encoding than UTF-8 (other ones whose letters are not ASCII have no declaration that
/// would be found).
fn is_foreign(declaration: &[u8]) -> bool {
    let text = declaration.to_ascii_lowercase();
    text.starts_with(b"<?xml ")
        && memmem::find(&text, b"encoding").is_some()
        && memmem::find(&text, b"utf-8").is_none()
        && memmem::find(&text, b"us-ascii").is_none()
}
