//! Between the look-up and the commit another process may change what was looked up.

use std::io::Write as _;
use std::process::{Child, Stdio};

use super::{Desk, POLICY, Said};

/// Begins to stamp what comes on standard input, and waits until the look-up is over and the marking has
/// begun.
fn begin(desk: &Desk) -> Child {
    let args = ["stamp", "-", "--dataset", "visits", "--to", "acme", "-o", "out.csv", "--release-id", "r1"];
    let mut child = desk.dyepack().args(args).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(super::visits(10).as_bytes()).unwrap();
    let began = desk.comes(".tmp");
    if !began {
        child.kill().unwrap();
        panic!("nothing was begun: {}", Said::from(child.wait_with_output().unwrap()).stderr);
    }
    child
}

/// Ends the input.
fn finish(mut child: Child) -> Said {
    drop(child.stdin.take());
    Said::from(child.wait_with_output().unwrap())
}

#[track_caller]
fn nothing_came_of_it(desk: &Desk, entries: usize) {
    assert_eq!(desk.entries(), entries);
    assert_eq!(desk.names(), ["home", "policy.toml", "visits.csv"]);
}

#[test]
fn a_recipient_suspended_meanwhile_is_given_nothing() {
    let desk = Desk::ready();
    let child = begin(&desk);
    desk.run(&["recipient", "suspend", "acme"]).ok();
    let said = finish(child).exits(3);
    assert!(said.stderr.starts_with("error: recipient `acme` was suspended on "), "{}", said.stderr);
    // The suspension, and the refusal.
    nothing_came_of_it(&desk, 5);
}

#[test]
fn a_policy_replaced_meanwhile_is_not_followed() {
    let desk = Desk::ready();
    let child = begin(&desk);
    desk.write("policy.toml", POLICY.replace("0.5", "0.25"));
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    finish(child).fails(
        3,
        "the policy for `visits` was replaced while the file was being stamped",
        "nothing was delivered or recorded: stamp the file again",
    );
    nothing_came_of_it(&desk, 4);
}

#[test]
fn an_output_that_appeared_meanwhile_is_left_alone() {
    let desk = Desk::ready();
    let child = begin(&desk);
    desk.write("out.csv", "precious");
    finish(child).fails(2, "`out.csv` exists", "choose another name, or replace it with --force");
    assert_eq!((desk.text("out.csv"), desk.entries()), ("precious".into(), 3));
}

#[test]
fn what_others_record_meanwhile_does_no_harm() {
    let desk = Desk::ready();
    let child = begin(&desk);
    desk.run(&["recipient", "add", "eve", "--name", "Eve"]).ok();
    desk.run(&["recipient", "suspend", "bob"]).ok();
    finish(child).ok();
    assert_eq!(desk.entries(), 6);
    assert!(desk.path("out.csv").exists());
}
