//! A stamped file and its ledger entry, in the one order that never leaves a file without an entry.
//!
//! 1. The marked bytes go to a temporary file beside the output.
//! 2. The ledger commits the release: hash, counts, sketch, purpose. *Durable from here.* Just before, the vault gets its
//!    copy of the source, if the policy wants one.
//! 3. The temporary file takes the output's name.
//!
//! Marking takes long, and the ledger is free meanwhile: what allowed the release is looked at again under
//! the lock of 2.
//!
//! A crash before 2 leaves temporary files and no entry, or a copy in the vault that no entry refers to, which
//! `vault prune` removes; a crash between 2 and 3 an entry and no output.
//! Stamping again with the same release id and input then gives the same bytes, finds its entry, and only
//! renames.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::Rng as _;
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::error::{Class, Error, Reason, Result};
use crate::home::Home;
use crate::keys::keyring::Keyring;
use crate::known::stored_policy;
use crate::ledger::registry::{Adopted, Standing};
use crate::ledger::{Entry, Event, Ledger, Output, Recorded, Registry, Release, Source};
use crate::mark::model::Model;
use crate::mark::policy::Policy;
use crate::models;
use crate::stamp::engine::{self, Marking, Stamped};
use crate::vault::{Deposit, Finished, NONCE_BYTES, Vault};

/// The only key epoch until keys can be rotated.
pub const FIRST_EPOCH: u32 = 1;

#[derive(Debug, thiserror::Error)]
enum DeliverError {
    #[error("no policy is in force for dataset `{dataset}`")]
    NoPolicy { dataset: String, known: Vec<String> },
    #[error("recipient `{0}` is not registered")]
    UnknownRecipient(String),
    #[error("recipient `{id}` was suspended on {since}")]
    Suspended { id: String, since: String },
    #[error("the policy for `{0}` was replaced while the file was being stamped")]
    PolicyReplaced(String),
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
    #[error("release `{release}` is on record with another {what}")]
    OtherRelease { release: String, what: &'static str },
}

impl Reason for DeliverError {
    fn class(&self) -> Class {
        match self {
            DeliverError::Suspended { .. } | DeliverError::PolicyReplaced(_) => Class::Policy,
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
                DeliverError::Suspended { .. } => "a suspended recipient is given nothing more",
                DeliverError::PolicyReplaced(_) => "nothing was delivered or recorded: stamp the file again",
                DeliverError::OutputIsFolder(_) => "name a file in it",
                DeliverError::OutputIsDevice(_) => "name a file, or use `-` for standard output",
                DeliverError::NoFolder(_) => "make it first, or choose another place",
                DeliverError::OutputExists(_) => "choose another name, or replace it with --force",
                DeliverError::OutputIsInput(_) => "the input is never changed: choose another name",
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
    /// The recipient's id.
    pub to: String,
    /// The release's id.
    pub release: String,
    /// Name of the source for the record; `None` for standard input.
    pub source_path: Option<PathBuf>,
    /// Where the copy goes; `None` is standard output.
    pub output: Option<PathBuf>,
    /// Replace the output if it exists.
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

/// What was delivered, as `stamp --json` prints it (DESIGN section 6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// `dyepack.receipt/1`.
    pub schema: &'static str,
    pub release: String,
    pub dataset: String,
    pub recipient: String,
    pub rows: u64,
    pub carriers: u64,
    /// By column.
    pub cells_changed: std::collections::BTreeMap<String, u64>,
    pub output: Delivery,
    pub ledger: Proof,
}

/// The delivered bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// `-` is standard output.
    pub path: String,
    pub bytes: u64,
    pub blake3: String,
    pub sha256: String,
}

/// Where the ledger holds the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The entry's number.
    pub index: u64,
    /// Entries of the ledger now.
    pub size: u64,
    /// Root of its tree, in hex.
    pub root: String,
}

impl Order {
    /// What messages call the input.
    pub fn source_name(&self) -> String {
        self.source_path.as_ref().map_or("standard input".into(), |path| path.display().to_string())
    }
}

/// What an order needs from the ledger before a byte is read.
pub struct Terms {
    standing: Standing,
    policy: Policy,
    adopted: Adopted,
    /// The model that was adopted with the policy.
    model: Option<Model>,
    /// Entries of the ledger when it was asked.
    as_of: u64,
}

impl Terms {
    /// Looks up recipient and policy, and refuses what may not be.
    pub fn look_up(ledger: &Ledger, dataset: &str, to: &str) -> Result<Terms> {
        let registry = Registry::replay(&ledger.entries()?);
        let standing =
            registry.recipients.get(to).ok_or_else(|| DeliverError::UnknownRecipient(to.to_owned()))?;
        if let Some(since) = &standing.suspended {
            return Err(DeliverError::Suspended { id: to.to_owned(), since: since.clone() }.into());
        }
        let adopted = registry.in_force(dataset).ok_or_else(|| no_policy(&registry, dataset))?;
        let policy = stored_policy(ledger, &adopted.policy)?;
        let (standing, adopted) = (standing.clone(), adopted.clone());
        Ok(Terms { standing, policy, adopted, model: None, as_of: ledger.size() })
    }

