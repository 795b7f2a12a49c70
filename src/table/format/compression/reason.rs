//! Why compressed bytes can't be read.

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(super) enum CompressionReason {
    #[error("the {0} data ends too early")]
    Truncated(&'static str),
    #[error("the {0} data is damaged")]
    Damaged(&'static str),
    #[error("the zstd data needs more than {limit_bytes} bytes of memory to be unpacked")]
    Window { limit_bytes: u64 },
    #[error("unpacked, it is more than {max_bytes} bytes")]
    Large { max_bytes: u64 },
    #[error("unpacked, it is more than {max_ratio} times as large")]
    Ratio { max_ratio: u64 },
}

impl Reason for CompressionReason {
    fn class(&self) -> Class {
        Class::Data
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            CompressionReason::Truncated(_) => "fetch the file again, it may not have been copied whole",
            CompressionReason::Damaged(_) => {
                "fetch the file again, or unpack what can be with its own program"
            }
            CompressionReason::Window { .. } => "unpack it first with `zstd -d --long=31`",
            CompressionReason::Large { .. } | CompressionReason::Ratio { .. } => {
                "if it is no trap but a table, unpack it first"
            }
        };
        Some(hint.to_owned())
    }
}
