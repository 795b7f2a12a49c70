//! An owner in memory: one dataset, its recipients, and keys that exist for one trial alone.
//!
//! Stamping and tracing are those of the commands. Marking is a pure function of the row (DESIGN 2.2), so a copy of some rows
//! is exactly what those rows are in a copy of all, and nothing more than a leak's rows need be stamped.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::attack::{Marked, Oracle, Scene, Table};
use crate::error::Result;
use crate::keys::secret::MarkingSecret;
use crate::leak::reference::Reference;
use crate::mark::model::Model;
use crate::mark::policy::Policy;
use crate::stamp::engine::{self, Marking, Stamped};
use crate::trace::{self, Case, Findings, Original, Reading, Suspect};

/// When releases are recorded: the time of a trial means nothing.
const RECORDED: &str = "2026-01-01T00:00:00Z";

/// One dataset of one owner, with its recipients.
pub struct Owner {
    secret: MarkingSecret,
    readings: Vec<Reading>,
    recipients: Vec<Suspect>,
    /// What occurs in the marked columns, if copies are marked by a model.
    pub model: Option<Arc<Model>>,
}

/// What a trace is given beside the leak and the ledger.
#[derive(Clone, Copy, Default)]
pub enum Aid<'a> {
    /// Nothing: it reads blind.
    #[default]
    None,
    /// The owner's unmarked rows.
    Reference(&'a Arc<Reference>),
}

/// An unmarked table as a trace reads it.
pub fn reference(table: &Table) -> Result<Arc<Reference>> {
    let csv = table.to_csv();
    Reference::read(&csv[..], Some(b','), &AtomicBool::new(false), &|_| ()).map(Arc::new)
}

/// The id of the nth recipient.
pub fn recipient(n: usize) -> String {
    format!("partner-{n:05}")
}

fn reading(policy: Policy) -> Reading {
    Reading { slots: policy.slots_after(&[]), policy, epoch: 1, releases: Vec::new(), model: None }
}

impl Owner {
    /// An owner with the marking secret `key` and so many recipients, who has released nothing.
    pub fn new(policy: Policy, recipients: usize, key: [u8; 32]) -> Owner {
        Owner {
            secret: MarkingSecret::from_bytes(key),
            readings: vec![reading(policy)],
            recipients: (0..recipients).map(|n| Suspect { id: recipient(n), name: None }).collect(),
            model: None,
        }
    }

    /// The policy of the dataset.
    pub fn policy(&self) -> &Policy {
        &self.readings[0].policy
    }

    /// Everybody who is registered.
    pub fn recipients(&self) -> &[Suspect] {
        &self.recipients
    }

    /// Every way in which something was released: the dataset first.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Adds another dataset, under the same secret, to what is traced; `source` counts as released.
    pub fn join(&mut self, policy: Policy, source: &Table) -> Result<()> {
        let first = std::mem::replace(&mut self.readings, vec![reading(policy)]);
        let delivered = self.deliver(&recipient(0), &source.to_csv());
        self.readings.splice(..0, first);
        delivered.map(drop)
    }

    /// Stamps CSV bytes.
    pub fn stamp(
        &self,
        recipient: &str,
        source: &[u8],
        options: &engine::Options,
    ) -> Result<(Vec<u8>, Stamped)> {
        let Reading { policy, slots, epoch, .. } = &self.readings[0];
        let model = self.model.as_deref();
        let marking =
            Marking { secret: &self.secret, policy, slots, epoch: *epoch, recipients: &[recipient], model };
        let mut copy = Vec::new();
        let stamped = engine::stamp(source, &mut copy, &marking, options)?;
        Ok((copy, stamped))
    }

    /// The rows as `recipient` has them.
    pub fn copy(&self, recipient: &str, rows: &Table) -> Result<Table> {
        Table::read(&self.stamp(recipient, &rows.to_csv(), &engine::Options::default())?.0, Some(b','))
    }

    /// Whether traces read by the model that copies are stamped with.
    pub fn read_with_model(&mut self, with_model: bool) {
        self.readings[0].model = self.model.clone().filter(|_| with_model);
    }

    /// Stamps CSV bytes and records the release.
    pub fn deliver(&mut self, recipient: &str, source: &[u8]) -> Result<Vec<u8>> {
        let (copy, stamped) = self.stamp(recipient, source, &engine::Options::default())?;
        let releases = &mut self.readings[0].releases;
        let release = format!("release-{}", releases.len());
        releases.push(stamped.known_as(&release, recipient, RECORDED));
        Ok(copy)
    }

    /// Traces a leak among all recipients.
    ///
    /// # Errors
    /// If the leak is empty.
    pub fn trace(&self, leak: &[u8], alpha: f64, aid: Aid) -> Result<Findings> {
        let case =
            Case { secret: &self.secret, recipients: &self.recipients, readings: &self.readings, alpha };
        let originals = |reading: usize| {
            let releases = &self.readings[reading].releases;
            Ok(match (aid, releases.last()) {
                (Aid::Reference(reference), Some(release)) => vec![Original {
                    reference: reference.clone(),
                    source_blake3: release.source_blake3.clone(),
                }],
                _ => Vec::new(),
            })
        };
        let options = trace::Options { originals: &originals, ..trace::Options::default() };
        trace::trace(leak, "leak.csv", &case, &options)
    }

    /// What cells of a table with this header say.
    pub fn oracle(&self, header: &[String]) -> Result<Oracle> {
        let Reading { policy, slots, epoch, .. } = &self.readings[0];
        let (secret, model) = (&self.secret, self.model.as_deref());
        Oracle::new(&Marked { secret, policy, slots, epoch: *epoch, model }, header)
    }

    /// What attackers may at most know.
    pub fn scene<'a>(&'a self, oracle: &'a Oracle, original: &'a Table) -> Scene<'a> {
        Scene { policy: Some(self.policy()), oracle: Some(oracle), original: Some(original) }
    }
}
