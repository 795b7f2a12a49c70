//! Dumps of three programs: what their cells say, and copies byte for byte.

use std::io::Read;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::error::{Error, Result};
use crate::table::Row;
use crate::table::format::block::{Options, Reading};
use crate::table::format::copy::{Editor, Table};

const POSTGRES: &str = "--
-- PostgreSQL database dump
--

\\restrict abc
SET standard_conforming_strings = on;
CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.visits VALUES ('it''s', 1); RETURN NEW; END; $$;
CREATE TABLE public.visits (
    id integer NOT NULL,
    note text DEFAULT 'a,b;'::text,
    cost numeric(10,2),
    CONSTRAINT c CHECK ((cost > (0)::numeric))
);
COPY public.empty (a) FROM stdin;
\\.
COPY public.visits (id, note, cost) FROM stdin;
1\tone\\ttwo\t12.50
2\t\\N\t
3\tc:\\\\d\\n it's \t-1
\\.

SELECT pg_catalog.setval('public.visits_id_seq', 3, true);
";

const MYSQL: &str = "-- MySQL dump 10.13  Distrib 8.0
/*!40101 SET NAMES utf8 */;
CREATE TABLE `visits` (
  `id` int NOT NULL, -- it's
  `key` varchar(20) DEFAULT ',',
  `raw` blob,
  PRIMARY KEY (`id`), KEY `k` (`key`)
) ENGINE=InnoDB;
LOCK TABLES `visits` WRITE;
INSERT INTO `visits` VALUES (1,'it\\'s; (a),(b)',_binary 'x\\0y'),(2,NULL,0x00FF),
(-3.5e2,\"q\"\"\\n\",TRUE);
INSERT IGNORE INTO `visits` VALUES (4,'\\\\',now(1, ')'));
UNLOCK TABLES;
DELIMITER ;;
CREATE PROCEDURE p() BEGIN INSERT INTO other VALUES (1); END ;;
DELIMITER ;
";

const SQLITE: &str = "PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE IF NOT EXISTS \"visits\" (id INTEGER PRIMARY KEY, \"the note\" TEXT, [cost] REAL);
INSERT INTO visits VALUES(1,'it''s \\n',1.5);
INSERT INTO visits VALUES(2,replace('a\\nb','\\n',char(10)),NULL);
INSERT INTO visits VALUES(3,'c:\\',X'00');
CREATE TRIGGER t AFTER INSERT ON visits BEGIN INSERT INTO log VALUES(1); END;
COMMIT;
";

fn options(block_bytes: usize) -> Options {
    Options { block_bytes, ..Options::new(Reading::Strict) }
}

fn cells(file: &str, name: Option<&str>) -> Result<Vec<Vec<String>>> {
    let table = table(file.as_bytes(), name, options(16))?;
    let mut all = vec![table.columns().to_vec()];
    let width = table.columns().len();
    table.rows(&mut |row| {
        all.push((0..width).map(|at| String::from_utf8_lossy(&row.cell(at)).into_owned()).collect());
        Ok(())
    })?;
    Ok(all)
}

/// Changes cells that say the first into the second, in copies of odd number.
struct Changes(Vec<(&'static str, &'static str)>);

impl Editor for Changes {
    type Work = u64;

    fn begin(&self, rows: &mut u64) {
        *rows = 0;
    }

    fn row(&self, row: &impl Row, rows: &mut u64, edit: &mut impl FnMut(usize, usize, &str)) {
        *rows += 1;
        for column in 0..3 {
            let text = row.cell(column);
            if let Some((_, new)) = self.0.iter().find(|(old, _)| old.as_bytes() == &*text) {
                edit(1, column, new);
            }
        }
    }

    fn end(&self, _: &mut u64) -> Result<()> {
        Ok(())
    }
}

fn copied(file: &[u8], changes: &[(&'static str, &'static str)], block_bytes: usize) -> Result<String> {
    let mut outputs = [Vec::new(), Vec::new()];
    let mut seen = 0;
    let editor = Changes(changes.to_vec());
    let table = table(file, Some("visits"), options(block_bytes))?;
    let rows = table.copy(&editor, &mut outputs, |rows| {
        seen += *rows;
        Ok(())
    })?;
    assert_eq!(rows, seen);
    assert!(outputs[0] == file, "a copy without edits is the file");
    Ok(String::from_utf8_lossy(&outputs[1]).into_owned())
}

#[test]
fn a_dump_of_postgresql_says_its_columns_and_cells() {
    let expected =
        [["id", "note", "cost"], ["1", "one\ttwo", "12.50"], ["2", "", ""], ["3", "c:\\d\n it's", "-1"]];
    assert_eq!(cells(POSTGRES, None).unwrap(), expected);
    assert_eq!(cells(POSTGRES, Some("public.visits")).unwrap(), expected);
    assert_eq!(cells(POSTGRES, Some("\"visits\"")).unwrap(), expected);
}

#[test]
fn a_dump_of_mysql_says_its_columns_and_cells() {
    let expected = [
        ["id", "key", "raw"],
        ["1", "it's; (a),(b)", "x\0y"],
        ["2", "", ""],
        ["-350", "q\"\n", "true"],
        ["4", "\\", ""],
    ];
    assert_eq!(cells(MYSQL, None).unwrap(), expected);
}

#[test]
fn a_dump_of_sqlite_says_its_columns_and_cells() {
    let expected =
        [["id", "the note", "cost"], ["1", "it's \\n", "1.5"], ["2", "a\nb", ""], ["3", "c:\\", ""]];
    assert_eq!(cells(SQLITE, None).unwrap(), expected);
}

#[test]
fn an_edit_changes_its_cell_and_keeps_how_it_is_written() {
    for block_bytes in [1, 40, 1 << 18] {
        let copy = copied(
            POSTGRES.as_bytes(),
            &[("one\ttwo", "a\\b"), ("c:\\d\n it's", "x\ny"), ("-1", "-2")],
            block_bytes,
        );
        let expected = POSTGRES.replace("one\\ttwo", "a\\\\b").replace("c:\\\\d\\n it's \t-1", "x\\ny \t-2");
        assert_eq!(copy.unwrap(), expected);
        let copy = copied(
            MYSQL.as_bytes(),
            &[("1", "11"), ("it's; (a),(b)", "'\\"), ("-350", "2.5"), ("q\"\n", "\"")],
            block_bytes,
        );
        let expected = MYSQL
            .replace("(1,'it\\'s; (a),(b)'", "(11,'\\'\\\\'")
            .replace("-3.5e2,\"q\"\"\\n\"", "2.5,\"\\\"\"");
        assert_eq!(copy.unwrap(), expected);
        let copy =
            copied(SQLITE.as_bytes(), &[("it's \\n", "'\\"), ("c:\\", "d:\\"), ("1.5", "1.25")], block_bytes);
        let expected = SQLITE.replace("'it''s \\n',1.5", "'''\\',1.25").replace("'c:\\'", "'d:\\'");
        assert_eq!(copy.unwrap(), expected);
    }
}

#[test]
fn an_edit_that_a_cell_cannot_hold_is_an_error_with_its_place() {
    let error = copied(SQLITE.as_bytes(), &[("1.5", "1,5")], 16).unwrap_err();
    let said = "row 1, column `cost`: the new text is no number, but the cell is written as one";
    assert_eq!(error.to_string(), said);
    assert!(error.hint().is_some());
    let error = copied(SQLITE.as_bytes(), &[("a\nb", "x")], 16).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 2, column `the note`: the cell is no plain value, so it can't be changed"
    );
}

#[test]
fn two_tables_with_rows_need_a_name() {
    let two = format!("{POSTGRES}INSERT INTO app.other VALUES (1);\nINSERT INTO third VALUES (1);\n");
    let error = cells(&two, None).unwrap_err();
    assert_eq!(error.to_string(), "the dump has several tables: `public.visits`, `app.other`, `third`");
    assert!(error.hint().unwrap().contains("--table"));
    assert_eq!(cells(&two, Some("Visits")).unwrap().len(), 4);
    assert_eq!(cells(&two, Some("app.other")).unwrap(), [["column1"], ["1"]]);
    let error = cells(&two, Some("nothing")).unwrap_err();
    assert!(error.to_string().contains("no table of that name"), "{error}");
    let again = format!("{POSTGRES}COPY old.visits FROM stdin;\n1\t2\t3\n\\.\n");
    assert!(cells(&again, Some("visits")).unwrap_err().to_string().contains("`old.visits`"));
    assert_eq!(cells(&again, Some("public.visits")).unwrap().len(), 4);
}

#[test]
fn a_row_of_another_width_is_an_error_with_its_number() {
    let error = cells(&MYSQL.replace("(4,", "(4,4,"), None).unwrap_err();
    assert_eq!(error.to_string(), "row 4: row has 4 values, the table has 3 columns");
    let error = cells(&POSTGRES.replace("2\t", ""), None).unwrap_err();
    assert_eq!(error.to_string(), "row 2: row has 2 values, the table has 3 columns");
    let cut = POSTGRES.split("\\.\n\nSELECT").next().unwrap();
    assert!(cells(cut, None).unwrap_err().to_string().contains("ends within"));
    let cut = MYSQL.split("now(").next().unwrap();
    assert_eq!(cells(cut, None).unwrap_err().to_string(), "row 4: a row can't be read");
}

fn tables(file: &[u8], max_record_bytes: usize) -> Vec<(String, String, u64)> {
    let options = Options { max_record_bytes, ..Options::new(Reading::Tolerant) };
    let found = read(file, options).unwrap().map(|found| {
        let mut found = found.unwrap();
        let mut text = Vec::new();
        found.csv.read_to_end(&mut text).unwrap();
        let faults = found.faults.list().iter().map(|fault| fault.rows).sum();
        (found.name, String::from_utf8_lossy(&text).into_owned(), faults)
    });
    found.collect()
}

#[test]
fn every_table_of_a_dump_is_found_in_its_order() {
    let rest = "INSERT INTO b (x, y) VALUES (1,2),(3,4);\nINSERT INTO b (x, y) VALUES (5,6);
        insert into c values ('z');INSERT INTO b (x, y) VALUES (7,8);";
    let dump = SQLITE.to_owned() + rest;
    let found = tables(dump.as_bytes(), 1 << 20);
    let expected = [
        ("visits", "id,the note,cost\n1,it's \\n,1.5\n2,\"a\nb\",\n3,c:\\,\n"),
        ("b", "x,y\n1,2\n3,4\n5,6\n"),
        ("c", "column1\nz\n"),
        ("b", "x,y\n7,8\n"),
    ];
    let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned(), 0));
    assert_eq!(found, expected);
}

