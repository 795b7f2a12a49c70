//! Why a statement does not count.

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(super) enum StatementReason {
    #[error("this is no `{kind}`: {what}")]
    Malformed { kind: &'static str, what: &'static str },
    #[error("the `{kind}` is not signed by the key of `{name}`")]
    OtherKey { kind: &'static str, name: String },
    #[error("`{0}` is no approver")]
    NoApprover(String),
    #[error("the approval is for another ledger, `{0}`")]
    OtherLedger(String),
    #[error("recipient `{0}` has no key on record")]
    NoKey(String),
    #[error("the receipt is for release `{0}`")]
    OtherRelease(String),
    #[error("the receipt for release `{0}` is for other bytes than were delivered")]
    OtherBytes(String),
}

impl Reason for StatementReason {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            StatementReason::Malformed { .. } => {
                "it has two lines, an empty one, and a signature: check the file"
            }
            StatementReason::OtherKey { .. } => {
                "compare the key on record with what `dyepack signer show` prints of the signer's key file"
            }
            StatementReason::NoApprover(_) => {
                "see `dyepack approver list`, or register one with `dyepack approver add`"
            }
            StatementReason::OtherLedger(_) => "approve it again in this home",
            StatementReason::NoKey(id) => {
                return Some(format!("register it with `dyepack recipient update {id} --vkey KEY`"));
            }
            StatementReason::OtherRelease(_) => "each receipt belongs to one release",
            StatementReason::OtherBytes(_) => {
                "the recipient signed for another file, or for one that changed on the way: send it again"
            }
        };
        Some(hint.to_owned())
    }
}
