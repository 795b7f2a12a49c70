//! UTF-8 to and from bytes of an encoding, in memory.

use encoding_rs::{DecoderResult, EncoderResult};

use super::Encoding;
use super::memo::Memo;

/// Writes one text in an encoding, piece by piece.
pub(super) enum Scribe {
    Utf16 {
        big: bool,
    },
    /// Encodings in which each character stands for itself.
    Memo(Memo),
    /// UTF-8, and ISO-2022-JP, where what was written before matters.
    Other(encoding_rs::Encoder),
}

/// A character has no bytes in the encoding.
#[derive(Debug)]
pub(super) struct Unmappable;

impl Scribe {
    pub(super) fn new(encoding: Encoding) -> Scribe {
        if encoding.is_utf16() {
            Scribe::Utf16 { big: encoding == Encoding::UTF_16BE }
        } else if encoding.keeps_ascii() && !encoding.is_utf8() {
            Scribe::Memo(Memo::new(encoding))
        } else {
            Scribe::Other(encoding.0.new_encoder())
        }
    }

    /// Adds `text` to `bytes`. With `last`, the text ends here. What came before an unmappable character is added.
    pub(super) fn write(&mut self, text: &str, last: bool, bytes: &mut Vec<u8>) -> Result<(), Unmappable> {
        let encoder = match self {
            Scribe::Utf16 { big } => {
                write_utf16(text, *big, bytes);
                return Ok(());
            }
            Scribe::Memo(memo) => return memo.write(text, bytes),
            Scribe::Other(encoder) => encoder,
        };
        let start = bytes.len();
        // Twice the text and some more holds it in nearly every encoding; the loop is for the others.
        bytes.resize(start + 2 * text.len() + 16, 0);
        let (mut read, mut end) = (0, start);
        loop {
            let (result, took, gave) =
                encoder.encode_from_utf8_without_replacement(&text[read..], &mut bytes[end..], last);
            (read, end) = (read + took, end + gave);
            match result {
                EncoderResult::OutputFull => bytes.resize(2 * bytes.len(), 0),
                done => {
                    bytes.truncate(end);
                    return if done == EncoderResult::InputEmpty { Ok(()) } else { Err(Unmappable) };
                }
            }
        }
    }
}

fn write_utf16(text: &str, big: bool, bytes: &mut Vec<u8>) {
    bytes.reserve(2 * text.len());
    for unit in text.encode_utf16() {
        bytes.extend_from_slice(&if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
    }
}

/// Decodes into a buffer that grows as needed: room is made once for a piece, not once for each fault in it.
pub(super) struct Room<'a> {
    text: &'a mut Vec<u8>,
    end: usize,
}

impl<'a> Room<'a> {
    /// Adds to `text`.
    pub(super) fn after(text: &'a mut Vec<u8>) -> Room<'a> {
        let end = text.len();
        Room { text, end }
    }

    /// Decodes `bytes` until they end or are ill-formed. Gives how many were read.
    pub(super) fn decode(
        &mut self,
        decoder: &mut encoding_rs::Decoder,
        bytes: &[u8],
        last: bool,
    ) -> (DecoderResult, usize) {
        let mut read = 0;
        loop {
            let (result, took, gave) =
                decoder.decode_to_utf8_without_replacement(&bytes[read..], &mut self.text[self.end..], last);
            (read, self.end) = (read + took, self.end + gave);
            match result {
                DecoderResult::OutputFull => {
                    // Most text takes one and a half times the bytes in UTF-8.
                    self.text.resize(self.end + 2 * (bytes.len() - read) + 64, 0);
                }
                done => return (done, read),
            }
        }
    }

    /// Adds a U+FFFD.
    pub(super) fn replace(&mut self) {
        let mark = "\u{fffd}".as_bytes();
        if self.text.len() < self.end + mark.len() {
            self.text.resize(2 * self.text.len() + mark.len(), 0);
        }
        self.text[self.end..self.end + mark.len()].copy_from_slice(mark);
        self.end += mark.len();
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.text.truncate(self.end);
    }
}

/// Adds what `bytes` say to `text`, U+FFFD for what they can't. Gives how many of these there are.
pub(super) fn decode_all(encoding: Encoding, bytes: &[u8], text: &mut Vec<u8>) -> u64 {
    let (mut decoder, mut replaced, mut read) = (encoding.0.new_decoder_without_bom_handling(), 0, 0);
    let mut room = Room::after(text);
    loop {
        let (result, took) = room.decode(&mut decoder, &bytes[read..], true);
        read += took;
        if result == DecoderResult::InputEmpty {
            return replaced;
        }
        room.replace();
        replaced += 1;
    }
}

/// Whether bytes that were just written are read as `text` again: what `reader`, who saw all that came before, says of them.
pub(super) fn reads_as(reader: &mut encoding_rs::Decoder, bytes: &[u8], text: &str) -> bool {
    let Some(most) = reader.max_utf8_buffer_length_without_replacement(bytes.len()) else { return false };
    let mut again = vec![0; most];
    let (result, _, written) = reader.decode_to_utf8_without_replacement(bytes, &mut again, false);
    result == DecoderResult::InputEmpty && again[..written] == *text.as_bytes()
}
