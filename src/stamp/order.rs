//! What is to be stamped, for whom, and why.

use std::path::PathBuf;

/// What to stamp, for whom, and why.
pub struct Order {
    /// Dataset whose policy applies.
    pub dataset: String,
    /// One delivery for each recipient.
    pub copies: Vec<Delivery>,
    /// Name of the source for the record; `None` for standard input.
    pub source_path: Option<PathBuf>,
    /// Which table of the source was named, for the record.
    pub table: Option<String>,
    /// Replace outputs that exist.
    pub force: bool,
    /// Flush the copy to the disk before the entry is committed.
    pub sync: bool,
    /// Purpose; the recipient's by default.
    pub purpose: Option<String>,
    /// Legal basis.
    pub legal_basis: Option<String>,
    /// Agreement; the recipient's by default.
    pub agreement: Option<String>,
    /// Who stamps.
    pub operator: String,
    /// Now, RFC 3339.
    pub time: String,
}

/// A copy to be made.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The recipient's id.
    pub to: String,
    /// The release's id.
    pub release: String,
    /// Where the copy goes, a file or the url of an object; `None` is standard output.
    pub output: Option<PathBuf>,
}

impl Order {
    /// What messages call the input.
    pub fn source_name(&self) -> String {
        self.source_path.as_ref().map_or("standard input".into(), |path| path.display().to_string())
    }
}
