//! The lexical rules of dumps: quotes, comments, names. Nothing here knows what a statement means.
//!
//! Every function gets bytes that may go on later. `None` says that the bytes end before the thing does.
//!
//! Sources: PostgreSQL manual, chapter "Lexical Structure"; MySQL manual, "String Literals" and "Comments"; SQLite, "SQL
//! Language Expressions".

use std::fmt;

use memchr::{memchr, memchr2, memmem};

/// How strings are written. What else differs between the programs is read alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// A backslash escapes in every string: MySQL and MariaDB.
    MySql,
    /// A backslash is an ordinary character, but for `E'…'`: PostgreSQL and SQLite.
    Standard,
}

/// What only dumps of MySQL and MariaDB say.
const MYSQL_WORDS: [&[u8]; 6] =
    [b"-- MySQL dump", b"-- MariaDB dump", b"/*!", b"ENGINE=", b"LOCK TABLES `", b"INTO `"];

/// What only the others say at the start of a line.
const OTHER_WORDS: [&[u8]; 3] = [b"-- PostgreSQL database", b"PRAGMA foreign_keys", b"BEGIN TRANSACTION;"];

impl Dialect {
    /// The dialect of a dump that begins with `head`.
    pub fn of(head: &[u8]) -> Dialect {
        let has = |word: &&[u8]| memmem::find(head, word).is_some();
        let other = head
            .split(|&byte| byte == b'\n')
            .take(40)
            .any(|line| OTHER_WORDS.iter().any(|word| line.starts_with(word)));
        if !other && MYSQL_WORDS.iter().any(has) { Dialect::MySql } else { Dialect::Standard }
    }
}

/// Whether a byte can be in a word: of a name without quotes, or a number.
pub(super) fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// Whether backslashes escape in the string whose quote is at `at`.
pub(super) fn has_escapes(bytes: &[u8], at: usize, dialect: Dialect) -> bool {
    let letter = at > 0 && bytes[at - 1] | 0x20 == b'e' && (at < 2 || !in_word(bytes[at - 2]));
    match (dialect, bytes[at]) {
        (_, b'`') => false,
        (Dialect::MySql, _) => true,
        (Dialect::Standard, quote) => quote == b'\'' && letter,
    }
}

/// The place after the quote that closes the one at `at`.
pub(super) fn quoted_end(bytes: &[u8], at: usize, dialect: Dialect) -> Option<usize> {
    let (quote, escapes) = (bytes[at], has_escapes(bytes, at, dialect));
    let mut at = at + 1;
    loop {
        let rest = bytes.get(at..)?;
        let found = at + if escapes { memchr2(quote, b'\\', rest) } else { memchr(quote, rest) }?;
        if bytes[found] == quote && bytes.get(found + 1) != Some(&quote) {
            return Some(found + 1);
        }
        at = found + 2;
    }
}

/// The place after the comment that begins at `at`, if one does; `at` itself if none does.
fn comment_end(bytes: &[u8], at: usize, dialect: Dialect) -> Option<usize> {
    let rest = &bytes[at..];
    if rest.starts_with(b"--") || (rest[0] == b'#' && dialect == Dialect::MySql) {
        memchr(b'\n', rest).map(|end| at + end + 1)
    } else if rest.starts_with(b"/*") {
        memmem::find(&rest[2..], b"*/").map(|end| at + 2 + end + 2)
    } else {
        Some(at)
    }
}

/// The first place from `at` on that is neither white space nor comment; the end of the bytes counts as one.
pub(super) fn blank_end(bytes: &[u8], mut at: usize, dialect: Dialect) -> Option<usize> {
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => at += 1,
            b'-' | b'/' | b'#' => match comment_end(bytes, at, dialect)? {
                end if end == at => return Some(at),
                end => at = end,
            },
            _ => return Some(at),
        }
    }
    Some(at)
}

/// The place after `$tag$…$tag$`, if that begins at `at`; `at` itself if it doesn't.
fn dollar_end(bytes: &[u8], at: usize, dialect: Dialect) -> Option<usize> {
    if dialect == Dialect::MySql || (at > 0 && in_word(bytes[at - 1])) {
        return Some(at);
    }
    let tag = bytes[at + 1..].iter().take_while(|&&byte| in_word(byte) && byte != b'$').count();
    let start = at + tag + 2;
    match bytes.get(start - 1)? {
        b'$' => memmem::find(&bytes[start..], &bytes[at..start]).map(|end| start + end + tag + 2),
        _ => Some(at),
    }
}

/// What ends a run of ordinary characters.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"'\"`;-/#$(),";
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

