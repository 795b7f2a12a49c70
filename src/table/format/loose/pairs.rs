//! Blocks of `key: value`, one block per row: cards, psql's `\x`, MySQL's `\G`.
//!
//! The keys of the first block are the columns. A block ends with an empty line, a record line, or when its first key repeats.

use crate::table::format::block::MAX_RECORD_BYTES;

use super::ruled::{self, bare};
use super::{Event, MAX_COLUMNS, Parser};

/// The longest key: a longer one is prose with a colon.
const MAX_KEY_CHARS: usize = 64;

/// Whether this line begins a record: `-[ RECORD 1 ]---`, with or without a frame, `*** 1. row ***`.
pub(super) fn is_record(line: &str) -> bool {
    let line = line.trim();
    let frame = |c: char| matches!(c, '-' | '+') || ('─'..='╬').contains(&c);
    line.starts_with(frame) && line.trim_start_matches(frame).starts_with("[ RECORD ") && line.contains(']')
        || line.starts_with("***") && line.ends_with("***") && line.contains(". row ")
}

/// Key and value of a line, which may be in a frame.
pub(super) fn pair(line: &str) -> Option<(&str, &str)> {
    let bars = ['|', '│', '║'];
    let framed = line.strip_prefix(bars).and_then(|line| line.strip_suffix(bars));
    let line = framed.unwrap_or(line);
    let at = line.find([':', '=', '\t', '|', '│', '║'])?;
    let (key, value) = line.split_at(at);
    let value = &value[value.chars().next().map_or(0, char::len_utf8)..];
    // `10:20` and `https://` are no keys; a bar is the separator of psql, with spaces around.
    let glued = line[at..].starts_with(':') && !(value.is_empty() || value.starts_with([' ', '\t']));
    let key = key.trim();
    let fine =
        !key.is_empty() && key.chars().count() <= MAX_KEY_CHARS && key.starts_with(char::is_alphabetic);
    (fine && !glued).then(|| (key, value.trim()))
}

/// See the module.
#[derive(Default)]
pub(super) struct Pairs {
    columns: Option<Vec<String>>,
    block: Vec<(String, String)>,
    /// Bytes of the block: one row, so it may be as long as one.
    bytes: usize,
}

impl Pairs {
    fn flush(&mut self, out: &mut Vec<Event>) {
        self.bytes = 0;
        // A single pair is a line of prose, unless the table has one column.
        let wanted = if self.columns.as_ref().is_some_and(|columns| columns.len() == 1) { 1 } else { 2 };
        if self.block.len() < wanted {
            if !self.block.is_empty() {
                out.push(Event::Fault("not of keys and values, left out"));
            }
            return self.block.clear();
        }
        let fits = |columns: &Vec<String>| self.block.iter().any(|(key, _)| columns.contains(key));
        if !self.columns.as_ref().is_some_and(fits) {
            let columns: Vec<_> = self.block.iter().map(|(key, _)| key.clone()).collect();
            out.push(Event::Start(columns.clone()));
            self.columns = Some(columns);
        }
        let columns = self.columns.as_deref().unwrap_or_default();
        if self.block.iter().any(|(key, _)| !columns.contains(key)) {
            out.push(Event::Fault("with a key that the first block lacks, left out"));
        }
        let cells = columns.iter().map(|column| {
            let found = self.block.iter().find(|(key, _)| key == column);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        });
        out.push(Event::Row(cells.collect()));
        self.block.clear();
    }
}

impl Parser for Pairs {
    fn line(&mut self, line: &str, out: &mut Vec<Event>) {
        let line = bare(line);
        if line.is_empty() || is_record(line) || ruled::rule(line).is_some() {
            return self.flush(out);
        }
        let Some((key, value)) = pair(line) else {
            return out.push(Event::Fault("with a line that is no key and value, left out"));
        };
        if self.block.first().is_some_and(|(first, _)| first == key) {
            self.flush(out);
        }
        if self.block.iter().any(|(had, _)| had == key) || self.block.len() == MAX_COLUMNS {
            return out.push(Event::Fault("with a key twice, the second left out"));
        }
        if self.bytes + line.len() > MAX_RECORD_BYTES {
            return out.push(Event::Fault("too long, the end left out"));
        }
        self.bytes += line.len();
        self.block.push((key.to_owned(), value.to_owned()));
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        self.flush(out);
    }
}
