//! Stamped files and their ledger entries, in the one order that never leaves a file without an entry.
//!
//! 1. The marked bytes go to temporary files beside the outputs, one for each recipient.
//! 2. The ledger commits the releases, all at once: hash, counts, sketch, purpose. *Durable from here.* Just before, the vault
//!    gets its copy of the source, if the policy wants one.
//! 3. The temporary files take the outputs' names.
//!
//! A copy for an object store is sent after 1, in parts that nobody sees, and completed in 3.
//!
//! Marking takes long, and the ledger is free meanwhile: what allowed the release is looked at again under
//! the lock of 2.
//!
//! A crash before 2 leaves temporary files and no entry, or a copy in the vault that no entry refers to, which
//! `vault prune` removes; a crash between 2 and 3 an entry and no output.
//! Stamping again with the same release id and input then gives the same bytes, finds its entry, and only
//! renames.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::Rng as _;
use tempfile::NamedTempFile;

use crate::commitment::{self, Subject};
use crate::error::{Class, Error, Reason, Result};
use crate::home::Home;
use crate::keys::keyring::Keyring;
use crate::known::stored_policy;
use crate::ledger::entry::{Commitment, Opening};
use crate::ledger::registry::{Adopted, Approved, Standing};
use crate::ledger::{Entry, Event, Ledger, Output, Recorded, Registry, Release, Source};
use crate::mark::model::Model;
use crate::mark::policy::Policy;
use crate::models;
use crate::stamp::engine::{self, Marking, Stamped};
use crate::stamp::gates::{Admitted, Rows};
use crate::store::Address;
use crate::table::format::open::open;
use crate::table::format::source::Input;
use crate::vault::{Deposit, Finished, NONCE_BYTES, Vault};

use super::outputs;
use super::receipt::receipt;
pub use super::receipt::{Proof, Receipt};

#[derive(Debug, thiserror::Error)]
enum DeliverError {
    #[error("no policy is in force for dataset `{dataset}`")]
    NoPolicy { dataset: String, known: Vec<String> },
    #[error("recipient `{0}` is not registered")]
    UnknownRecipient(String),
    #[error("{0} was replaced while the file was being stamped")]
    Replaced(String),
    #[error("`{0}` exists")]
    OutputExists(String),
    #[error("the output `{0}` is a folder")]
    OutputIsFolder(String),
    #[error("the output `{0}` is no file")]
    OutputIsDevice(String),
    #[error("the folder of the output `{0}` does not exist")]
    NoFolder(String),
    #[error("the output `{0}` is the input")]
    OutputIsInput(String),
    #[error("two copies would have the same {0}, `{1}`")]
    Twice(&'static str, String),
    #[error("release `{release}` is on record with another {what}")]
    OtherRelease { release: String, what: &'static str },
}

impl Reason for DeliverError {
    fn class(&self) -> Class {
        match self {
            DeliverError::Replaced(_) => Class::Policy,
            _ => Class::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                DeliverError::NoPolicy { known, .. } if !known.is_empty() => {
                    return Some(format!("datasets with a policy: {}", known.join(", ")));
                }
                DeliverError::NoPolicy { .. } => {
                    "write one and put it into force with `dyepack policy adopt FILE`"
                }
                DeliverError::UnknownRecipient(_) => {
                    "see `dyepack recipient list`, or register it with `dyepack recipient add`"
                }
                DeliverError::Replaced(_) => "nothing was delivered or recorded: stamp the file again",
                DeliverError::OutputIsFolder(_) => "name a file in it",
                DeliverError::OutputIsDevice(_) => "name a file, or use `-` for standard output",
                DeliverError::NoFolder(_) => "make it first, or choose another place",
                DeliverError::OutputExists(_) => "choose another name, or replace it with --force",
                DeliverError::OutputIsInput(_) => "the input is never changed: choose another name",
                DeliverError::Twice(..) => {
                    "name each recipient once, and put {recipient} into output and release id"
                }
                DeliverError::OtherRelease { .. } => {
                    "a release id stands for one delivery: choose another one"
                }
            }
            .into(),
        )
    }
}

/// What to stamp, for whom, and why.
pub struct Order {
    /// Dataset whose policy applies.
    pub dataset: String,
    /// One delivery for each recipient.
    pub copies: Vec<Delivery>,
    /// Name of the source for the record; `None` for standard input.
    pub source_path: Option<PathBuf>,
    /// Which table of the source was named, for the record.
    pub table: Option<String>,
    /// Replace outputs that exist.
    pub force: bool,
    /// Flush the copy to the disk before the entry is committed.
    pub sync: bool,
    /// Purpose; the recipient's by default.
    pub purpose: Option<String>,
    /// Legal basis.
    pub legal_basis: Option<String>,
    /// Agreement; the recipient's by default.
    pub agreement: Option<String>,
    /// Who stamps.
    pub operator: String,
    /// Now, RFC 3339.
    pub time: String,
}

/// A copy to be made.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The recipient's id.
    pub to: String,
    /// The release's id.
    pub release: String,
    /// Where the copy goes, a file or the url of an object; `None` is standard output.
    pub output: Option<PathBuf>,
}

