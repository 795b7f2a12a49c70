//! What can happen.
//!
//! A kind that is added here is also one for [`Registry`](crate::ledger::Registry) to apply.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::release::{Opening, Release};
use crate::ledger::cosignature::Quorum;

/// What can happen. The member `kind` tells which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
// Nearly every entry is a release, so boxing the large variant would only add an allocation to each.
#[allow(clippy::large_enum_variant)]
pub enum Event {
    /// A partner may receive copies.
    RecipientRegistered {
        /// Who.
        recipient: Recipient,
    },
    /// A partner may receive no more.
    RecipientSuspended {
        /// Recipient id.
        recipient: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A partner's personal data are forgotten: the blob that held them is gone. It may receive no more.
    RecipientErased {
        /// Recipient id.
        recipient: String,
        /// BLAKE3 of the blob.
        blob: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// From here on marks are derived from another secret.
    KeyRotated {
        /// The epoch that begins.
        epoch: u32,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Releases whose time was up are forgotten: their entries' bytes and blobs are gone, their hashes stay.
    Pruned {
        /// Of the entries before this index only those are left that outlive releases.
        before: u64,
        /// Digest of those that are left.
        kept: String,
    },
    /// From here on a dataset is marked under this policy.
    PolicyAdopted {
        /// Dataset name.
        dataset: String,
        /// BLAKE3 of the policy's text, which is kept as a blob.
        policy: String,
        /// Data level.
        level: u8,
        /// Columns that carry marks.
        slots: Vec<String>,
        /// Name of the model of what occurs, a keyed hash; the model itself is not in the ledger.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
    },
    /// A copy was made for a recipient; recorded before it is delivered.
    Release(Release),
    /// A copy goes out while it is made. A release of the same id says that it went out whole.
    ReleaseOpened(Opening),
    /// A copy that was opened ended early: its beginning went out.
    ReleaseCut {
        /// Id of the release that was opened.
        release: String,
        /// Bytes that went out, at most.
        bytes: u64,
        /// What went wrong; no value of the data.
        reason: String,
    },
    /// From here on these witnesses are asked to cosign checkpoints.
    WitnessesSet(Quorum),
    /// An earlier entry is to be read differently. It stays as it is.
    Amendment {
        /// Index of the earlier entry.
        supersedes: u64,
        /// What is different.
        note: String,
    },
}

/// A partner who receives copies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Recipient {
    pub id: String,
    /// In a leaf of before `personal` was there, or filled in from that blob.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// As `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// BLAKE3 of the blob that holds name and contact, with a salt; see [`personal`](crate::ledger::personal).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal: Option<String>,
}

impl Event {
    /// The value of the member `kind`.
    pub fn kind(&self) -> &'static str {
        self.into()
    }

    /// Whether it is of lasting effect on what may be given to whom, and how: all but what was given, and what was said of it.
    pub fn stands(&self) -> bool {
        use Event::{Amendment, Release, ReleaseCut, ReleaseOpened};
        !matches!(self, Release(_) | ReleaseOpened(_) | ReleaseCut { .. } | Amendment { .. })
    }

    /// Hashes of the blobs that the entry names.
    pub fn blobs(&self) -> Vec<&str> {
        match self {
            Event::RecipientRegistered { recipient } => recipient.personal.as_deref().into_iter().collect(),
            Event::PolicyAdopted { policy, .. } => vec![policy],
            Event::Release(release) => {
                let lists = [&release.source.blake3, &release.output.blake3];
                let lists = lists.into_iter().filter(|_| release.parts.is_some());
                let blobs = [&release.opening.policy, &release.sketch].into_iter().chain(lists);
                blobs.map(String::as_str).collect()
            }
            Event::ReleaseOpened(opening) => vec![&opening.policy],
            _ => Vec::new(),
        }
    }
    /// Whether the entry goes when its time is up. What a later release or a proof may need stays for ever, and so does what
    /// this version does not know.
    pub fn is_disposable(&self) -> bool {
        matches!(self, Event::Release(_) | Event::ReleaseOpened(_) | Event::ReleaseCut { .. })
    }
}
