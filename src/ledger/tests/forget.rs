//! What is to be forgotten is gone, whatever fails meanwhile, and nothing else is.

use std::{fs, path::Path};

use jiff::Timestamp;
use tempfile::TempDir;

use super::faults::fail_at_every_step;
use super::{POLICY, TIME, WAIT, copy_of, entry, hash_of, outcome, signer};
use crate::{
    error::{Class, Result},
    ledger::{
        Entry, Event, Recipient, Registry,
        disk::Disk,
        log::{Ledger, Recorded, reindex},
        merkle,
        tiles::encode_leaves,
        verify::verify,
    },
};

/// The time of old entries, and a limit between them and [`TIME`].
const OLD: &str = "2019-05-01T12:00:00Z";
pub(super) const CUT: &str = "2020-01-01T00:00:00Z";

fn sketch(i: u64) -> Vec<u8> {
    format!("sketch {i}").into_bytes()
}

/// Entry `i`, of the old time; every release has a sketch of its own, but for those that share the policy's blob.
fn old_entry(i: u64) -> Entry {
    let mut old = entry(i);
    old.time = OLD.to_owned();
    if let Event::Release(release) = &mut old.event
        && i % 64 == 5
    {
        release.sketch = hash_of(&sketch(i));
    }
    old
}

/// A ledger of `size` entries, of which the first `old` are old.
pub(super) fn old_ledger(old: u64, size: u64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    Ledger::create(dir.path(), "example.org/test", &signer()).unwrap();
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    ledger.put_blob(POLICY).unwrap();
    for i in (0..old).filter(|i| i % 64 == 5) {
        ledger.put_blob(&sketch(i)).unwrap();
    }
    let entries: Vec<Entry> = (0..size).map(|i| if i < old { old_entry(i) } else { entry(i) }).collect();
    ledger.append(&entries, &signer()).unwrap();
    ledger.close().unwrap();
    dir
}

/// Registers somebody with a name in a blob, and gives the blob.
pub(super) fn register(ledger: &mut Ledger, id: &str, salt: u8) -> String {
    let contact = Some(format!("{id}@partner.example"));
    let recipient = Recipient { id: id.into(), name: format!("{id} Smith"), contact, ..Recipient::default() };
    let recipient = recipient.set_apart(ledger, &[salt; 32]).unwrap();
    let blob = recipient.personal.clone().unwrap();
    ledger.append(&[Entry::new(TIME, "o", Event::RecipientRegistered { recipient })], &signer()).unwrap();
    blob
}

pub(super) fn erase(ledger: &mut Ledger, id: &str, blob: &str) -> Result<u64> {
    let event = Event::RecipientErased { recipient: id.into(), blob: blob.into(), reason: None };
    ledger.append(&[Entry::new(TIME, "o", event)], &signer()).map(|indexes| indexes[0])
}

pub(super) fn prune(ledger: &mut Ledger, cut: &str) -> Result<u64> {
    let plan = ledger.plan_pruning(cut.parse::<Timestamp>().unwrap())?;
    ledger.prune(&plan, TIME, "o", &signer())
}

fn ledger_with_carol() -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    Ledger::create(dir.path(), "example.org/test", &signer()).unwrap();
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    let blob = register(&mut ledger, "carol", 7);
    ledger.close().unwrap();
    (dir, blob)
}

#[test]
fn an_erased_name_is_nowhere_and_the_id_stays() {
    let (dir, blob) = ledger_with_carol();
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    let known = Registry::of(&ledger).unwrap().recipients["carol"].recipient.clone();
    assert_eq!(
        (known.name.as_str(), known.contact.as_deref()),
        ("carol Smith", Some("carol@partner.example"))
    );
    let leaf = String::from_utf8(ledger.entry(0).unwrap().leaf).unwrap();
    assert!(!leaf.contains("Smith") && !leaf.contains("partner.example"), "{leaf}");
    // The same name with another salt has another hash: a guess can't be tried.
    assert_ne!(register(&mut ledger, "carol", 8), blob);

    let (dir, blob) = ledger_with_carol();
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    let kept = ledger.blob(&blob).unwrap();
    erase(&mut ledger, "carol", &blob).unwrap();
    let registry = Registry::of(&ledger).unwrap();
    let standing = &registry.recipients["carol"];
    assert!(standing.erased.is_some() && standing.suspended.is_some() && standing.recipient.name.is_empty());
    assert!(ledger.blob(&blob).is_err());
    assert!(ledger.verify().unwrap().unforgotten.is_empty());
    // Somebody puts it back, say with files of a backup.
    ledger.put_blob(&kept).unwrap();
    assert_eq!(ledger.verify().unwrap().unforgotten, [format!("blob/{blob}")]);
    // And a registration was cut short before its entry.
    let unnamed = ledger.put_blob(b"nobody's").unwrap();
    let mut expected = [format!("blob/{blob}"), format!("blob/{unnamed}")];
    expected.sort();
    assert_eq!(ledger.forget_again().unwrap(), expected);
    assert!(ledger.verify().unwrap().unforgotten.is_empty() && ledger.blob(&unnamed).is_err());
}

