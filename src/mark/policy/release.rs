//! What a policy asks of a delivery: its section `[release]`.
//!
//! No mark depends on it. What it means is decided where copies are made; here it only is read.

/// Whether a text is written as a country is: two capital letters (ISO 3166-1).
pub fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// The section `[release]`. Without it nothing is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleaseRules {
    /// Whether nobody is given a copy without an agreement.
    pub requires_agreement: bool,
    /// The owner's country, in two capital letters (ISO 3166-1).
    pub country: Option<String>,
    /// A copy of more rows needs an approval.
    pub approve_rows: Option<u64>,
    /// A copy of more rows needs one if the recipient is not known to be in `country`.
    pub approve_rows_abroad: Option<u64>,
    /// Data of this level or above needs one.
    pub approve_level: Option<u8>,
}
