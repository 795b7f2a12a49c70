//! One copy in the making: the file's bytes in a temporary file, with updates.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::table::format::reason::{read_failed, write_failed};

use super::file::{check, open_copy, quoted};
use super::reason::SqliteReason;
use super::value::is_stored;

/// Where the header says whether the file is written with a log beside it, by two bytes that are 2 if so and 1 if not.
const VERSIONS_AT: u64 = 18;
const WITHOUT_LOG: [u8; 2] = [1, 1];

/// Statements that are kept prepared, one for each column that changes.
const MOST_STATEMENTS: usize = 256;

/// A copy.
pub(super) struct Output {
    file: NamedTempFile,
    connection: Connection,
    /// The bytes of the header that are put back at the end.
    versions: [u8; 2],
}

impl Output {
    /// A copy without changes yet.
    pub fn new(source: &Path) -> Result<Output> {
        let mut file = NamedTempFile::new().map_err(write_failed)?;
        let mut source = File::open(source).map_err(read_failed)?;
        io::copy(&mut source, &mut file).map_err(write_failed)?;
        let mut versions = [0; 2];
        let mut at_versions = |file: &mut NamedTempFile| {
            file.seek(SeekFrom::Start(VERSIONS_AT))?;
            file.read_exact(&mut versions)?;
            file.seek(SeekFrom::Start(VERSIONS_AT))?;
            file.write_all(&WITHOUT_LOG)?;
            file.flush()
        };
        at_versions(&mut file).map_err(|_| SqliteReason::Damaged)?;
        let connection = open_copy(file.path())?;
        connection.set_prepared_statement_cache_capacity(MOST_STATEMENTS);
        connection.execute_batch("BEGIN").map_err(|_| SqliteReason::Damaged)?;
        Ok(Output { file, connection, versions })
    }

    /// Stores `value` in a cell of the row with this key.
    pub fn update(&self, sql: &str, key: &[ValueRef<'_>], value: &Value) -> Result<()> {
        let updated = self.connection.prepare_cached(sql).and_then(|mut update| {
            update.raw_bind_parameter(1, value)?;
            for (number, part) in key.iter().enumerate() {
                update.raw_bind_parameter(number + 2, ToSqlOutput::Borrowed(*part))?;
            }
            let mut rows = update.raw_query();
            let stored = match rows.next()? {
                Some(row) => is_stored(row.get_ref(0)?, value),
                None => false,
            };
            Ok(stored && rows.next()?.is_none())
        });
        match updated {
            Ok(true) => Ok(()),
            Ok(false) => Err(SqliteReason::Misfit.into()),
            Err(_) => Err(SqliteReason::Refused.into()),
        }
    }

    /// Ends the copy and gives its bytes to `out`.
    pub fn finish(self, table: &str, out: &mut impl Write) -> Result<()> {
        let Output { mut file, connection, versions } = self;
        connection.execute_batch("COMMIT").map_err(|_| Error::from(SqliteReason::Refused))?;
        check(&connection, table)?;
        connection.close().map_err(|_| Error::from(SqliteReason::Refused))?;
        let mut put_back = || {
            file.seek(SeekFrom::Start(VERSIONS_AT))?;
            file.write_all(&versions)?;
            file.flush()?;
            file.rewind()
        };
        put_back().map_err(write_failed)?;
        io::copy(&mut file, out).map_err(write_failed)?;
        Ok(())
    }
}

/// The statement that changes a column of the row with a key. The names of the key's parts are as in a statement.
pub(super) fn update_sql(table: &str, column: &str, key: &[String]) -> String {
    let (table, column) = (quoted(table), quoted(column));
    let parts = key.iter().enumerate().map(|(number, name)| format!("{name} = ?{}", number + 2));
    let parts = parts.collect::<Vec<_>>().join(" AND ");
    format!("UPDATE {table} SET {column} = ?1 WHERE {parts} RETURNING {column}")
}
