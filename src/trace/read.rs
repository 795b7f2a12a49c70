//! One pass over the leak: every usable reading reads every row of every table.
//!
//! What each reading makes of the rows is gathered by [`gather`](super::gather).

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crate::error::{Class, Error, Reason, Result};
use crate::leak::intake::{self, Damage, DamageList, Intake, LeakedRow};
use crate::table::format::block::Block;
use crate::table::format::csv::{Dialect, Fields};
use crate::table::format::digest::SourceBytes;
use crate::table::format::find::Tables;
use crate::table::format::found::Found;
use crate::table::format::parts::hive::Constant;
use crate::table::format::pump;

use super::findings::{Skipped, TableSummary, Unreadable};
use super::gather::{BlockReads, Gathered, Part, ReadAs};
use super::layout::{Layouts, Sources};
use super::reader::{Reader, sampler};
use super::{Case, Options};

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("interrupted")]
    Interrupted,
    #[error("there is no table in it")]
    Nothing,
}

impl Reason for ReadError {
    fn class(&self) -> Class {
        match self {
            ReadError::Interrupted => Class::Io,
            ReadError::Nothing => Class::Data,
        }
    }
}

/// Everything that was read.
pub(super) struct Transcript {
    pub format: String,
    /// Of the first table.
    pub delimiter: Option<u8>,
    pub bytes: u64,
    pub blake3: String,
    /// Hex BLAKE3 of the file, or of those in a folder or an archive.
    pub files: Vec<String>,
    /// Whether these are all of them.
    pub is_whole: bool,
    pub rows: u64,
    /// Of the only table, if there is one alone.
    pub damage: Vec<Damage>,
    pub tables: Vec<TableSummary>,
    pub skipped: Vec<Skipped>,
    /// One for each reading that fits the columns of any table.
    pub read: Vec<ReadAs>,
    /// One for each that does not, or not in its marks.
    pub unreadable: Vec<Unreadable>,
}

/// What a worker makes of one block.
#[derive(Default)]
pub(super) struct Work {
    fields: Fields,
    damage: DamageList,
    pub rows: u64,
    pub by_reader: Vec<BlockReads>,
}

/// Where the pass stands.
struct Pass<'a> {
    options: &'a Options<'a>,
    source: &'a dyn SourceBytes,
    layouts: Layouts<'a>,
    /// By index of the reading.
    gathered: BTreeMap<usize, Gathered>,
    unreadable: Vec<Unreadable>,
    tables: Vec<TableSummary>,
    skipped: Vec<Skipped>,
    delimiter: Option<u8>,
    /// Rows of all tables before this one.
    rows: u64,
    /// For tables that are too small to be shared out.
    work: Work,
}

pub(super) fn read(leak: Tables, case: &Case, options: &Options) -> Result<Transcript> {
    let sources = Sources::new(case);
    let mut pass = Pass {
        options,
        source: &*leak.source,
        layouts: Layouts::new(case, options, &sources),
        gathered: BTreeMap::new(),
        unreadable: Vec::new(),
        tables: Vec::new(),
        skipped: Vec::new(),
        delimiter: None,
        rows: 0,
        work: Work::default(),
    };
    let mut first_error = None;
    for (number, table) in leak.tables.enumerate() {
        let (name, outcome) = match table {
            Ok(table) => {
                let name = table.name.clone();
                let read = pass.read_table(number, table);
                // The only table of a file has no name but the file's.
                let named = |error: Error| if name.is_empty() { error } else { error.in_file(&name) };
                let read = read.map_err(named);
                (name, read)
            }
            Err(error) => (error.place().file.clone().unwrap_or_default(), Err(error)),
        };
        let Err(error) = outcome else { continue };
        if options.interrupted.load(Ordering::Relaxed) {
            return Err(error);
        }
        pass.skipped.push(Skipped { name, reason: error.to_string() });
        first_error.get_or_insert(error);
    }
    // What could not be read matters less than what could; alone it is all there is to say.
    if pass.tables.is_empty() {
        return Err(first_error.unwrap_or_else(|| ReadError::Nothing.into()));
    }
    let Pass { gathered, mut unreadable, tables, skipped, delimiter, rows, .. } = pass;
    let read: Vec<ReadAs> = gathered.into_values().map(|gathered| finish(gathered, case)).collect();
    // What another table has need not be asked for.
    let has_marks = |dataset: &str| {
        let mut marked = read.iter().filter(|read| read.has_marks);
        marked.any(|read| case.readings[read.reading].policy.name() == dataset)
    };
    unreadable.retain(|needed| tables.len() == 1 || !has_marks(&needed.dataset));
    let (bytes, blake3) = leak.source.finish()?;
    let files = Some(leak.source.files()?).filter(|files| !files.is_empty());
    let damage = if let [table] = &tables[..] { table.damage.clone() } else { Vec::new() };
    Ok(Transcript {
        format: leak.format,
        delimiter,
        bytes,
        files: files.unwrap_or_else(|| vec![blake3.clone()]),
        is_whole: leak.source.is_whole(),
        blake3,
        rows,
        damage,
        tables,
        skipped,
        read,
        unreadable,
    })
}

