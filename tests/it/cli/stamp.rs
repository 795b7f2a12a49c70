//! `stamp`: what is typed, and what is refused.

use super::{Desk, POLICY};

const TO_ACME: [&str; 5] = ["--dataset", "visits", "--to", "acme", "-o"];

/// `stamp FILE --dataset visits --to acme -o OUT`.
fn args<'a>(file: &'a str, out: &'a str) -> Vec<&'a str> {
    [&["stamp", file], &TO_ACME[..], &[out]].concat()
}

/// Stamps `file`, which must fail so, leave nothing behind and record nothing.
#[track_caller]
fn refused(desk: &Desk, file: &str, out: &str, code: i32, error: &str, hint: &str) {
    let before = (desk.names(), desk.entries());
    desk.run(&args(file, out)).fails(code, error, hint);
    assert_eq!((desk.names(), desk.entries()), before);
}

#[test]
fn a_copy_is_made_and_recorded() {
    let desk = Desk::ready();
    let said = desk.stamp("acme", "r1").ok();
    assert!(said.stdout.is_empty());
    assert!(said.stderr.starts_with("acme.csv for acme: 300 rows, "), "{}", said.stderr);
    assert!(said.stderr.ends_with("\nrelease r1 is entry 3 of the ledger\n"), "{}", said.stderr);
    assert_eq!(desk.text("visits.csv"), super::visits(300), "the input is never touched");
    assert_ne!(desk.text("acme.csv"), desk.text("visits.csv"));
}

#[test]
fn streams_give_the_same_bytes_as_files() {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    let said = desk.pipe(desk.read("visits.csv"), &args("-", "-")).ok();
    assert_eq!(said.stdout, desk.read("acme.csv"));
    assert!(said.stderr.starts_with("- for acme: 300 rows"), "{}", said.stderr);
}

#[test]
fn a_dry_run_leaves_no_trace() {
    let desk = Desk::ready();
    let before = (desk.names(), desk.entries());
    let said = desk.run(&["stamp", "visits.csv", "--dataset", "visits", "--to", "acme", "--dry-run"]).ok();
    assert!(said.stderr.starts_with("dry run for acme: 300 rows, "), "{}", said.stderr);
    assert!(said.stdout.is_empty());
    assert_eq!((desk.names(), desk.entries()), before);
}

#[test]
fn a_small_table_is_warned_about() {
    let desk = Desk::ready();
    desk.write("few.csv", super::visits(5));
    let said = desk.run(&args("few.csv", "out.csv")).ok();
    assert!(said.stderr.contains("warning: this copy has "), "{}", said.stderr);
    assert!(said.stderr.contains(" carriers; a leak of it needs about 80 to be named"), "{}", said.stderr);
}

#[test]
fn an_output_is_replaced_by_force_alone() {
    let desk = Desk::ready();
    desk.write("out.csv", "precious");
    refused(
        &desk,
        "visits.csv",
        "out.csv",
        2,
        "`out.csv` exists",
        "choose another name, or replace it with --force",
    );
    assert_eq!(desk.text("out.csv"), "precious");
    desk.run(&[args("visits.csv", "out.csv"), vec!["--force"]].concat()).ok();
    assert_ne!(desk.text("out.csv"), "precious");
}

#[test]
fn the_output_is_never_the_input() {
    let desk = Desk::ready();
    let error = "the output `./visits.csv` is the input";
    let hint = "the input is never changed: choose another name";
    desk.run(&[args("visits.csv", "./visits.csv"), vec!["--force"]].concat()).fails(2, error, hint);
    assert_eq!(desk.text("visits.csv"), super::visits(300));
}

#[test]
fn an_output_needs_a_folder_and_is_none() {
    let desk = Desk::ready();
    let error = "the folder of the output `gone/out.csv` does not exist";
    refused(&desk, "visits.csv", "gone/out.csv", 2, error, "make it first, or choose another place");
    refused(&desk, "visits.csv", ".", 2, "the output `.` is a folder", "name a file in it");
}

