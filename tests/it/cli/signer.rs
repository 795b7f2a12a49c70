//! `signer new | show`: key files of others who sign, made and read without a home.

use super::Desk;

#[test]
fn a_key_file_is_made_once_and_shows_its_public_halves() {
    let desk = Desk::empty();
    desk.write("pass", "correct horse battery\n");
    let new = ["signer", "new", "carol@hospital.example", "-o", "carol.key"];
    let sealed = ("DYEPACK_PASSPHRASE_FILE", "pass");
    let made = desk.run_with(sealed.0, sealed.1, &new).ok();
    assert!(!made.stderr.contains("warning"), "{}", made.stderr);
    let lines: Vec<String> = made.out().lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("verifier carol@hospital.example+"), "{}", made.out());
    assert!(lines[1].starts_with("witness carol@hospital.example+"), "{}", made.out());
    assert_eq!(lines.len(), 2);
    let shown = desk.run_with(sealed.0, sealed.1, &["signer", "show", "carol.key"]).ok();
    assert_eq!(shown.out(), made.out());
    desk.run(&["signer", "show", "carol.key"]).fails(
        5,
        "carol.key: the key file is sealed and no passphrase is at hand",
        "run on a terminal, or put it in a file and name that in DYEPACK_SIGNER_PASSPHRASE_FILE",
    );
    desk.run(&new).fails(2, "`carol.key` exists", "choose another name for the key file");
    assert_eq!(desk.names(), ["carol.key", "pass"]);
}

#[test]
fn an_open_key_file_is_for_its_owner_alone() {
    let desk = Desk::empty();
    let made = desk.run(&["signer", "new", "w1.example", "-o", "w1.key", "--no-passphrase"]).ok();
    assert!(made.stderr.contains("warning: the key has no passphrase"), "{}", made.stderr);
    desk.run(&["signer", "show", "w1.key"]).ok();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(desk.path("w1.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn names_that_no_note_can_carry_are_refused() {
    let desk = Desk::empty();
    for name in ["two words", "a+b", ""] {
        let said = desk.run(&["signer", "new", name, "-o", "key", "--no-passphrase"]).exits(2);
        assert!(said.stderr.contains("can't be an origin or a key name"), "{}", said.stderr);
    }
    assert_eq!(desk.names(), [""; 0]);
}

#[test]
fn an_approver_has_a_passphrase_of_its_own() {
    let desk = Desk::empty();
    let (home, signer) = ("DYEPACK_PASSPHRASE_FILE", "DYEPACK_SIGNER_PASSPHRASE_FILE");
    desk.write("home-pass", "the operators know this\n");
    desk.write("carol-pass", "only carol knows this\n");
    let run = |args: &[&str]| desk.run_with(home, "home-pass", args);
    run(&["init"]).ok();
    run(&["recipient", "add", "acme", "--name", "Acme"]).ok();
    desk.write("policy.toml", super::POLICY);
    run(&["policy", "adopt", "policy.toml"]).ok();
    let made = desk.run_with(signer, "carol-pass", &["signer", "new", "carol", "-o", "carol.key"]).ok().out();
    let vkey = made.lines().find_map(|line| line.strip_prefix("verifier ")).unwrap();
    run(&["approver", "add", "carol", "--vkey", vkey]).ok();
    let approve = ["approve", "--dataset", "visits", "--to", "acme", "--key", "carol.key"];
    run(&approve).exits(5);
    let both =
        desk.dyepack().env(home, "home-pass").env(signer, "carol-pass").args(approve).output().unwrap();
    assert!(both.status.success(), "{}", String::from_utf8_lossy(&both.stderr));
    desk.run(&["signer", "new", "dave", "-o", "dave.key"]).fails(
        2,
        "no passphrase for the keys, and no terminal to ask for one",
        "put one in a file and name it in DYEPACK_SIGNER_PASSPHRASE_FILE, or use --no-passphrase",
    );
}
