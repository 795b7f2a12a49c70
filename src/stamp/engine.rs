//! Marks a table for one recipient or many, in constant memory and on all cores.
//!
//! The [format](crate::table::format) passes rows to an [`Editor`], which marks them, and puts the edits into one copy for each
//! recipient. The source is read and parsed once, a row hashed once, a cell embedded once for each bit. What is not edited is the
//! source's. The outcome depends on keys, policy, recipient and input alone, not on blocks, threads or the other recipients.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Class, Error, Reason, Result};
use crate::keys::prf::{DerivedKey, Purpose};
use crate::keys::secret::MarkingSecret;
use crate::known::KnownRelease;
use crate::mark::code::{self, Code, Codeword};
use crate::mark::marker::{Marker, Scratch, Tally};
use crate::mark::model::Model;
use crate::mark::policy::{Plan, Policy};
use crate::sketch::{SampledRow, Sampler, Sketch, SketchBuilder};
use crate::subjects::{self, Collector, Subject, Subjects};
use crate::table::Row;
use crate::table::format::block::{self, BLOCK_BYTES, Reading};
use crate::table::format::copy::{Editor, Table as _};
use crate::table::format::digest::{Sealing, Written};
use crate::table::format::kind::Said;
use crate::table::format::open::{Asked, Opened, open};
use crate::table::format::parts::Manifest;
use crate::table::format::reason::write_failed;
use crate::table::format::source::Input;
use crate::vault::{Columns, Deposit, Packer};

#[derive(Debug, thiserror::Error)]
enum EngineError {
    #[error("interrupted")]
    Interrupted,
    #[error("the file has no column `{0}`, which the dataset's model looks at")]
    NoContext(String),
    #[error("the table has more than the {0} rows that were approved")]
    TooManyRows(u64),
}

impl Reason for EngineError {
    fn class(&self) -> Class {
        match self {
            EngineError::NoContext(_) => Class::Usage,
            EngineError::TooManyRows(_) => Class::Policy,
            EngineError::Interrupted => Class::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                EngineError::NoContext(_) => {
                    "export the same columns as before, or adopt the policy with a new --model"
                }
                EngineError::TooManyRows(_) => "what went out ends at the row before",
                EngineError::Interrupted => "nothing was delivered and nothing recorded",
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
    /// The recipients' ids, one for each copy.
    pub recipients: &'a [&'a str],
    /// What occurs in the marked columns, if a model was adopted with the policy.
    pub model: Option<&'a Model>,
}

/// How to read the input, and whom to tell.
pub struct Options<'a> {
    /// What the user says of the input.
    pub said: Said,
    /// Bytes of a block; [`BLOCK_BYTES`] unless testing.
    pub block_bytes: usize,
    /// Told the number of source bytes done, from time to time.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Set from outside to stop with an error.
    pub interrupted: &'a AtomicBool,
    /// Stops with an error before a row beyond so many is written.
    pub most_rows: Option<u64>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Options {
            said: Said::default(),
            block_bytes: BLOCK_BYTES,
            progress: &|_| (),
            interrupted: &NEVER,
            most_rows: None,
        }
    }
}

impl Options<'_> {
    /// The error, if somebody has asked to stop.
    pub(super) fn check_interrupted(&self) -> Result<()> {
        let stopped = self.interrupted.load(Ordering::Relaxed);
        if stopped { Err(EngineError::Interrupted.into()) } else { Ok(()) }
    }

    /// The error, if a table of `rows` rows or more is too long. A block is written after its rows are counted.
    fn check_rows(&self, rows: u64) -> Result<()> {
        match self.most_rows.filter(|most| rows > *most) {
            Some(most) => Err(EngineError::TooManyRows(most).into()),
            None => Ok(()),
        }
    }

    /// How to open the input, of which `policy` marks columns.
    pub fn asked(&self, policy: &Policy) -> Asked {
        let strict = block::Options::new(Reading::Strict);
        let marked = policy.columns().map(|(name, ..)| name);
        Asked {
            said: self.said.clone(),
            columns: policy.identity().chain(policy.subject()).chain(marked).map(str::to_owned).collect(),
            blocks: block::Options { block_bytes: self.block_bytes, ..strict },
        }
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
    /// The copy's bytes.
    pub output: Written,
    /// The source's sketch, the same for every recipient.
    pub sketch: Arc<Sketch>,
    /// The files of a folder, as they were read and as they were written: the hashes above are then those of these lists.
    pub parts: Option<(Arc<Manifest>, Manifest)>,
    /// Whom the source is about, if the policy names their column; the same for every recipient.
    pub subjects: Option<Arc<Subjects>>,
}

impl Stamped {
    /// What a trace has to know of this copy, when it is release `release` to `recipient`, recorded at `time` (RFC 3339).
    pub fn known_as(self, release: &str, recipient: &str, time: &str) -> KnownRelease {
        KnownRelease {
            release: release.to_owned(),
            recipient: recipient.to_owned(),
            time: time.to_owned(),
            source_path: None,
            source_table: None,
            source_bytes: self.source_bytes,
            source_blake3: self.source_blake3,
            output_blake3: self.output.blake3,
            sketch: self.sketch,
            parts: self.parts.map(|(source, output)| (source, Arc::new(output))),
            receipt: None,
        }
    }
}

