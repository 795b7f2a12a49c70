//! Witnesses, forks and copies: the whole way of a checkpoint, and every way off it.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::{Taken, Timestamp};
use crate::error::Result;
use crate::keys::{secret::SigningKey, signer::Signer};
use crate::ledger::{
    Checkpoint, Event, Ledger, Registry, Verifier,
    cosignature::{Quorum, Quorums, Witness},
    disk,
    entry::Entry,
    history::Published,
    note::SignedNote,
    proof::Consistency,
    tests::{WAIT, copy_of, entries, ledger_of, signer},
    timestamp::tests::answer_over,
    verify,
    witness::{Answer, Memory, Shown},
};

const TIME: &str = "2026-03-02T08:00:00Z";

fn witness(seed: u8) -> Signer {
    Signer { name: format!("w{seed}.example"), key: SigningKey::from_seed(&[seed; 32]) }
}

fn key_of(witness: &Signer) -> Witness {
    Witness::new(&witness.name, &witness.key.public()).unwrap()
}

fn open(dir: &Path) -> Ledger {
    Ledger::open(dir, WAIT, "test").unwrap()
}

fn quorums(ledger: &Ledger) -> Quorums {
    Registry::standing(ledger).unwrap().quorums
}

/// Says who is asked: the first two of three.
fn ask(ledger: &mut Ledger) {
    let witnesses = [1, 2].map(|seed| key_of(&witness(seed)).to_string()).to_vec();
    let event = Event::WitnessesSet(Quorum { quorum: 2, witnesses });
    ledger.append(&[Entry::new(TIME, "tester", event)], &signer()).unwrap();
}

/// A ledger of eight entries, the last of which asks for two witnesses.
fn asking() -> TempDir {
    let dir = ledger_of(7);
    ask(&mut open(dir.path()));
    dir
}

/// The memory of a witness, in a folder of its own.
struct Desk {
    folder: TempDir,
    signer: Signer,
}

impl Desk {
    fn of(seed: u8) -> Desk {
        Desk { folder: tempfile::tempdir().unwrap(), signer: witness(seed) }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state.json")
    }

    fn answer(&self, note: &str, vkey: Option<&Verifier>, shown: &Shown<'_>) -> Result<Answer> {
        let mut memory = Memory::open(&self.state(), WAIT).unwrap();
        memory.answer(note.as_bytes(), vkey, shown, &self.signer, TIME)
    }

    /// Cosigns a first checkpoint, whose key is handed over.
    fn first(&self, ledger: &Ledger) -> String {
        match self.answer(ledger.checkpoint_text(), Some(ledger.verifier()), &Shown::Nothing).unwrap() {
            Answer::Cosigned(note) => note,
            Answer::Fork(_) => panic!("a first checkpoint is no fork"),
        }
    }
}

fn take(ledger: &Ledger, note: &str) -> Taken {
    ledger.take_cosigned(note.as_bytes(), &quorums(ledger)).unwrap()
}

#[test]
fn a_quorum_makes_a_head_and_all_before_it_witnessed() {
    let dir = asking();
    let desks = [1, 2, 3].map(Desk::of);
    let mut ledger = open(dir.path());
    let [first, second, stranger] = desks.each_ref().map(|desk| desk.first(&ledger));
    let error = ledger.take_cosigned(stranger.as_bytes(), &quorums(&ledger)).unwrap_err();
    assert_eq!(error.to_string(), "none of the witnesses on record cosigned it");

    let kept = |new: &[&str], witnessed| Taken::Kept {
        size: 8,
        new: new.iter().map(|name| (*name).to_owned()).collect(),
        witnessed,
    };
    assert_eq!(take(&ledger, &first), kept(&["w1.example"], false));
    assert_eq!(ledger.witnessed(&quorums(&ledger)).unwrap(), None);
    assert_eq!(take(&ledger, &second), kept(&["w2.example"], true));
    assert_eq!(take(&ledger, &second), kept(&[], true), "twice changes nothing");
    let head = ledger.head(None).unwrap();
    assert_eq!((head.size, head.note().lines().count()), (8, 7));

    // It stays so when the ledger grows, and when other witnesses are asked later.
    ledger.append(&entries(8..12), &signer()).unwrap();
    let event = Event::WitnessesSet(Quorum { quorum: 1, witnesses: vec![key_of(&witness(3)).to_string()] });
    ledger.append(&[Entry::new(TIME, "tester", event)], &signer()).unwrap();
    assert_eq!(ledger.witnessed(&quorums(&ledger)).unwrap().unwrap().size, 8);
    let proof = ledger.history().inclusion(3, &head, true).unwrap();
    assert_eq!(proof.check(&ledger.entry(3).unwrap().leaf, ledger.verifier()).unwrap().size, 8);
    assert!(ledger.history().inclusion(8, &head, true).is_err());

    // The stranger of before saw eight entries, and is shown the rest.
    let grown = ledger.history().consistency(8, &ledger.head(None).unwrap()).unwrap();
    let read = Consistency::parse(grown.render().as_bytes()).unwrap();
    let Answer::Cosigned(note) = desks[2].answer(read.note(), None, &Shown::Proof(&read)).unwrap() else {
        panic!("it grew")
    };
    assert_eq!(
        take(&ledger, &note),
        Taken::Kept { size: 13, new: vec!["w3.example".into()], witnessed: true }
    );
    assert_eq!(ledger.head(Some(8)).unwrap(), head);
    assert!(ledger.head(Some(9)).is_err());
    let found = ledger.verify().unwrap();
    assert_eq!((found.heads.witnessed, found.heads.forks.len()), (Some(13), 0));
}

