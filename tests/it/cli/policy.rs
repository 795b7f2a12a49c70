//! `policy adopt | show`, and policies that do not fit. The messages of the policy's own rules are tested
//! beside them.

use super::{Desk, POLICY};

#[test]
fn a_policy_is_adopted_once_and_shown_as_it_was() {
    let desk = Desk::with_home();
    desk.write("policy.toml", POLICY);
    let said = desk.run(&["policy", "adopt", "policy.toml"]).ok();
    assert_eq!(said.stderr, "policy for visits is in force (entry 0)\n");
    let again = desk.run(&["policy", "adopt", "policy.toml"]).ok();
    assert_eq!(again.stderr, "this policy is in force for visits already\n");
    assert_eq!(desk.entries(), 1);
    assert_eq!(desk.run(&["policy", "show", "visits"]).ok().out(), POLICY);
}

#[test]
fn a_policy_that_marks_otherwise_is_warned_about() {
    let desk = Desk::with_home();
    desk.write("policy.toml", POLICY);
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    desk.write("policy.toml", POLICY.replace("0.01", "0.05"));
    let said = desk.run(&["policy", "adopt", "policy.toml"]).ok();
    assert!(
        said.stderr.starts_with("warning: rows that were released before are marked otherwise"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.ends_with("policy for visits is in force (entry 1)\n"), "{}", said.stderr);
}

#[test]
fn a_mistake_is_named_with_file_line_and_column() {
    let desk = Desk::with_home();
    desk.write("policy.toml", POLICY.replace("min = 1", "minimum = 1"));
    let said = desk.run(&["policy", "adopt", "policy.toml"]).exits(2);
    assert!(said.stderr.starts_with("error: policy.toml:22:1: unknown key `minimum`"), "{}", said.stderr);
    assert!(said.stderr.contains("\nhint: "), "{}", said.stderr);
    assert_eq!(desk.entries(), 0);
}

#[test]
fn an_unknown_dataset_lists_the_known() {
    let desk = Desk::with_home();
    desk.run(&["policy", "show", "visit"]).fails(
        2,
        "no policy is in force for dataset `visit`",
        "write one and put it into force with `dyepack policy adopt FILE`",
    );
    desk.write("policy.toml", POLICY);
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    desk.run(&["policy", "show", "visit"]).fails(
        2,
        "no policy is in force for dataset `visit`",
        "datasets with a policy: visits",
    );
}

#[test]
fn a_policy_file_that_is_gone_or_no_text() {
    let desk = Desk::with_home();
    desk.run(&["policy", "adopt", "gone.toml"]).fails(
        2,
        "could not read `gone.toml`: No such file or directory",
        "check the name",
    );
    desk.write("binary.toml", [0xff, 0xfe, 0x00]);
    desk.run(&["policy", "adopt", "binary.toml"]).fails(
        2,
        "`binary.toml` is not UTF-8 text",
        "a policy is a TOML file: check the name",
    );
}
