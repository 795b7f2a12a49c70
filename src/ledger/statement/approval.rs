//! A second person allows what the policy lets nobody do alone.

use serde::{Deserialize, Serialize};

use super::Statement;
use crate::ledger::day::Day;

/// Copies of a dataset may be given to these recipients, within these bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Name of the ledger that it is for: it allows nothing in another home.
    pub ledger: String,
    /// Dataset name.
    pub dataset: String,
    /// Ids of the recipients.
    pub recipients: Vec<String>,
    /// Most rows of one copy; without it any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Highest data level.
    pub level: u8,
    /// Last day, in UTC; without it for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// The one release that it is for, by its id; without it any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was signed, by the signer's clock, RFC 3339.
    pub time: String,
}

impl Statement for Approval {
    const KIND: &'static str = "dyepack.approval/1";

    fn fault(&self) -> Option<&'static str> {
        if self.recipients.is_empty() {
            Some("it names no recipient")
        } else if !(1..=5).contains(&self.level) {
            Some("its level is not 1 to 5")
        } else if Day::of(&self.time).is_none() {
            Some("its time is not RFC 3339")
        } else {
            None
        }
    }
}
