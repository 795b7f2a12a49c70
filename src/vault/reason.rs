//! Why a copy in the vault can't be used.

use std::io;

use crate::error::{Class, Reason, said};

/// What is wrong with a sealed file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("it was cut off")]
    Short,
    #[error("it does not begin as a sealed copy does")]
    Foreign,
    #[error("it was changed, or sealed with the keys of another home")]
    Unsealed,
    #[error("it holds another source than its name says")]
    Swapped,
    #[error("it does not hold the table that its label describes")]
    Mislabelled,
    #[error("{}", said(.0))]
    Io(#[from] io::Error),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum VaultReason {
    #[error("the vault's copy `{path}` is damaged: {fault}")]
    Damaged { path: String, fault: Fault },
    #[error("could not read the vault's copy `{path}`: {}", said(source))]
    Unreadable { path: String, source: io::Error },
    #[error("could not write to the vault `{path}`: {}", said(source))]
    Write { path: String, source: io::Error },
    #[error("could not compress the vault's copy: {}", said(.0))]
    Pack(#[source] io::Error),
}

impl VaultReason {
    /// What is wrong with the file at `path`: its bytes, or the way to them.
    pub(super) fn at(path: &std::path::Path, fault: Fault) -> VaultReason {
        let path = path.display().to_string();
        match fault {
            Fault::Io(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
                VaultReason::Unreadable { path, source }
            }
            Fault::Io(_) => VaultReason::Damaged { path, fault: Fault::Short },
            fault => VaultReason::Damaged { path, fault },
        }
    }
}

impl Reason for VaultReason {
    fn class(&self) -> Class {
        match self {
            VaultReason::Damaged { .. } => Class::Integrity,
            VaultReason::Unreadable { .. } | VaultReason::Write { .. } | VaultReason::Pack(_) => Class::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                VaultReason::Damaged { .. } => {
                    "restore it from a backup, or remove it; stamping its source again makes a new one"
                }
                VaultReason::Unreadable { .. } => "check who may read there, and the disk",
                VaultReason::Pack(_) => "free some memory; nothing was recorded",
                VaultReason::Write { .. } => "make room or check who may write there; nothing was recorded",
            }
            .into(),
        )
    }
}
