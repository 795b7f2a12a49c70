//! The archive that a workbook is: parts, how they refer to each other, and copies of it.
//!
//! A part names others by relations, in a part beside it (ECMA-376 part 2, 9.3); names of parts have no case (6.2.2).

use std::io::{self, Read, Write};

use zip::read::ZipFile;
use zip::result::ZipError;
use zip::write::StreamWriter;
use zip::{CompressionMethod, System, ZipArchive, ZipWriter};

use crate::error::{Error, Result};
use crate::table::format::reason::{read_failed, write_failed};

use super::handle::Handle;
use super::part::{Part, Place};
use super::reason::XlsxReason;
use super::xml::{self, Node};

/// Relations of one part: a workbook has one for each sheet, and some more.
const MAX_RELATIONS: usize = 10_000;

/// A file that all may read, and its owner write.
const FILE_MODE: u32 = 0o100_644;

/// The largest part with relations, and the largest with the names of sheets: ten thousand lines each.
pub(in crate::table::format) const MAX_SMALL_BYTES: u64 = 4 << 20;

/// In the names and in the types of parts with the rows of pivot tables (ECMA-376 part 1, 12.3.12), in small letters.
const PIVOT_ROWS: &[u8] = b"pivotcacherecords";

/// A workbook's archive. A clone is read for itself.
#[derive(Clone)]
pub(in crate::table::format) struct Package {
    file: Handle,
    archive: ZipArchive<Handle>,
}

/// How a part refers to another.
pub(in crate::table::format) struct Relation {
    pub id: String,
    /// The last word of what it is: `worksheet`.
    pub kind: String,
    /// The part's name.
    pub part: String,
}

impl Package {
    /// Reads the archive's directory.
    pub fn open(file: Handle) -> Result<Package> {
        let mut archive = ZipArchive::new(file.clone()).map_err(not_zip)?;
        // Copying parts one by one would multiply bytes that several of them share.
        if archive.has_duplicate_names() || archive.has_overlapping_entries().map_err(not_zip)? {
            return Err(XlsxReason::Overlap.into());
        }
        Ok(Package { file, archive })
    }

    /// The number of the part with this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        let is_it = |other: &[u8]| other.eq_ignore_ascii_case(name.as_bytes());
        self.archive.index_for_name(name).or_else(|| self.archive.file_names_raw().position(is_it))
    }

    /// Whether a part holds the rows that a pivot table was made of: by its name, or by what the archive says of it.
    pub fn has_pivot_rows(&mut self) -> Result<bool> {
        const TYPES: &str = "[Content_Types].xml";
        let is_named =
            |name: &[u8]| name.to_ascii_lowercase().windows(PIVOT_ROWS.len()).any(|part| part == PIVOT_ROWS);
        if self.archive.file_names_raw().any(is_named) {
            return Ok(true);
        }
        let Some(text) = self.text(TYPES, "types of parts", MAX_SMALL_BYTES)? else { return Ok(false) };
        let mut has = false;
        xml::nodes(&text, |node| {
            if let Node::Open("Override" | "Default", tag) = node {
                let kind = xml::attribute(tag, "ContentType").unwrap_or_default().to_ascii_lowercase();
                has |= kind.as_bytes().windows(PIVOT_ROWS.len()).any(|part| part == PIVOT_ROWS);
            }
            !has
        })
        .ok_or(XlsxReason::Part("types of parts"))?;
        Ok(has)
    }

    /// The text of a part that holds a workbook's `what`; nothing if there is no such part.
    pub fn text(&mut self, name: &str, what: &'static str, limit_bytes: u64) -> Result<Option<String>> {
        let Some(number) = self.find(name) else { return Ok(None) };
        let part = self.archive.by_index(number).map_err(not_zip)?;
        let mut text = Vec::new();
        // The directory's word for its size is not relied on.
        part.take(limit_bytes + 1).read_to_end(&mut text).map_err(|_| XlsxReason::Part(what))?;
        if text.len() as u64 > limit_bytes {
            return Err(XlsxReason::Large { part: what, limit_bytes }.into());
        }
        let text = String::from_utf8(text).map_err(|_| XlsxReason::Part(what))?;
        Ok(Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)))
    }

    /// The relations of a part; of the archive itself if the name is empty.
    pub fn relations(&mut self, part: &str) -> Result<Vec<Relation>> {
        const WHAT: &str = "relations";
        let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
        let slash = if folder.is_empty() { "" } else { "/" };
        let Some(text) = self.text(&format!("{folder}{slash}_rels/{name}.rels"), WHAT, MAX_SMALL_BYTES)?
        else {
            return Ok(Vec::new());
        };
        let mut relations = Vec::new();
        xml::nodes(&text, |node| {
            let Node::Open("Relationship", tag) = node else { return true };
            let value = |name| xml::attribute(tag, name).unwrap_or_default();
            if value("TargetMode") != "External" {
                let kind = value("Type").rsplit('/').next().unwrap_or_default().to_owned();
                relations.push(Relation { id: value("Id"), kind, part: resolve(folder, &value("Target")) });
            }
            relations.len() < MAX_RELATIONS
        })
        .ok_or(XlsxReason::Part(WHAT))?;
        Ok(relations)
    }

    /// Opens a part to be read piece by piece.
    pub fn part(&mut self, number: usize) -> Result<Part> {
        let part = self.archive.by_index_raw(number).map_err(not_zip)?;
        let is_deflated = match part.compression() {
            CompressionMethod::Deflated => true,
            CompressionMethod::Stored => false,
            _ => return Err(XlsxReason::Part("cells").into()),
        };
        if part.encrypted() {
            return Err(XlsxReason::Encrypted.into());
        }
        let place = Place {
            start: part.data_start().ok_or(XlsxReason::Zip)?,
            packed_bytes: part.compressed_size(),
            bytes: part.size(),
            crc: part.crc32(),
            is_deflated,
        };
        drop(part);
        Part::new(self.file.clone(), place).map_err(read_failed)
    }

    /// Copies all parts before number `until` as they are.
    pub fn copy_before<W: Write>(&mut self, until: usize, copies: &mut [Copy<W>]) -> Result<()> {
        self.copy_parts(0..until, copies)
    }

    /// Copies all parts after number `from` as they are, and ends the copies.
    pub fn copy_after<W: Write>(&mut self, from: usize, copies: &mut [Copy<W>]) -> Result<()> {
        self.copy_parts(from + 1..self.archive.len(), copies)
    }

    fn copy_parts<W: Write>(&mut self, parts: std::ops::Range<usize>, copies: &mut [Copy<W>]) -> Result<()> {
        for number in parts {
            for copy in copies.iter_mut() {
                let part = self.archive.by_index_raw(number).map_err(not_zip)?;
                copy.zip.raw_copy_file(part).map_err(not_written)?;
            }
        }
        Ok(())
    }

    /// Begins the part with this number, to be written anew.
    pub fn begin<W: Write>(&mut self, number: usize, copies: &mut [Copy<W>]) -> Result<()> {
        let part = self.archive.by_index_raw(number).map_err(not_zip)?;
        // Sizes follow after the part, which only packed ones may have: one that isn't says nowhere else where it ends.
        let options = part.options().large_file(false).compression_method(CompressionMethod::Deflated);
        // Those of Excel and LibreOffice don't say that they are files, and the writer would go back to put sizes before them.
        let options = options.system(System::Unix).external_attributes(FILE_MODE << 16);
        let name = name_of(&part)?;
        for copy in copies {
            copy.zip.start_file(&name, options).map_err(not_written)?;
        }
        Ok(())
    }
}

