//! A ledger of a million releases beside plain SQLite and redb, which store the same leaves with the same lookups. They hash
//! and sign nothing; each of their appends is one durable transaction. `cargo bench --bench scale -- 1000000`.
//!
//! The last question is the compliance officer's: which releases held data of one person. A set of [`SUBJECTS`] is shared by the
//! [`COPIES`] of one pass. The ledger keeps it as a blob and looks into all of them; the others have an index over hashes.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use dyepack::keys::secret::{MarkingSecret, SigningKey};
use dyepack::ledger::entry::Opening;
use dyepack::ledger::{self, Entry, Event, Ledger, Output, Release, Source};
use dyepack::report::compliance::{Period, Record, accounting, look_up};
use dyepack::subjects::{Collector, Hasher, Subject};
use redb::{Database, MultimapTableDefinition, ReadableDatabase as _, TableDefinition};
use rusqlite::Connection;
use tempfile::TempDir;

const WAIT: Duration = Duration::from_secs(5);

/// Releases that are recorded at once while a ledger is filled.
const BATCH: u64 = 10_000;

/// Single appends that are timed, held open and each with its own opening.
const SINGLE: u64 = 2_000;
const OPENED: u64 = 50;

/// Copies of one pass over a source, and the people whose data it held, out of so many.
const COPIES: u64 = 100;
const SUBJECTS: u64 = 500;
const PEOPLE: u64 = 100_000;

const POLICY: &[u8] = b"[dataset]";

fn secret() -> MarkingSecret {
    MarkingSecret::from_bytes([7; 32])
}

/// The people whose data a pass held: of every stretch of [`PEOPLE`] / [`SUBJECTS`] one.
fn people(pass: u64) -> impl Iterator<Item = u64> {
    let step = PEOPLE / SUBJECTS;
    (0..SUBJECTS).map(move |n| n * step + (pass.wrapping_mul(0x9e37_79b9) >> 7).wrapping_add(n) % step)
}

fn person(n: u64) -> String {
    format!("P-{n:06}")
}

fn subjects(pass: u64) -> Vec<Subject> {
    let (hasher, mut buffer) = (Hasher::new(&secret(), 1), Vec::new());
    people(pass).filter_map(|n| hasher.subject(person(n).as_bytes(), &mut buffer)).collect()
}

fn signer() -> SigningKey {
    SigningKey::from_seed(&[9; 32])
}

fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// Release number `n`; every sketch and policy is the same blob. `subjects` is the name of its pass's set.
fn entry(n: u64, subjects: String) -> Entry {
    let opening = Opening {
        release: id(n),
        dataset: "stays".into(),
        recipient: format!("partner-{}", n % 100),
        policy: blake3::hash(POLICY).to_hex().to_string(),
        key_epoch: 1,
        purpose: Some("claims audit".into()),
        legal_basis: Some("contract".into()),
        agreement: Some("DUA-17".into()),
        level: 3,
        ..Opening::default()
    };
    let output = Output { bytes: 1_000_000 + n, blake3: hash(&id(n)), sha256: hash(&format!("sha {n}")) };
    let source = Source {
        path: Some("stays.csv".into()),
        bytes: 1_000_000,
        blake3: hash("source"),
        ..Source::default()
    };
    let release = Release {
        sketch: opening.policy.clone(),
        opening,
        format: "csv".into(),
        source,
        output,
        rows: 20_000,
        carriers: 7_365,
        subjects: Some(subjects),
        ..Release::default()
    };
    Entry::new("2026-11-22T00:00:00Z", "bench", Event::Release(release))
}

fn id(n: u64) -> String {
    format!("2026-11-{n:08}")
}

/// What is done to each store.
trait Store {
    const NAME: &'static str;
    fn create(folder: &Path) -> Self;
    fn open(folder: &Path) -> Self;
    fn append(&mut self, numbers: std::ops::Range<u64>);
    fn lookup(&self, n: u64);
    /// How many releases held data of a person.
    fn subject(&self, person: u64) -> usize;
    fn close(self);
    fn verify(folder: &Path);
}

struct Ours {
    ledger: Ledger,
    /// A pass, and the name of its set.
    set: Option<(u64, String)>,
}

impl Ours {
    fn set(&mut self, pass: u64) -> String {
        if let Some((_, name)) = self.set.as_ref().filter(|(last, _)| *last == pass) {
            return name.clone();
        }
        let mut collector = Collector::default();
        collector.add(&mut subjects(pass));
        let name = self.ledger.put_blob(collector.finish().as_bytes()).expect("a blob");
        self.set = Some((pass, name.clone()));
        name
    }
}

impl Store for Ours {
    const NAME: &'static str = "ledger";

    fn create(folder: &Path) -> Ours {
        Ledger::create(folder, "bench", &signer()).expect("a new ledger");
        let ours = Ours::open(folder);
        ours.ledger.put_blob(POLICY).expect("a blob");
        ours
    }