/// Two ledgers that one key signed, of ten entries each, the last two of which differ; the first was cosigned at eight.
fn forked() -> (TempDir, TempDir) {
    let ours = asking();
    let theirs = copy_of(ours.path());
    open(ours.path()).append(&entries(8..10), &signer()).unwrap();
    let mut other = open(theirs.path());
    other.append(&entries(20..22), &signer()).unwrap();
    drop(other);
    (ours, theirs)
}

#[test]
fn a_fork_is_kept_with_both_heads() {
    let (ours, theirs) = forked();
    let note = Desk::of(1).first(&open(theirs.path()));
    let ledger = open(ours.path());
    let Taken::Fork(fork) = take(&ledger, &note) else { panic!("it is a fork") };
    assert_eq!((fork.ours.size, fork.theirs.size, fork.is_loss), (10, 10, false));
    assert_eq!(fork.theirs.note(), note);
    assert_ne!(fork.ours.root, fork.theirs.root);
    assert_eq!(ledger.forks().unwrap(), std::slice::from_ref(&fork));
    assert_eq!(take(&ledger, &note), Taken::Fork(fork.clone()), "a second time it is the same one");
    assert_eq!(ledger.verify().unwrap().heads.forks, [fork]);
    assert_eq!(ledger.witnessed(&quorums(&ledger)).unwrap(), None);
}

#[test]
fn a_ledger_that_was_put_back_does_not_continue_what_was_cosigned() {
    let dir = asking();
    let old = copy_of(dir.path());
    let mut ledger = open(dir.path());
    ledger.append(&entries(8..10), &signer()).unwrap();
    let note = Desk::of(1).first(&ledger);
    let Taken::Fork(fork) = take(&open(old.path()), &note) else { panic!("it lost entries") };
    assert_eq!((fork.ours.size, fork.theirs.size, fork.is_loss), (8, 10, true));
    assert_eq!(fork.error().to_string(), "the log has 8 entries, and its key signed a checkpoint of 10");
}

#[test]
fn a_witness_tells_a_fork_from_a_bad_proof_and_keeps_the_fork() {
    let (ours, theirs) = forked();
    let (ours, theirs) = (open(ours.path()), open(theirs.path()));
    let desk = Desk::of(1);
    desk.first(&ours);
    let Answer::Fork(fork) = desk.answer(theirs.checkpoint_text(), None, &Shown::Nothing).unwrap() else {
        panic!("of one size, and different")
    };
    assert_eq!((fork.ours.note(), fork.theirs.note()), (ours.checkpoint_text(), theirs.checkpoint_text()));

    // Larger and of the other history: a proof that does not hold says nothing, the log itself says it all.
    let mut theirs = theirs;
    theirs.append(&entries(22..24), &signer()).unwrap();
    let proof = theirs.history().consistency(10, &theirs.head(None).unwrap()).unwrap();
    let error = desk.answer(theirs.checkpoint_text(), None, &Shown::Proof(&proof)).unwrap_err();
    assert!(error.is_integrity() && error.to_string().contains("does not lead"), "{error}");
    let folder = theirs.dir.join("log");
    let published = Published::open(&folder, ours.verifier().clone()).unwrap();
    let answer = desk.answer(theirs.checkpoint_text(), None, &Shown::Log(&published)).unwrap();
    assert!(matches!(answer, Answer::Fork(_)));
    let state = fs::read_to_string(desk.state()).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["forks"].as_array().unwrap().len(), 2);
    assert_eq!(
        state["logs"][0]["checkpoint"],
        ours.checkpoint_text(),
        "the first history stays the known one"
    );
}

