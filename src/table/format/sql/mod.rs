//! Dumps of databases as text: PostgreSQL (`COPY` and `INSERT`), MySQL and MariaDB, SQLite.
//!
//! A dump is a program, and nothing of it is ever run. It is read as far as it takes to know where rows stand: statements are
//! told apart, and those with rows are taken apart; all others are passed over, but for the columns that `CREATE TABLE` names.
//! Everything outside of edited cells is copied byte for byte.
//!
//! In order of use: [`lex`] has the rules of quotes and comments, [`step`] gives statements and rows, [`items`] those of a
//! stream, [`cell`] and [`escape`] read and replace values; [`blocks`] and [`table`] copy, [`read`](mod@read) gives all tables.
//!
//! Invariants: how a file is cut into blocks changes nothing; no item is longer than the limit; the rows of the copied
//! table all have as many values as it has columns.
//!
//! Sources: PostgreSQL manual, `COPY` and `pg_dump`; MySQL manual, `mysqldump`; SQLite, "Command Line Shell".

mod blocks;
mod cell;
mod escape;
mod items;
mod lex;
mod read;
mod reason;
mod step;
mod table;

pub use read::read;
pub use table::{SqlSyntax, SqlTable, table};

/// Whether a file that begins with `head` is a dump: a statement with rows or columns of a table begins a line, and the first
/// line that says anything is no record of a table.
pub fn sniff(head: &[u8]) -> bool {
    let head = &head[..head.len().min(items::HEAD_BYTES)];
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.by_ref().find(|line| !line.is_empty()).unwrap_or_default();
    begins_dump(first) && (is_statement(first) || lines.any(is_statement))
}

/// Whether a dump can begin with this line: a comment, a command, or the first words of a statement.
fn begins_dump(line: &[u8]) -> bool {
    const WORDS: [&str; 18] = [
        "insert",
        "replace",
        "create",
        "copy",
        "begin",
        "start",
        "set",
        "pragma",
        "drop",
        "lock",
        "use",
        "alter",
        "select",
        "delete",
        "truncate",
        "delimiter",
        "comment",
        "commit",
    ];
    let begins = |mark: &[u8]| line.starts_with(mark);
    let length = line.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = WORDS.iter().any(|word| line[..length].eq_ignore_ascii_case(word.as_bytes()));
    let goes_on = line.get(length) == Some(&b' ') || line.eq_ignore_ascii_case(b"begin;");
    begins(b"--") || begins(b"/*") || begins(b"#") || begins(b"\\") || word && goes_on
}

/// Whether a line begins a statement that has rows, or declares a table.
fn is_statement(line: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&line[..line.len().min(1 << 12)]).to_ascii_lowercase();
    let words: Vec<&str> = start.split_ascii_whitespace().take(8).collect();
    match words.split_first() {
        Some((&"copy", _)) => start.contains(" from stdin"),
        Some((&("insert" | "replace"), rest)) => rest.iter().take(4).any(|&word| word == "into"),
        Some((&"create", rest)) => rest.iter().take(3).any(|&word| word == "table"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
