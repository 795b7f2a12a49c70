//! `key rotate | passphrase`, `backup`, `restore`, `recipient erase`, `ledger prune`, `doctor`.

use std::fs;

use serde_json::Value;

use super::{Desk, POLICY, Said, visits};

const KEYS: &str = "DYEPACK_PASSPHRASE_FILE";
const BACKUP: &str = "DYEPACK_BACKUP_PASSPHRASE_FILE";

/// As [`Desk::ready`], with something released before a rotation to `acme`, and something after it to `bob`.
fn rotated() -> Desk {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    let said = desk.run(&["key", "rotate", "--reason", "a laptop was stolen"]).ok();
    assert!(
        said.stderr.starts_with("key epoch 2 has begun (entry 4); older copies can still be traced\n"),
        "{}",
        said.stderr
    );
    desk.stamp("bob", "r2").ok();
    desk
}

fn traced(desk: &Desk, leak: &str) -> Value {
    desk.trace(&[leak, "--blind", "--json"]).ok().json()
}

/// Half of a copy, so that its bytes alone tell nothing.
fn half(desk: &Desk, copy: &str) -> String {
    let text = desk.text(copy);
    text.lines().take(201).map(|line| format!("{line}\n")).collect()
}

fn backed_up(desk: &Desk, args: &[&str]) -> Said {
    desk.write("pass", "of the backup\n");
    desk.run_with(BACKUP, "pass", &[&["backup"][..], args].concat())
}

#[test]
fn copies_of_both_epochs_are_traced_after_a_rotation() {
    let desk = rotated();
    let shown = desk.run(&["ledger", "show", "r1"]).ok().json();
    assert_eq!(shown["entry"]["key_epoch"], 1);
    assert_eq!(desk.run(&["ledger", "show", "r2"]).ok().json()["entry"]["key_epoch"], 2);
    assert_eq!(desk.run(&["ledger", "show", "4"]).ok().json()["entry"]["reason"], "a laptop was stolen");
    for (copy, recipient, release) in [("acme.csv", "acme", "r1"), ("bob.csv", "bob", "r2")] {
        desk.write("leak.csv", half(&desk, copy));
        let found = traced(&desk, "leak.csv");
        assert_eq!(
            (&found["verdict"], &found["accused"][0]["recipient"]),
            (&"identified".into(), &recipient.into())
        );
        assert_eq!(found["accused"].as_array().unwrap().len(), 1, "{found}");
        // Both epochs were looked at, and are paid for.
        assert_eq!(found["evidence"]["readings_tried"], 2);
        // Rows are found again in the releases of the epoch, whose sketches have its key.
        assert_eq!(found["accused"][0]["releases"][0]["release"], release);
        assert!(found["similarity"]["share"].as_f64().unwrap() > 0.9, "{found}");
    }
}

#[test]
fn a_release_of_an_earlier_epoch_is_not_made_again_under_another() {
    let desk = rotated();
    fs::remove_file(desk.path("acme.csv")).unwrap();
    desk.stamp("acme", "r1").fails(
        2,
        "release `r1` is on record with another key epoch",
        "a release id stands for one delivery: choose another one",
    );
}

