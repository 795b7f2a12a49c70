//! `trace` of whatever turns up.

use super::{Desk, Said, visits};

/// A desk with 300 rows stamped for acme and bob.
fn stamped() -> Desk {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    desk.stamp("bob", "r2").ok();
    desk
}

/// The rows of acme's copy, without its header, in another order.
fn shuffled(desk: &Desk) -> Vec<String> {
    let text = desk.text("acme.csv");
    let mut rows: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
    rows.sort_by_key(|row| row.bytes().rev().collect::<Vec<u8>>());
    rows
}

fn leak(desk: &Desk, header: &str, rows: &[String]) {
    desk.write("leak.csv", format!("{header}\n{}\n", rows.join("\n")));
}

const HEADER: &str = "visit,seen,ward,cost,note";

#[track_caller]
fn names_acme(said: Said) -> String {
    let out = said.ok().out();
    assert!(out.starts_with("IDENTIFIED  acme (Acme Analytics)\n"), "{out}");
    out
}

#[test]
fn shuffled_rows_name_their_copy() {
    let desk = stamped();
    leak(&desk, HEADER, &shuffled(&desk)[..150]);
    let said = desk.trace(&["leak.csv"]);
    assert_eq!(said.stderr, "");
    names_acme(said);
    names_acme(desk.run(&["trace", "leak.csv", "--dataset", "visits", "--threads", "1"]));
}

#[test]
fn standard_input_is_a_leak_too() {
    let desk = stamped();
    let out = names_acme(desk.pipe(shuffled(&desk).join("\n"), &["trace", "-"]));
    assert!(out.contains("File       standard input: 300 rows"), "{out}");
}

#[test]
fn another_delimiter_and_other_names_do_not_matter() {
    let desk = stamped();
    let rows: Vec<String> =
        shuffled(&desk).iter().map(|row| row.replace(", and", " and").replace(',', ";")).collect();
    leak(&desk, "besoek;seen;Ward;COST;note", &rows);
    let out = names_acme(desk.trace(&["leak.csv"]));
    assert!(out.contains("fields separated by semicolons"), "{out}");
    assert!(out.contains("Columns    `visit` as `besoek`, by what they hold"), "{out}");
}

#[test]
fn a_cut_in_the_middle_of_a_row_is_reported() {
    let desk = stamped();
    let bytes = desk.read("acme.csv");
    let row = bytes.windows(7).rposition(|part| part == b"V000200").unwrap();
    desk.write("leak.csv", &bytes[..row + 17]);
    let out = names_acme(desk.trace(&["leak.csv"]));
    assert!(out.contains(": cut off by the end of the file"), "{out}");
}

#[test]
fn a_header_that_is_lost_is_not_made_up_from_a_row() {
    let desk = stamped();
    let rows = shuffled(&desk);
    let (first, rest) = rows.split_first().unwrap();
    leak(&desk, first, rest);
    let out = names_acme(desk.trace(&["leak.csv"]));
    assert!(out.contains("`visit` as `column 1`"), "{out}");
    let json = desk.trace(&["leak.csv", "--json"]).ok().out();
    for cell in first.split(',').take(4) {
        assert!(!out.contains(cell) && !json.contains(cell), "{json}");
    }
}

