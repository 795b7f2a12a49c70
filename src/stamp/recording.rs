//! Putting an order on record: all its releases, or none.

use std::time::Duration;

use rand::Rng as _;

use crate::commitment;
use crate::error::{Class, Reason, Result};
use crate::home::Home;
use crate::keys::keyring::Keyring;
use crate::ledger::entry::{Commitment, Opening};
use crate::ledger::registry::Standing;
use crate::ledger::{Entry, Event, Ledger, Output, Recorded, Release, Source};
use crate::vault::{Deposit, Finished, NONCE_BYTES, Vault};

use super::engine::Stamped;
use super::gates::Admitted;
use super::order::{Delivery, Order};
use super::receipt::{Proof, Receipt, receipt};
use super::terms::Terms;

#[derive(Debug, thiserror::Error)]
#[error("release `{release}` is on record with another {what}")]
struct OtherRelease {
    release: String,
    what: &'static str,
}

impl Reason for OtherRelease {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("a release id stands for one delivery: choose another one".into())
    }
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
        Some(what) => Err(OtherRelease { release: release.opening.release.clone(), what }.into()),
        None => Ok(recorded.index),
    }
}
