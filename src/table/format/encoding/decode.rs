//! A reader that turns an encoding into UTF-8.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::DecoderResult;

use crate::error::Result;
use crate::table::format::block::Reading;

use super::Encoding;
use super::lines::Lines;
use super::reason::EncodingReason;
use super::script::{Room, Scribe};

/// Bytes that are decoded at once: enough to make calls cheap, and little beside a block of a table.
const PIECE_BYTES: usize = 1 << 16;

/// Bytes that may wait for the rest of their character, or of a sequence that switches characters. No encoding has more
/// than 4 and 3 of these.
const MAX_WAITING_BYTES: usize = 16;

/// What a tolerant decoder could not read. Clones share it.
#[derive(Clone, Default)]
pub struct Replaced(Arc<[AtomicU64; 2]>);

impl Replaced {
    /// Ill-formed sequences of bytes that became U+FFFD.
    pub fn characters(&self) -> u64 {
        self.0[0].load(Ordering::Relaxed)
    }

    /// Lines that were in another encoding than the file.
    pub fn foreign_lines(&self) -> u64 {
        self.0[1].load(Ordering::Relaxed)
    }

    pub(super) fn add_characters(&self, count: u64) {
        self.0[0].fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn add_foreign_lines(&self, count: u64) {
        self.0[1].fetch_add(count, Ordering::Relaxed);
    }
}

/// Gives a text in some encoding as UTF-8.
///
/// In strict reading, the first byte that is ill-formed, or that would be written otherwise, is an error after all the text
/// before it. In tolerant reading, what is ill-formed becomes U+FFFD and is counted, and each line may be either UTF-8 or in
/// the file's encoding, as in files that were put together from several.
pub struct Decoder<R> {
    reader: R,
    way: Way,
    replaced: Replaced,
    piece: Vec<u8>,
    text: Vec<u8>,
    used: usize,
    ended: bool,
    failed: Option<io::Error>,
}

enum Way {
    Whole(Box<Whole>),
    Lines(Lines),
}

impl<R: Read> Decoder<R> {
    /// Decodes what `reader` gives.
    pub fn new(reader: R, encoding: Encoding, reading: Reading) -> Decoder<R> {
        let replaced = Replaced::default();
        let is_tolerant = reading == Reading::Tolerant;
        let way = if is_tolerant && encoding.keeps_ascii() {
            Way::Lines(Lines::new(encoding, replaced.clone()))
        } else {
            Way::Whole(Box::new(Whole::new(encoding, is_tolerant.then(|| replaced.clone()))))
        };
        let (piece, text) = (Vec::new(), Vec::new());
        Decoder { reader, way, replaced, piece, text, used: 0, ended: false, failed: None }
    }

    /// What can't be read, complete when all is read.
    pub fn replaced(&self) -> Replaced {
        self.replaced.clone()
    }

    /// Decodes the next piece.
    fn refill(&mut self) {
        self.text.clear();
        self.used = 0;
        self.piece.clear();
        let read = self.reader.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut self.piece);
        // An error of the reader comes after what it gave before; so does ours.
        self.failed = read.err();
        let last = self.failed.is_none() && self.piece.len() < PIECE_BYTES;
        let decoded = match &mut self.way {
            Way::Whole(whole) => whole.decode(&self.piece, last, &mut self.text),
            Way::Lines(lines) => {
                lines.decode(&self.piece, last || self.failed.is_some(), &mut self.text);
                Ok(())
            }
        };
        if let Err(error) = decoded {
            self.failed = Some(io::Error::other(error));
        }
        self.ended = last || self.failed.is_some();
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.used == self.text.len() {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if self.ended {
                return Ok(0);
            }
            self.refill();
        }
        let length = buffer.len().min(self.text.len() - self.used);
        buffer[..length].copy_from_slice(&self.text[self.used..self.used + length]);
        self.used += length;
        Ok(length)
    }
}

/// Decodes without regard to lines.
struct Whole {
    encoding: Encoding,
    decoder: encoding_rs::Decoder,
    /// Bytes that were decoded before this piece.
    before: u64,
    /// Tolerant reading.
    replaced: Option<Replaced>,
    /// Strict reading, in an encoding that may say the same in two ways.
    proof: Option<Proof>,
}

impl Whole {
    fn new(encoding: Encoding, replaced: Option<Replaced>) -> Whole {
        let is_one_to_one = encoding.is_utf8() || encoding.is_utf16();
        let proof = (replaced.is_none() && !is_one_to_one).then(|| Proof::new(encoding));
        let decoder = encoding.0.new_decoder_without_bom_handling();
        Whole { encoding, decoder, before: 0, replaced, proof }
    }

    fn decode(&mut self, piece: &[u8], last: bool, text: &mut Vec<u8>) -> Result<()> {
        let (mut read, mut room) = (0, Room::after(text));
        let decoded = loop {
            let (result, took) = room.decode(&mut self.decoder, &piece[read..], last);
            read += took;
            match (result, &self.replaced) {
                (DecoderResult::Malformed(..), Some(replaced)) => {
                    replaced.add_characters(1);
                    room.replace();
                }
                (DecoderResult::Malformed(length, after), None) => {
                    let back = u64::from(length) + u64::from(after);
                    let offset = (self.before + read as u64).saturating_sub(back);
                    break Err(EncodingReason::IllFormed { encoding: self.encoding.name(), offset });
                }
                // There is always room.
                (DecoderResult::InputEmpty | DecoderResult::OutputFull, _) => break Ok(()),
            }
        };
        drop(room);
        self.before += read as u64;
        let is_end = last && decoded.is_ok();
        if let Some(proof) = &mut self.proof
            && let Err(error) = proof.check(&piece[..read], text, is_end, decoded.is_err())
        {
            // None of it: where in the text the difference is, is not known.
            text.clear();
            return Err(error);
        }
        decoded.map_err(Into::into)
    }
}

/// Writes again what was decoded, and compares.
struct Proof {
    encoding: Encoding,
    scribe: Scribe,
    /// Bytes of the file whose text hasn't been written again, and how many came before them.
    waiting: Vec<u8>,
    before: u64,
    again: Vec<u8>,
}

impl Proof {
    fn new(encoding: Encoding) -> Proof {
        let scribe = Scribe::new(encoding);
        Proof { encoding, scribe, waiting: Vec::new(), before: 0, again: Vec::new() }
    }

    /// Checks `text` that was decoded from `piece` and from what waited. After an ill-formed byte (`is_broken`) some of the piece
    /// has no text.
    fn check(&mut self, piece: &[u8], text: &[u8], is_end: bool, is_broken: bool) -> Result<()> {
        if self.waiting.is_empty() && self.encoding.keeps_ascii() && piece == text && piece.is_ascii() {
            self.before += piece.len() as u64;
            return Ok(());
        }
        self.waiting.extend_from_slice(piece);
        self.again.clear();
        // The decoder gives UTF-8 always.
        let text = std::str::from_utf8(text).map_err(|_| EncodingReason::NotUtf8)?;
        let written = self.scribe.write(text, is_end, &mut self.again);
        let same = self.again.iter().zip(&self.waiting).take_while(|(again, byte)| again == byte).count();
        let left = self.waiting.len() - same;
        let is_same = written.is_ok()
            && same == self.again.len()
            && (is_broken || left <= if is_end { 0 } else { MAX_WAITING_BYTES });
        if !is_same {
            let offset = self.before + same as u64;
            return Err(EncodingReason::NotTheSame { encoding: self.encoding.name(), offset }.into());
        }
        self.waiting.drain(..same);
        self.before += same as u64;
        Ok(())
    }
}
