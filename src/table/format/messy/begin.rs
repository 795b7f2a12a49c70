//! Where a table begins in a text: its header, after lines that are none of it.

use std::collections::HashSet;
use std::ops::Range;

use crate::table::format::csv::{Cell, Dialect, Fields, Records};

/// Records that are looked at to tell which number of fields is the table's.
const LOOKED_AT: usize = 256;

/// Lines that may stand before the header or after the last row: a page of them.
pub(super) const MAX_AROUND: usize = 32;

pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// The start of a table.
pub(super) struct Begin {
    /// How it is written.
    pub dialect: Dialect,
    /// Where its header stands, without its line end. The table starts there.
    pub header: Range<usize>,
    /// Number of its columns.
    pub width: usize,
    /// Whether the header has names, as far as can be seen, and no values.
    pub is_named: bool,
    /// Whether rows of the same width follow.
    pub has_rows: bool,
    /// Lines before it that are not blank.
    pub lines_before: u64,
}

/// What can be seen of a record.
pub(super) struct Line {
    pub range: Range<usize>,
    pub width: usize,
    /// Fields that are not empty.
    pub filled: usize,
    /// Whether its line end is there.
    pub is_whole: bool,
}

/// The first records of a text, at most so many.
pub(super) fn lines(text: &[u8], dialect: Dialect, most: usize) -> Vec<Line> {
    let (mut records, mut fields, mut lines) = (Records::new(text, dialect), Fields::default(), Vec::new());
    while lines.len() < most && records.next_record(&mut fields) {
        let is_filled = |range: &Range<usize>| !text[range.clone()].iter().all(|byte| *byte == b' ');
        lines.push(Line {
            range: fields.record(),
            width: fields.len(),
            filled: fields.ranges().filter(is_filled).count(),
            is_whole: fields.is_terminated(),
        });
    }
    lines
}

/// Finds the table that begins in the first lines of `text`. `None` if there is no line.
pub(super) fn begin(text: &[u8], delimiter: Option<u8>) -> Option<Begin> {
    let mut at = if text.starts_with(BOM) { BOM.len() } else { 0 };
    let (mut delimiter, mut lines_before) = (delimiter, 0);
    if let Some((said, length)) = separator(&text[at..]) {
        delimiter = delimiter.or(Some(said));
        at += length;
        lines_before = 1;
    }
    let body = &text[at..];
    // A title with commas can speak against the delimiter of the table, a blank line after it ends what it says.
    let after_blank = [&b"\n\n"[..], b"\n\r\n"]
        .into_iter()
        .filter_map(|blank| Some(memchr::memmem::find(&body[..body.len().min(4096)], blank)? + blank.len()));
    let whole = found(body, Dialect::sniff(body, delimiter))?;
    let other = after_blank.min().and_then(|from| found(body, Dialect::sniff(&body[from..], delimiter)));
    let best = match other {
        Some(other) if other.1 > whole.1 && other.0.lines_before > 0 => other.0,
        _ => whole.0,
    };
    let header = best.header.start + at..best.header.end + at;
    Some(Begin { header, lines_before: best.lines_before + lines_before, ..best })
}

/// The table, if this is how it is written, and how many lines speak for that.
fn found(body: &[u8], dialect: Dialect) -> Option<(Begin, usize)> {
    let mut lines = lines(body, dialect, LOOKED_AT);
    if lines.len() > 1 && lines.last().is_some_and(|line| !line.is_whole) {
        lines.pop();
    }
    let agreeing = |width: usize| lines.iter().filter(|line| line.width == width).count();
    let width = lines.iter().map(|line| line.width).filter(|&width| width > 1).max_by_key(|&w| agreeing(w));
    let first = width.and_then(|width| header_line(body, dialect, &lines, width)).unwrap_or(0);
    let line = lines.get(first)?;
    let begin = Begin {
        dialect: Dialect { bom_bytes: 0, ..dialect },
        header: line.range.clone(),
        width: line.width,
        is_named: is_named(&body[line.range.clone()], dialect),
        has_rows: lines.get(first + 1).is_some_and(|next| next.width == line.width),
        lines_before: first as u64,
    };
    let speaking = agreeing(line.width);
    Some((begin, speaking))
}

/// The number of the line that has the names of a table of this width, if lines that are none of it come before.
fn header_line(body: &[u8], dialect: Dialect, lines: &[Line], width: usize) -> Option<usize> {
    let is_full = |line: &Line| line.width == width && 2 * line.filled > width;
    let first = lines.iter().take(MAX_AROUND + 1).position(is_full)?;
    let before = &lines[..first];
    // A header may lack a name or two, or have too many; a title is far from it.
    let is_title = |line: &Line| match line.width == width {
        true => width > 2 && line.filled <= 1,
        false => line.width <= (width / 2).max(1),
    };
    let goes_on = lines.get(first + 1).is_some_and(|line| line.width == width);
    let is_named = |line: &Line| is_named(&body[line.range.clone()], dialect);
    let are_titles = before.iter().all(is_title) && (width > 2 || is_named(&lines[first]));
    // A leak may begin in the middle of a row. With a name less than columns, as R writes it, a line is still a header.
    let is_fragment = first == 1 && width > 2 && before[0].width < width && !is_named(&before[0]);
    (goes_on && (are_titles || is_fragment)).then_some(first)
}

/// The delimiter that a first line `sep=;` names for spreadsheets, and the length of that line.
fn separator(text: &[u8]) -> Option<(u8, usize)> {
    let end = memchr::memchr(b'\n', text)?;
    let line = text[..end].trim_ascii_end().strip_prefix(b"sep=");
    match line? {
        [delimiter] if !matches!(delimiter, b'"' | b'\r') => Some((*delimiter, end + 1)),
        // A tab at the end was trimmed.
        [] if text[..end].contains(&b'\t') => Some((b'\t', end + 1)),
        _ => None,
    }
}

/// Whether a record has names: different ones, most of them there, and none that is a number or a date.
pub(super) fn is_named(record: &[u8], dialect: Dialect) -> bool {
    let (mut records, mut fields) = (Records::new(record, dialect), Fields::default());
    if !records.next_record(&mut fields) {
        return false;
    }
    let (mut names, mut filled) = (HashSet::new(), 0);
    for range in fields.ranges() {
        let name = Cell::new(&record[range]).core_text().into_owned();
        let is_value = name.iter().any(u8::is_ascii_digit) && !name.iter().any(|b| is_letter(*b));
        if is_value || !name.is_empty() && !names.insert(name.clone()) {
            return false;
        }
        filled += usize::from(!name.is_empty());
    }
    2 * filled > fields.len()
}

/// Letters of other scripts are bytes above ASCII.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || !byte.is_ascii()
}
