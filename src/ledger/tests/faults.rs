//! Faults: every durable step of an append, and of the opening after it, fails in every way, and processes are killed; then
//! everything is verified from what is on disk.

use std::{
    fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{WAIT, copy_of, entries, entry, ledger_of, number_from, outcome, signer};
use crate::error::Result;
use crate::ledger::{
    disk::{self, Disk, temporary_name},
    log::{Ledger, OpenAs},
};

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

/// Does something with one failing step, opens the ledger again, and has it checked; until no step is left to fail. Gives the
/// number of cases.
pub(super) fn fail_at_every_step(
    base: &Path,
    act: impl Fn(&mut Ledger) -> Result<u64>,
    check: impl Fn(&Path, bool, &str),
) -> usize {
    let mut cases = 0;
    for (mode, dead) in [(Mode::Lost, false), (Mode::Torn, true), (Mode::Persisted, true)] {
        for at in 0.. {
            let dir = copy_of(base);
            let plan = Arc::new(Plan::new(at, mode, dead));
            let disk = Disk { faults: Some(plan.clone()) };
            let opened = Ledger::open_on(disk, dir.path(), WAIT, "test", OpenAs::Checked);
            let acknowledged = opened.is_ok_and(|mut ledger| act(&mut ledger).is_ok());
            if !plan.has_failed() {
                assert!(acknowledged);
                break;
            }
            cases += 1;
            check(dir.path(), acknowledged, &format!("step {at} {mode:?}, dead {dead}"));
        }
    }
    cases
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

pub(super) fn append_on(plan: &Arc<Plan>, dir: &Path, range: std::ops::Range<u64>) -> bool {
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
            .args(["--exact", "ledger::tests::faults::child_that_appends_until_it_is_killed", "--nocapture"])
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
