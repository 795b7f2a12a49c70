//! `ledger checkpoint | prove | check-proof | consistency | compare` and `verify --from | --since`: what an auditor does.

use super::Desk;

/// A desk with one release on record, entry 3 of 4, and its verifier key.
fn stamped() -> (Desk, String) {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    let vkey = desk.text("home/ledger/ledger.vkey").trim().to_owned();
    (desk, vkey)
}

/// Somebody else's desk, with these files of the first and no home.
fn elsewhere(desk: &Desk, names: &[&str]) -> Desk {
    let other = Desk::empty();
    for name in names {
        other.write(name, desk.read(name));
    }
    other
}

/// Copies the published folder to `copy`.
fn publish(desk: &Desk, to: &Desk) {
    let log = desk.path("home/ledger/log");
    for (path, bytes) in desk.files_below("home/ledger/log") {
        let target = to.path("copy").join(path.strip_prefix(&log).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::write(target, bytes).unwrap();
    }
}

#[test]
fn a_proof_is_checked_by_somebody_with_the_key_alone() {
    let (desk, vkey) = stamped();
    desk.run(&["ledger", "prove", "r1", "-o", "r1.tlog-proof"]).ok();
    let proof = desk.text("r1.tlog-proof");
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1\nextra "), "{proof}");
    assert!(proof.contains("\nindex 3\n"), "{proof}");
    assert!(proof.ends_with(&desk.run(&["ledger", "checkpoint"]).ok().out()), "{proof}");

    let auditor = elsewhere(&desk, &["r1.tlog-proof"]);
    let said = auditor.run(&["ledger", "check-proof", "r1.tlog-proof", "--vkey", &vkey]).ok();
    assert_eq!(said.out(), desk.run(&["ledger", "show", "r1"]).ok().out());
    assert!(said.stderr.starts_with("entry 3 is in the ledger dyepack.ledger/"), "{}", said.stderr);
    assert!(said.stderr.contains(" of 4 entries with root "), "{}", said.stderr);

    let again = "have the proof made again; if it fails again, keep both as evidence";
    auditor.write("bent", proof.replacen("index 3", "index 2", 1));
    let file = "bent: the proof does not lead to the root in the checkpoint";
    auditor.run(&["ledger", "check-proof", "bent", "--vkey", &vkey]).fails(4, file, again);
    auditor.write("bent", proof.replacen("@v1", "@v2", 1));
    let file = "bent: the proof is malformed: it does not begin with `c2sp.org/tlog-proof@v1`";
    auditor.run(&["ledger", "check-proof", "bent", "--vkey", &vkey]).fails(4, file, again);
    let other = Desk::with_home().text("home/ledger/ledger.vkey");
    let said = auditor.run(&["ledger", "check-proof", "r1.tlog-proof", "--vkey", other.trim()]).exits(4);
    assert!(said.stderr.contains("the signature does not belong to the text and key"), "{}", said.stderr);
}

#[test]
fn a_proof_without_its_entry_tells_nothing_and_needs_it() {
    let (desk, vkey) = stamped();
    desk.run(&["ledger", "prove", "3", "--without-entry", "-o", "bare"]).ok();
    assert!(!desk.text("bare").contains("extra"));
    desk.write("entry", desk.run(&["ledger", "show", "3"]).ok().out());
    desk.run(&["ledger", "check-proof", "bare", "--vkey", &vkey, "--leaf", "entry"]).ok();
    desk.run(&["ledger", "check-proof", "bare", "--vkey", &vkey]).fails(
        2,
        "the proof came without its entry",
        "name a file with the entry's bytes, as `ledger show` prints them, with --leaf",
    );
    desk.write("entry", desk.run(&["ledger", "show", "2"]).ok().out());
    desk.run(&["ledger", "check-proof", "bare", "--vkey", &vkey, "--leaf", "entry"]).exits(4);
    desk.run(&["ledger", "prove", "3", "-o", "bare"]).fails(
        2,
        "`bare` exists",
        "choose another name, or replace it with --force",
    );
}

#[test]
fn checkpoints_of_one_history_are_told_from_a_fork() {
    let (desk, vkey) = stamped();
    desk.run(&["ledger", "checkpoint", "-o", "old"]).ok();
    desk.run(&["recipient", "suspend", "bob"]).ok();
    desk.run(&["ledger", "checkpoint", "-o", "new"]).ok();
    let said = desk.run(&["ledger", "consistency", "old", "-o", "proof"]).ok();
    assert_eq!(said.stderr, "the tree of 5 entries begins with the tree of 4\n");
    assert_eq!(desk.run(&["ledger", "consistency", "4"]).ok().out(), desk.text("proof"));
    assert!(desk.text("proof").starts_with("old 4\n") && desk.text("proof").ends_with(&desk.text("new")));

    let auditor = elsewhere(&desk, &["old", "new", "proof"]);
    publish(&desk, &auditor);
    let one = "the two checkpoints are of one history: 4 entries, and 5\n";
    for shown in [&["--proof", "proof"], &["--from", "copy"]] {
        let args = [&["ledger", "compare", "new", "old", "--vkey", &vkey][..], shown].concat();
        assert_eq!(auditor.run(&args).ok().out(), one);
    }
    let from = ["ledger", "consistency", "old", "--from", "copy", "--vkey", &vkey];
    assert_eq!(auditor.run(&from).ok().out(), desk.text("proof"));
    auditor.run(&["ledger", "compare", "new", "old", "--vkey", &vkey]).fails(
        2,
        "nothing shows that the tree grew from the one of 4 entries",
        "ask for the file that `dyepack ledger consistency 4` writes, or name the log with `--from`",
    );

    // The ledger is put back, and goes on otherwise: two heads of five entries.
    let (twin, ours) = (Desk::empty(), desk.path("home"));
    for (path, bytes) in desk.files_below("home") {
        let target = twin.path("home").join(path.strip_prefix(&ours).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::write(target, bytes).unwrap();
    }
    twin.run(&["recipient", "suspend", "acme"]).ok();
    desk.run(&["recipient", "add", "carl", "--name", "Carl"]).ok();
    twin.run(&["ledger", "checkpoint", "-o", "twin"]).ok();
    desk.run(&["ledger", "checkpoint", "-o", "desk"]).ok();
    desk.write("twin", twin.read("twin"));
    let said = desk.run(&["ledger", "compare", "desk", "twin", "--vkey", &vkey]).exits(4);
    assert_eq!(
        said.out(),
        format!("two heads that one key signed:\n\n{}\n{}", desk.text("desk"), desk.text("twin"))
    );
    assert_eq!(
        said.stderr,
        "error: the two checkpoints are not of the same history\n\
         hint: keep both: a signed fork proves that the ledger was rewritten\n"
    );
    assert!(desk.run(&["ledger", "consistency", "twin"]).exits(4).out().ends_with(&desk.text("twin")));
    let since = desk.run(&["ledger", "verify", "--since", "twin"]).exits(4);
    assert!(since.out().starts_with("the ledger is whole: 6 entries"), "{}", since.out());
    assert!(since.out().contains("two heads that one key signed:\n"), "{}", since.out());
    desk.run(&["ledger", "verify", "--since", "old"]).ok();
}

#[test]
fn a_copy_is_verified_without_a_home() {
    let (desk, vkey) = stamped();
    let auditor = Desk::empty();
    publish(&desk, &auditor);
    let verify = ["ledger", "verify", "--from", "copy", "--vkey", &vkey];
    let said = auditor.run(&verify).ok();
    let whole = "the copy is whole: 4 entries (1 policy adopted, 2 recipient registered, 1 release)\nroot ";
    assert!(said.out().starts_with(whole), "{}", said.out());
    let json = auditor.run(&[&verify[..], &["--json"]].concat()).ok().json();
    assert_eq!((&json["size"], &json["entries"]["release"]), (&4.into(), &1.into()));
    assert!(json.get("blobs").is_none());

    // A newer checkpoint, kept from before the copy was put back.
    desk.run(&["recipient", "suspend", "bob"]).ok();
    desk.run(&["ledger", "checkpoint", "-o", "newer"]).ok();
    auditor.write("newer", desk.read("newer"));
    let said = auditor.run(&[&verify[..], &["--since", "newer"]].concat()).exits(4);
    assert_eq!(
        said.stderr,
        "error: the log has 4 entries, and its key signed a checkpoint of 5\n\
         hint: it was put back to an older state, or is an older copy: find the newer one\n"
    );

    let tile = auditor.path("copy/tile/entries/000.p/4");
    let mut bytes = std::fs::read(&tile).unwrap();
    let at = bytes.windows(4).position(|part| part == b"acme").unwrap();
    bytes[at] = b'E';
    std::fs::write(&tile, bytes).unwrap();
    auditor.run(&verify).fails(
        4,
        "entry 0: its bytes do not match its hash in the tree",
        "keep this folder as evidence, and compare it with the last copy that verified; its owner goes on \
         with a backup: `dyepack restore`",
    );
    auditor.run(&["ledger", "verify", "--from", "copy"]).exits(2);
}

/// The shell of the manual, as it stands there.
#[cfg(unix)]
#[test]
fn openssl_checks_a_checkpoint_as_the_manual_says() {
    let (desk, vkey) = stamped();
    let has_openssl = std::process::Command::new("openssl").arg("version").output();
    if !has_openssl.is_ok_and(|said| said.stdout.starts_with(b"OpenSSL 3")) {
        return println!("skipped: no openssl 3");
    }
    let manual = include_str!("../../../src/manual/audit.md");
    let script = manual.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let check = || {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-e", "-c", script]).current_dir(desk.path("")).env("VKEY", &vkey);
        shell.output().unwrap()
    };
    desk.run(&["ledger", "checkpoint", "-o", "checkpoint"]).ok();
    let said = check();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    desk.write("checkpoint", desk.text("checkpoint").replacen("\n4\n", "\n5\n", 1));
    assert!(!check().status.success());
}
