//! One delivery of a dataset to a recipient.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is known of a delivery before its first byte: alone, that it was opened while its bytes went out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Release id, unique in the ledger; a release that was opened is closed under the same one.
    pub release: String,
    /// Dataset name.
    pub dataset: String,
    /// Recipient id.
    pub recipient: String,
    /// BLAKE3 of the policy's text, which is kept as a blob.
    pub policy: String,
    /// Which marking key of the dataset.
    pub key_epoch: u32,
    /// Name of the model that was adopted with the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Purpose of the delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Legal basis of the delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<String>,
    /// The agreement that it falls under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
    /// Data level.
    pub level: u8,
    /// The number of the entry that approved it, where an approval was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<u64>,
    /// Hashes of the secrets behind the copy, which can be opened in a dispute. Entries of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<Commitment>,
}

/// Binds the owner, before delivery, to the secrets that the copy was made with, and tells nothing of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    /// How the hashes are made: `dyepack.commitment/1`.
    pub scheme: String,
    /// How many bits and biases there are.
    pub code_length: u32,
    /// To the recipient's own bits; SHA-256, 64 hex digits.
    pub codeword: String,
    /// Root of a Merkle tree over the biases; SHA-256, 64 hex digits.
    pub biases: String,
    /// To the key that says where the bits are; SHA-256, 64 hex digits.
    pub carriers: String,
}

/// A delivery that is whole, recorded before it is handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// To whom, of what, and why.
    #[serde(flatten)]
    pub opening: Opening,
    /// File format.
    pub format: String,
    /// How many files of a folder it is. Then the hashes of `source` and `output` are those of lists of files, which are kept
    /// as blobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<u64>,
    /// What was read.
    pub source: Source,
    /// What was delivered.
    pub output: Output,
    /// Data rows.
    pub rows: u64,
    /// Cells that carry the mark.
    pub carriers: u64,
    /// Cells changed, per column.
    pub cells_changed: BTreeMap<String, u64>,
    /// BLAKE3 of the sketch, which is kept as a blob.
    pub sketch: String,
    /// BLAKE3 of the set of data subjects, keyed hashes, which is kept as a blob. It is there if the policy named their column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subjects: Option<String>,
}

/// The file that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its name, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Which of its tables, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Length in bytes.
    pub bytes: u64,
    /// BLAKE3, 64 hex digits.
    pub blake3: String,
}

/// The bytes that were delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Length in bytes.
    pub bytes: u64,
    /// BLAKE3, 64 hex digits.
    pub blake3: String,
    /// SHA-256, 64 hex digits.
    pub sha256: String,
}
