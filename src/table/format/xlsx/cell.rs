//! What a cell says, and the edits that make it say something else.
//!
//! A number stays a number, a date a date, a text a text of the same style. An edited text that was one of those which cells
//! share is written into its cell (`t="inlineStr"`), rather than added to the shared ones: those are a part of their own that
//! stands before or after the sheet in the archive, with counts at its top, so each copy would need a second pass; and
//! changing one in place would change all cells that share it. Excel, LibreOffice and calamine read such cells as any other,
//! and Excel makes them shared again when it saves.

use std::borrow::Cow;

use memchr::memchr;

use crate::table::format::splice::Edits;

use super::reason::XlsxReason;
use super::scan::{Cell, Form, TagKind, next_tag, number, skip};
use super::serial::{self, Epoch, Shown};
use super::strings;
use super::workbook::Shared;

/// Letters of the longest text that a cell holds.
const MAX_TEXT_LETTERS: usize = 32_767;

/// Digits of a number that is surely written as the shortest text is.
const PLAIN_DIGITS: usize = 15;

impl Cell {
    /// The text, with the spaces around it.
    fn full_text<'a>(&self, bytes: &'a [u8], shared: &'a Shared) -> Cow<'a, [u8]> {
        let content = &bytes[self.content.clone()];
        match self.form {
            Form::SharedText => {
                let text = number(content.trim_ascii()).and_then(|number| shared.strings.text(number));
                Cow::Borrowed(text.unwrap_or_default().as_bytes())
            }
            Form::InlineText => inline_text(bytes, self),
            Form::Text | Form::IsoDate => strings::read(content),
            Form::Bool => Cow::Borrowed(match content.trim_ascii() {
                b"1" | b"true" => b"true",
                b"0" | b"false" => b"false",
                _ => b"",
            }),
            Form::Error => Cow::Borrowed(b""),
            Form::Number => self.number_text(content, shared),
        }
    }

    fn number_text<'a>(&self, content: &'a [u8], shared: &Shared) -> Cow<'a, [u8]> {
        let content = content.trim_ascii();
        let shown = self.shown(shared);
        let is_plain = content.len() <= PLAIN_DIGITS
            && content.iter().all(u8::is_ascii_digit)
            && (content.len() == 1 || content.first().is_some_and(|&digit| digit != b'0'));
        if is_plain && shown == Shown::Number {
            return Cow::Borrowed(content);
        }
        let value = str::from_utf8(content).ok().and_then(|text| text.parse::<f64>().ok());
        let mut text = Vec::new();
        if let Some(value) = value.filter(|value| value.is_finite()) {
            serial::write(value, shown, shared.epoch, &mut text);
        }
        Cow::Owned(text)
    }

    fn shown(&self, shared: &Shared) -> Shown {
        shared.styles.get(self.style).copied().unwrap_or_default()
    }

    /// The text.
    pub fn text<'a>(&self, bytes: &'a [u8], shared: &'a Shared) -> Cow<'a, [u8]> {
        match self.full_text(bytes, shared) {
            Cow::Borrowed(text) => Cow::Borrowed(core(text)),
            Cow::Owned(text) if text.first() != Some(&b' ') && text.last() != Some(&b' ') => Cow::Owned(text),
            Cow::Owned(text) => Cow::Owned(core(&text).to_vec()),
        }
    }

    /// Adds the edits that make the cell say `new_text`.
    pub fn replace(
        &self,
        bytes: &[u8],
        shared: &Shared,
        new_text: &str,
        edits: &mut Edits,
    ) -> Result<(), XlsxReason> {
        if self.is_formula {
            return Err(XlsxReason::Formula);
        }
        let old = self.full_text(bytes, shared);
        let old_core = core(&old);
        if old_core.is_empty() {
            return Err(XlsxReason::Absent);
        }
        if old_core == new_text.as_bytes() {
            return Ok(());
        }
        match self.form {
            Form::SharedText | Form::InlineText | Form::Text => {
                self.replace_text(bytes, &with_core(&old, old_core, new_text)?, edits)
            }
            _ => self.replace_value(old_core, shared, new_text, edits),
        }
    }

    fn replace_value(
        &self,
        old: &[u8],
        shared: &Shared,
        new_text: &str,
        edits: &mut Edits,
    ) -> Result<(), XlsxReason> {
        match self.form {
            Form::Number => {
                let value = serial::parse(new_text, self.shown(shared), shared.epoch);
                let value = value.ok_or(XlsxReason::Misfit)?;
                edits.push_with(self.content.clone(), |out| serial::write_number(value, out));
            }
            Form::Bool => match new_text {
                "true" => edits.push(self.content.clone(), b"1"),
                "false" => edits.push(self.content.clone(), b"0"),
                _ => return Err(XlsxReason::Misfit),
            },
            Form::IsoDate => {
                let is_one = |shown| serial::parse(new_text, shown, Epoch::Since1900).is_some();
                let is_known = [Shown::Date, Shown::Moment, Shown::Time].into_iter().any(is_one);
                if !is_known || shape(new_text.as_bytes()).ne(shape(old)) {
                    return Err(XlsxReason::Misfit);
                }
                edits.push_with(self.content.clone(), |out| strings::write(new_text, out));
            }
            // Errors have no text, and texts are no values.
            Form::Error | Form::SharedText | Form::InlineText | Form::Text => return Err(XlsxReason::Misfit),
        }
        Ok(())
    }

    fn replace_text(&self, bytes: &[u8], text: &str, edits: &mut Edits) -> Result<(), XlsxReason> {
        if self.form == Form::Text {
            edits.push_with(self.content.clone(), |out| strings::write(text, out));
            return Ok(());
        }
        let name = next_tag(bytes, self.element.start)?.ok_or(XlsxReason::Syntax)?.name;
        let prefix =
            memchr(b':', &bytes[name.clone()]).map_or(&b""[..], |colon| &bytes[name.start..][..=colon]);
        if self.form == Form::SharedText {
            edits.push(self.type_name.clone(), b"inlineStr");
        }
        edits.push_with(self.element.clone(), |out| {
            let mut tag = |before: &[u8], name: &[u8]| out.extend([before, prefix, name].concat());
            tag(b"<", b"is>");
            tag(b"<", b"t xml:space=\"preserve\">");
            strings::write(text, out);
            let mut tag = |before: &[u8], name: &[u8]| out.extend([before, prefix, name].concat());
            tag(b"</", b"t>");
            tag(b"</", b"is>");
        });
        Ok(())
    }
}

