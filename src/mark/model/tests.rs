//! What a model holds, that marks keep to it, and that frequencies stay.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::mark::channel::Embedded;
use crate::mark::marker::Bit;
use crate::mark::policy::{Plan, Policy};

const POLICY: &str = r#"
[dataset]
name = "people"
key = "id"

[column.age]
channel = "number"
quantum = 1
max_change = 3
rate = 1

[column.born]
channel = "date"
quantum = "1d"
max_change = "2d"
rate = 1

[column.role]
channel = "category"
groups = [["husband", "wife", "child", "lodger"]]
rate = 1

[column.income]
channel = "number"
quantum = 1
max_change = 50
rate = 1
"#;

const NAMES: [&str; 6] = ["id", "age", "born", "role", "income", "sex"];

struct Person([String; 6]);

impl Row for Person {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        self.0.get(column).map_or(Cow::Borrowed(b""), |cell| Cow::Borrowed(cell.as_bytes()))
    }
}

/// Ages without a 41 or 43, and none of it but 42 for men; nobody is the wife of a wife; incomes never repeat.
fn person(n: usize) -> Person {
    let sex = ["f", "m"][n % 2];
    let role = match (sex, n / 2 % 4) {
        ("m", 0 | 1) => "husband",
        ("f", 0 | 1) => "wife",
        (_, 2) => "child",
        _ => "lodger",
    };
    let age = if sex == "m" { 38 + n % 3 * 2 } else { [37, 40, 42, 45][n / 3 % 4] };
    let born = format!("1990-05-{:02}", 1 + n % 20);
    Person([n.to_string(), age.to_string(), born, role.into(), (n * 977).to_string(), sex.into()])
}

fn plan() -> Plan {
    let names = NAMES.map(str::to_owned);
    Policy::parse(POLICY).unwrap().plan(&names, &[]).unwrap()
}

fn model(rows: usize) -> Model {
    let mut learner = Learner::new(plan(), NAMES.map(str::to_owned).to_vec());
    (0..rows).for_each(|n| learner.add(&person(n)));
    learner.finish("people")
}

fn place(name: &str) -> Option<usize> {
    NAMES.iter().position(|found| *found == name)
}

#[test]
fn nothing_rare_is_kept_and_fine_columns_are_left_out() {
    let model = model(2_400);
    assert_eq!(model.columns().collect::<Vec<_>>(), ["age", "born", "role"]);
    for (name, known) in &model.columns {
        assert!(known.counts.iter().all(|rows| *rows >= LEAST), "{name}");
        let pairs = known.contexts.iter().flat_map(|context| &context.pairs.rows);
        assert!(pairs.clone().all(|rows| *rows == 0 || *rows >= LEAST), "{name}");
        assert!(known.contexts.iter().all(|context| context.pairs.column != "id"), "{name}");
    }
    assert_eq!(
        self::model(60).columns().collect::<Vec<_>>(),
        ["age", "role"],
        "each birthday has three rows"
    );
    assert!(!format!("{model:?}").contains("husband"));
}

#[test]
fn bytes_read_back_and_damage_is_nothing() {
    let model = model(600);
    let bytes = model.to_bytes();
    assert_eq!(Model::from_bytes(&bytes).unwrap().to_bytes(), bytes);
    assert_eq!(self::model(600).to_bytes(), bytes, "the same table gives the same model");
    for at in (0..bytes.len()).step_by(7) {
        assert!(Model::from_bytes(&bytes[..at]).is_none());
        let mut changed = bytes.clone();
        changed[at] ^= 0x11;
        // Whatever comes of it, it does not panic.
        let _ = Model::from_bytes(&changed);
    }
}

#[test]
fn what_never_stands_together_is_never_written() {
    let plan = plan().with_model(&model(2_400), &place);
    let mut written = std::collections::HashSet::new();
    for n in 0..200 {
        for spin in (0..u16::MAX).step_by(997) {
            for column in &plan.columns[..3] {
                let (row, mut out) = (person(n), String::new());
                for bit in [false, true] {
                    if column.embed(&row, &row.0[column.index], bit, spin, &mut out)
                        == Some(Embedded::Changed)
                    {
                        written.insert((row.0[5].clone(), std::mem::take(&mut out)));
                    }
                }
            }
        }
    }
    let has = |sex: &str, text: &str| written.contains(&(sex.to_owned(), text.to_owned()));
    assert!(has("f", "wife") && has("f", "child") && has("m", "husband") && has("f", "45"));
    assert!(!has("f", "husband") && !has("m", "wife"));
    assert!(!has("f", "41") && !has("f", "38") && !has("m", "37") && !has("m", "39"));
}

