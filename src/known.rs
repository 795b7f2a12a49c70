//! What is on record when a leak turns up: recipients, releases, and how they were marked.

pub mod sources;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::ledger::entry::Opening;
use crate::ledger::registry::{Attached, Delivered, Unfinished};
use crate::ledger::{Ledger, Registry, Release};
use crate::mark::model::Model;
use crate::mark::policy::Policy;
use crate::sketch::Sketch;
use crate::table::format::parts::Manifest;

/// Everything on record that a trace needs.
pub struct Known {
    /// Everybody who ever was a recipient, suspended ones included.
    pub suspects: Vec<Suspect>,
    /// Every way in which something was released.
    pub readings: Vec<Reading>,
}

/// A recipient.
#[derive(Clone, Debug)]
pub struct Suspect {
    /// The id, from which its codewords follow.
    pub id: String,
    /// The registered name, unless it was erased.
    pub name: Option<String>,
}

/// One way to read a leak: a dataset under one policy and key epoch.
pub struct Reading {
    /// The policy as it was adopted.
    pub policy: Policy,
    /// The dataset's marked columns in their stable order.
    pub slots: Vec<String>,
    /// The key epoch.
    pub epoch: u32,
    /// What was released so, the latest last.
    pub releases: Vec<KnownRelease>,
    /// What occurs in the marked columns, if they were marked by a model.
    pub model: Option<Arc<Model>>,
}

impl Reading {
    /// The names of the dataset's columns, each once: those that the policy knows, and those of the latest release.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        let released = self.releases.last().map(|latest| latest.sketch.columns.iter());
        let marked = self.policy.columns().map(|(name, _, _)| name);
        let released = released.into_iter().flatten().map(|column| column.name.as_str());
        let mut named = HashSet::new();
        self.policy.identity().chain(marked).chain(released).filter(move |name| named.insert(*name))
    }
}

/// A release on record.
#[derive(Clone, Debug)]
pub struct KnownRelease {
    /// The release's id.
    pub release: String,
    /// Whom it was given to.
    pub recipient: String,
    /// When it was recorded, RFC 3339.
    pub time: String,
    /// Where the unmarked source was, as it was typed; `None` if it was a stream.
    pub source_path: Option<String>,
    /// Which of its tables was stamped, if that was said.
    pub source_table: Option<String>,
    /// Length of the unmarked source.
    pub source_bytes: u64,
    /// Hex BLAKE3 of the unmarked source.
    pub source_blake3: String,
    /// Hex BLAKE3 of the delivered bytes.
    pub output_blake3: String,
    /// The sketch of its source; releases of one source share it.
    pub sketch: Arc<Sketch>,
    /// The files of its source and of the copy, if they are folders: their hashes are those of these lists.
    pub parts: Option<(Arc<Manifest>, Arc<Manifest>)>,
    /// The recipient's receipt, if one is on record. [`SignedFor::of`] checks it.
    pub receipt: Option<Attached>,
}

/// A recipient signed for the bytes of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedFor {
    /// The name that the key signs under.
    pub by: String,
    /// When, by the recipient's clock, RFC 3339.
    pub time: String,
    /// The number of the entry that holds the signed note.
    pub entry: u64,
}

impl SignedFor {
    /// What a receipt on record says; `None` if the recipient's key did not sign it.
    pub fn of(attached: &Attached) -> Option<SignedFor> {
        let (by, receipt) = attached.open()?;
        Some(SignedFor { by, time: receipt.time, entry: attached.index })
    }
}

impl KnownRelease {
    /// Whether stamping changed any cell. If not, the copy's bytes are the source's and say nothing about its recipient.
    pub fn is_marked(&self) -> bool {
        self.source_blake3 != self.output_blake3
    }
}

impl Known {
    /// Gathers it from a ledger, for one dataset or for all. `open_model` opens the model of a dataset by its name.
    ///
    /// # Errors
    /// If `dataset` is not on record, or a policy, a sketch or a model is damaged.
    pub fn from_ledger(
        ledger: &Ledger,
        dataset: Option<&str>,
        open_model: &dyn Fn(&str, &str) -> Result<Model>,
    ) -> Result<Known> {
        let registry = Registry::of(ledger)?;
        if let Some(dataset) = dataset
            && !registry.policies.contains_key(dataset)
        {
            return Err(unknown_dataset(dataset, &registry));
        }
        let suspects = registry.recipients.values().map(|standing| Suspect {
            id: standing.recipient.id.clone(),
            name: Some(standing.recipient.name.clone()).filter(|_| standing.erased.is_none()),
        });
        let known = Known { suspects: suspects.collect(), readings: Vec::new() };
        let mut gathering =
            Gathering { known, places: HashMap::new(), ledger, registry: &registry, open_model };
        let (mut sketches, mut lists) = (HashMap::new(), Lists { ledger, known: HashMap::new() });
        let wanted = |delivered: &&Delivered| {
            dataset.is_none_or(|dataset| dataset == delivered.release.opening.dataset)
        };
        for delivered in registry.releases.iter().filter(wanted) {
            let hash = delivered.release.sketch.as_str();
            if !sketches.contains_key(hash) {
                sketches.insert(hash, Arc::new(Sketch::from_bytes(&ledger.blob(hash)?)?));
            }
            gathering.add(delivered, sketches[hash].clone(), lists.of(&delivered.release)?)?;
        }
        // What of these went out is not on record, how it is read is.
        for Unfinished { opening, .. } in &registry.unfinished {
            if dataset.is_none_or(|dataset| dataset == opening.dataset) {
                gathering.place(ReadAs::from(opening))?;
            }
        }
        Ok(gathering.known)
    }
}

