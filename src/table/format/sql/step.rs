//! A dump, item by item: whole statements, and the rows within those that have rows.
//!
//! The same steps are taken twice: by the one who cuts a file into blocks, and by the one who looks for the rows in a block. A
//! step depends on nothing but the bytes of its item and the [`Place`] before it.

use memchr::{memchr, memchr2, memmem};

use super::lex::{Cursor, Dialect, Name, blank_end, statement_end, stop};

/// The most columns of a table that are looked for: the most that SQLite can have, who of all has the most.
pub(super) const MAX_COLUMNS: usize = 32_767;

/// Words between `INSERT` and `INTO` that are passed over: `OR REPLACE`, `LOW_PRIORITY IGNORE`; and those before `TABLE`.
const MAX_WORDS: usize = 4;

/// Where an item begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Between statements.
    Top,
    /// In the lines that follow `COPY … FROM stdin;`.
    Lines,
    /// In the tuples that follow `INSERT INTO … VALUES`.
    Tuples,
}

/// An item.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// Something without rows.
    Other,
    /// A table is declared, with these columns.
    Create(Name, Vec<String>),
    /// Rows of a table follow, with these columns if they are said.
    Begin(Name, Option<Vec<String>>),
    /// A row; its line or tuple starts here.
    Row(usize),
    /// Something that is no row stands where one should.
    Broken,
}

/// What was found, where it ends, and what follows.
#[derive(Debug)]
pub(super) struct Step {
    pub item: Item,
    pub end: usize,
    pub place: Place,
}

/// Takes the step from `at`, which is within the bytes. `None` if the bytes must go on first, never if they are `complete`.
pub(super) fn step(bytes: &[u8], at: usize, place: Place, dialect: Dialect, complete: bool) -> Option<Step> {
    let end = bytes.len();
    let found = match place {
        Place::Top => statement(bytes, at, dialect),
        Place::Lines => line(bytes, at, complete),
        Place::Tuples => tuple(bytes, at, dialect),
    };
    match (found, place) {
        (Some(step), _) => Some(step),
        (None, _) if !complete => None,
        (None, Place::Tuples) => {
            let rest = blank_end(bytes, at, dialect);
            let item = if rest.is_none_or(|rest| rest < end) { Item::Broken } else { Item::Other };
            Some(Step { item, end, place })
        }
        (None, _) => Some(Step { item: Item::Other, end, place }),
    }
}

fn line(bytes: &[u8], at: usize, complete: bool) -> Option<Step> {
    let (line, end) = match memchr(b'\n', &bytes[at..]) {
        Some(length) => (&bytes[at..at + length], at + length + 1),
        None if complete => (&bytes[at..], bytes.len()),
        None => return None,
    };
    Some(match line.strip_suffix(b"\r").unwrap_or(line) {
        b"\\." => Step { item: Item::Other, end, place: Place::Top },
        _ => Step { item: Item::Row(at), end, place: Place::Lines },
    })
}

fn tuple(bytes: &[u8], at: usize, dialect: Dialect) -> Option<Step> {
    let mut start = blank_end(bytes, at, dialect)?;
    if bytes.get(start)? == &b',' {
        start = blank_end(bytes, start + 1, dialect)?;
    }
    match bytes.get(start)? {
        b'(' => {
            let close = stop(bytes, start + 1, dialect, false)?;
            Some(match bytes[close] {
                b')' => Step { item: Item::Row(start), end: close + 1, place: Place::Tuples },
                _ => Step { item: Item::Broken, end: close + 1, place: Place::Top },
            })
        }
        b';' => Some(Step { item: Item::Other, end: start + 1, place: Place::Top }),
        // `ON CONFLICT DO NOTHING` and the like.
        _ => {
            let mut cursor = Cursor { bytes, at: start, dialect };
            let known = matches!(&*cursor.word()?, b"ON" | b"AS" | b"RETURNING");
            let end = statement_end(bytes, start, dialect)?;
            Some(Step { item: if known { Item::Other } else { Item::Broken }, end, place: Place::Top })
        }
    }
}

fn statement(bytes: &[u8], at: usize, dialect: Dialect) -> Option<Step> {
    let mut start = blank_end(bytes, at, dialect)?;
    if bytes[start..].starts_with(b"\xef\xbb\xbf") {
        start = blank_end(bytes, start + 3, dialect)?;
    }
    let other = |end| Some(Step { item: Item::Other, end, place: Place::Top });
    if bytes.get(start)? == &b'\\' {
        // A command to the program that reads the dump, such as `\connect`.
        return other(start + memchr(b'\n', &bytes[start..])? + 1);
    }
    let mut cursor = Cursor { bytes, at: start, dialect };
    match &*cursor.word()? {
        b"INSERT" | b"REPLACE" => {
            if let Some(begin) = insert(&mut cursor)? {
                return Some(Step { item: begin, end: cursor.at, place: Place::Tuples });
            }
        }
        b"COPY" => {
            if let Some(begin) = copy(&mut cursor)? {
                let end = statement_end(bytes, cursor.at, dialect)?;
                let end = end + memchr(b'\n', &bytes[end..])? + 1;
                return Some(Step { item: begin, end, place: Place::Lines });
            }
        }
        b"CREATE" => return create(bytes, start, cursor),
        b"DELIMITER" => return other(delimited_end(bytes, cursor.at)?),
        _ => {}
    }
    other(statement_end(bytes, start, dialect)?)
}

