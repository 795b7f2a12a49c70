//! Claimed against measured probabilities of accusing an innocent, down to 1e-12: the figures of `manual::calibration`, as
//! Markdown on standard output and as a plot.
//!
//! ```text
//! cargo bench --bench calibration -- src/manual/calibration.svg
//! ```
//!
//! The arguments `exact` and `tilting` run those parts alone, and draw nothing. `DYEPACK_TRIALS` sets the number of independent
//! crowds, `DYEPACK_SEED` the randomness; the same seed gives the same figures.

use rayon::prelude::*;

#[path = "calibration/figure.rs"]
mod figure;
#[allow(dead_code)]
#[path = "../tests/it/hostile.rs"]
mod hostile;
#[path = "calibration/investigation.rs"]
mod investigation;
#[allow(dead_code)]
#[path = "../tests/it/lab.rs"]
mod lab;
#[allow(dead_code)]
#[path = "../tests/it/procedure.rs"]
mod procedure;
#[allow(dead_code)]
#[path = "../tests/it/reference.rs"]
mod reference;
#[allow(dead_code)]
#[path = "../tests/it/splitting.rs"]
mod splitting;

use figure::{Figure, Series};
use hostile::{LENGTH, Reads, World};
use lab::stream;
use procedure::{Decoded, Procedure};
use rand::RngExt as _;
use splitting::{Effort, Estimate, Statistic};

/// Claims of 1e-1, 1e-2, .., 1e-12.
const DECADES: usize = 12;

/// The claims that the tables show, as powers of ten.
const SHOWN: [usize; 7] = [1, 2, 3, 4, 6, 9, 12];

/// Both ends of a 95 % interval, in standard errors.
const Z: f64 = 1.96;

/// Draws of the second road.
const TILTED_DRAWS: usize = 4_000;

fn main() {
    let given: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let (paths, parts): (Vec<&str>, Vec<&str>) =
        given.iter().map(String::as_str).partition(|arg| arg.ends_with(".svg"));
    println!("seed {}\n", lab::seed());
    let world = World::new(&mut stream("calibration"));
    let leaks = leaks(&world);
    if parts.is_empty() || parts.contains(&"exact") {
        exactly_known();
    }
    if parts.is_empty() || parts.contains(&"tilting") {
        by_tilting(&world, &leaks);
    }
    if !parts.is_empty() {
        return;
    }
    let measured = whole_procedure(&world, &leaks);
    let control = controls(&world, &leaks);
    let stages = whole_investigation(&world);
    if let Some(path) = paths.first() {
        let names = leaks.iter().map(|(name, _)| *name);
        let series = names.zip(measured).map(|(name, points)| Series { name, points });
        let series = series.chain(stages).collect();
        std::fs::write(path, Figure { series, control, z: Z }.svg()).expect("the plot can be written");
    }
}

/// The small leaks of the tests, and two that fill the code.
fn leaks(world: &World) -> Vec<(&'static str, Reads)> {
    let rng = &mut stream("calibration/leaks");
    let mut leaks = world.leaks(rng);
    let colluders: Vec<Vec<bool>> = (0..5).map(|i| world.codeword(&format!("colluder-{i}"))).collect();
    let one = |(position, bit): (usize, bool)| (position as u32, u32::from(!bit), u32::from(bit));
    let majority = |j: usize| colluders.iter().filter(|word| word[j]).count() > 2;
    let mixed: Reads = (0..LENGTH).map(|j| one((j, colluders[rng.random_range(0..5)][j]))).collect();
    leaks.push((
        "all 4,096 positions, five colluders' majority",
        (0..LENGTH).map(|j| one((j, majority(j)))).collect(),
    ));
    leaks.push(("all 4,096 positions, five copies mixed", mixed));
    leaks
}

fn effort(positions: usize) -> Effort {
    // A crowd of the same size costs more on a longer code, and its spread is the same.
    let runs = if positions > 1_000 { 2 } else { 8 };
    Effort { particles: 200, sweeps: 4, runs: lab::trials(runs) }
}

fn by_splitting(name: &str, procedure: &Procedure, levels: &[f64]) -> Vec<Estimate> {
    let biases = procedure.biases();
    splitting::estimate(procedure, &biases, levels, effort(biases.len()), &mut stream(name))
}

fn levels() -> Vec<f64> {
    (1..=DECADES).map(|decade| decade as f64 * std::f64::consts::LN_10).collect()
}

/// Heads among so many even coins, which the books know.
struct Heads;

impl Statistic for Heads {
    type Sums = f64;

    fn sums(&self, bits: &[bool]) -> f64 {
        bits.iter().filter(|&&bit| bit).count() as f64
    }

    fn turn(&self, sums: &mut f64, _: usize, bit: bool) {
        *sums += if bit { 1.0 } else { -1.0 };
    }

    fn level(&self, sums: &f64) -> f64 {
        *sums
    }
}

fn exactly_known() {
    println!("| heads of 300 even coins | exact | by splitting | 95 % interval |");
    println!("| --- | --- | --- | --- |");
    let heads = [165.0, 180.0, 192.0, 205.0, 212.0];
    let found =
        splitting::estimate(&Heads, &[0.5; 300], &heads, effort(300), &mut stream("calibration/heads"));
    for (heads, found) in heads.into_iter().zip(found) {
        let ways = |k: f64| libm::lgamma(301.0) - libm::lgamma(k + 1.0) - libm::lgamma(301.0 - k);
        let exact: f64 =
            (heads as u32..=300).map(|k| (ways(f64::from(k)) - 300.0 * std::f64::consts::LN_2).exp()).sum();
        let (low, high) = found.interval(Z);
        println!("| {heads} or more | {exact:.2e} | {:.2e} | {low:.2e} to {high:.2e} |", found.probability);
    }
    println!();
}

