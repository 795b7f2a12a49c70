//! Databases made here, copied, and opened again.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::Connection;

use crate::table::format::source::Kept;
use tempfile::TempDir;

use super::*;
use crate::table::Row;
use crate::table::format::copy::{Editor, Table};

const SCHEMA: &str = "
    CREATE TABLE visits (
        id INTEGER PRIMARY KEY, note TEXT, cost REAL, price DECIMAL(10,2), raw BLOB, rowid TEXT
    );
    CREATE INDEX by_note ON visits (note);
    INSERT INTO visits VALUES
        (1, ' one ', 1.5, 12.25, x'00', 'a'), (5, 'two', 2, 3, NULL, 'b'), (7, NULL, -1e-7, '', 7, 'c');
    CREATE TABLE empty (a);
    CREATE VIEW looks AS SELECT * FROM visits;
    CREATE TRIGGER t AFTER UPDATE ON visits BEGIN DELETE FROM visits; END;
";

/// A file of this schema, in a folder that lasts as long.
fn database(schema: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b%?#.db");
    Connection::open(&path).unwrap().execute_batch(schema).unwrap();
    (folder, path)
}

/// Changes cells of copy 1 that say the first into the second.
struct Changes(&'static [(&'static str, &'static str)]);

impl Editor for Changes {
    type Work = ();

    fn begin(&self, (): &mut ()) {}

    fn row(&self, row: &impl Row, (): &mut (), edit: &mut impl FnMut(usize, usize, &str)) {
        for column in 0..6 {
            let text = row.cell(column);
            if let Some((_, new)) = self.0.iter().find(|(old, _)| old.as_bytes() == &*text) {
                edit(1, column, new);
            }
        }
    }

    fn end(&self, (): &mut ()) -> Result<()> {
        Ok(())
    }
}

fn copied(path: &Path, changes: &'static [(&'static str, &'static str)]) -> Result<[Vec<u8>; 2]> {
    let mut outputs = [Vec::new(), Vec::new()];
    table(Kept::at(path), None)?.copy(&Changes(changes), &mut outputs, |()| Ok(()))?;
    Ok(outputs)
}

/// All values as SQL writes them.
fn values(bytes: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.db");
    fs::write(&path, bytes).unwrap();
    let connection = Connection::open(&path).unwrap();
    let sql =
        "SELECT concat_ws(',', quote(id), quote(note), quote(cost), quote(price), quote(raw)) FROM visits";
    let mut query = connection.prepare(sql).unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(|row| row.unwrap()).collect()
}

fn all(path: &Path) -> Vec<(String, io::Result<String>)> {
    let Ok(founds) = read(Kept::at(path)) else { return Vec::new() };
    let text = |mut found: Found| {
        let mut text = String::new();
        let read = found.csv.read_to_string(&mut text);
        (found.name, read.map(|_| text))
    };
    founds.into_iter().map(text).collect()
}

#[test]
fn every_ordinary_table_is_read() {
    let (_folder, path) = database(SCHEMA);
    let found = all(&path);
    let visits = "id,note,cost,price,raw,rowid\n1,one,1.5,12.25,,a\n5,two,2,3,,b\n7,,-0.0000001,,7,c\n";
    assert_eq!((found[0].0.as_str(), found[0].1.as_ref().unwrap().as_str()), ("visits", visits));
    assert_eq!((found[1].0.as_str(), found[1].1.as_ref().unwrap().as_str()), ("empty", "a\n"));
    assert_eq!(found.len(), 2);
}

#[test]
fn an_edit_changes_its_value_and_keeps_its_class() {
    let (_folder, path) = database(SCHEMA);
    let before = fs::read(&path).unwrap();
    let changes = &[("one", "it's"), ("1.5", "1.75"), ("12.25", "13"), ("3", "4"), ("-0.0000001", "-2.5")];
    let [_, copy] = copied(&path, changes).unwrap();
    assert_eq!(values(&copy), ["1,' it''s ',1.75,13,X'00'", "5,'two',2.0,4,NULL", "7,NULL,-2.5,'',7"]);
    assert_eq!(copied(&path, changes).unwrap()[1], copy, "twice the same bytes");
    assert_eq!(fs::read(&path).unwrap(), before, "the source stays");
    assert_eq!(copied(&path, &[]).unwrap(), [before.clone(), before], "a copy without edits is the file");
}

#[test]
fn what_a_cell_cannot_hold_is_an_error_with_its_place() {
    let (_folder, path) = database(SCHEMA);
    for (changes, said) in [
        (
            &[("two", "2"), ("3", "x")] as &[_],
            "row 2, column `price`: a new text can't be stored as the value was",
        ),
        (&[("3", "3.5")], "row 2, column `price`: a new text can't be stored as the value was"),
        (&[("1.5", "1e999")], "row 1, column `cost`: a new text can't be stored as the value was"),
        (&[("5", "6")], "row 2, column `id`: the column is the row number itself"),
        (&[("", "x")], "row 1, column `raw`: the cell holds no number and no text, so it can't be changed"),
    ] {
        let error = copied(&path, changes).unwrap_err();
        assert_eq!(error.to_string(), said);
        assert!(error.hint().is_some());
    }
    // A text in a column of numbers would become one.
    let (_folder, path) = database("CREATE TABLE t (a NUMERIC); INSERT INTO t VALUES ('x');");
    assert!(copied(&path, &[("x", "12")]).unwrap_err().to_string().contains("as the value was"));
    let (_folder, path) = database("CREATE TABLE t (a TEXT UNIQUE); INSERT INTO t VALUES ('x'), ('y');");
    assert!(copied(&path, &[("x", "y")]).unwrap_err().to_string().contains("can't be changed"));
}

#[test]
fn the_table_is_chosen_by_name_or_is_the_only_one_with_rows() {
    let (_folder, path) = database(SCHEMA);
    assert_eq!(table(Kept::at(&path), None).unwrap().columns().len(), 6);
    assert_eq!(table(Kept::at(&path), Some("Empty")).unwrap().columns(), ["a"]);
    let error = table(Kept::at(&path), Some("looks")).err().unwrap();
    assert_eq!(error.to_string(), "the database has no table of that name, but `visits`, `empty`");
    let (_folder, path) = database(
        "CREATE TABLE a (x); CREATE TABLE b (x); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)",
    );
    let error = table(Kept::at(&path), None).err().unwrap();
    assert_eq!(error.to_string(), "the database has several tables: `a`, `b`");
    assert!(error.hint().unwrap().contains("--table"));
    let (_folder, path) = database("CREATE TABLE t (rowid, oid, _rowid_); INSERT INTO t VALUES (1, 2, 3)");
    let error = table(Kept::at(&path), None).err().unwrap();
    assert_eq!(error.to_string(), "the table has no row numbers and no key");
    assert_eq!(all(&path)[0].1.as_ref().unwrap(), "rowid,oid,_rowid_\n1,2,3\n");
    let (_folder, path) = database("CREATE TABLE t (x, y AS (x + 1)); INSERT INTO t VALUES (1)");
    assert!(table(Kept::at(&path), None).err().unwrap().to_string().contains("computed"));
    assert_eq!(all(&path)[0].1.as_ref().unwrap(), "x\n1\n");
}

#[test]
fn a_log_beside_the_file_is_an_error_and_a_finished_one_is_none() {
    let (_folder, path) = database(&format!("PRAGMA journal_mode = wal; {SCHEMA}"));
    let [same, copy] = copied(&path, &[("two", "three")]).unwrap();
    assert_eq!((same, &copy[18..20]), (fs::read(&path).unwrap(), &[2, 2][..]));
    assert!(values(&copy)[1].contains("'three'"));
    let open = Connection::open(&path).unwrap();
    open.execute_batch("UPDATE visits SET note = 'x' WHERE 0; CREATE TABLE more (a)").unwrap();
    let error = table(Kept::at(&path), None).err().unwrap();
    assert!(error.to_string().contains("second file"));
    assert!(error.hint().unwrap().contains("checkpoint"));
}

const KEYED: &str = "
    CREATE TABLE visits (
        note TEXT, id TEXT COLLATE NOCASE, cost REAL, price, raw, n INTEGER, PRIMARY KEY (n, id)
    ) WITHOUT ROWID;
    INSERT INTO visits VALUES (' one ', 'A', 1.5, 2, NULL, 1), ('two', 'a', 1.5, 2, NULL, 2),
        ('x', 'b', 1.5, 2, NULL, 2);
";

#[test]
fn rows_without_a_number_are_found_by_their_key() {
    let (_folder, path) = database(KEYED);
    let [same, copy] = copied(&path, &[("one", "1"), ("two", "zwei"), ("1.5", "2.5")]).unwrap();
    assert_eq!(same, fs::read(&path).unwrap());
    let rows = ["'A',' 1 ',2.5,2,NULL", "'a','zwei',2.5,2,NULL", "'b','x',2.5,2,NULL"];
    assert_eq!(values(&copy), rows);
    let error = copied(&path, &[("A", "B")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 1, column `id`: the column is part of the key by which rows are found"
    );
    let bytes = "CREATE TABLE t (k PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES (x'00', 'v')";
    let (_folder, path) = database(bytes);
    let error = copied(&path, &[("v", "w")]).unwrap_err();
    assert_eq!(error.to_string(), "row 1, column `v`: the key of the row is neither number nor text");
}

#[test]
fn mutations_never_panic_or_hang() {
    let (folder, path) = database(SCHEMA);
    let (_other, keyed) = database(KEYED);
    let wholes = [fs::read(&path).unwrap(), fs::read(&keyed).unwrap()];
    let mut random = StdRng::seed_from_u64(3);
    let mutated = folder.path().join("mutated.db");
    for round in 0..600 {
        let mut file = wholes[round % 2].clone();
        for _ in 0..random.random_range(1..8) {
            // Where something is, more often than in empty pages.
            let page = random.random_range(0..file.len() / 4096) * 4096;
            let at = page
                + if random.random() { random.random_range(0..120) } else { random.random_range(3900..4096) };
            match random.random_range(0..4) {
                0 => file[at] = random.random(),
                1 => file[at] ^= 1 << random.random_range(0..8),
                2 => file.copy_within(page..page + 200, (at / 4096) * 4096),
                _ => file.truncate(at.max(4096)),
            }
        }
        fs::write(&mutated, &file).unwrap();
        all(&mutated);
        let _ = copied(&mutated, &[("one", "three"), ("1.5", "2.5")]);
    }
}