/// What makes a reading.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ReadAs<'a> {
    dataset: &'a str,
    policy: &'a str,
    key_epoch: u32,
    model: Option<&'a str>,
}

impl<'a> From<&'a Opening> for ReadAs<'a> {
    fn from(Opening { dataset, policy, key_epoch, model, .. }: &'a Opening) -> ReadAs<'a> {
        ReadAs { dataset, policy, key_epoch: *key_epoch, model: model.as_deref() }
    }
}

/// What is known so far, and where more comes from.
struct Gathering<'a> {
    known: Known,
    /// Where each reading stands.
    places: HashMap<ReadAs<'a>, usize>,
    ledger: &'a Ledger,
    registry: &'a Registry,
    open_model: &'a dyn Fn(&str, &str) -> Result<Model>,
}

impl<'a> Gathering<'a> {
    /// Adds a release to its reading.
    fn add(
        &mut self,
        delivered: &'a Delivered,
        sketch: Arc<Sketch>,
        parts: Option<(Arc<Manifest>, Arc<Manifest>)>,
    ) -> Result<()> {
        let release = &delivered.release;
        let entry = KnownRelease {
            release: release.opening.release.clone(),
            recipient: release.opening.recipient.clone(),
            time: delivered.time.clone(),
            source_path: release.source.path.clone(),
            source_table: release.source.table.clone(),
            source_bytes: release.source.bytes,
            source_blake3: release.source.blake3.clone(),
            output_blake3: release.output.blake3.clone(),
            sketch,
            parts,
            receipt: self.registry.receipts.get(&release.opening.release).cloned(),
        };
        let place = self.place(ReadAs::from(&release.opening))?;
        self.known.readings[place].releases.push(entry);
        Ok(())
    }

    /// Where the reading stands; it is made if there is none yet.
    fn place(&mut self, read_as: ReadAs<'a>) -> Result<usize> {
        if let Some(place) = self.places.get(&read_as) {
            return Ok(*place);
        }
        self.known.readings.push(self.reading(read_as)?);
        let place = self.known.readings.len() - 1;
        self.places.insert(read_as, place);
        Ok(place)
    }

    /// A reading, without releases yet.
    fn reading(&self, read_as: ReadAs) -> Result<Reading> {
        let mut adopted = self.registry.policies.get(read_as.dataset).into_iter().flatten();
        let slots = adopted.rfind(|adopted| adopted.policy == read_as.policy);
        let open = |name: &str| (self.open_model)(read_as.dataset, name).map(Arc::new);
        Ok(Reading {
            policy: stored_policy(self.ledger, read_as.policy)?,
            slots: slots.map(|adopted| adopted.slots.clone()).unwrap_or_default(),
            epoch: read_as.key_epoch,
            releases: Vec::new(),
            model: read_as.model.map(open).transpose()?,
        })
    }
}

/// Lists of files, each read once.
struct Lists<'a> {
    ledger: &'a Ledger,
    known: HashMap<String, Arc<Manifest>>,
}

impl Lists<'_> {
    /// Those of a release of a folder: of its source and of the copy.
    fn of(&mut self, release: &Release) -> Result<Option<(Arc<Manifest>, Arc<Manifest>)>> {
        if release.parts.is_none() {
            return Ok(None);
        }
        Ok(Some((self.list(&release.source.blake3)?, self.list(&release.output.blake3)?)))
    }

    fn list(&mut self, hash: &str) -> Result<Arc<Manifest>> {
        if let Some(known) = self.known.get(hash) {
            return Ok(known.clone());
        }
        let list = Arc::new(Manifest::parse(&self.ledger.blob(hash)?)?);
        self.known.insert(hash.to_owned(), list.clone());
        Ok(list)
    }
}

/// A policy that was adopted, read back by its hash.
pub fn stored_policy(ledger: &Ledger, hash: &str) -> Result<Policy> {
    let text =
        String::from_utf8(ledger.blob(hash)?).map_err(|_| Error::usage("a stored policy is not text"))?;
    Policy::parse(&text).map_err(|error| error.in_file(format!("policy {hash}")))
}

fn unknown_dataset(dataset: &str, registry: &Registry) -> Error {
    let known: Vec<&str> = registry.policies.keys().map(String::as_str).collect();
    Error::usage(format!("no dataset `{dataset}` is on record")).with_hint(if known.is_empty() {
        "nothing was ever released from this home: name another one with --home".to_owned()
    } else {
        format!("datasets on record: {}", known.join(", "))
    })
}
