//! Marks a CSV stream for one recipient, in constant memory and on all cores.
//!
//! Blocks of whole records go through rayon workers, which mark them and splice the edits into a copy; one sink hashes and
//! writes in file order. Every byte outside the edited cells is the source's. The outcome depends on keys, policy,
//! recipient and input alone, not on the block size or the number of threads.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::error::{Class, Error, Reason, Result, said};
use crate::keys::prf::{DerivedKey, Purpose};
use crate::keys::secret::MarkingSecret;
use crate::known::KnownRelease;
use crate::mark::code::{self, Code, Codeword};
use crate::mark::marker::{Marker, Scratch, Tally};
use crate::mark::model::Model;
use crate::mark::policy::{Plan, Policy};
use crate::sketch::{SampledRow, Sampler, Sketch, SketchBuilder};
use crate::table::Row as _;
use crate::table::format::block::{self, BLOCK_BYTES, Block, Peeked, Reading};
use crate::table::format::csv::{self, Cell, CsvRow, Dialect, Fields, Records, check_width};
use crate::table::format::pump::pump;
use crate::table::format::splice::{Edits, splice};
use crate::vault::{Columns, Deposit, Packer};

#[derive(Debug, thiserror::Error)]
enum EngineError {
    #[error("interrupted")]
    Interrupted,
    #[error("the file has no column `{0}`, which the dataset's model looks at")]
    NoContext(String),
    #[error("could not write the marked copy: {}", said(.0))]
    Write(#[source] io::Error),
}

impl Reason for EngineError {
    fn class(&self) -> Class {
        match self {
            EngineError::NoContext(_) => Class::Usage,
            EngineError::Interrupted | EngineError::Write(_) => Class::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                EngineError::NoContext(_) => {
                    "export the same columns as before, or adopt the policy with a new --model"
                }
                EngineError::Interrupted => "nothing was delivered and nothing recorded",
                EngineError::Write(_) => {
                    "make room, or choose another place; nothing was delivered or recorded"
                }
            }
            .into(),
        )
    }
}

/// Who gets what: everything that decides the marks.
pub struct Marking<'a> {
    /// The home's marking secret.
    pub secret: &'a MarkingSecret,
    /// The policy in force.
    pub policy: &'a Policy,
    /// The dataset's marked columns in the order in which they were first adopted.
    pub slots: &'a [String],
    /// The key epoch.
    pub epoch: u32,
    /// The recipient's id.
    pub recipient: &'a str,
    /// What occurs in the marked columns, if a model was adopted with the policy.
    pub model: Option<&'a Model>,
}

/// How to read the input, and whom to tell.
pub struct Options<'a> {
    /// The byte between fields; sniffed if `None`.
    pub delimiter: Option<u8>,
    /// Bytes of a block; [`BLOCK_BYTES`] unless testing.
    pub block_bytes: usize,
    /// Told the number of source bytes done, from time to time.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Set from outside to stop with an error.
    pub interrupted: &'a AtomicBool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Options { delimiter: None, block_bytes: BLOCK_BYTES, progress: &|_| (), interrupted: &NEVER }
    }
}

/// What was written, and what it takes to recognise it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// Data rows.
    pub rows: u64,
    /// Cells that carry a bit.
    pub carriers: u64,
    /// Cells changed, by column name; marked columns without a change are listed with 0.
    pub cells_changed: BTreeMap<String, u64>,
    /// Bytes of the source.
    pub source_bytes: u64,
    /// Hex BLAKE3 of the source.
    pub source_blake3: String,
    /// Bytes of the copy.
    pub output_bytes: u64,
    /// Hex BLAKE3 of the copy.
    pub output_blake3: String,
    /// Hex SHA-256 of the copy.
    pub output_sha256: String,
    /// The source's sketch, the same for every recipient.
    pub sketch: Sketch,
}

impl Stamped {
    /// What a trace has to know of this copy, when it is release `release` to `recipient`, recorded at `time` (RFC 3339).
    pub fn known_as(self, release: &str, recipient: &str, time: &str) -> KnownRelease {
        KnownRelease {
            release: release.to_owned(),
            recipient: recipient.to_owned(),
            time: time.to_owned(),
            source_path: None,
            source_bytes: self.source_bytes,
            source_blake3: self.source_blake3,
            output_blake3: self.output_blake3,
            sketch: Arc::new(self.sketch),
        }
    }
}

/// What a worker makes of one block.
#[derive(Default)]
struct Work {
    fields: Fields,
    scratch: Scratch,
    edits: Edits,
    marked: Vec<u8>,
    tally: Tally,
    sampled: Vec<SampledRow>,
    packer: Packer,
}

/// Everything the workers share.
struct Stamper {
    marker: Marker,
    codeword: Codeword,
    sampler: Sampler,
    dialect: Dialect,
    width: usize,
    /// What of the source goes into the vault.
    kept: Option<Columns>,
}

/// Marks `input` for the recipient of `marking` and writes the copy to `output`.
///
/// # Errors
/// If the header does not fit the policy, a row has another number of fields than the header, a quote never closes, or
/// reading or writing fails. What was written until then is worthless.
pub fn stamp(
    input: impl Read + Send,
    output: impl Write + Send,
    marking: &Marking,
    options: &Options,
) -> Result<Stamped> {
    stamp_and_keep(input, output, marking, options, None)
}

