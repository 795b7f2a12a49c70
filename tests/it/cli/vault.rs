//! `vault list | verify | prune`, and what `stamp` puts there.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use super::{Desk, POLICY, visits};

const UNSEALED: &str = "it was changed, or sealed with the keys of another home";

/// As [`Desk::ready`], with a policy that keeps sources.
fn ready() -> Desk {
    let desk = Desk::ready();
    desk.write("policy.toml", keeping());
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    desk
}

fn keeping() -> String {
    POLICY.replace("key = [\"visit\"]", "key = [\"visit\"]\nvault = true")
}

/// The files in the vault.
fn copies(desk: &Desk) -> Vec<PathBuf> {
    let entries = fs::read_dir(desk.path("home/vault")).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn stamp_as(desk: &Desk, rows: u32, to: &str, release: &str) {
    desk.write("visits.csv", visits(rows));
    let _ = fs::remove_file(desk.path(&format!("{to}.csv")));
    desk.stamp(to, release).ok();
}

#[test]
fn one_copy_serves_all_recipients_of_a_source() {
    let desk = ready();
    desk.stamp("acme", "r1").ok();
    desk.stamp("bob", "r2").ok();
    assert_eq!(copies(&desk).len(), 1);
    stamp_as(&desk, 200, "bob", "r3");
    assert_eq!(copies(&desk).len(), 2);

    let said = desk.run(&["vault", "list", "--json"]).ok();
    let mut listed: Vec<serde_json::Value> =
        said.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    listed.sort_by_key(|copy| std::cmp::Reverse(copy["rows"].as_u64()));
    assert_eq!(listed[0]["releases"], serde_json::json!(["r1", "r2"]));
    assert_eq!(listed[1]["releases"], serde_json::json!(["r3"]));
    let source = blake3::hash(visits(300).as_bytes()).to_hex().to_string();
    assert_eq!((&listed[0]["dataset"], &listed[0]["source_blake3"]), (&"visits".into(), &source.into()));
    assert_eq!(listed[0]["columns"], serde_json::json!(["visit", "seen", "ward", "cost", "note"]));
    let path = desk.path("home/vault").join(listed[0]["file"].as_str().unwrap());
    assert_eq!(listed[0]["bytes"], fs::metadata(path).unwrap().len());

    let said = desk.run(&["vault", "list"]).ok();
    let text = said.out();
    assert!(text.starts_with("DATASET           "), "{text}");
    assert!(text.lines().any(|line| line.starts_with("visits") && line.ends_with("r1, r2")), "{text}");
    let said = desk.run(&["vault", "verify"]).ok();
    assert_eq!((said.out().as_str(), said.stderr.as_str()), ("2 copies are whole, with 500 rows\n", ""));
}

#[test]
fn a_stream_is_kept_as_a_file_is() {
    let desk = ready();
    let args = ["stamp", "-", "--dataset", "visits", "--to", "acme", "-o", "-"];
    desk.pipe(visits(300), &args).ok();
    let first = copies(&desk);
    desk.stamp("bob", "r2").ok();
    assert_eq!((copies(&desk), first.len()), (first, 1));
}

#[test]
fn nothing_is_kept_unless_the_policy_says_so() {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    assert!(!desk.path("home/vault").exists());
    let said = desk.run(&["vault", "list"]).ok();
    assert_eq!(said.stderr, "the vault is empty: a policy with `vault = true` fills it\n");
    assert_eq!(said.out(), "");
    assert_eq!(desk.run(&["vault", "verify"]).ok().out(), "0 copies are whole, with 0 rows\n");
    assert_eq!(desk.run(&["vault", "prune"]).ok().stderr, "0 removed, 0 left\n");
}

#[test]
fn marks_are_the_same_with_or_without_it() {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    let without = desk.read("acme.csv");
    desk.write("policy.toml", keeping());
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    assert_eq!(desk.run(&["policy", "show", "visits"]).ok().out(), keeping());
    fs::remove_file(desk.path("acme.csv")).unwrap();
    desk.stamp("acme", "r2").ok();
    assert_eq!(desk.read("acme.csv"), without);
}

#[test]
fn a_dry_run_and_a_failure_leave_nothing() {
    let desk = ready();
    desk.run(&["stamp", "visits.csv", "--dataset", "visits", "--to", "acme", "--dry-run"]).ok();
    desk.write("bad.csv", visits(300) + "V9,2024-01-01 10:00,north\n");
    let args = ["stamp", "bad.csv", "--dataset", "visits", "--to", "acme", "-o", "out.csv"];
    desk.run(&args).exits(2);
    desk.stamp("acme", "r1").ok();
    stamp_as(&desk, 200, "bob", "r2");
    let before = copies(&desk);
    // The id is on record for another input: refused after all of the file was read.
    desk.write("visits.csv", visits(100));
    fs::remove_file(desk.path("acme.csv")).unwrap();
    desk.stamp("acme", "r1").exits(2);
    assert_eq!(copies(&desk), before);
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_nothing_and_what_a_kill_leaves_is_swept() {
    use std::io::Write as _;
    let desk = ready();
    for name in ["INT", "KILL"] {
        let args = ["stamp", "-", "--dataset", "visits", "--to", "acme", "-o", "out.csv"];
        let mut child = desk.dyepack().args(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(visits(10).as_bytes()).unwrap();
        let begun = (0..2000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            copies(&desk).iter().any(|path| path.extension().is_some_and(|end| end == "tmp"))
        });
        super::signal(&child, name);
        child.wait().unwrap();
        assert!(begun, "nothing was begun");
        assert_eq!(copies(&desk).len(), usize::from(name == "KILL"));
    }
    desk.stamp("acme", "r1").ok();
    let left = copies(&desk);
    assert!(left.len() == 1 && left[0].extension().is_none(), "{left:?}");
}

#[test]
fn damage_is_named_by_file_and_the_rest_is_checked_too() {
    let desk = ready();
    desk.stamp("acme", "r1").ok();
    stamp_as(&desk, 200, "bob", "r2");
    let path = copies(&desk).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[60] ^= 1;
    fs::write(&path, bytes).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let said = desk.run(&["vault", "verify"]).exits(4);
    assert_eq!(
        said.stderr,
        format!(
            "error: the vault's copy `home/vault/{name}` is damaged: {UNSEALED}\n\
             hint: restore it from a backup, or remove it; stamping its source again makes a new one\n"
        )
    );
    assert!(said.out().starts_with("1 copy is whole, with "), "{}", said.out());
}

#[test]
fn the_copies_of_another_home_are_left_alone() {
    let (desk, other) = (ready(), ready());
    other.stamp("acme", "r1").ok();
    let theirs = copies(&other).remove(0);
    fs::create_dir(desk.path("home/vault")).unwrap();
    let name = theirs.file_name().unwrap().to_str().unwrap();
    fs::copy(&theirs, desk.path("home/vault").join(name)).unwrap();
    let said = desk.run(&["vault", "prune"]).ok();
    assert_eq!(
        said.stderr,
        format!(
            "warning: left alone: the vault's copy `home/vault/{name}` is damaged: {UNSEALED}\n\
             0 removed, 1 left\n"
        )
    );
    assert_eq!(copies(&desk).len(), 1);
    let said = desk.run(&["vault", "list"]).ok();
    assert!(said.stderr.starts_with("warning: the vault's copy `home/vault/"), "{}", said.stderr);
}

#[test]
fn what_no_release_refers_to_is_removed() {
    let desk = ready();
    desk.stamp("acme", "r1").ok();
    // A home whose ledger went back to before the release.
    let empty = ready();
    fs::remove_dir_all(desk.path("home/ledger")).unwrap();
    copy_folder(&empty.path("home/ledger"), &desk.path("home/ledger"));
    let said = desk.run(&["vault", "prune", "--dry-run"]).ok();
    assert!(said.stderr.starts_with("would remove the copy of visits with 300 rows, kept since 2"));
    assert!(
        said.stderr.ends_with("Z: no release refers to it\n1 would be removed, 0 left\n"),
        "{}",
        said.stderr
    );
    assert_eq!(copies(&desk).len(), 1);
    let said = desk.run(&["vault", "prune"]).ok();
    assert!(said.stderr.starts_with("removed the copy of visits with 300 rows"), "{}", said.stderr);
    assert!(copies(&desk).is_empty());
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy_folder(&path, &target) } else { fs::copy(&path, &target).map(drop).unwrap() }
    }
}

#[test]
fn limits_remove_older_copies_but_never_the_latest() {
    let desk = ready();
    for (rows, release) in [(100, "r1"), (200, "r2"), (300, "r3")] {
        stamp_as(&desk, rows, "acme", release);
    }
    assert_eq!(desk.run(&["vault", "prune"]).ok().stderr, "0 removed, 3 left\n");
    assert_eq!(desk.run(&["vault", "prune", "--older-than", "1"]).ok().stderr, "0 removed, 3 left\n");
    let said = desk.run(&["vault", "prune", "--keep", "1"]).ok();
    assert!(said.stderr.ends_with("2 removed, 1 left\n"), "{}", said.stderr);
    assert!(said.stderr.contains(" with 200 rows") && said.stderr.contains(": last released 2"));
    let listed = desk.run(&["vault", "list", "--json"]).ok().json();
    assert_eq!(listed["releases"], serde_json::json!(["r3"]));
    let said = desk.run(&["vault", "prune", "--keep", "0"]).exits(2);
    assert!(said.stderr.contains("must be a whole number from 1"), "{}", said.stderr);
}
