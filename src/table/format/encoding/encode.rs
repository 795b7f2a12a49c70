//! A writer that turns UTF-8 into an encoding.

use std::io::{self, Write};

use super::Encoding;
use super::reason::EncodingReason;
use super::script::{Scribe, reads_as};

/// Bytes that are encoded at once.
const PIECE_BYTES: usize = 1 << 16;

/// Writes UTF-8 in another encoding. Characters may come in pieces. [`finish`](Encoder::finish) has to be called.
///
/// A character that the encoding lacks, or that would be read as another one (a yen sign in Shift_JIS), is an error.
pub struct Encoder<W> {
    writer: W,
    encoding: Encoding,
    scribe: Scribe,
    /// Reads what is written, in encodings with a state, to see that it says what it should. With others, the scribe sees to it.
    reader: Option<encoding_rs::Decoder>,
    /// The start of a character.
    begun: Vec<u8>,
    bytes: Vec<u8>,
}

impl<W: Write> Encoder<W> {
    /// Writes to `writer`.
    pub fn new(writer: W, encoding: Encoding) -> Encoder<W> {
        let is_stateful = !encoding.keeps_ascii() && !encoding.is_utf16();
        let reader = is_stateful.then(|| encoding.0.new_decoder_without_bom_handling());
        let (begun, bytes) = (Vec::new(), Vec::new());
        Encoder { writer, encoding, scribe: Scribe::new(encoding), reader, begun, bytes }
    }

    /// Ends the text; gives what it was written to.
    ///
    /// # Errors
    /// If it can't be written, or the text ends within a character.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.begun.is_empty() {
            return Err(io::Error::other(crate::Error::from(EncodingReason::NotUtf8)));
        }
        self.encode("", true)?;
        Ok(self.writer)
    }

    fn encode(&mut self, text: &str, last: bool) -> io::Result<()> {
        if text.is_ascii() && !last && self.encoding.keeps_ascii() {
            return self.writer.write_all(text.as_bytes());
        }
        self.bytes.clear();
        let written = self.scribe.write(text, last, &mut self.bytes);
        let reader = self.reader.as_mut();
        if written.is_err() || reader.is_some_and(|reader| !reads_as(reader, &self.bytes, text)) {
            let reason = EncodingReason::Unmappable { encoding: self.encoding.name() };
            return Err(io::Error::other(crate::Error::from(reason)));
        }
        self.writer.write_all(&self.bytes)
    }

    /// Encodes all whole characters of `bytes`, and keeps the start of another.
    fn encode_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.encode(text, false),
            Err(error) if error.error_len().is_none() => {
                let (whole, begun) = bytes.split_at(error.valid_up_to());
                self.begun.extend_from_slice(begun);
                self.encode(std::str::from_utf8(whole).unwrap_or_default(), false)
            }
            Err(_) => Err(io::Error::other(crate::Error::from(EncodingReason::NotUtf8))),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = &bytes[..bytes.len().min(PIECE_BYTES)];
        let mut left = taken;
        // At most three times: a character has four bytes.
        while let (false, Some((&first, rest))) = (self.begun.is_empty(), left.split_first()) {
            let mut begun = std::mem::take(&mut self.begun);
            begun.push(first);
            self.encode_bytes(&begun)?;
            left = rest;
        }
        self.encode_bytes(left)?;
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
