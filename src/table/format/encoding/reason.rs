//! Why text can't be read or written in an encoding.

use crate::error::{Class, Reason};

#[derive(Debug, thiserror::Error)]
pub(super) enum EncodingReason {
    #[error("there is no encoding `{0}`")]
    Unknown(String),
    #[error("the file is UTF-32")]
    Utf32,
    #[error("byte {offset} of the text is no {encoding}")]
    IllFormed { encoding: &'static str, offset: u64 },
    #[error("byte {offset} of the text is read as {encoding}, but would be written in another way")]
    NotTheSame { encoding: &'static str, offset: u64 },
    #[error("new text has a character that {encoding} can't hold")]
    Unmappable { encoding: &'static str },
    #[error("the text to be written is no UTF-8")]
    NotUtf8,
}

impl Reason for EncodingReason {
    fn class(&self) -> Class {
        match self {
            EncodingReason::Unknown(_) => Class::Usage,
            _ => Class::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            EncodingReason::Unknown(_) => {
                "use a name of the web, such as utf-8, utf-16le, gb18030 or windows-1252"
            }
            EncodingReason::Utf32 => "save it as UTF-8, for instance with `iconv -f UTF-32 -t UTF-8`",
            EncodingReason::IllFormed { .. } => "name the encoding with `--encoding`, or mend the file there",
            EncodingReason::NotTheSame { .. } => {
                "name another encoding with `--encoding` (gb18030 and gbk differ in the euro sign), \
                 or save the file as UTF-8"
            }
            EncodingReason::Unmappable { .. } => "save the file as UTF-8, or leave that column alone",
            EncodingReason::NotUtf8 => return None,
        };
        Some(hint.to_owned())
    }
}
