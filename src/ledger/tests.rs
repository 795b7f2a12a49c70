//! The ledger under faults and under tampering.
//!
//! Faults: every durable step of an append, and of the opening after it, fails in every way; then everything is
//! verified from what is on disk. Tampering: bytes are flipped, files cut, removed, swapped; each must be detected or
//! make no difference. The number of flips is `DYEPACK_FLIPS`, the seed `DYEPACK_SEED`, and both are printed.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, mpsc},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;

use self::faults::{Mode, Plan};
use super::{
    checkpoint::Checkpoint,
    disk::{self, Disk},
    entry::{Entry, Event, Opening, Output, Recipient, Release, Source},
    log::{Ledger, OpenAs, Recorded, reindex},
    stage::Stage,
    tiles,
    tree::Tree,
    verify::{Verification, verify},
};
use crate::{
    error::{Class, Result},
    keys::secret::SigningKey,
};

/// Failing disks.
pub(super) mod faults {
    use std::{
        fs, io,
        path::Path,
        sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    };

    use crate::ledger::disk::temporary_name;

    /// How a step fails.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::ledger) enum Mode {
        /// Nothing happened.
        Lost,
        /// Half a temporary file is left.
        Torn,
        /// It happened, and an error was reported.
        Persisted,
    }

    /// Fails one step, counted from 0, and with `dead` all after it, as a killed process does.
    pub(in crate::ledger) struct Plan {
        pub(in crate::ledger) at: usize,
        pub(in crate::ledger) mode: Mode,
        pub(in crate::ledger) dead: bool,
        pub(in crate::ledger) steps: AtomicUsize,
        failed: AtomicBool,
    }

    impl Plan {
        pub(in crate::ledger) fn new(at: usize, mode: Mode, dead: bool) -> Self {
            Plan { at, mode, dead, steps: AtomicUsize::new(0), failed: AtomicBool::new(false) }
        }

        pub(in crate::ledger) fn has_failed(&self) -> bool {
            self.failed.load(SeqCst)
        }

        pub(in crate::ledger) fn step(
            &self,
            what: &str,
            path: &Path,
            action: impl FnOnce() -> io::Result<()>,
        ) -> io::Result<()> {
            if self.dead && self.has_failed() {
                return Err(io::Error::other("dead"));
            }
            if self.steps.fetch_add(1, SeqCst) != self.at {
                return action();
            }
            self.failed.store(true, SeqCst);
            match self.mode {
                Mode::Torn if what == "write" => drop(fs::write(temporary_name(path), b"half a fi")),
                Mode::Lost | Mode::Torn => {}
                Mode::Persisted => action()?,
            }
            Err(io::Error::other("injected"))
        }
    }
}

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
    let raw = r#"{"schema":"dyepack.entry/1","time":"t","operator":"o","kind":"key_rotated","epoch":2}"#;
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

/// Appends and reopens with one failing step, until no step is left to fail. Gives the number of cases.
fn fail_every_step(before: u64, after: u64, mode: Mode, dead: bool, reopening_too: bool) -> usize {
    let base = ledger_of(before);
    let mut reopenings = 0;
    for at in 0.. {
        let dir = copy_of(base.path());
        let plan = Arc::new(Plan::new(at, mode, dead));
        let acknowledged = append_on(&plan, dir.path(), before..after);
        if !plan.has_failed() {
            assert!(acknowledged);
            return at + reopenings;
        }
        let what = format!("{before}..{after}, step {at} {mode:?}, dead {dead}");
        if reopening_too {
            reopenings += fail_every_step_of_reopening(dir.path(), before, after, acknowledged, &what);
        }
        check_whole(dir.path(), before, after, acknowledged, &what);
    }
    unreachable!()
}

fn append_on(plan: &Arc<Plan>, dir: &Path, range: std::ops::Range<u64>) -> bool {
    let disk = Disk { faults: Some(plan.clone()) };
    let opened = Ledger::open_on(disk, dir, WAIT, "test", OpenAs::Checked);
    opened.is_ok_and(|mut ledger| ledger.append(&entries(range), &signer()).is_ok())
}

fn fail_every_step_of_reopening(
    dir: &Path,
    before: u64,
    after: u64,
    acknowledged: bool,
    what: &str,
) -> usize {
    for at in 0.. {
        let dir = copy_of(dir);
        let plan = Arc::new(Plan::new(at, Mode::Torn, true));
        let disk = Disk { faults: Some(plan.clone()) };
        if let Ok(ledger) = Ledger::open_on(disk, dir.path(), WAIT, "test", OpenAs::Checked) {
            let _ = ledger.release("r-4");
        }
        if !plan.has_failed() {
            return at;
        }
        check_whole(dir.path(), before, after, acknowledged, &format!("{what}, then step {at}"));
    }
    unreachable!()
}

