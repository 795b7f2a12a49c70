//! CSV whose fields stand in single quotes, as some databases and scripts write it.
//!
//! The reader of CSV knows double quotes alone, since single ones are apostrophes far more often. Where single ones do quote,
//! the two are exchanged while the text is read, which keeps all rules of quoting. Apostrophes within values become double
//! quotes: such values are not the original's, and count for nothing.

use std::io::{self, Read};

const SINGLE: u8 = b'\'';
const DOUBLE: u8 = b'"';

/// Lines that are looked at.
const LOOKED_AT: usize = 64;

/// Whether fields of the text that begins with `head` stand in single quotes: one in every line, half of all, and no double quote
/// anywhere.
pub(in crate::table::format) fn quote(head: &[u8], delimiter: Option<u8>) -> bool {
    if memchr::memchr(DOUBLE, head).is_some() {
        return false;
    }
    let ends = memchr::memchr_iter(b'\n', head).take(LOOKED_AT).last().unwrap_or(0);
    let lines: Vec<&[u8]> = head[..ends].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect();
    let delimiters = delimiter.map_or(b",;\t|".to_vec(), |delimiter| vec![delimiter]);
    lines.len() >= 2
        && delimiters.into_iter().any(|delimiter| {
            let counts = || lines.iter().map(|line| count(line, delimiter));
            let (all, quoted) = counts().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            counts().all(|(all, quoted)| all > 1 && quoted > 0) && 2 * quoted >= all
        })
}

/// The fields of a line, and how many of them begin and end with a quote. A delimiter within quotes makes two that don't.
fn count(line: &[u8], delimiter: u8) -> (usize, usize) {
    let fields = line.split(|byte| *byte == delimiter);
    fields.fold((0, 0), |(all, quoted), field| {
        let is_quoted = field.len() >= 2 && field.first() == Some(&SINGLE) && field.last() == Some(&SINGLE);
        (all + 1, quoted + usize::from(is_quoted))
    })
}

/// The text with single and double quotes exchanged.
pub(in crate::table::format) struct Exchanged<R>(pub R);

impl<R: Read> Read for Exchanged<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(buffer)?;
        for byte in &mut buffer[..length] {
            *byte = match *byte {
                SINGLE => DOUBLE,
                DOUBLE => SINGLE,
                other => other,
            };
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_quotes_are_told_from_apostrophes() {
        let text = b"'id','note'\n'1','it''s; here'\n'2','x, y'\n";
        assert!(quote(text, None) && quote(b"'id';n\n'1';2\n'2';3\n", None));
        for other in [&b"id,note\n1,'x'\n"[..], b"'id','n'\n\"1\",'x'\n", b"'id'\n'1'\n", b"'id','n'", b""] {
            assert!(!quote(other, None), "{}", String::from_utf8_lossy(other));
        }
        let mut read = String::new();
        Exchanged(&text[..]).read_to_string(&mut read).unwrap();
        assert_eq!(read, "\"id\",\"note\"\n\"1\",\"it\"\"s; here\"\n\"2\",\"x, y\"\n");
    }
}