/// What follows `DELIMITER` up to where it is `;` again: procedures and triggers, whose statements are not the dump's.
fn delimited_end(bytes: &[u8], at: usize) -> Option<usize> {
    let end = at + memchr(b'\n', &bytes[at..])?;
    if bytes[at..end].trim_ascii() == b";" {
        return Some(end + 1);
    }
    let back = end
        + memmem::find(&bytes[end..], b"\nDELIMITER ;\n")
            .or_else(|| memmem::find(&bytes[end..], b"\nDELIMITER ;\r"))?;
    Some(back + b"\nDELIMITER ;\n".len())
}

fn insert(cursor: &mut Cursor<'_>) -> Option<Option<Item>> {
    let mut words = 0;
    while !cursor.is_word(b"INTO")? {
        words += 1;
        if cursor.word()?.is_empty() || words > MAX_WORDS {
            return Some(None);
        }
    }
    let Some(name) = cursor.name()? else { return Some(None) };
    let columns = cursor.names()?;
    if cursor.is_word(b"OVERRIDING")? {
        cursor.word()?;
        cursor.word()?;
    }
    let values = matches!(&*cursor.word()?, b"VALUES" | b"VALUE");
    Some(values.then_some(Item::Begin(name, columns)))
}

fn copy(cursor: &mut Cursor<'_>) -> Option<Option<Item>> {
    let Some(name) = cursor.name()? else { return Some(None) };
    let columns = cursor.names()?;
    let found = cursor.word()? == b"FROM" && cursor.word()? == b"STDIN";
    Some(found.then_some(Item::Begin(name, columns)))
}

fn create(bytes: &[u8], start: usize, mut cursor: Cursor<'_>) -> Option<Step> {
    let dialect = cursor.dialect;
    for _ in 0..=MAX_WORDS {
        match &*cursor.word()? {
            b"TABLE" => {
                let end = statement_end(bytes, cursor.at, dialect)?;
                // The statement is whole: that bytes are missing can only mean that it is none.
                let declared = declaration(&mut Cursor { bytes: &bytes[..end], ..cursor }).flatten();
                let item = declared.map_or(Item::Other, |(name, columns)| Item::Create(name, columns));
                return Some(Step { item, end, place: Place::Top });
            }
            kind @ (b"TRIGGER" | b"FUNCTION" | b"PROCEDURE") => {
                let end = body_end(bytes, start, dialect, kind == b"TRIGGER")?;
                return Some(Step { item: Item::Other, end, place: Place::Top });
            }
            b"" => break,
            _ => {}
        }
    }
    Some(Step { item: Item::Other, end: statement_end(bytes, start, dialect)?, place: Place::Top })
}

/// The end of a statement that may have a body of statements: `BEGIN … ; END;`. The body of a function may stand in quotes
/// instead.
fn body_end(bytes: &[u8], start: usize, dialect: Dialect, is_trigger: bool) -> Option<usize> {
    let mut end = statement_end(bytes, start, dialect)?;
    let unquoted = match memchr2(b'$', b'\'', &bytes[start..end]) {
        Some(length) if !is_trigger => start..start + length,
        _ => start..end,
    };
    let has_body = bytes[unquoted]
        .split(|&byte| !byte.is_ascii_alphanumeric() && byte != b'_')
        .any(|word| word.eq_ignore_ascii_case(b"BEGIN"));
    if !has_body {
        return Some(end);
    }
    loop {
        let mut cursor = Cursor { bytes, at: end, dialect };
        let last = cursor.word()? == b"END" && cursor.peek()? == b';';
        end = statement_end(bytes, end, dialect)?;
        if last {
            return Some(end);
        }
    }
}

/// The name and the columns that `CREATE TABLE` declares, from after these words.
fn declaration(cursor: &mut Cursor<'_>) -> Option<Option<(Name, Vec<String>)>> {
    if cursor.is_word(b"IF")? {
        cursor.word()?;
        cursor.word()?;
    }
    let Some(name) = cursor.name()? else { return Some(None) };
    if cursor.peek()? != b'(' {
        return Some(None);
    }
    let mut columns = Vec::new();
    while columns.len() < MAX_COLUMNS {
        cursor.at += 1;
        let quoted = matches!(cursor.peek()?, b'"' | b'`' | b'[');
        let Some(part) = cursor.part()? else { return Some(None) };
        if quoted || !begins_constraint(&part) {
            columns.push(part);
        }
        cursor.at = stop(cursor.bytes, cursor.at, cursor.dialect, true)?;
        if cursor.bytes[cursor.at] != b',' {
            return Some(Some((name, columns)));
        }
    }
    Some(None)
}

fn begins_constraint(word: &str) -> bool {
    const WORDS: [&str; 12] = [
        "constraint",
        "primary",
        "unique",
        "check",
        "foreign",
        "key",
        "index",
        "fulltext",
        "spatial",
        "exclude",
        "like",
        "period",
    ];
    WORDS.iter().any(|constraint| word.eq_ignore_ascii_case(constraint))
}
