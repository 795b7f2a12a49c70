//! Files, opened for reading: every table that is in them, as CSV text.
//!
//! Where [`mod@open`](super::open) refuses what it can't copy with certainty, this takes what it can get: damage is passed over
//! and noted, archives and folders are looked into, and what can't be read is an error in its place among the tables.
//!
//! Tables are given one after another, and none is read before it is asked for.

use std::fs::File;
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::error::{Class, Error, Reason, Result};

use super::archive::{self, Leaf, Limits, Member};
use super::block::{Options, Reading};
use super::digest::SourceBytes;
use super::found::{Faults, Found};
use super::kind::{Format, SNIFF_BYTES, Said};
use super::messy::apostrophes;
use super::parts::hive::{self, Constant};
use super::parts::{Line, Manifest, is_note, is_summary};
use super::source::{Input, Source, Stream};
use super::wrapping::{TORN, unwrap};
use super::{arrow, json, loose, messy, parquet, sheets, sql, sqlite};

/// Archives within archives that are looked into: people pack twice, at most three times.
const MAX_DEPTH: usize = 4;

/// What reports call the format of a folder.
const FOLDER: &str = "folder";

/// A file, or a folder of them, and the tables in it.
pub struct Tables<'a> {
    /// Its format, for reports; from the outside in, if one is wrapped in another.
    pub format: String,
    /// Its bytes.
    pub source: Box<dyn SourceBytes + 'a>,
    /// Its tables, one after another. What can't be read is an error in its place, which names it as the file.
    pub tables: Each<'a>,
}

/// Tables, or why one can't be read.
pub type Each<'a> = Box<dyn Iterator<Item = Result<Found<'a>>> + 'a>;

#[derive(Debug, thiserror::Error)]
enum FindReason {
    #[error("archives are nested more than {MAX_DEPTH} deep")]
    Deep,
    #[error("no table is found in the text")]
    NoTable,
}

impl Reason for FindReason {
    fn class(&self) -> Class {
        Class::Data
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            FindReason::Deep => "if it is no trap, unpack it first",
            FindReason::NoTable => "if its fields are separated by some byte, say `--format csv`",
        };
        Some(hint.into())
    }
}

