//! Files that nobody wrote, through every reader: none panics, hangs, or takes memory without bound.
//!
//! A few thousand by default. `DYEPACK_FUZZ=N` makes N for each reader, `DYEPACK_FUZZ_READER=name` takes one reader,
//! `DYEPACK_FUZZ_FROM=N` begins with the Nth file: a failure names reader and number, and with `DYEPACK_FUZZ=1` is run again.

mod drive;
mod mutate;
mod seeds;
use crate::formats::write;

use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use drive::{Outcome, drive};
use seeds::Reader;

/// Files for each reader in a run of all tests.
const FEW: u64 = 300;

/// The longest that one file of at most 64 KiB may take, both ways; most take a millisecond.
const MAX_TIME: Duration = Duration::from_secs(2);

/// Failures of a reader that are shown.
const SHOWN: u64 = 20;

/// When a reader is taken to go on for ever.
const FOREVER: Duration = Duration::from_secs(60);

/// The most memory of the process, whose files have at most 64 KiB: readers hold records of 16 MiB, several at once.
const MAX_MEMORY_KIB: u64 = 1 << 20;

fn asked<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

/// The readers that are asked for.
fn readers() -> Vec<Reader> {
    let only: Option<String> = asked("DYEPACK_FUZZ_READER");
    let all = seeds::readers().into_iter();
    all.filter(|reader| only.as_ref().is_none_or(|only| reader.name == only)).collect()
}

/// The number of the first file.
fn first() -> u64 {
    asked("DYEPACK_FUZZ_FROM").unwrap_or(0)
}

/// The file of a number; the same each time.
fn file(reader: &Reader, number: u64) -> Vec<u8> {
    let name = reader.name.bytes().fold(0_u64, |hash, byte| hash.wrapping_mul(31) + u64::from(byte));
    reader.file(&mut StdRng::seed_from_u64(name << 40 | number))
}

/// What was measured of a reader.
#[derive(Default)]
struct Sum {
    files: u64,
    read: u64,
    copied: u64,
    time: Duration,
    longest: (Duration, u64),
    failed: u64,
    failures: Vec<String>,
}

#[test]
fn no_file_makes_a_reader_panic_or_hang_or_eat_memory() {
    let few = asked("DYEPACK_FUZZ");
    let readers = readers();
    let watch = Watch::new();
    if few.is_some() {
        quiet();
    }
    let mut failures = Vec::new();
    for reader in &readers {
        reader.seeds().enumerate().for_each(|(number, seed)| {
            let outcome = drive(&seed);
            assert!(outcome.rows > 0, "seed {number} of {} is read: {outcome:?}", reader.name);
        });
        let sum = run(reader, few.unwrap_or(FEW), few.is_some(), &watch);
        println!("{}", report(reader, &sum));
        failures.extend(sum.failures);
    }
    println!("{} panics of libraries, caught", LIBRARY_PANICS.load(Relaxed));
    drop(panic::take_hook());
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

fn run(reader: &Reader, files: u64, is_alone: bool, watch: &Watch) -> Sum {
    let mut sum = Sum::default();
    for number in first()..first() + files {
        let bytes = file(reader, number);
        watch.begin(reader.name, number);
        let (outcome, mut time) = timed(&bytes);
        if time > MAX_TIME {
            // The machine may have been busy.
            time = time.min(timed(&bytes).1);
        }
        watch.end();
        sum.files += 1;
        sum.time += time;
        sum.longest = sum.longest.max((time, number));
        let mut fail = |what: &str| {
            sum.failed += 1;
            if sum.failed <= SHOWN {
                sum.failures.push(format!("{} {number}: {what}", reader.name));
            }
        };
        match outcome {
            Ok(outcome) => {
                sum.read += u64::from(outcome.rows > 0);
                sum.copied += u64::from(outcome.is_copied);
            }
            Err(panic) => fail(&format!("{panic} ({})", LAST_PANIC.lock().expect("no panic"))),
        }
        if time > MAX_TIME {
            fail(&format!("{} bytes take {time:?}", bytes.len()));
        }
        // Other tests take memory too.
        if is_alone && peak_kib() > MAX_MEMORY_KIB {
            fail(&format!("by then the process took {} KiB", peak_kib()));
            return sum;
        }
    }
    sum
}

fn timed(bytes: &[u8]) -> (Result<Outcome, String>, Duration) {
    let start = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| drive(bytes)));
    let outcome = outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
    });
    (outcome, start.elapsed())
}

