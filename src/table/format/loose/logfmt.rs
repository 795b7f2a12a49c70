//! Log lines with `key=value key2="value 2"`: one row per line. The keys of the first lines are the columns.
//!
//! Lines of one log need not have the same keys, so columns are gathered from as many lines as are kept before any row is given.

use super::{Event, MAX_COLUMNS, Parser};

/// Lines that are kept to learn the keys.
const LEARNED_LINES: usize = 256;

/// Bytes of them that are kept, so that long lines can't add up.
const LEARNED_BYTES: usize = 4 << 20;

type Pairs = Vec<(String, String)>;

/// The pairs of a line.
pub(super) fn pairs(line: &str) -> Pairs {
    let (mut pairs, mut rest) = (Vec::new(), line);
    while let Some(at) = rest.find('=') {
        let key_start = rest[..at].rfind(char::is_whitespace).map_or(0, |space| space + 1);
        // `rfind` gives where the space starts; a wide one ends later.
        let key = rest[..at].get(key_start..).unwrap_or_default();
        let (value, after) = value(&rest[at + 1..]);
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '$');
        if key.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && key.chars().all(word)
            && pairs.len() < MAX_COLUMNS
        {
            pairs.push((key.to_owned(), value));
        }
        rest = after;
    }
    pairs
}

/// A value, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(if c == 'n' { '\n' } else { c });
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &quoted[at + 1..]),
            _ => value.push(c),
        }
    }
    (value, "")
}

/// See the module.
#[derive(Default)]
pub(super) struct Logfmt {
    columns: Option<Vec<String>>,
    kept: Vec<Pairs>,
    kept_bytes: usize,
}

impl Logfmt {
    fn learn(&mut self, out: &mut Vec<Event>) {
        let mut columns: Vec<String> = Vec::new();
        let mut known = std::collections::HashSet::new();
        for (key, _) in self.kept.iter().flatten() {
            if columns.len() < MAX_COLUMNS && known.insert(key.clone()) {
                columns.push(key.clone());
            }
        }
        if !columns.is_empty() {
            out.push(Event::Start(columns.clone()));
        }
        self.columns = Some(columns);
        for pairs in std::mem::take(&mut self.kept) {
            self.row(&pairs, out);
        }
    }

    fn row(&self, pairs: &Pairs, out: &mut Vec<Event>) {
        let columns = self.columns.as_deref().unwrap_or_default();
        // The few lines of a log have few keys; a map per line costs more than looking.
        let cells = columns.iter().map(|column| {
            let found = pairs.iter().find(|(key, _)| key == column);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        });
        let cells: Vec<String> = cells.collect();
        if pairs.iter().any(|(key, _)| !columns.contains(key)) {
            out.push(Event::Fault("with a key that the first lines lack, left out"));
        }
        out.push(Event::Row(cells));
    }
}

impl Parser for Logfmt {
    fn line(&mut self, line: &str, out: &mut Vec<Event>) {
        let pairs = pairs(line);
        if pairs.len() < 2 {
            return out.push(Event::Fault("without keys and values, left out"));
        }
        if self.columns.is_some() {
            return self.row(&pairs, out);
        }
        self.kept.push(pairs);
        self.kept_bytes += line.len();
        if self.kept.len() == LEARNED_LINES || self.kept_bytes > LEARNED_BYTES {
            self.learn(out);
        }
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        if self.columns.is_none() {
            self.learn(out);
        }
    }
}
