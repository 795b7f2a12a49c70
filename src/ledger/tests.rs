//! The ledger at work: what is appended, read back, refused, waited for. [`faults`] breaks the disk and kills processes,
//! [`tamper`] changes bytes behind its back, [`forget`] erases and prunes.

pub(super) mod faults;
mod forget;
mod tamper;

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use tempfile::TempDir;

use super::{
    checkpoint::Checkpoint,
    disk::{self, Disk},
    entry::{Entry, Event, Opening, Output, Recipient, Release, Source},
    log::{Ledger, Recorded, reindex},
    stage::Stage,
    verify::{Verification, verify},
};
use crate::{
    error::{Class, Result},
    keys::secret::SigningKey,
};

pub(super) const WAIT: Duration = Duration::from_secs(10);
const TIME: &str = "2026-03-01T12:00:00Z";
const POLICY: &[u8] = b"[policy]\nname = \"encounters\"\n";

pub(super) fn signer() -> SigningKey {
    SigningKey::from_seed(&[42; 32])
}

fn hash_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Entry number `i` of a ledger that uses every kind. Its blobs are the policy and itself as a sketch.
pub(super) fn entry(i: u64) -> Entry {
    let event = match i % 8 {
        0 => Event::RecipientRegistered {
            recipient: Recipient {
                id: format!("p{i}"),
                name: format!("Partner {i}"),
                ..Recipient::default()
            },
        },
        1 => Event::PolicyAdopted {
            dataset: "encounters".into(),
            policy: hash_of(POLICY),
            level: 2,
            slots: vec!["systolic".into()],
            model: None,
        },
        2 => Event::RecipientSuspended { recipient: format!("p{}", i - 2), reason: Some("left".into()) },
        3 => Event::Amendment { supersedes: i - 1, note: "still here".into() },
        _ => Event::Release(Release {
            opening: Opening {
                release: format!("r-{i}"),
                dataset: "encounters".into(),
                recipient: "p0".into(),
                policy: hash_of(POLICY),
                level: 2,
                ..Opening::default()
            },
            format: "csv".into(),
            parts: None,
            source: Source { path: None, table: None, bytes: i, blake3: hash_of(b"source") },
            // Every other release delivers the bytes of the one before.
            output: Output { bytes: i, blake3: hash_of(&(i / 2).to_be_bytes()), sha256: hash_of(b"sha") },
            rows: 1000,
            carriers: 50,
            cells_changed: BTreeMap::from([("systolic".into(), 25)]),
            sketch: hash_of(POLICY),
            subjects: None,
        }),
    };
    Entry::new(TIME, "tester", event)
}

pub(super) fn entries(range: std::ops::Range<u64>) -> Vec<Entry> {
    range.map(entry).collect()
}

pub(super) fn ledger_of(size: u64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    Ledger::create(dir.path(), "example.org/test", &signer()).unwrap();
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    ledger.put_blob(POLICY).unwrap();
    ledger.append(&entries(0..size), &signer()).unwrap();
    ledger.close().unwrap();
    dir
}

/// A copy to be ruined, in memory where there is such a folder: thousands of fsyncs would only measure the disk.
pub(super) fn copy_of(from: &Path) -> TempDir {
    let to = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    for name in disk::files_below(from).unwrap() {
        let target = to.path().join(&name);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(from.join(&name), target).unwrap();
    }
    to
}

/// All that a reader of the ledger can learn.
fn outcome(dir: &Path) -> Result<(Vec<Recorded>, Verification)> {
    let ledger = Ledger::open(dir, WAIT, "test")?;
    let recorded = ledger.entries()?;
    let verification = ledger.verify()?;
    Ok((recorded, verification))
}

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

