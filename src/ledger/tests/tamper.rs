//! Tampering: bytes are flipped, files cut, removed, swapped; each must be detected or make no difference. The number of flips
//! is `DYEPACK_FLIPS`, the seed `DYEPACK_SEED`, and both are printed.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, mpsc},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;

use super::faults::{Mode, Plan, append_on};
use super::{WAIT, copy_of, entries, forget, ledger_of, number_from, outcome, signer};
use crate::ledger::{
    disk::{self, Disk},
    lock,
    log::{Ledger, Recorded, reindex},
    seal, tiles,
    tree::Tree,
    verify::{Verification, verify},
};

/// A ledger to be tampered with, and what it says untouched.
struct Victim {
    dir: TempDir,
    files: Vec<String>,
    outcome: (Vec<Recorded>, Verification),
}

impl Victim {
    fn new(dir: TempDir) -> Self {
        let files = disk::files_below(dir.path()).unwrap();
        let outcome = outcome(copy_of(dir.path()).path()).unwrap();
        Victim { dir, files, outcome }
    }

    /// Applies a change to a fresh copy. It must be detected, or make no difference; says whether it was detected.
    /// Runs aside with a time limit, so that neither a panic nor a hang in there passes for a detection.
    fn suffers(&self, what: &str, change: impl FnOnce(&Path)) -> bool {
        let copy = copy_of(self.dir.path());
        change(copy.path());
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || drop(send.send((outcome(copy.path()), copy))));
        let (result, _copy) = receive.recv_timeout(Duration::from_secs(60)).expect(what);
        match result {
            Err(error) => {
                assert!(error.is_integrity() || what.starts_with("remove ledger.vkey"), "{what}: {error}");
                true
            }
            Ok((recorded, mut verification)) => {
                verification.reindexed = self.outcome.1.reindexed;
                assert_eq!((recorded, verification), self.outcome, "{what}");
                false
            }
        }
    }
}

/// A closed ledger over two tiles, and one that was killed after it had staged an append.
fn victims() -> [Victim; 2] {
    let closed = ledger_of(258);
    let killed = ledger_of(20);
    let plan = Arc::new(Plan::new(3, Mode::Lost, true));
    assert!(!append_on(&plan, killed.path(), 20..23));
    assert!(killed.path().join("stage").is_file());
    [Victim::new(closed), Victim::new(killed)]
}