/// The ledger has the old entries, or the old and the new; what was acknowledged it has; and it can go on.
fn check_whole(dir: &Path, before: u64, after: u64, acknowledged: bool, what: &str) {
    let (recorded, verification) = outcome(dir).unwrap_or_else(|e| panic!("{what}: {e}"));
    let size = recorded.len() as u64;
    assert!(size == after || (size == before && !acknowledged), "{what}: {size} entries");
    assert!(verification.strays.is_empty(), "{what}: {:?}", verification.strays);
    for (i, recorded) in (0..).zip(&recorded) {
        assert_eq!(recorded.entry, Some(entry(i)), "{what}");
    }
    let mut ledger = Ledger::open(dir, WAIT, "test").unwrap();
    ledger.append(&[entry(size)], &signer()).unwrap_or_else(|e| panic!("{what}: {e}"));
    let left = disk::files_below(dir).unwrap();
    assert!(!left.iter().any(|f| f == "stage" || f.ends_with(".tmp")), "{what}: {left:?}");
}

#[test]
fn no_fault_loses_an_acknowledged_entry_or_breaks_the_tree() {
    let mut cases = 0;
    for mode in [Mode::Lost, Mode::Torn, Mode::Persisted] {
        for dead in [false, true] {
            cases += fail_every_step(5, 7, mode, dead, false);
        }
    }
    cases += fail_every_step(5, 6, Mode::Persisted, true, true);
    // Across the end of a tile, where partial tiles give way to a full one.
    cases += fail_every_step(254, 258, Mode::Torn, true, false);
    cases += fail_every_step(0, 256, Mode::Persisted, true, false);
    println!("{cases} cases");
    assert!(cases > 100, "{cases}");
}

const CHILD_FOLDER: &str = "DYEPACK_TEST_CHILD_FOLDER";

/// Not a test by itself: what the next one starts and kills. Appends for ever, and says what was acknowledged.
#[test]
fn child_that_appends_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD_FOLDER) else { return };
    loop {
        let mut ledger = Ledger::open(Path::new(&dir), WAIT, "child").unwrap();
        let size = ledger.size();
        ledger.append(&[entry(size)], &signer()).unwrap();
        eprintln!("\nacknowledged {size}");
    }
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() {
    let dir = ledger_of(250);
    let mut rng = StdRng::seed_from_u64(9);
    let mut unsealed = 0;
    for _ in 0..number_from("DYEPACK_KILLS", 12) {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "ledger::tests::child_that_appends_until_it_is_killed", "--nocapture"])
            .env(CHILD_FOLDER, dir.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(rng.random_range(20_000..200_000)));
        child.kill().unwrap();
        let said = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        assert!(!said.contains("panicked"), "{said}");
        let acknowledged =
            said.lines().filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok()).max();
        let (recorded, verification) = outcome(dir.path()).unwrap();
        assert!(verification.size > acknowledged.unwrap_or(249));
        assert!((0..).zip(&recorded).all(|(i, recorded)| recorded.entry == Some(entry(i))));
        unsealed += u32::from(verification.reindexed);
    }
    println!("{} entries, index left open {unsealed} times", outcome(dir.path()).unwrap().0.len());
}

#[test]
fn a_creation_that_fails_half_way_can_be_repeated() {
    for at in 0..2 {
        for mode in [Mode::Lost, Mode::Torn, Mode::Persisted] {
            let dir = tempfile::tempdir().unwrap();
            let disk = Disk { faults: Some(Arc::new(Plan::new(at, mode, true))) };
            assert!(Ledger::create_on(&disk, dir.path(), "o", &signer()).is_err());
            let again = Ledger::create(dir.path(), "o", &signer());
            assert_eq!(again.is_ok(), !(at == 1 && mode == Mode::Persisted));
            assert_eq!(outcome(dir.path()).unwrap().0, []);
        }
    }
}

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

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
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

#[test]
fn a_cut_lengthened_emptied_or_removed_file_is_detected_or_harmless() {
    for victim in victims() {
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
    assert!(super::lock::comes_free(&dir.join("index/db"), WAIT));
    let ledger = Ledger::open(dir, WAIT, "test").unwrap();
    let seal = super::seal::text(&dir.join("index"), ledger.size(), &ledger.root()).unwrap();
    fs::write(dir.join(super::seal::FILE), seal).unwrap();
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
fn a_file_that_is_no_tile_is_listed() {
    let dir = ledger_of(3);
    fs::write(dir.path().join("log/tile/.DS_Store"), b"x").unwrap();
    assert_eq!(outcome(dir.path()).unwrap().1.strays, ["tile/.DS_Store"]);
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