impl Order {
    /// What messages call the input.
    pub fn source_name(&self) -> String {
        self.source_path.as_ref().map_or("standard input".into(), |path| path.display().to_string())
    }
}

/// What an order needs from the ledger before a byte is read.
pub struct Terms {
    /// One for each recipient of the order, in its order.
    standings: Vec<Standing>,
    policy: Policy,
    adopted: Adopted,
    /// The model that was adopted with the policy.
    model: Option<Model>,
    /// The key epoch in force.
    epoch: u32,
    /// The approvals on record, whoever and whatever they are for.
    approvals: Vec<Approved>,
    /// Name of the ledger.
    ledger: String,
    /// Entries of the ledger when it was asked.
    as_of: u64,
}

impl Terms {
    /// Looks up recipients and policy. Whether they allow it is for [`Terms::admit`] to say.
    pub fn look_up<'a>(
        ledger: &Ledger,
        dataset: &str,
        recipients: impl IntoIterator<Item = &'a str>,
    ) -> Result<Terms> {
        let registry = Registry::standing(ledger)?;
        let standing = |to: &str| registry.recipients.get(to).cloned();
        let standing = |to| standing(to).ok_or_else(|| DeliverError::UnknownRecipient(to.to_owned()));
        let standings = recipients.into_iter().map(standing).collect::<Result<_, _>>()?;
        let adopted = registry.in_force(dataset).ok_or_else(|| no_policy(&registry, dataset))?.clone();
        let policy = stored_policy(ledger, &adopted.policy)?;
        let epoch = registry.epoch();
        let (approvals, name) = (registry.approvals, ledger.verifier().name().to_owned());
        let as_of = ledger.size();
        Ok(Terms { standings, policy, adopted, model: None, epoch, approvals, ledger: name, as_of })
    }

    /// Opens the model that was adopted with the policy, if there is one.
    ///
    /// # Errors
    /// If it, or the secret of the key epoch, is not there: without them the same rows would be marked otherwise.
    pub fn open_model(mut self, home: &Home, keyring: &Keyring) -> Result<Terms> {
        keyring.marking.check_epoch(self.epoch)?;
        if let Some(name) = &self.adopted.model {
            self.model = Some(models::open(&home.models_dir(), &keyring.marking, self.policy.name(), name)?);
        }
        Ok(self)
    }

    /// Looks again, with the ledger locked until the release is recorded: the recipient may have been
    /// suspended, or the policy replaced, while the file was being marked. `None` if nothing happened.
    pub(super) fn renewed(&self, ledger: &Ledger) -> Result<Option<Terms>> {
        if ledger.size() == self.as_of {
            return Ok(None);
        }
        let dataset = self.policy.name();
        let now = Terms::look_up(ledger, dataset, self.recipients())?;
        if now.adopted.policy != self.adopted.policy || now.adopted.model != self.adopted.model {
            return Err(DeliverError::Replaced(format!("the policy for `{dataset}`")).into());
        }
        if now.epoch != self.epoch {
            return Err(DeliverError::Replaced("the key".to_owned()).into());
        }
        Ok(Some(now))
    }

    /// What the commitments of its copies are about.
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject { dataset: self.policy.name(), epoch: self.epoch, code_length: self.policy.code_length() }
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The recipients, as they are registered.
    pub fn standings(&self) -> &[Standing] {
        &self.standings
    }

    /// The approvals on record.
    pub(super) fn approvals(&self) -> &[Approved] {
        &self.approvals
    }

    /// The name of the ledger that approvals must be for.
    pub(super) fn ledger_name(&self) -> &str {
        &self.ledger
    }

    /// The policy as it was adopted.
    pub fn adopted(&self) -> &Adopted {
        &self.adopted
    }

    /// The recipients' ids.
    pub fn recipients(&self) -> Vec<&str> {
        self.standings.iter().map(|standing| standing.recipient.id.as_str()).collect()
    }

    /// Everything that decides the marks of copies for `recipients`.
    pub fn marking<'a>(&'a self, keyring: &'a Keyring, recipients: &'a [&'a str]) -> Marking<'a> {
        Marking {
            secret: &keyring.marking,
            policy: &self.policy,
            slots: &self.adopted.slots,
            epoch: self.epoch,
            recipients,
            model: self.model.as_ref(),
        }
    }
}

