//! Whose keys count, after each entry of a ledger.
//!
//! An approver who was removed, and a key that was replaced, count no more from that entry on. What they signed before stays
//! well signed; whether an old approval still allows anything is for [`Registry`](crate::ledger::Registry) to say.

use std::collections::BTreeMap;

use super::{Approval, DeliveryReceipt, Signed, reason::StatementReason};
use crate::error::Result;
use crate::ledger::{Event, Recipient, note::Verifier};

/// The keys that count at one point of the ledger, as verifier keys in text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signers {
    recipients: BTreeMap<String, String>,
    approvers: BTreeMap<String, String>,
}

impl Signers {
    /// Takes the next entry into account.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::RecipientRegistered { recipient: Recipient { id, facts, .. } }
            | Event::RecipientChanged { recipient: id, changes: facts } => {
                if let Some(vkey) = &facts.vkey {
                    self.recipients.insert(id.clone(), vkey.clone());
                }
            }
            Event::ApproverAdded { approver, vkey } => {
                self.approvers.insert(approver.clone(), vkey.clone());
            }
            Event::ApproverRemoved { approver, .. } => {
                self.approvers.remove(approver);
            }
            _ => {}
        }
    }

    /// The key of an approver.
    pub fn approver(&self, id: &str) -> Option<&str> {
        self.approvers.get(id).map(String::as_str)
    }

    /// The id of the approver who has this key.
    pub fn approver_with(&self, vkey: &str) -> Option<&str> {
        self.approvers.iter().find(|(_, known)| *known == vkey).map(|(id, _)| id.as_str())
    }

    /// The key of a recipient.
    pub fn recipient(&self, id: &str) -> Option<&str> {
        self.recipients.get(id).map(String::as_str)
    }

    /// What `approver` approved in the ledger named `ledger`.
    ///
    /// # Errors
    /// `Usage` if there is no such approver, it is for another ledger, or not signed by the approver's key.
    pub fn check_approval(&self, ledger: &str, approver: &str, note: &str) -> Result<Approval> {
        let vkey = self.approver(approver).ok_or_else(|| StatementReason::NoApprover(approver.to_owned()))?;
        let signed = Signed::<Approval>::parse(note)?;
        let approval = signed.verify(&Verifier::parse(vkey)?)?;
        if approval.ledger != ledger {
            return Err(StatementReason::OtherLedger(approval.ledger.clone()).into());
        }
        Ok(approval.clone())
    }

    /// What `recipient` says that it received as `release`. Whether that is what was delivered is for the caller to compare.
    ///
    /// # Errors
    /// `Usage` if the recipient has no key, or the note is not signed by it or is for another release.
    pub fn check_receipt(&self, recipient: &str, release: &str, note: &str) -> Result<DeliveryReceipt> {
        let vkey = self.recipient(recipient).ok_or_else(|| StatementReason::NoKey(recipient.to_owned()))?;
        let signed = Signed::<DeliveryReceipt>::parse(note)?;
        let receipt = signed.verify(&Verifier::parse(vkey)?)?;
        if receipt.release != release {
            return Err(StatementReason::OtherRelease(receipt.release.clone()).into());
        }
        Ok(receipt.clone())
    }
}
