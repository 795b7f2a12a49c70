//! The file of an opening, `dyepack.opening/1`.
//!
//! **Idea.** As a leaf of the ledger, it is JSON whose one member `opening` is signed byte for byte by the ledger's key: so the
//! owner answers for every word in it. What the commitments cover is checked beyond that, by [`mod@check`](super::check).
//!
//! **Invariants.** No member is unknown or missing. What was parsed, written again, gives the same bytes.

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::error::Result;
use crate::keys::secret::SigningKey;
use crate::ledger::Verifier;
use crate::trace::TableRead;

use super::exhibit::Exhibit;
use super::reason::DisputeReason;

/// The schema of openings.
pub const SCHEMA: &str = "dyepack.opening/1";

/// What the signature begins with, so that it can't pass for one over something else.
const SIGNED_PREFIX: &[u8] = b"dyepack.opening/1\n";

/// Longest file read. All positions of the longest code, each read with all degrees of certainty, take less.
pub const LIMIT_BYTES: u64 = 256 << 20;

/// What is disclosed of one release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// [`SCHEMA`].
    pub schema: String,
    /// What made it: name and version.
    pub tool: String,
    /// The release's id.
    pub release: String,
    /// Its recipient, who is accused or cleared.
    pub recipient: String,
    /// The leaked files.
    pub leak: Vec<Exhibit>,
    /// The entry that recorded the release, with its commitments.
    pub entry: Proven,
    /// Which part of the leak is opened.
    pub view: View,
    /// What the trace compared in all.
    pub tried: Tried,
    /// What was read: position, likelihood of having been turned in 64ths, reads of 0, reads of 1; ascending.
    pub counts: Vec<(u32, u8, u32, u32)>,
    /// The biases of these positions: position, bias times 2^16, hex salt; ascending.
    pub biases: Vec<(u32, u16, String)>,
    /// What leads from these biases to the commitment, in hex.
    pub biases_proof: Vec<String>,
    /// The recipient's bits.
    pub codeword: Codeword,
    /// What the owner concludes.
    pub claim: Claim,
    /// The key that placed the marks, if it is disclosed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carriers: Option<Carriers>,
}

/// An entry of the ledger with the proof that it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    /// Its bytes.
    pub leaf: String,
    /// A C2SP tlog-proof.
    pub proof: String,
}

/// Which part of the leak was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case", deny_unknown_fields)]
pub enum View {
    /// All of it.
    Whole {},
    /// A stretch of it.
    Window {
        /// In which order it is one.
        order: Order,
        /// Its first read, counted from 0 in that order.
        first_read: u64,
        /// How many reads it has.
        reads: u64,
        /// How many windows were tried.
        windows: u64,
    },
}

/// The order in which a leak was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The file's.
    File,
    /// That of the rows' keys.
    Key,
}

/// What a trace compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tried {
    /// Recipients.
    pub recipients: u64,
    /// Datasets, policies and epochs.
    pub readings: u64,
}

/// What opens the commitment to a codeword.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Codeword {
    /// 32 bytes in hex.
    pub salt: String,
    /// The bits in hex: position `j` is bit `j % 8`, from the lowest, of byte `j / 8`.
    pub bits: String,
}

/// What the owner concludes from the counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The family-wise error below which somebody is named.
    pub alpha: f64,
    /// By decoder, in the order in which they are run.
    pub decoders: Vec<DecoderClaim>,
    /// The least bound, all tries counted; a natural log.
    pub ln_family_p: f64,
    /// Whether that names the recipient.
    pub named: bool,
}

/// What one decoder makes of the counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderClaim {
    /// Its name.
    pub decoder: String,
    /// The recipient's score.
    pub score: f64,
    /// Natural log of the bound.
    pub ln_p: f64,
}

/// What it takes to read the leak again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carriers {
    /// The carrier key of the dataset and epoch, in hex.
    pub key: String,
    /// The salt of the commitment to it, in hex.
    pub salt: String,
    /// The policy's text.
    pub policy: String,
    /// The entry that adopted it.
    pub adopted: Proven,
    /// How the tables were read; left out if the leak was read beside the owner's originals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<Vec<TableRead>>,
}

/// The file cut into its members.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed<'a> {
    #[serde(borrow)]
    opening: &'a RawValue,
    key: &'a str,
    signature: &'a str,
}

impl Opening {
    /// The file, signed.
    ///
    /// # Errors
    /// If a number in it is no number.
    pub fn sign(&self, verifier: &Verifier, signer: &SigningKey) -> Result<String> {
        let text = serde_json::to_string(self).map_err(|e| DisputeReason::Malformed(e.to_string()))?;
        let signature = BASE64.encode(&signer.sign(&[SIGNED_PREFIX, text.as_bytes()].concat()));
        Ok(join(&text, &verifier.id_hex(), &signature))
    }

    /// Reads a file that the verifier's key signed.
    ///
    /// # Errors
    /// `Data` if it is no opening, `Integrity` if the key did not sign it.
    pub fn open(file: &[u8], verifier: &Verifier) -> Result<Opening> {
        let malformed = |error: serde_json::Error| DisputeReason::Malformed(error.to_string());
        let signed: Signed = serde_json::from_slice(file).map_err(malformed)?;
        let text = signed.opening.get();
        if join(text, signed.key, signed.signature).as_bytes() != file {
            return Err(
                DisputeReason::Malformed("it is not in the form in which it was written".into()).into()
            );
        }
        let signature = BASE64.decode(signed.signature.as_bytes()).ok();
        let signature: Option<[u8; 64]> = signature.and_then(|bytes| bytes.try_into().ok());
        let message = [SIGNED_PREFIX, text.as_bytes()].concat();
        let is_signed = signature.is_some_and(|signature| verifier.verifies(&message, &signature));
        if signed.key != verifier.id_hex() || !is_signed {
            return Err(DisputeReason::Signature.into());
        }
        Ok(serde_json::from_str(text).map_err(malformed)?)
    }
}

fn join(opening: &str, key: &str, signature: &str) -> String {
    format!("{{\"opening\":{opening},\"key\":\"{key}\",\"signature\":\"{signature}\"}}\n")
}

/// SHA-256 of a file's bytes, in hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}
