//! The figures of `benches/README.md` on detection, innocents and distortion, as Markdown on standard output.
//!
//! ```text
//! cargo bench --bench detection -- names leaker colluders innocents distortion
//! ```
//!
//! runs the parts named, all if none is. `DYEPACK_TRIALS` sets the trials of every line, `DYEPACK_SEED` the randomness; the
//! same seed gives the same figures, whatever the number of threads. Everything runs on the real tables of
//! `../shared/datasets`, through the same `stamp` and `trace` as the command.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use dyepack::attack::{Attack, Strategy};
use dyepack::mark::policy::Policy;
use rand::RngExt as _;
use rand::seq::SliceRandom as _;

#[allow(dead_code)]
#[path = "../tests/it/lab.rs"]
mod lab;
#[allow(dead_code)]
#[path = "../tests/it/measure.rs"]
mod measure;
#[allow(dead_code)]
#[path = "../tests/it/reference.rs"]
mod reference;
#[allow(dead_code)]
#[path = "../tests/it/trials.rs"]
mod trials;

use lab::{DIABETIC, ENCOUNTERS, Lab, Rng, Table, stream};
use trials::{INNOCENCE, Outcome};

const ALPHA: f64 = 1e-6;

/// Rows that stand for the whole table in a trial's sketch, which decides nothing here.
const RELEASED_ROWS: usize = 2_000;

fn main() {
    let parts: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let tables: Vec<(&str, Table)> = [ENCOUNTERS, DIABETIC]
        .into_iter()
        .filter_map(|(policy, path)| Some((policy, lab::shared(path)?)))
        .collect();
    if tables.len() < 2 {
        return;
    }
    println!("seed {}\n", lab::seed());
    if is_wanted("names") {
        names(&tables);
    }
    if is_wanted("leaker") {
        leaker(&Field::new(tables[1].0, &tables[1].1));
    }
    if is_wanted("colluders") {
        colluders(&Field::new(tables[1].0, &tables[1].1));
    }
    if is_wanted("innocents") {
        innocents(&tables);
    }
    if is_wanted("distortion") {
        distortion(&tables);
    }
}

/// 200 rows of one of 100 recipients.
fn names(tables: &[(&str, Table)]) {
    println!("| table | trials | carriers read, mean | right one named | innocents named | nobody named |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (policy, table) in tables {
        let lab = lab_for(policy, table, 100);
        let outcomes = in_parallel(&format!("names/{}", lab.policy().name()), lab::trials(100), |rng| {
            trials::single(&lab, &table.sample(200, rng), &[Attack::Shuffle], ALPHA, rng)
        });
        let sums = Sums::of(&outcomes);
        println!(
            "| {} | {} | {:.0} | {} | {} | {} |",
            lab.policy().name(),
            outcomes.len(),
            sums.carriers,
            sums.succeeded,
            sums.wrong,
            outcomes.iter().filter(|outcome| outcome.right + outcome.wrong == 0).count()
        );
    }
    println!();
}

/// The six of DESIGN 3.3.
const STRATEGIES: [Strategy; 6] = [
    Strategy::Interleave,
    Strategy::Majority,
    Strategy::Minority,
    Strategy::Coin,
    Strategy::AllOnes,
    Strategy::EraseDifferences,
];

/// A real table among 10,000 recipients, from which leaks of a given number of carriers are drawn.
struct Field {
    lab: Lab,
    table: Table,
    /// How many carriers each row has.
    carriers: Vec<usize>,
}

impl Field {
    fn new(policy: &str, table: &Table) -> Field {
        // Only what the policy looks at: the other columns cost time and decide nothing.
        let parsed = Policy::parse(policy).expect("a policy");
        let used: Vec<&str> = parsed.identity().chain(parsed.columns().map(|(name, _, _)| name)).collect();
        let table = table.project(&used);
        let lab = lab_for(policy, &table, 10_000);
        let oracle = lab.oracle(&table.header).expect("the table fits the policy");
        let carriers = table.rows.iter().map(|row| oracle.carriers(row)).collect();
        Field { lab, table, carriers }
    }

    /// Rows at random until so many carriers can be read, so that a figure is of that many and not of about that many.
    fn rows_with(&self, carriers: usize, rng: &mut Rng) -> Table {
        let mut order: Vec<usize> = (0..self.table.rows.len()).collect();
        order.shuffle(rng);
        let mut read = 0;
        let enough = order.iter().position(|&row| {
            read += self.carriers[row];
            read >= carriers
        });
        let drawn = &order[..=enough.expect("the table has that many")];
        self.table.with_rows(drawn.iter().map(|&row| self.table.rows[row].clone()).collect())
    }
}

/// The first rows of the table of DESIGN 3.3.
fn leaker(field: &Field) {
    print_code_head();
    for (share, carriers) in [(0.0, 80), (0.0, 90), (0.2, 150), (0.2, 200), (0.5, 400), (0.5, 500)] {
        let attacks = [Attack::Randomise { share }];
        let outcomes = in_parallel(&format!("leaker/{share}/{carriers}"), lab::trials(200), |rng| {
            trials::single(&field.lab, &field.rows_with(carriers, rng), &attacks, ALPHA, rng)
        });
        print_code_line(&format!("one leaker, {} % randomised", share * 100.0), carriers, &outcomes);
    }
    println!();
}

