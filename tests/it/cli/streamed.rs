//! `stamp --stream`: a copy that goes out while it is made, and what the ledger says of it.

use super::{Desk, visits};

const ARGS: [&str; 9] = ["stamp", "-", "--dataset", "visits", "--to", "acme", "-o", "-", "--stream"];

fn kinds(desk: &Desk) -> Vec<String> {
    let list = desk.run(&["ledger", "list"]).ok().out();
    let word = |line: &str| line.split_whitespace().nth(2).map(str::to_owned);
    list.lines().filter_map(word).skip(3).collect()
}

#[test]
fn a_streamed_copy_is_opened_and_closed() {
    let desk = Desk::ready();
    let plain = desk.pipe(visits(300), &ARGS[..8]).ok().stdout;
    let said = desk.pipe(visits(300), &[&ARGS[..], &["--release-id", "s1"]].concat());
    assert!(said.stderr.contains("release s1 is entry 5 of the ledger"), "{}", said.stderr);
    assert_eq!(said.ok().stdout, plain);
    assert_eq!(kinds(&desk), ["release", "opened", "release"]);
    desk.run(&["ledger", "verify"]).ok();
    desk.write("leak", plain);
    let out = desk.trace(&["leak"]).ok().out();
    assert!(out.starts_with("EXACT COPY  acme (Acme Analytics)\n"), "{out}");
}

#[test]
fn a_streamed_copy_that_is_cut_short_is_on_record_and_named() {
    let desk = Desk::ready();
    let table = visits(20_000) + "V1,2\n";
    let said = desk.pipe(table, &[&ARGS[..], &["--release-id", "s1"]].concat());
    assert_eq!(
        said.stderr,
        "error: standard input, row 20001: row has 2 fields, the header has 5\n\
         hint: what went out is the beginning of a copy, and on record as cut short\n"
    );
    let gone_out = said.exits(2).stdout;
    assert!(gone_out.len() > 100_000);
    assert_eq!(kinds(&desk), ["opened", "cut"]);
    let list = desk.run(&["ledger", "list"]).ok().out();
    assert!(list.contains("standard input, row 20001: row has 2 fields"), "{list}");
    let shown = desk.run(&["recipient", "show", "acme"]).ok().out();
    assert!(shown.contains("s1  visits: cut short (entry 3)"), "{shown}");
    // No release is on record, and yet the marks are read.
    let end = gone_out[..50_000].iter().rposition(|byte| *byte == b'\n').unwrap();
    desk.write("leak", &gone_out[..=end]);
    let out = desk.trace(&["leak"]).ok().out();
    assert!(out.starts_with("IDENTIFIED  acme (Acme Analytics)\n"), "{out}");
    let hint = "a copy that went out can't be made again under its id: choose another one";
    desk.pipe(visits(3), &[&ARGS[..], &["--release-id", "s1"]].concat()).fails(
        2,
        "release `s1` is on record",
        hint,
    );
}

#[test]
fn what_can_be_known_to_be_wrong_opens_nothing() {
    let desk = Desk::ready();
    desk.pipe("", &ARGS).exits(2);
    let hint = "name one recipient and `-o -`, or leave --stream away";
    let more = ["stamp", "-", "--dataset", "visits", "--to", "acme,bob", "-o", "{recipient}", "--stream"];
    desk.pipe(visits(3), &more).fails(2, "--stream writes one copy, to standard output", hint);
    assert!(kinds(&desk).is_empty());
}