/// How many times less often than claimed, in words.
fn rarer(claim: f64, found: Estimate) -> String {
    if found.probability == 0.0 {
        return "out of reach".into();
    }
    let (low, high) = found.interval(Z);
    format!("{} ({} to {})", short(claim / found.probability), short(claim / high), short(claim / low))
}

/// Two or three digits.
fn short(number: f64) -> String {
    let digits = if number < 1.0 { 4 } else { usize::from(number < 10.0) };
    format!("{number:.digits$}")
}

/// The heads of the columns for the claims that are shown.
fn heads() -> String {
    SHOWN.map(|decade| format!(" 1e-{decade} |")).concat()
}

/// The cells under [`heads`], from estimates for each decade.
fn cells(found: &[Estimate]) -> String {
    SHOWN.map(|decade| rarer(10f64.powi(-(decade as i32)), found[decade - 1])).join(" | ")
}

/// The best of the five decoders, paid for: every leak, every claim.
fn whole_procedure(world: &World, leaks: &[(&str, Reads)]) -> Vec<Vec<Estimate>> {
    let measured: Vec<Vec<Estimate>> = leaks
        .par_iter()
        .map(|(name, reads)| {
            let procedure = Procedure::whole(world.weights(reads).map(Decoded::by_bound));
            by_splitting(&format!("calibration/{name}"), &procedure, &levels())
        })
        .collect();
    println!("| leak, positions |{}", heads());
    println!("| --- |{}", " --- |".repeat(SHOWN.len()));
    for ((name, reads), found) in leaks.iter().zip(&measured) {
        println!("| {name}, {} | {} |", reads.len(), cells(found));
    }
    println!();
    measured
}

/// Everything that a trace tries in one reading: the whole leak, all windows, the rounds given those accused.
fn whole_investigation(world: &World) -> Vec<Series> {
    let found: Vec<(String, Series)> = investigation::MADE
        .into_par_iter()
        .map(|made| {
            let tests = investigation::tests(world, made, &mut stream(&format!("calibration/{made:?}")));
            let biases = tests.procedure.biases();
            let effort = Effort { particles: 200, sweeps: 2, runs: lab::trials(3) };
            let rng = &mut stream(&format!("calibration/{made:?}/crowd"));
            let points = splitting::estimate(&tests.procedure, &biases, &levels(), effort, rng);
            let line = format!(
                "| {} | {} | {} | {} | {} | {} |",
                made.name(),
                tests.whole,
                tests.windows,
                tests.rounds,
                tests.accused,
                cells(&points)
            );
            (line, Series { name: made.name(), points })
        })
        .collect();
    println!("| leak of 600 reads | whole | windows | rounds | accused of 5 |{}", heads());
    println!("| --- | --- | --- | --- | --- |{}", " --- |".repeat(SHOWN.len()));
    found.iter().for_each(|(line, _)| println!("{line}"));
    println!();
    found.into_iter().map(|(_, series)| series).collect()
}

/// Each decoder alone, and all of them paid for, by the second road.
fn by_tilting(world: &World, leaks: &[(&str, Reads)]) {
    let (claim, level) = (1e-6, 6.0 * std::f64::consts::LN_10);
    println!("| leak | symmetric | 1 colluder | 4 colluders | 16 colluders | agreement | all, paid for |");
    println!("| --- |{}", " --- |".repeat(6));
    let lines: Vec<String> = leaks
        .par_iter()
        .map(|(name, reads)| {
            let rng = &mut stream(&format!("calibration/{name}/tilted"));
            let weights = world.weights(reads);
            let alone = weights.iter().map(|weights| Procedure::new([Decoded::by_bound(weights.clone())]));
            let whole = Procedure::whole(weights.clone().map(Decoded::by_bound));
            let cells: Vec<String> = alone
                .chain([whole])
                .map(|procedure| rarer(claim, procedure.by_tilting(level, TILTED_DRAWS, rng)))
                .collect();
            format!("| {name} | {} |", cells.join(" | "))
        })
        .collect();
    lines.iter().for_each(|line| println!("{line}"));
    println!();
}

/// What the measurement says of claims that are wrong. Gives the points of the normal approximation.
fn controls(world: &World, leaks: &[(&'static str, Reads)]) -> Series {
    let name = "forty extreme biases, rarer bits";
    let reads = &leaks.iter().find(|(found, _)| *found == name).expect("a leak of that name").1;
    let weights = world.weights(reads);
    let normal = Procedure::whole(weights.clone().map(Decoded::by_normal_approximation));
    let small = Procedure::whole(weights.map(Decoded::by_bound)).claiming(1e4);
    println!("| claim, on `{name}` | measured where 1e-6 is claimed | times more often than claimed |");
    println!("| --- | --- | --- |");
    let points = by_splitting("calibration/normal", &normal, &levels());
    let lie = by_splitting("calibration/lie", &small, &levels());
    for (claim, points) in
        [("a normal approximation", &points), ("a bound ten thousand times too small", &lie)]
    {
        let found = points[5];
        println!("| {claim} | {:.1e} | {:.0} |", found.probability, found.probability / 1e-6);
    }
    println!();
    Series { name: "control: a normal approximation", points }
}
