//! Text that is nearly CSV: what is left out, and what is never lost.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::table::format::csv::write_record;

/// The tables of a text, each with its faults as `rows what`.
fn read(text: impl AsRef<[u8]>) -> Vec<(String, Vec<String>)> {
    let found = tables(Cursor::new(text.as_ref().to_vec()), None, Faults::default()).map(|found| {
        let mut found = found.unwrap();
        let mut csv = Vec::new();
        found.csv.read_to_end(&mut csv).unwrap();
        let faults = found.faults.list().into_iter().map(|fault| format!("{} {}", fault.rows, fault.what));
        (String::from_utf8_lossy(&csv).into_owned(), faults.collect())
    });
    found.collect()
}

fn one(text: impl AsRef<[u8]>) -> (String, Vec<String>) {
    let mut tables = read(text);
    assert_eq!(tables.len(), 1, "{tables:?}");
    tables.remove(0)
}

fn csvs(text: impl AsRef<[u8]>) -> Vec<String> {
    read(text).into_iter().map(|(csv, _)| csv).collect()
}

#[test]
fn clean_text_stays_as_it_is() {
    for text in [
        "",
        "id\n1\n2\n",
        "id,name\n1,Ann\n2,Bo",
        "id;name\r\n1;Ann\r\n\r\n2;Bo\r\n",
        "id,note\n1,\"a\n\nid,note\nb\"\n2,\"\"\"\n\nx;y;z\n1;2;3\n\"\n",
        "a,b,c\n1,2,3,\n4,5,6,\n",
        "name\n\"1\",Ann\n\"2\",Bo\n",
        "x,1\ny,2\nx,1\n",
        "name,town\n\"1\",Ann,Ulm\n\"2\",Bo,Bonn\n",
        "id,name\n1,Ann,,\n2,Bo,,\n",
        "id,name\r1,Ann\r2,Bo\r",
        "id,name\n1,\u{feff}Ann\n2,B\u{feff}o\n3,，\n",
        "a,b,c\n1,2,3\n4,5\n6\n7,8\n",
        "a,b,c\n1,2,3\n1,2,3\n1,2",
        "id,name,town\n1,Ann,Ulm\n\nBo,Cy,Di\n4,Ed,Bonn\n",
    ] {
        assert_eq!(one(text), (text.to_owned(), vec![]), "{text:?}");
    }
}

#[test]
fn files_after_each_other_are_one_table() {
    let (csv, faults) = one("id,name\n1,Ann\nid,name\n2,Bo\n\u{feff}id,name\r\n3,Cy\nid,name");
    assert_eq!(csv, "id,name\n1,Ann\n2,Bo\n3,Cy\n");
    assert_eq!(faults, ["3 repeating the header, left out"]);
    assert_eq!(one("id,name\n1,Annid,name\n2,Bo\u{feff}id,name\n3,Cy\n").0, "id,name\n1,Ann\n2,Bo\n3,Cy\n");
    assert_eq!(one("id,name\n1,x\n\nid,name\n2,y\n").0, "id,name\n1,x\n\n2,y\n");
    assert_eq!(
        one("\"id\",\"name\"\r\n1,x\r\n\"id\",\"name\"\r\n2,y\r\n").0,
        "\"id\",\"name\"\r\n1,x\r\n2,y\r\n"
    );
    assert_eq!(one("id,name\n1,x\n\u{feff}2,y\n").0, "id,name\n1,x\n2,y\n");
}

#[test]
fn a_run_of_empty_lines_is_one_break() {
    for end in ["\n", "\r\n"] {
        let (first, other) =
            (["id,name", "1,Ann", "2,Bo", ""].join(end), ["ward;beds", "A;1", "B;2", ""].join(end));
        let tables = csvs(first.clone() + &end.repeat(100_000) + &other);
        assert_eq!(tables.iter().map(|csv| csv.trim()).collect::<Vec<_>>(), [first.trim(), other.trim()]);
    }
}

#[test]
fn other_files_after_each_other_are_several_tables() {
    let b = "ward;beds;floor\nA;10;1\nB;20;2\n";
    for between in ["\n", "\u{feff}", "\u{c}", "\nBeds of the house\n\n", "\n\u{feff}"] {
        let tables = csvs(format!("id,name\n1,Ann\n2,Bo\n{between}{b}"));
        assert_eq!(tables.len(), 2, "{between:?} {tables:?}");
        assert_eq!(tables[0].trim_end(), "id,name\n1,Ann\n2,Bo");
        assert_eq!(tables[1], b);
    }
    let tables = csvs("id,name\n1,Ann\n\u{feff}ward,beds\nA,10\n");
    assert_eq!(tables, ["id,name\n1,Ann\n", "ward,beds\nA,10\n"]);
}

#[test]
fn lines_around_the_table_are_left_out() {
    let table = "id;name;town\n1;Ann;Ulm\n2;Bo;Bonn\n";
    for (before, lines) in [
        ("Report, of the ward\n\n", 1),
        ("\u{feff}Report\nexported on 2024-01-31 10:20, by me\n\n", 2),
        ("sep=;\r\n", 1),
        ("Report;;\n\n", 1),
    ] {
        let (csv, faults) = one(format!("{before}{table}"));
        assert_eq!((csv.as_str(), faults), (table, vec![format!("{lines} before the header, left out")]));
    }
    // A leak that begins in the middle of a row.
    let rows = "1;Ann;Ulm\n2;Bo;Bonn\n3;Cy;Ulm\n";
    for before in ["m\n", "7;Ulm\n"] {
        assert_eq!(one(format!("{before}{rows}")).0, rows);
    }
    for (after, lines) in [("Total: 2\n", 1), ("\nTotal: 2\nend of report", 2), ("(2 rows)\n", 1)] {
        let (csv, faults) = one(format!("{table}{after}"));
        assert_eq!(
            (csv.trim_end(), faults),
            (table.trim_end(), vec![format!("{lines} after the table, left out")])
        );
    }
}

