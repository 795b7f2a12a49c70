//! A database file, opened so that it can do nothing.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Error, Result};

use super::reason::SqliteReason;
use super::schema;

/// The first bytes of a journal of changes that were not finished.
const JOURNAL_BYTES: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// Names that an error lists.
const MOST_NAMES: usize = 20;

/// Ends of the names of tables in which a virtual table keeps its own things.
const SHADOWS: [&str; 11] = [
    "_data",
    "_idx",
    "_content",
    "_docsize",
    "_config",
    "_segments",
    "_segdir",
    "_stat",
    "_node",
    "_parent",
    "_rowid",
];

/// Opens a file that nobody changes, for reading.
pub(super) fn open(path: &Path) -> Result<Connection> {
    check_beside(path)?;
    // The system's own words, where the library would only say that it can't.
    let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
    schema::check(&file)?;
    let path = std::path::absolute(path).map_err(|error| Error::io("find", path, error))?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(address(&path), flags).map_err(|_| SqliteReason::Damaged)?;
    tame(&connection)?;
    Ok(connection)
}

/// Opens a copy that is ours, for writing.
pub(super) fn open_copy(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|_| SqliteReason::Path)?;
    // A copy that fails is thrown away, so nothing has to be undone. Before the rest: it forbids this.
    let no_journal = connection.pragma_update(None, "journal_mode", "off");
    no_journal
        .and_then(|()| connection.pragma_update(None, "synchronous", "off"))
        .map_err(|_| SqliteReason::Damaged)?;
    tame(&connection)?;
    Ok(connection)
}

/// The path as an address that says that the file doesn't change.
fn address(path: &Path) -> String {
    let mut address = "file:".to_owned();
    if cfg!(windows) {
        address.push('/');
    }
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'\\' if cfg!(windows) => address.push('/'),
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                address.push(char::from(byte))
            }
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address + "?mode=ro&immutable=1"
}

/// Takes from a database all that it could do by itself.
fn tame(connection: &Connection) -> Result<()> {
    let set = || {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        for config in [
            DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA,
            DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER,
            DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW,
            DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY,
            DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA,
        ] {
            connection.set_db_config(config, false)?;
        }
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "mmap_size", 0)?;
        connection.pragma_update(None, "ignore_check_constraints", true)?;
        connection.pragma_update(None, "temp_store", "memory")
    };
    set().map_err(|_| SqliteReason::Damaged.into())
}

/// Changes that stand beside the file are missed by whoever opens only the file.
fn check_beside(path: &Path) -> Result<()> {
    let beside = |end: &str| {
        let mut name = OsString::from(path);
        name.push(end);
        PathBuf::from(name)
    };
    let has_wal = beside("-wal").metadata().is_ok_and(|wal| wal.len() > 0);
    let mut first = [0; JOURNAL_BYTES.len()];
    let journal = File::open(beside("-journal")).and_then(|mut journal| journal.read_exact(&mut first));
    let has_journal = journal.is_ok() && first == JOURNAL_BYTES;
    if has_wal || has_journal { Err(SqliteReason::Pending.into()) } else { Ok(()) }
}

/// The names of the ordinary tables, in the order of the schema.
pub(super) fn tables(connection: &Connection) -> Result<Vec<String>> {
    let list = || {
        let sql = "SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE type = 'table' ORDER BY rowid";
        let mut query = connection.prepare(sql)?;
        let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    let all = list().map_err(|_| SqliteReason::Damaged)?;
    let is_virtual = |sql: &str| {
        let mut words = sql.split_ascii_whitespace().map(str::to_ascii_lowercase);
        words.next().as_deref() == Some("create") && words.next().as_deref() == Some("virtual")
    };
    let virtual_names: Vec<&str> =
        all.iter().filter(|(_, sql)| is_virtual(sql)).map(|(name, _)| name.as_str()).collect();
    let is_shadow = |name: &str| {
        virtual_names.iter().any(|of| name.strip_prefix(of).is_some_and(|end| SHADOWS.contains(&end)))
    };
    let ordinary = all.iter().filter(|(name, sql)| {
        !is_virtual(sql) && !is_shadow(name) && !name.to_ascii_lowercase().starts_with("sqlite_")
    });
    Ok(ordinary.map(|(name, _)| name.clone()).collect())
}

/// The table that is meant by this name, or by none.
pub(super) fn choose(path: &Path, asked: Option<&str>) -> Result<String> {
    let connection = open(path)?;
    let mut tables = tables(&connection)?;
    let names = |tables: &[String]| {
        let listed: Vec<_> = tables.iter().take(MOST_NAMES).map(|name| format!("`{name}`")).collect();
        listed.join(", ") + if tables.len() > MOST_NAMES { ", …" } else { "" }
    };
    if tables.is_empty() {
        return Err(SqliteReason::Empty.into());
    }
    if let Some(asked) = asked {
        let plain =
            asked.rsplit_once("main.").map_or(asked, |(_, name)| name).trim_matches(['"', '`', '[', ']']);
        let found =
            tables.iter().find(|name| name.eq_ignore_ascii_case(asked) || name.eq_ignore_ascii_case(plain));
        return found.cloned().ok_or_else(|| SqliteReason::NoTable { names: names(&tables) }.into());
    }
    if tables.len() > 1 {
        let mut filled = Vec::new();
        for name in &tables {
            let sql = format!("SELECT 1 FROM {} NOT INDEXED LIMIT 1", quoted(name));
            if connection
                .prepare(&sql)
                .and_then(|mut query| query.exists([]))
                .map_err(|_| SqliteReason::Damaged)?
            {
                filled.push(name.clone());
            }
        }
        if filled.len() != 1 {
            let names = names(if filled.is_empty() { &tables } else { &filled });
            return Err(SqliteReason::Several { names }.into());
        }
        tables = filled;
    }
    Ok(tables.remove(0))
}

/// Checks all of a table; only then can it be read without going in circles.
pub(super) fn check(connection: &Connection, table: &str) -> Result<()> {
    let mut messages = 0;
    let checked = connection.pragma(None, "quick_check", table, |row| {
        messages += u32::from(row.get_ref(0)?.as_str()? != "ok");
        Ok(())
    });
    if checked.is_ok() && messages == 0 { Ok(()) } else { Err(SqliteReason::Damaged.into()) }
}

/// A name in a statement.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
