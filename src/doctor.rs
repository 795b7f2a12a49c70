//! A home looked over: what is not as it should be, and what to do.
//!
//! **Idea.** Every check gives findings and none stops the others. A finding is *fine*, a *note* (it will right itself, or was
//! just righted), a *warning* (it should be seen to) or *broken* (evidence or keys are at stake).
//!
//! **Invariant.** Looking changes nothing but what every opening of the ledger does: an append that was cut short is finished,
//! and a missing index built again. [`repair`] removes what is known to be a remainder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::backup;
use crate::error::{Class, Error, Result};
use crate::home::Home;
use crate::keys::keyring::Keyring;
use crate::ledger::{self, Ledger, Recorded, Registry};
use crate::models;

/// Free bytes below which a stamp may well fail half way.
const FREE_BYTES: u64 = 1 << 30;

/// Clocks of two machines on a network agree to less.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(5);

/// A backup is older than this is said.
const BACKUP_AGE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Fine,
    /// Worth knowing.
    Note,
    /// To be seen to.
    Warning,
    /// Evidence or keys are at stake, or could not be looked at.
    Broken,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, in a word.
    pub check: &'static str,
    /// How bad it is.
    pub state: State,
    /// What was found.
    pub what: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The exit code that it asks for; 0 unless it is broken.
    #[serde(skip)]
    pub exit_code: u8,
}

impl Finding {
    fn new(check: &'static str, state: State, what: impl Into<String>) -> Finding {
        Finding { check, state, what: what.into(), hint: None, exit_code: 0 }
    }

    fn hint(mut self, hint: impl Into<String>) -> Finding {
        self.hint = Some(hint.into());
        self
    }

    /// What an error says. Whoever reads the exit code alone must not take what could not be looked at for whole.
    fn of(check: &'static str, error: &Error) -> Finding {
        let (what, hint) = (error.to_string(), error.hint().map(str::to_owned));
        Finding { check, state: State::Broken, what, hint, exit_code: error.exit_code() }
    }
}

/// What is looked over, and with what.
pub struct Visit<'a> {
    /// The home.
    pub home: &'a Home,
    /// Its keys, or why they do not open; nothing if nobody could be asked for the passphrase.
    pub keyring: Option<Result<Keyring>>,
    /// How long to wait for the ledger.
    pub wait: Duration,
    /// Now.
    pub now: Timestamp,
}

/// Looks over a home.
///
/// # Errors
/// If there is none.
pub fn examine(visit: &Visit) -> Result<Vec<Finding>> {
    visit.home.check_exists()?;
    let mut found = Vec::new();
    found.extend(permissions(visit.home.root()));
    found.push(keys(visit));
    // Before the ledger is opened, which finishes it.
    if visit.home.ledger_dir().join("stage").exists() {
        found.push(Finding::new(
            "stage",
            State::Note,
            "an append was cut short; opening the ledger finished it",
        ));
    }
    match ledger::verify(&visit.home.ledger_dir(), visit.wait, None) {
        Ok(verification) => {
            found.extend(log(&verification));
            match visit.home.ledger(visit.wait, "doctor").and_then(|ledger| contents(visit, &ledger)) {
                Ok(findings) => found.extend(findings),
                Err(error) => found.push(Finding::of("ledger", &error)),
            }
        }
        Err(error) => found.push(Finding::of("ledger", &error)),
    }
    found.extend(vault(visit));
    found.push(remains(visit.home.root()));
    found.extend(space(visit.home.root()));
    found.push(last_backup(visit));
    Ok(found)
}

/// The exit code for findings: 4 for evidence, else 5 for keys, else 2 for what could not be looked at, else 0.
pub fn exit_code(found: &[Finding]) -> u8 {
    let integrity = Class::Integrity.exit_code();
    let codes = || found.iter().map(|finding| finding.exit_code);
    if codes().any(|code| code == integrity) { integrity } else { codes().max().unwrap_or(0) }
}

