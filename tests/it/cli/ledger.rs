//! `ledger list | show | verify | reindex`, and a ledger that was tampered with: exit code 4.

use std::fs;
use std::path::PathBuf;

use super::Desk;

/// What evidence that no longer fits together is worth.
const EVIDENCE: &str = "keep this folder as evidence, and compare it with the last copy that verified";

/// The same of entries, which a backup holds.
const DAMAGED: &str = "keep this folder as evidence, and compare it with the last copy that verified; \
                       its owner goes on with a backup: `dyepack restore`";

fn stamped() -> Desk {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    desk
}

/// The one file below the ledger's `folder`.
fn only_file(desk: &Desk, folder: &str) -> PathBuf {
    let files = desk.files_below(&format!("home/ledger/{folder}"));
    assert_eq!(files.len(), 1, "{folder}");
    files.into_iter().next().unwrap().0
}

#[test]
fn the_list_has_a_line_for_each_entry() {
    let desk = stamped();
    let list = desk.run(&["ledger", "list"]).ok().out();
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].ends_with("recipient  acme registered: Acme Analytics"), "{list}");
    assert!(lines[3].ends_with("release    r1  visits to acme: 300 rows"), "{list}");
    let json = desk.run(&["ledger", "list", "--json"]).ok().out();
    for (i, line) in json.lines().enumerate() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["index"], i);
        assert_eq!(value["leaf"]["entry"]["schema"], "dyepack.entry/1");
    }
}

#[test]
fn an_empty_ledger_says_so() {
    let said = Desk::with_home().run(&["ledger", "list"]).ok();
    assert_eq!((said.out().as_str(), said.stderr.as_str()), ("", "the ledger is empty\n"));
}

#[test]
fn an_entry_is_shown_by_number_and_by_release() {
    let desk = stamped();
    let by_number = desk.run(&["ledger", "show", "3"]).ok().json();
    assert_eq!(by_number, desk.run(&["ledger", "show", "r1"]).ok().json());
    let entry = &by_number["entry"];
    assert_eq!((&entry["kind"], &entry["recipient"]), (&"release".into(), &"acme".into()));
    assert_eq!((&entry["operator"], &entry["rows"]), (&"tester".into(), &300.into()));
}

#[test]
fn what_is_not_there_is_said_so() {
    let desk = stamped();
    desk.run(&["ledger", "show", "r2"]).fails(
        2,
        "no release `r2` is on record",
        "name a release or the number of an entry; see `dyepack ledger list`",
    );
    desk.run(&["ledger", "show", "4"]).fails(
        2,
        "there is no entry 4, the ledger has 4",
        "entries count from 0: see `dyepack ledger list`",
    );
}

#[test]
fn a_whole_ledger_verifies() {
    let desk = stamped();
    let said = desk.run(&["ledger", "verify"]).ok();
    let out = said.out();
    let (whole, root) = out.split_once('\n').unwrap();
    assert_eq!(
        whole,
        "the ledger is whole: 4 entries (1 policy adopted, 2 recipient registered, 1 release), \
         4 policies, sketches and names"
    );
    assert!(root.starts_with("root "), "{out}");
    assert!(
        said.stderr.starts_with("checked against the ledger's own key; --vkey KEY checks"),
        "{}",
        said.stderr
    );
    let vkey = desk.text("home/ledger/ledger.vkey");
    let said = desk.run(&["ledger", "verify", "--vkey", vkey.trim()]).ok();
    assert_eq!(said.stderr, "");
}

#[test]
fn another_key_and_no_key() {
    let desk = stamped();
    let other = Desk::with_home().text("home/ledger/ledger.vkey");
    desk.run(&["ledger", "verify", "--vkey", other.trim()]).fails(
        4,
        "the ledger is signed by another key than the one given",
        "compare the key with the one handed over when the ledger was set up",
    );
    desk.run(&["ledger", "verify", "--vkey", "abc"]).fails(
        2,
        "the verifier key is malformed: it is not name+id+key",
        "it looks like NAME+ID+KEY: `dyepack init` printed it, and `ledger.vkey` holds it",
    );
}

#[test]
fn a_changed_entry_is_named_by_every_command() {
    let desk = stamped();
    let tile = only_file(&desk, "log/tile/entries");
    let mut bytes = fs::read(&tile).unwrap();
    let at = bytes.windows(4).position(|part| part == b"acme").unwrap();
    bytes[at] = b'e';
    fs::write(&tile, bytes).unwrap();
    let error = "entry 0: its bytes do not match its hash in the tree";
    desk.run(&["ledger", "verify"]).fails(4, error, DAMAGED);
    desk.run(&["recipient", "list"]).fails(4, error, DAMAGED);
    desk.trace(&["visits.csv"]).fails(4, error, DAMAGED);
    desk.stamp("bob", "r2").fails(4, error, DAMAGED);
    assert!(!desk.path("bob.csv").exists());
}

#[test]
fn a_forged_checkpoint_is_refused() {
    let desk = stamped();
    let path = "home/ledger/log/checkpoint";
    desk.write(path, desk.text(path).replacen("\n4\n", "\n3\n", 1));
    let error = "log/checkpoint: the signature does not belong to the text and key";
    desk.run(&["ledger", "verify"]).fails(4, error, EVIDENCE);
}

#[test]
fn a_changed_policy_is_refused() {
    let desk = stamped();
    for (path, bytes) in desk.files_below("home/ledger/blob") {
        if bytes.starts_with(b"\n[dataset]") {
            fs::write(path, bytes.to_ascii_uppercase()).unwrap();
        }
    }
    let said = desk.stamp("bob", "r2").exits(4);
    assert!(
        said.stderr.contains(" holds other bytes than its name says\nhint: restore the file under `blob/`"),
        "{}",
        said.stderr
    );
}

#[test]
fn the_index_is_built_anew_from_the_log() {
    let desk = stamped();
    for (path, _) in desk.files_below("home/ledger/index") {
        fs::write(path, "junk").unwrap();
    }
    desk.run(&["ledger", "show", "r1"]).fails(
        4,
        "the index is damaged: its files are not as the ledger left them",
        "the index can be rebuilt from the log: run `dyepack ledger reindex`",
    );
    let said = desk.run(&["ledger", "reindex"]).ok();
    assert_eq!(said.stderr, "index of 4 entries built anew from the log\n");
    desk.run(&["ledger", "show", "r1"]).ok();
    desk.run(&["ledger", "verify"]).ok();
}
