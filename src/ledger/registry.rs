//! What the entries add up to: who may receive what, under which policy, and what was given.
//!
//! Replaying the entries in order is the only source; nothing of this is stored.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::cosignature::Quorums;
use super::entry::Opening;
use super::personal::Personal;
use super::statement::{Approval, DeliveryReceipt, Signed, Signers, Statement};
use super::{Entry, Event, Ledger, Recipient, Recorded, Release, Verifier};
use crate::error::Result;

/// The key epoch of a home whose key was never rotated.
pub const FIRST_EPOCH: u32 = 1;

/// A partner and its standing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// As registered.
    #[serde(flatten)]
    pub recipient: Recipient,
    /// When it was registered, RFC 3339.
    pub registered: String,
    /// When it was suspended, if it was.
    pub suspended: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When its personal data were erased, if they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<String>,
    /// When it was last given another agreement, country, level, key or the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    /// When it was last reinstated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reinstated: Option<String>,
}

/// A key epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rotation {
    /// Its number.
    pub epoch: u32,
    /// When it began.
    pub time: String,
}

/// Somebody who approves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Approver {
    /// The id, as operators are named.
    pub approver: String,
    /// The key that the approvals are signed with.
    pub vkey: String,
    /// When the approver was registered, RFC 3339.
    pub added: String,
    /// When removed, if so.
    pub removed: Option<String>,
}

/// An approval on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The entry's number.
    pub index: u64,
    /// When it was recorded, RFC 3339.
    pub time: String,
    /// Who approved.
    pub approver: String,
    /// The approver's key when it was recorded.
    pub vkey: String,
    /// Whether it allows nothing more, because the approver was removed since.
    pub is_void: bool,
    /// The signed note.
    pub note: String,
}

impl Approved {
    /// What it says, unless it is no note; its signature is not looked at.
    pub fn claimed(&self) -> Option<Signed<Approval>> {
        Signed::parse(&self.note).ok()
    }

    /// Whether the approver's key signed it.
    pub fn is_signed(&self, approval: &Signed<Approval>) -> bool {
        is_signed(approval, &self.vkey)
    }
}

/// A receipt on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The entry's number.
    pub index: u64,
    /// When it was recorded, RFC 3339.
    pub time: String,
    /// The recipient's key when it was recorded.
    pub vkey: String,
    /// The signed note.
    pub note: String,
}

impl Attached {
    /// What the recipient signed, and under which name; `None` if the recipient's key did not sign it.
    pub fn open(&self) -> Option<(String, DeliveryReceipt)> {
        let receipt = Signed::<DeliveryReceipt>::parse(&self.note).ok()?;
        let name = self.vkey.split('+').next().unwrap_or_default().to_owned();
        is_signed(&receipt, &self.vkey).then(|| (name, receipt.claimed().clone()))
    }
}

fn is_signed<T: Statement>(statement: &Signed<T>, vkey: &str) -> bool {
    Verifier::parse(vkey).is_ok_and(|verifier| statement.verify(&verifier).is_ok())
}

/// A policy that was put into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Adopted {
    /// Hash of the policy's text, by which it is kept.
    pub policy: String,
    /// When.
    pub time: String,
    /// The dataset's marked columns in their stable order, this policy's included.
    pub slots: Vec<String>,
    /// Name of the model adopted with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// A release on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// The entry's number.
    pub index: u64,
    /// When.
    pub time: String,
    /// What was given to whom.
    #[serde(flatten)]
    pub release: Release,
}

/// A delivery that was opened, and that no release has closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    /// The number of the entry that opened it.
    pub index: u64,
    /// When.
    pub time: String,
    /// What was to be given to whom.
    #[serde(flatten)]
    pub opening: Opening,
    /// Why it ended early, if that is on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
}

/// The state of the ledger after all of its entries.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// By recipient id.
    pub recipients: BTreeMap<String, Standing>,
    /// By dataset, the policy in force last.
    pub policies: BTreeMap<String, Vec<Adopted>>,
    /// Key epochs after the first, in the order of the ledger.
    pub rotations: Vec<Rotation>,
    /// In the order of the ledger.
    pub releases: Vec<Delivered>,
    /// Deliveries that went out while they were made and did not end, or ended early; in the order of the ledger.
    pub unfinished: Vec<Unfinished>,
    /// Who was asked to cosign.
    pub quorums: Quorums,
    /// Whose keys count now.
    pub signers: Signers,
    /// By id, those who were removed included.
    pub approvers: BTreeMap<String, Approver>,
    /// In the order of the ledger. Signatures are checked when an approval is used: there may be many.
    pub approvals: Vec<Approved>,
    /// By release id, the first of each.
    pub receipts: BTreeMap<String, Attached>,
    /// Where each release stands in `releases`, by its id.
    places: HashMap<String, usize>,
}

impl Registry {
    /// Replays the entries of a ledger. Kinds of later versions are passed over.
    pub fn replay(entries: &[Recorded]) -> Registry {
        let mut registry = Registry::default();
        for recorded in entries {
            if let Some(entry) = &recorded.entry {
                registry.add(recorded.index, entry);
            }
        }
        registry
    }

    /// Who may be given what: the registry without what was given.
    ///
    /// # Errors
    /// If the ledger is damaged.
    pub fn standing(ledger: &Ledger) -> Result<Registry> {
        Ok(Registry::replay(&ledger.standing()?))
    }