#[test]
fn a_key_file_from_before_a_rotation_stamps_and_traces_nothing() {
    let desk = Desk::ready();
    let old = desk.read("home/keys/keyring.json");
    desk.run(&["key", "rotate"]).ok();
    desk.stamp("bob", "r2").ok();
    let new = desk.read("home/keys/keyring.json");
    desk.write("home/keys/keyring.json", &old);
    let error = "the key file has no secret for key epoch 2";
    let hint =
        "it is older than the ledger: restore the key file from a backup made after the key was rotated";
    desk.stamp("acme", "r3").fails(5, error, hint);
    desk.trace(&["bob.csv"]).fails(5, error, hint);
    desk.run(&["key", "rotate"]).fails(5, error, hint);
    let said = desk.trace(&["bob.csv", "--without-lost-keys"]).exits(1);
    assert!(said.stderr.contains(&format!("warning: {error}: its copies are not")), "{}", said.stderr);
    assert!(
        desk.run(&["doctor"]).exits(5).out().contains("BROKEN   epochs       the key file has no secret")
    );
    // The other way round, a secret that no epoch uses is harmless.
    let other = Desk::ready();
    let ledger = other.files_below("home/ledger");
    other.run(&["key", "rotate"]).ok();
    fs::remove_dir_all(other.path("home/ledger")).unwrap();
    for (path, bytes) in ledger {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    other.stamp("acme", "r1").ok();
    let said = other.run(&["key", "rotate"]).ok();
    assert!(said.stderr.starts_with("key epoch 3 has begun"), "{}", said.stderr);
    desk.write("home/keys/keyring.json", &new);
    desk.stamp("acme", "r3").ok();
}

#[test]
fn models_and_vault_outlive_a_rotation() {
    let desk = Desk::ready();
    desk.write("policy.toml", POLICY.replace("key = [\"visit\"]", "key = [\"visit\"]\nvault = true"));
    desk.run(&["policy", "adopt", "policy.toml", "--model", "visits.csv"]).ok();
    desk.stamp("acme", "r1").ok();
    desk.run(&["key", "rotate"]).ok();
    desk.stamp("bob", "r2").ok();
    desk.run(&["vault", "verify"]).ok();
    let list = desk.run(&["vault", "list"]).ok().out();
    assert!(list.contains("r1, r2"), "one copy serves both: {list}");
    fs::rename(desk.path("visits.csv"), desk.path("moved.csv")).unwrap();
    for (copy, recipient) in [("acme.csv", "acme"), ("bob.csv", "bob")] {
        desk.write("leak.csv", half(&desk, copy));
        let found = desk.trace(&["leak.csv", "--json"]).ok().json();
        assert_eq!(found["accused"][0]["recipient"], recipient, "{found}");
        assert!(
            found["reference"]["rows_by_key"].as_u64().unwrap() >= 200,
            "the vault's copy was read: {found}"
        );
    }
    // A new source is kept under the new secret.
    desk.write("visits.csv", visits(250));
    desk.run(&["stamp", "visits.csv", "--dataset", "visits", "--to", "bob", "-o", "later.csv"]).ok();
    desk.run(&["vault", "verify"]).ok();
    assert_eq!(fs::read_dir(desk.path("home/vault")).unwrap().count(), 2);
}

#[test]
fn the_passphrase_is_changed() {
    let desk = Desk::empty();
    desk.write("old", "correct horse battery\n");
    desk.write("new", "another staple\n");
    desk.run_with(KEYS, "old", &["init"]).ok();
    desk.run_with(KEYS, "old", &["key", "passphrase"]).fails(
        2,
        "no passphrase for the keys, and no terminal to ask for one",
        "put one in a file and name it in DYEPACK_NEW_PASSPHRASE_FILE",
    );
    let mut change = desk.dyepack();
    change.env(KEYS, "old").env("DYEPACK_NEW_PASSPHRASE_FILE", "new").args(["key", "passphrase"]);
    Said::from(change.output().unwrap()).ok();
    let rotate = |pass: &str| desk.run_with(KEYS, pass, &["key", "rotate"]);
    assert!(rotate("old").exits(5).stderr.contains("the passphrase does not open the key file"));
    rotate("new").ok();
    desk.run_with(KEYS, "new", &["key", "passphrase", "--no-passphrase"]).ok();
    desk.run(&["key", "rotate"]).ok();
}

#[test]
fn a_backup_is_restored_on_an_empty_machine() {
    let desk = rotated();
    let said = backed_up(&desk, &["-o", "b"]).ok();
    assert!(said.stderr.starts_with("backup of 6 entries"), "{}", said.stderr);
    backed_up(&desk, &["-o", "b"]).fails(
        2,
        "`b` exists",
        "a backup is never overwritten: choose another name",
    );
    desk.run(&["backup", "-o", "c"]).fails(
        2,
        "no passphrase for the backup, and no terminal to ask for one",
        "put one in a file and name it in DYEPACK_BACKUP_PASSPHRASE_FILE",
    );
    let restore = |args: &[&str]| desk.run_with(BACKUP, "pass", &[&["restore", "b"][..], args].concat());
    restore(&[]).fails(
        2,
        "`home` is already in use",
        "a home is never overwritten: name another folder with --home",
    );
    restore(&["--dry-run"]).ok();
    let said = restore(&["--home", "new"]).ok();
    assert!(
        said.stderr.contains("warning: what was recorded after the backup is lost: the ledger has 6 entries")
    );
    desk.write("leak.csv", half(&desk, "acme.csv"));
    let found = desk.trace(&["leak.csv", "--home", "new", "--json"]).ok().json();
    assert_eq!(found["accused"][0]["recipient"], "acme");
    assert_eq!(
        desk.run(&["ledger", "verify", "--home", "new"]).ok().out(),
        desk.run(&["ledger", "verify"]).ok().out()
    );

    // A checkpoint that was kept elsewhere tells whether the backup is behind it.
    let checkpoint =
        |desk: &Desk, name: &str| fs::copy(desk.path("home/ledger/log/checkpoint"), desk.path(name)).unwrap();
    checkpoint(&desk, "at");
    restore(&["--home", "same", "--since", "at"]).ok();
    fs::remove_file(desk.path("acme.csv")).unwrap();
    desk.stamp("acme", "r3").ok();
    checkpoint(&desk, "after");
    restore(&["--home", "behind", "--since", "after"]).fails(
        4,
        "the log has 6 entries, and its key signed a checkpoint of 7",
        "it was put back to an older state, or is an older copy: find the newer one",
    );
    assert!(!desk.path("behind").exists());
    desk.write("wrong", "not of the backup\n");
    desk.run_with(BACKUP, "wrong", &["restore", "b", "--home", "other"]).fails(
        5,
        "the passphrase does not open the backup `b`, or the file was changed",
        "check the passphrase: it is the backup's own, not that of the keys",
    );
}

#[test]
fn an_erased_partner_is_an_id() {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    let name = b"Acme Analytics";
    let holders = |desk: &Desk| {
        let files = desk.files_below("home").into_iter();
        files.filter(|(_, bytes)| bytes.windows(name.len()).any(|part| part == name)).count()
    };
    assert_eq!(holders(&desk), 1, "one blob");
    desk.run(&["recipient", "erase", "acme", "--reason", "asked by letter"]).ok();
    assert_eq!(holders(&desk), 0);
    let list = desk.run(&["recipient", "list"]).ok().out();
    assert!(list.contains("acme  erased            1  (erased)\n"), "{list}");
    assert!(desk.run(&["recipient", "show", "acme"]).ok().out().starts_with("acme  (erased)\n"));
    let out = desk.trace(&["acme.csv"]).ok().out();
    assert!(out.starts_with("EXACT COPY  acme\n"), "{out}");
    fs::remove_file(desk.path("acme.csv")).unwrap();
    assert!(desk.stamp("acme", "r2").exits(3).stderr.contains("the name of `acme` was erased on"));
    desk.run(&["ledger", "verify"]).ok();
    let said = desk.run(&["recipient", "erase", "acme"]).ok();
    assert_eq!(said.stderr, "the name and contact of acme are erased already\n");
    assert_eq!(desk.entries(), 6, "the refusal is one");
}

#[test]
fn young_releases_are_not_pruned() {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    let said = desk.run(&["ledger", "prune", "--before", "2100-01-01"]).exits(2);
    assert!(said.stderr.contains("are kept: the last 6 years of them"), "{}", said.stderr);
    let slip = desk.run(&["ledger", "prune", "--before", "May"]).exits(2);
    assert!(slip.stderr.contains("must be a day such as 2026-12-31"), "{}", slip.stderr);
    assert!(said.stderr.contains("45 CFR 164.528"), "{}", said.stderr);
    let said = desk.run(&["ledger", "prune", "--before", "2100-01-01", "--keep-years", "0"]).exits(2);
    assert!(said.stderr.starts_with("error: that day is yet to come: "), "{}", said.stderr);
    let said =
        desk.run(&["ledger", "prune", "--before", "2001-01-01", "--keep-years", "1", "--dry-run"]).ok();
    assert!(said.stderr.contains("warning: releases of the last 6 years may go"), "{}", said.stderr);
    assert!(
        said.stderr
            .ends_with("nothing to prune: no bundle of 256 entries is wholly older and holds a release\n")
    );
}

fn states(desk: &Desk, args: &[&str], code: i32) -> Vec<(String, String)> {
    let said = desk.run(&[&["doctor", "--json"][..], args].concat()).exits(code).json();
    assert_eq!(said["schema"], "dyepack.doctor/1");
    let findings = said["findings"].as_array().unwrap().iter();
    findings
        .map(|f| (f["check"].as_str().unwrap().to_owned(), f["state"].as_str().unwrap().to_owned()))
        .collect()
}

fn state<'a>(found: &'a [(String, String)], check: &str) -> &'a str {
    &found.iter().find(|(name, _)| name == check).unwrap_or_else(|| panic!("{check}: {found:?}")).1
}

