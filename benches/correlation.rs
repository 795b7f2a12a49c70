//! The correlation attack against today's marks: which share of the carriers survives when so many cells are reset.
use dyepack::attack::correlate::{Joints, Knowledge, correlate};
use dyepack::mark::channel::Embedded;
use dyepack::mark::policy::Plan;

#[allow(dead_code)]
#[path = "../tests/it/lab.rs"]
mod lab;
#[allow(dead_code)]
#[path = "../tests/it/reference.rs"]
mod reference;

use lab::{DIABETIC, ENCOUNTERS, Lab, Table, recipient, shared_bytes, stream};
use reference::Scope;

const ADULT: &str = include_str!("../testdata/policies/adult.toml");
const ADULT_COLUMNS: &str = "id,age,workclass,fnlwgt,education,education_num,marital_status,occupation,relationship,race,\
                             sex,capital_gain,capital_loss,hours_per_week,native_country,income";

fn adult() -> Option<Table> {
    let text = String::from_utf8(shared_bytes("adult/adult.data.gz")?).expect("text");
    let lines = text.lines().filter(|line| !line.is_empty()).enumerate();
    let rows: Vec<String> = lines.map(|(n, line)| format!("{n},{}", line.replace(", ", ","))).collect();
    Some(Table::parse(format!("{ADULT_COLUMNS}\n{}\n", rows.join("\n")).as_bytes()))
}

struct Carrier {
    row: usize,
    column: usize,
    index: usize,
    spin: u16,
    bit: bool,
    changed: bool,
}

fn main() {
    let filter: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let tables = [
        ("adult", ADULT, adult()),
        ("diabetic", DIABETIC.0, Table::shared(DIABETIC.1)),
        ("encounters", ENCOUNTERS.0, Table::shared(ENCOUNTERS.1)),
    ];
    for (name, policy, table) in tables {
        let Some(table) = table else { continue };
        if !filter.is_empty() && !filter.iter().any(|f| f == name) {
            continue;
        }
        let rng = &mut stream(&format!("correlation/{name}"));
        let table = table.sample(table.rows.len().min(30_000), rng);
        let (released, sample) = table.rows.split_at(table.rows.len() / 2);
        let released = table.with_rows(released.to_vec());
        let mut lab = Lab::new(policy, &table.with_rows(Vec::new()), 1, rng);
        let models =
            [None, Some(dyepack::stamp::learn::learn(&released.to_csv()[..], lab.policy(), None).unwrap())];
        for model in models {
            lab.model = model;
            if let Some(m) = &lab.model {
                println!("model: {:?}", m.columns().collect::<Vec<_>>());
            }
            let copy = lab.copy(&recipient(0), &released);
            let carriers = carriers(&lab, &released, &copy);
            let changed = carriers.iter().filter(|c| c.changed).count();
            println!(
                "{name}: {} rows x {}, {} carriers, {} changed ({:.2} % of cells)",
                released.rows.len(),
                table.header.len(),
                carriers.len(),
                changed,
                100.0 * changed as f64 / (released.rows.len() * table.header.len()) as f64
            );
            for (what, prior) in [
                ("original", Joints::learn(&released.rows, Knowledge::Original)),
                ("sample", Joints::learn(sample, Knowledge::Sample)),
                ("random", Joints::learn(&copy.rows, Knowledge::Sample)),
            ] {
                if what != "sample" {
                    continue;
                }
                for share in [0.05, 0.14] {
                    let mut leak = copy.clone();
                    let done = correlate(&mut leak.rows, &prior, share, dyepack::attack::correlate::Spread::Anywhere, rng);
                    report(what, share, done, &lab, &leak, &carriers);
                }
            }
        }
    }
}

fn plan(lab: &Lab, table: &Table) -> Plan {
    let plan = lab.policy().plan(&table.header, &[]).unwrap();
    match &lab.model {
        None => plan,
        Some(m) => plan.with_model(m, &|n| table.header.iter().position(|h| h == n)),
    }
}

fn carriers(lab: &Lab, original: &Table, copy: &Table) -> Vec<Carrier> {
    let plan = plan(lab, original);
    let scope = Scope { secret: lab.key, dataset: lab.policy().name(), epoch: 1 };
    let length = lab.policy().code_length() as usize;
    let mut out = Vec::new();
    for (r, row) in original.rows.iter().enumerate() {
        let identity: Vec<&str> = plan.identity.iter().map(|&i| &row[i]).collect();
        for (index, column) in plan.columns.iter().enumerate() {
            let Some((_, spin)) = scope.carrier(&identity, column.slot, column.rate, length) else {
                continue;
            };
            let text = &row[column.index];
            if dyepack::table::value::is_missing(text.as_bytes()) {
                continue;
            }
            let mut s = String::new();
            let done = column.embed(&R(row), text, true, spin, &mut s);
            if done.is_none() {
                continue;
            }
            let _ = Embedded::Kept;
            let now = &copy.rows[r][column.index];
            let bit = column.channel.read(now, spin).unwrap();
            out.push(Carrier { row: r, column: column.index, index, spin, bit, changed: now != text });
        }
    }
    out
}
struct R<'a>(&'a csv::StringRecord);
impl dyepack::table::Row for R<'_> {
    fn cell(&self, column: usize) -> std::borrow::Cow<'_, [u8]> {
        self.0[column].as_bytes().into()
    }
}

fn report(what: &str, share: f64, done: usize, lab: &Lab, leak: &Table, carriers: &[Carrier]) {
    let plan = plan(lab, leak);
    let alive =
        |c: &Carrier| plan.columns[c.index].channel.read(&leak.rows[c.row][c.column], c.spin) == Some(c.bit);
    let n = carriers.iter().filter(|c| alive(c)).count();
    print!("  {what:9} {share:.2} ({done}): {:.1} %", 100.0 * n as f64 / carriers.len() as f64);
    let part = |f: &dyn Fn(&Carrier) -> bool| {
        let k: Vec<&Carrier> = carriers.iter().filter(|c| f(c)).collect();
        100.0 * k.iter().filter(|c| alive(c)).count() as f64 / k.len().max(1) as f64
    };
    print!("  changed {:.1} kept {:.1} |", part(&|c| c.changed), part(&|c| !c.changed));
    for (i, column) in plan.columns.iter().enumerate() {
        print!(
            " {} {} {:.0}",
            column.name,
            carriers.iter().filter(|c| c.index == i).count(),
            part(&|c| c.index == i)
        );
    }
    println!();
}
