//! One cell: what it says, and how it is written.
//!
//! A replacement changes the *core* of a cell, its text without the ASCII spaces around it, and keeps everything
//! else: the quotes (or their absence) and the spaces inside and outside of them. The core is replaced within the
//! bytes as written, so the rest of the cell needs no rewriting and can't be changed by it.

use std::{borrow::Cow, ops::Range};

use memchr::{memchr, memchr2, memchr3};

use crate::table::format::splice::Edits;

use super::dialect::{Dialect, QUOTE};

/// A cell as written in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell<'a> {
    raw: &'a [u8],
    core: Range<usize>,
    form: Form,
}

/// How a cell is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As it is; a quote in it is an ordinary character.
    Plain,
    /// `"…"`, perhaps with spaces after it. `escaped` says whether there are doubled quotes inside.
    Quoted { escaped: bool },
    /// `"…"…`: something other than spaces follows the closing quote, here at `closing`.
    QuotedThenMore { closing: usize },
}

impl<'a> Cell<'a> {
    /// Reads a cell from its bytes as written: a range of [`Fields`](super::Fields).
    #[inline]
    pub fn new(raw: &'a [u8]) -> Self {
        match raw.first() {
            Some(&QUOTE) => Cell::quoted(raw),
            _ => Cell { raw, core: trim(raw, 0..raw.len()), form: Form::Plain },
        }
    }

    fn quoted(raw: &'a [u8]) -> Self {
        let mut escaped = false;
        let mut at = 1;
        while let Some(offset) = memchr(QUOTE, &raw[at..]) {
            let closing = at + offset;
            if raw.get(closing + 1) == Some(&QUOTE) {
                escaped = true;
                at = closing + 2;
            } else if raw[closing + 1..].iter().all(|&byte| byte == b' ') {
                return Cell { raw, core: trim(raw, 1..closing), form: Form::Quoted { escaped } };
            } else {
                return Cell { raw, core: 0..raw.len(), form: Form::QuotedThenMore { closing } };
            }
        }
        // A quote that never closes, met in tolerant reading only, is an ordinary character.
        Cell { raw, core: trim(raw, 0..raw.len()), form: Form::Plain }
    }

    /// The bytes as written.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Whether the cell is written in quotes, and nothing but spaces follows them.
    pub fn is_quoted(&self) -> bool {
        matches!(self.form, Form::Quoted { .. })
    }

    /// The range of [`raw`](Self::raw) that a replacement overwrites: the text between quotes and spaces, or
    /// all of a cell that goes on after its closing quote.
    pub fn core(&self) -> Range<usize> {
        self.core.clone()
    }

    /// What the cell says, with its spaces: the quotes are gone and doubled ones single.
    pub fn text(&self) -> Cow<'a, [u8]> {
        match self.form {
            Form::Plain => Cow::Borrowed(self.raw),
            Form::Quoted { escaped } => {
                let closing = self.raw.iter().rposition(|&byte| byte == QUOTE).unwrap_or(0);
                match (&self.raw[1..closing], &self.raw[closing + 1..]) {
                    (inside, []) if !escaped => Cow::Borrowed(inside),
                    (inside, after) => Cow::Owned(joined(inside, after)),
                }
            }
            Form::QuotedThenMore { closing } => {
                Cow::Owned(joined(&self.raw[1..closing], &self.raw[closing + 1..]))
            }
        }
    }

    /// What the cell says, without ASCII spaces at either end.
    #[inline]
    pub fn core_text(&self) -> Cow<'a, [u8]> {
        let core = &self.raw[self.core.clone()];
        match self.form {
            Form::Plain | Form::Quoted { escaped: false } => Cow::Borrowed(core),
            Form::Quoted { escaped: true } => Cow::Owned(joined(core, b"")),
            Form::QuotedThenMore { .. } => {
                let text = self.text();
                Cow::Owned(text[trim(&text, 0..text.len())].to_vec())
            }
        }
    }

    /// Adds the edit that makes the cell's core say `new_text`; the cell starts at `start` in the block.
    ///
    /// A quoted cell stays quoted; another one is quoted only if the new text needs it (then with its spaces,
    /// which are text too), or if it would be empty, because an empty line would be no record any more.
    pub fn replace(&self, start: usize, new_text: &[u8], dialect: Dialect, edits: &mut Edits) {
        let within = |range: &Range<usize>| start + range.start..start + range.end;
        let core = within(&self.core);
        let would_be_empty = new_text.is_empty() && self.core.len() == self.raw.len();
        if self.is_quoted() {
            edits.push_with(core, |out| push_escaped(out, new_text));
        } else if !would_be_empty && !needs_quotes(new_text, dialect) {
            edits.push(core, new_text);
        } else {
            edits.push_with(within(&(0..self.raw.len())), |out| {
                out.push(QUOTE);
                out.extend_from_slice(&self.raw[..self.core.start]);
                push_escaped(out, new_text);
                out.extend_from_slice(&self.raw[self.core.end..]);
                out.push(QUOTE);
            });
        }
    }
}

