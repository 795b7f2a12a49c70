//! What is known of a recipient as a person, where it can be forgotten.
//!
//! **Idea.** A leaf is for ever. So name and contact stand in a blob, and the leaf names the blob by its hash. The blob begins
//! with 32 random bytes, so the hash is a hiding commitment: without them no name can be tried against it (in the random
//! oracle model; the hash takes the salt and the rest together). Removing the blob forgets the person, and the id stays.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::{Ledger, Recipient, reason::Reason};
use crate::error::Result;

/// Random bytes in a blob.
pub const SALT_BYTES: usize = 32;

const SCHEMA: &str = "dyepack.personal/1";

/// The blob.
#[derive(Serialize, Deserialize)]
pub(super) struct Personal {
    schema: String,
    /// In hex.
    salt: String,
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) contact: Option<String>,
}

impl Personal {
    /// The blob of that hash.
    pub(super) fn read(ledger: &Ledger, blob: &str) -> Result<Personal> {
        let bytes = ledger.blob(blob)?;
        let personal = serde_json::from_slice(&bytes).map_err(|_| Reason::Personal(blob.to_owned()))?;
        Ok(personal)
    }
}

impl Recipient {
    /// Puts name and contact into a blob of `ledger`, and gives what may stand in a leaf. `salt` is random and never used
    /// again.
    ///
    /// # Errors
    /// If the blob can't be written.
    pub fn set_apart(self, ledger: &Ledger, salt: &[u8; SALT_BYTES]) -> Result<Recipient> {
        let Recipient { name, contact, .. } = self;
        let personal = Personal { schema: SCHEMA.into(), salt: HEXLOWER.encode(salt), name, contact };
        let bytes = serde_json::to_vec(&personal).expect("it is plain strings");
        let blob = ledger.put_blob(&bytes)?;
        Ok(Recipient { name: String::new(), contact: None, personal: Some(blob), ..self })
    }
}
