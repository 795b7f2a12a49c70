//! Finding rows by content: speed, memory, and how many are found, as Markdown on standard output.
//!
//! ```text
//! cargo bench --bench align -- hospital adult nursery diabetic_data covertype
//! ```
//!
//! runs the tables named, all if none is. Each leak is a marked copy without its key, shuffled, with 5 % of all cells replaced by
//! those of other rows (`DYEPACK_ALTERED` sets the share). The hospital's table is generated, 1,000,000 rows of which 100,000
//! leak (`DYEPACK_ROWS` sets the first); the others are real tables of the folder that `DYEPACK_DATASETS` names, else
//! `../shared/datasets`, with a running number for a key. The peak of memory is the process's so far, generating included.

use std::borrow::Cow;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use dyepack::demo::{HOSPITAL_POLICY, hospital};
use dyepack::keys::secret::MarkingSecret;
use dyepack::leak::referee::{Referee, RefereeScratch, RowReads};
use dyepack::leak::reference::Reference;
use dyepack::leak::rows::{Alignment, Pair};
use dyepack::mark::code::{Code, codeword_key};
use dyepack::mark::marker::{Marker, Scratch, Tally};
use dyepack::mark::policy::Policy;
use dyepack::table::Row;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rayon::prelude::*;

/// Rows of a leak at most.
const LEAKED_ROWS: usize = 100_000;

/// Rows by which the referee learns, as many as an intake keeps back.
const SAMPLE_ROWS: usize = 4_096;

/// A table to try: its name, its policy, the columns that the leak lacks, and its rows.
struct Case {
    name: &'static str,
    policy: String,
    dropped: &'static [&'static str],
    table: fn() -> Option<Vec<u8>>,
}

struct Cells {
    texts: Vec<Vec<u8>>,
    original: usize,
}

impl Row for &Cells {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.texts[column])
    }
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    println!(
        "| table | rows | leaked | read | prepare | rows/s | right | wrong | ambiguous | not found \
         | bits right | bits wrong | peak |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for case in cases() {
        if wanted.is_empty() || wanted.iter().any(|name| name == case.name) {
            run(&case);
        }
    }
}

fn cases() -> [Case; 5] {
    let number = |column: &str| format!("[column.{column}]\nchannel = \"number\"\nquantum = 1\nmin = 1\n");
    let head = "[dataset]\nname = \"t\"\nkey = [\"row\"]\n[marking]\nrate = 0.1\n";
    [
        Case {
            name: "hospital",
            policy: HOSPITAL_POLICY.to_owned(),
            dropped: &["stay_id", "patient_id"],
            table: || {
                let rows = env("DYEPACK_ROWS", 1_000_000.0) as u64;
                let mut bytes = Vec::new();
                hospital::write(rows, 7, &mut bytes).expect("memory takes everything");
                Some(bytes)
            },
        },
        Case {
            name: "adult",
            policy: [head, &number("age"), &number("fnlwgt"), &number("hours")].concat(),
            dropped: &["row"],
            table: || {
                let header = "age,workclass,fnlwgt,education,education_num,marital,occupation,relationship,race,sex,\
                              gain,\
                              loss,hours,country,income";
                numbered("adult/adult.data.gz", Some(header))
            },
        },
        Case {
            name: "nursery",
            policy: [
                head,
                "[column.parents]\nchannel = \"category\"\ngroups = [[\"usual\", \"pretentious\"]]\n",
                "[column.health]\nchannel = \"category\"\ngroups = [[\"recommended\", \"priority\"]]\n",
            ]
            .concat(),
            dropped: &["row"],
            table: || {
                let header = "parents,has_nurs,form,children,housing,finance,social,health,class";
                numbered("nursery/nursery.data.gz", Some(header))
            },
        },
        Case {
            name: "diabetic_data",
            policy: include_str!("../examples/policies/diabetic_data.toml").to_owned(),
            dropped: &["encounter_id", "patient_nbr"],
            table: || shared("diabetes130/diabetic_data.csv.gz"),
        },
        Case {
            name: "covertype",
            policy: [head, &number("Elevation"), &number("Horizontal_Distance_To_Roadways")].concat(),
            dropped: &["row"],
            table: || numbered("covertype/covertype_10attr_286048.csv.gz", None),
        },
    ]
}

fn env(name: &str, otherwise: f64) -> f64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

fn shared(path: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("DYEPACK_DATASETS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/datasets"), PathBuf::from);
    let Ok(bytes) = std::fs::read(folder.join(path)) else {
        println!("skipped: no {path}");
        return None;
    };
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).expect("a whole gzip file");
    Some(plain)
}

