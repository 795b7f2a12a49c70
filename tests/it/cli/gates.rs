//! Gates before a copy is given, and approvals by a second person. The rules case by case are tested beside them.

use serde_json::Value;

use super::{Desk, POLICY, Said, visits};

/// A desk whose policy has these lines in `[release]`.
fn desk(rules: &str) -> Desk {
    let desk = Desk::ready();
    desk.write("policy.toml", format!("{POLICY}\n[release]\n{rules}\n"));
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    desk
}

/// A key file for `name`, and its verifier key.
pub fn signer(desk: &Desk, name: &str, file: &str) -> String {
    let made = desk.run(&["signer", "new", name, "-o", file, "--no-passphrase"]).ok().out();
    made.lines().find_map(|line| line.strip_prefix("verifier ")).unwrap().to_owned()
}

/// Carol may approve, with `carol.key`.
fn with_carol(desk: &Desk) {
    let vkey = signer(desk, "carol@hospital.example", "carol.key");
    desk.run(&["approver", "add", "carol", "--vkey", &vkey]).ok();
}

fn approve(desk: &Desk, more: &[&str]) -> Said {
    let args = ["approve", "--dataset", "visits", "--to", "acme", "--key", "carol.key"];
    desk.run(&[&args[..], more].concat())
}

/// The last entry, as it is signed.
fn last(desk: &Desk) -> Value {
    let list = desk.run(&["ledger", "list", "--json"]).ok().out();
    let line: Value = serde_json::from_str(list.lines().last().unwrap()).unwrap();
    line["leaf"]["entry"].clone()
}

const SECOND: &str =
    "somebody else than tester can give it: `dyepack approve --dataset visits --to acme --key FILE`";

#[test]
fn an_agreement_that_is_missing_or_over_refuses_and_a_renewed_one_does_not() {
    let desk = desk("agreement = \"required\"");
    desk.stamp("acme", "r1").fails(
        3,
        "no agreement with `acme` is named, and the policy requires one",
        "name it: `dyepack recipient update acme --agreement ..`, or --agreement for this copy",
    );
    let refused = last(&desk);
    let record = [&refused["kind"], &refused["dataset"], &refused["recipient"], &refused["release"]];
    assert_eq!(record, ["refused", "visits", "acme", "r1"]);
    assert_eq!((&refused["rules"][0], &refused["operator"]), (&"agreement_missing".into(), &"tester".into()));
    let update = ["recipient", "update", "acme", "--agreement", "DUA-17", "--agreement-expires"];
    desk.run(&[&update[..], &["2020-02-29"]].concat()).ok();
    desk.stamp("acme", "r1").fails(
        3,
        "the agreement with `acme` ended on 2020-02-29",
        "once it is renewed: `dyepack recipient update acme --agreement-expires YYYY-MM-DD`",
    );
    assert!(!desk.path("acme.csv").exists());
    let said = desk.run(&[&update[..], &["9999-12-31"]].concat()).ok();
    assert_eq!(said.stderr, "recipient acme is changed (entry 7)\n");
    assert_eq!(
        desk.run(&[&update[..], &["9999-12-31"]].concat()).ok().stderr,
        "this is on record of acme already\n"
    );
    desk.stamp("acme", "r1").ok();
    assert_eq!(last(&desk)["agreement"], "DUA-17");
    let shown = desk.run(&["recipient", "show", "acme"]).ok().out();
    assert!(shown.contains("  agreement   DUA-17\n  expires     9999-12-31\n"), "{shown}");
    desk.run(&["ledger", "verify"]).ok();
}

#[test]
fn a_level_above_what_was_agreed_refuses() {
    let desk = Desk::ready();
    desk.run(&["recipient", "update", "acme", "--max-level", "2"]).ok();
    desk.stamp("acme", "r1").fails(
        3,
        "`acme` may get data up to level 2, and this is of level 3",
        "if that is agreed: `dyepack recipient update acme --max-level 3`",
    );
    desk.run(&["recipient", "update", "acme", "--max-level", "3"]).ok();
    desk.stamp("acme", "r1").ok();
}

