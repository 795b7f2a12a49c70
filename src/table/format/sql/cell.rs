//! One cell of a row: how it is written, what it says, and how it is made to say something else.
//!
//! A replacement changes the core of a cell, its text without the spaces around it, within the bytes as written. What isn't
//! a number, a truth value or a string (`NULL`, `now()`, `X'00'`) says nothing and can't be replaced.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

use crate::error::Result;
use crate::table::format::splice::Edits;
use crate::table::format::typed::{self, float};

use super::escape::{Escapes, called, decode, encode};
use super::lex::{Dialect, blank_end, has_escapes, in_word, quoted_end, stop};
use super::reason::SqlReason;
use super::step::MAX_COLUMNS;

/// How a cell is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Nothing that could be changed: no value, or an expression.
    Nothing,
    /// A number.
    Number,
    /// `TRUE` or `FALSE`.
    Truth,
    /// A call by which the shell of SQLite writes text with line ends; it can't be changed.
    Call,
    /// Text between quotes, or in a line of `COPY`.
    Text(Escapes),
}

/// Where a cell stands in its block, and how it is written.
#[derive(Clone, Debug)]
pub struct Cell {
    form: Form,
    /// The text as written, without quotes.
    range: Range<usize>,
}

impl Cell {
    fn nothing(range: Range<usize>) -> Cell {
        Cell { form: Form::Nothing, range }
    }

    /// Where the text without the spaces around it stands.
    fn core(&self, bytes: &[u8]) -> Range<usize> {
        let Range { mut start, mut end } = self.range;
        while start < end && bytes[start] == b' ' {
            start += 1;
        }
        let last = end;
        while start < end && bytes[end - 1] == b' ' {
            end -= 1;
        }
        let slashes = bytes[start..end].iter().rev().take_while(|&&byte| byte == b'\\').count();
        let escaped_space =
            matches!(self.form, Form::Text(escapes) if escapes.backslash()) && slashes % 2 == 1;
        if escaped_space && end < last { start..end + 1 } else { start..end }
    }

    /// What the cell says.
    pub fn text<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let core = &bytes[self.core(bytes)];
        match self.form {
            Form::Nothing => Cow::Borrowed(b""),
            Form::Number => number_text(core),
            Form::Truth => Cow::Owned(core.to_ascii_lowercase()),
            Form::Call => {
                called(core).map_or(Cow::Borrowed(b""), |text| Cow::Owned(typed::core(&text).to_vec()))
            }
            Form::Text(escapes) => decode(core, escapes),
        }
    }

    /// Adds the edit that makes the cell say `new_text`.
    pub fn replace(&self, bytes: &[u8], new_text: &str, edits: &mut Edits) -> Result<()> {
        let core = self.core(bytes);
        match self.form {
            Form::Nothing | Form::Call => return Err(SqlReason::NoValue.into()),
            Form::Number if !is_number(new_text.as_bytes()) => return Err(SqlReason::NoNumber.into()),
            Form::Truth if !is_truth(new_text.as_bytes()) => return Err(SqlReason::NoValue.into()),
            Form::Number | Form::Truth => edits.push(core, new_text.as_bytes()),
            Form::Text(escapes) => edits.push_with(core, |out| encode(new_text.as_bytes(), escapes, out)),
        }
        Ok(())
    }
}

/// Finds the cells of the line that starts at `start`.
pub(super) fn line(bytes: &[u8], start: usize, end: usize, cells: &mut Vec<Cell>) {
    cells.clear();
    let line = &bytes[start..end];
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (mut from, mut at) = (0, 0);
    let add = |range: Range<usize>, cells: &mut Vec<Cell>| {
        let form = if &line[range.clone()] == b"\\N" { Form::Nothing } else { Form::Text(Escapes::Copy) };
        cells.push(Cell { form, range: start + range.start..start + range.end });
    };
    while cells.len() <= MAX_COLUMNS
        && let Some(found) = line.get(at..).and_then(|rest| memchr2(b'\t', b'\\', rest))
    {
        at += found;
        if line[at] == b'\t' {
            add(from..at, cells);
            at += 1;
            from = at;
        } else {
            at += 2;
        }
    }
    add(from..line.len(), cells);
}

