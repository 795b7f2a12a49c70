//! Tracing: a leak in, findings out.
//!
//! A [`Case`] holds what the owner [knows](Known): the secret, the recipients, and the *readings*, one for
//! each dataset, policy and key epoch under which something was released. [`read`] finds the columns of every
//! reading and reads the leak once, as a stream, into counts; [`judge`] scores them and says what may be
//! said. [`findings`] is the outcome.
//!
//! Nothing before scoring looks at a codeword: the choice of readings, columns and rows depends on the leak and the biases
//! alone, as the bound of `evidence::tail` requires. Every reading that is scored is paid for.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::error::Result;
use crate::evidence::counts::Counts;
use crate::evidence::investigate::Investigation;
use crate::evidence::log::Log;
use crate::evidence::verdict::Family;
use crate::keys::secret::MarkingSecret;
use crate::leak::columns::Mapping;
use crate::leak::reference::Reference;
use crate::table::format::find::Tables;

pub mod again;
mod beside;
pub mod findings;
mod gather;
mod holdings;
mod identical;
mod judge;
mod layout;
mod mend;
mod read;
mod reader;

pub use crate::known::{Known, KnownRelease, Reading, Suspect};
pub use again::TableRead;
pub use findings::{CandidateSummary, Findings};

/// A leak's trace to be: what is known, and how sure it has to be.
pub struct Case<'a> {
    /// The home's marking secret.
    pub secret: &'a MarkingSecret,
    /// Everybody who ever was a recipient, suspended ones included.
    pub recipients: &'a [Suspect],
    /// Every way in which something was released.
    pub readings: &'a [Reading],
    /// The family-wise error below which somebody is named.
    pub alpha: f64,
}

/// Finds the originals of a reading, by its index in [`Case::readings`].
pub type Originals<'a> = dyn Fn(usize) -> Result<Vec<Original>> + Sync + 'a;

/// An unmarked table of the owner's.
#[derive(Clone, Debug)]
pub struct Original {
    /// The rows and columns of it that are at hand.
    pub reference: Arc<Reference>,
    /// Hex BLAKE3 of the source as releases record it. The reference may be a copy of it with fewer columns.
    pub source_blake3: String,
}

impl Original {
    /// A source read whole.
    pub fn new(reference: Reference) -> Original {
        let source_blake3 = reference.blake3().to_owned();
        Original { reference: Arc::new(reference), source_blake3 }
    }

    /// What is kept of a source.
    pub fn of_source(reference: Reference, source_blake3: &str) -> Original {
        Original { reference: Arc::new(reference), source_blake3: source_blake3.to_owned() }
    }
}

/// How to read the leak, and whom to tell.
pub struct Options<'a> {
    /// What the user says of columns; the rest is found.
    pub map: &'a [Mapping],
    /// The owner's unmarked tables, to read the leak beside them: asked for the index of a [reading](Case::readings) with which
    /// the leak has a column in common, gives its sources, the likeliest first; none if it has none at hand.
    pub originals: &'a Originals<'a>,
    /// Told the number of bytes done, from time to time.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Set from outside to stop with an error.
    pub interrupted: &'a AtomicBool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        static NEVER: AtomicBool = AtomicBool::new(false);
        let originals: &Originals = &|_| Ok(Vec::new());
        Options { map: &[], originals, progress: &|_| (), interrupted: &NEVER }
    }
}

/// Reads the CSV text `leak` (named `path` in the findings) and says whose copy it is.
///
/// # Errors
/// If the leak is empty or reading it fails, or the map names a column that is not there; never because a row is damaged.
pub fn trace(leak: impl Read + Send, path: &str, case: &Case, options: &Options) -> Result<Findings> {
    trace_tables(Tables::csv(Box::new(leak), None), path, case, options)
}

/// As [`trace`], for a leak of any format. All its tables are one piece of evidence.
///
/// # Errors
/// If no table of it can be read. What can't be read beside others is in the findings.
pub fn trace_tables(leak: Tables, path: &str, case: &Case, options: &Options) -> Result<Findings> {
    examine(leak, path, case, options).map(|examined| examined.findings)
}

/// A trace, with what its findings rest on.
pub struct Examined {
    /// What may be said.
    pub findings: Findings,
    /// The ranking of the reading that says most, whole.
    pub candidates: Vec<CandidateSummary>,
    /// What the trace compared.
    pub family: Family,
    /// One for each reading that fits the leak.
    pub readings: Vec<Examination>,
}

/// What one reading made of the leak.
pub struct Examination {
    /// Index into [`Case::readings`].
    pub reading: usize,
    /// What was read, added up.
    pub counts: Counts,
    /// What was read, in order.
    pub log: Log,
    /// What that shows.
    pub investigation: Investigation,
    /// How to read it again; `None` if it was read beside the owner's originals.
    pub again: Option<Vec<TableRead>>,
}

/// As [`trace_tables`], with what the findings rest on.
///
/// # Errors
/// As there.
pub fn examine(leak: Tables, path: &str, case: &Case, options: &Options) -> Result<Examined> {
    let transcript = read::read(leak, case, options)?;
    Ok(judge::judge(path, transcript, case))
}
