//! A table of a database that can be copied, with all of the database around it.

use std::io::Write;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};

use crate::error::{Error, Result};
use crate::table::Row;
use crate::table::format::copy::{Editor, Table};
use crate::table::format::source::Kept;

use super::batch::Batch;
use super::file::{check, open, quoted};
use super::output::{Output, update_sql};
use super::reason::SqliteReason;
use super::value::parse;

/// Names of the row number, of which a column may take some.
const ROW_NUMBERS: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// An open table.
pub struct SqliteTable {
    file: Arc<Kept>,
    connection: Connection,
    name: String,
    columns: Vec<String>,
    /// The name of the row number, if the table has one.
    row_number: Option<&'static str>,
    /// The column that is the row number.
    alias: Option<usize>,
    /// The columns of the primary key, by which rows are found that have no number.
    key: Vec<usize>,
    has_generated: bool,
}

/// An edit to a row of a batch.
struct Edit {
    row: usize,
    column: usize,
    text: String,
}

impl SqliteTable {
    /// Opens the table of exactly this name, and checks all of it.
    pub(super) fn open(file: Arc<Kept>, name: &str) -> Result<SqliteTable> {
        let connection = open(file.path())?;
        check(&connection, name)?;
        let mut table = SqliteTable {
            file,
            connection,
            name: name.to_owned(),
            columns: Vec::new(),
            row_number: None,
            alias: None,
            key: Vec::new(),
            has_generated: false,
        };
        table.find_columns().map_err(|_| SqliteReason::Table)?;
        Ok(table)
    }

    fn find_columns(&mut self) -> rusqlite::Result<()> {
        let (mut columns, mut keys, mut has_generated) = (Vec::new(), Vec::new(), false);
        self.connection.pragma(None, "table_xinfo", &self.name, |row| {
            let (name, kind): (String, String) = (row.get("name")?, row.get("type")?);
            if row.get::<_, i64>("hidden")? != 0 {
                has_generated = true;
                return Ok(());
            }
            if row.get::<_, i64>("pk")? > 0 {
                keys.push((columns.len(), kind.eq_ignore_ascii_case("integer")));
            }
            columns.push(name);
            Ok(())
        })?;
        let is_free = |number: &&str| !columns.iter().any(|name| name.eq_ignore_ascii_case(number));
        let free = ROW_NUMBERS.into_iter().find(is_free);
        (self.columns, self.has_generated) = (columns, has_generated);
        self.row_number = free.filter(|number| self.connection.prepare(&self.select(number)).is_ok());
        self.key = keys.iter().map(|(column, _)| *column).collect();
        if let [(column, true)] = *keys {
            // Of one column, and an integer: the row number, but for rare declarations, which this is no harm to.
            self.alias = Some(column);
        }
        Ok(())
    }

    /// The statement that gives the row number and all columns.
    fn select(&self, row_number: &str) -> String {
        let columns: Vec<_> = self.columns.iter().map(|name| quoted(name)).collect();
        format!("SELECT {row_number}, {} FROM {} NOT INDEXED", columns.join(", "), quoted(&self.name))
    }

