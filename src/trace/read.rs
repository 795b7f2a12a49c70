//! One pass over the leak: every usable reading reads every row.
//!
//! Workers turn rows into positions and bits; one sink, in file order, leaves out rows that repeat another one, marks
//! included, and counts the rest.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Read;
use std::sync::atomic::Ordering;

use crate::error::{Class, Reason, Result};
use crate::evidence::counts::Counts;
use crate::keys::prf::{DerivedKey, Purpose};
use crate::leak::align::{self, ColumnMatch};
use crate::leak::intake::{self, Damage, DamageList, Hashing, Intake};
use crate::mark::marker::{Bit, Marker, Reads, Scratch};
use crate::sketch::{ColumnSketch, SampledRow, Sampler, Sketch, SketchBuilder};
use crate::table::Row as _;
use crate::table::format::block::Block;
use crate::table::format::csv::{CsvRow, Dialect, Fields};
use crate::table::format::pump::pump;
use crate::table::value::DateOrder;

use super::findings::Unreadable;
use super::{Case, Options, Reading};

/// Distinct rows that are remembered, so that repeated ones count once: some 75 MB. A leak with more than that has evidence to
/// spare; from there on repeats count again, which costs sharpness and never truth.
const REMEMBERED_ROWS: usize = 1 << 22;

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
    /// One for each that does not.
    pub unreadable: Vec<Unreadable>,
}

/// The leak read as one dataset under one policy and key epoch.
pub(super) struct ReadAs {
    /// Index into [`Case::readings`].
    pub reading: usize,
    pub columns: Vec<ColumnMatch>,
    pub columns_missing: Vec<String>,
    pub counts: Counts,
    /// By column of the policy.
    pub unreadable: Vec<(String, u64)>,
    pub rows_aligned: u64,
    pub rows_repeated: u64,
    /// The leak's row identities.
    pub sketch: Sketch,
}

/// A reading at work.
struct Reader {
    reading: usize,
    columns: Vec<ColumnMatch>,
    columns_missing: Vec<String>,
    marker: Marker,
    sampler: Sampler,
}

/// What is known so far of one reading.
struct Gathered {
    counts: Counts,
    unreadable: Vec<u64>,
    rows_aligned: u64,
    rows_repeated: u64,
    seen: HashSet<u64>,
    sketch: SketchBuilder,
}

/// What a worker makes of one block.
#[derive(Default)]
struct Work {
    fields: Fields,
    damage: DamageList,
    rows: u64,
    by_reader: Vec<BlockReads>,
}

/// The block as one reader sees it.
#[derive(Default)]
struct BlockReads {
    scratch: Scratch,
    reads: Reads,
    bits: Vec<Bit>,
    /// For each row with bits: a digest of identity and bits, and where its bits end.
    rows: Vec<(u64, usize)>,
    rows_aligned: u64,
    unreadable: Vec<u64>,
    sampled: Vec<SampledRow>,
}