#[test]
fn nul_bytes_are_dropped() {
    let (csv, faults) = one("\0id,name\n1,A\0\0nn\0\n\0\x002,\"B\0o\n\"\n3,x\n\0\0\0\0");
    assert_eq!(csv, "id,name\n1,Ann\n2,\"Bo\n\"\n3,x\n");
    assert_eq!(faults.len(), 1);
    assert!(faults[0].ends_with("with NUL bytes, which were dropped"));
}

#[test]
fn long_texts_are_read_in_bounded_pieces() {
    let (mut text, mut expected) = ("id,name\n".to_owned(), "id,name\n".to_owned());
    for row in 0..100_000 {
        if row % 1000 == 999 {
            text += "id,name\n";
        }
        let line = format!("{row},\"Ann\n\nid,name\n{row}\"\n");
        text += &line;
        expected += &line;
    }
    let (csv, faults) = one(&text);
    assert!(csv == expected);
    assert_eq!(faults, ["100 repeating the header, left out"]);
}

#[test]
fn what_is_found_does_not_depend_on_where_pieces_end() {
    // Lines of a length that moves every find over the ends of pieces.
    for pad in 0..40 {
        let rows: String = (0..30_000).map(|row| format!("{row},Ann {row:09}\n")).collect();
        let text = format!("id,name{}\n{rows}", "x".repeat(pad));
        let header = format!("id,name{}\n", "x".repeat(pad));
        let at = 262_144 + 4096 - 20;
        let at = at + text[at..].find('\n').unwrap() + 1;
        let messy = format!("{}{header}{}\nward;beds;floor\nA;1;2\n", &text[..at], &text[at..]);
        let tables = csvs(&messy);
        assert!(tables[0].trim_end() == text.trim_end() && tables.len() == 2);
    }
}

#[test]
fn a_table_that_is_not_read_is_passed_over() {
    let text = "id,name\n1,Ann\n\n\u{feff}ward;beds;floor\nA;10;1\n";
    let found: Vec<_> = tables(Cursor::new(text), None, Faults::default()).map(Result::unwrap).collect();
    assert_eq!(found.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(), ["", "table 2"]);
    assert_eq!(found.iter().map(|found| found.delimiter).collect::<Vec<_>>(), [Some(b','), Some(b';')]);
    assert_eq!(found[0].faults.list().len(), 1);
}

#[test]
fn an_error_comes_after_what_was_read_before_it() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("unplugged"))
        }
    }
    let reader = Cursor::new("id,name\n1,Ann\n").chain(Failing);
    let mut found = tables(reader, None, Faults::default());
    let (mut csv, mut first) = (Vec::new(), found.next().unwrap().unwrap());
    assert_eq!(first.csv.read_to_end(&mut csv).unwrap_err().to_string(), "unplugged");
    assert_eq!(csv, b"id,name\n1,Ann\n");
    assert!(found.next().is_none());
}

#[test]
fn damaged_text_never_panics_nor_hangs() {
    let text =
        "\u{feff}Title\n\nid;name\n1;\"A\n\nB\"\nid;name\n2;Bo\n\n\u{feff}a,b,c\n1,2,3\n\u{c}Total\n\0end";
    let mut seed = 7_u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as usize
    };
    for _ in 0..4000 {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..1 + next() % 6 {
            let at = next() % bytes.len();
            match next() % 3 {
                0 => bytes[at] ^= 1 << (next() % 8),
                1 => bytes.truncate(at.max(1)),
                _ => bytes.extend_from_within(at..),
            }
        }
        let length: usize = csvs(&bytes).iter().map(String::len).sum();
        assert!(length <= 3 * bytes.len() + 64);
    }
}

fn records<'a>(rows: impl IntoIterator<Item = &'a Vec<String>>) -> String {
    let mut csv = Vec::new();
    rows.into_iter().for_each(|row| write_record(row.iter(), &mut csv));
    String::from_utf8(csv).unwrap()
}

proptest! {
    #[test]
    fn any_files_after_each_other_are_one_table(
        (names, files) in (2_usize..5).prop_flat_map(|width| {
            let row = prop::collection::vec("([a-c0-9 ,;\"\n\r][a-c0-9 ,;\"\n\r\u{feff}]{0,5})?", width);
            let names = prop::collection::hash_set("[a-z]{4,8}", width);
            (names, prop::collection::vec(prop::collection::vec(row, 1..6), 1..4))
        }),
        title: bool,
        total: bool,
        mark: bool,
    ) {
        let names: Vec<String> = names.into_iter().collect();
        let between = if mark { "\u{feff}" } else { "" };
        let clean = |rows: &Vec<Vec<String>>| records([&names].into_iter().chain(rows));
        let messy: Vec<String> = files.iter().map(clean).collect();
        let title = if title { "Report\n\n" } else { "" };
        let total = if total { "9 rows\n" } else { "" };
        let text = format!("{title}{}{total}", messy.join(between));
        let expected = clean(&files.concat());
        let found = tables(Cursor::new(text.clone()), Some(b','), Faults::default());
        let csvs: Vec<String> = found.map(|found| {
            let mut csv = String::new();
            found.unwrap().csv.read_to_string(&mut csv).unwrap();
            csv
        }).collect();
        prop_assert_eq!(csvs, [expected], "{:?}", text);
    }
}
