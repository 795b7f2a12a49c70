//! Keys that are locked, damaged or gone: exit code 5.

use super::{Desk, Said};

const VARIABLE: &str = "DYEPACK_PASSPHRASE_FILE";
const ADD: [&str; 5] = ["recipient", "add", "acme", "--name", "Acme"];

/// A home sealed with the passphrase in `pass`.
fn sealed() -> Desk {
    let desk = Desk::empty();
    desk.write("pass", "correct horse battery\n");
    desk.write("wrong", "incorrect horse\n");
    let said = desk.run_with(VARIABLE, "pass", &["init"]).ok();
    assert!(!said.stderr.contains("warning"), "{}", said.stderr);
    desk
}

fn add(desk: &Desk, passphrase_file: &str) -> Said {
    desk.run_with(VARIABLE, passphrase_file, &ADD)
}

#[test]
fn a_sealed_home_opens_with_its_passphrase_alone() {
    let desk = sealed();
    add(&desk, "wrong").fails(
        5,
        "home/keys/keyring.json: the passphrase does not open the key file, or the file was changed",
        "check the passphrase; if it is right, restore the key file from your backup",
    );
    desk.run(&ADD).fails(
        5,
        "home/keys/keyring.json: the key file is sealed and no passphrase is at hand",
        "run on a terminal, or put it in a file and name that in DYEPACK_PASSPHRASE_FILE",
    );
    add(&desk, "gone").fails(
        5,
        "gone: could not read the passphrase: No such file or directory",
        "the variable DYEPACK_PASSPHRASE_FILE names this file: correct or unset it",
    );
    add(&desk, "pass").ok();
    desk.run(&["recipient", "list"]).ok();
}

#[test]
fn what_needs_no_key_asks_for_none() {
    let desk = sealed();
    for args in [&["recipient", "list"][..], &["ledger", "list"], &["ledger", "verify"]] {
        desk.run(args).ok();
    }
}

#[test]
fn a_key_file_that_is_gone_is_said_so() {
    let desk = Desk::with_home();
    std::fs::remove_file(desk.path("home/keys/keyring.json")).unwrap();
    desk.run(&ADD).fails(
        5,
        "could not read the key file `home/keys/keyring.json`: No such file or directory",
        "without its keys nothing can be stamped or traced: restore the key file",
    );
}

#[test]
fn a_damaged_key_file_is_no_other_key() {
    let desk = Desk::with_home();
    let text = desk.text("home/keys/keyring.json");
    for (changed, what) in [
        ("not json".to_owned(), "it is not a key file"),
        (text.replace("dyepack.keyring/2", "dyepack.keyring/9"), "it holds keys of another kind"),
        (text.replace("\"secret\": \"", "\"secret\": \"%"), "its secret is not base64"),
    ] {
        desk.write("home/keys/keyring.json", changed);
        desk.run(&ADD).fails(
            5,
            &format!("home/keys/keyring.json: the key file is damaged: {what}"),
            "restore the key file from your backup",
        );
    }
}

#[test]
fn the_key_of_another_home_signs_nothing_here() {
    let (desk, other) = (Desk::with_home(), Desk::with_home());
    desk.write("home/keys/keyring.json", other.read("home/keys/keyring.json"));
    desk.run(&ADD).fails(
        5,
        "the signing key is not the key of this ledger",
        "unlock the key that created this ledger",
    );
}
