//! One value: what it says, and how a new text is put in its place.
//!
//! A string stays a string and keeps the spaces at its ends, a number stays a number, a word stays `true` or `false`.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::Result;
use crate::table::format::splice::Edits;
use crate::table::format::typed::float;

use super::lex::number_length;
use super::reason::JsonReason;

/// Where a value stands in the block, and of which kind it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    pub start: usize,
    pub end: usize,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Absent, null, an object or an array.
    #[default]
    Nothing,
    /// A string without backslashes; the range is between the quotes.
    Plain,
    /// A string with some.
    Escaped,
    Number,
    /// `true` or `false`.
    Truth,
}

impl Slot {
    pub fn new(range: Range<usize>, kind: Kind) -> Slot {
        Slot { start: range.start, end: range.end, kind }
    }

    /// What the value says.
    #[inline]
    pub fn text(self, block: &[u8]) -> Cow<'_, [u8]> {
        match self.kind {
            Kind::Nothing => Cow::Borrowed(b""),
            Kind::Plain => Cow::Borrowed(&block[self.core(block)]),
            Kind::Escaped => Cow::Owned(unescaped(&block[self.core(block)])),
            Kind::Number => plain_number(&block[self.start..self.end]),
            Kind::Truth => Cow::Borrowed(&block[self.start..self.end]),
        }
    }

    /// Adds the edit after which it says `new_text`.
    pub fn replace(self, block: &[u8], new_text: &str, edits: &mut Edits) -> Result<()> {
        match self.kind {
            Kind::Nothing => return Err(JsonReason::Absent.into()),
            Kind::Plain | Kind::Escaped => {
                edits.push_with(self.core(block), |out| escape(new_text, out));
                return Ok(());
            }
            Kind::Number if number_length(new_text.as_bytes()) == Some(new_text.len()) => {}
            Kind::Truth if matches!(new_text, "true" | "false") => {}
            Kind::Number | Kind::Truth => return Err(JsonReason::Misfit.into()),
        }
        edits.push(self.start..self.end, new_text.as_bytes());
        Ok(())
    }

    /// A string without the spaces at its ends.
    fn core(self, block: &[u8]) -> Range<usize> {
        let inside = &block[self.start..self.end];
        let before = inside.iter().take_while(|&&byte| byte == b' ').count();
        let after = inside[before..].iter().rev().take_while(|&&byte| byte == b' ').count();
        self.start + before..self.end - after
    }
}

/// The text of a string that was checked.
pub(super) fn unescaped(inside: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        text.extend_from_slice(&rest[..at]);
        let byte = rest.get(at + 1).copied().unwrap_or(b'\\');
        let mut length = 2;
        match byte {
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'u' => {
                let (character, used) = unicode(&rest[at..]);
                length = used;
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => text.push(byte),
        }
        rest = &rest[(at + length).min(rest.len())..];
    }
    text.extend_from_slice(rest);
    text
}

/// The character of `\uXXXX` or of a pair of them, and its length as written.
fn unicode(escape: &[u8]) -> (char, usize) {
    let unit = |at: usize| {
        let digits = escape.get(at..at + 6).filter(|digits| digits.starts_with(b"\\u"))?;
        u32::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
    };
    let first = unit(0).unwrap_or(0xfffd);
    if let (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) = (first, unit(6)) {
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

/// Appends `text` as it stands between quotes.
fn escape(text: &str, out: &mut Vec<u8>) {
    for &byte in text.as_bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
}

/// A number as a plain decimal: as written, unless it has an exponent.
fn plain_number(number: &[u8]) -> Cow<'_, [u8]> {
    if !number.iter().any(|byte| matches!(byte, b'e' | b'E')) {
        return Cow::Borrowed(number);
    }
    let value = std::str::from_utf8(number).ok().and_then(|text| text.parse::<f64>().ok());
    let Some(value) = value.filter(|value| value.is_finite()) else { return Cow::Borrowed(number) };
    let mut text = Vec::new();
    float::write(value, &mut text);
    Cow::Owned(text)
}
