//! `ledger witness | witnesses | cosign`: a release counts as witnessed when a quorum has seen it.

use super::Desk;

/// Makes a witness's key file, and gives its public half.
fn witness(desk: &Desk, name: &str) -> String {
    let file = format!("{name}.key");
    let made = desk.run(&["signer", "new", name, "-o", &file, "--no-passphrase"]).ok().out();
    made.lines().find_map(|line| line.strip_prefix("witness ")).unwrap().to_owned()
}

/// A desk with a release, entry 3, and two witnesses who are asked, entry 4; and its verifier key.
fn asking() -> (Desk, String) {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    let keys = ["w1.example", "w2.example"].map(|name| witness(&desk, name));
    let said = desk.run(&["ledger", "witnesses", "--quorum", "2", &keys[0], &keys[1]]).ok();
    assert_eq!(said.stderr, "2 of 2 witnesses are needed from now on (entry 4)\n");
    let vkey = desk.text("home/ledger/ledger.vkey").trim().to_owned();
    (desk, vkey)
}

/// Has a witness cosign `what` into `{what}.{name}`.
fn cosign(desk: &Desk, name: &str, vkey: &str, what: &str) -> super::Said {
    let (key, state, out) = (format!("{name}.key"), format!("{name}.json"), format!("{what}.{name}"));
    let args = ["ledger", "witness", what, "--key", &key, "--state", &state, "--vkey", vkey, "-o", &out];
    desk.run(&args)
}

#[test]
fn a_release_is_witnessed_by_a_quorum_and_proved_so() {
    let (desk, vkey) = asking();
    let list = desk.run(&["ledger", "list"]).ok().out();
    assert!(list.lines().all(|line| line.ends_with("  (unwitnessed)")), "{list}");
    assert!(list.contains("witnesses  2 of 2 needed"), "{list}");
    desk.run(&["ledger", "checkpoint", "--witnessed"]).fails(
        2,
        "no checkpoint has a quorum of witnesses",
        "see `dyepack ledger witnesses`, and hand what they cosigned to `ledger cosign`",
    );
    desk.run(&["ledger", "checkpoint", "-o", "head"]).ok();
    for name in ["w1.example", "w2.example"] {
        let said = cosign(&desk, name, &vkey, "head").ok();
        assert_eq!(said.stderr, format!("cosigned: send head.{name} back\n"));
    }
    let said = desk.run(&["ledger", "cosign", "head.w1.example", "head.w2.example"]).ok();
    assert_eq!(
        said.stderr,
        "5 entries are cosigned by w1.example, and not witnessed yet\n\
         5 entries are cosigned by w2.example, and witnessed\n"
    );
    assert!(!desk.run(&["ledger", "list"]).ok().out().contains("unwitnessed"));
    assert_eq!(desk.run(&["ledger", "show", "r1"]).ok().stderr, "witnessed by a quorum\n");
    assert!(!desk.run(&["recipient", "show", "acme"]).ok().out().contains("unwitnessed"));

    // What comes later is not, until it is cosigned too; the witnesses need a proof then.
    desk.stamp("bob", "r2").ok();
    assert_eq!(desk.run(&["ledger", "show", "r2"]).ok().stderr, "not witnessed by a quorum yet\n");
    assert!(desk.run(&["recipient", "show", "bob"]).ok().out().contains("(entry 5)  (unwitnessed)"));
    assert_eq!(desk.run(&["recipient", "show", "bob", "--json"]).ok().json()["witnessed_entries"], 5);
    let said = desk.run(&["ledger", "verify", "--json"]).ok().json();
    assert_eq!((&said["witnessed"], &said["forks"]), (&5.into(), &0.into()));
    let said = desk.run(&["ledger", "witnesses"]).ok();
    assert_eq!(said.out().lines().count(), 2);
    assert_eq!(said.stderr, "2 of 2 are needed; 5 of 6 entries are witnessed\n");

    // A proof of the first release comes under the witnessed checkpoint, one of the second under the current one.
    desk.run(&["ledger", "prove", "r1", "-o", "r1.tlog-proof"]).ok();
    desk.run(&["ledger", "prove", "r2", "-o", "r2.tlog-proof"]).ok();
    let keys = said.out();
    let keys: Vec<&str> = keys.lines().collect();
    let check = |file: &str| {
        let witnesses = ["--witness", keys[0], "--witness", keys[1]];
        desk.run(&[&["ledger", "check-proof", file, "--vkey", &vkey][..], &witnesses].concat())
    };
    let said = check("r1.tlog-proof").ok();
    assert!(said.stderr.contains("cosigned by w1.example at 20"), "{}", said.stderr);
    check("r2.tlog-proof").fails(
        4,
        "r2.tlog-proof: 0 of the witnesses named cosigned the checkpoint, and 2 are needed",
        "ask for a proof with the cosignatures of more witnesses",
    );

    desk.run(&["ledger", "checkpoint", "-o", "later"]).ok();
    cosign(&desk, "w1.example", &vkey, "later").fails(
        2,
        "nothing shows that the tree grew from the one of 5 entries",
        "ask for the file that `dyepack ledger consistency 5` writes, or name the log with `--from`",
    );
    desk.run(&["ledger", "consistency", "5", "-o", "grown"]).ok();
    cosign(&desk, "w1.example", &vkey, "grown").ok();
    let args = ["ledger", "witness", "later", "--key", "w2.example.key", "--state", "w2.example.json"];
    let from = ["--vkey", &vkey, "--from", "home/ledger/log", "-o", "later.w2.example"];
    desk.run(&[&args[..], &from].concat()).ok();
    desk.run(&["ledger", "cosign", "grown.w1.example", "later.w2.example"]).ok();
    assert_eq!(desk.run(&["ledger", "show", "r2"]).ok().stderr, "witnessed by a quorum\n");
    let witnessed = desk.run(&["ledger", "checkpoint", "--witnessed"]).ok().out();
    assert_eq!(witnessed, desk.run(&["ledger", "checkpoint"]).ok().out());
    assert_eq!(witnessed.lines().filter(|line| line.starts_with("— ")).count(), 3);
    assert_eq!(desk.run(&["ledger", "checkpoint", "--bare"]).ok().out(), desk.text("later"));
    desk.run(&["ledger", "verify"]).ok();
}