/// Removes what entries say is gone, and temporary files that nobody works on; says what it removed. The caller
/// has made sure that no other process works on the home.
///
/// # Errors
/// If the ledger can't be read whole, or something can't be removed.
pub fn repair(home: &Home, wait: Duration) -> Result<Vec<String>> {
    let mut ledger = home.ledger(wait, "doctor")?;
    let mut removed = ledger.forget_again()?;
    for path in temporary(home.root()) {
        let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        gone.map_err(|error| Error::io("remove", &path, error))?;
        removed.push(path.display().to_string());
    }
    ledger.close()?;
    Ok(removed)
}

#[cfg(unix)]
fn permissions(root: &Path) -> Vec<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let open = ["keys", "keys/keyring.json", "vault"]
        .map(|name| root.join(name))
        .into_iter()
        .filter(|path| fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0));
    let mut found: Vec<Finding> = open
        .map(|path| {
            let what = format!("`{}` can be read by others", path.display());
            let hint = format!("chmod go-rwx {}", path.display());
            Finding::new("permissions", State::Warning, what).hint(hint)
        })
        .collect();
    if found.is_empty() {
        found.push(Finding::new("permissions", State::Fine, "keys and vault are its owner's alone"));
    }
    found
}

#[cfg(not(unix))]
fn permissions(_root: &Path) -> Vec<Finding> {
    Vec::new()
}

fn keys(visit: &Visit) -> Finding {
    match &visit.keyring {
        None => Finding::new("keys", State::Warning, "not looked at: no passphrase is at hand")
            .hint("run on a terminal, or put it in a file and name that in DYEPACK_PASSPHRASE_FILE"),
        Some(Err(error)) => Finding::of("keys", error),
        Some(Ok(keyring)) => {
            let secrets = keyring.marking.starts().count();
            Finding::new("keys", State::Fine, format!("the key file opens, with {secrets} marking secrets"))
        }
    }
}

fn log(verification: &ledger::Verification) -> Vec<Finding> {
    let whole = match verification.pruned {
        0 => format!("whole, with {} entries", verification.size),
        pruned => format!("whole, with {} entries, of which {pruned} were pruned", verification.size),
    };
    let mut found = vec![Finding::new("ledger", State::Fine, whole)];
    if verification.recovered {
        found.push(Finding::new("ledger", State::Note, "an append that was cut short has been finished"));
    }
    if verification.reindexed {
        let what = "the index was missing or not closed cleanly, and was built anew";
        found.push(Finding::new("ledger", State::Note, what));
    }
    for stray in &verification.strays {
        let what = format!("`{stray}` lies in the ledger's folder and is no part of it");
        found.push(
            Finding::new("ledger", State::Warning, what).hint("remove it, if you know where it came from"),
        );
    }
    for file in &verification.unforgotten {
        let what = format!("`{file}` was erased or pruned, and is there");
        found.push(Finding::new("erasure", State::Warning, what).hint("dyepack doctor --repair"));
    }
    // The log itself may be whole: what is broken is that its key signed another.
    found.extend(verification.heads.forks.iter().map(|fork| Finding::of("forks", &fork.error())));
    found
}

/// What the entries need and name.
fn contents(visit: &Visit, ledger: &Ledger) -> Result<Vec<Finding>> {
    let entries = ledger.entries()?;
    let registry = Registry::replay(&entries);
    let mut found = vec![clock(&entries, visit.now)];
    found.extend(witnesses(ledger, &registry)?);
    let Some(Ok(keyring)) = &visit.keyring else { return Ok(found) };
    if keyring.signing.public() != *ledger.verifier().public() {
        let mut finding = Finding::new("keys", State::Broken, "the signing key is not that of the ledger");
        finding.exit_code = Class::Key.exit_code();
        found.push(finding.hint("restore the key file of this home from your backup"));
    }
    found.push(epochs(&registry, keyring));
    found.push(models(visit.home, &registry, keyring));
    Ok(found)
}

/// How far a quorum vouches for the entries, where one is asked.
fn witnesses(ledger: &Ledger, registry: &Registry) -> Result<Option<Finding>> {
    let size = ledger.size();
    if registry.quorums.at(size).is_none_or(|quorum| quorum.quorum == 0) {
        return Ok(None);
    }
    let witnessed = ledger.witnessed(&registry.quorums)?.map_or(0, |head| head.size);
    let what = format!("{witnessed} of {size} entries are witnessed by a quorum");
    Ok(Some(match witnessed == size {
        true => Finding::new("witnesses", State::Fine, what),
        false => Finding::new("witnesses", State::Note, what)
            .hint("send a checkpoint to the witnesses, and take what they cosigned: dyepack ledger cosign"),
    }))
}