#[test]
fn a_name_that_is_missing_without_an_entry_is_damage() {
    let (dir, blob) = ledger_with_carol();
    fs::remove_file(dir.path().join("blob").join(&blob)).unwrap();
    let error = verify(dir.path(), WAIT, None).unwrap_err();
    assert!(error.is_integrity() && error.to_string().starts_with("entry 0: blob"), "{error}");
    let ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    assert!(Registry::of(&ledger).is_err_and(|error| error.is_integrity()));
}

#[test]
fn a_leaf_of_before_names_stood_apart_still_reads() {
    let raw = r#"{"schema":"dyepack.entry/1","time":"2026-03-01T12:00:00Z","operator":"o",
        "kind":"recipient_registered","recipient":{"id":"a","name":"Acme","contact":"x"}}"#;
    let entry: Entry = serde_json::from_str(raw).unwrap();
    let Event::RecipientRegistered { recipient } = &entry.event else { panic!("{entry:?}") };
    assert_eq!((recipient.name.as_str(), recipient.personal.as_deref()), ("Acme", None));
    assert!(entry.event.blobs().is_empty());
}

#[test]
fn an_erasure_that_is_cut_short_is_finished_at_the_next_opening() {
    let (dir, blob) = ledger_with_carol();
    let cases = fail_at_every_step(
        dir.path(),
        |ledger| erase(ledger, "carol", &blob),
        |dir, acknowledged, what| {
            let (recorded, verification) = outcome(dir).unwrap_or_else(|e| panic!("{what}: {e}"));
            let happened = recorded.len() == 2;
            assert!(happened || !acknowledged, "{what}");
            assert_eq!(dir.join("blob").join(&blob).exists(), !happened, "{what}");
            assert!(verification.unforgotten.is_empty(), "{what}");
        },
    );
    assert!(cases > 15, "{cases}");
}

#[test]
fn pruned_releases_are_gone_and_all_proofs_hold() {
    let dir = old_ledger(560, 600);
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    let before = ledger.checkpoint_text().to_owned();
    let hashes: Vec<_> = ledger.entries().unwrap().iter().map(|r| merkle::leaf_hash(&r.leaf)).collect();
    let plan = ledger.plan_pruning(CUT.parse().unwrap()).unwrap();
    assert_eq!((plan.before, plan.entries, plan.latest.as_deref()), (512, 256, Some(OLD)));
    // Entries 5, 69, .. have a sketch of their own.
    assert_eq!(plan.blobs, 8);
    assert_eq!(ledger.plan_pruning("2018-01-01T00:00:00Z".parse().unwrap()).unwrap().before, 0);
    // A beginning of a bundle that a power cut brought back goes with it.
    let part = dir.path().join("log/tile/entries/000.p/5");
    fs::create_dir(part.parent().unwrap()).unwrap();
    fs::write(&part, encode_leaves(&ledger.tree.bundle(0).unwrap()[..5])).unwrap();
    assert_eq!(ledger.verify().unwrap().pruned, 0);
    assert_eq!(prune(&mut ledger, CUT).unwrap(), 600);
    assert!(!part.exists());

    ledger.check_grew_from(before.as_bytes()).unwrap();
    for index in [0, 5, 255, 511, 599] {
        let proof = ledger.inclusion_proof(index).unwrap();
        assert!(merkle::verify_inclusion(&hashes[index as usize], index, 601, &proof, &ledger.root()));
    }
    let recorded = ledger.entries().unwrap();
    assert_eq!(recorded.len(), 601 - 256);
    assert!(recorded.iter().all(|r| r.index >= 512 || r.entry.as_ref().unwrap().release().is_none()));
    assert_eq!(ledger.entry(0).unwrap().entry, Some(old_entry(0)), "a recipient stays readable");
    let error = ledger.entry(5).unwrap_err();
    assert!(error.class() == Class::Usage && error.to_string() == "entry 5 was pruned", "{error}");
    assert_eq!((ledger.release("r-5").unwrap(), ledger.release("r-517").unwrap().is_some()), (None, true));
    assert!(ledger.blob(&hash_of(&sketch(5))).is_err() && ledger.blob(&hash_of(&sketch(517))).is_ok());
    assert_eq!(ledger.blob(&hash_of(POLICY)).unwrap(), POLICY);
    assert_eq!(Registry::of(&ledger).unwrap().recipients.len(), 75);
    ledger.append(&[entry(607)], &signer()).unwrap();
    ledger.close().unwrap();

    let verification = verify(dir.path(), WAIT, None).unwrap();
    assert_eq!((verification.size, verification.pruned), (602, 256));
    assert!(!verification.reindexed && verification.unforgotten.is_empty());
    assert_eq!(reindex(dir.path(), WAIT).unwrap(), 602);
    // No byte of a pruned release is anywhere, not even in the index.
    for file in crate::ledger::disk::files_below(dir.path()).unwrap() {
        let bytes = fs::read(dir.path().join(&file)).unwrap();
        assert!(!bytes.windows(7).any(|part| part == b"\"r-261\""), "{file}");
    }
    // Years later the rest is old, too.
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    let later: Vec<Entry> = (608..800).filter(|i| i % 8 != 3).map(entry).collect();
    ledger.append(&later, &signer()).unwrap();
    let goes = |r: &&Recorded| r.index < 768 && r.entry.as_ref().unwrap().release().is_some();
    let going = ledger.entries().unwrap().iter().filter(goes).count() as u64;
    prune(&mut ledger, "2027-01-01T00:00:00Z").unwrap();
    assert_eq!(ledger.verify().unwrap().pruned, 256 + going);
    ledger.check_grew_from(before.as_bytes()).unwrap();
}