#[test]
fn a_suspended_partner_is_reinstated() {
    let desk = Desk::ready();
    desk.run(&["recipient", "suspend", "acme"]).ok();
    desk.stamp("acme", "r1").exits(3);
    assert_eq!(last(&desk)["rules"][0], "suspended");
    desk.run(&["recipient", "reinstate", "acme", "--reason", "audit passed"]).ok();
    assert_eq!(
        desk.run(&["recipient", "reinstate", "acme"]).ok().stderr,
        "recipient acme is not suspended\n"
    );
    desk.stamp("acme", "r1").ok();
    desk.run(&["recipient", "update", "acme"]).fails(
        2,
        "nothing to change is named",
        "see `dyepack recipient update --help` for what can be changed",
    );
}

#[test]
fn who_and_what_is_unknown_is_a_slip_and_not_on_record() {
    let desk = desk("approve_rows = 0");
    let entries = desk.entries();
    desk.stamp("acne", "r1").exits(2);
    let args = ["stamp", "visits.csv", "--dataset", "visit", "--to", "acme", "-o", "out.csv"];
    desk.run(&args).exits(2);
    assert_eq!(desk.entries(), entries);
}

#[test]
fn rows_over_the_limit_need_a_second_person() {
    let desk = desk("approve_rows = 299");
    desk.stamp("acme", "r1").fails(3, "300 rows for `acme` need an approval: the limit is 299", SECOND);
    assert_eq!((&last(&desk)["rules"][0], &last(&desk)["rows"]), (&"approve_rows".into(), &300.into()));
    assert!(
        desk.names().iter().all(|name| !name.contains(".tmp") && name != "acme.csv"),
        "{:?}",
        desk.names()
    );

    with_carol(&desk);
    let said = approve(&desk, &["--rows", "299"]).ok();
    assert!(
        said.stderr.ends_with("by carol: visits to acme, level 3, at most 299 rows\n"),
        "{}",
        said.stderr
    );
    desk.stamp("acme", "r1").exits(3);
    approve(&desk, &["--rows", "300", "--until", "9999-12-31", "--reason", "study 7"]).ok();
    let approval = desk.entries() - 1;
    // What Carol stamps herself takes somebody else.
    desk.run_with(
        "DYEPACK_OPERATOR",
        "Carol",
        &["stamp", "visits.csv", "--dataset", "visits", "--to", "acme", "-o", "acme.csv"],
    )
    .exits(3);
    desk.stamp("acme", "r1").ok();
    assert_eq!(last(&desk)["approval"], approval);
    // It is for Acme alone.
    desk.stamp("bob", "r2").exits(3);
    desk.run(&["ledger", "verify"]).ok();
}

#[test]
fn whoever_asks_for_several_copies_gets_all_or_none() {
    let desk = desk("country = \"CN\"\napprove_rows_abroad = 250");
    desk.run(&["recipient", "update", "acme", "--country", "CN"]).ok();
    let entries = desk.entries();
    let args =
        ["stamp", "visits.csv", "--dataset", "visits", "--to", "acme,bob", "-o", "for-{recipient}.csv"];
    let said = desk.run(&args).exits(3);
    let what = "error: 300 rows for `bob` from CN to an unknown country need an approval: the limit is 250\n";
    assert!(said.stderr.starts_with(what), "{}", said.stderr);
    assert_eq!(desk.entries(), entries + 1);
    assert!(!desk.path("for-acme.csv").exists() && !desk.path("for-bob.csv").exists());
    desk.run(&["recipient", "update", "bob", "--country", "CN"]).ok();
    desk.run(&args).ok();
}

#[test]
fn a_dry_run_says_what_would_be_refused_and_records_nothing() {
    let desk = desk("approve_level = 3\napprove_rows = 100");
    let entries = desk.entries();
    let said =
        desk.run(&["stamp", "visits.csv", "--dataset", "visits", "--to", "acme", "--dry-run"]).exits(3);
    assert!(said.stderr.starts_with("dry run for acme: 300 rows, "), "{}", said.stderr);
    let what = "error: data of level 3 for `acme` needs an approval; 300 rows for `acme` need an \
                approval: the limit is 100\n";
    assert!(said.stderr.contains(what), "{}", said.stderr);
    assert_eq!(desk.entries(), entries);
}