#[test]
fn any_flipped_byte_is_detected_or_harmless() {
    let flips = number_from("DYEPACK_FLIPS", 2000);
    let seed = number_from("DYEPACK_SEED", 0x6c65_6467_6572);
    println!("DYEPACK_FLIPS={flips} DYEPACK_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let victims = victims();
    let mut tally: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for flip in 0..flips {
        let victim = &victims[usize::from(flip % 4 == 0)];
        let name = &victim.files[rng.random_range(0..victim.files.len())];
        let length = fs::metadata(victim.dir.path().join(name)).unwrap().len() as usize;
        if length == 0 {
            continue;
        }
        let (at, mask) = (rng.random_range(0..length), rng.random_range(1..=u8::MAX));
        let detected = victim.suffers(&format!("flip {name} at {at} by {mask:#x}"), |dir| {
            let mut bytes = fs::read(dir.join(name)).unwrap();
            bytes[at] ^= mask;
            fs::write(dir.join(name), bytes).unwrap();
        });
        tally.entry(name).or_default()[usize::from(detected)] += 1;
    }
    for (name, [harmless, detected]) in &tally {
        println!("{name:40} harmless {harmless:5} detected {detected:5}");
    }
    let sure =
        |name: &&str| name.starts_with("log/") || name.starts_with("blob/") || **name == *"ledger.vkey";
    assert!(tally.iter().filter(|(name, _)| sure(name)).all(|(_, [harmless, _])| *harmless == 0));
}

/// A ledger with every kind of file: somebody's personal data, somebody's that are erased, and pruned releases.
fn ledger_with_everything() -> TempDir {
    let dir = forget::old_ledger(260, 260);
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    forget::register(&mut ledger, "carol", 1);
    let erased = forget::register(&mut ledger, "dave", 2);
    forget::erase(&mut ledger, "dave", &erased).unwrap();
    forget::prune(&mut ledger, forget::CUT).unwrap();
    ledger.close().unwrap();
    // The index is sealed as a whole, and tried by the tests above; here it is built again.
    for name in ["index", seal::FILE] {
        Disk::default().remove(&dir.path().join(name)).unwrap();
    }
    dir
}

/// Every byte of every file in turn: of a small ledger, and with `DYEPACK_EVERY_BYTE=1` also of one that was pruned, of which
/// otherwise some are tried.
#[test]
fn every_byte_is_covered_but_for_those_of_the_lock() {
    let every = number_from("DYEPACK_EVERY_BYTE", 0) == 1;
    for (victim, step) in
        [(Victim::new(ledger_of(6)), 1), (Victim::new(ledger_with_everything()), if every { 1 } else { 37 })]
    {
        let mut harmless: BTreeMap<&str, u64> = BTreeMap::new();
        let mut flips = 0;
        for name in victim.files.iter().filter(|name| !name.starts_with("index/")) {
            let bytes = fs::read(victim.dir.path().join(name)).unwrap();
            for at in (0..bytes.len()).step_by(step) {
                let mut bent = bytes.clone();
                bent[at] ^= 1 << (at % 8);
                flips += 1;
                let detected = victim.suffers(&format!("flip {name} at {at}"), |dir| {
                    fs::write(dir.join(name), bent).unwrap();
                });
                *harmless.entry(name).or_default() += u64::from(!detected);
            }
        }
        harmless.retain(|_, times| *times > 0);
        println!("{flips} flips, harmless: {harmless:?}");
        // What the lock's file says is shown to whoever waits for it, and decides nothing.
        assert!(harmless.keys().all(|name| *name == "lock"), "{harmless:?}");
    }
}

#[test]
fn a_cut_lengthened_emptied_or_removed_file_is_detected_or_harmless() {
    let everything = Victim::new(ledger_with_everything());
    for victim in victims().into_iter().chain([everything]) {
        for name in &victim.files {
            let length = fs::metadata(victim.dir.path().join(name)).unwrap().len();
            for cut in [0, 1, length / 2, length.saturating_sub(1)] {
                victim.suffers(&format!("cut {name} to {cut}"), |dir| {
                    let file = fs::File::options().write(true).open(dir.join(name)).unwrap();
                    file.set_len(cut).unwrap();
                });
            }
            victim.suffers(&format!("lengthen {name}"), |dir| {
                let mut bytes = fs::read(dir.join(name)).unwrap();
                bytes.push(0);
                fs::write(dir.join(name), bytes).unwrap();
            });
            // Without its stage the killed ledger is the one before the append, which no reader can tell.
            if name != "stage" {
                victim.suffers(&format!("remove {name}"), |dir| fs::remove_file(dir.join(name)).unwrap());
            }
        }
    }
}

/// Writes the log's files anew from `leaves`, as somebody without the key could, and leaves the checkpoint alone.
fn rewrite_log(dir: &Path, leaves: &[Vec<u8>]) {
    let log = dir.join("log");
    fs::remove_dir_all(log.join("tile")).unwrap();
    for (path, bytes) in Tree::new(log.clone(), 0).grow(leaves).unwrap().files {
        Disk::default().write(&log.join(path), &bytes).unwrap();
    }
}

#[test]
fn removed_reordered_and_changed_entries_are_named() {
    let base = ledger_of(20);
    let leaves: Vec<Vec<u8>> = outcome(base.path()).unwrap().0.into_iter().map(|r| r.leaf).collect();
    let mut removed = leaves.clone();
    removed.remove(7);
    // The number of entries is signed, so another one takes the place at the end.
    removed.push(leaves[19].clone());
    let mut swapped = leaves.clone();
    swapped.swap(5, 11);
    let mut changed = leaves.clone();
    changed[9] = String::from_utf8(changed[9].clone()).unwrap().replace("tester", "nobody").into_bytes();
    let mut doubled = leaves.clone();
    doubled.insert(3, leaves[2].clone());
    doubled.pop();
    for (forged, first) in [(removed, 7), (swapped, 5), (changed, 9), (doubled, 3)] {
        for drop_index in [false, true] {
            let dir = copy_of(base.path());
            rewrite_log(dir.path(), &forged);
            if drop_index {
                fs::remove_dir_all(dir.path().join("index")).unwrap();
            }
            assert!(outcome(dir.path()).unwrap_err().is_integrity());
            let error = verify(dir.path(), WAIT, None).unwrap_err().to_string();
            // Without the index, a rewritten tree of whole entries may differ from the signed one in its root only.
            assert!(drop_index || error.starts_with(&format!("entry {first}:")), "{error}");
        }
        // Somebody who left the tiles alone and changed the bundle only.
        let dir = copy_of(base.path());
        let bundle = dir.path().join("log/tile/entries/000.p/20");
        fs::write(bundle, tiles::encode_leaves(&forged)).unwrap();
        let error = verify(dir.path(), WAIT, None).unwrap_err();
        assert!(error.to_string().starts_with(&format!("entry {first}:")), "{error}");
    }
}

/// Changes the index with sled itself and seals it again, as somebody who knows this code could.
fn bend_index(dir: &Path, bend: impl FnOnce(&sled::Db)) {
    let ledger = Ledger::open(dir, WAIT, "test").unwrap();
    ledger.release("r-4").unwrap();
    ledger.close().unwrap();
    let db = sled::Config::new().path(dir.join("index")).flush_every_ms(None).open().unwrap();
    bend(&db);
    db.flush().unwrap();
    drop(db);
    assert!(lock::comes_free(&dir.join("index/db"), WAIT));
    let ledger = Ledger::open(dir, WAIT, "test").unwrap();
    let seal = seal::text(&dir.join("index"), ledger.size(), &ledger.root()).unwrap();
    fs::write(dir.join(seal::FILE), seal).unwrap();
}

#[test]
fn a_well_sealed_but_wrong_index_is_detected() {
    type Bend = fn(&sled::Db);
    const KEY: [u8; 8] = 4_u64.to_be_bytes();
    let bends: [(&str, Bend); 5] = [
        ("entry 2:", |db| drop(db.open_tree("standing").unwrap().remove(2_u64.to_be_bytes()).unwrap())),
        ("the index", |db| drop(db.insert("size", &KEY).unwrap())),
        ("entry 4:", |db| drop(db.open_tree("releases").unwrap().insert("r-4", &[0; 8]).unwrap())),
        ("the index", |db| drop(db.open_tree("releases").unwrap().insert("r-x", &KEY).unwrap())),
        ("the index", |db| drop(db.open_tree("standing").unwrap().insert([0xff; 8], b"").unwrap())),
    ];
    for (expected, bend) in bends {
        let dir = ledger_of(8);
        bend_index(dir.path(), bend);
        let error = verify(dir.path(), WAIT, None).unwrap_err();
        assert!(error.is_integrity() && error.to_string().starts_with(expected), "{expected}: {error}");
        assert_eq!(reindex(dir.path(), WAIT).unwrap(), 8);
        verify(dir.path(), WAIT, None).unwrap();
    }
    let dir = ledger_of(8);
    bend_index(dir.path(), |db| {
        db.open_tree("releases").unwrap().insert("r-4", &5_u64.to_be_bytes()).unwrap();
    });
    let ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    assert!(ledger.release("r-4").is_err_and(|e| e.is_integrity()), "a lookup is checked against the log");
}

#[test]
fn an_older_state_put_back_is_detected_by_what_is_left_or_by_a_kept_checkpoint() {
    let dir = ledger_of(5);
    let old = copy_of(dir.path());
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    let early = ledger.checkpoint_text().to_owned();
    ledger.append(&entries(5..9), &signer()).unwrap();
    let kept = ledger.checkpoint_text().to_owned();
    ledger.check_grew_from(early.as_bytes()).unwrap();
    drop(ledger);
    // Only the checkpoint.
    let bent = copy_of(dir.path());
    fs::copy(old.path().join("log/checkpoint"), bent.path().join("log/checkpoint")).unwrap();
    assert!(outcome(bent.path()).is_err_and(|e| e.is_integrity()));
    // Checkpoint, old tiles and no index: the newer tiles are in the way.
    for name in disk::files_below(&old.path().join("log")).unwrap() {
        fs::copy(old.path().join("log").join(&name), bent.path().join("log").join(&name)).unwrap();
    }
    fs::remove_dir_all(bent.path().join("index")).unwrap();
    fs::remove_file(bent.path().join("index.seal")).unwrap();
    let error = outcome(bent.path()).unwrap_err();
    assert!(error.is_integrity() && error.to_string().contains("no part of this tree"), "{error}");
    // The whole folder: only a checkpoint that was kept elsewhere tells.
    let ledger = Ledger::open(old.path(), WAIT, "test").unwrap();
    assert!(ledger.check_grew_from(kept.as_bytes()).is_err_and(|e| e.is_integrity()));
}
