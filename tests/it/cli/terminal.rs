//! Pipes, colours and help.

use std::process::Stdio;

use super::{Desk, Said};

#[test]
fn colours_are_for_terminals() {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "xterm-256color")] {
        for args in [&["trace", "acme.csv"][..], &["trace", "gone.csv"], &["ledger", "verify"], &["--help"]] {
            let said = desk.run_with(name, value, args);
            assert!(!said.out().contains('\u{1b}') && !said.stderr.contains('\u{1b}'), "{args:?}");
        }
    }
    // Asked for, they come.
    let said = desk.run_with("CLICOLOR_FORCE", "1", &["trace", "acme.csv"]).ok();
    assert!(said.out().starts_with("\u{1b}[1m\u{1b}[31mEXACT COPY"), "{}", said.out());
}

/// Runs a command whose reader is gone before it writes.
fn unread(desk: &Desk, args: &[&str]) -> Said {
    let mut child = desk.dyepack().args(args).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    Said::from(child.wait_with_output().unwrap())
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    for args in [
        &["ledger", "list"][..],
        &["ledger", "show", "r1"],
        &["recipient", "list"],
        &["policy", "show", "visits"],
        &["trace", "acme.csv"],
        &["trace", "acme.csv", "--json"],
        &["--help"],
    ] {
        let said = unread(&desk, args).exits(0);
        assert_eq!(said.stderr, "", "{args:?}");
    }
}

/// A copy that nobody read to its end was recorded, and may not have arrived: that is said.
#[test]
fn a_copy_that_is_not_read_is_an_error() {
    let desk = Desk::ready();
    desk.write("visits.csv", super::visits(5000));
    let args =
        ["stamp", "visits.csv", "--dataset", "visits", "--to", "acme", "-o", "-", "--release-id", "r1"];
    unread(&desk, &args).fails(
        2,
        "could not write to standard output: Broken pipe",
        "the release is on record: `--release-id r1` with the same input gives the same bytes",
    );
}

#[test]
fn help_is_short_and_names_no_folder_of_this_machine() {
    let desk = Desk::empty();
    for args in [
        &["--help"][..],
        &["init", "--help"],
        &["recipient", "--help"],
        &["recipient", "add", "--help"],
        &["policy", "--help"],
        &["stamp", "--help"],
        &["trace", "--help"],
        &["ledger", "--help"],
        &["ledger", "verify", "--help"],
        &["demo", "--help"],
    ] {
        let said = desk.run_with("DYEPACK_HOME", "/a/secret/folder", args).ok();
        let out = said.out();
        assert!(out.lines().count() <= 50 && out.lines().all(|line| line.chars().count() <= 100), "{out}");
        assert!(!out.contains("secret"), "{out}");
    }
    let out = desk.trace(&["--help"]).ok().out();
    assert!(out.starts_with("Say whose copy a leaked file is, and how sure that is\n"), "{out}");
}

#[test]
fn an_unknown_command_lists_the_known() {
    let desk = Desk::empty();
    let said = desk.run(&["stmap"]).exits(2);
    assert!(
        said.stderr.contains("unrecognized subcommand 'stmap'") && said.stderr.contains("'stamp'"),
        "{}",
        said.stderr
    );
    let said = desk.run(&[]).exits(2);
    assert!(said.stderr.contains("init") && said.stderr.contains("trace"), "{}", said.stderr);
    assert_eq!(desk.run(&["--version"]).ok().out(), format!("dyepack {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_demonstration_names_its_leaker() {
    let desk = Desk::empty();
    let said = desk.run_with("TMPDIR", ".", &["demo", "--rows", "2000"]).ok();
    assert!(said.out().starts_with("IDENTIFIED  "), "{}", said.out());
    assert!(said.stderr.contains("The leaker was indeed "), "{}", said.stderr);
    assert!(desk.names().is_empty(), "{:?}", desk.names());
}
