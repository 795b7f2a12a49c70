//! What a workbook says about its sheets, and what they share.

use std::sync::Arc;

use crate::error::Result;

use super::package::{MAX_SMALL_BYTES, Package, Relation};
use super::reason::XlsxReason;
use super::serial::{Epoch, Shown};
use super::strings::Strings;
use super::styles;
use super::xml::{self, Node};

/// The largest part with shared texts, and that with styles. Texts are kept in memory; a million of 250 letters are as large.
const MAX_STRINGS_BYTES: u64 = 512 << 20;
const MAX_STYLES_BYTES: u64 = 64 << 20;

/// Sheets of one workbook: programs slow down at some hundred.
pub(in crate::table::format) const MAX_SHEETS: usize = 512;

/// A sheet with a grid of cells.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    pub name: String,
    /// The number of its part in the archive.
    pub part: usize,
}

/// What all sheets share.
pub(super) struct Shared {
    pub strings: Strings,
    pub styles: Vec<Shown>,
    pub epoch: Epoch,
}

/// What a workbook holds.
pub(super) struct Workbook {
    pub sheets: Vec<Sheet>,
    pub shared: Arc<Shared>,
}

impl Workbook {
    /// Reads all of a workbook but its sheets.
    pub fn read(package: &mut Package) -> Result<Workbook> {
        let root = package.relations("")?.into_iter().find(|relation| relation.kind == "officeDocument");
        let part = root.map_or("xl/workbook.xml".to_owned(), |relation| relation.part);
        let text = package.text(&part, "sheets", MAX_SMALL_BYTES)?.ok_or(XlsxReason::NoWorkbook)?;
        let relations = package.relations(&part)?;
        let (named, epoch) = sheets(&text).ok_or(XlsxReason::Part("sheets"))?;
        if named.len() > MAX_SHEETS {
            return Err(XlsxReason::Sheets { limit: MAX_SHEETS }.into());
        }
        let sheets = named.into_iter().filter_map(|(name, id)| {
            let is_it = |relation: &&Relation| relation.id == id && relation.kind == "worksheet";
            let part = package.find(&relations.iter().find(is_it)?.part)?;
            Some(Sheet { name, part })
        });
        let sheets = sheets.collect();
        let (mut strings, mut styles) = (Strings::default(), Vec::new());
        let named = |kind| relations.iter().find(|relation| relation.kind == kind);
        if let Some(relation) = named("sharedStrings")
            && let Some(text) = package.text(&relation.part, "texts", MAX_STRINGS_BYTES)?
        {
            strings = Strings::read(&text).ok_or(XlsxReason::Part("texts"))?;
        }
        if let Some(relation) = named("styles")
            && let Some(text) = package.text(&relation.part, "styles", MAX_STYLES_BYTES)?
        {
            styles = styles::read(&text).ok_or(XlsxReason::Part("styles"))?;
        }
        Ok(Workbook { sheets, shared: Arc::new(Shared { strings, styles, epoch }) })
    }

    /// The names of the sheets.
    pub fn names(&self) -> Vec<String> {
        self.sheets.iter().map(|sheet| sheet.name.clone()).collect()
    }
}

/// Names of sheets with their relations, and where days are counted from.
fn sheets(part: &str) -> Option<(Vec<(String, String)>, Epoch)> {
    let (mut sheets, mut epoch) = (Vec::new(), Epoch::Since1900);
    xml::nodes(part, |node| {
        match node {
            Node::Open("sheet", tag) => {
                let value = |name| xml::attribute(tag, name).unwrap_or_default();
                sheets.push((value("name"), value("id")));
            }
            Node::Open("workbookPr", tag) => {
                if matches!(xml::attribute(tag, "date1904").as_deref(), Some("1" | "true")) {
                    epoch = Epoch::Since1904;
                }
            }
            _ => {}
        }
        sheets.len() <= MAX_SHEETS
    })?;
    Some((sheets, epoch))
}