#[test]
fn a_fork_ends_with_both_heads_on_both_sides() {
    let (desk, vkey) = asking();
    let (twin, ours) = (Desk::empty(), desk.path("home"));
    for (path, bytes) in desk.files_below("home") {
        let target = twin.path("home").join(path.strip_prefix(&ours).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::write(target, bytes).unwrap();
    }
    desk.run(&["recipient", "suspend", "bob"]).ok();
    twin.run(&["recipient", "suspend", "acme"]).ok();
    desk.run(&["ledger", "checkpoint", "-o", "head"]).ok();
    twin.run(&["ledger", "checkpoint", "-o", "other"]).ok();
    desk.write("other", twin.read("other"));

    // One witness saw the twin first. It refuses ours, and what it cosigned before is the proof at home.
    cosign(&desk, "w1.example", &vkey, "other").ok();
    let said = cosign(&desk, "w1.example", &vkey, "head").exits(4);
    let heads = |before: &str, now: &str| format!("two heads that one key signed:\n\n{before}\n{now}");
    assert_eq!(said.out(), heads(&desk.text("other"), &desk.text("head")));
    assert!(!desk.path("head.w1.example").exists());
    assert!(desk.text("w1.example.json").contains("\"theirs\""));
    let said = desk.run(&["ledger", "cosign", "other.w1.example"]).exits(4);
    assert_eq!(said.out(), heads(&desk.text("head"), &desk.text("other.w1.example")));
    assert!(said.stderr.starts_with("error: the two checkpoints are not of the same history\n"));
    assert_eq!(desk.files_below("home/ledger/forks").len(), 2);
    // It stays on record.
    let said = desk.run(&["ledger", "verify"]).exits(4);
    assert!(said.out().starts_with("the ledger is whole: 6 entries"), "{}", said.out());
    assert!(said.out().contains(&desk.text("other.w1.example")), "{}", said.out());
    let said = desk.run(&["doctor"]).exits(4).out();
    assert!(
        said.contains("BROKEN   forks        the two checkpoints are not of the same history\n"),
        "{said}"
    );
    assert!(said.contains("note     witnesses    0 of 6 entries are witnessed by a quorum\n"), "{said}");
}

#[test]
fn witnesses_that_could_not_count_are_refused() {
    let (desk, vkey) = asking();
    let keys = desk.run(&["ledger", "witnesses"]).ok().out();
    let keys: Vec<&str> = keys.lines().collect();
    let refused = |args: &[&str], what: &str| {
        let said = desk.run(&[&["ledger", "witnesses"], args].concat()).exits(2);
        assert!(said.stderr.contains(what) && said.stderr.contains("\nhint: "), "{}", said.stderr);
    };
    refused(&["--quorum", "3", keys[0], keys[1]], "its quorum is not between 1 and the number of witnesses");
    refused(&["--quorum", "1", keys[0], keys[0]], "it names a witness twice");
    refused(&["--quorum", "1", &vkey], "not a key that cosigns");
    assert_eq!(
        desk.run(&["ledger", "witnesses", "--quorum", "2", keys[0], keys[1]]).ok().stderr,
        "this is on record already\n"
    );
    desk.run(&["ledger", "checkpoint", "-o", "head"]).ok();
    desk.run(&["ledger", "cosign", "head"]).fails(
        2,
        "head: none of the witnesses on record cosigned it",
        "see `dyepack ledger witnesses` for the keys that count",
    );
    desk.run(&["ledger", "witnesses", "--none"]).ok();
    assert!(!desk.run(&["ledger", "list"]).ok().out().contains("unwitnessed"));
    desk.run(&["ledger", "witness", "head", "--key", "w1.example.key", "--state", "s", "-o", "out"]).exits(2);
    assert!(!desk.path("s").exists() && !desk.path("out").exists());
}