/// Its other rows.
fn colluders(field: &Field) {
    print_code_head();
    for (colluders, carriers, count) in [(3, 1_000, 50), (3, 2_000, 50), (5, 4_000, 50), (10, 16_000, 25)] {
        for strategy in STRATEGIES {
            let part = format!("colluders/{colluders}/{carriers}/{strategy:?}");
            let outcomes = in_parallel(&part, lab::trials(count), |rng| {
                let rows = field.rows_with(carriers, rng);
                trials::collusion(&field.lab, &rows, colluders, strategy, ALPHA, rng)
            });
            print_code_line(&format!("{colluders} colluders, {strategy:?}"), carriers, &outcomes);
        }
    }
    println!();
}

fn print_code_head() {
    println!(
        "| attack | carriers | read, mean | trials | succeeded | leakers named, mean | innocents named |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
}

fn print_code_line(attack: &str, carriers: usize, outcomes: &[Outcome]) {
    let sums = Sums::of(outcomes);
    println!(
        "| {attack} | {carriers} | {:.0} | {} | {:.0} % | {:.1} | {} |",
        sums.carriers,
        outcomes.len(),
        100.0 * sums.succeeded as f64 / outcomes.len() as f64,
        sums.right,
        sums.wrong
    );
}

/// Leaks by which nobody, or not everybody, may be named.
fn innocents(tables: &[(&str, Table)]) {
    const ALPHAS: [f64; 3] = [0.05, 0.01, ALPHA];
    println!("| table | leak | trials | with an innocent below 0.05 | below 0.01 | below 1e-6 |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let each = lab::trials(10_000).div_ceil(INNOCENCE.len() * tables.len());
    let (mut all, mut sums) = (0, [0; ALPHAS.len()]);
    for (policy, table) in tables {
        let name = Policy::parse(policy).expect("a policy").name().to_owned();
        for kind in INNOCENCE {
            let found = in_parallel(&format!("innocents/{name}/{kind:?}"), each, |rng| {
                let released = table.sample(RELEASED_ROWS.min(table.rows.len()), rng);
                // A new secret, and so new codewords, for every trial.
                let lab = Lab::new(policy, &released, 100, rng);
                let rows = rng.random_range(1..=1_000);
                trials::innocents(kind, &lab, &released.sample(rows, rng), ALPHAS, rng)
            });
            let below: [usize; 3] =
                std::array::from_fn(|a| found.iter().filter(|named| named[a] > 0).count());
            println!("| {name} | {kind:?} | {each} | {} | {} | {} |", below[0], below[1], below[2]);
            sums.iter_mut().zip(below).for_each(|(sum, n)| *sum += n);
            all += each;
        }
    }
    println!("| all | all | {all} | {} | {} | {} |\n", sums[0], sums[1], sums[2]);
}

/// What stamping does at the rates of the policies.
fn distortion(tables: &[(&str, Table)]) {
    let columns = ["table", "column", "cells", "changed", "share", "largest change", "allowed"];
    println!("| {} | mean moved, % of its standard deviation |", columns.join(" | "));
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (policy, table) in tables {
        let lab = lab_for(policy, table, 1);
        let copy = lab.copy("acme", table);
        for found in measure::distortions(policy, table, &copy) {
            let share = 100.0 * found.changed as f64 / found.cells as f64;
            let moved = match found.channel.as_str() {
                "category" => "in its group | in its group | -".to_owned(),
                _ => {
                    format!("{:.2} | {} | {:.5}", found.max_move, found.max_change, 100.0 * found.mean_moved)
                }
            };
            println!(
                "| {} | {} | {} | {} | {share:.1} % | {moved} |",
                lab.policy().name(),
                found.column,
                found.cells,
                found.changed
            );
            assert!(found.strayed == 0 && found.max_move <= found.max_change + 1e-9, "{found:?}");
        }
    }
    println!();
}

fn lab_for(policy: &str, table: &Table, recipients: usize) -> Lab {
    let rng = &mut stream("lab");
    Lab::new(policy, &table.sample(RELEASED_ROWS.min(table.rows.len()), rng), recipients, rng)
}

/// What many trials come to.
struct Sums {
    carriers: f64,
    /// Trials with a true leaker named and no innocent.
    succeeded: usize,
    /// True leakers named in a trial, mean.
    right: f64,
    wrong: usize,
}

impl Sums {
    fn of(outcomes: &[Outcome]) -> Sums {
        let n = outcomes.len() as f64;
        Sums {
            carriers: outcomes.iter().map(|outcome| outcome.carriers as f64).sum::<f64>() / n,
            succeeded: outcomes.iter().filter(|outcome| outcome.right > 0 && outcome.wrong == 0).count(),
            right: outcomes.iter().map(|outcome| outcome.right as f64).sum::<f64>() / n,
            wrong: outcomes.iter().map(|outcome| outcome.wrong).sum(),
        }
    }
}

/// Runs trials on all cores, each with its own randomness and a pool of one thread.
fn in_parallel<T: Send>(part: &str, trials: usize, trial: impl Fn(&mut Rng) -> T + Sync) -> Vec<T> {
    let (started, next, done) = (Instant::now(), AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= trials {
                        return;
                    }
                    let mut rng = stream(&format!("{part}/{number}"));
                    let result = pool.install(|| trial(&mut rng));
                    done.lock().expect("no trial panics").push((number, result));
                }
            });
        }
    });
    eprintln!("{part}: {trials} trials in {:.1} s", started.elapsed().as_secs_f64());
    let mut done = done.into_inner().expect("no trial panics");
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}