/// The error for a dataset that is misspelt or new: it lists those that there are.
pub fn no_policy(registry: &Registry, dataset: &str) -> Error {
    let known = registry.policies.keys().cloned().collect();
    DeliverError::NoPolicy { dataset: dataset.to_owned(), known }.into()
}

/// Stamps `input` as ordered, records the releases and names the outputs. Gives a receipt for each copy.
///
/// # Errors
/// If recipients or policy do not allow it, the table does not fit the policy, or anything can't be read or written. Then
/// there is no output, and no entry unless the very last step, the renaming, failed; the hint says so.
pub fn deliver(
    home: &Home,
    keyring: &Keyring,
    wait: Duration,
    order: &Order,
    input: Input,
    options: &engine::Options,
) -> Result<Vec<(Receipt, Stamped)>> {
    check_outputs(order)?;
    outputs::check(order)?;
    // The ledger is open for the look-up and for the commit, not while the file is marked.
    let ledger = home.ledger(wait, "stamp")?;
    let terms = Terms::look_up(&ledger, &order.dataset, order.copies.iter().map(|copy| copy.to.as_str()))?;
    drop(ledger);
    Recording { home, keyring, wait, order, terms: &terms }.admit(Rows::NotYet)?;
    let terms = terms.open_model(home, keyring)?;
    let mut files = order.copies.iter().map(temporary).collect::<Result<Vec<_>>>()?;
    let outputs = files.iter_mut().map(|file| io::BufWriter::with_capacity(1 << 16, file.as_file_mut()));
    let recording = Recording { home, keyring, wait, order, terms: &terms };
    let mut deposit = recording.begin_copy()?;
    let recipients = terms.recipients();
    let marking = terms.marking(keyring, &recipients);
    let opened =
        open(input, &options.asked(&terms.policy)).map_err(|error| error.in_data(&order.source_name()))?;
    let format = opened.format().name();
    let stamped = engine::stamp_opened(opened, outputs.collect(), &marking, options, deposit.as_mut())
        .map_err(|error| error.in_data(&order.source_name()))?;
    if order.sync {
        for file in &files {
            file.as_file().sync_all().map_err(|error| Error::io("flush", file.path(), error))?;
        }
    }

    let uploads = outputs::send(order, &files, options.interrupted)?;

    let receipts = recording.commit(&stamped, format, deposit, recording.commitments(), |ledger| {
        check_outputs(order)?;
        recording.admit_again(ledger, Rows::Counted(stamped[0].rows))
    })?;

    for ((copy, file), upload) in order.copies.iter().zip(files).zip(uploads) {
        outputs::publish(file, upload, copy, order.force)
            .map_err(|error| error.with_hint(recorded_hint(copy)))?;
    }
    Ok(receipts.into_iter().zip(stamped).collect())
}

/// What to do when a copy that is on record could not be named.
pub(super) fn recorded_hint(copy: &Delivery) -> String {
    let release = &copy.release;
    format!("the release is on record: `--release-id {release}` with the same input gives the same bytes")
}

/// What it takes to put an order on record.
pub(super) struct Recording<'a> {
    pub home: &'a Home,
    pub keyring: &'a Keyring,
    pub wait: Duration,
    pub order: &'a Order,
    pub terms: &'a Terms,
}

