//! `init`: a home is made whole or not at all.

use super::Desk;

#[test]
fn a_home_is_made_and_says_what_comes_next() {
    let desk = Desk::empty();
    let said = desk.run(&["init", "--no-passphrase"]).ok();
    assert!(said.stdout.is_empty());
    let lines: Vec<&str> = said.stderr.lines().collect();
    assert_eq!(lines[0], "home made in home");
    assert!(lines[1].starts_with("warning: the keys have no passphrase"), "{}", said.stderr);
    assert!(lines[2].starts_with("verifier key of the ledger, to be kept elsewhere too: dyepack.ledger/"));
    assert_eq!(lines[3], "next: dyepack recipient add ID --name NAME; dyepack policy adopt policy.toml");
    assert_eq!(desk.names(), ["home"]);
}

#[cfg(unix)]
#[test]
fn the_keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::with_home();
    for (name, mode) in [("home/keys", 0o700), ("home/keys/keyring.json", 0o600)] {
        let found = std::fs::metadata(desk.path(name)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{name}");
    }
}

#[test]
fn a_home_is_never_overwritten() {
    let desk = Desk::with_home();
    let before = desk.files_below("home");
    desk.run(&["init", "--no-passphrase"]).fails(
        2,
        "`home` is already in use",
        "a home is never overwritten: name another folder with --home",
    );
    assert_eq!(desk.files_below("home"), before);
}

#[test]
fn without_passphrase_and_terminal_nothing_is_made() {
    let desk = Desk::empty();
    desk.run(&["init"]).fails(
        2,
        "no passphrase for the keys, and no terminal to ask for one",
        "put one in a file and name it in DYEPACK_PASSPHRASE_FILE, or use --no-passphrase",
    );
    assert!(desk.names().is_empty());
}

#[test]
fn a_short_passphrase_is_refused() {
    let desk = Desk::empty();
    desk.write("pass", "seven77\n");
    desk.run_with("DYEPACK_PASSPHRASE_FILE", "pass", &["init"]).fails(
        2,
        "the passphrase has fewer than 8 characters",
        "a few random words are easy to keep and hard to guess",
    );
    assert_eq!(desk.names(), ["pass"]);
}

#[test]
fn without_a_home_every_command_says_so() {
    let desk = Desk::empty();
    desk.write("a.csv", "a,b\n1,2\n");
    desk.write("p.toml", super::POLICY);
    for args in [
        &["recipient", "list"][..],
        &["recipient", "add", "a", "--name", "A"],
        &["policy", "adopt", "p.toml"],
        &["policy", "show", "x"],
        &["stamp", "a.csv", "--dataset", "x", "--to", "a", "-o", "b.csv"],
        &["trace", "a.csv"],
        &["ledger", "list"],
        &["ledger", "verify"],
        &["ledger", "reindex"],
    ] {
        desk.run(args).fails(
            2,
            "there is no home in `home`",
            "run `dyepack init` first, or name the home with --home",
        );
    }
    assert_eq!(desk.names(), ["a.csv", "p.toml"]);
}
