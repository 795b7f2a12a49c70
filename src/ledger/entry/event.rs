//! What can happen.
//!
//! A kind that is added here is also one for [`Registry`](crate::ledger::Registry) to apply.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::release::{Opening, Release};
use super::trace::Traced;
use crate::error::Result;
use crate::ledger::cosignature::Quorum;
use crate::ledger::day::Day;
use crate::ledger::note::Verifier;
use crate::ledger::reason::Reason;
use crate::ledger::statement::{Approval, DeliveryReceipt, Signed};

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
    /// A leak was traced, and the evidence put together in a folder.
    Trace(Traced),
    /// Secrets of a release were opened, for a dispute about a leak.
    OpeningMade {
        /// Id of the release.
        release: String,
        /// Id of its recipient.
        recipient: String,
        /// SHA-256 of the opening's file.
        sha256: String,
    },
    /// An earlier entry is to be read differently. It stays as it is.
    Amendment {
        /// Index of the earlier entry.
        supersedes: u64,
        /// What is different.
        note: String,
    },
    /// Some of what is on record of a partner is different from here on.
    RecipientChanged {
        /// Recipient id.
        recipient: String,
        /// What is different, and how.
        #[serde(flatten)]
        changes: Facts,
    },
    /// A partner who was suspended may receive copies again.
    RecipientReinstated {
        /// Recipient id.
        recipient: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A person may approve what nobody may do alone.
    ApproverAdded {
        /// Approver id, as operators are named.
        approver: String,
        /// The key that the person's approvals are signed with.
        vkey: String,
    },
    /// A person may approve no more, and what the person approved allows nothing more.
    ApproverRemoved {
        /// Approver id.
        approver: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A person approved deliveries.
    Approved {
        /// Approver id.
        approver: String,
        /// The signed note `dyepack.approval/1`.
        note: String,
    },
    /// A recipient signed for a release.
    ReceiptAttached {
        /// Release id.
        release: String,
        /// The signed note `dyepack.delivery-receipt/1`.
        note: String,
    },
    /// A copy was asked for and not given.
    Refused {
        /// Dataset name.
        dataset: String,
        /// Recipient id.
        recipient: String,
        /// The id that the release would have had.
        release: String,
        /// The rules that refused it.
        rules: Vec<String>,
        /// Data rows, if they had been counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rows: Option<u64>,
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
    /// BLAKE3 of the blob that holds name and contact, with a salt; see [`personal`](crate::ledger::personal).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal: Option<String>,
    /// What may be different later.
    #[serde(flatten)]
    pub facts: Facts,
}

/// What is on record of a [`Recipient`] beside its name. In a change, `None` stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Facts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
    /// Last day of the agreement, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement_expires: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Highest data level that it may get, 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_level: Option<u8>,
    /// The key that its receipts are signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vkey: Option<String>,
    /// Category of recipients, for the record of GDPR article 30 (1) (d).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// What a transfer abroad rests on, for that of article 30 (1) (e).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safeguards: Option<String>,
}

impl Facts {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Facts::default()
    }

    /// Takes over what is different.
    pub(crate) fn change(&mut self, changes: Facts) {
        fn set<T>(fact: &mut Option<T>, change: Option<T>) {
            if change.is_some() {
                *fact = change;
            }
        }
        let Facts { agreement, agreement_expires, purpose, country, .. } = changes;
        let Facts { max_level, vkey, category, safeguards, .. } = changes;
        set(&mut self.agreement, agreement);
        set(&mut self.agreement_expires, agreement_expires);
        set(&mut self.purpose, purpose);
        set(&mut self.country, country);
        set(&mut self.max_level, max_level);
        set(&mut self.vkey, vkey);
        set(&mut self.category, category);
        set(&mut self.safeguards, safeguards);
    }
}

impl Event {
    /// The value of the member `kind`.
    pub fn kind(&self) -> &'static str {
        self.into()
    }

    /// Whether it is of lasting effect on what may be given to whom, and how: all but what was given, and what was said of it.
    pub fn stands(&self) -> bool {
        use Event::{
            Amendment, OpeningMade, ReceiptAttached, Refused, Release, ReleaseCut, ReleaseOpened, Trace,
        };
        !matches!(
            self,
            Release(_)
                | ReleaseOpened(_)
                | ReleaseCut { .. }
                | Amendment { .. }
                | ReceiptAttached { .. }
                | Refused { .. }
                | Trace(_)
                | OpeningMade { .. }
        )
    }

    /// Refuses keys, levels and notes that nobody could read later.
    pub(super) fn check_signers(&self) -> Result<()> {
        let (vkey, level) = match self {
            Event::RecipientRegistered { recipient: Recipient { facts, .. } }
            | Event::RecipientChanged { changes: facts, .. } => (facts.vkey.as_ref(), facts.max_level),
            Event::ApproverAdded { vkey, .. } => (Some(vkey), None),
            Event::Approved { note, .. } => return Signed::<Approval>::parse(note).map(drop),
            Event::ReceiptAttached { note, .. } => return Signed::<DeliveryReceipt>::parse(note).map(drop),
            _ => return Ok(()),
        };
        if level.is_some_and(|level| !(1..=5).contains(&level)) {
            return Err(Reason::BadEntry("its level is not 1 to 5".to_owned()).into());
        }
        vkey.map(|vkey| Verifier::parse(vkey)).transpose().map(drop)
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
                blobs.chain(&release.subjects).map(String::as_str).collect()
            }
            Event::ReleaseOpened(opening) => vec![&opening.policy],
            _ => Vec::new(),
        }
    }
    /// Whether the entry goes when its time is up. What a later release or a proof may need stays for ever, and so does what
    /// this version does not know.
    pub fn is_disposable(&self) -> bool {
        use Event::{ReceiptAttached, Refused, Release, ReleaseCut, ReleaseOpened};
        matches!(
            self,
            Release(_) | ReleaseOpened(_) | ReleaseCut { .. } | ReceiptAttached { .. } | Refused { .. }
        )
    }
}
