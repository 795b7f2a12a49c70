//! `receipt sign | attach`: what recipients sign for, and what of it goes on record.

use super::gates::signer;
use super::{Desk, POLICY, Said, visits};

/// A desk where Acme has a key on record and was given `acme.csv` as release `r1`.
fn desk() -> Desk {
    let desk = Desk::ready();
    let vkey = signer(&desk, "acme.example", "acme.key");
    desk.run(&["recipient", "update", "acme", "--vkey", &vkey]).ok();
    desk.stamp("acme", "r1").ok();
    desk
}

/// Acme signs for `copy` as `release`, without a home.
fn sign(desk: &Desk, copy: &str, release: &str, out: &str) -> Said {
    let args = ["receipt", "sign", copy, "--release", release, "--key", "acme.key", "-o", out];
    desk.run_with("DYEPACK_HOME", "none", &args)
}

#[test]
fn a_recipient_signs_and_the_record_says_so() {
    let desk = desk();
    let said = sign(&desk, "acme.csv", "r1", "signed").ok();
    assert!(said.stderr.starts_with("signed: acme.example signed for "), "{}", said.stderr);
    assert!(desk.text("signed").starts_with("dyepack.delivery-receipt/1\n{\"release\":\"r1\","));
    assert_eq!(
        desk.run(&["receipt", "attach", "signed"]).ok().stderr,
        "receipt for release r1 is on record (entry 5)\n"
    );
    let shown = desk.run(&["recipient", "show", "acme"]).ok().out();
    assert!(shown.contains("\n      receipt signed by acme.example on 20"), "{shown}");
    let json = desk.run(&["recipient", "show", "acme", "--json"]).ok().json();
    assert_eq!(
        (&json["receipts"]["r1"]["by"], &json["receipts"]["r1"]["entry"]),
        (&"acme.example".into(), &5.into())
    );
    desk.run(&["ledger", "verify"]).ok();

    let report = desk.trace(&["acme.csv"]).ok().out();
    assert!(report.contains("Receipt    signed by acme.example on 20"), "{report}");
    let found = desk.trace(&["acme.csv", "--json"]).ok().json();
    assert_eq!(found["accused"][0]["releases"][0]["receipt"]["by"], "acme.example");
    desk.run(&["receipt", "attach", "signed"]).fails(
        2,
        "signed: release `r1` has a receipt already, entry 5",
        "one is enough",
    );
}

#[test]
fn the_owners_own_receipt_names_release_and_copy() {
    let desk = desk();
    let args = [
        "stamp",
        "visits.csv",
        "--dataset",
        "visits",
        "--to",
        "acme,bob",
        "-o",
        "{recipient}-2.csv",
        "--json",
    ];
    let printed = desk.run(&[&args[..], &["--release-id", "{recipient}-2"]].concat()).ok().stdout;
    desk.write("owners.json", printed);
    let sign = |copy| {
        let args = ["receipt", "sign", copy, "--receipt", "owners.json", "--key", "acme.key", "-o", "signed"];
        desk.run(&args)
    };
    sign("bob.csv").exits(2);
    sign("visits.csv").fails(
        2,
        "the copy is not the one that `owners.json` names",
        "it changed on the way, or is another one: have it sent again",
    );
    assert!(!desk.path("signed").exists());
    sign("acme-2.csv").ok();
    desk.run(&["receipt", "attach", "signed"]).ok();
    desk.write("owners.json", "{}");
    desk.run(&[
        "receipt",
        "sign",
        "acme-2.csv",
        "--receipt",
        "owners.json",
        "--key",
        "acme.key",
        "-o",
        "again",
    ])
    .fails(
        2,
        "`owners.json` is no receipt",
        "it is what `dyepack stamp --json` printed, or name the release with --release",
    );
}

