//! The correlation attack against marks with and without a model, as Markdown on standard output.
//!
//! ```text
//! cargo bench --bench correlation -- hospital adult diabetic encounters speed
//! ```
//!
//! runs the parts named, all if none is. Half of each table is released, and from it the model is learnt; the attacker knows
//! the joint distributions of the other half, or those of the very rows that were released. "Changed" and "kept" are the
//! carriers that stamping changed and those that said their bit already: an attack that learns nothing from the correlations
//! resets both alike. `DYEPACK_SEED` sets the randomness; the same seed gives the same figures.

use std::time::{Duration, Instant};

use std::sync::Arc;

use dyepack::attack::correlate::{Joints, Knowledge, Spread, correlate};
use dyepack::stamp::engine::Options;

#[allow(dead_code)]
#[path = "../tests/it/lab.rs"]
mod lab;
#[allow(dead_code)]
#[path = "../tests/it/reference.rs"]
mod reference;
#[path = "../tests/it/survival.rs"]
mod survival;

use lab::{DIABETIC, ENCOUNTERS, Lab, Table, recipient, shared_bytes, stream};
use survival::Survival;

const ADULT: &str = include_str!("../testdata/policies/adult.toml");
const HOSPITAL: &str = include_str!("../testdata/policies/correlated.toml");

const ADULT_COLUMNS: &str = "id,age,workclass,fnlwgt,education,education_num,marital_status,occupation,relationship,race,\
     sex,\
                             capital_gain,capital_loss,hours_per_week,native_country,income";

/// Shares of all cells that are reset; the last is that of Ji, Ayday and Yilmaz.
const BUDGETS: [f64; 3] = [0.02, 0.05, 0.14];

/// Rows of a table that are looked at, half of them released.
const MOST_ROWS: usize = 60_000;

/// A table by the name of its part; `None` if it is not at hand.
fn table(name: &str) -> Option<Table> {
    match name {
        "hospital" => Some(lab::hospital(40_000, 11)),
        "adult" => adult(),
        "diabetic" => lab::shared(DIABETIC.1),
        _ => lab::shared(ENCOUNTERS.1),
    }
}

fn main() {
    let parts: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    println!("seed {}", lab::seed());
    for (name, policy) in
        [("hospital", HOSPITAL), ("adult", ADULT), ("diabetic", DIABETIC.0), ("encounters", ENCOUNTERS.0)]
    {
        if is_wanted(name)
            && let Some(table) = table(name)
        {
            survivals(name, policy, &table);
        }
    }
    if is_wanted("speed") {
        speed();
    }
}

/// The census table with the names of its columns and a running number.
fn adult() -> Option<Table> {
    let text = String::from_utf8(shared_bytes("adult/adult.data.gz")?).expect("text");
    let lines = text.lines().filter(|line| !line.is_empty()).enumerate();
    let rows: Vec<String> = lines.map(|(n, line)| format!("{n},{}", line.replace(", ", ","))).collect();
    Some(lab::parse(format!("{ADULT_COLUMNS}\n{}\n", rows.join("\n")).as_bytes()))
}

fn survivals(name: &str, policy: &str, table: &Table) {
    let rng = &mut stream(&format!("correlation/{name}"));
    let table = table.sample(table.rows.len().min(MOST_ROWS), rng);
    let (released, sample) = table.rows.split_at(table.rows.len() / 2);
    let released = table.with_rows(released.to_vec());
    let mut lab = Lab::new(policy, &table.with_rows(Vec::new()), 1, rng);
    let priors = [
        ("another sample", Joints::learn(sample, Knowledge::Sample)),
        ("the original", Joints::learn(&released.rows, Knowledge::Original)),
    ];
    for model in [None, Some(lab::learn(&released.to_csv()[..], lab.policy()))] {
        println!("\n### {name}, {} model", if model.is_some() { "with a" } else { "without" });
        lab.model = model.map(Arc::new);
        let copy = lab.copy(&recipient(0), &released);
        let survival = Survival::new(&lab, &released, &copy);
        head(&released, &survival);
        for (knowledge, prior) in &priors {
            for spread in [Spread::Anywhere, Spread::EachColumn] {
                for budget in BUDGETS {
                    let mut leak = copy.clone();
                    correlate(&mut leak.rows, prior, budget, spread, rng);
                    let survival = line(&survival, &leak);
                    println!("| {knowledge} | {spread:?} | {:.0} % | {survival} |", budget * 100.0);
                }
            }
        }
    }
}

/// What was marked, and the head of the table of what survives.
fn head(released: &Table, survival: &Survival) {
    let cells = released.rows.len() * released.header.len();
    let changed = survival.carriers.iter().filter(|carrier| carrier.is_changed).count();
    println!(
        "{} rows, {} carriers, {changed} cells changed ({:.2} %)\n",
        released.rows.len(),
        survival.carriers.len(),
        100.0 * changed as f64 / cells as f64
    );
    print!("| attacker knows | resets | cells reset | carriers surviving | changed | kept |");
    for (i, column) in survival.plan.columns.iter().enumerate() {
        let count = survival.carriers.iter().filter(|carrier| carrier.column == i).count();
        print!(" {} ({count}) |", column.name);
    }
    println!("\n|{}", " --- |".repeat(6 + survival.plan.columns.len()));
}

fn line(survival: &Survival, leak: &Table) -> String {
    let percent =
        |share: f64| if share.is_nan() { "-".to_owned() } else { format!("{:.1} %", 100.0 * share) };
    let mut shares = vec![
        percent(survival.share(leak, |_| true)),
        percent(survival.share(leak, |carrier| carrier.is_changed)),
        percent(survival.share(leak, |carrier| !carrier.is_changed)),
    ];
    let columns = 0..survival.plan.columns.len();
    shares.extend(columns.map(|i| percent(survival.share(leak, |carrier| carrier.column == i))));
    shares.join(" | ")
}

/// Stamping the hospital's table with and without a model, the fastest of five runs each.
fn speed() {
    let rng = &mut stream("correlation/speed");
    let source = lab::hospital(400_000, 11).to_csv();
    println!("\n### speed, {} MB", source.len() / 1_000_000);
    let mut lab = Lab::new(HOSPITAL, &lab::hospital(1, 11), 1, rng);
    let started = Instant::now();
    let model = lab::learn(&source[..], lab.policy());
    println!("\nlearning: {:.2} s, {} bytes", started.elapsed().as_secs_f64(), model.to_bytes().len());
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..5 {
        for (with_model, fastest) in fastest.iter_mut().enumerate() {
            lab.model = (with_model == 1).then(|| Arc::new(model.clone()));
            let started = Instant::now();
            lab.stamp("acme", &source, &Options::default());
            *fastest = started.elapsed().min(*fastest);
        }
    }
    let [without, with] = fastest.map(|time| time.as_secs_f64());
    println!(
        "stamping: {without:.3} s without, {with:.3} s with a model: {:.2} times as long",
        with / without
    );
}