/// Marks `input` for the one recipient of `marking` and writes the copy to `output`.
///
/// # Errors
/// If the columns do not fit the policy, a row can't be read, or reading or writing fails. What was written until then is
/// worthless.
///
/// # Panics
/// If `marking` names more than one recipient, or none.
pub fn stamp(
    input: impl Read + Send,
    output: impl Write + Send,
    marking: &Marking,
    options: &Options,
) -> Result<Stamped> {
    assert_eq!(marking.recipients.len(), 1, "one copy, one recipient");
    let opened = open(Input::stream(input), &options.asked(marking.policy))?;
    Ok(stamp_opened(opened, vec![output], marking, options, None)?.remove(0))
}

/// Marks a file for every recipient of `marking` and writes the copies to `outputs`, one each, in the same order. The source
/// passes into `deposit` too, if there is one; the caller finishes that.
///
/// # Errors
/// As [`stamp`].
pub fn stamp_opened<W: Write + Send>(
    mut opened: Opened,
    outputs: Vec<W>,
    marking: &Marking,
    options: &Options,
    deposit: Option<&mut Deposit>,
) -> Result<Vec<Stamped>> {
    let names = opened.columns().to_vec();
    let kept = match &deposit {
        Some(_) => Some(Columns::choose(&names, needed(marking), |see| opened.peek(see))?),
        None => None,
    };
    let mut stamping = Stamping::new(marking, names, kept, deposit)?;
    let (source, written) = stamping.add(opened, outputs, options)?;
    Ok(stamping.finish(source, written))
}

/// Which columns the vault keeps in any case.
pub(super) fn needed(marking: &Marking) -> impl Fn(&str) -> bool {
    |name| marking.policy.names_column(name)
}

/// Whether a table of these columns can be marked.
///
/// # Errors
/// If not.
pub(super) fn check(marking: &Marking, names: &[String]) -> Result<()> {
    plan(marking, names).map(drop)
}

/// A table that is being marked: one file, or one after another of the same columns.
pub(super) struct Stamping<'a> {
    stamper: Stamper,
    sketch: SketchBuilder,
    tally: Tally,
    /// Whom the rows so far are about, if the policy names their column.
    subjects: Option<Collector>,
    deposit: Option<&'a mut Deposit>,
}

impl<'a> Stamping<'a> {
    /// Begins with the names of the columns; those that are `kept` go into `deposit`.
    pub fn new(
        marking: &Marking,
        names: Vec<String>,
        kept: Option<Columns>,
        mut deposit: Option<&'a mut Deposit>,
    ) -> Result<Stamping<'a>> {
        let mut stamper = Stamper::new(marking, &names)?;
        if let (Some(deposit), Some(kept)) = (&mut deposit, kept) {
            deposit.begin(kept.clone())?;
            stamper.kept = Some(kept);
        }
        let mut tally = Tally::default();
        stamper.restart(&mut tally);
        let subjects = stamper.subject.is_some().then(Collector::default);
        Ok(Stamping { stamper, sketch: SketchBuilder::new(names), tally, subjects, deposit })
    }

    /// Marks a file; gives what was read, and what was written to each of `outputs`.
    pub fn add<W: Write + Send>(
        &mut self,
        opened: Opened,
        outputs: Vec<W>,
        options: &Options,
    ) -> Result<((u64, String), Vec<Written>)> {
        let Stamping { stamper, sketch, tally, subjects, deposit } = self;
        let (table, source, wrapping) = opened.into_parts();
        let wrapped = outputs.into_iter().map(|output| wrapping.wrap(Sealing::new(output)));
        let mut outputs = wrapped.collect::<io::Result<Vec<_>>>().map_err(write_failed)?;
        table.copy(stamper, &mut outputs, |work| {
            sketch.add(work.tally.rows, std::mem::take(&mut work.sampled), &stamper.sampler);
            tally.merge(&work.tally);
            options.check_rows(tally.rows)?;
            if let Some(subjects) = subjects {
                subjects.add(&mut work.subjects);
            }
            if let Some(deposit) = deposit {
                deposit.add(&work.packer)?;
            }
            (options.progress)(source.so_far());
            options.check_interrupted()
        })?;
        let written = outputs.into_iter().map(|output| output.finish().and_then(Sealing::finish));
        Ok((source.finish()?, written.collect::<io::Result<_>>().map_err(write_failed)?))
    }

    /// Ends it; `source` is the length and hash of what was read, `outputs` what was written.
    pub fn finish(self, (source_bytes, source_blake3): (u64, String), outputs: Vec<Written>) -> Vec<Stamped> {
        let Stamping { stamper, sketch, tally, subjects, .. } = self;
        let sketch = Arc::new(sketch.finish(&stamper.sampler));
        let subjects = subjects.map(|subjects| Arc::new(subjects.finish()));
        let stamped = outputs.into_iter().enumerate().map(|(copy, output)| Stamped {
            rows: tally.rows,
            carriers: tally.carriers,
            cells_changed: stamper.changed(&tally, copy),
            source_bytes,
            source_blake3: source_blake3.clone(),
            output,
            sketch: sketch.clone(),
            parts: None,
            subjects: subjects.clone(),
        });
        stamped.collect()
    }
}