#[test]
fn what_was_appended_is_read_back() {
    let dir = ledger_of(20);
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    assert_eq!(ledger.append(&entries(20..300), &signer()).unwrap(), (20..300).collect::<Vec<_>>());
    let recorded = ledger.entries().unwrap();
    for (i, recorded) in (0..300).zip(&recorded) {
        assert_eq!((recorded.index, recorded.entry.as_ref()), (i, Some(&entry(i))));
        assert_eq!(ledger.entry(i).unwrap(), *recorded);
    }
    assert_eq!(ledger.release("r-285").unwrap().unwrap(), recorded[285]);
    assert_eq!(ledger.release("r-9999").unwrap(), None);
    let same_output = ledger.releases_of_output(&hash_of(&142_u64.to_be_bytes())).unwrap();
    assert_eq!(same_output, recorded[284..286]);
    assert_eq!(ledger.blob(&hash_of(POLICY)).unwrap(), POLICY);
    assert!(ledger.entry(300).is_err_and(|e| e.class() == Class::Usage));
    let vkey = ledger.verifier().to_string();
    drop(ledger);

    let verification = verify(dir.path(), WAIT, Some(&vkey)).unwrap();
    assert_eq!((verification.size, verification.blobs), (300, 1));
    assert_eq!(verification.kinds.values().sum::<u64>(), 300);
    assert_eq!(verification.kinds["release"], 148);
    assert!(!verification.recovered && !verification.reindexed && verification.strays.is_empty());
    let other = super::Verifier::new("example.org/test", &SigningKey::from_seed(&[1; 32]).public()).unwrap();
    assert!(verify(dir.path(), WAIT, Some(&other.to_string())).is_err_and(|e| e.is_integrity()));
    assert!(verify(dir.path(), WAIT, Some("nonsense")).is_err_and(|e| e.class() == Class::Usage));
}

#[test]
fn appends_that_make_no_sense_write_nothing() {
    let dir = ledger_of(8);
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    let before = ledger.checkpoint_text().to_owned();
    let class = |result: Result<Vec<u64>>| result.unwrap_err().class();
    assert_eq!(class(ledger.append(&[entry(4)], &signer())), Class::Usage, "release is there");
    assert_eq!(class(ledger.append(&[entry(12), entry(12)], &signer())), Class::Usage, "release twice");
    assert_eq!(class(ledger.append(&[entry(8)], &SigningKey::from_seed(&[1; 32]))), Class::Key);
    let later = Event::Amendment { supersedes: 8, note: String::new() };
    assert_eq!(class(ledger.append(&[Entry::new(TIME, "o", later)], &signer())), Class::Usage);
    let policy = Event::PolicyAdopted {
        dataset: "d".into(),
        policy: hash_of(b"?"),
        level: 0,
        slots: vec![],
        model: None,
    };
    assert_eq!(class(ledger.append(&[Entry::new(TIME, "o", policy)], &signer())), Class::Usage, "no blob");
    assert_eq!(ledger.append(&[], &signer()).unwrap(), [0; 0]);
    assert_eq!(ledger.checkpoint_text(), before);
    assert_eq!(ledger.append(&[entry(8)], &signer()).unwrap(), [8]);
    drop(ledger);
    assert!(Ledger::create(dir.path(), "o", &signer()).is_err_and(|e| e.class() == Class::Usage));
    assert_eq!(outcome(dir.path()).unwrap().0.len(), 9);
}

#[test]
fn the_second_opening_waits_for_the_first() {
    let dir = ledger_of(1);
    let first = Ledger::open(dir.path(), WAIT, "stamp").unwrap();
    let error = Ledger::open(dir.path(), Duration::from_millis(30), "list").err().unwrap();
    assert!(error.to_string().contains(": stamp") && error.class() == Class::Io, "{error}");
    let path = dir.path().to_path_buf();
    let second = std::thread::spawn(move || verify(&path, WAIT, None).map(|v| v.size));
    std::thread::sleep(Duration::from_millis(30));
    drop(first);
    assert_eq!(second.join().unwrap().unwrap(), 1);
}

#[test]
fn a_later_kind_is_kept_and_counted_as_unknown() {
    let dir = ledger_of(3);
    let ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    let raw = r#"{"schema":"dyepack.entry/1","time":"t","operator":"o","kind":"of_later","epoch":2}"#;
    let leaf = signed_leaf(&ledger, raw);
    stage_leaves(&ledger, vec![leaf.clone()]);
    drop(ledger);
    let (recorded, verification) = outcome(dir.path()).unwrap();
    assert_eq!(recorded[3], Recorded { index: 3, leaf, entry: None });
    assert!(verification.recovered);
    assert_eq!(verification.kinds["unknown"], 1);
}

