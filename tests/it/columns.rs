//! Columns without their names: what contents alone tell, on real tables.

use dyepack::keys::prf::{DerivedKey, Purpose};
use dyepack::keys::secret::MarkingSecret;
use dyepack::leak::cells::Cells;
use dyepack::leak::columns::{ColumnMatch, LeakedColumns, Resolved, Wanted, match_columns};
use dyepack::sketch::{Sampler, Sketch, SketchBuilder};
use dyepack::table::value::Decimal;
use rand::seq::SliceRandom as _;

use crate::lab::{Rng, Table, seeded, trials};

fn key() -> DerivedKey {
    DerivedKey::new(&MarkingSecret::from_bytes([7; 32]), Purpose::Sketch, "columns", 1, None)
}

/// The sketch of a table whose rows are told apart by all of their cells.
fn sketch(table: &Table) -> Sketch {
    let sampler = Sampler::new(key());
    let mut builder = SketchBuilder::new(table.header.clone());
    for row in &table.rows {
        let id = key().word(row.as_slice().as_bytes());
        let sampled = sampler.sample(id, row.iter().map(|cell| cell.as_bytes().into()));
        builder.add(1, sampled.into_iter().collect(), &sampler);
    }
    builder.finish(&sampler)
}

/// What is found in a leak without a single name, its columns in another order; and where each column is.
fn nameless(release: &Sketch, leak: &Table, rng: &mut Rng) -> (Vec<ColumnMatch>, Vec<usize>) {
    let mut order: Vec<usize> = (0..leak.header.len()).collect();
    order.shuffle(rng);
    let mut cells = vec![Cells::default(); order.len()];
    for row in &leak.rows {
        order.iter().zip(&mut cells).for_each(|(&column, cells)| cells.add(row[column].as_bytes()));
    }
    let names: Vec<String> = (0..order.len()).map(|n| format!("x{n}")).collect();
    let wanted: Vec<Wanted> =
        release.columns.iter().map(|c| Wanted { name: &c.name, quantum: Decimal::ZERO }).collect();
    let leaked = LeakedColumns { names: &names, cells: &cells };
    let found = match_columns(&wanted, release, leaked, &Sampler::new(key()), &Resolved::default());
    (found, order)
}

/// Right, wrong and not found, of the columns that hold anything.
#[derive(Default)]
struct Score {
    right: usize,
    wrong: usize,
    missed: usize,
}

fn trial(table: &Table, rows: usize, rng: &mut Rng) -> Score {
    let release = sketch(table);
    let mut score = Score::default();
    for _ in 0..trials(1) {
        let leak = table.sample(rows, rng);
        let (found, order) = nameless(&release, &leak, rng);
        let is_right = |found: &&ColumnMatch| table.header[order[found.index]] == found.ours;
        for found in &found {
            if !is_right(&found) || !found.repair.is_none() {
                println!("  {found:?} is {}", table.header[order[found.index]]);
            }
        }
        let right = found.iter().filter(is_right).count();
        score.right += right;
        score.wrong += found.len() - right;
        score.missed += table.header.len() - found.len();
        let missed = table.header.iter().filter(|name| found.iter().all(|f| f.ours != **name));
        println!("  missed {:?}", missed.collect::<Vec<_>>());
    }
    score
}

#[test]
fn columns_are_found_without_their_names() {
    let rng = &mut seeded("columns/nameless");
    let mut tables = vec![("hospital", Table::hospital(3_000, 4))];
    for (name, path) in [
        ("encounters", "synthea/encounters.csv.gz"),
        ("diabetic_data", "diabetes130/diabetic_data.csv.gz"),
        ("online_retail", "online_retail/online_retail.csv.gz"),
        ("flights", "nycflights13/flights.csv.gz"),
    ] {
        if let Some(table) = Table::shared(path) {
            tables.push((name, table));
        }
    }
    let mut wrong = 0;
    for (name, table) in &tables {
        // Sketches hold 4,096 rows: more only thin them out.
        let table =
            if trials(1) > 1 { table.clone() } else { table.sample(table.rows.len().min(5_000), rng) };
        for rows in [20, 200] {
            let score = trial(&table, rows, rng);
            println!(
                "{name}, {rows} rows: {} right, {} wrong, {} missed",
                score.right, score.wrong, score.missed
            );
            wrong += score.wrong;
        }
    }
    assert_eq!(wrong, 0);
}