fn name_of(part: &ZipFile<'_, Handle>) -> Result<String> {
    // It was found by a name that is text.
    part.name().map(|name| name.into_owned()).map_err(not_zip)
}

/// A copy in the making.
pub(in crate::table::format) struct Copy<W: Write> {
    zip: ZipWriter<StreamWriter<Quiet<W>>>,
}

impl<W: Write> Copy<W> {
    /// Nothing is written yet. The output need not be able to seek: sizes of parts follow after them.
    pub fn new(output: W) -> Copy<W> {
        Copy { zip: ZipWriter::new_stream(Quiet { output, failed: false }) }
    }

    /// Writes the archive's directory.
    pub fn finish(self) -> Result<()> {
        self.zip.finish().map(drop).map_err(not_written)
    }
}

impl<W: Write> Write for Copy<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.zip.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.zip.flush()
    }
}

/// An output that says once that it has failed, and then takes everything: an archive that is dropped unfinished writes its
/// directory, and complains on standard error if it can't.
struct Quiet<W> {
    output: W,
    failed: bool,
}

impl<W: Write> Write for Quiet<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failed {
            return Ok(bytes.len());
        }
        let written = self.output.write(bytes);
        self.failed = matches!(&written, Err(error) if error.kind() != io::ErrorKind::Interrupted);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.failed { Ok(()) } else { self.output.flush() }
    }
}

/// A part's name from how a part in `folder` names it.
fn resolve(folder: &str, target: &str) -> String {
    let mut path: Vec<&str> = match target.starts_with('/') {
        true => Vec::new(),
        false => folder.split('/').filter(|step| !step.is_empty()).collect(),
    };
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(path.pop()),
            _ => path.push(step),
        }
    }
    path.join("/")
}

fn not_zip(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => read_failed(error),
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => XlsxReason::Encrypted.into(),
        _ => XlsxReason::Zip.into(),
    }
}

fn not_written(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => write_failed(error),
        // Names of parts that can't be written, and the like.
        _ => XlsxReason::Zip.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_from_the_folder_or_from_the_root() {
        let cases = [
            ("xl", "worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl", "/xl/worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl/a", "../b.xml", "xl/b.xml"),
            ("", "../../xl/./b.xml", "xl/b.xml"),
        ];
        for (folder, target, name) in cases {
            assert_eq!(resolve(folder, target), name);
        }
    }
}
