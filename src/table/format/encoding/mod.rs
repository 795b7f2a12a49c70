//! Text in other encodings than UTF-8, turned into UTF-8 and back without the loss of a byte.
//!
//! A trail byte of GB18030 may be a `|`, one of Shift_JIS a backslash, and in UTF-16 every byte may be anything: text has to
//! be decoded before it is parsed. A [`Decoder`] gives UTF-8, an [`Encoder`] takes it.
//!
//! Invariants: what a strict decoder gives, the encoder writes byte for byte as it was. Not every encoding is that good (0x80
//! and A2 E3 are both a euro sign in GBK), so that the decoder tries it out, piece by piece, and gives up where it isn't
//! so. A byte-order mark is text, U+FEFF, and comes and goes like other text. Plain UTF-8 needs neither of the two.
//!
//! Sources: the WHATWG Encoding Standard, whose labels name the encodings, and `encoding_rs`, which implements it. That
//! standard has no encoder for UTF-16; ours is `str::encode_utf16`.

mod decode;
mod encode;
mod lines;
mod memo;
mod reason;
mod script;
mod sniff;
#[cfg(test)]
mod tests;

pub use decode::{Decoder, Replaced};
pub use encode::Encoder;
pub use sniff::{Sniffed, sniff};

use std::fmt;

use crate::error::Result;

use reason::EncodingReason;

/// An encoding of text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    /// UTF-8.
    pub const UTF_8: Encoding = Encoding(encoding_rs::UTF_8);
    /// UTF-16, low byte first.
    pub const UTF_16LE: Encoding = Encoding(encoding_rs::UTF_16LE);
    /// UTF-16, high byte first.
    pub const UTF_16BE: Encoding = Encoding(encoding_rs::UTF_16BE);
    /// All of Unicode, as Chinese systems write it.
    pub const GB18030: Encoding = Encoding(encoding_rs::GB18030);
    /// Its predecessor: the same for what most files hold, but for the euro sign, and without sequences of four bytes.
    pub const GBK: Encoding = Encoding(encoding_rs::GBK);
    /// Western European, as Windows writes it.
    pub const WINDOWS_1252: Encoding = Encoding(encoding_rs::WINDOWS_1252);

    /// The encoding that the web calls `label`, in any case: `gb2312`, `latin1`, `Shift_JIS`.
    ///
    /// # Errors
    /// If there is none.
    pub fn of_label(label: &str) -> Result<Encoding> {
        // The standard reads UTF-16 without more as low byte first, as Windows writes it.
        let found = encoding_rs::Encoding::for_label_no_replacement(label.as_bytes());
        found.map(Encoding).ok_or_else(|| EncodingReason::Unknown(shown(label)).into())
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Whether it is UTF-8, which needs no decoding.
    pub fn is_utf8(self) -> bool {
        self == Encoding::UTF_8
    }

    /// Whether it is one of the two UTF-16.
    pub fn is_utf16(self) -> bool {
        self == Encoding::UTF_16LE || self == Encoding::UTF_16BE
    }

    /// Whether a byte below 0x80 that follows no other byte is always that character.
    fn keeps_ascii(self) -> bool {
        self.0.is_ascii_compatible()
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a short text says, in whatever encoding: a name in an archive. U+FFFD for what can't be read.
pub fn text_of(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => sniff::guess(bytes).0.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// A label as somebody typed it, fit for a terminal.
fn shown(label: &str) -> String {
    label.chars().filter(|c| !c.is_control()).take(40).collect()
}
