//! Columns without their names: what contents alone tell, on real tables.

use dyepack::demo::HOSPITAL_POLICY;
use dyepack::keys::prf::{DerivedKey, Purpose};
use dyepack::keys::secret::MarkingSecret;
use dyepack::leak::cells::Cells;
use dyepack::leak::columns::{ColumnMatch, LeakedColumns, Resolved, Wanted, match_columns};
use dyepack::leak::likeness::Likeness;
use dyepack::leak::repair::Fit;
use dyepack::sketch::{Sampler, Sketch, SketchBuilder};
use dyepack::table::value::{Decimal, Moment};
use rand::RngExt as _;
use rand::seq::SliceRandom as _;

use crate::lab::{self, Lab, Rng, Table, recipient, seeded, trials};

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
    let leaked = LeakedColumns { names: &names, cells: &cells, own: names.len() };
    let release = Likeness::new(release);
    let found = match_columns(&wanted, &release, leaked, &Sampler::new(key()), &Resolved::default());
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
    let mut tables = vec![("hospital", lab::hospital(3_000, 4))];
    for (name, path) in [
        ("encounters", "synthea/encounters.csv.gz"),
        ("diabetic_data", "diabetes130/diabetic_data.csv.gz"),
        ("online_retail", "online_retail/online_retail.csv.gz"),
        ("flights", "nycflights13/flights.csv.gz"),
    ] {
        if let Some(table) = lab::shared(path) {
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

/// One bad day at a spreadsheet: no header of ours, dates in two other layouts, money in cents and with decimal commas.
fn resaved(copy: &Table) -> Table {
    let mut leak = copy.clone();
    let place = |name: &str| lab::index(copy, name);
    let (admitted, discharged) = (place("admitted"), place("discharged"));
    let (cost, copay) = (place("cost"), place("copay"));
    leak.map_cells(|_, column, text| match column {
        _ if column == admitted => {
            let (date, time) = text.split_once(' ').unwrap();
            let [year, month, day] = date.split('-').collect::<Vec<_>>()[..] else { panic!("a date") };
            Some(format!("{day}/{month}/{year} {time}"))
        }
        _ if column == discharged => {
            let seconds = Moment::iso(text.as_bytes()).unwrap().seconds();
            Some(format!("{:.9}", 25_569.0 + seconds as f64 / 86_400.0))
        }
        _ if column == cost => Some(format!("{} €", text.replace('.', ","))),
        _ if column == copay => Some(text.replace('.', "").trim_start_matches('0').to_owned()),
        _ => Some(text.to_uppercase()),
    });
    leak.header = (0..leak.header.len()).map(|n| format!("feld {n}")).collect();
    leak
}

fn words(columns: &[ColumnMatch], ours: &str) -> String {
    columns
        .iter()
        .find(|found| found.ours == ours)
        .map_or("not found".into(), |found| found.repair.to_string())
}

#[test]
fn a_renamed_and_resaved_copy_still_names_its_partner() {
    let rng = &mut seeded("columns/resaved");
    let table = lab::hospital(3_000, 6);
    let lab = Lab::new(HOSPITAL_POLICY, &table, 50, rng);
    let copy = lab.copy(&recipient(7), &table.sample(400, rng));
    let (plain, found) = (lab.trace(&copy.to_csv(), 1e-6), lab.trace(&resaved(&copy).to_csv(), 1e-6));
    assert_eq!(found.accused.iter().map(|a| a.recipient.as_str()).collect::<Vec<_>>(), [recipient(7)]);
    for (ours, repair) in [
        ("stay_id", ""),
        ("admitted", "dates day first"),
        ("discharged", "dates in another layout"),
        ("cost", "decimal commas"),
        ("copay", "in hundredths"),
    ] {
        assert_eq!(words(&found.columns, ours), repair, "{ours}: {:?}", found.columns);
    }
    // All of it was undone.
    assert_eq!(found.evidence.carriers_unreadable, 0);
    assert_eq!(found.evidence.carriers_read, plain.evidence.carriers_read);
    assert!(plain.columns.iter().all(|found| found.repair.is_none()), "{:?}", plain.columns);
}

#[test]
fn a_rounded_column_is_unreadable_and_said_to_be() {
    let rng = &mut seeded("columns/rounded");
    let table = lab::hospital(3_000, 6);
    let lab = Lab::new(HOSPITAL_POLICY, &table, 50, rng);
    let mut leak = lab.copy(&recipient(7), &table.sample(600, rng));
    let (cost, admitted) = (lab::index(&leak, "cost"), lab::index(&leak, "admitted"));
    leak.map_cells(|_, column, text| match column {
        _ if column == cost => Some(format!("{:.0}", text.parse::<f64>().unwrap())),
        _ if column == admitted => Some(format!("{} 00:00", &text[..10])),
        _ => None,
    });
    let found = lab.trace(&leak.to_csv(), 1e-6);
    assert_eq!(words(&found.columns, "cost"), "rounded to 1: unreadable");
    assert_eq!(words(&found.columns, "admitted"), "rounded to 86400 seconds: unreadable");
    let mut unreadable: Vec<&str> =
        found.evidence.unreadable_by_column.iter().map(|(name, _)| name.as_str()).collect();
    unreadable.sort_unstable();
    assert_eq!(unreadable, ["admitted", "cost"]);
    assert_eq!(found.accused[0].recipient, recipient(7), "by what is left");
}

/// Damage to a column of the hospital's table, with the words for it: of what is found blindly, and of what pairs tell.
type Damage = (&'static str, fn(&str) -> String, &'static str, &'static str);

fn money(text: &str, group: &str, point: &str) -> String {
    let (whole, cents) = text.split_once('.').unwrap();
    let groups: Vec<String> =
        whole.as_bytes().rchunks(3).rev().map(|group| String::from_utf8(group.to_vec()).unwrap()).collect();
    groups.join(group) + point + cents
}

/// Year, month, day and time.
fn parts(text: &str) -> [&str; 4] {
    [&text[..4], &text[5..7], &text[8..10], &text[11..]]
}

fn value(text: &str) -> f64 {
    text.parse().unwrap()
}

const DAMAGES: [Damage; 14] = [
    ("cost", |text| text.trim_end_matches('0').trim_end_matches('.').to_owned(), "", ""),
    ("cost", |text| text.replace('.', ""), "in hundredths", "in hundredths"),
    ("cost", |text| format!("{:.5}", value(text) / 1000.0), "in thousands", "in thousands"),
    ("cost", |text| money(text, ".", ","), "decimal commas", "decimal commas"),
    ("cost", |text| money(text, " ", ","), "decimal commas", "decimal commas"),
    ("cost", |text| format!("${}", money(text, ",", ".")), "decorated numbers", "decorated numbers"),
    ("cost", |text| money(text, "'", ".") + " CHF", "decorated numbers", "decorated numbers"),
    ("cost", |text| format!("{:.0}", value(text)), "rounded to 1: unreadable", "rounded to 1"),
    ("cost", |text| text.split_once('.').unwrap().0.to_owned(), "rounded to 1: unreadable", "cut to 1"),
    (
        "cost",
        |text| format!("{:.2}", (value(text) * 20.0).round() / 20.0),
        "rounded to 0.05: unreadable",
        "rounded to 0.05",
    ),
    (
        "admitted",
        |text| {
            let [year, month, day, time] = parts(text);
            format!("{}/{}/{} {time}", month.trim_start_matches('0'), day.trim_start_matches('0'), &year[2..])
        },
        "dates month first",
        "dates month first",
    ),
    (
        "admitted",
        |text| {
            let [year, month, day, time] = parts(text);
            if day <= "12" {
                format!("{year}-{day}-{month} {time}")
            } else {
                format!("{day}/{month}/{year} {time}")
            }
        },
        "day and month mixed up",
        "day and month mixed up",
    ),
    (
        "admitted",
        |text| Moment::iso(text.as_bytes()).unwrap().seconds().to_string(),
        "dates in another layout",
        "dates in another layout",
    ),
    (
        "admitted",
        |text| text[..10].to_owned(),
        "rounded to 86400 seconds: unreadable",
        "cut to 86400 seconds",
    ),
];

#[test]
fn each_damage_is_recognised_blindly_and_from_pairs() {
    let rng = &mut seeded("columns/damages");
    let table = lab::hospital(2_000, 6);
    let lab = Lab::new(HOSPITAL_POLICY, &table, 3, rng);
    let release = sketch(&table);
    let original = table.sample(300, rng);
    let copy = lab.copy(&recipient(1), &original);
    let plan = lab.policy().plan(&table.header, &[]).unwrap();
    for (column, change, blindly, from_pairs) in DAMAGES {
        let index = lab::index(&table, column);
        let quantum = plan.columns.iter().find(|c| c.name == column).unwrap().channel.reach();
        let mut leak = copy.clone();
        leak.map_cells(|_, at, text| (at == index).then(|| change(text)));
        let name = leak.rows[0][index].to_owned();
        let found = matches(&release, &leak, column, quantum);
        // Rounding may cost a nameless column its match; it says nothing then either.
        assert!(
            found == blindly || found == "not found" && blindly.ends_with("unreadable"),
            "{name}: {found}"
        );

        let pairs = leak.rows.iter().zip(&original.rows).map(|(leaked, ours)| (&leaked[index], &ours[index]));
        let fit = Fit::of(pairs, quantum);
        let found = [fit.repair.to_string(), fit.noise.to_string()].concat();
        assert_eq!(found, from_pairs, "{name}");
    }
}

/// The words for what is found of one column whose name is gone.
fn matches(release: &Sketch, leak: &Table, column: &str, quantum: Decimal) -> String {
    let mut cells = vec![Cells::default(); leak.header.len()];
    leak.rows.iter().for_each(|row| {
        row.iter().zip(&mut cells).for_each(|(cell, cells)| cells.add(cell.as_bytes()));
    });
    let names: Vec<String> =
        leak.header.iter().map(|name| if name == column { "x".into() } else { name.clone() }).collect();
    let leaked = LeakedColumns { names: &names, cells: &cells, own: names.len() };
    let wanted = [Wanted { name: column, quantum }];
    let release = Likeness::new(release);
    let found = match_columns(&wanted, &release, leaked, &Sampler::new(key()), &Resolved::default());
    assert!(found.iter().all(|found| leak.header[found.index] == column), "{found:?}");
    words(&found, column)
}

#[test]
fn noise_leaves_soft_bits_that_are_mostly_right() {
    let rng = &mut seeded("columns/noise");
    let table = lab::hospital(4_000, 6);
    let lab = Lab::new(HOSPITAL_POLICY, &table, 3, rng);
    let (copy, other) = (lab.copy(&recipient(1), &table), lab.copy(&recipient(2), &table));
    let index = lab::index(&table, "cost");
    let mut noisy = copy.clone();
    noisy.map_cells(|_, at, text| {
        let gaussian = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt()
            * (std::f64::consts::TAU * rng.random::<f64>()).cos();
        (at == index).then(|| format!("{:.3}", value(text) + 0.006 * gaussian))
    });
    let quantum = Decimal::new(1, 2).unwrap();
    let pairs = noisy.rows.iter().zip(&table.rows).map(|(leaked, ours)| (&leaked[index], &ours[index]));
    let fit = Fit::of(pairs, quantum);
    assert!(!fit.is_exact() && fit.repair.is_none(), "{fit:?}");
    // Where two copies differ there is a carrier, and one of them has its other text.
    let (mut right, mut sure, mut carriers) = (0.0, 0.0, 0);
    for (row, ours) in table.rows.iter().enumerate() {
        let (one, two) = (&copy.rows[row][index], &other.rows[row][index]);
        if one == two {
            continue;
        }
        let (original, changed) = (&ours[index], if *one == ours[index] { two } else { one });
        let Some((is_changed, flip)) = fit.soft(original, changed, &noisy.rows[row][index]) else { continue };
        carriers += 1;
        right += f64::from(u8::from(is_changed == (one == changed)));
        sure += 1.0 - f64::from(flip) / 64.0;
    }
    let (right, sure) = (right / f64::from(carriers), sure / f64::from(carriers));
    assert!(carriers > 80 && right > 0.7 && (right - sure).abs() < 0.1, "{carriers}: {right}, said {sure}");
}
