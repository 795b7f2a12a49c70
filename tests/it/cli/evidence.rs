//! `trace --evidence`, `open` and `verify-evidence`: what is handed over holds, and says the same again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use data_encoding::HEXLOWER;
use dyepack::ledger::note::SignedNote;
use dyepack::ledger::proof::Inclusion;
use dyepack::ledger::{Verifier, entry};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Desk, visits};

/// A desk where a part of acme's copy turned up.
fn leaked() -> Desk {
    let desk = Desk::ready();
    desk.stamp("acme", "r/1").ok();
    desk.stamp("bob", "r2").ok();
    let copy = desk.text("acme.csv");
    desk.write("leaked.csv", copy.lines().take(201).map(|line| format!("{line}\n")).collect::<String>());
    desk
}

fn vkey(desk: &Desk) -> String {
    desk.text("home/ledger/ledger.vkey").trim_end().to_owned()
}

/// The files of a folder, by their names from it on.
fn files(desk: &Desk, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let root = desk.path(folder);
    let name = |path: PathBuf| path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
    desk.files_below(folder).into_iter().map(|(path, bytes)| (name(path), bytes)).collect()
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// As `sha256sum --check`, and every file has its line.
fn check_sums(files: &BTreeMap<String, Vec<u8>>) {
    let sums = String::from_utf8(files["SHA256SUMS"].clone()).unwrap();
    let listed: BTreeMap<&str, &str> = sums
        .lines()
        .map(|line| line.split_once("  ").expect("hash, two spaces, name"))
        .map(|(sum, name)| (name, sum))
        .collect();
    for (name, bytes) in files.iter().filter(|(name, _)| !name.starts_with("SHA256SUMS")) {
        assert_eq!(listed[name.as_str()], sha256(bytes), "{name}");
    }
    assert_eq!(listed.len() + 2, files.len());
}

#[test]
fn a_bundle_holds_and_says_the_same_again() {
    let desk = leaked();
    let before = desk.entries();
    let said = desk.trace(&["leaked.csv", "--evidence", "case-1"]).exits(0);
    assert!(said.stderr.contains("the evidence is in case-1"), "{}", said.stderr);
    // From another place, with other threads, of an absolute path.
    let absolute = desk.path("leaked.csv").display().to_string();
    desk.trace(&[&absolute, "--evidence", "case-2", "--threads", "3"]).exits(0);
    assert_eq!(desk.entries(), before + 2);
    let (one, two) = (files(&desk, "case-1"), files(&desk, "case-2"));
    for name in
        ["findings.json", "exhibits.json", "reading.json", "candidates.csv", "source-map.json", "VERIFY.md"]
    {
        assert_eq!(one[name], two[name], "{name}");
    }
    let verifier = Verifier::parse(&vkey(&desk)).unwrap();
    for files in [&one, &two] {
        check_sums(files);
        let note = SignedNote::parse(&files["SHA256SUMS.note"]).unwrap();
        assert_eq!(note.open(&verifier).unwrap().as_bytes(), files["SHA256SUMS"]);
        assert_eq!(files["ledger.vkey"], desk.read("home/ledger/ledger.vkey"));
    }

    let findings: Value = serde_json::from_slice(&one["findings.json"]).unwrap();
    assert_eq!(
        (&findings["verdict"], &findings["leak"]["path"]),
        (&"identified".into(), &"leaked.csv".into())
    );
    let exhibits: Value = serde_json::from_slice(&one["exhibits.json"]).unwrap();
    assert_eq!(exhibits[0]["sha256"], sha256(&desk.read("leaked.csv")));
    let reading: Value = serde_json::from_slice(&one["reading.json"]).unwrap();
    assert_eq!((&reading["format"], &reading["rows"]), (&"csv".into(), &200.into()));
    assert!(String::from_utf8_lossy(&one["candidates.csv"]).contains("\nacme,"));

    // The entry of what acme was given, and of nothing that bob was.
    let (leaf, proof) = (&one["releases/r%2F1.json"], &one["releases/r%2F1.tlog-proof"]);
    assert!(!one.contains_key("releases/r2.json"));
    let proof = Inclusion::parse(proof).unwrap();
    let checkpoint = proof.check(leaf, &verifier).unwrap();
    assert_eq!(checkpoint.note().as_bytes(), one["checkpoint"]);
    let entry = entry::open_leaf(leaf, &verifier).unwrap().unwrap();
    assert_eq!(entry.release().unwrap().opening.recipient, "acme");

    // The trace is on record by what it left.
    let last = desk.run(&["ledger", "show", &before.to_string()]).ok().json()["entry"].clone();
    assert_eq!((&last["kind"], &last["verdict"]), (&"trace".into(), &"identified".into()));
    assert_eq!(
        (&last["findings"], &last["sums"]),
        (&sha256(&one["findings.json"]).into(), &sha256(&one["SHA256SUMS"]).into())
    );
    assert_eq!((&last["accused"][0], &last["alpha"]), (&"acme".into(), &"1e-6".into()));
    assert!(!last.to_string().contains("leaked.csv"), "a leak's name may say who somebody is");
}

#[test]
fn no_value_is_in_a_bundle_unless_the_leak_is_asked_for() {
    let desk = leaked();
    desk.trace(&["leaked.csv", "--evidence", "case"]).exits(0);
    let canaries =
        ["seen, and sent home", "V000007", "2024-03-0", "home/ledger", &desk.path("").display().to_string()];
    for (name, bytes) in files(&desk, "case") {
        let text = String::from_utf8(bytes).unwrap();
        for canary in canaries {
            assert!(!text.contains(canary), "`{canary}` in {name}");
        }
    }
    fs::create_dir(desk.path("leaks")).unwrap();
    desk.write("leaks/one.csv", desk.read("leaked.csv"));
    desk.write("leaks/two.csv", desk.read("leaked.csv"));
    desk.trace(&["leaks", "--evidence", "with", "--include-leak"]).exits(0);
    let with = files(&desk, "with");
    check_sums(&with);
    assert_eq!(with["exhibits/001-one.csv"], desk.read("leaked.csv"));
    assert!(with.contains_key("exhibits/002-two.csv"));
}

#[test]
fn a_bundle_is_made_whole_or_not_at_all() {
    let desk = leaked();
    let (names, entries) = (desk.names(), desk.entries());
    fs::create_dir(desk.path("taken")).unwrap();
    desk.trace(&["leaked.csv", "--evidence", "taken"]).fails(
        2,
        "`taken` exists",
        "evidence is never overwritten: choose another name",
    );
    fs::remove_dir(desk.path("taken")).unwrap();
    desk.trace(&["leaked.csv", "--evidence", "no/where"]).fails(
        2,
        "the folder of `no/where` does not exist",
        "make it first, or choose another place",
    );
    desk.trace(&["-", "--evidence", "case"]).fails(
        2,
        "the leak is a stream, and evidence names files",
        "put it into a file, and name that",
    );
    assert_eq!((desk.names(), desk.entries()), (names, entries));
    // A leak that names nobody is evidence, too.
    desk.write("strange.csv", "a,b\n1,2\n");
    desk.trace(&["strange.csv", "--evidence", "nobody"]).exits(1);
    check_sums(&files(&desk, "nobody"));
}

fn open(desk: &Desk, more: &[&str]) -> super::Said {
    desk.run(&[&["open", "--release", "r/1", "--leak", "leaked.csv", "-o", "opening.json"], more].concat())
}

#[test]
fn an_opening_is_checked_by_somebody_who_has_nothing_else() {
    let desk = leaked();
    let before = desk.entries();
    let said = open(&desk, &["--blind", "--carriers"]).ok();
    assert!(said.stderr.contains("opened release r/1: it names acme"), "{}", said.stderr);
    let entry = desk.run(&["ledger", "show", &before.to_string()]).ok().json()["entry"].clone();
    assert_eq!(
        (&entry["kind"], &entry["release"], &entry["recipient"]),
        (&"opening_made".into(), &"r/1".into(), &"acme".into())
    );
    assert_eq!(entry["sha256"], sha256(&desk.read("opening.json")));

    // The expert has no home.
    let (key, expert) = (vkey(&desk), Desk::empty());
    expert.write("opening.json", desk.read("opening.json"));
    expert.write("leak.csv", desk.read("leaked.csv"));
    let verify = ["verify-evidence", "opening.json", "--vkey", &key];
    let said = expert.run(&verify).ok();
    assert!(
        said.out().contains("acme is named") && said.out().contains("the owner's word"),
        "{}",
        said.out()
    );
    let said = expert.run(&[&verify[..], &["--leak", "leak.csv", "--json"]].concat()).ok().json();
    assert_eq!(
        (&said["named"], &said["leak_read_again"], &said["recipient"]),
        (&true.into(), &true.into(), &"acme".into())
    );
    expert.write("other.csv", visits(40));
    let said = expert.run(&[&verify[..], &["--leak", "other.csv"]].concat());
    said.fails(
        2,
        "opening.json: it is about another leak",
        &format!(
            "name the file that it is about: `sha256sum` of it gives {}",
            sha256(&desk.read("leaked.csv"))
        ),
    );
    assert_eq!(expert.names(), ["leak.csv", "opening.json", "other.csv"], "nothing was made");

    // Each member, changed.
    let opening = desk.text("opening.json");
    let whole: Value = serde_json::from_str(&opening).unwrap();
    for member in whole["opening"].as_object().unwrap().keys() {
        let at = opening.find(&format!("\"{member}\":")).unwrap() + member.len() + 4;
        let mut bent = opening.clone().into_bytes();
        bent[at] ^= 1;
        expert.write("opening.json", &bent);
        let said = expert.run(&verify);
        assert!(matches!(said.code, 2 | 4) && said.stdout.is_empty(), "{member}: {}", said.stderr);
    }
}

#[test]
fn an_opening_is_refused_where_it_shows_nothing() {
    let desk = leaked();
    let (names, entries) = (desk.names(), desk.entries());
    let bob = ["open", "--release", "r2", "--leak", "leaked.csv", "-o", "bob.json"];
    desk.run(&bob).fails(
        3,
        "`bob` is not named by the marks of release `r2` in this leak",
        "open nothing for nobody's use; an opening that clears somebody is made with --even-if-not-accused",
    );
    desk.run(&["open", "--release", "r9", "--leak", "leaked.csv", "-o", "x.json"]).fails(
        2,
        "no release `r9` is on record",
        "see `dyepack ledger list`",
    );
    assert_eq!((desk.names(), desk.entries()), (names, entries), "nothing was made or recorded");
    desk.run(&[&bob[..], &["--even-if-not-accused"]].concat()).ok();
    let said = desk.run(&["verify-evidence", "bob.json", "--vkey", &vkey(&desk)]).ok();
    assert!(said.out().contains("bob is not named"), "{}", said.out());
    desk.run(&[&bob[..], &["--even-if-not-accused"]].concat()).fails(
        2,
        "`bob.json` exists",
        "evidence is never overwritten: choose another name",
    );
}

#[test]
fn what_was_read_beside_the_original_can_not_be_read_again() {
    let desk = leaked();
    let said = open(&desk, &["--carriers"]).ok();
    assert!(said.stderr.contains("with --blind it can be read again"), "{}", said.stderr);
    let verify = ["verify-evidence", "opening.json", "--vkey", &vkey(&desk)];
    assert!(desk.run(&verify).ok().out().contains("acme is named"));
    desk.run(&[&verify[..], &["--leak", "leaked.csv"]].concat()).fails(
        2,
        "opening.json: the leak can't be read again: it was read beside the owner's original; `open --blind` \
         reads it alone",
        "leave --leak away to check all the rest",
    );
}

/// The commands of VERIFY.md, where the machine has their tools.
#[test]
fn openssl_and_sha256sum_agree() {
    let has =
        |tool: &str, arg: &str| Command::new(tool).arg(arg).output().is_ok_and(|said| said.status.success());
    if !(has("openssl", "version") && has("sha256sum", "--version")) {
        return;
    }
    let desk = leaked();
    desk.trace(&["leaked.csv", "--evidence", "case"]).exits(0);
    let case = desk.path("case");
    let page = desk.text("case/VERIFY.md");
    let commands: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| {
            ["cut ", "(printf", "tail ", "openssl ", "sha256sum --"]
                .iter()
                .any(|start| line.starts_with(start))
        })
        .collect();
    assert_eq!(commands.len(), 5);
    let run = |folder: &Path| {
        let script = commands.join(" && ");
        let said =
            Command::new("sh").args(["-c", &script]).current_dir(folder).stderr(Stdio::piped()).output();
        let said = said.unwrap();
        (said.status.success(), String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned())
    };
    let (good, said) = run(&case);
    assert!(good, "{said}");
    let sums = desk.text("case/SHA256SUMS");
    desk.write("case/SHA256SUMS", sums.replacen("  ", " *", 1));
    assert!(!run(&case).0, "a changed list is not what was signed");
}
