//! One trace of a leak whose evidence was put together.

use serde::{Deserialize, Serialize};

/// What was found in a leak, and the hashes of what says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traced {
    /// The leaked files.
    pub exhibits: Vec<Exhibit>,
    /// `exact`, `identified`, `inconclusive` or `no_match`.
    pub verdict: String,
    /// Ids of those who are named, the surest first.
    pub accused: Vec<String>,
    /// The family-wise error, as it was written: `1e-6`.
    pub alpha: String,
    /// SHA-256 of the findings.
    pub findings: String,
    /// SHA-256 of the list of all files of the evidence with their hashes.
    pub sums: String,
    /// What traced: name and version.
    pub tool: String,
}

/// A leaked file, by its bytes. Its name may say who somebody is, and is not recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exhibit {
    /// Length in bytes.
    pub bytes: u64,
    /// BLAKE3, 64 hex digits.
    pub blake3: String,
    /// SHA-256, 64 hex digits.
    pub sha256: String,
}
