//! Any small table, rendered by a plain writer of each shape, is read back cell by cell.

use proptest::prelude::*;

use super::super::*;
use crate::table::format::csv::write_record;
use crate::table::format::found::Faults;

/// Names and rows.
type Grid = (Vec<String>, Vec<Vec<String>>);

/// What all shapes can say: words with single spaces between them, or nothing.
fn cell() -> impl Strategy<Value = String> {
    let word = "[A-Za-z0-9äÖ][A-Za-z0-9äß.,;'\"()%+&<-]{0,5}";
    prop_oneof![
        1 => Just(String::new()),
        6 => prop::collection::vec(word, 1..4).prop_map(|words| words.join(" ")),
    ]
}

fn grid() -> impl Strategy<Value = Grid> {
    (2_usize..6).prop_flat_map(|width| {
        let names = prop::collection::hash_set("[a-z][a-z0-9_]{1,7}", width);
        let names = names.prop_map(|names| names.into_iter().collect::<Vec<_>>());
        (names, prop::collection::vec(prop::collection::vec(cell(), width), 1..6))
    })
}

fn csv((names, rows): &Grid) -> String {
    let mut csv = Vec::new();
    [names].into_iter().chain(rows).for_each(|cells| write_record(cells.iter(), &mut csv));
    String::from_utf8(csv).unwrap()
}

fn read(text: &str, shape: Shape) -> Vec<String> {
    let found = tables(std::io::Cursor::new(text.to_owned()), shape, Faults::default()).map(|found| {
        let mut csv = String::new();
        std::io::Read::read_to_string(&mut found.unwrap().csv, &mut csv).unwrap();
        csv
    });
    found.collect()
}

/// Whether a text has this shape, if it has no delimiters of CSV.
fn is_sniffed(text: &str, shape: Shape) -> bool {
    text.contains([',', ';']) || sniff(text.as_bytes()) == Some(shape)
}

/// Lines of cells that are padded to the width of their column.
fn padded((names, rows): &Grid) -> (Vec<usize>, Vec<Vec<String>>) {
    let all = || [names].into_iter().chain(rows);
    let widths: Vec<usize> =
        (0..names.len()).map(|column| all().map(|row| row[column].chars().count()).max().unwrap()).collect();
    let pad =
        |row: &Vec<String>| row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    let lines = all().map(pad).collect();
    (widths, lines)
}

fn markdown((names, rows): &Grid) -> String {
    let line = |cells: &Vec<String>| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|{}\n", "---|".repeat(names.len()));
    line(names) + &rule + &rows.iter().map(line).collect::<String>()
}

fn boxed(grid: &Grid, rule_after_rows: bool) -> String {
    let (widths, lines) = padded(grid);
    let rule = |stroke: &str| {
        format!("+{}\n", widths.iter().map(|width| stroke.repeat(width + 2) + "+").collect::<String>())
    };
    let line = |cells: &Vec<String>| format!("| {} |\n", cells.join(" | "));
    let between = if rule_after_rows { rule("-") } else { String::new() };
    let rows: String = lines[1..].iter().map(|cells| line(cells) + &between).collect();
    let below = rule(if rule_after_rows { "=" } else { "-" });
    let last = if rule_after_rows { String::new() } else { rule("-") };
    rule("-") + &line(&lines[0]) + &below + &rows + &last
}

fn psql(grid: &Grid) -> String {
    let (widths, lines) = padded(grid);
    let line = |cells: &Vec<String>| format!(" {}\n", cells.join(" | "));
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    line(&lines[0]) + &rule.join("+") + "\n" + &lines[1..].iter().map(line).collect::<String>() + "(9 rows)\n"
}

fn aligned(grid: &Grid) -> String {
    padded(grid).1.iter().map(|cells| cells.join("  ").trim_end().to_owned() + "\n").collect()
}

