//! Small trials: what a board says must be what was done.

use std::sync::atomic::AtomicBool;

use dyepack::attack::Table;
use dyepack::demo::HOSPITAL_POLICY;
use dyepack::mark::policy::Policy;
use dyepack::trial::board::{Board, Line};
use dyepack::trial::run::{Setup, Watch};
use dyepack::trial::{Battery, run};

use crate::lab;

const BATTERY: &str = r#"
[[case]]
group = "nobody leaked"
attack = "the owner's own table"
source = "original"

[[case]]
group = "nobody leaked"
attack = "a copy of another owner"
source = "other_key"

[[case]]
group = "nobody leaked"
attack = "a copy that was never registered"
source = "unregistered"

[[case]]
group = "rows"
attack = "rows deleted"
strength = "60 %"
attacks = [{ do = "subset", rows = "40%" }, { do = "shuffle" }]

[[case]]
group = "rows"
attack = "rows deleted"
strength = "99.9 %"
attacks = [{ do = "subset", rows = "0.1%" }]

[[case]]
group = "values"
attack = "decimals dropped from ages"
attacks = [{ do = "truncate", decimals = 0, columns = ["age"] }]

[[case]]
group = "mixtures"
attack = "two releases compared"
gather = { by = "difference" }

[[case]]
group = "collusion"
attack = "2 colluders"
strength = "all zeros"
leakers = 2
gather = { by = "collude", strategy = "all_zeros" }

[[case]]
group = "collusion"
attack = "50 colluders"
leakers = 50
gather = { by = "collude", strategy = "coin" }
"#;

fn board(table: &Table, rows: Option<usize>, threads: usize) -> Board {
    let battery = Battery::parse(BATTERY).unwrap();
    let setup = Setup {
        policy: &Policy::parse(HOSPITAL_POLICY).unwrap(),
        table,
        battery: &battery,
        recipients: 12,
        trials: 3,
        seed: 5,
        rows,
        reference: false,
        alpha: 1e-6,
    };
    let watch = Watch { progress: &|_, _| (), interrupted: &AtomicBool::new(false) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| run(&setup, &watch)).unwrap()
}

#[test]
fn a_board_counts_who_was_named() {
    let board = board(&lab::hospital(1_200, 21), None, 2);
    assert_eq!(board.innocents().0, 0);
    let line = |name: &str| -> &Line {
        let found = board.lines.iter().find(|line| format!("{} {}", line.attack, line.strength) == name);
        found.unwrap_or_else(|| panic!("no line {name}"))
    };
    for name in ["the owner's own table ", "a copy of another owner ", "a copy that was never registered "] {
        assert_eq!((line(name).leakers, line(name).blind.nobody), (0, 3), "{name}");
    }
    let half = line("rows deleted 60 %");
    assert_eq!((half.rows, half.blind.right, half.blind.nobody), (480.0, 3, 0));
    assert!(half.blind.carriers_read > 100.0 && half.blind.right_interval[0] > 0.25);
    assert_eq!(line("rows deleted 99.9 %").blind.nobody, 3, "one row names nobody");
    assert_eq!(line("two releases compared ").blind.right, 3, "nothing differs between them");
    assert!(line("2 colluders all zeros").blind.leakers_named >= 1.0);
    assert_eq!(board.without_effect, ["decimals dropped from ages"]);
    assert_eq!(board.left_out, ["50 colluders"]);

    let cost = &board.distortion;
    assert_eq!(cost.changed, cost.by_column.values().sum::<u64>());
    assert!(cost.changed > 0 && cost.changed < cost.carriers && cost.carriers < cost.cells);
}

#[test]
fn a_board_depends_on_the_seed_alone() {
    let table = lab::hospital(900, 22);
    let one = board(&table, Some(400), 1);
    assert_eq!(one, board(&table, Some(400), 3));
    assert_eq!((one.table.rows, one.table.rows_of_file), (400, 900));
}

#[test]
fn a_battery_that_does_not_fit_the_table_is_refused_by_case() {
    let text =
        "[[case]]\ngroup = \"a\"\nattack = \"b\"\nattacks = [{ do = \"drop_column\", column = \"x\" }]\n";
    let setup = Setup {
        policy: &Policy::parse(HOSPITAL_POLICY).unwrap(),
        table: &lab::hospital(50, 23),
        battery: &Battery::parse(text).unwrap(),
        recipients: 2,
        trials: 1,
        seed: 1,
        rows: None,
        reference: false,
        alpha: 1e-6,
    };
    let watch = Watch { progress: &|_, _| (), interrupted: &AtomicBool::new(false) };
    let error = run(&setup, &watch).unwrap_err();
    assert_eq!(error.to_string(), "case `b`: the table has no column `x`");
    assert!(error.hint().unwrap().starts_with("its columns: stay_id, patient_id"));
}
