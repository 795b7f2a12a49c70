//! Tracing: a leak in, findings out.
//!
//! A [`Case`] holds what the owner knows: the secret, the recipients, and the *readings*, one for each dataset, policy and key
//! epoch under which something was released. [`read`] finds the columns of every reading and reads the leak once, as a
//! stream, into counts; [`judge`] scores them and says what may be said. [`findings`] is the outcome.
//!
//! Nothing before scoring looks at a codeword: the choice of readings, columns and rows depends on the leak and the biases
//! alone, as the bound of `evidence::tail` requires. Every reading that is scored is paid for.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::error::Result;
use crate::keys::secret::MarkingSecret;
use crate::mark::policy::Policy;
use crate::sketch::Sketch;

pub mod findings;
mod judge;
mod read;

pub use findings::Findings;

/// What the owner knows when a leak turns up.
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

/// A recipient.
#[derive(Clone, Debug)]
pub struct Suspect {
    /// The id, from which its codewords follow.
    pub id: String,
    /// The registered name.
    pub name: Option<String>,
}

/// One way to read a leak: a dataset under one policy and key epoch.
pub struct Reading {
    /// The policy as it was adopted.
    pub policy: Policy,
    /// The dataset's marked columns in their stable order.
    pub slots: Vec<String>,
    /// The key epoch.
    pub epoch: u32,
    /// What was released so, the latest last.
    pub releases: Vec<KnownRelease>,
}

/// A release on record.
#[derive(Clone, Debug)]
pub struct KnownRelease {
    /// The release's id.
    pub release: String,
    /// Whom it was given to.
    pub recipient: String,
    /// When it was recorded, RFC 3339.
    pub time: String,
    /// Hex BLAKE3 of the delivered bytes.
    pub output_blake3: String,
    /// Whether stamping changed any cell.
    pub marked: bool,
    /// The sketch of its source; releases of one source share it.
    pub sketch: Arc<Sketch>,
}

/// How to read the leak, and whom to tell.
pub struct Options<'a> {
    /// The byte between fields; sniffed if `None`.
    pub delimiter: Option<u8>,
    /// Told the number of bytes done, from time to time.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Set from outside to stop with an error.
    pub interrupted: &'a AtomicBool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Options { delimiter: None, progress: &|_| (), interrupted: &NEVER }
    }
}

/// Reads `leak` (named `path` in the findings) and says whose copy it is.
///
/// # Errors
/// If the leak is empty or reading it fails; never because a row is damaged.
pub fn trace(leak: impl Read + Send, path: &str, case: &Case, options: &Options) -> Result<Findings> {
    let transcript = read::read(leak, case, options)?;
    Ok(judge::judge(path, transcript, case))
}