fn finish(gathered: Gathered, case: &Case) -> ReadAs {
    let reading = &case.readings[gathered.reading()];
    gathered.finish(&sampler(reading, case))
}

impl Pass<'_> {
    /// Reads one table. An error leaves what was read before it in the evidence.
    fn read_table(&mut self, number: usize, leaked: Found) -> Result<()> {
        let mut intake = Intake::open(leaked.csv, leaked.delimiter)?;
        intake.add_constants(leaked.constants);
        let shape = Shape::of(&intake);
        self.delimiter.get_or_insert(shape.dialect.delimiter);
        let Pass { options, source, layouts, gathered, unreadable, rows: rows_before, work, .. } = self;
        let layout = layouts.of(&mut intake)?;
        let readers = &layout.readers;
        for needed in &layout.needed {
            if !unreadable.contains(needed) {
                unreadable.push(needed.clone());
            }
        }
        for reader in readers {
            gathered.entry(reader.reading).or_insert_with(|| Gathered::new(reader));
        }
        let mut parts: Vec<Part> = readers.iter().map(Part::new).collect();
        let (mut damage, mut rows) = (DamageList::default(), 0);
        let read = |block: &Block, work: &mut Work| Ok(read_block(block, &shape, readers, work));
        let gather = |block: &Block, work: &mut Work| {
            (options.progress)(source.so_far());
            damage.merge(&work.damage, block.first_row());
            let first_row = *rows_before + block.first_row() - 1;
            for ((part, reads), reader) in parts.iter_mut().zip(&mut work.by_reader).zip(readers) {
                if let Some(gathered) = gathered.get_mut(&reader.reading) {
                    gathered.add(part, reads, first_row, reader);
                }
            }
            rows += work.rows;
            let stopped = options.interrupted.load(Ordering::Relaxed);
            if stopped { Err(Error::from(ReadError::Interrupted)) } else { Ok(()) }
        };
        let outcome = if intake.is_whole() {
            pump::here(&mut intake, work, read, gather)
        } else {
            pump::pump(&mut intake, read, gather)
        };
        drop(intake);
        let faults = leaked.faults.list();
        faults.into_iter().for_each(|fault| damage.note(fault.what, fault.rows, fault.first_row));
        let rows_aligned = parts.iter().map(Part::rows_aligned).max().unwrap_or(0);
        for (reader, part) in readers.iter().zip(parts) {
            if let Some(gathered) = gathered.get_mut(&reader.reading) {
                gathered.end(part, reader, number, layout.header_is_row());
            }
        }
        self.tables.push(TableSummary {
            name: leaked.name,
            first_row: self.rows + 1,
            rows,
            rows_aligned,
            damage: damage.into_vec(),
        });
        self.rows += rows;
        outcome.map(drop)
    }
}

/// How the rows of a table are read.
pub(super) struct Shape {
    dialect: Dialect,
    /// Columns of the file.
    width: usize,
    /// Columns beside them.
    constants: Vec<Constant>,
}

impl Shape {
    pub(super) fn of<R>(intake: &Intake<R>) -> Shape {
        let (dialect, width) = (intake.head.dialect, intake.head.names.len());
        Shape { dialect, width, constants: intake.constants.clone() }
    }
}

pub(super) fn read_block(block: &Block, shape: &Shape, readers: &[Reader], work: &mut Work) -> u64 {
    let &Shape { dialect, width, ref constants } = shape;
    let Work { fields, damage, rows, by_reader } = work;
    damage.clear();
    by_reader.resize_with(readers.len(), BlockReads::default);
    for (reads, reader) in by_reader.iter_mut().zip(readers) {
        reads.restart(reader);
    }
    *rows = intake::walk(block, dialect, width, fields, damage, |number, row| {
        let row = LeakedRow { row: *row, width, constants };
        for (reads, reader) in by_reader.iter_mut().zip(readers) {
            reads.add(number, &row, reader);
        }
    });
    *rows
}