/// Taking the name of `/dev/null` would be the end of it.
#[cfg(unix)]
#[test]
fn a_device_is_never_replaced() {
    use std::os::unix::net::UnixListener;
    let desk = Desk::ready();
    let _listener = UnixListener::bind(desk.path("socket")).unwrap();
    desk.run(&[args("visits.csv", "socket"), vec!["--force"]].concat()).fails(
        2,
        "the output `socket` is no file",
        "name a file, or use `-` for standard output",
    );
    assert_eq!(desk.entries(), 3);
}

#[test]
fn an_input_that_is_gone_or_no_file() {
    let desk = Desk::ready();
    let error = "could not open `gone.csv`: No such file or directory";
    refused(&desk, "gone.csv", "out.csv", 2, error, "check the name");
    std::fs::create_dir(desk.path("empty")).unwrap();
    let hint = "hidden files and those whose names begin with `_` do not count";
    refused(&desk, "empty", "out.csv", 2, "empty: there is no table in the folder", hint);
}

#[test]
fn an_unknown_recipient_or_dataset_is_named() {
    let desk = Desk::ready();
    desk.run(&["stamp", "visits.csv", "--dataset", "visits", "--to", "acne", "-o", "out.csv"]).fails(
        2,
        "recipient `acne` is not registered",
        "see `dyepack recipient list`, or register it with `dyepack recipient add`",
    );
    desk.run(&["stamp", "visits.csv", "--dataset", "visit", "--to", "acme", "-o", "out.csv"]).fails(
        2,
        "no policy is in force for dataset `visit`",
        "datasets with a policy: visits",
    );
}

#[test]
fn a_ragged_row_is_named() {
    let desk = Desk::ready();
    desk.write("bad.csv", super::visits(3) + "V9,2024-01-01 10:00,north\n");
    refused(
        &desk,
        "bad.csv",
        "out.csv",
        2,
        "bad.csv, row 4: row has 3 fields, the header has 5",
        "look for a delimiter or a line end in the row that isn't quoted, \
         or name another delimiter if most rows are split wrongly",
    );
}

#[test]
fn a_quote_that_never_closes_is_named() {
    let desk = Desk::ready();
    desk.write("bad.csv", super::visits(3) + "V9,2024-01-01 10:00,north,\"1.0,x\nV10,,,,\n");
    refused(
        &desk,
        "bad.csv",
        "out.csv",
        2,
        "bad.csv, row 4: a quote opens here and never closes",
        "close the quote at the end of its field, or double it if it belongs to the text",
    );
}

#[test]
fn a_missing_column_is_named_with_the_closest() {
    let desk = Desk::ready();
    desk.write("bad.csv", super::visits(3).replace("cost", "costs"));
    refused(
        &desk,
        "bad.csv",
        "out.csv",
        2,
        "bad.csv: the file has no column `cost`",
        "did you mean `costs`?",
    );
    desk.write("headless.csv", super::visits(3).split_once('\n').unwrap().1);
    refused(
        &desk,
        "headless.csv",
        "out.csv",
        2,
        "headless.csv: the file has no column `visit`",
        "check that the file belongs to this dataset; if it holds several tables, name one with --table",
    );
    desk.write("twice.csv", super::visits(3).replace("note", "cost"));
    let error = "twice.csv: the file has more than one column `cost`";
    refused(&desk, "twice.csv", "out.csv", 2, error, "rename one of them");
}

#[test]
fn a_delimiter_that_is_not_found_is_asked_for() {
    let desk = Desk::ready();
    desk.write("odd.csv", super::visits(30).replace(',', "@"));
    refused(
        &desk,
        "odd.csv",
        "out.csv",
        2,
        "odd.csv: the file has no column `visit`",
        "the header has a single column: name the byte between fields with --delimiter",
    );
    desk.run(&[args("odd.csv", "out.csv"), vec!["--delimiter", "@"]].concat()).ok();
}

