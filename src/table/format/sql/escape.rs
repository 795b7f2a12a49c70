//! Escapes in strings, there and back.
//!
//! Sources: PostgreSQL manual, `COPY` ("Text Format") and "String Constants with C-Style Escapes"; MySQL manual, "String
//! Literals".

use std::borrow::Cow;

use memchr::{memchr2, memrchr};

/// How a text is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// Quotes are doubled.
    Doubled,
    /// Backslashes, and quotes of this kind may be doubled: MySQL.
    MySql(u8),
    /// Backslashes, and quotes may be doubled: `E'…'` of PostgreSQL.
    Extended,
    /// Backslashes: lines of `COPY`.
    Copy,
}

impl Escapes {
    /// Whether a backslash is more than itself.
    pub fn backslash(self) -> bool {
        self != Escapes::Doubled
    }

    fn quote(self) -> Option<u8> {
        match self {
            Escapes::Doubled | Escapes::Extended => Some(b'\''),
            Escapes::MySql(quote) => Some(quote),
            Escapes::Copy => None,
        }
    }
}

/// What the text says.
pub(super) fn decode(text: &[u8], escapes: Escapes) -> Cow<'_, [u8]> {
    let quote = escapes.quote().unwrap_or(b'\\');
    let Some(first) = memchr2(b'\\', quote, text) else { return Cow::Borrowed(text) };
    let mut out = text[..first].to_vec();
    let mut at = first;
    while at < text.len() {
        match text[at] {
            b'\\' if escapes.backslash() => at += escaped(&text[at..], escapes, &mut out),
            byte => {
                out.push(byte);
                let doubled = escapes.quote() == Some(byte) && text.get(at + 1) == Some(&byte);
                at += if doubled { 2 } else { 1 };
            }
        }
    }
    Cow::Owned(out)
}

/// Appends what the escape at the start of `text` says; gives its length.
fn escaped(text: &[u8], escapes: Escapes, out: &mut Vec<u8>) -> usize {
    let Some(&letter) = text.get(1) else {
        out.push(b'\\');
        return 1;
    };
    let mysql = matches!(escapes, Escapes::MySql(_));
    let byte = match letter {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 0x08,
        b'0' if mysql => 0,
        b'Z' if mysql => 0x1a,
        b'%' | b'_' if mysql => {
            out.extend_from_slice(&text[..2]);
            return 2;
        }
        b'f' if !mysql => 0x0c,
        b'v' if !mysql => 0x0b,
        b'0'..=b'7' if !mysql => return coded(text, 1, 8, 3, out),
        b'x' if !mysql => return coded(text, 2, 16, 2, out),
        b'u' if escapes == Escapes::Extended => return coded(text, 2, 16, 4, out),
        b'U' if escapes == Escapes::Extended => return coded(text, 2, 16, 8, out),
        other => other,
    };
    out.push(byte);
    2
}

/// A byte or, if it takes four digits or more, a character, by its number of at most so many digits.
fn coded(text: &[u8], from: usize, radix: u32, most: usize, out: &mut Vec<u8>) -> usize {
    let digits = text[from..].iter().take(most).take_while(|&&byte| char::from(byte).is_digit(radix)).count();
    if digits == 0 {
        out.push(text[1]);
        return 2;
    }
    let number = text[from..from + digits].iter().fold(0_u32, |number, &byte| {
        number.wrapping_mul(radix) + char::from(byte).to_digit(radix).unwrap_or(0)
    });
    if most < 4 {
        out.push(number as u8);
    } else {
        let character = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    from + digits
}

/// Appends `text`, escaped.
pub(super) fn encode(text: &[u8], escapes: Escapes, out: &mut Vec<u8>) {
    for &byte in text {
        let letter = match (escapes, byte) {
            (Escapes::Doubled, b'\'') => {
                out.extend_from_slice(b"''");
                continue;
            }
            (Escapes::Doubled, _) => None,
            (Escapes::Extended, b'\'') | (_, b'\\') => Some(byte),
            (Escapes::MySql(quote), _) if byte == quote => Some(byte),
            (Escapes::MySql(_), 0) => Some(b'0'),
            (Escapes::MySql(_), 0x1a) => Some(b'Z'),
            (Escapes::Copy, b'\t') => Some(b't'),
            (_, b'\n') => Some(b'n'),
            (_, b'\r') => Some(b'r'),
            _ => None,
        };
        out.extend(letter.map(|_| b'\\'));
        out.push(letter.unwrap_or(byte));
    }
}

/// The most calls within each other: one for each kind of line end.
const MAX_CALLS: usize = 2;

/// What a call says by which the shell of SQLite writes text: `unistr('…')`, `replace('…','\n',char(10))`, and the latter
/// once more around itself, with marks that the text doesn't have. `None` for any other.
pub(super) fn called(call: &[u8]) -> Option<Vec<u8>> {
    if let Some(inside) = call.strip_prefix(b"unistr('").and_then(|rest| rest.strip_suffix(b"')")) {
        return whole(inside).map(|text| unistr(&text));
    }
    let (mut inside, mut marks) = (call, Vec::new());
    while marks.len() < MAX_CALLS
        && let Some(rest) = inside.strip_prefix(b"replace(")
    {
        let ends = [(b",char(10))", b'\n'), (b",char(13))", b'\r')];
        let (rest, byte) = ends.iter().find_map(|(end, byte)| Some((rest.strip_suffix(*end)?, *byte)))?;
        let start = memrchr(b',', rest)?;
        marks.push((whole(rest[start + 1..].strip_prefix(b"'")?.strip_suffix(b"'")?)?, byte));
        inside = &rest[..start];
    }
    // A mark that is empty stands nowhere.
    if marks.is_empty() || marks.iter().any(|(mark, _)| mark.is_empty()) {
        return None;
    }
    let text = whole(inside.strip_prefix(b"'")?.strip_suffix(b"'")?)?;
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    while at < text.len() {
        let found = marks.iter().find(|(mark, _)| text[at..].starts_with(mark));
        out.push(found.map_or(text[at], |(_, byte)| *byte));
        at += found.map_or(1, |(mark, _)| mark.len());
    }
    Some(out)
}

/// A string without its quotes, if it is one string only.
fn whole(inside: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut quotes = inside.split(|&byte| byte == b'\'').peekable();
    while quotes.next().is_some() {
        // Every quote has to be followed by its double.
        if quotes.peek().is_some() && quotes.next().is_none_or(|between| !between.is_empty()) {
            return None;
        }
    }
    Some(decode(inside, Escapes::Doubled))
}

/// Puts in the characters that stand as `\uXXXX` or `\XXXX`.
fn unistr(text: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    while at < text.len() {
        at += match text[at..] {
            [b'\\', b'\\', ..] => {
                out.push(b'\\');
                2
            }
            [b'\\', b'u', ..] => coded(&text[at..], 2, 16, 4, &mut out),
            [b'\\', _, ..] => coded(&text[at..], 1, 16, 4, &mut out),
            [byte, ..] => {
                out.push(byte);
                1
            }
            [] => break,
        };
    }
    out
}