#[test]
fn what_is_broken_is_passed_over_and_counted() {
    let bad = MYSQL.replace("(2,NULL,0x00FF)", "(2,NULL)");
    let found = tables(bad.as_bytes(), 1 << 20);
    assert_eq!((found[0].1.lines().count(), found[0].2), (5, 1), "one cell has two lines");
    // Cut in the middle of a tuple, and of a line.
    let found = tables(MYSQL.split("now(").next().unwrap().as_bytes(), 1 << 20);
    assert_eq!((found[0].1.lines().count(), found[0].2), (5, 1));
    let found = tables(POSTGRES.split("it's \t").next().unwrap().as_bytes(), 1 << 20);
    assert_eq!((&*found[0].1, found[0].2), ("id,note,cost\n1,one\ttwo,12.50\n2,,\n", 1));
    // A quote that never closes.
    let bad = "INSERT INTO t VALUES (1,'a'),\n(2,'b),\n(3,NULL),(4,5);\n";
    let expected = ("t".to_owned(), "column1,column2\n1,a\n3,\n4,5\n".to_owned(), 1);
    assert_eq!(tables(bad.as_bytes(), 1 << 20), [expected]);
}

#[test]
fn long_items_cost_linear_time() {
    let bad = "INSERT INTO t VALUES ('\n".repeat(100_000) + "(1,'";
    assert!(tables(bad.as_bytes(), 1 << 16).len() <= 1);
}

