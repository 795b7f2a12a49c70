//! Texts: those that all cells share, and how a text is written in XML.
//!
//! Letters that XML can't hold are written `_x000D_` (ECMA-376 part 1, 22.9.2.19); an underscore that would begin such an
//! escape is written `_x005F_`.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memmem};

use super::xml::{self, Node};

/// The texts that cells name by number.
#[derive(Default)]
pub(super) struct Strings {
    text: String,
    ends: Vec<usize>,
}

impl Strings {
    /// Reads the part that holds them; nothing if it is not well-formed.
    pub fn read(part: &str) -> Option<Strings> {
        let mut strings = Strings::default();
        // The readings of East Asian words are no part of the text.
        let (mut is_text, mut is_reading) = (false, false);
        let mut raw = String::new();
        xml::nodes(part, |node| {
            match node {
                Node::Open("rPh", _) => is_reading = true,
                Node::Close("rPh") => is_reading = false,
                Node::Open("t", _) => is_text = true,
                Node::Close("t") => is_text = false,
                Node::Text(text) if is_text && !is_reading => raw.push_str(text),
                Node::Close("si") => {
                    strings.text.push_str(&unescaped(&raw));
                    strings.ends.push(strings.text.len());
                    raw.clear();
                }
                _ => {}
            }
            true
        })?;
        Some(strings)
    }

    /// The text with this number.
    pub fn text(&self, number: usize) -> Option<&str> {
        let end = *self.ends.get(number)?;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        Some(&self.text[start..end])
    }
}

/// A text with its `_x…_` read.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if memmem::find(text.as_bytes(), b"_x").is_none() {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("_x") {
        out.push_str(&rest[..at]);
        match escape_at(&rest[at..]).and_then(char::from_u32) {
            Some(letter) => {
                out.push(letter);
                rest = &rest[at + ESCAPE_BYTES..];
            }
            None => {
                out.push('_');
                rest = &rest[at + 1..];
            }
        }
    }
    Cow::Owned(out + rest)
}

/// Length of `_x000D_`.
const ESCAPE_BYTES: usize = 7;

/// The number that the escape at the start of `text` says.
fn escape_at(text: &str) -> Option<u32> {
    let bytes = text.as_bytes().get(..ESCAPE_BYTES)?;
    let is_escape =
        bytes.starts_with(b"_x") && bytes[6] == b'_' && bytes[2..6].iter().all(u8::is_ascii_hexdigit);
    is_escape.then(|| u32::from_str_radix(&text[2..6], 16).ok()).flatten()
}

/// Appends `text` as XML holds it.
pub(super) fn write(text: &str, out: &mut Vec<u8>) {
    for (at, letter) in text.char_indices() {
        match letter {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '_' if begins_escape(&text[at..]) => out.extend_from_slice(b"_x005F_"),
            _ if is_unknown_to_xml(letter) => {
                out.extend_from_slice(format!("_x{:04X}_", letter as u32).as_bytes());
            }
            _ => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn is_unknown_to_xml(letter: char) -> bool {
    // A carriage return is known, but read as a line feed.
    matches!(letter, '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{fffe}'..='\u{ffff}')
}

/// Whether this would be read as an escape, once the letter after the digits is written, perhaps as one itself.
fn begins_escape(text: &str) -> bool {
    let Some((digits, rest)) = text.split_at_checked(ESCAPE_BYTES - 1) else { return false };
    let is_last = |letter| letter == '_' || is_unknown_to_xml(letter);
    rest.starts_with(is_last) && escape_at(&format!("{digits}_")).is_some()
}

/// The text that XML says; borrowed if it is written as it is.
pub(super) fn read(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr2(b'&', b'\r', raw).is_none() && memmem::find(raw, b"_x").is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr2(b'&', b'\r', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        if rest[0] == b'\r' {
            // XML has one line end.
            rest = rest.strip_prefix(b"\r\n").unwrap_or(&rest[1..]);
            out.push(b'\n');
            continue;
        }
        let end = memchr(b';', &rest[..rest.len().min(MAX_ENTITY_BYTES)]);
        match end.and_then(|end| entity(&rest[1..end])) {
            Some(letter) => {
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[end.map_or(1, |end| end + 1)..];
            }
            None => {
                out.push(b'&');
                rest = &rest[1..];
            }
        }
    }
    out.extend_from_slice(rest);
    match str::from_utf8(&out).map(unescaped) {
        Ok(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
        _ => Cow::Owned(out),
    }
}

/// The longest reference to a letter, `&#x0010FFFF;` and then some.
const MAX_ENTITY_BYTES: usize = 16;

fn entity(name: &[u8]) -> Option<char> {
    let number = |digits: &[u8], radix| u32::from_str_radix(str::from_utf8(digits).ok()?, radix).ok();
    match name {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        [b'#', b'x', digits @ ..] => char::from_u32(number(digits, 16)?),
        [b'#', digits @ ..] => char::from_u32(number(digits, 10)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shared_texts_are_joined_from_their_runs_without_readings() {
        let part = "<sst><si><t>a &amp; b</t></si>\
            <si><r><t>x</t></r><r><rPr/><t xml:space=\"preserve\"> y</t></r>\
            <rPh sb=\"0\"><t>no</t></rPh></si><si/><si><t>_x0041_&#10;</t></si></sst>";
        let strings = Strings::read(part).unwrap();
        let texts: Vec<_> = (0..5).map(|number| strings.text(number)).collect();
        assert_eq!(texts, [Some("a & b"), Some("x y"), Some(""), Some("A\n"), None]);
    }

    #[test]
    fn what_is_no_escape_stays() {
        let cases = [
            ("a&b;&amp;&lt;&#65;&#xe4;&", "a&b;&<Aä&"),
            ("_x000D_|_x00_|_x005F_x0041_|_xD800_", "\r|_x00_|_x0041_|_xD800_"),
            ("\r\n\r|\n", "\n\n|\n"),
        ];
        for (raw, text) in cases {
            assert_eq!(read(raw.as_bytes()), text.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in "\\PC{0,20}|[_x0-9a-f&<\r\n\u{1}]{0,30}") {
            let mut raw = Vec::new();
            write(&text, &mut raw);
            prop_assert_eq!(read(&raw), text.as_bytes());
        }

        #[test]
        fn no_bytes_panic(raw: Vec<u8>) {
            read(&raw);
        }
    }
}
