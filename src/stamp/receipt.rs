//! What was delivered, for whoever runs the command and for the recipient, who may sign for it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ledger::Release;

use super::engine::Stamped;
use super::order::Delivery;

/// What was delivered, as `stamp --json` prints it (DESIGN section 6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// `dyepack.receipt/1`.
    pub schema: &'static str,
    pub release: String,
    pub dataset: String,
    pub recipient: String,
    pub rows: u64,
    pub carriers: u64,
    /// By column.
    pub cells_changed: BTreeMap<String, u64>,
    pub output: Delivered,
    pub ledger: Proof,
}

/// The delivered bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// `-` is standard output.
    pub path: String,
    pub bytes: u64,
    pub blake3: String,
    pub sha256: String,
}

/// Where the ledger holds the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The entry's number.
    pub index: u64,
    /// Entries of the ledger now.
    pub size: u64,
    /// Root of its tree, in hex.
    pub root: String,
}

/// The receipt of a copy that is on record.
pub(super) fn receipt(copy: &Delivery, release: &Release, stamped: &Stamped, proof: Proof) -> Receipt {
    Receipt {
        schema: "dyepack.receipt/1",
        release: release.opening.release.clone(),
        dataset: release.opening.dataset.clone(),
        recipient: release.opening.recipient.clone(),
        rows: stamped.rows,
        carriers: stamped.carriers,
        cells_changed: stamped.cells_changed.clone(),
        output: Delivered {
            path: copy.output.as_ref().map_or("-".into(), |path| path.display().to_string()),
            bytes: stamped.output.bytes,
            blake3: stamped.output.blake3.clone(),
            sha256: stamped.output.sha256.clone(),
        },
        ledger: proof,
    }
}