/// The texts of an inline cell, joined; the readings of East Asian words are no part of it.
fn inline_text<'a>(bytes: &'a [u8], cell: &Cell) -> Cow<'a, [u8]> {
    let content = &bytes[..cell.content.end];
    let (mut at, mut text): (_, Option<Cow<'a, [u8]>>) = (cell.content.start, None);
    // The cell was scanned, so there are no errors any more.
    while let Ok(Some(tag)) = next_tag(content, at) {
        at = tag.range.end;
        let name = tag.local(content);
        if name == b"rPh" && tag.kind == TagKind::Open {
            at = skip(content, &tag).ok().flatten().unwrap_or(content.len());
        } else if name == b"t" && tag.kind == TagKind::Open {
            let end = memchr(b'<', &content[at..]).map_or(content.len(), |found| at + found);
            let piece = strings::read(&content[at..end]);
            text = Some(match text {
                None => piece,
                Some(text) => Cow::Owned([text.as_ref(), piece.as_ref()].concat()),
            });
            at = end;
        }
    }
    text.unwrap_or_default()
}

/// A text without the spaces around it.
fn core(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&byte| byte != b' ').unwrap_or(text.len());
    let end = text.iter().rposition(|&byte| byte != b' ').map_or(start, |last| last + 1);
    &text[start..end]
}

/// The new text with the spaces that were around the old one.
fn with_core(old: &[u8], old_core: &[u8], new_text: &str) -> Result<String, XlsxReason> {
    let before = old.iter().take_while(|&&byte| byte == b' ').count();
    let after = old.len() - before - old_core.len();
    let is_long = new_text.encode_utf16().count() + before + after > MAX_TEXT_LETTERS;
    // A text without a core would be no text that can be read again.
    match is_long || core(new_text.as_bytes()).len() != new_text.len() {
        true => Err(XlsxReason::Misfit),
        false => Ok([&" ".repeat(before), new_text, &" ".repeat(after)].concat()),
    }
}

/// A text with its digits made alike.
fn shape(text: &[u8]) -> impl Iterator<Item = u8> {
    text.iter().map(|&byte| if byte.is_ascii_digit() { b'0' } else { byte })
}
