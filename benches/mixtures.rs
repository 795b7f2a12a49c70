//! Mixtures and collusion, straight on reads: the figures of `benches/README.md` on what the whole leak, windows and joint rounds
//! name, as Markdown on standard output.
//!
//! ```text
//! cargo bench --bench mixtures -- shares windows collusion speed
//! ```
//!
//! runs the parts named, all if none is. `DYEPACK_TRIALS` sets the trials of every line, `DYEPACK_SEED` the randomness. No
//! table is stamped here: rows of about 0.45 carriers at random positions of a code of 65,536, whose bits come from the
//! codewords themselves.

use std::time::Instant;

use dyepack::evidence::counts::Counts;
use dyepack::evidence::investigate::{FoundBy, Investigation, investigate};
use dyepack::evidence::log::Log;
use dyepack::evidence::verdict::Family;
use dyepack::keys::prf::DerivedKey;
use dyepack::keys::secret::MarkingSecret;
use dyepack::mark::code::{Code, Codeword, codeword_key};
use dyepack::mark::marker::Bit;
use rand::RngExt as _;

#[allow(dead_code)]
#[path = "../tests/it/lab.rs"]
mod lab;

use lab::Rng;

const LENGTH: u32 = 65_536;
const ALPHA: f64 = 1e-6;

/// Columns of a row that may carry, and how likely each does: 0.45 carriers a row.
const COLUMNS: usize = 4;
const RATE: f64 = 0.1125;

/// Who owns the bit of a carrier.
#[derive(Clone, Copy)]
enum Source {
    Copy(usize),
    Coin,
}

fn main() {
    let parts: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    println!("seed {}\n", lab::seed());
    if is_wanted("shares") {
        shares();
    }
    if is_wanted("windows") {
        windows();
    }
    if is_wanted("collusion") {
        collusion();
    }
    if is_wanted("speed") {
        speed();
    }
}

/// A code and its recipients.
struct World {
    secret: MarkingSecret,
    code: Code,
    recipients: usize,
}

impl World {
    fn new(recipients: usize, rng: &mut Rng) -> World {
        let secret = MarkingSecret::from_bytes(rng.random());
        World { code: Code::new(&secret, "mixtures", 1, LENGTH), secret, recipients }
    }

    fn key(&self, recipient: usize) -> DerivedKey {
        codeword_key(&self.secret, "mixtures", 1, &format!("recipient-{recipient}"))
    }

    fn words(&self, recipients: usize) -> Vec<Codeword> {
        (0..recipients).map(|recipient| self.code.codeword(&self.key(recipient))).collect()
    }

    /// A leak of so many rows, each from the source that `source` says, in random order of keys unless they are `sorted`.
    fn leak(
        &self,
        rows: u32,
        copies: usize,
        is_sorted: bool,
        rng: &mut Rng,
        source: impl Fn(u32, &mut Rng) -> Source,
    ) -> (Counts, Log) {
        let words = self.words(copies);
        let (mut counts, mut log, mut bits) = (Counts::new(LENGTH as usize), Log::new(), Vec::new());
        for row in 0..rows {
            bits.clear();
            let source = source(row, rng);
            for _ in 0..COLUMNS {
                if rng.random_bool(RATE) {
                    let position = rng.random_range(0..LENGTH);
                    let value = match source {
                        Source::Copy(copy) => words[copy].bit(position),
                        Source::Coin => rng.random(),
                    };
                    bits.push(Bit::plain(position, value));
                }
            }
            bits.iter().for_each(|&bit| counts.add(bit));
            log.push(row, if is_sorted { u64::from(row) } else { rng.random() }, &bits);
        }
        (counts, log)
    }

    fn investigate(&self, counts: &Counts, log: Option<&Log>) -> Investigation {
        let family = Family { recipients: self.recipients, readings: 1 };
        investigate(counts, log, &self.code, self.recipients, |r| self.key(r), &family, ALPHA)
    }
}