/// What goes is a beginning of the ledger, in its order: one entry that is young, as of a clock that was wrong, keeps all
/// behind it.
#[test]
fn a_clock_that_goes_back_changes_no_order() {
    let dir = old_ledger(100, 101);
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    let after: Vec<Entry> = (101..400).filter(|i| i % 64 != 5 && i % 8 != 3).map(old_entry).collect();
    ledger.append(&after, &signer()).unwrap();
    let recorded = ledger.entries().unwrap();
    assert_eq!(recorded[100].entry.as_ref().unwrap().time, TIME);
    assert_eq!(recorded[101].entry.as_ref().unwrap().time, OLD);
    ledger.verify().unwrap();
    assert_eq!(ledger.plan_pruning(CUT.parse().unwrap()).unwrap().before, 0);
}

#[test]
fn a_pruning_that_is_cut_short_is_finished_at_the_next_opening() {
    let dir = old_ledger(260, 260);
    let cases = fail_at_every_step(
        dir.path(),
        |ledger| prune(ledger, CUT),
        |dir, acknowledged, what| {
            let (recorded, verification) = outcome(dir).unwrap_or_else(|e| panic!("{what}: {e}"));
            let happened = verification.size == 261;
            assert!(happened || !acknowledged, "{what}");
            assert_eq!(verification.pruned, if happened { 128 } else { 0 }, "{what}");
            assert_eq!(recorded.len() as u64, verification.size - verification.pruned, "{what}");
            assert_eq!(dir.join("blob").join(hash_of(&sketch(5))).exists(), !happened, "{what}");
            assert_eq!(dir.join("log/tile/entries/000").exists(), !happened, "{what}");
            assert!(verification.unforgotten.is_empty(), "{what}");
        },
    );
    assert!(cases > 40, "{cases}");
}

#[test]
fn nobody_else_can_prune() {
    let dir = old_ledger(520, 600);
    let whole = copy_of(dir.path());
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    prune(&mut ledger, CUT).unwrap();
    ledger.close().unwrap();
    let bundle = |number: u64| format!("log/tile/entries/{number:03}");
    let detected = |base: &Path, bend: &dyn Fn(&Path)| {
        let copy = copy_of(base);
        bend(copy.path());
        let error = verify(copy.path(), WAIT, None).unwrap_err();
        assert!(error.is_integrity(), "{error}");
        let ledger = Ledger::open(copy.path(), WAIT, "test").unwrap();
        (error.to_string(), ledger.entries().err().map(|error| error.to_string()))
    };
    let hide = |dir: &Path, number: u64, left: &[u8]| {
        fs::remove_file(dir.join(bundle(number))).unwrap();
        Disk::default().write(&dir.join(format!("kept/{number}")), left).unwrap();
    };
    // A bundle that no entry pruned, with nothing left of it.
    let (error, reading) = detected(whole.path(), &|dir| hide(dir, 1, b""));
    assert!(
        error.starts_with("entry 256: it was pruned, and no") && reading == Some(error.clone()),
        "{error}"
    );
    // Less left than was, or something of another place.
    let (error, reading) = detected(dir.path(), &|dir| fs::write(dir.join("kept/1"), b"").unwrap());
    assert!(error.starts_with("entry 600: what is left") && reading == Some(error.clone()), "{error}");
    let foreign = [&[3_u8][..], &encode_leaves(&[b"leaf"])].concat();
    let (error, _) = detected(dir.path(), &|dir| fs::write(dir.join("kept/0"), &foreign).unwrap());
    assert!(error.starts_with("entry 3: its bytes do not match"), "{error}");
    let (error, _) = detected(dir.path(), &|dir| fs::remove_file(dir.join("kept/0")).unwrap());
    assert!(error.starts_with("entry 0:"), "{error}");
    let (error, _) = detected(dir.path(), &|dir| fs::write(dir.join("kept/2"), b"").unwrap());
    assert!(error.starts_with("`kept/2` lies among"), "{error}");

    // Put back, it is true and should not be there.
    fs::copy(whole.path().join(bundle(0)), dir.path().join(bundle(0))).unwrap();
    let mut ledger = Ledger::open(dir.path(), WAIT, "test").unwrap();
    assert_eq!(ledger.verify().unwrap().unforgotten, [bundle(0)]);
    assert_eq!(ledger.forget_again().unwrap(), [bundle(0)]);
    assert!(ledger.verify().unwrap().unforgotten.is_empty());
}