#[test]
fn a_witness_refuses_what_it_can_not_check() {
    let dir = asking();
    let mut ledger = open(dir.path());
    let (desk, early) = (Desk::of(1), ledger.checkpoint_text().to_owned());
    let refused = |note: &str, vkey: Option<&Verifier>, shown: &Shown<'_>| {
        desk.answer(note, vkey, shown).unwrap_err().to_string()
    };
    assert_eq!(refused(&early, None, &Shown::Nothing), "no key is known for the log `example.org/test`");
    let other = Verifier::new("example.org/test", &SigningKey::from_seed(&[9; 32]).public()).unwrap();
    assert!(refused(&early, Some(&other), &Shown::Nothing).contains("signature"));
    assert!(!desk.state().exists(), "a refusal is not remembered");
    desk.first(&ledger);
    assert!(refused(&early, Some(&other), &Shown::Nothing).contains("another key"));

    ledger.append(&entries(8..12), &signer()).unwrap();
    let late = ledger.checkpoint_text().to_owned();
    assert_eq!(
        refused(&late, None, &Shown::Nothing),
        "nothing shows that the tree grew from the one of 8 entries"
    );
    let history = ledger.history();
    let wrong = history.consistency(7, &ledger.head(None).unwrap()).unwrap();
    assert!(refused(&late, None, &Shown::Proof(&wrong)).contains("begins at 7 entries"));
    let proof = history.consistency(8, &ledger.head(None).unwrap()).unwrap();
    let forged = late.replacen("\n12\n", "\n13\n", 1);
    assert!(refused(&forged, None, &Shown::Proof(&proof)).contains("signature"));
    assert!(matches!(desk.answer(&late, None, &Shown::Proof(&proof)).unwrap(), Answer::Cosigned(_)));
    assert!(matches!(desk.answer(&late, None, &Shown::Nothing).unwrap(), Answer::Cosigned(_)));
    let error = desk.answer(&early, None, &Shown::Nothing).unwrap_err();
    assert_eq!(error.to_string(), "the checkpoint has 8 entries, and one of 12 was cosigned before");
    assert!(error.is_integrity());
}

/// Calls `check` after each bit of a file was flipped, one after the other, and puts the file back.
fn flip_each(path: &Path, check: impl Fn(&str)) {
    let bytes = fs::read(path).unwrap();
    for at in 0..bytes.len() {
        let mut bent = bytes.clone();
        bent[at] ^= 1 << (at % 8);
        fs::write(path, bent).unwrap();
        check(&format!("{} at {at}", path.display()));
    }
    fs::write(path, bytes).unwrap();
}

/// A ledger with everything that can lie beside its log.
fn with_heads() -> TempDir {
    let (ours, theirs) = forked();
    let ledger = open(ours.path());
    take(&ledger, &Desk::of(1).first(&ledger));
    take(&ledger, &Desk::of(2).first(&ledger));
    take(&ledger, &Desk::of(1).first(&open(theirs.path())));
    ledger.timestamp_request().unwrap();
    let bare = ledger.bare_text(&ledger.head(None).unwrap()).unwrap();
    ledger.keep_timestamp(&answer_over(&Sha256::digest(bare).into())).unwrap();
    drop(ledger);
    ours
}

