//! What a trace found: the object that `trace --json` prints and the terminal report shows.
//!
//! Fields may be added, never renamed (DESIGN section 6). No value of the leak is in it: column names, counts and hashes only.

use serde::Serialize;

use crate::evidence::verdict::Verdict;
use crate::known::SignedFor;
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
    /// Who was given the leak's rows, the likeliest first, by a model that names nobody. Only where nobody is named and the marks
    /// could not have told; otherwise empty.
    pub guilt: Vec<GuiltSummary>,
    /// What `guilt` rests on; `null` where it is empty.
    pub guilt_basis: Option<GuiltBasis>,
    /// Recorded releases that the leak equals byte for byte.
    pub identical_releases: Vec<IdenticalRelease>,
    /// Releases that were made from exactly these bytes: then the leak is the owner's unmarked file.
    pub identical_sources: Vec<String>,
    /// Datasets whose marks could not be read in the leak, and what it would need.
    pub unreadable: Vec<Unreadable>,
    /// How our columns were found in the leak.
    pub columns: Vec<ColumnMatch>,
    /// Columns of ours that tracing needs and the leak lacks.
    pub columns_missing: Vec<String>,
    /// What the owner's originals told; `null` if the leak was read without.
    pub reference: Option<ReferenceSummary>,
    /// What the leak is made of, an estimate; `null` if nobody is named.
    pub makeup: Option<Makeup>,
    /// Which rows speak for whom, in file order; a description that names nobody. Empty if nobody is named.
    pub source_map: Vec<Stretch>,
}

/// The leak as it was read.
#[derive(Clone, Debug, Serialize)]
pub struct LeakSummary {
    /// As the user named it; `-` is standard input.
    pub path: String,
    /// Its format: `csv`, `parquet`, `zip`; more than one word if it is wrapped in another.
    pub format: String,
    /// Of the first table; `null` if the format has none.
    pub delimiter: Option<String>,
    pub bytes: u64,
    pub rows: u64,
    /// Hex BLAKE3 of the leak's bytes.
    pub blake3: String,
    /// What was wrong with it, by kind; of several tables, each has its own.
    pub damage: Vec<Damage>,
    /// The tables in it, in the order in which they were read.
    pub tables: Vec<TableSummary>,
    /// What in it could not be read, or not to its end.
    pub skipped: Vec<Skipped>,
}

/// One table of a leak.
#[derive(Clone, Debug, Serialize)]
pub struct TableSummary {
    /// Where it is in the leak: members of archives, sheet, table of a dump. Empty if the leak is one table.
    pub name: String,
    /// The number of its first row among the rows of all tables, from 1: the rows of the source map are counted so.
    pub first_row: u64,
    pub rows: u64,
    /// Rows of ours among them.
    pub rows_aligned: u64,
    pub damage: Vec<Damage>,
}

/// A part of a leak that was not read, or not to its end.
#[derive(Clone, Debug, Serialize)]
pub struct Skipped {
    pub name: String,
    pub reason: String,
}

/// A recipient who is named.
#[derive(Clone, Debug, Serialize)]
pub struct Accused {
    pub recipient: String,
    /// The name under which it is registered.
    pub name: Option<String>,
    /// The dataset whose marks name it.
    pub dataset: Option<String>,
    /// The key epoch of these marks.
    pub key_epoch: Option<u32>,
    /// Natural log of the bound on the probability that any innocent would score as high in any try; `null` when the leak
    /// equals a release byte for byte and its marks alone prove nothing.
    pub ln_family_p: Option<f64>,
    /// The test that named it; `null` where `ln_family_p` is.
    pub found_by: Option<FoundBySummary>,
    /// The estimated share of the marks that are its; `null` where `ln_family_p` is.
    pub share: Option<f64>,
    /// This recipient's releases of the dataset, the best match first.
    pub releases: Vec<ReleaseMatch>,
}