impl Recording<'_> {
    /// Begins the vault's copy of the source, if the policy wants one.
    pub fn begin_copy(&self) -> Result<Option<Deposit>> {
        if !self.terms.policy.keeps_sources() {
            return Ok(None);
        }
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        self.home.vault(&self.keyring.marking).deposit(&nonce).map(Some)
    }

    /// What binds the owner to the secrets of each copy. It hashes the whole code, so it is made once, without the ledger's lock.
    pub fn commitments(&self) -> Vec<Commitment> {
        commitment::commit(&self.keyring.marking, self.terms.subject(), &self.terms.recipients())
    }

    /// Records the copies, unless `admit` finds under the ledger's lock that they may not be; it says on whose approval they are.
    pub fn commit(
        &self,
        stamped: &[Stamped],
        format: &str,
        deposit: Option<Deposit>,
        commitments: Vec<Commitment>,
        admit: impl FnOnce(&mut Ledger) -> Result<Vec<Admitted>>,
    ) -> Result<Vec<Receipt>> {
        let &Recording { home, keyring, wait, order, terms } = self;
        let vault = home.vault(&keyring.marking);
        let kept = deposit.map(|deposit| end_copy(&vault, deposit, order, &stamped[0])).transpose()?;
        let mut ledger = home.ledger(wait, "stamp")?;
        let admitted = admit(&mut ledger)?;
        let sketch = ledger.put_blob(&stamped[0].sketch.to_bytes())?;
        for list in stamped.iter().filter_map(|stamped| stamped.parts.as_ref()).flat_map(|(a, b)| [&**a, b]) {
            ledger.put_blob(&list.to_bytes())?;
        }
        let subjects = stamped[0].subjects.as_ref().map(|set| ledger.put_blob(set.as_bytes())).transpose()?;
        let parts = order.copies.iter().zip(&terms.standings).zip(admitted).zip(commitments).zip(stamped);
        let releases: Vec<Release> = parts
            .map(|((((copy, standing), leave), made), stamped)| {
                let opening = opening(order, copy, terms, standing, leave, made);
                let release = release(opening, order, stamped, format, &sketch);
                Release { subjects: subjects.clone(), ..release }
            })
            .collect();
        let proofs = record(&mut ledger, keyring, order, &releases, || {
            // Before the entries, so that no release lacks the copy that its policy promises.
            kept.map(|copy| vault.keep(copy)).transpose().map(drop)
        })?;
        ledger.close()?;
        let parts = order.copies.iter().zip(&releases).zip(stamped).zip(proofs);
        Ok(parts.map(|(((copy, release), stamped), proof)| receipt(copy, release, stamped, proof)).collect())
    }
}

/// Puts the releases on record, but for those that are there already; `prepare` comes just before. Says where they are.
fn record(
    ledger: &mut Ledger,
    keyring: &Keyring,
    order: &Order,
    releases: &[Release],
    prepare: impl FnOnce() -> Result<()>,
) -> Result<Vec<Proof>> {
    let mut known = Vec::new();
    for release in releases {
        let recorded = ledger.release(&release.opening.release)?;
        known.push(recorded.map(|recorded| check_same(&recorded, release)).transpose()?);
    }
    prepare()?;
    let new = releases.iter().zip(&known).filter(|(_, known)| known.is_none());
    let entries: Vec<Entry> = new
        .map(|(release, _)| Entry::new(&order.time, &order.operator, Event::Release(release.clone())))
        .collect();
    let mut indices = Vec::new();
    if !entries.is_empty() {
        // Commit point: the releases are on record, all or none. A crash from here on leaves entries without their
        // outputs; stamping again with these release ids makes the outputs good.
        indices = ledger.append(&entries, &keyring.signing)?;
    }
    let mut indices = indices.into_iter();
    let proof = |index| Proof { index, size: ledger.size(), root: ledger.root_hex() };
    Ok(known.into_iter().filter_map(|known| known.or_else(|| indices.next()).map(proof)).collect())
}

fn end_copy(vault: &Vault, deposit: Deposit, order: &Order, stamped: &Stamped) -> Result<Finished> {
    let copy = deposit.finish(&order.dataset, &stamped.source_blake3, stamped.rows, &order.time)?;
    vault.prepare(&copy)?;
    Ok(copy)
}

fn check_outputs(order: &Order) -> Result<()> {
    check_twice(order)?;
    let mut outputs = order.copies.iter().filter_map(|copy| copy.output.as_ref());
    outputs.try_for_each(|output| check_output(output, order))
}

/// Refuses copies that could not be told apart.
pub(super) fn check_twice(order: &Order) -> Result<()> {
    let mut taken = HashSet::new();
    for copy in &order.copies {
        let output = copy.output.as_ref().map_or("-".into(), |output| output.display().to_string());
        let names =
            [("release id", copy.release.clone()), ("recipient", copy.to.clone()), ("output", output)];
        for (what, name) in names {
            if !taken.insert((what, name.clone())) {
                return Err(DeliverError::Twice(what, name).into());
            }
        }
    }
    Ok(())
}

