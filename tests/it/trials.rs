//! Trials: one leak each, and whether the right ones are named. Shared by the tests and by `benches/detection.rs`.

use dyepack::attack::{Attack, STRATEGIES, Strategy};
use rand::RngExt as _;

use crate::lab::{self, Lab, Rng, Table, recipient};

/// What one trial showed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// True leakers named.
    pub right: usize,
    /// Innocents named.
    pub wrong: usize,
    pub carriers: u64,
}

/// Traces a leak whose leakers are known.
pub fn outcome(lab: &Lab, leak: &[u8], leakers: &[String], alpha: f64) -> Outcome {
    let findings = lab.trace(leak, alpha);
    let right = findings.accused.iter().filter(|accused| leakers.contains(&accused.recipient)).count();
    Outcome { right, wrong: findings.accused.len() - right, carriers: findings.evidence.carriers_read }
}

/// One recipient leaks `rows` of its copy, after `attacks`.
pub fn single(lab: &Lab, rows: &Table, attacks: &[Attack], alpha: f64, rng: &mut Rng) -> Outcome {
    let leaker = recipient(rng.random_range(0..lab.recipients().len()));
    let leak = lab.leak(lab.copy(&leaker, rows), attacks, rng);
    outcome(lab, &leak, &[leaker], alpha)
}

/// Several recipients pool their copies of `rows`.
pub fn collusion(
    lab: &Lab,
    rows: &Table,
    colluders: usize,
    strategy: Strategy,
    alpha: f64,
    rng: &mut Rng,
) -> Outcome {
    let leakers: Vec<String> =
        rand::seq::index::sample(rng, lab.recipients().len(), colluders).into_iter().map(recipient).collect();
    let copies: Vec<Table> = leakers.iter().map(|leaker| lab.copy(leaker, rows)).collect();
    let leak = lab.collude(&copies, strategy, rng).to_csv();
    outcome(lab, &leak, &leakers, alpha)
}

/// Leaks that leave somebody innocent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Innocence {
    /// The owner's unmarked rows.
    Unmarked,
    /// Rows stamped under another owner's secret.
    OtherKey,
    /// Our keys, and random cells in the marked columns.
    RandomCells,
    /// The table's header over rows of another dataset's making: other keys, other values.
    OtherDataset,
    /// The copy of a recipient who is not registered.
    Unregistered,
    /// Pooled copies of registered recipients: all others are innocent.
    Colluders,
}

pub const INNOCENCE: [Innocence; 6] = [
    Innocence::Unmarked,
    Innocence::OtherKey,
    Innocence::RandomCells,
    Innocence::OtherDataset,
    Innocence::Unregistered,
    Innocence::Colluders,
];

/// A leak of `rows` in which innocents are at risk; gives the innocents who are named below each of `alphas` (the largest first).
pub fn innocents<const N: usize>(
    kind: Innocence,
    lab: &Lab,
    rows: &Table,
    alphas: [f64; N],
    rng: &mut Rng,
) -> [usize; N] {
    let mut guilty = Vec::new();
    let table = match kind {
        Innocence::Unmarked => rows.clone(),
        Innocence::OtherKey => Lab::new(lab.policy().text(), rows, 1, rng).copy(&recipient(0), rows),
        Innocence::RandomCells => random_cells(rows, lab, rng),
        Innocence::OtherDataset => other_dataset(rows, rng),
        Innocence::Unregistered => lab.copy("never-registered", rows),
        Innocence::Colluders => {
            let colluders = rng.random_range(2..=8);
            guilty = (0..colluders).map(recipient).collect();
            let copies: Vec<Table> = guilty.iter().map(|id| lab.copy(id, rows)).collect();
            let strategy = STRATEGIES[rng.random_range(0..STRATEGIES.len())];
            lab.collude(&copies, strategy, rng)
        }
    };
    let findings = lab.trace(&table.to_csv(), alphas[0]);
    let accused = || findings.accused.iter().filter(|accused| !guilty.contains(&accused.recipient));
    alphas.map(|alpha| accused().filter(|a| a.ln_family_p.is_none_or(|ln_p| ln_p < alpha.ln())).count())
}

/// Each cell of a marked column from another random row, and moved at random.
fn random_cells(rows: &Table, lab: &Lab, rng: &mut Rng) -> Table {
    let mut table = rows.clone();
    let marked: Vec<usize> = lab.policy().columns().map(|(name, _, _)| lab::index(rows, name)).collect();
    table.map_cells(|_, c, _| {
        marked.contains(&c).then(|| rows.rows[rng.random_range(0..rows.rows.len())][c].to_owned())
    });
    let attacks = [Attack::Randomise { share: 1.0 }];
    lab::parse(&lab.leak(table, &attacks, rng))
}

/// The same header over made-up rows: ids and numbers from nowhere.
fn other_dataset(rows: &Table, rng: &mut Rng) -> Table {
    let mut table = rows.clone();
    table.map_cells(|_, _, text| {
        let digit = |rng: &mut Rng| char::from(b'0' + rng.random_range(0..10u8));
        Some(text.chars().map(|c| if c.is_ascii_digit() { digit(rng) } else { c }).collect())
    });
    table
}