    fn open(folder: &Path) -> Ours {
        Ours { ledger: Ledger::open(folder, WAIT, "bench").expect("it opens"), set: None }
    }

    fn append(&mut self, numbers: std::ops::Range<u64>) {
        let entries: Vec<Entry> = numbers.map(|n| entry(n, self.set(n / COPIES))).collect();
        self.ledger.append(&entries, &signer()).expect("it appends");
    }

    fn lookup(&self, n: u64) {
        assert!(self.ledger.release(&id(n)).expect("it reads").is_some());
    }

    fn subject(&self, n: u64) -> usize {
        let record = Record::read(&self.ledger, "2026-11-22T00:00:00Z").expect("it reads");
        let (secret, id) = (secret(), person(n));
        let contained = look_up(&self.ledger, &secret, id.as_bytes()).expect("it is somebody");
        accounting(&record, Period::default(), true, contained).rows.len()
    }

    fn close(self) {
        self.ledger.close().expect("it closes");
    }

    fn verify(folder: &Path) {
        ledger::verify(folder, WAIT, None).expect("it is whole");
    }
}

/// The bytes that the others store: the entry alone, about as long as a leaf.
fn bytes(n: u64) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(&entry(n, hash("a set"))).expect("it is JSON");
    // A leaf has a key id and a signature.
    bytes.extend_from_slice(&[b'x'; 130]);
    bytes
}

/// What the others keep of a person.
fn hash_of(n: u64) -> u64 {
    u64::from_be_bytes(*blake3::hash(person(n).as_bytes()).as_bytes().first_chunk().expect("32 bytes"))
}

/// The passes that begin among these releases.
fn passes(numbers: &std::ops::Range<u64>) -> std::ops::Range<u64> {
    numbers.start.div_ceil(COPIES)..numbers.end.div_ceil(COPIES)
}

struct Sqlite(Connection);

impl Store for Sqlite {
    const NAME: &'static str = "SQLite";

    fn create(folder: &Path) -> Sqlite {
        let sqlite = Sqlite::open(folder);
        let schema =
            "CREATE TABLE entries (n INTEGER PRIMARY KEY, release TEXT UNIQUE, output TEXT, leaf BLOB);
            CREATE INDEX outputs ON entries (output);
            CREATE TABLE subjects (hash INTEGER, pass INTEGER, PRIMARY KEY (hash, pass)) WITHOUT ROWID;";
        sqlite.0.execute_batch(schema).expect("a new table");
        sqlite
    }

    fn open(folder: &Path) -> Sqlite {
        let connection = Connection::open(folder.join("db.sqlite")).expect("it opens");
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").expect("it is set");
        Sqlite(connection)
    }

    fn append(&mut self, numbers: std::ops::Range<u64>) {
        let transaction = self.0.transaction().expect("it begins");
        for pass in passes(&numbers) {
            let insert = "INSERT OR IGNORE INTO subjects VALUES (?, ?)";
            let mut insert = transaction.prepare_cached(insert).expect("it is SQL");
            for n in people(pass) {
                insert.execute((hash_of(n) as i64, pass as i64)).expect("it inserts");
            }
        }
        for n in numbers {
            let mut insert =
                transaction.prepare_cached("INSERT INTO entries VALUES (?, ?, ?, ?)").expect("it is SQL");
            insert.execute((n as i64, id(n), hash(&id(n)), bytes(n))).expect("it inserts");
        }
        transaction.commit().expect("it commits");
    }

    fn lookup(&self, n: u64) {
        let query = "SELECT leaf FROM entries WHERE release = ?";
        let leaf: Vec<u8> = self.0.query_row(query, [id(n)], |row| row.get(0)).expect("it is there");
        assert!(!leaf.is_empty());
    }

    fn subject(&self, n: u64) -> usize {
        let query = "SELECT leaf FROM subjects JOIN entries ON n BETWEEN pass * ?2 AND pass * ?2 + ?2 - 1
            WHERE hash = ?1";
        let mut query = self.0.prepare(query).expect("it is SQL");
        let found = query.query_map((hash_of(n) as i64, COPIES as i64), |row| row.get::<_, Vec<u8>>(0));
        found.expect("it runs").flatten().count()
    }

    fn close(self) {
        self.0.close().expect("it closes");
    }

    fn verify(folder: &Path) {
        let all = Sqlite::open(folder);
        let found: String = all.0.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it runs");
        assert_eq!(found, "ok");
    }
}

const ENTRIES: TableDefinition<u64, &[u8]> = TableDefinition::new("entries");
const RELEASES: TableDefinition<&str, u64> = TableDefinition::new("releases");
const OUTPUTS: TableDefinition<(&str, u64), ()> = TableDefinition::new("outputs");
const PASSES: MultimapTableDefinition<u64, u64> = MultimapTableDefinition::new("passes");

struct Redb(Database);

impl Store for Redb {
    const NAME: &'static str = "redb";

    fn create(folder: &Path) -> Redb {
        Redb(Database::create(folder.join("db.redb")).expect("a new file"))
    }

