//! A recipient says what it received.

use serde::{Deserialize, Serialize};

use super::Statement;
use crate::ledger::{blobs::is_hash, day::Day, entry::Output};

/// Whoever has the key had these bytes before them, and took them for the copy of this release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryReceipt {
    /// Release id.
    pub release: String,
    /// The received bytes, as the recipient counted and hashed them.
    #[serde(flatten)]
    pub output: Output,
    /// When it was signed, by the recipient's clock, RFC 3339.
    pub time: String,
}

impl Statement for DeliveryReceipt {
    const KIND: &'static str = "dyepack.delivery-receipt/1";

    fn fault(&self) -> Option<&'static str> {
        if self.release.is_empty() {
            Some("it names no release")
        } else if !is_hash(&self.output.blake3) || !is_hash(&self.output.sha256) {
            Some("its hashes are not 64 lower-case hex digits")
        } else if Day::of(&self.time).is_none() {
            Some("its time is not RFC 3339")
        } else {
            None
        }
    }
}