fn signed_leaf(ledger: &Ledger, raw: &str) -> Vec<u8> {
    let signature = signer().sign(format!("dyepack.entry/1\n{raw}").as_bytes());
    let (key, signature) = (ledger.verifier().id_hex(), data_encoding::BASE64.encode(&signature));
    format!(r#"{{"entry":{raw},"key":"{key}","signature":"{signature}"}}"#).into_bytes()
}

/// Leaves a stage as a killed process would.
fn stage_leaves(ledger: &Ledger, leaves: Vec<Vec<u8>>) {
    let growth = ledger.tree.grow(&leaves).unwrap();
    let checkpoint = Checkpoint { origin: "example.org/test".into(), size: growth.size, root: growth.root };
    let stage = Stage { checkpoint: checkpoint.sign(&signer()).unwrap(), leaves };
    stage.write(&Disk::default(), &ledger.dir).unwrap();
}

#[test]
fn the_owner_of_the_key_can_not_contradict_the_ledger_unseen() {
    for (raw, index) in [
        (serde_json::to_string(&entry(4)).unwrap(), 8),
        (
            serde_json::to_string(&Entry::new(
                TIME,
                "o",
                Event::Amendment { supersedes: 30, note: String::new() },
            ))
            .unwrap(),
            8,
        ),
    ] {
        let dir = ledger_of(8);
        let ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
        let leaf = signed_leaf(&ledger, &raw);
        stage_leaves(&ledger, vec![leaf]);
        drop(ledger);
        let error = outcome(dir.path()).unwrap_err();
        assert!(error.is_integrity() && error.to_string().starts_with(&format!("entry {index}:")), "{error}");
    }
}

#[test]
fn what_a_power_cut_brings_back_does_no_harm() {
    let dir = ledger_of(5);
    let part = dir.path().join("log/tile/entries/000.p/5");
    let before = fs::read(&part).unwrap();
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    ledger.append(&entries(5..9), &signer()).unwrap();
    ledger.close().unwrap();
    assert!(!part.exists(), "an append takes the earlier part away");
    fs::write(&part, &before).unwrap();
    assert_eq!(verify(dir.path(), WAIT, None).unwrap().strays, [""; 0]);
    fs::write(&part, &before[1..]).unwrap();
    assert!(verify(dir.path(), WAIT, None).is_err_and(|e| e.is_integrity()), "it is no part of this tree");
}

#[test]
fn a_ledger_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Ledger>();
}

#[test]
fn a_file_that_is_neither_tile_nor_blob_is_listed() {
    let dir = ledger_of(3);
    let strays = ["log/tile/.DS_Store", "blob/junk", "blob/more/junk"];
    fs::create_dir(dir.path().join("blob/more")).unwrap();
    strays.iter().for_each(|path| fs::write(dir.path().join(path), b"x").unwrap());
    let found = outcome(dir.path()).unwrap().1;
    assert_eq!((&found.strays[..], found.blobs), (&strays.map(str::to_owned)[..], 1));
    // They are nobody's to remove.
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    assert_eq!(ledger.forget_again().unwrap(), [""; 0]);
    assert!(dir.path().join("blob/junk").exists());
}

#[test]
fn a_missing_index_is_built_again() {
    let dir = ledger_of(20);
    let before = outcome(dir.path()).unwrap();
    for name in ["index", "index.seal"] {
        Disk::default().remove(&dir.path().join(name)).unwrap();
        let (recorded, verification) = outcome(dir.path()).unwrap();
        assert!(verification.reindexed && recorded == before.0);
        assert!(!outcome(dir.path()).unwrap().1.reindexed);
    }
}

#[test]
fn ten_thousand_entries_in_one_append() {
    let started = std::time::Instant::now();
    let folder = ledger_of(10_000);
    let dir = folder.path();
    let appended = started.elapsed();
    let started = std::time::Instant::now();
    assert_eq!(verify(dir, WAIT, None).unwrap().size, 10_000);
    let verified = started.elapsed();
    let started = std::time::Instant::now();
    let mut ledger = Ledger::open(dir, WAIT, "test").unwrap();
    let opened = started.elapsed();
    let started = std::time::Instant::now();
    ledger.append(&[entry(10_000)], &signer()).unwrap();
    let appended_one = started.elapsed();
    let started = std::time::Instant::now();
    ledger.close().unwrap();
    let closed = started.elapsed();
    let started = std::time::Instant::now();
    assert_eq!(reindex(dir, WAIT).unwrap(), 10_001);
    let reindexed = started.elapsed();
    println!("reindex {reindexed:?}");
    println!(
        "append 10,000 {appended:?}, verify {verified:?}, open {opened:?}, append one {appended_one:?}, \
         close {closed:?}"
    );
    assert!(verified < Duration::from_secs(10), "{verified:?}");
}
