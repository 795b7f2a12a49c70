//! Homes that come back, and every way to damage a backup of one.

use rand::{SeedableRng as _, rngs::StdRng};

use super::*;
use crate::keys::keyring::Keyring;
use crate::ledger::{Entry, Event};

const WAIT: Duration = Duration::from_secs(5);
const TIME: &str = "2026-03-01T12:00:00Z";

fn entry(n: u32) -> Entry {
    Entry::new(TIME, "o", Event::KeyRotated { epoch: n, reason: None })
}

/// A home with some entries, a blob, a model and a copy in the vault.
fn home(folder: &Path) -> (Home, Keyring) {
    let home = Home::new(folder.join("home"));
    let keyring = Keyring::generate(&mut StdRng::seed_from_u64(1));
    home.create(&keyring, &keyring.leave_open("test"), "example.org/backup").unwrap();
    let mut ledger = home.ledger(WAIT, "test").unwrap();
    ledger.put_blob(b"a blob").unwrap();
    ledger.append(&[entry(2), entry(3)], &keyring.signing).unwrap();
    ledger.close().unwrap();
    for (name, bytes) in [("models/m", &b"model"[..]), ("vault/v", b"copy"), ("vault/.x.tmp", b"half")] {
        let path = home.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    (home, keyring)
}

fn order(output: &Path, vault: bool) -> Order<'_> {
    let (salt, nonce) = ([3; SALT_BYTES], [4; NONCE_BYTES]);
    Order { output, passphrase: "correct horse", salt, nonce, vault, time: TIME }
}

fn restored(path: &Path, home: &Home) -> Result<Label> {
    restore(path, "correct horse", home, |_| Ok(()))
}

#[test]
fn a_home_comes_back_on_an_empty_machine() {
    let dir = tempfile::tempdir().unwrap();
    let (home, keyring) = home(dir.path());
    let file = dir.path().join("b");
    let label = write(&home, WAIT, &order(&file, true)).unwrap();
    assert_eq!((label.size, label.last_entry.as_deref(), label.vault), (2, Some(TIME), true));
    assert_eq!(last(&home).unwrap(), Note { time: TIME.into(), size: 2, vault: true });
    assert_eq!(check(&file, "correct horse").unwrap(), label);
    let new = Home::new(dir.path().join("elsewhere/new"));
    assert_eq!(restored(&file, &new).unwrap(), label);
    assert_eq!(files_of(new.root()).unwrap(), files_of(home.root()).unwrap());
    for path in files_of(home.root()).unwrap() {
        assert_eq!(
            fs::read(new.root().join(&path)).unwrap(),
            fs::read(home.root().join(&path)).unwrap(),
            "{path}"
        );
    }
    assert!(!new.root().join("vault/.x.tmp").exists());
    let mut ledger = new.ledger(WAIT, "test").unwrap();
    ledger.append(&[entry(4)], &keyring.signing).unwrap();
    ledger.close().unwrap();
    // Nothing is overwritten, and nothing is left beside.
    assert!(restored(&file, &new).is_err_and(|error| error.class() == Class::Usage));
    assert!(write(&home, WAIT, &order(&file, true)).is_err_and(|error| error.class() == Class::Usage));
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|item| item.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["b", "elsewhere", "home"]);
}

#[test]
fn a_backup_never_lies_in_its_home() {
    let dir = tempfile::tempdir().unwrap();
    let (home, _) = home(dir.path());
    let before = files_of(home.root()).unwrap();
    for place in ["home/b", "home/vault/b", "home/../home/keys/b"] {
        let error = write(&home, WAIT, &order(&dir.path().join(place), true)).unwrap_err();
        assert!(error.class() == Class::Usage && error.to_string().ends_with("is a backup of"), "{error}");
    }
    #[cfg(unix)]
    {
        fs::rename(home.root().join("vault"), dir.path().join("disk")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("disk"), home.root().join("vault")).unwrap();
        assert!(write(&home, WAIT, &order(&dir.path().join("disk/b"), true)).is_err());
    }
    assert_eq!(files_of(home.root()).unwrap(), before);
    assert!(last(&home).is_none());
}

#[test]
fn the_vault_may_be_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let (home, _) = home(dir.path());
    let file = dir.path().join("b");
    assert!(!write(&home, WAIT, &order(&file, false)).unwrap().vault);
    let new = Home::new(dir.path().join("new"));
    restored(&file, &new).unwrap();
    assert!(!new.root().join("vault").exists() && new.root().join("models/m").exists());
}

#[test]
fn a_ledger_that_is_refused_leaves_no_home() {
    let dir = tempfile::tempdir().unwrap();
    let (home, keyring) = home(dir.path());
    let file = dir.path().join("b");
    write(&home, WAIT, &order(&file, true)).unwrap();
    let mut ledger = home.ledger(WAIT, "test").unwrap();
    ledger.append(&[entry(4)], &keyring.signing).unwrap();
    let later = ledger.checkpoint_text().to_owned();
    ledger.close().unwrap();
    // The backup is a rolled-back ledger to whoever kept a later checkpoint.
    let new = Home::new(dir.path().join("new"));
    let error = restore(&file, "correct horse", &new, |ledger| ledger.check_grew_from(later.as_bytes()));
    assert!(error.unwrap_err().is_integrity() && !new.root().exists());
}

#[test]
fn a_backup_opens_with_its_passphrase_alone_and_no_byte_can_be_changed() {
    let dir = tempfile::tempdir().unwrap();
    let (home, _) = home(dir.path());
    let file = dir.path().join("b");
    write(&home, WAIT, &order(&file, true)).unwrap();
    assert!(check(&file, "wrong horse").unwrap_err().is_key());
    let whole = fs::read(&file).unwrap();
    for word in [&b"keyring"[..], b"a blob", b"copy"] {
        assert!(!whole.windows(word.len()).any(|part| part == word));
    }
    let bent = dir.path().join("bent");
    let fails = |bytes: &[u8], what: &str| {
        fs::write(&bent, bytes).unwrap();
        let error = check(&bent, "correct horse").expect_err(what);
        assert!(error.is_integrity() || error.is_key(), "{what}: {error}");
    };
    let ends = (whole.len() - 40..whole.len()).step_by(9);
    for at in (0..60).step_by(7).chain((60..whole.len()).step_by(whole.len() / 12)).chain(ends) {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        fails(&bytes, &format!("byte {at}"));
    }
    for length in [0, 10, 60, whole.len() / 2, whole.len() - 1] {
        fails(&whole[..length], &format!("cut to {length}"));
    }
}
