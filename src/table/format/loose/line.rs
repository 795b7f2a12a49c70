//! Lines of bounded length, without NUL bytes, byte order marks and line ends.

use std::io::{self, BufRead, BufReader, Read};

/// The longest line, 1 MiB: a printed row is far shorter. A longer one is cut into several.
pub(super) const MAX_LINE_BYTES: u64 = 1 << 20;

/// Reads lines.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    bytes: Vec<u8>,
    /// The start of a character that was cut in the middle.
    carry: Vec<u8>,
}

/// What was passed over in a line.
#[derive(Default)]
pub(super) struct Dropped {
    pub(super) nul: bool,
    pub(super) cut: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Lines<R> {
        Lines { reader: BufReader::with_capacity(1 << 16, reader), bytes: Vec::new(), carry: Vec::new() }
    }

    /// The next line; none after the last.
    pub(super) fn next_line(&mut self, line: &mut String) -> io::Result<Option<Dropped>> {
        self.bytes.clear();
        self.bytes.append(&mut self.carry);
        let wanted = MAX_LINE_BYTES - self.bytes.len() as u64;
        (&mut self.reader).take(wanted).read_until(b'\n', &mut self.bytes)?;
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let whole = self.bytes.last() == Some(&b'\n');
        let cut = !whole && self.bytes.len() as u64 == MAX_LINE_BYTES;
        if cut
            && let Err(error) = std::str::from_utf8(&self.bytes)
            && error.error_len().is_none()
        {
            self.carry = self.bytes.split_off(error.valid_up_to());
        }
        while matches!(self.bytes.last(), Some(b'\n' | b'\r')) {
            self.bytes.pop();
        }
        let nul = memchr::memchr(0, &self.bytes).is_some();
        if nul {
            self.bytes.retain(|&byte| byte != 0);
        }
        line.clear();
        line.push_str(String::from_utf8_lossy(&self.bytes).trim_start_matches('\u{feff}'));
        Ok(Some(Dropped { nul, cut }))
    }
}
