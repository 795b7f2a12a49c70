//! What follows the rows of an array: copied as it is, and looked through for what it must and must not hold.
//!
//! It may be of any length, so it is looked at a piece at a time. That it closes what is open tells a file that was cut off;
//! another array of objects beside the first tells that it isn't clear which one holds the rows. Values are not parsed.

use super::cell::unescaped;
use super::lex::MAX_DEPTH;
use super::reason::JsonReason;

/// Bytes of a key that are kept, to compare and to name it.
const MAX_KEY_BYTES: usize = 1 << 10;

/// Bytes outside strings that words, numbers and what stands between values are made of.
const OUTSIDE: &[u8] = b" \t\r\n,:truefalsnl0123456789+-.E";

/// What is open after the rows, and where it is looked at.
#[derive(Default)]
pub(super) struct Tail {
    /// The bytes that close what is open, the innermost last.
    open: Vec<u8>,
    /// The key of the array.
    name: Vec<u8>,
    /// How many objects lead to the array, as long as the innermost is open.
    level: usize,
    /// Whether another array of objects at the top is one too many.
    only: bool,
    /// What was seen is not good, so that nothing can be told of the rest.
    pub is_broken: bool,
    in_string: bool,
    is_escaped: bool,
    /// The last string in the object that held the array, or at the top.
    key: Vec<u8>,
    /// The last two bytes outside strings that are no spaces.
    last: [u8; 2],
}

impl Tail {
    /// After an array called `name`, `level` objects down.
    pub fn of(name: Vec<u8>, level: usize, only: bool) -> Tail {
        Tail { open: vec![b'}'; level], name, level, only, ..Tail::default() }
    }

    /// Looks at the next piece.
    pub fn see(&mut self, bytes: &[u8]) -> Result<(), JsonReason> {
        let mut at = 0;
        while at < bytes.len() {
            if !self.in_string {
                self.step(bytes[at])?;
                at += 1;
                continue;
            }
            let end = match self.is_escaped {
                true => Some(at),
                false => memchr::memchr2(b'"', b'\\', &bytes[at..]).map(|offset| at + offset),
            };
            let end = end.unwrap_or(bytes.len());
            self.keep(&bytes[at..bytes.len().min(end + 1)]);
            if end < bytes.len() {
                self.in_string = self.is_escaped || bytes[end] != b'"';
                self.is_escaped = !self.is_escaped && bytes[end] == b'\\';
            }
            at = end + 1;
        }
        Ok(())
    }

    /// Says whether all is closed, at the end.
    pub fn finish(&self) -> Result<(), JsonReason> {
        if self.open.is_empty() && !self.in_string { Ok(()) } else { Err(JsonReason::CutOff) }
    }

    /// Keeps what may be a key, with the quote after it.
    fn keep(&mut self, bytes: &[u8]) {
        if self.open.len() == 1 || self.open.len() == self.level {
            let room = MAX_KEY_BYTES.saturating_sub(self.key.len());
            self.key.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    fn step(&mut self, byte: u8) -> Result<(), JsonReason> {
        if byte.is_ascii_whitespace() {
            return Ok(());
        }
        if self.open.is_empty() {
            return Err(JsonReason::After);
        }
        match byte {
            b'"' => {
                self.in_string = true;
                if self.open.len() == 1 || self.open.len() == self.level {
                    self.key.clear();
                }
            }
            b'{' | b'[' => self.enter(byte)?,
            b'}' | b']' if self.open.pop() == Some(byte) => {
                // The object that held the array has ended.
                if self.open.len() < self.level {
                    self.level = 0;
                }
            }
            b':' if self.open.len() == self.level && self.key() == self.name => {
                return Err(JsonReason::Twice);
            }
            _ if OUTSIDE.contains(&byte) => {}
            _ => return Err(JsonReason::After),
        }
        self.last = [self.last[1], byte];
        Ok(())
    }

    fn enter(&mut self, byte: u8) -> Result<(), JsonReason> {
        if self.only && self.open.len() == 2 && byte == b'{' && self.last == *b":[" {
            let names = [self.name.clone(), self.key()];
            return Err(JsonReason::several(names.iter().map(|name| String::from_utf8_lossy(name))));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(JsonReason::Deep { limit: MAX_DEPTH });
        }
        self.open.push(if byte == b'{' { b'}' } else { b']' });
        Ok(())
    }

    /// The last key.
    fn key(&self) -> Vec<u8> {
        unescaped(self.key.strip_suffix(b"\"").unwrap_or(&self.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(tail: &str, level: usize, only: bool) -> Vec<Result<(), String>> {
        let all = [1, 2, 3, 1000].map(|size| {
            let mut looked = Tail::of(b"rows".to_vec(), level, only);
            let seen = tail.as_bytes().chunks(size).try_for_each(|piece| looked.see(piece));
            seen.and_then(|()| looked.finish()).map_err(|reason| reason.to_string())
        });
        all.to_vec()
    }

    #[test]
    fn what_closes_all_that_is_open_is_good_in_any_pieces() {
        for (tail, level) in [
            (" \n", 0),
            ("}", 1),
            (",\"n\":[1,{\"rows\":[{}]}],\"x\":\"}\\\"\\\\\" }\n", 1),
            (",\"a\\\"\":null}}", 2),
            ("},\"rows\":1}", 2),
        ] {
            assert!(seen(tail, level, false).iter().all(Result::is_ok), "{tail}");
        }
    }

    #[test]
    fn what_closes_too_much_or_too_little_is_bad() {
        for (tail, level) in [
            ("}", 0),
            ("", 1),
            ("]", 1),
            ("} x", 1),
            (",\"a\":[}]}", 1),
            (",\"a\":\"}", 1),
            (",\"ro\\u0077s\":1}", 1),
            ("?}", 1),
            (",\"rows\":1},\"b\":1}", 2),
        ] {
            assert!(seen(tail, level, false).iter().all(Result::is_err), "{tail}");
        }
        let deep = ",\"a\":".to_owned() + &"[".repeat(100_000);
        assert!(seen(&deep, 1, false).iter().all(Result::is_err));
    }

    #[test]
    fn another_array_of_objects_at_the_top_is_named() {
        let expected = "several members are arrays of objects: `rows`, `b`";
        for seen in seen(",\"a\":[1],\"b\" : [ {}]}", 1, true) {
            assert_eq!(seen.unwrap_err(), expected);
        }
        for good in [",\"b\":[[{}]]}", ",\"b\":[1,{}]}", ",\"b\":{\"c\":[{}]}}"] {
            assert!(seen(good, 1, true).iter().all(Result::is_ok), "{good}");
        }
    }
}