/// How somebody was found, in a word.
fn stage(found_by: FoundBy) -> usize {
    match found_by {
        FoundBy::Whole { .. } => 0,
        FoundBy::Window { .. } => 1,
        FoundBy::Joint { .. } => 2,
    }
}

/// A small share of one partner, number 0, among rows of others.
fn shares() {
    const REST: [(&str, usize); 4] =
        [("coins", 0), ("one other partner", 1), ("5 other partners", 5), ("30 other partners", 30)];
    print_head(&[
        "rows",
        "share",
        "the rest",
        "trials",
        "named",
        "by whole leak, window, joint round",
        "others named, mean",
        "innocents named",
    ]);
    for (rows, share) in [(50_000, 0.10), (500_000, 0.02)] {
        for (name, others) in REST {
            let (mut by, mut right, mut wrong) = ([0; 3], 0, 0);
            let trials = lab::trials(40);
            for trial in 0..trials {
                let rng = &mut lab::stream(&format!("shares/{rows}/{others}/{trial}"));
                let world = World::new(100, rng);
                let source = |_, rng: &mut Rng| match () {
                    () if rng.random_bool(share) => Source::Copy(0),
                    () if others == 0 => Source::Coin,
                    () => Source::Copy(rng.random_range(1..=others)),
                };
                let (counts, log) = world.leak(rows, others + 1, false, rng, source);
                for named in world.investigate(&counts, Some(&log)).named {
                    match named.recipient {
                        0 => by[stage(named.found_by)] += 1,
                        r if r <= others => right += 1,
                        _ => wrong += 1,
                    }
                }
            }
            let [whole, window, joint] = by;
            let named = percent(whole + window + joint, trials);
            let others_named = right as f64 / trials as f64;
            println!(
                "| {rows} | {} % | {name} | {trials} | {named} | {whole}, {window}, {joint} \
                 | {others_named:.1} of {others} | {wrong} |",
                share * 100.0
            );
        }
    }
    println!();
}

/// A stretch of one partner, number 0, inside rows of others.
fn windows() {
    print_head(&[
        "rows in one stretch",
        "of",
        "the rest",
        "in order of",
        "recipients",
        "trials",
        "named",
        "by whole leak, window, joint round",
        "innocents named",
    ]);
    let rows = 50_000;
    for (stretch, recipients) in [(200, 100), (250, 100), (300, 100), (300, 1_000), (400, 1_000)] {
        for (name, others, is_sorted) in
            [("coins", 0, true), ("one other partner", 1, true), ("20 other partners", 20, false)]
        {
            let (mut by, mut wrong) = ([0; 3], 0);
            let trials = lab::trials(40);
            for trial in 0..trials {
                let rng = &mut lab::stream(&format!("windows/{stretch}/{recipients}/{others}/{trial}"));
                let world = World::new(recipients, rng);
                let start = rng.random_range(0..=rows - stretch);
                let source = |row, rng: &mut Rng| match () {
                    () if (start..start + stretch).contains(&row) => Source::Copy(0),
                    () if others == 0 => Source::Coin,
                    () => Source::Copy(rng.random_range(1..=others)),
                };
                let (counts, log) = world.leak(rows, others + 1, is_sorted, rng, source);
                for named in world.investigate(&counts, Some(&log)).named {
                    match named.recipient {
                        0 => by[stage(named.found_by)] += 1,
                        r => wrong += usize::from(r > others),
                    }
                }
            }
            let [whole, window, joint] = by;
            println!(
                "| {stretch} | {rows} | {name} | {} | {recipients} | {trials} | {} \
                 | {whole}, {window}, {joint} | {wrong} |",
                if is_sorted { "file and key" } else { "the file" },
                percent(whole + window + joint, trials)
            );
        }
    }
    println!();
}

/// What colluders make of their bits at one place; `None`: erased.
type Strategy = fn(&[bool], &mut Rng) -> Option<bool>;