#[test]
fn an_empty_file_and_an_empty_stream() {
    let desk = Desk::ready();
    desk.write("empty.csv", "");
    let hint = "a table needs at least a header line with the names of its columns";
    refused(&desk, "empty.csv", "out.csv", 2, "empty.csv: the file is empty", hint);
    desk.pipe("", &args("-", "out.csv")).fails(2, "standard input: the file is empty", hint);
}

#[test]
fn a_release_id_stands_for_one_delivery() {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    let (first, entries) = (desk.read("acme.csv"), desk.entries());
    std::fs::remove_file(desk.path("acme.csv")).unwrap();
    desk.stamp("acme", "r1").ok();
    assert_eq!((desk.read("acme.csv"), desk.entries()), (first, entries), "the same bytes, no second entry");

    let hint = "a release id stands for one delivery: choose another one";
    desk.stamp("bob", "r1").fails(2, "release `r1` is on record with another recipient", hint);
    desk.write("visits.csv", super::visits(200));
    std::fs::remove_file(desk.path("acme.csv")).unwrap();
    desk.stamp("acme", "r1").fails(2, "release `r1` is on record with another input", hint);
    desk.write("visits.csv", super::visits(300));
    desk.write("policy.toml", POLICY.replace("0.5", "0.25"));
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    desk.stamp("acme", "r1").fails(2, "release `r1` is on record with another policy", hint);
    assert!(!desk.path("acme.csv").exists() && !desk.path("bob.csv").exists());
}

#[test]
fn what_is_typed_wrongly_is_said_by_flag() {
    let desk = Desk::ready();
    for (more, what) in [
        (
            &["--delimiter", ";;"][..],
            "invalid value ';;' for '--delimiter <DELIMITER>': must be one byte, or `tab`",
        ),
        (&["--release-id", ""], "must not be empty"),
        (&["--threads", "many"], "invalid value 'many' for '--threads <THREADS>'"),
        (&["--lock-timeout", "soon"], "not a number of seconds"),
        (&["--json", "--dry-run"], "cannot be used with"),
    ] {
        let said = desk.run(&[args("visits.csv", "out.csv"), more.to_vec()].concat()).exits(2);
        assert!(said.stderr.contains(what), "{}", said.stderr);
    }
    let said = desk.run(&["stamp", "visits.csv", "--dataset", "visits", "--to", "acme"]).exits(2);
    assert!(said.stderr.contains("--output <OUT>"), "{}", said.stderr);
}

#[test]
fn names_that_would_mislead_are_refused() {
    let desk = Desk::ready();
    let (names, entries) = (desk.names(), desk.entries());
    let hint =
        "use 1 to 100 letters, digits, `.`, `_`, `-` and `/`, a letter or digit first, and not digits alone";
    for id in ["../../evil", "..", "bad id", "12", &"a".repeat(101)] {
        let said = desk.run(&[args("visits.csv", "out.csv"), vec!["--release-id", id]].concat());
        said.fails(2, "this can't be a release's id", hint);
    }
    desk.run(&args("visits.csv", "{recepient}.csv")).fails(
        2,
        "`{recepient}` in --output stands for nothing",
        "the one placeholder is {recipient}, the recipient's id",
    );
    assert_eq!((desk.names(), desk.entries()), (names, entries));
}

#[test]
fn foreign_files_are_recognised() {
    let desk = Desk::ready();
    for (bytes, what, hint) in [
        (&b"\xfd7zXZ\0junk"[..], "compressed with xz", "unpack it first, for instance with `xz -d`"),
        (b"%PDF-1.7", "a PDF document", "turn its pages into text, for instance with `pdftotext -layout`"),
    ] {
        desk.write("odd", bytes);
        refused(&desk, "odd", "out.csv", 2, &format!("odd: the file is {what}"), hint);
    }
}