#[test]
fn columns_may_be_mapped_by_hand() {
    let desk = stamped();
    let rows = shuffled(&desk);
    leak(&desk, "a,b,ward,c,note", &rows[..150]);
    let said = desk.trace(&["leak.csv", "--map", "#1=visit", "--map", "c=cost", "--map", "ward=", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&said.ok().out()).unwrap();
    let columns: Vec<_> =
        json["columns"].as_array().unwrap().iter().map(|c| (&c["ours"], &c["leaked"], &c["by"])).collect();
    let given: Vec<_> = columns.iter().filter(|(_, _, by)| *by == "given").collect();
    assert_eq!(given.len(), 2, "{columns:?}");
    assert!(columns.iter().any(|(ours, leaked, by)| *ours == "seen" && *leaked == "b" && *by == "contents"));
    assert!(columns.iter().all(|(ours, _, _)| *ours != "ward"), "{columns:?}");

    let error = "leak.csv: the leak has no column `wards`";
    desk.trace(&["leak.csv", "--map", "wards=ward"]).fails(2, error, "did you mean `ward`?");
    let error = "leak.csv: no dataset has a column `costs`";
    desk.trace(&["leak.csv", "--map", "c=costs"]).fails(2, error, "did you mean `cost`?");
    let error = "leak.csv: the leak has no column #6: it has 5";
    desk.trace(&["leak.csv", "--map", "#6=cost"]).fails(2, error, "columns are counted from 1");
    assert!(desk.trace(&["leak.csv", "--map", "cost"]).exits(2).stderr.contains("must be `leaked=ours`"));
}

#[test]
fn the_unmarked_original_accuses_nobody() {
    let desk = stamped();
    let out = desk.trace(&["visits.csv"]).exits(1).out();
    assert!(
        out.starts_with("INCONCLUSIVE  nobody is named\nThe file is, byte for byte, the unmarked visits"),
        "{out}"
    );
    desk.write("part.csv", visits(250));
    let out = desk.trace(&["part.csv"]).exits(1).flat();
    assert!(out.contains("as they were before stamping: it is nobody's copy"), "{out}");
    let out = desk.trace(&["part.csv", "--blind"]).exits(1).flat();
    assert!(out.contains("and they fit no partner well enough"), "{out}");
    assert!(!out.contains("Holders"), "rows that are nobody's copy suspect nobody: {out}");
}

#[test]
fn an_unrelated_file_says_what_would_be_needed() {
    let desk = stamped();
    desk.write("leak.csv", "name,size\na,1\nb,2\n");
    let out = desk.trace(&["leak.csv"]).exits(1).out();
    assert!(out.starts_with("NO MATCH  nobody is named\nThe file was not compared: it lacks"), "{out}");
    assert!(out.contains("Needed     for visits: visit, and at least one of seen, ward and cost\n"), "{out}");
    desk.write("leak.csv", "visit,cost\na,1\nb,2\n");
    let out = desk.trace(&["leak.csv"]).exits(1).out();
    assert!(out.starts_with("NO MATCH  nobody is named\nNo row and no mark of ours"), "{out}");
}

#[test]
fn our_rows_without_their_key_or_their_marks_name_the_columns() {
    let desk = stamped();
    let rows = shuffled(&desk);
    let without_key: Vec<String> = rows.iter().map(|row| row.split_once(',').unwrap().1.to_owned()).collect();
    leak(&desk, "seen,ward,cost,note", &without_key);
    let out = desk.trace(&["leak.csv"]).exits(1).out();
    assert!(out.contains("Needed     for visits: visit\n"), "{out}");
    let keys: Vec<String> = rows.iter().map(|row| row.split_once(',').unwrap().0.to_owned() + ",x").collect();
    leak(&desk, "visit,mood", &keys);
    let out = desk.trace(&["leak.csv"]).exits(1).out();
    assert!(
        out.starts_with("INCONCLUSIVE  nobody is named\nThe file holds rows of visits. None of"),
        "{out}"
    );
    assert!(out.contains("Missing    marked columns seen, ward and cost\n"), "{out}");
    let holders = "Holders    rows tell nobody apart: all these were given the same, acme, bob\n";
    assert!(out.contains(holders), "{out}");
    leak(&desk, "visit,mood", &["stranger,x".to_owned()]);
    let out = desk.trace(&["leak.csv"]).exits(1).out();
    assert!(out.contains("No row of ours was found in this file, and it has none of the marked"), "{out}");
    assert!(out.contains("Needed     for visits: at least one of seen, ward and cost\n"), "{out}");
}

#[test]
fn what_is_no_table_ends_clearly() {
    let desk = stamped();
    desk.write("empty.csv", "");
    let hint = "a table needs at least a header line with the names of its columns";
    desk.trace(&["empty.csv"]).fails(2, "empty.csv: the file is empty", hint);
    desk.pipe("", &["trace", "-"]).fails(2, "standard input: the file is empty", hint);
    desk.trace(&["gone.csv"]).fails(
        2,
        "could not open `gone.csv`: No such file or directory",
        "check the name",
    );
    desk.write("a.csv.gz", b"\x1f\x8b\x08\0junk");
    desk.trace(&["a.csv.gz"]).fails(2, "a.csv.gz: the file is empty", hint);
    let noise: Vec<u8> = (0..4000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    desk.write("photo", noise);
    let hint = "name its format with --format";
    desk.trace(&["photo"]).fails(2, "photo: the file is no text, and of no known format", hint);
    desk.trace(&["photo", "--format", "csv"]).exits(1);
}

#[test]
fn a_home_that_released_nothing_says_so() {
    let desk = Desk::with_home();
    desk.write("leak.csv", visits(10));
    let out = desk.trace(&["leak.csv"]).exits(1).out();
    assert!(out.contains("Nothing was ever released from this home"), "{out}");
    desk.trace(&["leak.csv", "--dataset", "visits"]).fails(
        2,
        "no dataset `visits` is on record",
        "nothing was ever released from this home: name another one with --home",
    );
}

#[test]
fn an_unknown_dataset_and_an_impossible_limit() {
    let desk = stamped();
    desk.trace(&["acme.csv", "--dataset", "visit"]).fails(
        2,
        "no dataset `visit` is on record",
        "datasets on record: visits",
    );
    let said = desk.trace(&["acme.csv", "--alpha", "0.1"]).exits(2);
    assert!(said.stderr.contains("must lie above 0 and be at most 0.05"), "{}", said.stderr);
}

#[test]
fn a_partner_suspended_since_is_still_named() {
    let desk = stamped();
    desk.run(&["recipient", "suspend", "acme"]).ok();
    leak(&desk, HEADER, &shuffled(&desk)[..150]);
    names_acme(desk.trace(&["leak.csv"]));
}