    /// Replays a ledger, and fills in the names that stand in blobs.
    ///
    /// # Errors
    /// If the ledger can't be read, or a blob is missing or damaged.
    pub fn of(ledger: &Ledger) -> Result<Registry> {
        let mut registry = Registry::replay(&ledger.entries()?);
        registry.fill_in(ledger)?;
        Ok(registry)
    }

    /// Fills in the names that stand in blobs.
    ///
    /// # Errors
    /// If a blob is missing or damaged, and no entry says that it was forgotten.
    pub fn fill_in(&mut self, ledger: &Ledger) -> Result<()> {
        for standing in self.recipients.values_mut().filter(|standing| standing.erased.is_none()) {
            let recipient = &mut standing.recipient;
            if let Some(blob) = &recipient.personal {
                let personal = Personal::read(ledger, blob)?;
                (recipient.name, recipient.contact) = (personal.name, personal.contact);
            }
        }
        Ok(())
    }

    /// Adds the next entry.
    pub fn add(&mut self, index: u64, entry: &Entry) {
        let Entry { time, event, .. } = entry.clone();
        self.signers.apply(&entry.event);
        match event {
            Event::RecipientRegistered { recipient } => {
                let id = recipient.id.clone();
                let standing = Standing {
                    recipient,
                    registered: time,
                    suspended: None,
                    reason: None,
                    erased: None,
                    changed: None,
                    reinstated: None,
                };
                self.recipients.insert(id, standing);
            }
            Event::RecipientChanged { recipient, changes } => {
                if let Some(standing) = self.recipients.get_mut(&recipient) {
                    standing.recipient.facts.change(changes);
                    standing.changed = Some(time);
                }
            }
            Event::RecipientReinstated { recipient, .. } => {
                if let Some(standing) = self.recipients.get_mut(&recipient) {
                    (standing.suspended, standing.reason) = (None, None);
                    standing.reinstated = Some(time);
                }
            }
            Event::RecipientSuspended { recipient, reason } => {
                if let Some(standing) = self.recipients.get_mut(&recipient) {
                    standing.suspended = Some(time);
                    standing.reason = reason;
                }
            }
            Event::RecipientErased { recipient, reason, .. } => {
                if let Some(standing) = self.recipients.get_mut(&recipient) {
                    standing.erased = Some(time.clone());
                    // Nobody gets anything whose name is not known.
                    if standing.suspended.is_none() {
                        (standing.suspended, standing.reason) = (Some(time), reason);
                    }
                }
            }
            Event::KeyRotated { epoch, .. } => self.rotations.push(Rotation { epoch, time }),
            Event::PolicyAdopted { dataset, policy, slots, model, .. } => {
                self.policies.entry(dataset).or_default().push(Adopted { policy, time, slots, model });
            }
            Event::Release(release) => {
                self.unfinished.retain(|unfinished| unfinished.opening.release != release.opening.release);
                self.places.insert(release.opening.release.clone(), self.releases.len());
                self.releases.push(Delivered { index, time, release });
            }
            Event::ReleaseOpened(opening) => {
                self.unfinished.push(Unfinished { index, time, opening, cut: None });
            }
            Event::ReleaseCut { release, reason, .. } => {
                let opened =
                    self.unfinished.iter_mut().find(|unfinished| unfinished.opening.release == release);
                if let Some(opened) = opened {
                    opened.cut = Some(reason);
                }
            }
            Event::WitnessesSet(quorum) => {
                self.quorums.insert(index, quorum);
            }
            Event::ApproverAdded { approver, vkey } => {
                let added = Approver { approver: approver.clone(), vkey, added: time, removed: None };
                self.approvers.insert(approver, added);
            }
            Event::ApproverRemoved { approver, .. } => {
                let given = self.approvals.iter_mut().filter(|approved| approved.approver == approver);
                given.for_each(|approved| approved.is_void = true);
                if let Some(known) = self.approvers.get_mut(&approver) {
                    known.removed = Some(time);
                }
            }
            Event::Approved { approver, note } => {
                // One of nobody who may approve is left out here, and an error to `verify`.
                if let Some(vkey) = self.signers.approver(&approver).map(str::to_owned) {
                    self.approvals.push(Approved { index, time, approver, vkey, is_void: false, note });
                }
            }
            Event::ReceiptAttached { release, note } => self.attach(index, time, release, note),
            Event::Trace(_)
            | Event::OpeningMade { .. }
            | Event::Amendment { .. }
            | Event::Pruned { .. }
            | Event::Refused { .. } => {}
        }
    }

    fn attach(&mut self, index: u64, time: String, release: String, note: String) {
        let Some(Delivered { release: delivered, .. }) = self.release(&release) else { return };
        let Some(vkey) = self.signers.recipient(&delivered.opening.recipient) else { return };
        let attached = Attached { index, time, vkey: vkey.to_owned(), note };
        self.receipts.entry(release).or_insert(attached);
    }

    /// A release by its id.
    pub fn release(&self, id: &str) -> Option<&Delivered> {
        self.places.get(id).map(|place| &self.releases[*place])
    }

    /// The policy in force for a dataset.
    pub fn in_force(&self, dataset: &str) -> Option<&Adopted> {
        self.policies.get(dataset)?.last()
    }

    /// The key epoch of new releases.
    pub fn epoch(&self) -> u32 {
        self.rotations.last().map_or(FIRST_EPOCH, |rotation| rotation.epoch)
    }
}