#[test]
fn a_doctor_finds_what_is_wrong() {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    let found = states(&desk, &[], 0);
    for check in ["keys", "ledger", "clock", "epochs", "models", "remains"] {
        assert_eq!(state(&found, check), "fine", "{found:?}");
    }
    assert_eq!(state(&found, "backup"), "warning");
    backed_up(&desk, &["-o", "b"]).ok();
    assert_eq!(state(&states(&desk, &[], 0), "backup"), "fine");

    // Remains of a process that was killed, and a name that was put back.
    let personal = desk
        .files_below("home/ledger/blob")
        .into_iter()
        .find(|(_, bytes)| bytes.windows(4).any(|w| w == b"Acme"));
    let (blob, bytes) = personal.unwrap();
    desk.run(&["recipient", "erase", "acme"]).ok();
    fs::write(blob, bytes).unwrap();
    desk.write("home/keys/.tmpA1b2C3", "half");
    let found = states(&desk, &[], 0);
    assert_eq!((state(&found, "remains"), state(&found, "erasure")), ("note", "warning"));
    let found = states(&desk, &["--repair"], 0);
    assert_eq!(state(&found, "remains"), "fine");
    assert!(!found.iter().any(|(check, _)| check == "erasure"), "{found:?}");

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let path = desk.path("home/keys/keyring.json");
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(state(&states(&desk, &[], 0), "permissions"), "warning");
    }
    // Evidence weighs more than keys.
    let keys = desk.read("home/keys/keyring.json");
    desk.write("home/keys/keyring.json", "junk");
    assert_eq!(state(&states(&desk, &[], 5), "keys"), "broken");
    let path = "home/ledger/log/checkpoint";
    desk.write(path, desk.text(path).replacen("\n5\n", "\n4\n", 1));
    assert_eq!(state(&states(&desk, &[], 4), "ledger"), "broken");
    desk.write("home/keys/keyring.json", keys);
    let text = desk.run(&["doctor"]).exits(4).out();
    assert!(text.contains("BROKEN   ledger       log/checkpoint: the signature does not belong"), "{text}");
}

#[test]
fn a_doctor_who_sees_no_ledger_does_not_say_fine() {
    let desk = Desk::ready();
    // As in a home that can't be written to, and whoever runs the test.
    let lock = desk.path("home/ledger/lock");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    assert_eq!(state(&states(&desk, &[], 2), "ledger"), "broken");
    fs::remove_dir(&lock).unwrap();
    desk.write("home/ledger/blob/junk", "x");
    let text = desk.run(&["doctor"]).ok().out();
    assert!(text.contains("warning  ledger       `blob/junk` lies in the ledger's folder"), "{text}");

    fs::remove_dir_all(desk.path("home/ledger")).unwrap();
    desk.run(&["doctor"]).fails(
        4,
        "the home in `home` has lost its ledger",
        "move what is left of it aside, and restore your backup in its place: `dyepack restore`",
    );
}

#[test]
fn no_backup_is_put_into_its_home() {
    let desk = Desk::ready();
    backed_up(&desk, &["-o", "home/b"]).fails(
        2,
        "`home/b` would lie in the home that it is a backup of",
        "it would be lost with the home, and be part of the next one: name a place elsewhere",
    );
    assert!(!desk.path("home/b").exists());
}