#[test]
fn any_flipped_byte_beside_the_log_is_detected() {
    let dir = with_heads();
    let ledger = open(dir.path());
    let quorums = quorums(&ledger);
    let kept = ledger.check_heads(&quorums).unwrap();
    assert_eq!((kept.witnessed, kept.timestamps, kept.forks.len()), (Some(10), 1, 1));
    let names = |folder: &str| {
        let names = disk::files_below(&dir.path().join(folder)).unwrap();
        names.into_iter().map(|name| dir.path().join(folder).join(name)).collect::<Vec<_>>()
    };
    let files = [names("heads"), names("forks")].concat();
    assert_eq!(files.len(), 4);
    for path in &files {
        flip_each(path, |what| {
            let checked = ledger.check_heads(&quorums);
            assert!(checked.is_err_and(|e| e.is_integrity()), "{what}");
        });
    }
    assert_eq!(ledger.check_heads(&quorums).unwrap(), kept);
    for name in ["heads/11", "heads/010", "heads/x", "heads/10.00.tsr"] {
        fs::copy(dir.path().join("heads/10"), dir.path().join(name)).unwrap();
        assert!(ledger.check_heads(&quorums).is_err(), "{name}");
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    // What an interrupted write left goes away.
    fs::write(dir.path().join("heads/10.tmp"), "half").unwrap();
    assert_eq!(ledger.check_heads(&quorums).unwrap(), kept);
    assert!(!dir.path().join("heads/10.tmp").exists());
}

#[test]
fn a_line_that_nobody_was_asked_for_is_noticed() {
    let dir = with_heads();
    let ledger = open(dir.path());
    let path = dir.path().join("heads/10");
    let mut note = SignedNote::parse(&fs::read(&path).unwrap()).unwrap();
    note.set_signature(key_of(&witness(3)).verifier(), &[7; 72]);
    fs::write(&path, note.render()).unwrap();
    let error = ledger.verify().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the signed head `heads/10` is damaged: a line is of somebody who was never asked"
    );
}

#[test]
fn timestamps_are_over_the_ledgers_own_line_whoever_cosigns_later() {
    let dir = asking();
    let mut ledger = open(dir.path());
    let request = ledger.timestamp_request().unwrap();
    let hash: [u8; 32] = Sha256::digest(ledger.checkpoint_text()).into();
    assert!(request.windows(32).any(|part| part == hash));
    take(&ledger, &Desk::of(1).first(&ledger));
    assert_eq!(ledger.timestamp_request().unwrap(), request);
    ledger.append(&entries(8..9), &signer()).unwrap();
    let Timestamp { size, stated, path } = ledger.keep_timestamp(&answer_over(&hash)).unwrap();
    assert_eq!((size, stated.time.as_str()), (8, "2023-06-07T11:26:26Z"));
    assert!(dir.path().join(&path).is_file());
    assert_eq!(ledger.timestamps().unwrap().len(), 1);
    let error = ledger.keep_timestamp(&answer_over(&[1; 32])).unwrap_err();
    assert_eq!(error.to_string(), "the timestamp is over none of the checkpoints that were kept for one");
    assert!(ledger.keep_timestamp(b"junk").is_err());
}

#[test]
fn a_published_copy_is_checked_with_the_key_alone() {
    let dir = ledger_of(300);
    let verifier = open(dir.path()).verifier().clone();
    let copy = copy_of(&dir.path().join("log"));
    let published = Published::open(copy.path(), verifier.clone()).unwrap();
    let found = published.verify().unwrap();
    let whole = verify(dir.path(), WAIT, None).unwrap();
    assert_eq!((found.size, &found.root_hex, &found.kinds), (300, &whole.root_hex, &whole.kinds));

    let other = Verifier::new("example.org/test", &SigningKey::from_seed(&[9; 32]).public()).unwrap();
    assert!(Published::open(copy.path(), other).is_err_and(|e| e.is_integrity()));
    for name in disk::files_below(copy.path()).unwrap() {
        let path = copy.path().join(name);
        let bytes = fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by(1 + bytes.len() / 40) {
            let mut bent = bytes.clone();
            bent[at] ^= 0x20;
            fs::write(&path, bent).unwrap();
            let checked = Published::open(copy.path(), verifier.clone()).and_then(|log| log.verify());
            assert!(checked.is_err_and(|e| e.is_integrity()), "{} at {at}", path.display());
        }
        fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn damaged_tiles_are_no_fork() {
    let dir = ledger_of(300);
    let ledger = open(dir.path());
    let early = ledger.history().head.clone();
    let path = dir.path().join("log/tile/0/000");
    let mut bytes = fs::read(&path).unwrap();
    bytes[0] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(ledger.history().contains(&early).is_ok(), "the right edge is whole");
    let earlier = Checkpoint { size: 7, ..(*early).clone() };
    let error = ledger.history().contains(&earlier).unwrap_err();
    assert_eq!(error.to_string(), "the tiles do not add up to the root in the checkpoint");
}