    fn open(folder: &Path) -> Redb {
        Redb(Database::open(folder.join("db.redb")).expect("it opens"))
    }

    fn append(&mut self, numbers: std::ops::Range<u64>) {
        let transaction = self.0.begin_write().expect("it begins");
        {
            let mut entries = transaction.open_table(ENTRIES).expect("a table");
            let mut releases = transaction.open_table(RELEASES).expect("a table");
            let mut outputs = transaction.open_table(OUTPUTS).expect("a table");
            let mut by_person = transaction.open_multimap_table(PASSES).expect("a table");
            for pass in passes(&numbers) {
                for n in people(pass) {
                    by_person.insert(hash_of(n), pass).expect("it inserts");
                }
            }
            for n in numbers {
                entries.insert(n, bytes(n).as_slice()).expect("it inserts");
                releases.insert(id(n).as_str(), n).expect("it inserts");
                outputs.insert((hash(&id(n)).as_str(), n), ()).expect("it inserts");
            }
        }
        transaction.commit().expect("it commits");
    }

    fn lookup(&self, n: u64) {
        let transaction = self.0.begin_read().expect("it begins");
        let releases = transaction.open_table(RELEASES).expect("a table");
        let n = releases.get(id(n).as_str()).expect("it reads").expect("it is there").value();
        let entries = transaction.open_table(ENTRIES).expect("a table");
        assert!(entries.get(n).expect("it reads").is_some());
    }

    fn subject(&self, n: u64) -> usize {
        let transaction = self.0.begin_read().expect("it begins");
        let by_person = transaction.open_multimap_table(PASSES).expect("a table");
        let entries = transaction.open_table(ENTRIES).expect("a table");
        let passes = by_person.get(hash_of(n)).expect("it reads").map(|pass| pass.expect("it reads").value());
        let leaves =
            passes.flat_map(|pass| entries.range(pass * COPIES..(pass + 1) * COPIES).expect("it reads"));
        leaves.map(|leaf| leaf.expect("it reads").1.value().to_vec()).filter(|leaf| !leaf.is_empty()).count()
    }

    fn close(self) {}

    fn verify(folder: &Path) {
        let mut all = Redb::open(folder);
        assert!(all.0.check_integrity().expect("it runs"));
    }
}

fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let made = act();
    (made, start.elapsed())
}

/// The middle, and what one in a hundred takes longer than.
fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3;
    format!("{:.2} / {:.2} ms", at(0.5), at(0.99))
}

fn bytes_below(folder: &Path) -> u64 {
    let listing = fs::read_dir(folder).expect("a folder").flatten();
    listing
        .map(|item| match item.file_type().expect("a kind").is_dir() {
            true => bytes_below(&item.path()),
            false => item.metadata().expect("a size").len(),
        })
        .sum()
}

fn run<S: Store>(size: u64) {
    let folder = TempDir::new().expect("a temporary folder");
    let (mut store, filled) = timed(|| {
        let mut store = S::create(folder.path());
        for first in (0..size).step_by(BATCH as usize) {
            store.append(first..(first + BATCH).min(size));
        }
        store
    });
    let append = |store: &mut S, n| timed(|| store.append(n..n + 1)).1;
    let held = (size..size + SINGLE).map(|n| append(&mut store, n)).collect();
    store.close();
    let next = size + SINGLE;
    let opened = (next..next + OPENED).map(|n| {
        timed(|| {
            let mut store = S::open(folder.path());
            store.append(n..n + 1);
            store.close();
        })
        .1
    });
    let opened = opened.collect();
    let lookups = (0..20).map(|n| {
        timed(|| {
            let store = S::open(folder.path());
            store.lookup(n * size / 20);
            store.close();
        })
        .1
    });
    let lookups = lookups.collect();
    let person = PEOPLE / 3;
    let (found, asked) = timed(|| {
        let store = S::open(folder.path());
        let found = store.subject(person);
        store.close();
        found
    });
    let all = next + OPENED;
    let passes = (0..all.div_ceil(COPIES)).filter(|pass| people(*pass).any(|n| n == person));
    let expected: u64 = passes.map(|pass| COPIES.min(all - pass * COPIES)).sum();
    assert_eq!(found as u64, expected, "{} finds all releases of a person", S::NAME);
    let ((), verified) = timed(|| S::verify(folder.path()));
    let disk = bytes_below(folder.path()) / all;
    println!(
        "| {} | {:.1} s | {} | {} | {} | {:.4} s | {:.1} s | {disk} |",
        S::NAME,
        filled.as_secs_f64(),
        quantiles(held),
        quantiles(opened),
        quantiles(lookups),
        asked.as_secs_f64(),
        verified.as_secs_f64()
    );
}

fn main() {
    let size = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    println!("{size} releases; p50 / p99");
    println!(
        "| store | fill | append | open, append, close | open, look up, close | one person | verify | \
         bytes an entry |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    run::<Ours>(size);
    run::<Sqlite>(size);
    run::<Redb>(size);
}