impl<'a> Tables<'a> {
    /// The one table of a file that is CSV text.
    pub fn csv(csv: Stream<'a>, delimiter: Option<u8>) -> Tables<'a> {
        let (source, bytes) = Source::of_stream(csv);
        let table = Found::csv(source.into_stream(), delimiter);
        Tables { format: Format::Csv.name().into(), source: bytes, tables: Box::new(iter::once(Ok(table))) }
    }
}

/// Finds the tables of a file.
///
/// # Errors
/// If it can't be read.
pub fn tables(input: Input<'static>, said: &Said) -> Result<Tables<'static>> {
    let (source, bytes) = Source::open(input)?;
    let members = Members::default();
    let (format, tables) = within(source, said, 0, Faults::default(), &members)?;
    Ok(Tables { format, source: Box::new(FileBytes { bytes, members }), tables })
}

/// The same tables, in which the columns that stand in the names around the file are, too.
pub fn around(tables: Tables<'static>, constants: Vec<Constant>) -> Tables<'static> {
    Tables { tables: with_constants(constants, tables.tables), ..tables }
}

/// Finds the tables of all files in a folder, and in the folders within.
///
/// # Errors
/// If it can't be looked into.
pub fn folder(path: &Path, said: &Said) -> Result<Tables<'static>> {
    let leaves = archive::folder(path, Limits::default())?;
    let leaves = leaves.filter(|leaf| leaf.as_ref().map_or(true, |leaf| !is_summary(&leaf.name)));
    let said = said.clone();
    let done = Arc::new(AtomicU64::new(0));
    let (so_far, mut bytes) = (done.clone(), 0);
    let tables = leaves.flat_map(move |leaf| -> Each<'static> {
        let found = leaf.and_then(Leaf::file).and_then(|leaf| {
            // Whoever asks for the next one has read those before.
            so_far.fetch_add(bytes, Ordering::Relaxed);
            bytes = leaf.path.metadata().map_or(0, |metadata| metadata.len());
            let found =
                tables(Input::File(leaf.path), &said).map(|found| named(leaf.name.clone(), found.tables));
            found.map_err(|error| error.within(&leaf.name))
        });
        found.unwrap_or_else(|error| Box::new(iter::once(Err(error))))
    });
    Ok(Tables {
        format: FOLDER.into(),
        source: Box::new(FolderBytes {
            path: path.to_owned(),
            done,
            manifest: Mutex::default(),
            is_partial: AtomicBool::new(false),
        }),
        tables: Box::new(tables),
    })
}

/// Finds the tables of files that are fetched one by one, as if they were in a folder.
pub fn fetched(files: impl Iterator<Item = Result<(Line, File)>> + 'static, said: &Said) -> Tables<'static> {
    let (said, list) = (said.clone(), FetchedBytes::default());
    let lines = list.clone();
    let tables = files.flat_map(move |file| -> Each<'static> {
        if file.is_err() {
            lines.miss_one();
        }
        let found = file.and_then(|(line, file)| {
            let name = line.name.clone();
            lines.add(line);
            if is_summary(&name) {
                return Ok(Box::new(iter::empty()) as Each<'static>);
            }
            let read = Source::of_file(file)
                .and_then(|source| within(source, &said, 0, Faults::default(), &Members::default()));
            read.map(|(_, found)| named(name.clone(), found)).map_err(|error| error.within(&name))
        });
        found.unwrap_or_else(|error| Box::new(iter::once(Err(error))))
    });
    Tables { format: FOLDER.into(), source: Box::new(list), tables: Box::new(tables) }
}

/// The tables in a source, and its format.
fn within(
    source: Source<'static>,
    said: &Said,
    depth: usize,
    faults: Faults,
    into: &Members,
) -> Result<(String, Each<'static>)> {
    let options = Options::new(Reading::Tolerant);
    let inner = unwrap(source, said, options.reading, &faults)?;
    let mut source = inner.source;
    let format = match inner.format {
        Format::Csv if said.format.is_none() => Format::of_loose_text(source.peek(SNIFF_BYTES)?),
        format => format,
    };
    let names: Vec<&str> = inner.wrapping.names().chain([format.name()]).collect();
    let said = said.clone();
    let tables: Each<'static> = match format {
        Format::Csv if apostrophes::quote(source.peek(SNIFF_BYTES)?, said.delimiter) => {
            let text = apostrophes::Exchanged(source.into_stream());
            Box::new(messy::tables(text, said.delimiter, faults))
        }
        Format::Csv => Box::new(messy::tables(source.into_stream(), said.delimiter, faults)),
        Format::Text => match loose::sniff(source.peek(SNIFF_BYTES)?) {
            Some(shape) => Box::new(loose::tables(source.into_stream(), shape, faults)),
            None => return Err(FindReason::NoTable.into()),
        },
        Format::Json => {
            let found = json::read(source.into_stream(), "", options)?.into_iter().map(Ok);
            meant(faulty(found, faults), said)
        }
        Format::Sql => meant(faulty(sql::read(source.into_stream(), options)?, faults), said),
        Format::Parquet => Box::new(iter::once(parquet::read(source.into_file()?, ""))),
        Format::Arrow | Format::ArrowStream => {
            Box::new(iter::once(arrow::read(source.into_file()?, "", options)))
        }
        Format::Xlsx => workbook(source, sheets::Workbook::Xlsx, said, options)?,
        Format::Xlsb => workbook(source, sheets::Workbook::Xlsb, said, options)?,
        Format::Xls => workbook(source, sheets::Workbook::Xls, said, options)?,
        Format::Ods => workbook(source, sheets::Workbook::Ods, said, options)?,
        Format::Sqlite => meant(sqlite::read(source.into_path()?)?.into_iter().map(Ok), said),
        Format::Zip | Format::Tar if depth == MAX_DEPTH => return Err(FindReason::Deep.into()),
        Format::Zip => {
            members(archive::zip_members(source.into_file()?, Limits::default())?, said, depth, into.clone())
        }
        Format::Tar => {
            members(archive::tar_members(source.into_stream(), Limits::default()), said, depth, into.clone())
        }
    };
    Ok((names.join(" "), tables))
}

/// Tables of a text that was wrapped, with what was wrong with the wrapping.
fn faulty(
    tables: impl Iterator<Item = Result<Found<'static>>> + 'static,
    around: Faults,
) -> impl Iterator<Item = Result<Found<'static>>> + 'static {
    tables.map(move |table| table.map(|found| Found { faults: found.faults.within(around.clone()), ..found }))
}

/// Those that the user means, of several.
fn meant(tables: impl Iterator<Item = Result<Found<'static>>> + 'static, said: Said) -> Each<'static> {
    Box::new(tables.filter(move |table| table.as_ref().map_or(true, |table| said.means(&table.name))))
}