const STRATEGIES: [(&str, Strategy); 6] = [
    ("interleave", |bits, rng| Some(bits[rng.random_range(0..bits.len())])),
    ("majority", |bits, rng| Some(more_of(bits, rng, true))),
    ("minority", |bits, rng| Some(more_of(bits, rng, false))),
    ("coin", |bits, rng| Some(agreed(bits).unwrap_or_else(|| rng.random()))),
    ("all ones", |bits, _| Some(bits.contains(&true))),
    ("erase differences", |bits, _| agreed(bits)),
];

fn agreed(bits: &[bool]) -> Option<bool> {
    bits.iter().all(|bit| bit == &bits[0]).then_some(bits[0])
}

/// What more of them hold, or fewer if they differ; a tie falls by chance.
fn more_of(bits: &[bool], rng: &mut Rng, is_majority: bool) -> bool {
    let ones = bits.iter().filter(|&&bit| bit).count();
    match agreed(bits) {
        Some(bit) => bit,
        None if 2 * ones == bits.len() => rng.random(),
        None => (2 * ones > bits.len()) == is_majority,
    }
}

/// How many of the colluders are named, without joint rounds and with them.
fn collusion() {
    print_head(&[
        "colluders",
        "carriers",
        "strategy",
        "trials",
        "named by whole leak, mean",
        "with joint rounds, mean",
        "all named",
        "suggested, mean",
        "innocents named",
    ]);
    for (colluders, carriers) in [(3, 1_000), (5, 2_000), (5, 4_000), (10, 16_000)] {
        for (name, strategy) in STRATEGIES {
            let trials = lab::trials(20);
            let (mut alone, mut named, mut all, mut suggested, mut wrong) = (0, 0, 0, 0, 0);
            for trial in 0..trials {
                let rng = &mut lab::stream(&format!("collusion/{colluders}/{carriers}/{name}/{trial}"));
                let world = World::new(1_000, rng);
                let words = world.words(colluders);
                let mut counts = Counts::new(LENGTH as usize);
                for _ in 0..carriers {
                    let position = rng.random_range(0..LENGTH);
                    let bits: Vec<bool> = words.iter().map(|word| word.bit(position)).collect();
                    if let Some(value) = strategy(&bits, rng) {
                        counts.add(Bit::plain(position, value));
                    }
                }
                let found = world.investigate(&counts, None);
                let (right, innocent): (Vec<_>, Vec<_>) =
                    found.named.iter().partition(|named| named.recipient < colluders);
                alone += right.iter().filter(|named| stage(named.found_by) == 0).count();
                named += right.len();
                all += usize::from(right.len() == colluders);
                suggested += found.suggested_colluders;
                wrong += innocent.len();
            }
            let mean = |sum: usize| sum as f64 / trials as f64;
            println!(
                "| {colluders} | {carriers} | {name} | {trials} | {:.1} | {:.1} | {} | {:.1} | {wrong} |",
                mean(alone),
                mean(named),
                percent(all, trials),
                mean(suggested)
            );
        }
    }
    println!();
}

/// How long an investigation takes, and what windows and map are of it.
fn speed() {
    print_head(&["rows", "reads", "recipients", "windows", "without log, s", "with windows and map, s"]);
    for (rows, recipients) in [(100_000, 1_000), (1_000_000, 1_000), (100_000, 10_000)] {
        let rng = &mut lab::stream("speed");
        let world = World::new(recipients, rng);
        let (counts, log) =
            world.leak(rows, 3, false, rng, |row, _| Source::Copy((row as usize * 3) / rows as usize));
        let started = Instant::now();
        world.investigate(&counts, None);
        let without = started.elapsed().as_secs_f64();
        let started = Instant::now();
        let found = world.investigate(&counts, Some(&log));
        let with = started.elapsed().as_secs_f64();
        println!(
            "| {rows} | {} | {recipients} | {} | {without:.2} | {with:.2} |",
            counts.read(),
            found.tried.windows
        );
    }
    println!();
}

fn print_head(columns: &[&str]) {
    println!("| {} |", columns.join(" | "));
    println!("|{}", " --- |".repeat(columns.len()));
}

fn percent(part: usize, all: usize) -> String {
    format!("{:.0} %", 100.0 * part as f64 / all as f64)
}