/// What a worker makes of one batch of rows.
#[derive(Default)]
struct Work {
    scratch: Scratch,
    tally: Tally,
    sampled: Vec<SampledRow>,
    packer: Packer,
    subjects: Vec<Subject>,
    /// Scratch for a subject's canonical form.
    id: Vec<u8>,
}

/// Everything the workers share.
struct Stamper {
    marker: Marker,
    /// One for each copy.
    codewords: Vec<Codeword>,
    sampler: Sampler,
    width: usize,
    /// What of the source goes into the vault.
    kept: Option<Columns>,
    /// Where the subject's id stands, and what hashes it.
    subject: Option<(usize, subjects::Hasher)>,
}

impl Stamper {
    fn new(marking: &Marking, names: &[String]) -> Result<Stamper> {
        let Marking { secret, policy, epoch, .. } = *marking;
        let dataset = policy.name();
        let plan = plan(marking, names)?;
        let code = Code::new(secret, dataset, epoch, policy.code_length());
        let codeword =
            |recipient: &&str| code.codeword(&code::codeword_key(secret, dataset, epoch, recipient));
        let sketch_key = DerivedKey::new(secret, Purpose::Sketch, dataset, epoch, None);
        // The plan has made sure that the column is there.
        let subject = policy.subject().and_then(|name| names.iter().position(|found| found == name));
        Ok(Stamper {
            marker: Marker::new(secret, dataset, epoch, policy.code_length(), plan),
            codewords: marking.recipients.iter().map(codeword).collect(),
            sampler: Sampler::new(sketch_key),
            width: names.len(),
            kept: None,
            subject: subject.map(|column| (column, subjects::Hasher::new(secret, epoch))),
        })
    }

    fn restart(&self, tally: &mut Tally) {
        tally.restart(self.marker.plan().columns.len(), self.codewords.len());
    }

    /// The cells changed in one copy, by column; marked columns without a change are listed with 0.
    fn changed(&self, tally: &Tally, copy: usize) -> BTreeMap<String, u64> {
        let columns = &self.marker.plan().columns;
        let changed = &tally.changed[copy * columns.len()..];
        columns.iter().zip(changed).map(|(column, cells)| (column.name.clone(), *cells)).collect()
    }
}

impl Editor for Stamper {
    type Work = Work;

    fn begin(&self, work: &mut Work) {
        self.restart(&mut work.tally);
        work.sampled.clear();
        work.packer.begin();
        work.subjects.clear();
    }

    fn row(&self, row: &impl Row, work: &mut Work, edit: &mut impl FnMut(usize, usize, &str)) {
        if let Some(id) = self.first_look(row, work, edit) {
            self.second_look(row, id, work);
        }
    }

    fn first_look(
        &self,
        row: &impl Row,
        work: &mut Work,
        edit: &mut impl FnMut(usize, usize, &str),
    ) -> Option<u64> {
        let Work { scratch, tally, sampled, packer, subjects, id: buffer } = work;
        let id = self.marker.mark_copies(row, &self.codewords, scratch, tally, edit);
        if let Some(kept) = &self.kept {
            packer.add(row, kept);
        }
        if let Some((column, hasher)) = &self.subject {
            subjects.extend(hasher.subject(&row.cell(*column), buffer));
        }
        // Rows without an identity can't be recognised again, so they have no place in a sketch.
        let id = id.filter(|id| self.sampler.wants(*id))?;
        if self.sampler.wants_cells(id) {
            return Some(id);
        }
        sampled.push(SampledRow::number(id));
        None
    }

    fn second_look(&self, row: &impl Row, id: u64, work: &mut Work) {
        work.sampled.push(self.sampler.row(id, (0..self.width).map(|column| row.cell(column))));
    }

    fn end(&self, work: &mut Work) -> Result<()> {
        if self.kept.is_some() { work.packer.pack() } else { Ok(()) }
    }
}

/// The policy and the model resolved against the names of a table's columns.
fn plan(marking: &Marking, names: &[String]) -> Result<Plan> {
    let plan = marking.policy.plan(names, marking.slots).map_err(|error| one_column_hint(error, names))?;
    match marking.model {
        Some(model) => with_model(plan, model, names),
        None => Ok(plan),
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
fn one_column_hint(error: Error, names: &[String]) -> Error {
    if names.len() == 1 {
        return error
            .with_hint("the header has a single column: name the byte between fields with --delimiter");
    }
    error
}