fn workbook(source: Source, format: sheets::Workbook, said: Said, options: Options) -> Result<Each<'static>> {
    let sheets = sheets::read(source.into_file()?, format, "", options)?;
    Ok(meant(sheets.into_iter().map(Ok), said))
}

fn members(
    members: impl Iterator<Item = Result<Member>> + 'static,
    said: Said,
    depth: usize,
    into: Members,
) -> Each<'static> {
    let is_table = |member: &Result<Member>| member.as_ref().map_or(true, |member| !is_summary(&member.name));
    Box::new(members.filter(is_table).flat_map(move |member| {
        if depth == 0 && member.is_err() {
            into.miss_one();
        }
        let found = member.and_then(|member| {
            let faults = Faults::default();
            if member.is_torn {
                faults.add_whole(TORN);
            }
            // What is packed within a member is a part of the member.
            if depth == 0 && !is_note(&member.name) {
                into.add(member.blake3);
            }
            let source = Source::of_file(member.file)?;
            let found = within(source, &said, depth + 1, faults, &into)
                .map(|(_, found)| named(member.name.clone(), found));
            found.map_err(|error| error.within(&member.name))
        });
        found.unwrap_or_else(|error| Box::new(iter::once(Err(error))))
    }))
}

/// The same tables, with where they are before their names.
fn named(place: String, tables: Each<'static>) -> Each<'static> {
    let constants = hive::constants(&place);
    let tables = tables.map(move |table| match table {
        Ok(table) if table.name.is_empty() => Ok(Found { name: place.clone(), ..table }),
        Ok(table) => Ok(Found { name: format!("{place}/{}", table.name), ..table }),
        Err(error) => Err(error.within(&place)),
    });
    with_constants(constants, Box::new(tables))
}

/// The same tables, with columns of names around those that they have already.
fn with_constants(constants: Vec<Constant>, tables: Each<'static>) -> Each<'static> {
    if constants.is_empty() {
        return tables;
    }
    Box::new(tables.map(move |table| {
        let mut table = table?;
        table.constants.splice(0..0, constants.iter().cloned());
        Ok(table)
    }))
}

/// Hashes of the members of an archive, as far as they were read.
#[derive(Clone, Default)]
struct Members {
    hashes: Arc<Mutex<Vec<String>>>,
    is_partial: Arc<AtomicBool>,
}

impl Members {
    fn add(&self, blake3: String) {
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner).push(blake3);
    }

    /// Notes that a member can't be read.
    fn miss_one(&self) {
        self.is_partial.store(true, Ordering::Relaxed);
    }
}

/// The bytes of a file, which may be an archive.
struct FileBytes {
    bytes: Box<dyn SourceBytes>,
    members: Members,
}

impl SourceBytes for FileBytes {
    fn so_far(&self) -> u64 {
        self.bytes.so_far()
    }

    fn finish(&self) -> Result<(u64, String)> {
        self.bytes.finish()
    }

    fn files(&self) -> Result<Vec<String>> {
        Ok(self.members.hashes.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn is_whole(&self) -> bool {
        !self.members.is_partial.load(Ordering::Relaxed)
    }
}

/// The bytes of a folder: as many as its files have, and the hash of their [list](Manifest). What can't be read is left out.
struct FolderBytes {
    path: PathBuf,
    /// Of the files that were read to their end.
    done: Arc<AtomicU64>,
    /// Made when it is asked for: it takes a read of all files.
    manifest: Mutex<Option<Arc<Manifest>>>,
    /// Whether a file was left out of it.
    is_partial: AtomicBool,
}

impl FolderBytes {
    fn manifest(&self) -> Result<Arc<Manifest>> {
        let mut made = self.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(manifest) = &*made {
            return Ok(manifest.clone());
        }
        let leaves = archive::folder(&self.path, Limits::default())?;
        let files = leaves.filter(|leaf| leaf.as_ref().map_or(true, Leaf::is_file));
        let line = |leaf: Leaf| Line::of_file(&leaf.name, &leaf.path);
        // What can't be read was said in its place.
        let leave_out = |_: &Error| self.is_partial.store(true, Ordering::Relaxed);
        let lines = files.par_bridge().filter_map(|leaf| leaf.and_then(line).inspect_err(leave_out).ok());
        let lines = lines.collect();
        Ok(made.insert(Arc::new(Manifest::new(lines))).clone())
    }
}

impl SourceBytes for FolderBytes {
    fn so_far(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn finish(&self) -> Result<(u64, String)> {
        let sealed = self.manifest()?.sealed();
        Ok((sealed.bytes, sealed.blake3))
    }

    fn files(&self) -> Result<Vec<String>> {
        Ok(hashes(self.manifest()?.lines()))
    }

    fn is_whole(&self) -> bool {
        !self.is_partial.load(Ordering::Relaxed)
    }
}

/// Hashes of the files that may be parts of a table.
fn hashes(lines: &[Line]) -> Vec<String> {
    lines.iter().filter(|line| line.bytes > 0 && !is_note(&line.name)).map(Line::blake3_hex).collect()
}

/// The bytes of files that are fetched, as those of a folder that holds them.
#[derive(Clone, Default)]
struct FetchedBytes {
    lines: Arc<Mutex<Vec<Line>>>,
    is_partial: Arc<AtomicBool>,
}

impl FetchedBytes {
    fn add(&self, line: Line) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// Notes that a file can't be had.
    fn miss_one(&self) {
        self.is_partial.store(true, Ordering::Relaxed);
    }

    fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl SourceBytes for FetchedBytes {
    fn so_far(&self) -> u64 {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|line| line.bytes).sum()
    }

    fn finish(&self) -> Result<(u64, String)> {
        let sealed = Manifest::new(self.lines()).sealed();
        Ok((sealed.bytes, sealed.blake3))
    }

    fn files(&self) -> Result<Vec<String>> {
        Ok(hashes(&self.lines()))
    }

    fn is_whole(&self) -> bool {
        !self.is_partial.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// The tables of a text, with their names and what was wrong.
    fn read(text: &'static str) -> (String, Vec<String>) {
        let found = tables(Input::stream(text.as_bytes()), &Said::default()).unwrap();
        let texts = found.tables.map(|table| {
            let mut table = table.unwrap();
            let mut csv = String::new();
            table.csv.read_to_string(&mut csv).unwrap();
            let faults: Vec<_> = table.faults.list().iter().map(|fault| fault.what).collect();
            format!("{}|{csv}|{}", table.name, faults.join(";"))
        });
        (found.format, texts.collect())
    }

    #[test]
    fn messy_csv_is_several_clean_tables() {
        let (format, tables) =
            read("Report\n\nid,name\n1,Ann\nid,name\n2,Bo\n\nward;beds;floor\nA;1;2\nB;2;3\n");
        assert_eq!(format, "csv");
        let first = "|id,name\n1,Ann\n2,Bo\n\n|before the header, left out;repeating the header, left out";
        assert_eq!(tables, [first, "table 2|ward;beds;floor\nA;1;2\nB;2;3\n|"]);
    }

    #[test]
    fn single_quotes_quote_where_no_double_one_does() {
        let (format, tables) = read("'id','note'\n'1','x, y'\n'2','z'\n");
        assert_eq!(format, "csv");
        assert_eq!(tables, ["|\"id\",\"note\"\n\"1\",\"x, y\"\n\"2\",\"z\"\n|"]);
    }

    #[test]
    fn a_damaged_wrapping_is_told_of_every_table() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        std::io::Write::write_all(&mut packed, &b"{\"id\":1,\"n\":2}\n".repeat(2000)).unwrap();
        let packed = packed.finish().unwrap();
        let torn = packed[..packed.len() - 10].to_vec();
        let mut found = tables(Input::stream(std::io::Cursor::new(torn)), &Said::default()).unwrap();
        let mut table = found.tables.next().unwrap().unwrap();
        table.csv.read_to_end(&mut Vec::new()).unwrap();
        assert!(table.faults.list().iter().any(|fault| fault.what == TORN), "{:?}", table.faults.list());
    }

    #[test]
    fn a_page_gives_its_tables() {
        let (format, tables) = read("<html><table><tr><th>id<th>name<tr><td>1<td>Ann</table></html>\n");
        assert_eq!((format.as_str(), tables), ("text", vec!["table 1|id,name\n1,Ann\n|".to_owned()]));
    }
}