#[test]
fn a_folder_is_signed_for_as_one_copy_and_gated_as_one() {
    let desk = desk();
    std::fs::create_dir_all(desk.path("parts/north")).unwrap();
    let table = visits(400);
    let (head, rows) = table.split_once('\n').unwrap();
    let half = rows.lines().take(200).fold(format!("{head}\n"), |part, row| part + row + "\n");
    let rest = rows.lines().skip(200).fold(format!("{head}\n"), |part, row| part + row + "\n");
    desk.write("parts/a.csv", half);
    desk.write("parts/north/b.csv", rest);
    let stamp = |release| {
        let args = ["stamp", "parts", "--dataset", "visits", "--to", "acme", "-o", "copy", "--release-id"];
        desk.run(&[&args[..], &[release]].concat())
    };
    stamp("p1").ok();
    sign(&desk, "copy", "p1", "signed").ok();
    desk.run(&["receipt", "attach", "signed"]).ok();
    std::fs::remove_file(desk.path("copy/a.csv")).unwrap();
    std::fs::remove_dir_all(desk.path("copy/north")).unwrap();
    std::fs::remove_dir(desk.path("copy")).unwrap();

    desk.write("policy.toml", format!("{POLICY}\n[release]\napprove_rows = 399\n"));
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    let said = stamp("p2").exits(3);
    assert!(said.stderr.starts_with("error: 400 rows for `acme` need an approval"), "{}", said.stderr);
    assert!(!desk.path("copy").exists());
    desk.run(&["ledger", "verify"]).ok();
}

#[test]
fn what_does_not_fit_is_not_attached() {
    let desk = desk();
    let entries = desk.entries();
    let attach = |files: &[&str]| desk.run(&[&["receipt", "attach"], files].concat());
    sign(&desk, "visits.csv", "r1", "other-bytes").ok();
    attach(&["other-bytes"]).fails(
        2,
        "other-bytes: the receipt for release `r1` is for other bytes than were delivered",
        "the recipient signed for another file, or for one that changed on the way: send it again",
    );
    sign(&desk, "acme.csv", "r9", "other-release").ok();
    attach(&["other-release"]).fails(
        2,
        "other-release: no release `r9` is on record",
        "see `dyepack ledger list`; the recipient may have mistyped the id",
    );
    signer(&desk, "acme.example", "false.key");
    desk.run(&["receipt", "sign", "acme.csv", "--release", "r1", "--key", "false.key", "-o", "other-key"])
        .ok();
    attach(&["other-key"]).fails(
        2,
        "other-key: the `dyepack.delivery-receipt/1` is not signed by the key of `acme.example`",
        "compare the key on record with what `dyepack signer show` prints of the signer's key file",
    );
    sign(&desk, "acme.csv", "r1", "good").ok();
    // One bad receipt keeps all of them out, and a file counts once.
    attach(&["good", "other-key"]).exits(2);
    attach(&["good", "good"]).fails(
        2,
        "release `r1` is signed for twice here",
        "name one receipt for each release",
    );
    desk.stamp("bob", "r2").ok();
    sign(&desk, "bob.csv", "r2", "no-key").ok();
    attach(&["no-key"]).fails(
        2,
        "no-key: recipient `bob` has no key on record",
        "register it with `dyepack recipient update bob --vkey KEY`",
    );
    attach(&["visits.csv"]).fails(
        2,
        "visits.csv: this is no `dyepack.delivery-receipt/1`: it is no signed note",
        "it has two lines, an empty one, and a signature: check the file",
    );
    assert_eq!(desk.entries(), entries + 1, "bob's release alone");
    sign(&desk, "acme.csv", "r1", "good").exits(2);
    attach(&["good"]).ok();
}

#[test]
fn a_key_that_is_none_is_refused_and_a_replaced_one_counts_no_more() {
    let desk = desk();
    let said = desk.run(&["recipient", "update", "acme", "--vkey", "acme+00000000+AAAA"]).exits(2);
    assert!(said.stderr.contains("the verifier key is malformed"), "{}", said.stderr);
    sign(&desk, "acme.csv", "r1", "signed").ok();
    let vkey = signer(&desk, "acme.example", "new.key");
    desk.run(&["recipient", "update", "acme", "--vkey", &vkey]).ok();
    desk.run(&["receipt", "attach", "signed"]).exits(2);
    desk.run(&["receipt", "sign", "acme.csv", "--release", "r1", "--key", "new.key", "-o", "again"]).ok();
    desk.run(&["receipt", "attach", "again"]).ok();
    desk.run(&["ledger", "verify"]).ok();
}
