//! Text that was made to be looked at, in every shape.

use std::io::Read;

use super::*;
use crate::table::format::found::Faults;

mod rendered;

/// The tables of a text as CSV, in the shape that is sniffed.
fn read(text: &str) -> (Option<Shape>, Vec<String>) {
    let Some(shape) = sniff(text.as_bytes()) else { return (None, Vec::new()) };
    let reader = std::io::Cursor::new(text.to_owned());
    let texts = tables(reader, shape, Faults::default()).map(|found| {
        let mut csv = String::new();
        found.unwrap().csv.read_to_string(&mut csv).unwrap();
        csv
    });
    (Some(shape), texts.collect())
}

const MARKDOWN: &str = concat!(
    "look what I found:\n",
    "\n",
    "> | id | name |\n",
    "> |----|:----:|\n",
    "> | 1 | Anna Berg |\n",
    "> | 2 | a\\|b |\n",
    "\n",
    "wow | ok\n",
);
const MYSQL: &str = concat!(
    "+----+------+\n",
    "| id | name |\n",
    "+----+------+\n",
    "|  1 | Ann  |\n",
    "|  2 | Bo   |\n",
    "+----+------+\n",
    "2 rows in set\n",
);
const PSQL: &str = " id | name \n----+------\n  1 | Ann\n  2 | \n(2 rows)\n";
const DUCKDB: &str = concat!(
    "┌───────┬─────────┐\n",
    "│  id   │  name   │\n",
    "│ int32 │ varchar │\n",
    "├───────┼─────────┤\n",
    "│     1 │ Ann     │\n",
    "│   ·   │ ·       │\n",
    "│     2 │ Bo      │\n",
    "└───────┴─────────┘\n",
);
const GRID: &str = concat!(
    "+----+------+\n",
    "| id | name |\n",
    "+====+======+\n",
    "| 1  | Anna |\n",
    "|    | Berg |\n",
    "+----+------+\n",
    "| 2  | Bo   |\n",
    "+----+------+\n",
);
const CARDS: &str = "Id: 1\nName: Ann\n\nId: 2\nName: Bo: x\n";
const EXPANDED: &str = "-[ RECORD 1 ]---\nid   | 1\nname | Ann\n-[ RECORD 2 ]---\nid   | 2\nname | \n";
const VERTICAL: &str = concat!(
    "*************************** 1. row ***************************\n",
    "  id: 1\n",
    "name: Ann\n",
    "*************************** 2. row ***************************\n",
    "  id: 2\n",
    "name: Bo\n",
);
const LOG: &str = "t=10:20 level=info id=1 name=\"Ann \\\"B\\\"\"\nt=10:21 id=2 extra=x\n";
const PRINTED: &str = concat!(
    "    id        name  weight\n",
    "0    1   Anna Berg    70.5\n",
    "1    2          Bo       8\n",
    "..  ..         ...     ...\n",
    "9   10     Cy Long   100.0\n",
);
const PAGES: &str = concat!(
    "Report of the ward\n",
    "\n",
    "id   name        town\n",
    "1    Anna Berg   Ulm\n",
    "2    Bo          Bad Ems\n",
    "\n",
    "             page 1\n",
    "\u{c}id   name       town\n",
    "3    Cy         Ulm\n",
    "4    Di Wu      Bonn\n",
);

#[test]
fn tables_with_rules_are_read() {
    let of = |text| {
        let (shape, tables) = read(text);
        assert_eq!(shape, Some(Shape::Ruled));
        tables
    };
    assert_eq!(of(MARKDOWN), ["id,name\n1,Anna Berg\n2,a|b\n"]);
    assert_eq!(of(MYSQL), ["id,name\n1,Ann\n2,Bo\n"]);
    assert_eq!(of(PSQL), ["id,name\n1,Ann\n2,\n"]);
    assert_eq!(of(DUCKDB), ["id,name\n1,Ann\n2,Bo\n"]);
    assert_eq!(of(GRID), ["id,name\n1,Anna Berg\n2,Bo\n"]);
    assert_eq!(of(&format!("{MYSQL}and\n{PSQL}")).len(), 2);
}

