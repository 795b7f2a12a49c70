//! Go's `golang.org/x/mod/sumdb`: its `note` and `tlog` check and prove the public Go modules, and C2SP comes from them.
//!
//! `testdata/interop/check.go` runs where Debian's packages `golang-go` and `golang-golang-x-mod-dev` are; elsewhere the test is
//! passed over, and says so.

use std::path::Path;
use std::process::Command;

use dyepack::ledger::cosignature::Witness;
use dyepack::ledger::note::SignedNote;
use dyepack::ledger::{Verified, Verifier};

use super::{INDEXES, SECONDS, Sample};

/// Where Debian puts Go packages.
const GOPATH: &str = "/usr/share/gocode";

#[test]
fn go_checks_the_log_and_we_read_what_go_signs() {
    let has_packages = Path::new(GOPATH).join("src/golang.org/x/mod/sumdb/tlog").is_dir();
    if !has_packages || Command::new("go").arg("version").output().is_err() {
        return println!("skipped: no go with golang.org/x/mod");
    }
    let sample = Sample::new();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/interop/check.go");
    let mut command = Command::new("go");
    command.arg("run").arg(program).arg(sample.folder.path()).args([&sample.vkey, &sample.witness]);
    command.args(INDEXES.map(|index| index.to_string()));
    command.env("GO111MODULE", "off").env("GOPATH", GOPATH).env("GOFLAGS", "");
    command.env("GOCACHE", sample.path("go-cache")).env("GOTOOLCHAIN", "local");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let (checked, keys) = said.split_once("keys ").unwrap();
    assert_eq!(
        checked,
        "note ok\ncosignature ok\ntree ok\nolder tree ok\n613 entries ok\nproof 257 ok\nproof 612 ok\n\
         consistency ok\n"
    );

    // What it signed: a checkpoint by a key of its own, and a cosignature under it.
    let (keys, note) = keys.split_once('\n').unwrap();
    let (log, witness) = keys.split_once(' ').unwrap();
    let head = Verified::open(note.as_bytes(), &Verifier::parse(log).unwrap()).unwrap();
    assert_eq!((head.origin.as_str(), head.size), ("go.example/log", 1));
    let note = SignedNote::parse(note.as_bytes()).unwrap();
    assert_eq!(Witness::parse(witness).unwrap().cosigned(&note).unwrap(), Some(SECONDS));
}
