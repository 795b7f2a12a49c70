//! What the ledger says of an order: who the recipients are, and what is in force.

use crate::commitment::Subject;
use crate::error::{Class, Error, Reason, Result};
use crate::home::Home;
use crate::keys::keyring::Keyring;
use crate::known::stored_policy;
use crate::ledger::registry::{Adopted, Approved, Standing};
use crate::ledger::{Ledger, Registry};
use crate::mark::model::Model;
use crate::mark::policy::Policy;
use crate::models;

use super::engine::Marking;

#[derive(Debug, thiserror::Error)]
enum TermsError {
    #[error("no policy is in force for dataset `{dataset}`")]
    NoPolicy { dataset: String, known: Vec<String> },
    #[error("recipient `{0}` is not registered")]
    UnknownRecipient(String),
    #[error("{0} was replaced while the file was being stamped")]
    Replaced(String),
}

impl Reason for TermsError {
    fn class(&self) -> Class {
        match self {
            TermsError::Replaced(_) => Class::Policy,
            _ => Class::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            TermsError::NoPolicy { known, .. } if !known.is_empty() => {
                format!("datasets with a policy: {}", known.join(", "))
            }
            TermsError::NoPolicy { .. } => {
                "write one and put it into force with `dyepack policy adopt FILE`".into()
            }
            TermsError::UnknownRecipient(_) => {
                "see `dyepack recipient list`, or register it with `dyepack recipient add`".into()
            }
            TermsError::Replaced(_) => "nothing was delivered or recorded: stamp the file again".into(),
        })
    }
}

/// What an order needs from the ledger before a byte is read.
pub struct Terms {
    /// One for each recipient of the order, in its order.
    pub(super) standings: Vec<Standing>,
    pub(super) policy: Policy,
    pub(super) adopted: Adopted,
    /// The model that was adopted with the policy.
    model: Option<Model>,
    /// The key epoch in force.
    pub(super) epoch: u32,
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
        let standing = |to| standing(to).ok_or_else(|| TermsError::UnknownRecipient(to.to_owned()));
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
            return Err(TermsError::Replaced(format!("the policy for `{dataset}`")).into());
        }
        if now.epoch != self.epoch {
            return Err(TermsError::Replaced("the key".to_owned()).into());
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
    TermsError::NoPolicy { dataset: dataset.to_owned(), known }.into()
}