fn epochs(registry: &Registry, keyring: &Keyring) -> Finding {
    let epochs = registry.rotations.iter().map(|rotation| rotation.epoch);
    match epochs.map(|epoch| keyring.marking.check_epoch(epoch)).find_map(Result::err) {
        Some(error) => Finding::of("epochs", &error),
        None => {
            let what = format!("every epoch has its secret; {} is in force", registry.epoch());
            Finding::new("epochs", State::Fine, what)
        }
    }
}

fn models(home: &Home, registry: &Registry, keyring: &Keyring) -> Finding {
    let mut named: Vec<(&str, &str)> = Vec::new();
    for (dataset, adopted) in &registry.policies {
        named
            .extend(adopted.iter().filter_map(|adopted| Some((dataset.as_str(), adopted.model.as_deref()?))));
    }
    named.sort_unstable();
    named.dedup();
    let dir = home.models_dir();
    let open = |(dataset, name): &(&str, &str)| models::open(&dir, &keyring.marking, dataset, name).err();
    match named.iter().find_map(open) {
        Some(error) => Finding::of("models", &error),
        None => {
            Finding::new("models", State::Fine, format!("all {} that policies name are there", named.len()))
        }
    }
}

/// Entries are in the order of their numbers; their times are the clock's, which may have been wrong.
fn clock(entries: &[Recorded], now: Timestamp) -> Finding {
    let time = |recorded: &Recorded| recorded.entry.as_ref()?.time.parse::<Timestamp>().ok();
    let (mut latest, mut back) = (None, None);
    for recorded in entries {
        let Some(time) = time(recorded) else { continue };
        if latest.is_some_and(|latest: Timestamp| latest.duration_since(time) > CLOCK_SLACK) {
            back = Some(recorded.index);
        }
        latest = latest.max(Some(time));
    }
    let hint = "set the clock right; entries stay in the order of their numbers, whatever their times";
    if let Some(latest) = latest.filter(|latest| latest.duration_since(now) > CLOCK_SLACK) {
        let what = format!("this machine's clock is behind an entry of {latest}");
        return Finding::new("clock", State::Warning, what).hint(hint);
    }
    match back {
        Some(index) => {
            let what = format!("entry {index} has an earlier time than one before it: a clock was wrong");
            Finding::new("clock", State::Note, what)
        }
        None => Finding::new("clock", State::Fine, "not behind the last entry"),
    }
}

fn vault(visit: &Visit) -> Option<Finding> {
    let Some(Ok(keyring)) = &visit.keyring else { return None };
    let stored = match visit.home.vault(&keyring.marking).stored() {
        Ok(stored) => stored,
        Err(error) => return Some(Finding::of("vault", &error)),
    };
    Some(match stored.iter().find_map(|copy| copy.label.as_ref().err()) {
        Some(error) => Finding::of("vault", error),
        None => {
            let what =
                format!("{} copies have their labels; `dyepack vault verify` reads them whole", stored.len());
            Finding::new("vault", State::Fine, what)
        }
    })
}

/// Temporary files and folders of the home, and beside it those of `init` and `restore`.
fn temporary(root: &Path) -> Vec<PathBuf> {
    let listed = |folder: &Path| {
        let items = fs::read_dir(folder).into_iter().flatten().flatten();
        items.map(|item| item.path()).collect::<Vec<_>>()
    };
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for path in listed(&folder) {
            let name = name(&path);
            if name.starts_with(".dyepack-") || name.starts_with(".tmp") || name.ends_with(".tmp") {
                found.push(path);
            } else if path.is_dir() && name != "index" {
                open.push(path);
            }
        }
    }
    let beside = root.parent().map(listed).unwrap_or_default();
    let made_beside = [".dyepack-init-", ".dyepack-restore-"];
    found.extend(
        beside.into_iter().filter(|path| made_beside.iter().any(|prefix| name(path).starts_with(prefix))),
    );
    found.sort();
    found
}