/// Blocks of keys and values, each begun by `begin`.
fn blocks((names, rows): &Grid, between: &str, begin: impl Fn(usize) -> String) -> String {
    let pairs = |row: &Vec<String>| {
        names.iter().zip(row).map(|(name, cell)| format!("{name}{between}{cell}\n")).collect::<String>()
    };
    rows.iter().enumerate().map(|(number, row)| begin(number + 1) + &pairs(row)).collect()
}

fn logfmt((names, rows): &Grid) -> String {
    let pair = |(name, cell): (&String, &String)| {
        let is_plain = !cell.is_empty() && !cell.contains([' ', '"']);
        if is_plain { format!("{name}={cell}") } else { format!("{name}=\"{}\"", cell.replace('"', "\\\"")) }
    };
    let line = |row: &Vec<String>| names.iter().zip(row).map(pair).collect::<Vec<_>>().join(" ") + "\n";
    rows.iter().map(line).collect()
}

fn html((names, rows): &Grid, closes: bool) -> String {
    let escape = |cell: &String| cell.replace('&', "&amp;").replace('<', "&lt;");
    let end = |tag: &str| if closes { format!("</{tag}>") } else { String::new() };
    let line = |cells: &Vec<String>, tag: &str| {
        let cells: String =
            cells.iter().map(|cell| format!("<{tag}>{}{}\n", escape(cell), end(tag))).collect();
        format!("<tr>{cells}{}", end("tr"))
    };
    let body: String = rows.iter().map(|row| line(row, "td")).collect();
    format!("<table><thead>{}</thead><tbody>{body}</table>\n", line(names, "th"))
}

proptest! {
    #[test]
    fn tables_with_rules(grid in grid()) {
        for text in [markdown(&grid), boxed(&grid, false), boxed(&grid, true), psql(&grid)] {
            prop_assert_eq!(read(&text, Shape::Ruled), [csv(&grid)], "{}", text);
            prop_assert_eq!(sniff(text.as_bytes()), Some(Shape::Ruled), "{}", text);
            let quoted: String = text.lines().map(|line| format!("> {line}\r\n")).collect();
            prop_assert_eq!(read(&quoted, Shape::Ruled), [csv(&grid)], "{}", quoted);
        }
    }

    #[test]
    fn columns_below_each_other(grid in grid()) {
        // A line with one cell is none of columns.
        let is_seen = |row: &Vec<String>| row.iter().filter(|cell| !cell.is_empty()).count() > 1;
        prop_assume!(grid.1.iter().all(is_seen));
        let text = aligned(&grid);
        prop_assert_eq!(read(&text, Shape::Aligned), [csv(&grid)], "{}", text);
        prop_assert!(grid.1.len() < 2 || is_sniffed(&text, Shape::Aligned), "{}", text);
    }

    #[test]
    fn blocks_of_keys_and_values(grid in grid()) {
        let records = blocks(&grid, " | ", |number| format!("-[ RECORD {number} ]----\n"));
        let stars = "*".repeat(27);
        let vertical = blocks(&grid, ": ", |number| format!("{stars} {number}. row {stars}\n"));
        let (spaced, close) = (blocks(&grid, ": ", |_| "\n".into()), blocks(&grid, ": ", |_| String::new()));
        for text in [spaced, close, records, vertical] {
            prop_assert_eq!(read(&text, Shape::Pairs), [csv(&grid)], "{}", text);
            prop_assert!(grid.1.len() < 2 || is_sniffed(&text, Shape::Pairs), "{}", text);
        }
    }

    #[test]
    fn log_lines(grid in grid()) {
        let text = logfmt(&grid);
        prop_assert_eq!(read(&text, Shape::Logfmt), [csv(&grid)], "{}", text);
        prop_assert!(grid.1.len() < 2 || sniff(text.as_bytes()) == Some(Shape::Logfmt), "{}", text);
    }

    #[test]
    fn pages(grid in grid()) {
        for text in [html(&grid, true), html(&grid, false)] {
            prop_assert_eq!(read(&text, Shape::Html), [csv(&grid)], "{}", text);
            prop_assert_eq!(sniff(text.as_bytes()), Some(Shape::Html), "{}", text);
        }
    }
}
