//! Tolerant decoding: each line for itself, as UTF-8 or in the file's other encoding.
//!
//! Leaked tables are put together from several files, at times in several encodings. A line that is UTF-8 is taken as such:
//! hardly any other text is. The line end is the same byte in all encodings that are read this way, and part of no
//! other character.

use memchr::{memchr_iter, memrchr};

use super::Encoding;
use super::decode::Replaced;
use super::script::decode_all;
use super::sniff::guess;

/// The longest line that is kept whole, 1 MiB. A longer one is cut where no character is, if that can be seen.
const MAX_LINE_BYTES: usize = 1 << 20;

/// In all these encodings, a byte below this one is a character of its own.
const FIRST_TRAIL_BYTE: u8 = 0x30;

/// A line of UTF-8 with a fault has this many characters of several bytes, at least, for each that is ill-formed. In a line of
/// another encoding it is the other way round.
const GOOD_PER_BAD: usize = 2;

/// Decodes lines.
pub(super) struct Lines {
    encoding: Encoding,
    /// What lines are in that aren't UTF-8; guessed at the first of them in a file that is UTF-8.
    other: Option<Encoding>,
    replaced: Replaced,
    waiting: Vec<u8>,
}

impl Lines {
    pub(super) fn new(encoding: Encoding, replaced: Replaced) -> Lines {
        let other = (!encoding.is_utf8()).then_some(encoding);
        Lines { encoding, other, replaced, waiting: Vec::new() }
    }

    /// Decodes the whole lines of `piece` and what waited, and all of it if it is the last.
    pub(super) fn decode(&mut self, piece: &[u8], last: bool, text: &mut Vec<u8>) {
        let mut bytes = std::mem::take(&mut self.waiting);
        bytes.extend_from_slice(piece);
        let end = if last { bytes.len() } else { end_of_lines(&bytes) };
        let mut start = 0;
        for line_end in memchr_iter(b'\n', &bytes[..end]).map(|at| at + 1).chain([end]) {
            self.line(&bytes[start..line_end], &bytes[start..end], text);
            start = line_end;
        }
        bytes.drain(..end);
        self.waiting = bytes;
    }

    /// Decodes one line; `ahead` is what follows, and the line itself.
    fn line(&mut self, line: &[u8], ahead: &[u8], text: &mut Vec<u8>) {
        if std::str::from_utf8(line).is_ok() {
            text.extend_from_slice(line);
            // ASCII is in the file's encoding, whichever it is.
            self.replaced.add_foreign_lines(u64::from(!self.encoding.is_utf8() && !line.is_ascii()));
            return;
        }
        let (good, bad) = utf8_characters(line);
        if good >= GOOD_PER_BAD * bad {
            self.replaced.add_characters(bad as u64);
            text.extend_from_slice(String::from_utf8_lossy(line).as_bytes());
            return;
        }
        let other = *self.other.get_or_insert_with(|| guess_of_lines(ahead));
        self.replaced.add_foreign_lines(u64::from(other != self.encoding));
        self.replaced.add_characters(decode_all(other, line, text));
    }
}

/// Where whole lines end; in the midst of one that is too long.
fn end_of_lines(bytes: &[u8]) -> usize {
    match memrchr(b'\n', bytes) {
        Some(at) => at + 1,
        None if bytes.len() < MAX_LINE_BYTES => 0,
        None => bytes.iter().rposition(|&byte| byte < FIRST_TRAIL_BYTE).map_or(bytes.len(), |at| at + 1),
    }
}

/// Characters of several bytes in a line that may be UTF-8, and what is none.
fn utf8_characters(line: &[u8]) -> (usize, usize) {
    line.utf8_chunks().fold((0, 0), |(good, bad), chunk| {
        let several = chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        (good + several, bad + usize::from(!chunk.invalid().is_empty()))
    })
}

/// The encoding of those lines that aren't UTF-8.
fn guess_of_lines(bytes: &[u8]) -> Encoding {
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    guess(&lines.filter(|line| std::str::from_utf8(line).is_err()).collect::<Vec<_>>().concat())
}