#[test]
fn a_dump_is_known_by_its_beginning_and_csv_is_none() {
    for dump in [POSTGRES, MYSQL, SQLITE, "insert into t values (1);", "\n\nCOPY t FROM stdin;\n1\n"] {
        assert!(sniff(dump.as_bytes()));
    }
    let csv = "note,date\n\"x\nINSERT INTO t VALUES (1);\",2\nCREATE TABLE x,1\n";
    for text in [
        csv,
        "",
        "id\n1\n",
        "create,insert\nINSERT INTO t,2\n",
        "comment;x\nINSERT INTO t;2\n",
        "-- a\nid\n1\n",
    ] {
        assert!(!sniff(text.as_bytes()), "{text}");
    }
}

#[test]
fn mutations_never_panic() {
    let mut random = StdRng::seed_from_u64(7);
    let files = [POSTGRES, MYSQL, SQLITE];
    for round in 0..3000 {
        let mut file = files[round % 3].as_bytes().to_vec();
        for _ in 0..random.random_range(1..5) {
            let at = random.random_range(0..file.len());
            let to = (at + random.random_range(0..40)).min(file.len());
            match random.random_range(0..4) {
                0 => file[at] ^= 1 << random.random_range(0..8),
                1 => drop(file.drain(at..to)),
                2 => file.extend_from_within(at..to),
                _ => file[at] = b"'\"`;(),\\$-/\n\t"[random.random_range(0..13)],
            }
            if file.is_empty() {
                break;
            }
        }
        tables(&file, 200);
        // That no edit leaves the file as it is, is checked there.
        let _: Result<String, Error> = copied(&file, &[("1", "x"), ("12.50", "7")], 1 + round % 60);
    }
}

#[test]
fn what_the_shell_of_sqlite_calls_is_text() {
    let call = |text: &str| escape::called(text.as_bytes()).map(|text| String::from_utf8(text).unwrap());
    assert_eq!(call(r"unistr('a\u000ab\\ it''s')").unwrap(), "a\nb\\ it's");
    assert_eq!(call(r"replace(replace('a\r\nb','\r',char(13)),'\n',char(10))").unwrap(), "a\r\nb");
    assert_eq!(call(r"replace('it''s\n','\n',char(10))").unwrap(), "it's\n");
    for other in [
        "unistr('a','b')",
        "replace('a'||'b','\\n',char(10))",
        "replace(x,'\\n',char(10))",
        "unistr('')')",
        "now()",
    ] {
        assert_eq!(call(other), None, "{other}");
    }
}

#[test]
fn an_error_comes_after_the_rows_before_it() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("unplugged"))
        }
    }
    let start = POSTGRES.split("3\t").next().unwrap().to_owned() + &"3\t4\t5\n".repeat(20_000);
    let mut found = read(start.as_bytes().chain(Failing), Options::new(Reading::Tolerant)).unwrap();
    let mut text = String::new();
    let error = found.next().unwrap().unwrap().csv.read_to_string(&mut text).unwrap_err();
    assert_eq!(error.to_string(), "could not read: unplugged");
    assert_eq!(text.lines().count(), 1 + 2 + 20_000);
    assert!(found.next().is_none());
}
