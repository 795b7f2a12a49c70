//! What the entries add up to: who may receive what, under which policy, and what was given.
//!
//! Replaying the entries in order is the only source; nothing of this is stored.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cosignature::Quorums;
use super::entry::Opening;
use super::{Event, Ledger, Recipient, Recorded, Release};
use crate::error::Result;

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
    /// In the order of the ledger.
    pub releases: Vec<Delivered>,
    /// Deliveries that went out while they were made and did not end, or ended early; in the order of the ledger.
    pub unfinished: Vec<Unfinished>,
    /// Who was asked to cosign.
    pub quorums: Quorums,
}

impl Registry {
    /// Replays the entries of a ledger. Kinds of later versions are passed over.
    pub fn replay(entries: &[Recorded]) -> Registry {
        let mut registry = Registry::default();
        for recorded in entries {
            if let Some(entry) = &recorded.entry {
                registry.apply(recorded.index, &entry.time, &entry.event);
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

    fn apply(&mut self, index: u64, time: &str, event: &Event) {
        let time = time.to_owned();
        match event.clone() {
            Event::RecipientRegistered { recipient } => {
                let id = recipient.id.clone();
                let standing = Standing { recipient, registered: time, suspended: None, reason: None };
                self.recipients.insert(id, standing);
            }
            Event::RecipientSuspended { recipient, reason } => {
                if let Some(standing) = self.recipients.get_mut(&recipient) {
                    standing.suspended = Some(time);
                    standing.reason = reason;
                }
            }
            Event::PolicyAdopted { dataset, policy, slots, model, .. } => {
                self.policies.entry(dataset).or_default().push(Adopted { policy, time, slots, model });
            }
            Event::Release(release) => {
                self.unfinished.retain(|unfinished| unfinished.opening.release != release.opening.release);
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
            Event::Amendment { .. } => {}
        }
    }

    /// The policy in force for a dataset.
    pub fn in_force(&self, dataset: &str) -> Option<&Adopted> {
        self.policies.get(dataset)?.last()
    }
}