/// Finds the cells of the tuple whose parenthesis is at `start`. `None` if it has no end, which was looked for before.
pub(super) fn tuple(bytes: &[u8], start: usize, dialect: Dialect, cells: &mut Vec<Cell>) -> Option<()> {
    cells.clear();
    let mut at = start + 1;
    loop {
        let from = blank_end(bytes, at, dialect)?;
        let (cell, end) = value(bytes, from, dialect)?;
        cells.push(cell);
        match bytes[end] {
            b',' if cells.len() <= MAX_COLUMNS => at = end + 1,
            _ => return Some(()),
        }
    }
}

/// The value at `from`, and the place of the comma or parenthesis after it.
fn value(bytes: &[u8], from: usize, dialect: Dialect) -> Option<(Cell, usize)> {
    let ends = |at: usize| matches!(bytes.get(at), Some(b',' | b')'));
    if *bytes.get(from)? == b'\'' {
        let after = quoted_end(bytes, from, dialect)?;
        if ends(after) {
            return Some((quoted(bytes, from, after, dialect), after));
        }
    }
    let end = stop(bytes, from, dialect, true)?;
    let raw = bytes[from..end].trim_ascii_end();
    let range = from..from + raw.len();
    let form = match raw {
        _ if is_number(raw) => Form::Number,
        _ if is_truth(raw) => Form::Truth,
        _ if called(raw).is_some() => Form::Call,
        _ => return Some((prefixed(bytes, range, dialect).unwrap_or_else(|| Cell::nothing(from..end)), end)),
    };
    Some((Cell { form, range }, end))
}

/// A string, perhaps with a word before it that says no more than its encoding: `_utf8mb4'…'`, `N'…'`, `E'…'`.
fn prefixed(bytes: &[u8], range: Range<usize>, dialect: Dialect) -> Option<Cell> {
    let quote = range.start + bytes[range.clone()].iter().position(|&byte| !in_word(byte) && byte != b' ')?;
    let is_quote = bytes[quote] == b'\'' || (bytes[quote] == b'"' && dialect == Dialect::MySql);
    let word = bytes[range.start..quote].trim_ascii();
    let encodes = word.is_empty() || word.starts_with(b"_") || matches!(word, b"N" | b"n" | b"E" | b"e");
    let after = (is_quote && encodes).then(|| quoted_end(bytes, quote, dialect))??;
    (after == range.end).then(|| quoted(bytes, quote, after, dialect))
}

/// The string from `quote` to `after`, both quotes included.
fn quoted(bytes: &[u8], quote: usize, after: usize, dialect: Dialect) -> Cell {
    let escapes = match (has_escapes(bytes, quote, dialect), dialect) {
        (true, Dialect::MySql) => Escapes::MySql(bytes[quote]),
        (true, Dialect::Standard) => Escapes::Extended,
        (false, _) => Escapes::Doubled,
    };
    Cell { form: Form::Text(escapes), range: quote + 1..after - 1 }
}

fn is_truth(text: &[u8]) -> bool {
    text.eq_ignore_ascii_case(b"true") || text.eq_ignore_ascii_case(b"false")
}

/// Whether the text is a number of SQL: digits, perhaps with a sign, a point, an exponent.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let whole = digits(text);
    let mut rest = &text[whole..];
    let mut fraction = 0;
    if let Some(after) = rest.strip_prefix(b".") {
        fraction = digits(after);
        rest = &after[fraction..];
    }
    if whole + fraction == 0 {
        return false;
    }
    let Some((b'e' | b'E', rest)) = rest.split_first() else { return rest.is_empty() };
    let rest = rest.strip_prefix(b"-").or_else(|| rest.strip_prefix(b"+")).unwrap_or(rest);
    !rest.is_empty() && digits(rest) == rest.len()
}

/// A number as written, but without an exponent where numbers have none.
fn number_text(written: &[u8]) -> Cow<'_, [u8]> {
    let text = written.strip_prefix(b"+").unwrap_or(written);
    if memchr2(b'e', b'E', text).is_none() {
        return Cow::Borrowed(text);
    }
    let value = str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    let Some(value) = value.filter(|value| value.is_finite()) else { return Cow::Borrowed(text) };
    let mut out = Vec::new();
    float::write(value, &mut out);
    Cow::Owned(out)
}