#[test]
fn a_last_line_that_is_cut_gives_what_it_has() {
    for text in [MYSQL, PSQL, CARDS, EXPANDED, VERTICAL] {
        let text = text.replace("2 | \n", "2 | Bo\n").replace("name | \n", "name | Bo\n");
        assert_eq!(read(&text[..text.find("Bo").unwrap() + 1]).1[0].to_lowercase(), "id,name\n1,ann\n2,b\n");
    }
    let cut = |text: &str, end: &str| read(&text[..text.find(end).unwrap()]).1;
    assert_eq!(cut(PRINTED, " Long"), [",id,name,weight\n0,1,Anna Berg,70.5\n1,2,Bo,8\n9,10,Cy,\n"]);
    let log = "t=1 name=\"Ann B\"\nt=2 name=\"Bo C\"\nt=3 name=\"Cy D\"\n";
    assert_eq!(cut(log, " D"), ["t,name\n1,Ann B\n2,Bo C\n3,Cy\n"]);
    let page = "<table><tr><td>id<td>name<tr><td>1<td>Ann<tr><td>2<td>Bo";
    for end in ["o", "o&am", "o<", "o</t", "o</td", "o</td></tr", "o<!-- "] {
        let text = format!("{}{end}", &page[..page.len() - 1]);
        assert_eq!(
            read(&text).1[0].trim_end_matches(['\n', '<', '&', 'a', 'm']),
            "id,name\n1,Ann\n2,Bo",
            "{end}"
        );
    }
}

#[test]
fn nul_bytes_and_lines_too_long_are_said() {
    let faults = |text: String| {
        let shape = sniff(text.as_bytes()).unwrap();
        let (mut csv, mut faults) = (String::new(), Vec::new());
        for found in tables(std::io::Cursor::new(text), shape, Faults::default()) {
            let mut found = found.unwrap();
            found.csv.read_to_string(&mut csv).unwrap();
            faults.extend(found.faults.list().iter().map(|fault| fault.what));
        }
        (csv, faults)
    };
    for text in [MYSQL, PSQL, GRID, CARDS, EXPANDED, VERTICAL, PRINTED] {
        let (csv, found) = faults(text.replacen("Ann", "A\0nn", 1));
        assert!(csv.contains("Ann") && found.contains(&"with NUL bytes, left out"), "{text:?} {found:?}");
    }
    let long = "x".repeat(3 << 20);
    for text in [MYSQL, CARDS, EXPANDED, VERTICAL, LOG] {
        let (csv, found) = faults(format!("{text}{}", text.replace("Ann", &long)));
        assert!(csv.contains("xxx") && found.contains(&"with a line too long, cut"), "{text:?} {found:?}");
    }
}

#[test]
fn a_card_that_stands_alone_is_a_table_of_one_row() {
    let card = "Name: Anna Berg\nBorn: 1970-01-31\nTown: Ulm\n\nSeen: 10:20\n";
    assert_eq!(read(card).0, Some(Shape::Pairs));
    assert_eq!(sniff(b"Name: Anna\nTown: Ulm\n"), None);
    assert_eq!(sniff(format!("{card}and so on\n").as_bytes()), None);
}

#[test]
fn columns_below_each_other_are_read() {
    let csv = ",id,name,weight\n0,1,Anna Berg,70.5\n1,2,Bo,8\n9,10,Cy Long,100.0\n";
    assert_eq!(read(PRINTED), (Some(Shape::Aligned), vec![csv.into()]));
    let csv = "id,name,town\n1,Anna Berg,Ulm\n2,Bo,Bad Ems\n3,Cy,Ulm\n4,Di Wu,Bonn\n";
    assert_eq!(read(PAGES), (Some(Shape::Aligned), vec![csv.into()]));
}

#[test]
fn a_long_section_is_read_in_parts() {
    let text = (0..2000).fold("id    name\n".to_owned(), |text, row| text + &format!("{row:<5} Ann {row}\n"));
    let csv = (0..2000).fold("id,name\n".to_owned(), |csv, row| csv + &format!("{row},Ann {row}\n"));
    assert_eq!(read(&text), (Some(Shape::Aligned), vec![csv]));
}