fn report(reader: &Reader, sum: &Sum) -> String {
    let mut line = format!("{:<12} {:>9} files", reader.name, sum.files);
    let each = sum.time.as_micros() / u128::from(sum.files.max(1));
    let (longest, slow) = sum.longest;
    write!(line, ", {} read, {} copied, {each} us each", sum.read, sum.copied).expect("memory");
    write!(line, ", longest {longest:?} ({slow}), {} KiB so far", peak_kib()).expect("memory");
    line + &format!(", {} failures", sum.failed)
}

/// Ends the process when a reader goes on for ever: its thread can't be stopped.
struct Watch {
    running: Arc<Mutex<Option<(String, Instant)>>>,
}

impl Watch {
    fn new() -> Watch {
        let running: Arc<Mutex<Option<(String, Instant)>>> = Arc::default();
        let weak = Arc::downgrade(&running);
        thread::spawn(move || {
            while let Some(running) = weak.upgrade() {
                if let Some((name, since)) = &*running.lock().expect("no panic")
                    && since.elapsed() > FOREVER
                {
                    eprintln!("{name} goes on for ever");
                    std::process::abort();
                }
                drop(running);
                thread::sleep(Duration::from_millis(100));
            }
        });
        Watch { running }
    }

    fn begin(&self, reader: &str, number: u64) {
        *self.running.lock().expect("no panic") = Some((format!("{reader} {number}"), Instant::now()));
    }

    fn end(&self) {
        *self.running.lock().expect("no panic") = None;
    }
}

/// Panics of the Parquet and Arrow libraries are caught where they are called, by design: they are counted, not printed.
static LIBRARY_PANICS: AtomicU64 = AtomicU64::new(0);

/// Where the last other panic was.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

fn quiet() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        if ["/parquet-", "/arrow-", "/flatbuffers-"].iter().any(|name| place.contains(name)) {
            LIBRARY_PANICS.fetch_add(1, Relaxed);
        } else {
            *LAST_PANIC.lock().expect("no panic") = place;
        }
    }));
}

/// Bytes of the first of three files whose times are compared, each eight times as long as the one before.
const SHORT_BYTES: usize = 1 << 16;

/// How many times more an eight times longer file may take, and from when on it matters.
const MAX_TIMES: u32 = 24;
const NOTICEABLE: Duration = Duration::from_millis(300);

/// Takes minutes, so only so many files as `DYEPACK_FUZZ_TIMES` says.
#[test]
fn no_file_takes_time_out_of_proportion() {
    let Some(files) = asked::<u64>("DYEPACK_FUZZ_TIMES") else {
        return println!("skipped: DYEPACK_FUZZ_TIMES=50 compares the times of 50 files of each reader");
    };
    let (mut failures, watch) = (Vec::new(), Watch::new());
    quiet();
    for reader in &readers() {
        let mut longest = (Duration::ZERO, String::new());
        for number in first()..first() + files {
            let swollen = |bytes| reader.swollen(&mut StdRng::seed_from_u64(number), bytes);
            let (case, long) = swollen(SHORT_BYTES * 8);
            watch.begin(&case, number);
            let time = timed(&long).1;
            // What takes noticeable time is made longer; a short one may only be refused sooner.
            if time > NOTICEABLE {
                let (short, longer) =
                    (timed(&swollen(SHORT_BYTES).1).1, timed(&swollen(SHORT_BYTES * 64).1).1);
                if longer > time * MAX_TIMES || time > NOTICEABLE * MAX_TIMES {
                    failures.push(format!("{number}: {case}: {short:?}, {time:?}, {longer:?}"));
                }
            }
            longest = longest.max((time, case));
        }
        watch.end();
        println!("longest {:?}: {}", longest.0, longest.1);
    }
    drop(panic::take_hook());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Writes the file of a failure to `DYEPACK_FUZZ_FILE`, to be looked at: reader and number are said as for a run.
#[test]
fn the_file_of_a_failure_is_written() {
    let Some(path) = asked::<std::path::PathBuf>("DYEPACK_FUZZ_FILE") else { return };
    for reader in &readers() {
        std::fs::write(&path, file(reader, first())).unwrap();
    }
}

/// The most memory that this process ever had, as Linux counts it; elsewhere 0.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}