#[test]
fn a_row_beside_what_is_unknown_is_left_alone() {
    let plan = plan().with_model(&model(2_400), &place);
    let mut row = person(8);
    let (role, mut out) = (&plan.columns[2], String::new());
    let carries = |row: &Person, out: &mut String| {
        (0..400).any(|spin| role.embed(row, &row.0[3], true, spin, out).is_some())
    };
    assert!(carries(&row, &mut out));
    row.0[5] = "unheard of".into();
    assert!(!carries(&row, &mut out));
}

const WEIGHTS: [f64; 6] = [1000.0, 300.0, 90.0, 10.0, 2.0, 400.0];

/// Six values, of which those three apart do not reach each other, as with numbers, and with parities by the spin.
fn others(from: usize, spin: u16) -> Vec<(usize, f64)> {
    let parity = |value: usize| ((u32::from(spin) * 40_503) >> value) & 1;
    let near = (0..6).filter(|to: &usize| to.abs_diff(from) < 3 && parity(*to) != parity(from));
    near.map(|to| (to, WEIGHTS[to])).collect()
}

/// The flow from each value to each other one equals the flow back.
#[test]
fn frequencies_stay_as_they_are() {
    let mut flow = [[0.0; 6]; 6];
    for spin in 0..=u16::MAX {
        for from in 0..6 {
            if let Some(to) = exchange(from, spin, |from| others(from, spin)) {
                flow[from][to] += WEIGHTS[from] / 65_536.0;
            }
        }
    }
    for (from, flows) in flow.iter().enumerate() {
        for (to, back) in flow.iter().enumerate().take(from) {
            let (out, back): (f64, f64) = (flows[to], back[from]);
            assert!((out - back).abs() <= 0.05 * out.max(back) + 0.3, "{from} to {to}: {out}, back {back}");
        }
    }
    assert!(flow[0][1] > 50.0, "{flow:?}");
}

/// Against the population: of all rows whose copy holds a value, so many are no carriers.
#[test]
fn doubt_is_the_share_that_is_no_carrier() {
    let mut seen = std::collections::HashSet::new();
    for spin in (0..u16::MAX).step_by(97) {
        let (mut carriers, mut all) = ([0.0; 6], [0.0; 6]);
        for (from, weight) in WEIGHTS.into_iter().enumerate() {
            let moved = exchange(from, spin, |from| others(from, spin));
            for to in [from, moved.unwrap_or(from)] {
                all[to] += weight / 2.0;
                carriers[to] += if moved.is_some() { weight / 2.0 } else { 0.0 };
            }
        }
        for (here, weight) in WEIGHTS.into_iter().enumerate() {
            let expected = (1.0 - carriers[here] / all[here]) * f64::from(Bit::NOTHING);
            let doubt = doubt(here, weight, spin, |from| others(from, spin));
            assert!(
                (f64::from(doubt) - expected).abs() <= 0.5 + 1e-9,
                "{here}, spin {spin}: {doubt}, {expected}"
            );
            seen.insert(doubt);
        }
    }
    assert!(seen.contains(&0) && seen.contains(&Bit::NOTHING) && seen.len() > 6, "{seen:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn carriers_do_not_depend_on_the_bit_and_keep_to_model_and_policy(
        n in 0_usize..4_000, spin in any::<u16>(), stranger in 0_usize..4,
    ) {
        thread_local!(static MODEL: Model = model(2_400));
        let plan = MODEL.with(|model| plan().with_model(model, &place));
        let mut row = person(n);
        if stranger == 0 {
            row.0[1] = "41".into();
        }
        for column in &plan.columns {
            let cell = &row.0[column.index];
            let mut carries = Vec::new();
            for bit in [false, true] {
                let mut out = String::new();
                let done = column.embed(&row, cell, bit, spin, &mut out);
                carries.push(done.is_some());
                match done {
                    Some(Embedded::Changed) => {
                        prop_assert_eq!(column.channel.read(&out, spin), Some(bit));
                        let Some(known) = &column.known else { continue };
                        let occurrence = column.channel.occurrence(&out).expect("can be rewritten");
                        let plausible = known.in_row(&row).expect("a known row");
                        prop_assert!(plausible.weight(plausible.index(occurrence).expect("occurs")) > 0.0);
                        let ordinal = |text: &str| column.channel.ordinal(text);
                        if let (Some(from), Some(to)) = (ordinal(cell), ordinal(&out)) {
                            let gap = if to > from { to.checked_sub(from) } else { from.checked_sub(to) };
                            prop_assert!(gap.unwrap() <= column.channel.farthest());
                        }
                    }
                    Some(Embedded::Kept) => prop_assert_eq!(column.channel.read(cell, spin), Some(bit)),
                    None => prop_assert!(out.is_empty()),
                }
            }
            prop_assert_eq!(carries[0], carries[1]);
        }
    }
}
