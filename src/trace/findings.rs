//! What a trace found: the object that `trace --json` prints and the terminal report shows.
//!
//! Fields may be added, never renamed (DESIGN section 6). No value of the leak is in it: column names, counts and hashes only.

use serde::Serialize;

use crate::evidence::verdict::Verdict;
use crate::leak::Damage;
use crate::leak::columns::ColumnMatch;

/// The outcome of one trace.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// `dyepack.trace/1`.
    pub schema: &'static str,
    pub verdict: Verdict,
    /// The family-wise error below which somebody is named.
    pub alpha: f64,
    /// The dataset that the leak was read as, if it fits any.
    pub dataset: Option<String>,
    pub leak: LeakSummary,
    /// Everybody who is named, the least probable to be innocent first.
    pub accused: Vec<Accused>,
    /// The best-fitting recipients, named or not: the first who is not named is the runner-up.
    pub candidates: Vec<CandidateSummary>,
    pub evidence: EvidenceSummary,
    /// How much of the leak is ours; absent when no row could be compared.
    pub similarity: Option<Share>,
    /// Releases of the dataset, the best match first.
    pub releases: Vec<ReleaseMatch>,
    /// Recorded releases that the leak equals byte for byte.
    pub identical_releases: Vec<IdenticalRelease>,
    /// Releases that were made from exactly these bytes: then the leak is the owner's unmarked file.
    pub identical_sources: Vec<String>,
    /// Datasets that the leak could not be read as, and what it would need.
    pub unreadable: Vec<Unreadable>,
    /// How our columns were found in the leak.
    pub columns: Vec<ColumnMatch>,
    /// Columns of ours that tracing needs and the leak lacks.
    pub columns_missing: Vec<String>,
}

/// The leak as it was read.
#[derive(Clone, Debug, Serialize)]
pub struct LeakSummary {
    /// As the user named it; `-` is standard input.
    pub path: String,
    pub format: &'static str,
    pub delimiter: String,
    pub bytes: u64,
    pub rows: u64,
    /// Hex BLAKE3 of the leak's bytes.
    pub blake3: String,
    /// What was wrong with it, by kind.
    pub damage: Vec<Damage>,
}

/// A recipient who is named.
#[derive(Clone, Debug, Serialize)]
pub struct Accused {
    pub recipient: String,
    /// The name under which it is registered.
    pub name: Option<String>,
    /// The dataset whose marks name it.
    pub dataset: Option<String>,
    /// Natural log of the bound on the probability that any innocent would score as high in any try; `null` when the leak
    /// equals a release byte for byte and its marks alone prove nothing.
    pub ln_family_p: Option<f64>,
    /// This recipient's releases of the dataset, the best match first.
    pub releases: Vec<ReleaseMatch>,
}

/// A recipient as the evidence sees it.
#[derive(Clone, Debug, Serialize)]
pub struct CandidateSummary {
    pub recipient: String,
    /// The decoder that found the least probable score.
    pub decoder: String,
    /// The score in that decoder's unit.
    pub score: f64,
    /// Natural log of the bound for this one comparison.
    pub ln_p: f64,
    /// The same, all tries counted.
    pub ln_family_p: f64,
}

/// What the marks say, and what they could have said.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EvidenceSummary {
    /// Marked cells that gave a bit.
    pub carriers_read: u64,
    /// Cells where the key expects a mark and the text is not of the column's kind.
    pub carriers_unreadable: u64,
    /// The same by column, worst first; columns without any are left out.
    pub unreadable_by_column: Vec<(String, u64)>,
    /// Distinct positions of the code that were read.
    pub positions_read: u64,
    /// Rows that have an identity under the policy.
    pub rows_aligned: u64,
    /// Rows that repeat another row, marks included, and count once.
    pub rows_repeated: u64,
    /// The chance that an untouched copy of one recipient would be named from this many carriers.
    pub power: f64,
    /// Recipients compared.
    pub recipients_tried: usize,
    /// Decoders run.
    pub decoders_tried: usize,
    /// Datasets, policies and key epochs under which the leak was scored.
    pub readings_tried: usize,
}

/// A dataset that the leak could not be read as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    pub dataset: String,
    /// Columns that identify its rows and were not found; all of them are needed.
    pub identity_missing: Vec<String>,
    /// Marked columns, if none of them was found; one of them is needed.
    pub marked_missing: Vec<String>,
}

/// A share with its standard error.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Share {
    pub share: f64,
    pub standard_error: f64,
    /// Leaked rows that could be compared.
    pub compared: u64,
}

/// How much of the leak lies in one release.
#[derive(Clone, Debug, Serialize)]
pub struct ReleaseMatch {
    pub release: String,
    pub recipient: String,
    /// When it was recorded.
    pub time: String,
    /// Estimated share of the leak's distinct rows that this release holds; `null` when no row could be compared.
    pub containment: Option<f64>,
    pub standard_error: Option<f64>,
}

/// A release that the leak equals byte for byte.
#[derive(Clone, Debug, Serialize)]
pub struct IdenticalRelease {
    pub release: String,
    pub recipient: String,
    pub dataset: String,
    /// False when stamping changed no cell: then the bytes are also those of the unmarked source, and prove nothing.
    pub marked: bool,
}