    /// Opens the model that was adopted with the policy, if there is one.
    ///
    /// # Errors
    /// If it is not in the home or was changed: without it the same rows would be marked otherwise.
    pub fn open_model(mut self, home: &Home, keyring: &Keyring) -> Result<Terms> {
        if let Some(name) = &self.adopted.model {
            self.model = Some(models::open(&home.models_dir(), &keyring.marking, self.policy.name(), name)?);
        }
        Ok(self)
    }

    /// Looks again, with the ledger locked until the release is recorded: the recipient may have been
    /// suspended, or the policy replaced, while the file was being marked.
    fn check_again(&self, ledger: &Ledger) -> Result<()> {
        if ledger.size() == self.as_of {
            return Ok(());
        }
        let dataset = self.policy.name();
        let now = Terms::look_up(ledger, dataset, &self.standing.recipient.id)?;
        if now.adopted.policy != self.adopted.policy || now.adopted.model != self.adopted.model {
            return Err(DeliverError::PolicyReplaced(dataset.to_owned()).into());
        }
        Ok(())
    }

    /// Everything that decides the marks.
    pub fn marking<'a>(&'a self, keyring: &'a Keyring) -> Marking<'a> {
        Marking {
            secret: &keyring.marking,
            policy: &self.policy,
            slots: &self.adopted.slots,
            epoch: FIRST_EPOCH,
            recipient: &self.standing.recipient.id,
            model: self.model.as_ref(),
        }
    }
}

/// The error for a dataset that is misspelt or new: it lists those that there are.
pub fn no_policy(registry: &Registry, dataset: &str) -> Error {
    let known = registry.policies.keys().cloned().collect();
    DeliverError::NoPolicy { dataset: dataset.to_owned(), known }.into()
}

/// Stamps `input` as ordered and records the release.
///
/// # Errors
/// If recipient or policy do not allow it, the input does not fit the policy, or anything can't be read or
/// written. Then there is no output, and no entry unless the very last step, the renaming, failed; the hint
/// says so.
pub fn deliver(
    home: &Home,
    keyring: &Keyring,
    wait: Duration,
    order: &Order,
    input: impl Read + Send,
    options: &engine::Options,
) -> Result<(Receipt, Stamped)> {
    check_output(order)?;
    // The ledger is open for the look-up and for the commit, not while the file is marked.
    let terms = Terms::look_up(&home.ledger(wait, "stamp")?, &order.dataset, &order.to)?;
    let terms = terms.open_model(home, keyring)?;
    let folder = match &order.output {
        Some(output) => folder_of(output).to_owned(),
        None => std::env::temp_dir(),
    };
    let mut copy = temporary(&folder, order.output.is_some())?;
    let buffered = io::BufWriter::with_capacity(1 << 16, copy.as_file_mut());
    let vault = home.vault(&keyring.marking);
    let mut deposit = terms.policy.keeps_sources().then(|| begin_copy(&vault)).transpose()?;
    let marking = terms.marking(keyring);
    let stamped = engine::stamp_and_keep(input, buffered, &marking, options, deposit.as_mut())
        .map_err(|error| error.in_data(&order.source_name()))?;
    let kept = deposit.map(|deposit| end_copy(&vault, deposit, order, &stamped)).transpose()?;
    if order.sync {
        copy.as_file().sync_all().map_err(|error| Error::io("flush", copy.path(), error))?;
    }

    let mut ledger = home.ledger(wait, "stamp")?;
    terms.check_again(&ledger)?;
    check_output(order)?;
    let release = release(order, &terms, &stamped, ledger.put_blob(&stamped.sketch.to_bytes())?);
    let on_record = ledger.release(&order.release)?.map(|recorded| check_same(&recorded, &release));
    let on_record = on_record.transpose()?;
    // Before the entry, so that no release lacks the copy that its policy promises.
    kept.map(|copy| vault.keep(copy)).transpose()?;
    let index = match on_record {
        Some(index) => index,
        None => {
            let entry = Entry::new(&order.time, &order.operator, Event::Release(release.clone()));
            // Commit point: the release is on record. A crash from here on leaves an entry without its
            // output; stamping again with this release id makes the output good.
            ledger.append(&[entry], &keyring.signing)?[0]
        }
    };
    let proof = Proof { index, size: ledger.size(), root: ledger.root_hex() };
    ledger.close()?;

    publish(copy, order).map_err(|error| {
        let release = &order.release;
        error.with_hint(format!(
            "the release is on record: `--release-id {release}` with the same input gives the same bytes"
        ))
    })?;
    Ok((receipt(order, &release, &stamped, proof), stamped))
}

fn begin_copy(vault: &Vault) -> Result<Deposit> {
    let mut nonce = [0; NONCE_BYTES];
    rand::rng().fill_bytes(&mut nonce);
    vault.deposit(&nonce)
}

fn end_copy(vault: &Vault, deposit: Deposit, order: &Order, stamped: &Stamped) -> Result<Finished> {
    let copy = deposit.finish(&order.dataset, &stamped.source_blake3, stamped.rows, &order.time)?;
    vault.prepare(&copy)?;
    Ok(copy)
}

fn check_output(order: &Order) -> Result<()> {
    let Some(output) = &order.output else { return Ok(()) };
    let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if order.source_path.as_deref().is_some_and(|source| same(source, output)) {
        return Err(DeliverError::OutputIsInput(output.display().to_string()).into());
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

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A temporary file that is removed unless it is published. One that will get a name may be read as the
/// user's other files may.
fn temporary(folder: &Path, gets_a_name: bool) -> Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".dyepack-").suffix(".tmp");
    #[cfg(unix)]
    if gets_a_name {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder).map_err(|error| Error::io("make a file in", folder, error))
}

fn release(order: &Order, terms: &Terms, stamped: &Stamped, sketch: String) -> Release {
    let own = &terms.standing.recipient;
    Release {
        release: order.release.clone(),
        dataset: order.dataset.clone(),
        recipient: order.to.clone(),
        policy: terms.adopted.policy.clone(),
        key_epoch: FIRST_EPOCH,
        model: terms.adopted.model.clone(),
        format: "csv".into(),
        source: Source {
            path: order.source_path.as_ref().map(|path| path.display().to_string()),
            bytes: stamped.source_bytes,
            blake3: stamped.source_blake3.clone(),
        },
        output: Output {
            bytes: stamped.output_bytes,
            blake3: stamped.output_blake3.clone(),
            sha256: stamped.output_sha256.clone(),
        },
        rows: stamped.rows,
        carriers: stamped.carriers,
        cells_changed: stamped.cells_changed.clone(),
        sketch,
        purpose: order.purpose.clone().or_else(|| own.purpose.clone()),
        legal_basis: order.legal_basis.clone(),
        agreement: order.agreement.clone().or_else(|| own.agreement.clone()),
        level: terms.policy.level(),
    }
}

/// The index of the release on record, if it is of the same bytes for the same recipient.
fn check_same(recorded: &Recorded, release: &Release) -> Result<u64> {
    let known = recorded.entry.as_ref().and_then(Entry::release);
    let what = match known {
        Some(known) if known.dataset != release.dataset => Some("dataset"),
        Some(known) if known.recipient != release.recipient => Some("recipient"),
        Some(known) if known.source.blake3 != release.source.blake3 => Some("input"),
        Some(known) if known.output != release.output => Some("policy"),
        Some(_) => None,
        None => Some("kind of entry"),
    };
    match what {
        Some(what) => Err(DeliverError::OtherRelease { release: release.release.clone(), what }.into()),
        None => Ok(recorded.index),
    }
}

/// Gives the copy its name, or copies it to standard output.
fn publish(copy: NamedTempFile, order: &Order) -> Result<()> {
    let Some(output) = &order.output else {
        let fail = Error::standard_output;
        let mut file = copy.reopen().map_err(fail)?;
        let mut stdout = io::stdout().lock();
        io::copy(&mut file, &mut stdout).map_err(fail)?;
        return stdout.flush().map_err(fail);
    };
    if order.force { copy.persist(output) } else { copy.persist_noclobber(output) }
        .map_err(|error| Error::io("name the output", output, error.error))?;
    // The name, too, survives a power cut. Not every file system can flush a folder, and none needs to for
    // correctness.
    if let Ok(folder) = File::open(folder_of(output)) {
        let _ = folder.sync_all();
    }
    Ok(())
}

fn receipt(order: &Order, release: &Release, stamped: &Stamped, proof: Proof) -> Receipt {
    Receipt {
        schema: "dyepack.receipt/1",
        release: release.release.clone(),
        dataset: release.dataset.clone(),
        recipient: release.recipient.clone(),
        rows: stamped.rows,
        carriers: stamped.carriers,
        cells_changed: stamped.cells_changed.clone(),
        output: Delivery {
            path: order.output.as_ref().map_or("-".into(), |path| path.display().to_string()),
            bytes: stamped.output_bytes,
            blake3: stamped.output_blake3.clone(),
            sha256: stamped.output_sha256.clone(),
        },
        ledger: proof,
    }
}