fn check_output(output: &Path, order: &Order) -> Result<()> {
    let same = |a: &Path, b: &Path| {
        a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
    };
    if order.source_path.as_deref().is_some_and(|source| same(source, output)) {
        return Err(DeliverError::OutputIsInput(output.display().to_string()).into());
    }
    if Address::is_like(output) {
        return Ok(());
    }
    let name = output.display().to_string();
    if output.is_dir() {
        return Err(DeliverError::OutputIsFolder(name).into());
    }
    // The copy takes the output's name: with --force it would take that of a device or a pipe, too.
    if output.metadata().is_ok_and(|found| !found.is_file()) {
        return Err(DeliverError::OutputIsDevice(name).into());
    }
    // A link counts, also one that leads nowhere: it is a name that is taken.
    if output.symlink_metadata().is_ok() && !order.force {
        return Err(DeliverError::OutputExists(name).into());
    }
    if !folder_of(output).is_dir() {
        return Err(DeliverError::NoFolder(name).into());
    }
    Ok(())
}

pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A temporary file for a copy, removed unless it is published. One that will get a name may be read as the user's other
/// files may.
fn temporary(copy: &Delivery) -> Result<NamedTempFile> {
    let named = copy.output.as_ref().filter(|output| !Address::is_like(output));
    let folder = match named {
        Some(output) => folder_of(output).to_owned(),
        None => std::env::temp_dir(),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".dyepack-").suffix(".tmp");
    #[cfg(unix)]
    if named.is_some() {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(&folder).map_err(|error| Error::io("make a file in", &folder, error))
}

/// What is known of a copy before it is made.
pub(super) fn opening(
    order: &Order,
    copy: &Delivery,
    terms: &Terms,
    standing: &Standing,
    leave: Admitted,
    made: Commitment,
) -> Opening {
    let own = &standing.recipient.facts;
    Opening {
        release: copy.release.clone(),
        dataset: order.dataset.clone(),
        recipient: copy.to.clone(),
        policy: terms.adopted.policy.clone(),
        key_epoch: terms.epoch,
        model: terms.adopted.model.clone(),
        purpose: order.purpose.clone().or_else(|| own.purpose.clone()),
        legal_basis: order.legal_basis.clone(),
        agreement: order.agreement.clone().or_else(|| own.agreement.clone()),
        level: terms.policy.level(),
        approval: leave.approval,
        commitment: Some(made),
    }
}

/// The release; the name of its subjects' set is for the caller to add.
fn release(opening: Opening, order: &Order, stamped: &Stamped, format: &str, sketch: &str) -> Release {
    Release {
        opening,
        format: format.into(),
        parts: stamped.parts.as_ref().map(|(_, output)| output.lines().len() as u64),
        source: Source {
            path: order.source_path.as_ref().map(|path| path.display().to_string()),
            table: order.table.clone(),
            bytes: stamped.source_bytes,
            blake3: stamped.source_blake3.clone(),
        },
        output: Output {
            bytes: stamped.output.bytes,
            blake3: stamped.output.blake3.clone(),
            sha256: stamped.output.sha256.clone(),
        },
        rows: stamped.rows,
        carriers: stamped.carriers,
        cells_changed: stamped.cells_changed.clone(),
        sketch: sketch.into(),
        subjects: None,
    }
}

/// The index of the release on record, if it is of the same bytes for the same recipient.
fn check_same(recorded: &Recorded, release: &Release) -> Result<u64> {
    let known = recorded.entry.as_ref().and_then(Entry::release);
    let what = match known {
        Some(known) if known.opening.dataset != release.opening.dataset => Some("dataset"),
        Some(known) if known.opening.recipient != release.opening.recipient => Some("recipient"),
        Some(known) if known.source.blake3 != release.source.blake3 => Some("input"),
        Some(known) if known.opening.key_epoch != release.opening.key_epoch => Some("key epoch"),
        Some(known) if known.output != release.output => Some("policy"),
        Some(_) => None,
        None => Some("kind of entry"),
    };
    match what {
        Some(what) => {
            Err(DeliverError::OtherRelease { release: release.opening.release.clone(), what }.into())
        }
        None => Ok(recorded.index),
    }
}
