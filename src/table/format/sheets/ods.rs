//! OpenDocument workbooks: one XML part with all sheets, whose cells have values beside the text that people see.
//!
//! Source: OpenDocument 1.3 part 3, 9.1 (tables), 19.385 and around (values).

use std::io::BufReader;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use crate::error::Result;
use crate::table::format::reason::read_failed;
use crate::table::format::xlsx::handle::Handle;
use crate::table::format::xlsx::package::Package;
use crate::table::format::xlsx::serial;
use crate::table::format::xlsx::xml;

use super::grid::{MAX_COLUMNS, Spool};
use super::reason::SheetsReason;

/// Rows of the largest grid.
const MAX_ROWS: usize = 1 << 20;

/// Spaces that stand for each other in a text: it has no more letters.
const MAX_SPACES: usize = 32_767;

/// Reads all sheets.
pub(super) fn read(file: Handle, spool: &mut Spool) -> Result<()> {
    let mut package = Package::open(file)?;
    let part = package.find("content.xml").ok_or(SheetsReason::Damaged)?;
    let mut reader = Reader::from_reader(BufReader::new(package.part(part)?));
    let (mut buffer, mut sheets) = (Vec::new(), Sheets::new(spool));
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(not_xml)?;
        if matches!(event, Event::Eof) {
            return Ok(());
        }
        sheets.see(event)?;
    }
}

fn not_xml(error: quick_xml::Error) -> crate::error::Error {
    match error {
        quick_xml::Error::Io(error) => match std::sync::Arc::try_unwrap(error) {
            Ok(error) => read_failed(error),
            Err(_) => SheetsReason::Damaged.into(),
        },
        _ => SheetsReason::Damaged.into(),
    }
}

/// Where in a sheet the reader is.
struct Sheets<'a> {
    spool: &'a mut Spool,
    /// Sheets that are open: one, and more for tables within a cell, which are passed over.
    depth: usize,
    rows: usize,
    row_times: usize,
    column: usize,
    cell: Option<Cell>,
    /// Elements that are open and hold no text of the cell: comments on it.
    beside: usize,
    /// Whether a paragraph of the cell is open.
    is_text: bool,
}

/// A cell that is open.
#[derive(Default)]
struct Cell {
    times: usize,
    /// What its value says; if nothing, its text counts.
    value: Option<String>,
    text: String,
    paragraphs: usize,
}

impl<'a> Sheets<'a> {
    fn new(spool: &'a mut Spool) -> Self {
        Sheets { spool, depth: 0, rows: 0, row_times: 1, column: 0, cell: None, beside: 0, is_text: false }
    }

    fn see(&mut self, event: Event<'_>) -> Result<()> {
        match event {
            Event::Start(tag) => self.open(&tag),
            Event::Empty(tag) => {
                self.open(&tag)?;
                self.close(tag.local_name().as_ref())
            }
            Event::End(tag) => self.close(tag.local_name().as_ref()),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(text) => self.text(&text.xml10_content()),
            Event::GeneralRef(entity) => match entity.resolve_char_ref() {
                Ok(Some(letter)) => self.text(letter.encode_utf8(&mut [0; 4])),
                _ => self.text(resolve_predefined_entity(&entity.xml10_content()).unwrap_or_default()),
            },
            _ => Ok(()),
        }
    }

    fn open(&mut self, tag: &BytesStart<'_>) -> Result<()> {
        let name = tag.local_name();
        let times = |name, most| {
            let times = xml::attribute(tag, name).map_or(Some(1), |text| text.parse::<usize>().ok());
            times.unwrap_or(most).clamp(1, most)
        };
        match name.as_ref() {
            "table" => {
                self.depth += 1;
                if self.depth == 1 {
                    (self.rows, self.column, self.cell) = (0, 0, None);
                    self.spool.sheet(xml::attribute(tag, "name").unwrap_or_default())?;
                }
            }
            _ if self.depth != 1 => {}
            "table-row" => {
                (self.column, self.row_times) = (0, times("number-rows-repeated", MAX_ROWS));
            }
            "table-cell" | "covered-table-cell" => {
                let times = times("number-columns-repeated", MAX_COLUMNS);
                self.cell = Some(Cell { times, value: value(tag), ..Cell::default() });
            }
            "annotation" => self.beside += 1,
            _ if self.beside > 0 => {}
            "p" => {
                self.is_text = true;
                if let Some(cell) = &mut self.cell {
                    cell.paragraphs += 1;
                    if cell.paragraphs > 1 {
                        cell.text.push('\n');
                    }
                }
            }
            "s" => self.text(&" ".repeat(times("c", MAX_SPACES)))?,
            "tab" => self.text("\t")?,
            "line-break" => self.text("\n")?,
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        match name {
            "table" => self.depth = self.depth.saturating_sub(1),
            _ if self.depth != 1 => {}
            "annotation" => self.beside = self.beside.saturating_sub(1),
            "p" => self.is_text = false,
            "table-cell" | "covered-table-cell" => {
                let Some(cell) = self.cell.take() else { return Ok(()) };
                let end = (self.column + cell.times).min(MAX_COLUMNS);
                let text = cell.value.as_ref().unwrap_or(&cell.text);
                if !text.is_empty() {
                    (self.column..end).try_for_each(|column| self.spool.cell(column, text))?;
                }
                self.column = end;
            }
            "table-row" => {
                let times = self.row_times.min(MAX_ROWS.saturating_sub(self.rows));
                self.rows += times;
                self.spool.repeat_row(times)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if let Some(cell) = self.cell.as_mut().filter(|_| self.is_text && self.beside == 0 && self.depth == 1)
        {
            cell.text.push_str(text);
        }
        Ok(())
    }
}

/// The text of a cell's value; nothing if its text is its value.
fn value(tag: &BytesStart<'_>) -> Option<String> {
    let attribute = |name| xml::attribute(tag, name);
    match attribute("value-type")?.as_str() {
        "float" | "percentage" | "currency" => {
            let value = attribute("value")?.parse().ok()?;
            let mut text = Vec::new();
            serial::write_number(value, &mut text);
            String::from_utf8(text).ok()
        }
        "date" => Some(without_zeros(&attribute("date-value")?)),
        "time" => attribute("time-value").map(|text| clock(&text).unwrap_or(text)),
        "boolean" => attribute("boolean-value"),
        "string" => attribute("string-value"),
        // Errors have a text, and the type of a text.
        _ => None,
    }
}

/// A date-time without a fraction that is zero.
fn without_zeros(text: &str) -> String {
    match text.split_once('.') {
        Some((_, fraction)) if fraction.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => text.to_owned(),
    }
}

/// `PT10H20M30.5S` as `10:20:30.5`.
fn clock(text: &str) -> Option<String> {
    let (hours, rest) = text.strip_prefix("PT")?.split_once('H')?;
    let (minutes, seconds) = rest.strip_suffix('S')?.split_once('M')?;
    let (seconds, fraction) = seconds.split_once([',', '.']).unwrap_or((seconds, "0"));
    let part = |text: &str| text.parse::<u32>().ok();
    let clock = format!("{:02}:{:02}:{:02}.{fraction}", part(hours)?, part(minutes)?, part(seconds)?);
    Some(without_zeros(&clock))
}