/// As [`stamp`]; the source passes into `deposit` too, if there is one. The caller finishes that.
pub fn stamp_and_keep(
    input: impl Read + Send,
    mut output: impl Write + Send,
    marking: &Marking,
    options: &Options,
    mut deposit: Option<&mut Deposit>,
) -> Result<Stamped> {
    let reading = block::Options { block_bytes: options.block_bytes, ..block::Options::new(Reading::Strict) };
    let (head, blocks) = csv::open(input, options.delimiter, reading)?;
    let mut blocks = Peeked::new(blocks);
    let mut stamper = Stamper::new(marking, &head)?;
    if let Some(deposit) = &mut deposit {
        let needed = |name: &str| marking.policy.names_column(name);
        let kept = Columns::choose(&head.names, needed, blocks.peek()?, head.dialect);
        deposit.begin(kept.clone())?;
        stamper.kept = Some(kept);
    }
    let columns: Vec<String> =
        stamper.marker.plan().columns.iter().map(|column| column.name.clone()).collect();

    let mut sketch = SketchBuilder::new(head.names.clone());
    let mut tally = Tally::new(columns.len());
    let (mut source, mut copy) = (Digest::default(), Digest::default());
    let mut sha256 = Sha256::new();
    let mut write = |source_bytes: &[u8], marked: &[u8]| -> Result<()> {
        source.update(source_bytes);
        copy.update(marked);
        sha256.update(marked);
        output.write_all(marked).map_err(EngineError::Write)?;
        (options.progress)(source.bytes);
        if options.interrupted.load(Ordering::Relaxed) {
            Err(EngineError::Interrupted.into())
        } else {
            Ok(())
        }
    };
    write(&head.bytes, &head.bytes)?;
    pump(
        &mut blocks,
        |block, work| stamper.mark_block(block, work),
        |block, work| {
            sketch.add(work.tally.rows, std::mem::take(&mut work.sampled), &stamper.sampler);
            tally.merge(&work.tally);
            if let Some(deposit) = &mut deposit {
                deposit.add(&work.packer)?;
            }
            write(block.bytes(), &work.marked)
        },
    )?;
    output.flush().map_err(EngineError::Write)?;

    Ok(Stamped {
        rows: tally.rows,
        carriers: tally.carriers,
        cells_changed: columns.into_iter().zip(tally.changed).collect(),
        source_bytes: source.bytes,
        source_blake3: source.hex(),
        output_bytes: copy.bytes,
        output_blake3: copy.hex(),
        output_sha256: HEXLOWER.encode(&sha256.finalize()),
        sketch: sketch.finish(&stamper.sampler),
    })
}

impl Stamper {
    fn new(marking: &Marking, head: &csv::Head) -> Result<Stamper> {
        let policy = marking.policy;
        let dataset = policy.name();
        let plan = policy.plan(&head.names, marking.slots).map_err(|error| one_column_hint(error, head))?;
        let plan = match marking.model {
            Some(model) => with_model(plan, model, &head.names)?,
            None => plan,
        };
        let code = Code::new(marking.secret, dataset, marking.epoch, policy.code_length());
        let codeword_key = code::codeword_key(marking.secret, dataset, marking.epoch, marking.recipient);
        let sketch_key = DerivedKey::new(marking.secret, Purpose::Sketch, dataset, marking.epoch, None);
        Ok(Stamper {
            marker: Marker::new(marking.secret, dataset, marking.epoch, policy.code_length(), plan),
            codeword: code.codeword(&codeword_key),
            sampler: Sampler::new(sketch_key),
            dialect: head.dialect,
            width: head.names.len(),
            kept: None,
        })
    }

    /// Marks the rows of one block; gives their number.
    fn mark_block(&self, block: &Block, work: &mut Work) -> Result<u64> {
        let Work { fields, scratch, edits, marked, tally, sampled, packer } = work;
        *tally = Tally::new(self.marker.plan().columns.len());
        edits.clear();
        sampled.clear();
        packer.begin();
        let bytes = block.bytes();
        let mut records = Records::of(block, self.dialect);
        while records.next_record(fields) {
            check_width(tally.rows + 1, fields.len(), self.width)?;
            let row = CsvRow { bytes, fields };
            let id = self.marker.mark(&row, &self.codeword, scratch, tally, |column, text| {
                let range = fields.range(column).expect("the record's width was checked");
                Cell::new(&bytes[range.clone()]).replace(range.start, text.as_bytes(), self.dialect, edits);
            });
            if let Some(kept) = &self.kept {
                packer.add(&row, kept);
            }
            // Rows without an identity can't be recognised again, so they have no place in a sketch.
            if let Some(id) = id {
                sampled.extend(self.sampler.sample(id, (0..self.width).map(|column| row.cell(column))));
            }
        }
        marked.clear();
        splice(bytes, edits, marked);
        if self.kept.is_some() {
            packer.pack()?;
        }
        Ok(tally.rows)
    }
}

/// Every column that the model looks at must be there: without it the same row would be marked otherwise.
fn with_model(plan: Plan, model: &Model, names: &[String]) -> Result<Plan> {
    let plan = plan.with_model(model, &|name| names.iter().position(|found| found == name));
    let missing = plan.columns.iter().find_map(|column| column.known.as_ref()?.missing());
    match missing {
        Some(column) => Err(EngineError::NoContext(column.to_owned()).into()),
        None => Ok(plan),
    }
}

/// A header of one column usually means that the delimiter was not found.
fn one_column_hint(error: Error, head: &csv::Head) -> Error {
    if head.names.len() == 1 {
        return error
            .with_hint("the header has a single column: name the byte between fields with --delimiter");
    }
    error
}

/// Counts and hashes a stream.
#[derive(Default)]
struct Digest {
    bytes: u64,
    hasher: blake3::Hasher,
}

impl Digest {
    fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hasher.update(bytes);
    }

    fn hex(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }
}
