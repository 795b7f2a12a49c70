//! Why an archive, or a member of one, can't be read.

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveReason {
    #[error("the {0} archive is damaged")]
    Damaged(&'static str),
    #[error("it is damaged from its first byte")]
    Member,
    #[error("it is encrypted")]
    Encrypted,
    #[error("it is packed in a way that is not read here")]
    Method,
    #[error("it has holes, and nothing after it is read")]
    Sparse,
    #[error("it has more than {max_members} members")]
    Many { max_members: u64 },
    #[error("the folder has more than {max_members} files and folders")]
    ManyFiles { max_members: u64 },
    #[error("it is a link, which is not followed")]
    Link,
    #[error("it is no file, but a pipe, a socket or a device")]
    NoFile,
    #[error("folders are nested more than {max_depth} deep")]
    Deep { max_depth: usize },
}

impl Reason for ArchiveReason {
    fn class(&self) -> Class {
        Class::Data
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            ArchiveReason::Damaged(_) | ArchiveReason::Member => {
                "fetch the file again, or unpack what can be with its own program"
            }
            ArchiveReason::Encrypted => "unpack it with its password, and name the file",
            ArchiveReason::Method | ArchiveReason::Sparse => "unpack it with the program that made it",
            ArchiveReason::Many { .. } => "unpack it, and name the files that hold tables",
            ArchiveReason::Link => "name the file that it leads to",
            ArchiveReason::NoFile => "save what it gives in a file",
            ArchiveReason::ManyFiles { .. } | ArchiveReason::Deep { .. } => "name the files that hold tables",
        };
        Some(hint.to_owned())
    }
}