/// The test that named somebody. Rows are from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "test", rename_all = "snake_case")]
pub enum FoundBySummary {
    /// The whole leak.
    Whole { decoder: String },
    /// A part of it: one stretch in the order of the file or of the keys.
    Window { order: &'static str, first_row: u64, last_row: u64, decoder: String },
    /// The whole leak again, given those named before.
    Joint { round: usize, model: String },
}

/// What a leak is made of, by its marks.
#[derive(Clone, Debug, Serialize)]
pub struct Makeup {
    /// How many copies it was made of, as the marks suggest, those named included.
    pub suggested_colluders: usize,
    /// The share of the marks that reads like copies of others than those named.
    pub others: f64,
    /// The share that reads like no copy at all: strangers' rows, altered cells.
    pub unmarked: f64,
}

/// A stretch of the leak. Rows are from 1.
#[derive(Clone, Debug, Serialize)]
pub struct Stretch {
    pub first_row: u64,
    pub last_row: u64,
    /// `recipient`, `others`, or `mixed` (several copies, row by row).
    pub speaker: &'static str,
    pub recipient: Option<String>,
    /// Marked cells read in it.
    pub carriers: u64,
    /// How much likelier these are than if they were others', in nats.
    pub ln_ratio: f64,
}

/// What reading beside the owner's originals told.
#[derive(Clone, Debug, Serialize)]
pub struct ReferenceSummary {
    /// The originals, in the order in which they were asked.
    pub sources: Vec<OriginalSummary>,
    /// Leaked rows found by their key.
    pub rows_by_key: u64,
    /// Leaked rows found by their contents.
    pub rows_by_content: u64,
    /// Leaked rows that several of ours fit alike; they were left out.
    pub rows_ambiguous: u64,
    /// Leaked rows that none of ours fits; they were left out.
    pub rows_foreign: u64,
    /// Carriers that still hold the original. These four count rows that repeat another one, too.
    pub cells_kept: u64,
    /// Carriers that hold what marking makes of it.
    pub cells_changed: u64,
    /// Carriers that hold neither, and say nothing or little.
    pub cells_altered: u64,
    /// Carriers that are gone.
    pub cells_missing: u64,
}

/// One of the owner's originals.
#[derive(Clone, Debug, Serialize)]
pub struct OriginalSummary {
    /// Hex BLAKE3 of its bytes.
    pub blake3: String,
    pub rows: u64,
    /// Releases on record that were made from it.
    pub releases: Vec<String>,
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
    /// Parts of the leak that were scored by themselves; 0 if it was too small or too large for that.
    pub windows_tried: usize,
    /// Joint rounds that were paid for.
    pub rounds_tried: usize,
    /// False if the leak has more marks than are kept in order: then windows and source map cover its beginning.
    pub log_is_complete: bool,
}

/// A dataset whose marks could not be read in the leak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    pub dataset: String,
    /// Columns that identify its rows and were not found; all of them are needed. If none is missing, the rows were compared,
    /// and only their marks could not be read.
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

/// What the leak's rows suggest of one recipient who was given some of them. A model's figure, no evidence.
#[derive(Clone, Debug, Serialize)]
pub struct GuiltSummary {
    pub recipient: String,
    /// That it leaked at least one of the compared rows, if rows leak independently; below 1.
    pub probability: f64,
    /// Compared rows that it was given.
    pub rows_shared: u64,
    /// Of those, the ones that nobody else was given.
    pub rows_only_theirs: u64,
}

/// What the figures of `guilt` rest on.
#[derive(Clone, Debug, Serialize)]
pub struct GuiltBasis {
    /// Leaked rows of the sample that could be compared with all releases.
    pub rows_compared: u64,
    /// The assumed chance that a leaked row was got elsewhere than from a recipient.
    pub elsewhere: f64,
    /// False if everybody listed was given the same of these rows: then they say nothing about who it was.
    pub tells_apart: bool,
    /// Recipients who were given some of these rows, those beyond the list included.
    pub recipients: usize,
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
    /// The recipient's receipt for it; `null` if none is on record.
    pub receipt: Option<SignedFor>,
}

/// A release that the leak equals byte for byte.
#[derive(Clone, Debug, Serialize)]
pub struct IdenticalRelease {
    pub release: String,
    pub recipient: String,
    pub dataset: String,
    /// Files of the release, by name, that the leak consists of; empty if it is all of it.
    pub parts: Vec<String>,
    /// False when stamping changed no cell: then the bytes are also those of the unmarked source, and prove nothing.
    pub marked: bool,
}