/// The next place from `at` on, outside of strings, comments and parentheses that open here, where there is a `;` or `)`,
/// or, if `commas`, a comma. A `;` stops within parentheses too: no value has one.
pub(super) fn stop(bytes: &[u8], mut at: usize, dialect: Dialect, commas: bool) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| SPECIAL[usize::from(byte)])?;
        let next = match bytes[at] {
            b'\'' | b'"' | b'`' => quoted_end(bytes, at, dialect)?,
            b';' => return Some(at),
            b')' if depth == 0 => return Some(at),
            b',' if depth == 0 && commas => return Some(at),
            b'(' => {
                depth += 1;
                at
            }
            b')' => {
                depth -= 1;
                at
            }
            b'$' => dollar_end(bytes, at, dialect)?,
            _ => comment_end(bytes, at, dialect)?,
        };
        at = next.max(at + 1);
    }
}

/// The place after the `;` that ends a statement.
pub(super) fn statement_end(bytes: &[u8], mut at: usize, dialect: Dialect) -> Option<usize> {
    loop {
        at = stop(bytes, at, dialect, false)? + 1;
        if bytes[at - 1] == b';' {
            return Some(at);
        }
    }
}

/// The name of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub schema: Option<String>,
    pub table: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.table),
            None => f.write_str(&self.table),
        }
    }
}

impl Name {
    /// Whether both are names of one table, where one of them may lack the schema.
    pub fn is(&self, other: &Name) -> bool {
        let schemas = self.schema.as_ref().zip(other.schema.as_ref());
        self.table == other.table && schemas.is_none_or(|(one, other)| one == other)
    }

    /// Whether this is the table that somebody asked for; letter case counts if it was asked for in quotes.
    pub fn is_asked(&self, asked: &str) -> bool {
        let bytes = format!("{asked} ");
        let mut cursor = Cursor { bytes: bytes.as_bytes(), at: 0, dialect: Dialect::Standard };
        let Some(Some(name)) = cursor.name() else { return false };
        let same = |one: &str, other: &str| match asked.contains(['"', '`', '[']) {
            true => one == other,
            false => one.eq_ignore_ascii_case(other),
        };
        let schemas = self.schema.as_ref().zip(name.schema.as_ref());
        self.to_string() == asked
            || self.table == asked
            || same(&self.table, &name.table) && schemas.is_none_or(|(one, other)| same(one, other))
    }
}

/// Reads words and names one after the other. `None` as everywhere here; `Some(None)` if something else stands there.
pub(super) struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    pub dialect: Dialect,
}

impl<'a> Cursor<'a> {
    /// The next byte after blanks.
    pub fn peek(&mut self) -> Option<u8> {
        self.at = blank_end(self.bytes, self.at, self.dialect)?;
        self.bytes.get(self.at).copied()
    }

    /// The next word, in capitals; empty if none stands there.
    pub fn word(&mut self) -> Option<Vec<u8>> {
        self.peek()?;
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| !in_word(byte))?;
        self.at += length;
        Some(rest[..length].to_ascii_uppercase())
    }

    /// The next word, if it is this one.
    pub fn is_word(&mut self, word: &[u8]) -> Option<bool> {
        let before = self.at;
        let found = self.word()? == word;
        if !found {
            self.at = before;
        }
        Some(found)
    }

    /// One name, with or without quotes.
    pub fn part(&mut self) -> Option<Option<String>> {
        let first = self.peek()?;
        let start = self.at;
        let (end, inside) = match first {
            b'"' | b'`' => {
                let end = quoted_end(self.bytes, start, Dialect::Standard)?;
                (end, start + 1..end - 1)
            }
            b'[' => {
                let end = start + memchr(b']', &self.bytes[start..])? + 1;
                (end, start + 1..end - 1)
            }
            _ => {
                let length = self.bytes[start..].iter().position(|&byte| !in_word(byte))?;
                (start + length, start..start + length)
            }
        };
        self.at = end;
        if start == end {
            return Some(None);
        }
        let text = String::from_utf8_lossy(&self.bytes[inside]);
        Some(Some(match first {
            b'"' => text.replace("\"\"", "\""),
            b'`' => text.replace("``", "`"),
            _ => text.into_owned(),
        }))
    }

    /// The name of a table, with the last two of its parts.
    pub fn name(&mut self) -> Option<Option<Name>> {
        let Some(table) = self.part()? else { return Some(None) };
        let mut name = Name { schema: None, table };
        while self.bytes.get(self.at)? == &b'.' {
            self.at += 1;
            let Some(part) = self.part()? else { return Some(None) };
            name = Name { schema: Some(name.table), table: part };
        }
        Some(Some(name))
    }

    /// A list of names in parentheses, if one stands there.
    pub fn names(&mut self) -> Option<Option<Vec<String>>> {
        if self.peek()? != b'(' {
            return Some(None);
        }
        let mut names = Vec::new();
        loop {
            self.at += 1;
            let Some(name) = self.part()? else { return Some(None) };
            names.push(name);
            match self.peek()? {
                b',' => {}
                b')' => {
                    self.at += 1;
                    return Some(Some(names));
                }
                _ => return Some(None),
            }
        }
    }
}