/// A table with a running number in front; a `header` if it has none.
fn numbered(path: &str, header: Option<&str>) -> Option<Vec<u8>> {
    let text = String::from_utf8(shared(path)?).expect("text");
    let lines = header.into_iter().chain(text.lines().filter(|line| line.contains(',')));
    let numbered = lines.enumerate().map(|(n, line)| match n {
        0 => format!("row,{line}\n"),
        _ => format!("{n},{line}\n"),
    });
    Some(numbered.collect::<String>().into_bytes())
}

fn run(case: &Case) {
    let Some(table) = (case.table)() else { return };
    let policy = Policy::parse(&case.policy).expect("a policy");
    let secret = MarkingSecret::from_bytes([7; 32]);
    let start = Instant::now();
    let reference = Reference::read(&table[..], None, &AtomicBool::new(false), &|_| ()).expect("a table");
    let read_seconds = start.elapsed().as_secs_f64();
    drop(table);
    let plan = policy.plan(reference.header(), &[]).expect("columns of the table");
    let marker = Marker::new(&secret, policy.name(), 1, policy.code_length(), plan);
    let code = Code::new(&secret, policy.name(), 1, policy.code_length());
    let codeword = code.codeword(&codeword_key(&secret, policy.name(), 1, "acme"));
    let leak = leak(&reference, &marker, &codeword);

    let pairs: Vec<Pair> = (0..reference.header().len())
        .filter(|&column| !case.dropped.contains(&reference.header()[column].as_str()))
        .map(|column| Pair { ours: column, leaked: column })
        .collect();
    let start = Instant::now();
    let mut referee = Referee::new(&reference, marker, &pairs);
    referee.learn(leak.iter().take(SAMPLE_ROWS));
    let prepare_seconds = start.elapsed().as_secs_f64();

    let start = Instant::now();
    // Right, wrong, ambiguous, not found; bits right, bits wrong.
    let sums = Mutex::new([0_usize; 6]);
    leak.par_chunks(1_000).for_each_init(RefereeScratch::default, |scratch, rows| {
        let (mut out, mut counts) = (RowReads::default(), [0; 6]);
        for row in rows {
            match referee.read(&row, scratch, &mut out) {
                Alignment::Ambiguous => counts[2] += 1,
                Alignment::Foreign => counts[3] += 1,
                found => counts[usize::from(found.row() != Some(row.original))] += 1,
            }
            for read in &out.reads {
                counts[4 + usize::from(codeword.bit(read.bit.position) != read.bit.value)] += 1;
            }
        }
        let mut sums = sums.lock().expect("nobody panics");
        sums.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
    });
    let seconds = start.elapsed().as_secs_f64();
    let [right, wrong, ambiguous, foreign, bits_right, bits_wrong] =
        sums.into_inner().expect("nobody panics");
    println!(
        "| {} | {} | {} | {read_seconds:.1} s | {prepare_seconds:.1} s | {:.0} | {right} | {wrong} \
         | {ambiguous} | {foreign} | {bits_right} | {bits_wrong} | {} MB |",
        case.name,
        reference.len(),
        leak.len(),
        leak.len() as f64 / seconds,
        peak_megabytes()
    );
}

/// Some rows of a recipient's copy, shuffled and altered.
fn leak(reference: &Reference, marker: &Marker, codeword: &dyepack::mark::code::Codeword) -> Vec<Cells> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(11);
    let mut rows: Vec<usize> = (0..reference.len()).collect();
    rows.shuffle(&mut rng);
    rows.truncate(LEAKED_ROWS);
    let width = reference.header().len();
    let (mut scratch, mut tally) = (Scratch::default(), Tally::new(marker.plan().columns.len()));
    let mut leak: Vec<Cells> = rows
        .into_iter()
        .map(|number| {
            let row = reference.row(number);
            let mut copy =
                Cells { texts: (0..width).map(|c| row.text(c).to_vec()).collect(), original: number };
            marker.mark(&row, codeword, &mut scratch, &mut tally, |column, text| {
                copy.texts[column] = text.as_bytes().to_vec();
            });
            copy
        })
        .collect();
    let altered = env("DYEPACK_ALTERED", 0.05);
    for row in 0..leak.len() {
        for column in 0..width {
            if rng.random_bool(altered) {
                let other = rng.random_range(0..leak.len());
                leak[row].texts[column] = leak[other].texts[column].clone();
            }
        }
    }
    leak
}

/// The most memory that the process ever held, where the system says so.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}
