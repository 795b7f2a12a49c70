//! Many recipients in one pass, and many tables in one leak.

use std::io::Write as _;

use super::{Desk, visits};

#[test]
fn one_pass_gives_everybody_the_copy_that_they_would_get_alone() {
    let desk = Desk::ready();
    desk.run(&["recipient", "add", "carol", "--name", "Carol"]).ok();
    for to in ["acme", "bob", "carol"] {
        let output = format!("{to}-alone.csv");
        desk.run(&["stamp", "visits.csv", "--dataset", "visits", "--to", to, "-o", &output]).ok();
    }
    let args = ["stamp", "visits.csv", "--dataset", "visits", "-o", "{recipient}.csv"];
    let said = desk.run(&[&args[..], &["--to", "acme,bob", "--release-id", "jan-{recipient}"]].concat());
    assert!(said.stderr.contains("bob.csv for bob: 300 rows"), "{}", said.stderr);
    assert!(said.stderr.contains("release jan-bob is entry 8 of the ledger"), "{}", said.stderr);
    said.ok();
    desk.run(&["recipient", "suspend", "bob"]).ok();
    desk.run(&[&args[..], &["--to-all", "--force"]].concat()).ok();
    for to in ["acme", "bob", "carol"] {
        assert_eq!(desk.read(&format!("{to}.csv")), desk.read(&format!("{to}-alone.csv")), "{to}");
    }
    assert_eq!(desk.run(&["recipient", "list"]).ok().out().matches("suspended").count(), 1);
}

#[test]
fn copies_that_could_not_be_told_apart_are_refused() {
    let desk = Desk::ready();
    let before = desk.names();
    let args = ["stamp", "visits.csv", "--dataset", "visits", "--to"];
    let hint = "put {recipient} into it, for instance `out/{recipient}.csv`";
    let same = "--output gives every copy the same name";
    desk.run(&[&args[..], &["acme,bob", "-o", "out.csv"]].concat()).fails(2, same, hint);
    let same = "--release-id gives every copy the same name";
    let more = ["acme,bob", "-o", "{recipient}.csv", "--release-id", "r"];
    desk.run(&[&args[..], &more].concat()).fails(2, same, hint);
    let twice = "two copies would have the same recipient, `acme`";
    let hint = "name each recipient once, and put {recipient} into output and release id";
    let said = desk.run(&[&args[..], &["acme,acme", "-o", "{recipient}.csv"]].concat());
    assert!(said.stderr.contains("two copies would have the same"), "{}", said.stderr);
    assert!(said.stderr.contains(hint), "{} {twice}", said.stderr);
    said.exits(2);
    // One who may not have it stops all: nothing is delivered, nothing recorded.
    desk.run(&["recipient", "suspend", "bob"]).ok();
    desk.run(&[&args[..], &["acme,bob", "-o", "{recipient}.csv"]].concat()).exits(3);
    assert_eq!(desk.names(), before);
    assert!(!desk.run(&["ledger", "list"]).ok().out().contains("release "));
}

/// Rows of bob's copy, cut into files of which none is enough alone.
fn pieces(desk: &Desk) -> Vec<String> {
    desk.stamp("bob", "r1").ok();
    let copy = desk.text("bob.csv");
    let mut lines = copy.lines();
    let header = lines.next().unwrap().to_owned();
    let rows: Vec<&str> = lines.take(60).collect();
    rows.chunks(12).map(|rows| format!("{header}\n{}\n", rows.join("\n"))).collect()
}

#[test]
fn tables_of_a_folder_or_an_archive_are_one_piece_of_evidence() {
    let desk = Desk::ready();
    let pieces = pieces(&desk);
    std::fs::create_dir_all(desk.path("dump/deeper")).unwrap();
    let mut archive = zip::ZipWriter::new(std::fs::File::create(desk.path("dump.zip")).unwrap());
    for (number, piece) in pieces.iter().enumerate() {
        let name = if number == 4 { "deeper/c.csv".to_owned() } else { format!("{number}.csv") };
        desk.write(&format!("dump/{name}"), piece);
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(piece.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
    desk.write("dump/picture.png", b"\x89PNG\r\n\x1a\n\0\x01\x02\x03\x04\x05\x06\x07\x08");
    let alone = desk.trace(&["dump/0.csv", "--blind"]).exits(1).out();
    assert!(alone.starts_with("INCONCLUSIVE"), "{alone}");
    for leak in ["dump", "dump.zip"] {
        let out = desk.trace(&[leak, "--blind"]).ok().out();
        assert!(out.starts_with("IDENTIFIED  bob (Bob's Bureau)\n"), "{leak}: {out}");
        assert!(out.contains("0.csv: 12 rows, 12 of ours"), "{leak}: {out}");
        assert!(out.contains("and 2 more"), "{leak}: {out}");
    }
    let out = desk.trace(&["dump", "--blind"]).ok().flat();
    assert!(out.contains("picture.png"), "{out}");
    let json = desk.run(&["trace", "dump.zip", "--blind", "--json"]).json();
    let leak = &json["leak"];
    assert_eq!((&leak["format"], &leak["rows"]), (&"zip".into(), &60.into()));
    assert_eq!(leak["tables"].as_array().map(Vec::len), Some(5));
    assert_eq!(leak["tables"][4]["first_row"], 49);
    assert_eq!(leak["tables"][4]["name"], "deeper/c.csv");
}

#[test]
fn a_table_of_several_is_named() {
    let desk = Desk::ready();
    let row = |row: &str| row.replace(',', "\t");
    let table: Vec<String> =
        visits(300).replace("\"seen, and sent home\"", "home").lines().map(row).collect();
    let block = |name: &str, rows: &[String]| {
        format!(
            "COPY public.{name} ({}) FROM stdin;\n{}\n\\.\n\n",
            rows[0].replace('\t', ", "),
            rows[1..].join("\n")
        )
    };
    let other = block("doctors", &["id\tname".to_owned(), "1\tNo One".to_owned()]);
    desk.write("dump.sql", other.clone() + &block("visits", &table) + &other.replace("doctors", "nurses"));
    let args = ["stamp", "dump.sql", "--dataset", "visits", "--to", "bob", "-o", "out.sql"];
    let said = desk.run(&args).exits(2);
    assert!(said.stderr.contains("--table"), "{}", said.stderr);
    desk.run(&[&args[..], &["--table", "visits"]].concat()).ok();
    let out = desk.text("out.sql");
    assert!(out.starts_with(&other) && out.ends_with(&other.replace("doctors", "nurses")));
    desk.write("leak.sql", out.replacen("1\tNo One", "2\tSomebody", 1));
    let said = desk.trace(&["leak.sql"]);
    // The dump that was stamped is found again, and of its tables the one that was named.
    assert_eq!(said.stderr, "");
    let said = said.ok().out();
    assert!(said.starts_with("IDENTIFIED  bob (Bob's Bureau)\n"), "{said}");
    assert!(said.contains("changed from the original"), "{said}");
    assert!(said.contains("visits: 300 rows, 300 of ours"), "{said}");
}