/// Shrinks `range` of `bytes` by the spaces at its ends.
#[inline]
fn trim(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let Range { mut start, mut end } = range;
    while start < end && bytes[start] == b' ' {
        start += 1;
    }
    while start < end && bytes[end - 1] == b' ' {
        end -= 1;
    }
    start..end
}

/// The text of a quoted part with its doubled quotes made single, and what follows it.
fn joined(inside: &[u8], after: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(inside.len() + after.len());
    let mut rest = inside;
    while let Some(at) = memchr(QUOTE, rest) {
        text.extend_from_slice(&rest[..=at]);
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    text.extend_from_slice(rest);
    text.extend_from_slice(after);
    text
}

fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some(at) = memchr(QUOTE, rest) {
        out.extend_from_slice(&rest[..=at]);
        out.push(QUOTE);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

fn needs_quotes(text: &[u8], dialect: Dialect) -> bool {
    memchr3(b'\n', b'\r', QUOTE, text).is_some()
        || memchr2(dialect.delimiter, dialect.terminator.byte(), text).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::dialect::Terminator;
    use super::*;
    use crate::table::format::splice::splice;

    const COMMA: Dialect = Dialect { delimiter: b',', terminator: Terminator::Lf, bom_bytes: 0 };

    fn replaced(raw: &str, new_text: &str) -> String {
        let mut edits = Edits::default();
        Cell::new(raw.as_bytes()).replace(0, new_text.as_bytes(), COMMA, &mut edits);
        let mut out = Vec::new();
        splice(raw.as_bytes(), &mut edits, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_cell_says_its_text_and_knows_its_core() {
        for (raw, text, core_text, quoted) in [
            ("", "", "", false),
            ("12.5", "12.5", "12.5", false),
            ("  12 ", "  12 ", "12", false),
            ("   ", "   ", "", false),
            ("\"\"", "", "", true),
            ("\"12\"", "12", "12", true),
            ("\" 12 \"", " 12 ", "12", true),
            ("\"12\"  ", "12  ", "12", true),
            ("\"a\"\"b\"", "a\"b", "a\"b", true),
            ("\"\"\"\"", "\"", "\"", true),
            ("\"a\"\"\" ", "a\" ", "a\"", true),
            // The quote isn't at the start: it is text.
            (" \"x\"", " \"x\"", "\"x\"", false),
            ("5\" disk", "5\" disk", "5\" disk", false),
            // More after the closing quote: the csv crate reads it like this too.
            ("\"a\"b\"c", "ab\"c", "ab\"c", false),
            ("\" a\"b ", " ab ", "ab", false),
            // Never closed.
            ("\"abc", "\"abc", "\"abc", false),
            ("\"", "\"", "\"", false),
        ] {
            let cell = Cell::new(raw.as_bytes());
            assert_eq!(cell.text(), text.as_bytes(), "text of {raw:?}");
            assert_eq!(cell.core_text(), core_text.as_bytes(), "core of {raw:?}");
            assert_eq!(cell.is_quoted(), quoted, "{raw:?}");
        }
    }

    #[test]
    fn a_replacement_keeps_quotes_and_spaces() {
        for (raw, new_text, expected) in [
            ("12", "13", "13"),
            ("  12 ", "13", "  13 "),
            ("\"12\"", "13", "\"13\""),
            ("\" 12 \"  ", "13", "\" 13 \"  "),
            ("\"12\"", "a\"b,\n", "\"a\"\"b,\n\""),
            ("\"a\"\"b\"", "c", "\"c\""),
            // Quotes only where they are needed.
            ("x", "a;b", "a;b"),
            ("x", "a,b", "\"a,b\""),
            (" x ", "a\"b", "\" a\"\"b \""),
            ("x", "a\rb", "\"a\rb\""),
            ("x", "", "\"\""),
            (" x ", "", "  "),
            ("\"a\"b", "c", "c"),
            ("\"a\"b", "c\"", "\"c\"\"\""),
        ] {
            assert_eq!(replaced(raw, new_text), expected, "{raw:?} with {new_text:?}");
        }
    }
}