#[test]
fn an_approval_for_one_release_is_used_once() {
    let desk = desk("approve_level = 3");
    with_carol(&desk);
    approve(&desk, &["--release-id", "r1"]).ok();
    desk.stamp("acme", "r2").fails(3, "data of level 3 for `acme` needs an approval", SECOND);
    desk.stamp("acme", "r1").ok();
    approve(&desk, &["--release-id", "r1"]).fails(
        2,
        "release `r1` is on record",
        "what was given can't be approved afterwards",
    );
    // The same input again gives the same bytes and no second entry; another input is no r1.
    let entries = desk.entries();
    std::fs::remove_file(desk.path("acme.csv")).unwrap();
    desk.stamp("acme", "r1").ok();
    std::fs::remove_file(desk.path("acme.csv")).unwrap();
    desk.write("visits.csv", visits(20));
    desk.stamp("acme", "r1").exits(2);
    assert_eq!(desk.entries(), entries);
}

#[test]
fn approvers_are_added_listed_and_removed_with_what_they_approved() {
    let desk = desk("approve_level = 3");
    assert_eq!(
        desk.run(&["approver", "list"]).ok().stderr,
        "no approvers yet: dyepack approver add ID --vkey KEY\n"
    );
    with_carol(&desk);
    let vkey = desk.run(&["approver", "list", "--json"]).ok().json()["vkey"].as_str().unwrap().to_owned();
    desk.run(&["approver", "add", "carol", "--vkey", &vkey]).fails(
        2,
        "`carol` is an approver already",
        "for another key, remove the approver first: earlier approvals then allow nothing more",
    );
    desk.run(&["approver", "add", "dave", "--vkey", &vkey]).fails(
        2,
        "this is the key of the approver `carol`",
        "everybody who approves has a key of their own: `dyepack signer new`",
    );
    let other = signer(&desk, "mallory", "mallory.key");
    let args = ["approve", "--dataset", "visits", "--to", "acme", "--key", "mallory.key"];
    desk.run(&args).fails(
        2,
        "this is no approver's key",
        &format!("register it with `dyepack approver add ID --vkey {other}`"),
    );
    approve(&desk, &["--by", "dave"]).fails(
        2,
        "this is the key of `carol`, not of `dave`",
        "everybody approves with a key of their own",
    );
    approve(&desk, &["--until", "2020-01-01"]).fails(
        2,
        "the last day of the approval is over",
        "name a later one",
    );
    approve(&desk, &[]).ok();
    let shown = desk.run(&["approval", "list"]).ok().out();
    assert!(shown.contains("counts    by carol: visits to acme, level 3, any number of rows\n"), "{shown}");
    let said = desk.run(&["approver", "remove", "carol", "--reason", "left"]).ok();
    assert!(said.stderr.ends_with("and of 1 approvals none counts now\n"), "{}", said.stderr);
    assert_eq!(desk.run(&["approval", "list", "--json"]).ok().json()["status"], "void");
    desk.stamp("acme", "r1").exits(3);
    approve(&desk, &[]).exits(2);
    desk.run(&["ledger", "verify"]).ok();
}

const STREAM: [&str; 9] = ["stamp", "-", "--dataset", "visits", "--to", "acme", "-o", "-", "--stream"];

#[test]
fn a_stream_goes_out_with_an_approval_and_is_cut_at_its_rows() {
    let desk = desk("approve_rows = 250");
    let entries = desk.entries();
    desk.pipe(visits(3), &STREAM).fails(
        3,
        "an unknown number of rows for `acme` need an approval: the limit is 250",
        SECOND,
    );
    assert_eq!(desk.entries(), entries + 1);
    with_carol(&desk);
    approve(&desk, &["--rows", "20000"]).ok();
    let approval = desk.entries() - 1;
    desk.pipe(visits(300), &STREAM).ok();
    assert_eq!(last(&desk)["approval"], approval);
    let said = desk.pipe(visits(60_000), &STREAM).exits(3);
    assert_eq!(
        said.stderr,
        "error: standard input: the table has more than the 20000 rows that were approved\n\
         hint: what went out is the beginning of a copy, and on record as cut short\n"
    );
    let rows = said.stdout.iter().filter(|byte| **byte == b'\n').count() - 1;
    assert!(rows <= 20_000, "{rows}");
    assert_eq!(last(&desk)["kind"], "release_cut");
    desk.run(&["ledger", "verify"]).ok();
}