    fn query(&self) -> Result<Statement<'_>> {
        let sql = self.select(self.row_number.unwrap_or("0"));
        self.connection.prepare(&sql).map_err(|_| SqliteReason::Table.into())
    }

    /// Calls `see` with each batch and the number of rows before it, until it wants no more.
    fn batches(&self, mut see: impl FnMut(&Batch, u64) -> Result<bool>) -> Result<u64> {
        let mut query = self.query()?;
        let mut found = query.query([]).map_err(|_| SqliteReason::Table)?;
        let (mut batch, mut rows) = (Batch::default(), 0);
        while batch.fill(&mut found, self.columns.len()).map_err(|error| error.at_row(rows + 1))? {
            let more = see(&batch, rows).map_err(|error| error.after_rows(rows))?;
            rows += batch.numbers.len() as u64;
            if !more {
                break;
            }
        }
        Ok(rows)
    }

    /// Whether cells can be changed by the number of their row, or by its key.
    pub(super) fn check_editable(&self) -> Result<()> {
        if self.row_number.is_none() && self.key.is_empty() {
            return Err(SqliteReason::WithoutKey.into());
        }
        if self.has_generated { Err(SqliteReason::Generated.into()) } else { Ok(()) }
    }

    /// The names, in statements, of what rows are found by.
    fn key_names(&self) -> Vec<String> {
        match self.row_number {
            Some(number) => vec![number.to_owned()],
            None => self.key.iter().map(|&column| quoted(&self.columns[column])).collect(),
        }
    }

    /// What a row is found by. No edit changes it.
    fn key<'b>(&self, batch: &'b Batch, row: usize) -> Result<Vec<ValueRef<'b>>> {
        if self.row_number.is_some() {
            return Ok(vec![ValueRef::Integer(batch.numbers[row])]);
        }
        let key: Vec<_> = self.key.iter().map(|&column| batch.value(row, column)).collect();
        if key.contains(&ValueRef::Null) { Err(SqliteReason::KeyOfBytes.into()) } else { Ok(key) }
    }

    fn apply(&self, batch: &Batch, edits: &[Edit], output: &Output, updates: &[String]) -> Result<()> {
        for Edit { row, column, text } in edits {
            let placed =
                |error: Error| error.at_row(*row as u64 + 1).at_column(self.columns[*column].clone());
            if self.row_number.is_none() && self.key.contains(column) {
                return Err(placed(SqliteReason::Key.into()));
            }
            if self.alias == Some(*column) {
                return Err(placed(SqliteReason::RowNumber.into()));
            }
            let key = self.key(batch, *row).map_err(placed)?;
            let old = batch.value(*row, *column);
            let is_absent = old.data_type() == rusqlite::types::Type::Null;
            let reason = if is_absent { SqliteReason::NoValue } else { SqliteReason::Misfit };
            let value = parse(text, old).ok_or_else(|| placed(reason.into()))?;
            output.update(&updates[*column], &key, &value).map_err(placed)?;
        }
        Ok(())
    }
}

impl Table for SqliteTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn peek(&mut self, see: &mut dyn FnMut(&dyn Row)) -> Result<()> {
        self.batches(|batch, _| {
            batch.rows().for_each(|row| see(&row));
            Ok(false)
        })?;
        Ok(())
    }

    fn rows(self, see: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<u64> {
        self.batches(|batch, _| {
            for (number, row) in batch.rows().enumerate() {
                see(&row).map_err(|error| error.at_row(number as u64 + 1))?;
            }
            Ok(true)
        })
    }

    fn copy<E: Editor>(
        self,
        editor: &E,
        outputs: &mut [impl Write + Send],
        mut merge: impl FnMut(&mut E::Work) -> Result<()> + Send,
    ) -> Result<u64> {
        self.check_editable()?;
        let key = self.key_names();
        let updates: Vec<_> =
            self.columns.iter().map(|column| update_sql(&self.name, column, &key)).collect();
        let copies = outputs.iter().map(|_| Output::new(self.file.path())).collect::<Result<Vec<_>>>()?;
        let mut edits: Vec<Vec<Edit>> = copies.iter().map(|_| Vec::new()).collect();
        let mut work = E::Work::default();
        let rows = self.batches(|batch, _| {
            edits.iter_mut().for_each(Vec::clear);
            editor.begin(&mut work);
            for (row, cells) in batch.rows().enumerate() {
                editor.row(&cells, &mut work, &mut |copy, column, text| {
                    edits[copy].push(Edit { row, column, text: text.to_owned() });
                });
            }
            editor.end(&mut work)?;
            for (output, edits) in copies.iter().zip(&edits) {
                self.apply(batch, edits, output, &updates)?;
            }
            merge(&mut work)?;
            Ok(true)
        })?;
        copies.into_iter().zip(outputs).try_for_each(|(copy, out)| copy.finish(&self.name, out))?;
        Ok(rows)
    }
}