pub(super) fn read(leak: impl Read + Send, case: &Case, options: &Options) -> Result<Transcript> {
    let mut leak = Hashing::new(leak);
    let mut intake = Intake::open(&mut leak, options.delimiter)?;
    let (dialect, width) = (intake.head.dialect, intake.head.names.len());
    let (mut readers, mut unreadable) = (Vec::new(), Vec::new());
    for reading in 0..case.readings.len() {
        match Reader::new(reading, case, &intake) {
            Ok(reader) => readers.push(reader),
            Err(needed) if unreadable.contains(&needed) => {}
            Err(needed) => unreadable.push(needed),
        }
    }
    let mut gathered: Vec<Gathered> = readers.iter().map(|reader| Gathered::new(reader, case)).collect();
    let (mut damage, mut bytes) = (DamageList::default(), intake.head.bytes.len() as u64);

    let rows = pump(
        &mut intake,
        |block, work: &mut Work| Ok(read_block(block, dialect, width, &readers, work)),
        |block, work| {
            bytes += block.bytes().len() as u64;
            (options.progress)(bytes);
            damage.merge(&work.damage, block.first_row());
            for ((gathered, reads), reader) in gathered.iter_mut().zip(&mut work.by_reader).zip(&readers) {
                gathered.add(reads, &reader.sampler);
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
    *rows = intake::walk(block, dialect, width, fields, damage, |row| {
        for (reads, reader) in by_reader.iter_mut().zip(readers) {
            reads.add(row, reader);
        }
    });
    *rows
}

impl Reader {
    /// Finds the reading's columns in the leak. Fails with what is missing if its rows can't be recognised or no marked
    /// column is there.
    fn new<R: Read>(reading: usize, case: &Case, intake: &Intake<R>) -> Result<Reader, Unreadable> {
        let Reading { policy, slots, epoch, releases } = &case.readings[reading];
        let dataset = policy.name();
        let sketch_key = || DerivedKey::new(case.secret, Purpose::Sketch, dataset, *epoch, None);
        let wanted: Vec<&str> = policy.identity().chain(policy.columns().map(|(name, _, _)| name)).collect();
        let columns = match releases.last() {
            Some(latest) => {
                align::match_columns(&wanted, &latest.sketch, &leaked_columns(intake, sketch_key()))
            }
            None => Vec::new(),
        };
        let index_of = |name: &str| columns.iter().find(|found| found.ours == name).map(|found| found.index);
        let mut plan = policy.lenient_plan(&index_of, slots);
        if !plan.missing_identity.is_empty() || plan.columns.is_empty() {
            let marked_missing = if plan.columns.is_empty() { plan.absent } else { Vec::new() };
            let identity_missing = plan.missing_identity;
            return Err(Unreadable { dataset: dataset.to_owned(), identity_missing, marked_missing });
        }
        plan.columns = plan
            .columns
            .into_iter()
            .map(|column| {
                let order = date_order(intake, column.index);
                if order == DateOrder::Unknown { column } else { column.reading_dates(order) }
            })
            .collect();
        Ok(Reader {
            reading,
            columns_missing: plan.absent.clone(),
            columns,
            marker: Marker::new(case.secret, dataset, *epoch, policy.code_length(), plan),
            sampler: Sampler::new(sketch_key()),
        })
    }
}

/// The sketches of the leak's columns, from its sample.
fn leaked_columns<R: Read>(intake: &Intake<R>, key: DerivedKey) -> Vec<ColumnSketch> {
    let sampler = Sampler::new(key);
    let width = intake.head.names.len();
    let mut builder = SketchBuilder::new(intake.head.names.clone());
    let mut number = 0;
    intake.sample(|row| {
        // The sample is smaller than a sketch, so a running number keeps all of its rows.
        let sampled = sampler.sample(number, (0..width).map(|column| row.cell(column)));
        builder.add(1, sampled.into_iter().collect(), &sampler);
        number += 1;
    });
    builder.finish(&sampler).columns
}

/// The order of day and month in a column of short dates, as far as its sample tells.
fn date_order<R: Read>(intake: &Intake<R>, column: usize) -> DateOrder {
    let (mut day_first, mut month_first) = (0, 0);
    intake.sample(|row| {
        if let Ok(text) = str::from_utf8(&row.cell(column)) {
            match DateOrder::of(text) {
                DateOrder::DayFirst => day_first += 1,
                DateOrder::MonthFirst => month_first += 1,
                DateOrder::Unknown => {}
            }
        }
    });
    match (day_first, month_first) {
        (1.., 0) => DateOrder::DayFirst,
        (0, 1..) => DateOrder::MonthFirst,
        _ => DateOrder::Unknown,
    }
}

impl BlockReads {
    fn restart(&mut self, reader: &Reader) {
        self.bits.clear();
        self.rows.clear();
        self.sampled.clear();
        self.rows_aligned = 0;
        self.unreadable.clear();
        self.unreadable.resize(reader.marker.plan().columns.len(), 0);
    }

    fn add(&mut self, row: &CsvRow, reader: &Reader) {
        reader.marker.read(row, &mut self.scratch, &mut self.reads);
        let Some(id) = self.reads.id else { return };
        self.rows_aligned += 1;
        self.sampled.extend(reader.sampler.sample(id, std::iter::empty::<Cow<[u8]>>()));
        for &column in &self.reads.unreadable {
            self.unreadable[column] += 1;
        }
        if !self.reads.bits.is_empty() {
            self.bits.extend_from_slice(&self.reads.bits);
            self.rows.push((digest(id, &self.reads.bits), self.bits.len()));
        }
    }
}

/// Tells rows apart that differ in identity or marks. `id` is a keyed hash that nobody outside can aim at, so a quick mix does.
fn digest(id: u64, bits: &[Bit]) -> u64 {
    bits.iter().fold(id, |digest, bit| {
        (digest.rotate_left(5) ^ (u64::from(bit.position) << 1 | u64::from(bit.value)))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

impl Gathered {
    fn new(reader: &Reader, case: &Case) -> Gathered {
        Gathered {
            counts: Counts::new(case.readings[reader.reading].policy.code_length() as usize),
            unreadable: vec![0; reader.marker.plan().columns.len()],
            rows_aligned: 0,
            rows_repeated: 0,
            seen: HashSet::new(),
            sketch: SketchBuilder::new(Vec::new()),
        }
    }

    fn add(&mut self, block: &mut BlockReads, sampler: &Sampler) {
        let mut start = 0;
        for &(digest, end) in &block.rows {
            let is_new = if self.seen.len() < REMEMBERED_ROWS {
                self.seen.insert(digest)
            } else {
                !self.seen.contains(&digest)
            };
            if is_new {
                block.bits[start..end].iter().for_each(|&bit| self.counts.add(bit));
            } else {
                self.rows_repeated += 1;
            }
            start = end;
        }
        self.unreadable.iter_mut().zip(&block.unreadable).for_each(|(sum, n)| *sum += n);
        self.rows_aligned += block.rows_aligned;
        self.sketch.add(block.rows_aligned, std::mem::take(&mut block.sampled), sampler);
    }

    fn finish(self, reader: Reader) -> ReadAs {
        let names = reader.marker.plan().columns.iter().map(|column| column.name.clone());
        let mut unreadable: Vec<(String, u64)> = names.zip(self.unreadable).filter(|(_, n)| *n > 0).collect();
        unreadable.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        ReadAs {
            reading: reader.reading,
            columns: reader.columns,
            columns_missing: reader.columns_missing,
            counts: self.counts,
            unreadable,
            rows_aligned: self.rows_aligned,
            rows_repeated: self.rows_repeated,
            sketch: self.sketch.finish(&reader.sampler),
        }
    }
}