#[test]
fn blocks_of_keys_are_read() {
    assert_eq!(read(CARDS), (Some(Shape::Pairs), vec!["Id,Name\n1,Ann\n2,Bo: x\n".into()]));
    assert_eq!(read(EXPANDED), (Some(Shape::Pairs), vec!["id,name\n1,Ann\n2,\n".into()]));
    assert_eq!(read(VERTICAL), (Some(Shape::Pairs), vec!["id,name\n1,Ann\n2,Bo\n".into()]));
}

#[test]
fn log_lines_are_read() {
    let csv = "t,level,id,name,extra\n10:20,info,1,\"Ann \"\"B\"\"\",\n10:21,,2,,x\n";
    assert_eq!(read(LOG), (Some(Shape::Logfmt), vec![csv.into()]));
}

const PAGE: &str = "<!DOCTYPE html><html><head><style>td > b { x:1; }</style>
<script>if (a<b) x('<table>')</script>
<body><table border=1 title='a > b'>
<thead><tr><th colspan=2>Ward &amp; House</th></tr><TR class=x><TH>id<TH>na<b>me</b></thead>
<!-- <tr><td>0<td>no --><tr><td> 1 </td><td>M&uuml;ller,<br/>A&#110;na &lt;x&gt; a < b &foo; &</td></tr>
<tr><td>2<td>
 Bo<span
 class=y> the</span>
 2nd<tr><td>3</table> text <table><tr><td>layout<table><tr><td>k</td><td>v</td></tr><tr><td>a</td><td>1</td></tr></table></table>
<table><tr><th>only</th></tr><tr><td>x</td></tr><tr><td>y";

#[test]
fn pages_are_read() {
    let (shape, tables) = read(PAGE);
    assert_eq!(shape, Some(Shape::Html));
    let first = "id,name\n1,\"Müller, Anna <x> a < b &foo; &\"\n2,Bo the 2nd\n3,\n";
    assert_eq!(tables, [first, "k,v\na,1\n", "only\nx\ny\n"]);
    assert_eq!(read("see:\n<table><tr><th>a<th>b<tr><td>1<td>2").1, ["a,b\n1,2\n"]);
    assert_eq!(sniff(b"id,note\n1,<table><td>x\n2,<table><td>y\n"), None);
}

#[test]
fn a_page_in_one_long_line_is_read_whole() {
    let rows: String =
        (0..60_000).map(|row| format!("<tr><td>{row}</td><td>Müßig {row}</td></tr>")).collect();
    let (_, tables) = read(&format!("<table><tr><th>id</th><th>name</th></tr>{rows}</table>"));
    let csv = (0..60_000).fold("id,name\n".to_owned(), |csv, row| csv + &format!("{row},Müßig {row}\n"));
    assert!(tables == [csv]);
}

#[test]
fn what_reads_well_as_csv_is_left_to_it() {
    for text in [
        "a,b\n1,2\n3,4\n",
        "a\tb\n1\t2\n",
        "A|1\nB|2\nA|3\n",
        "a;b\n\"x\ny\";2\n",
        "",
        "prose only\nmore of it\n",
        "id\n1\n2\n",
        "id,note\n1,a=1 b=2\n2,a=2 b=3\n3,a=3 b=4\n",
        "id,note\n1,\"| a | b |\n|---|---|\"\n2,x\n3,y\n4,z\n",
    ] {
        assert_eq!(sniff(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn damaged_text_never_panics() {
    let mut seed = 7_u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as usize
    };
    let shapes = [Shape::Ruled, Shape::Aligned, Shape::Pairs, Shape::Logfmt, Shape::Html];
    for text in [MARKDOWN, MYSQL, PSQL, DUCKDB, GRID, CARDS, EXPANDED, VERTICAL, LOG, PRINTED, PAGES, PAGE] {
        for _ in 0..400 {
            let mut bytes = text.as_bytes().to_vec();
            for _ in 0..1 + next() % 4 {
                let at = next() % bytes.len();
                match next() % 3 {
                    0 => bytes[at] ^= 1 << (next() % 8),
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.extend_from_within(at..),
                }
            }
            sniff(&bytes);
            for shape in shapes {
                for found in tables(std::io::Cursor::new(bytes.clone()), shape, Faults::default()) {
                    std::io::copy(&mut found.unwrap().csv, &mut std::io::sink()).unwrap();
                }
            }
        }
    }
}
