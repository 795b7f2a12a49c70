//! One pass over the leak: every usable reading reads every row.
//!
//! What each reading makes of the rows is gathered by [`gather`](super::gather).

use std::io::Read;
use std::sync::atomic::Ordering;

use crate::error::{Class, Reason, Result};
use crate::leak::intake::{self, Damage, DamageList, Hashing, Intake};
use crate::table::format::block::Block;
use crate::table::format::csv::{Dialect, Fields};
use crate::table::format::pump::pump;

use super::findings::Unreadable;
use super::gather::{BlockReads, Gathered, ReadAs};
use super::reader::{Columns, Reader, Table};
use super::{Case, Options, Original};

#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
struct Interrupted;

impl Reason for Interrupted {
    fn class(&self) -> Class {
        Class::Io
    }
}

/// Everything that was read.
pub(super) struct Transcript {
    pub delimiter: u8,
    pub bytes: u64,
    pub blake3: String,
    pub rows: u64,
    pub damage: Vec<Damage>,
    /// One for each reading that fits the leak's columns.
    pub read: Vec<ReadAs>,
    /// One for each that does not, or not in its marks.
    pub unreadable: Vec<Unreadable>,
}

/// What a worker makes of one block.
#[derive(Default)]
struct Work {
    fields: Fields,
    damage: DamageList,
    rows: u64,
    by_reader: Vec<BlockReads>,
}

pub(super) fn read(leak: impl Read + Send, case: &Case, options: &Options) -> Result<Transcript> {
    let mut leak = Hashing::new(leak);
    let mut intake = Intake::open(&mut leak, options.delimiter)?;
    let (dialect, width) = (intake.head.dialect, intake.head.names.len());
    let table = Table::of(&mut intake, case, options)?;
    let columns: Vec<Columns> =
        case.readings.iter().map(|reading| Columns::find(reading, case, &table)).collect();
    let mut originals: Vec<Vec<Original>> = Vec::new();
    for (reading, columns) in columns.iter().enumerate() {
        originals.push(if columns.is_any() { (options.originals)(reading)? } else { Vec::new() });
    }
    let (mut readers, mut unreadable) = (Vec::new(), Vec::new());
    for (reading, columns) in columns.into_iter().enumerate() {
        let (reader, needed) = match Reader::new(reading, case, &table, columns, &originals[reading]) {
            Ok(reader) => {
                let needed = reader.needed(case);
                (Some(reader), needed)
            }
            Err(needed) => (None, Some(needed)),
        };
        readers.extend(reader);
        unreadable.extend(needed.filter(|needed| !unreadable.contains(needed)));
    }
    drop(table);
    let mut gathered: Vec<Gathered> = readers.iter().map(Gathered::new).collect();
    let (mut damage, mut bytes) = (DamageList::default(), intake.head.bytes.len() as u64);

    let rows = pump(
        &mut intake,
        |block, work: &mut Work| Ok(read_block(block, dialect, width, &readers, work)),
        |block, work| {
            bytes += block.bytes().len() as u64;
            (options.progress)(bytes);
            damage.merge(&work.damage, block.first_row());
            for ((gathered, reads), reader) in gathered.iter_mut().zip(&mut work.by_reader).zip(&readers) {
                gathered.add(reads, block.first_row() - 1, reader);
            }
            if options.interrupted.load(Ordering::Relaxed) { Err(Interrupted.into()) } else { Ok(()) }
        },
    )?;
    drop(intake);

    let read = readers.into_iter().zip(gathered).map(|(reader, gathered)| gathered.finish(reader)).collect();
    let (bytes, blake3) = leak.finish();
    Ok(Transcript {
        delimiter: dialect.delimiter,
        bytes,
        blake3,
        rows,
        damage: damage.into_vec(),
        read,
        unreadable,
    })
}

fn read_block(block: &Block, dialect: Dialect, width: usize, readers: &[Reader], work: &mut Work) -> u64 {
    let Work { fields, damage, rows, by_reader } = work;
    damage.clear();
    by_reader.resize_with(readers.len(), BlockReads::default);
    for (reads, reader) in by_reader.iter_mut().zip(readers) {
        reads.restart(reader);
    }
    *rows = intake::walk(block, dialect, width, fields, damage, |number, row| {
        for (reads, reader) in by_reader.iter_mut().zip(readers) {
            reads.add(number, row, reader);
        }
    });
    *rows
}
