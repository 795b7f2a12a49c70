//! Why a file can't be read or written, whatever its format.

use std::io;

use crate::error::{Class, Error, Reason, said};

#[derive(Debug, thiserror::Error)]
enum FormatReason {
    #[error("could not read: {}", said(.0))]
    Read(#[source] io::Error),
    #[error("could not write the marked copy: {}", said(.0))]
    Write(#[source] io::Error),
}

impl Reason for FormatReason {
    fn class(&self) -> Class {
        Class::Io
    }

    fn hint(&self) -> Option<String> {
        match self {
            FormatReason::Read(_) => None,
            FormatReason::Write(_) => {
                Some("make room, or choose another place; nothing was delivered or recorded".into())
            }
        }
    }
}

/// The error for a read that failed. A reader of ours has said why already, with its class and a hint.
pub fn read_failed(error: io::Error) -> Error {
    error.downcast().unwrap_or_else(|error| FormatReason::Read(error).into())
}

/// The error for a write that failed, likewise.
pub fn write_failed(error: io::Error) -> Error {
    error.downcast().unwrap_or_else(|error| FormatReason::Write(error).into())
}