fn remains(root: &Path) -> Finding {
    match &temporary(root)[..] {
        [] => Finding::new("remains", State::Fine, "no temporary files"),
        [first, rest @ ..] => {
            let what = match rest.len() {
                0 => format!("`{}` is left of a process that was killed, or of one at work", first.display()),
                more => format!(
                    "`{}` and {more} more are left of processes, or belong to some at work",
                    first.display()
                ),
            };
            Finding::new("remains", State::Note, what)
                .hint("if no dyepack is running: dyepack doctor --repair")
        }
    }
}

#[cfg(unix)]
fn space(root: &Path) -> Option<Finding> {
    let found = rustix::fs::statvfs(root).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let what = format!("{:.1} GB are free", free as f64 / 1e9);
    Some(if free < FREE_BYTES {
        Finding::new("disk", State::Warning, what)
            .hint("make room: a full disk stops stamping, and loses nothing")
    } else {
        Finding::new("disk", State::Fine, what)
    })
}

#[cfg(not(unix))]
fn space(_root: &Path) -> Option<Finding> {
    None
}

fn last_backup(visit: &Visit) -> Finding {
    let hint = "dyepack backup -o FILE, to another machine";
    let Some(note) = backup::last(visit.home) else {
        return Finding::new("backup", State::Warning, "none is known: a lost key means lost cases")
            .hint(hint);
    };
    let old = note.time.parse::<Timestamp>().is_ok_and(|time| visit.now.duration_since(time) > BACKUP_AGE);
    let what = format!("the last one is of {}, with {} entries", note.time, note.size);
    match old {
        true => Finding::new("backup", State::Warning, what).hint(hint),
        false => Finding::new("backup", State::Fine, what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Entry, Event};

    fn entries(times: &[&str]) -> Vec<Recorded> {
        let entry = |time: &str| Entry::new(time, "o", Event::KeyRotated { epoch: 2, reason: None });
        let recorded =
            |(index, time): (u64, &&str)| Recorded { index, leaf: vec![], entry: Some(entry(time)) };
        (0..).zip(times).map(recorded).collect()
    }

    #[test]
    fn a_clock_that_is_behind_and_one_that_went_back_are_told_apart() {
        let state = |times: &[&str]| clock(&entries(times), "2026-03-01T12:00:00Z".parse().unwrap());
        assert_eq!(state(&[]).state, State::Fine);
        assert_eq!(state(&["2026-02-01T00:00:00Z", "2026-03-01T12:04:59Z"]).state, State::Fine);
        let behind = state(&["2026-03-01T12:05:01Z", "2026-02-01T00:00:00Z"]);
        assert_eq!(behind.state, State::Warning);
        assert!(behind.what.contains("2026-03-01T12:05:01Z"), "{}", behind.what);
        let back = state(&["2026-02-02T00:00:00Z", "2026-02-01T00:00:00Z", "2026-02-03T00:00:00Z"]);
        assert_eq!((back.state, back.exit_code), (State::Note, 0));
        assert!(back.what.starts_with("entry 1 has"), "{}", back.what);
    }

    #[test]
    fn evidence_weighs_more_than_keys_and_warnings_nothing() {
        let finding = |state, exit_code| Finding { exit_code, ..Finding::new("x", state, "") };
        assert_eq!(exit_code(&[]), 0);
        assert_eq!(exit_code(&[finding(State::Warning, 0), finding(State::Broken, 5)]), 5);
        assert_eq!(exit_code(&[finding(State::Broken, 5), finding(State::Broken, 4)]), 4);
        assert_eq!(exit_code(&[finding(State::Broken, 2), finding(State::Warning, 0)]), 2);
        assert_eq!(exit_code(&[finding(State::Broken, 2), finding(State::Broken, 5)]), 5);
    }

    #[test]
    fn what_can_not_be_looked_at_is_not_fine() {
        let error = Error::io("open", Path::new("lock"), std::io::ErrorKind::PermissionDenied.into());
        let finding = Finding::of("ledger", &error);
        assert_eq!((finding.state, finding.exit_code), (State::Broken, 2));
    }
}
