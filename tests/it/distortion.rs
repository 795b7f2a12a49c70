//! What stamping may do to a table, and what it may not depend on.

use dyepack::demo::HOSPITAL_POLICY;
use dyepack::stamp::engine::Options;
use rand::seq::SliceRandom as _;

use crate::lab::{self, DIABETIC, ENCOUNTERS, Lab, Table, seeded, shared_bytes};
use crate::measure::{columns, distortions, number};

/// Categories, small integers and dates without a time: the channels that the hospital's own policy does not use.
pub const WARDS_POLICY: &str = include_str!("../../testdata/policies/wards.toml");

#[test]
fn no_cell_moves_further_than_the_policy_allows() {
    let hospital = lab::hospital(20_000, 6).to_csv();
    let mut tables = vec![(HOSPITAL_POLICY, hospital.clone()), (WARDS_POLICY, hospital)];
    tables.extend(
        [ENCOUNTERS, DIABETIC]
            .map(|(policy, path)| Some((policy, shared_bytes(path)?)))
            .into_iter()
            .flatten(),
    );
    for (policy, bytes) in tables {
        let source = lab::parse(&bytes);
        let lab = Lab::new(policy, &source.with_rows(Vec::new()), 1, &mut seeded("distortion/cells"));
        let (marked, stamped) = lab.stamp("acme", &bytes, &Options::default());
        let copy = lab::parse(&marked);
        for found in distortions(policy, &source, &copy) {
            assert!(found.max_move <= found.max_change + 1e-9, "{found:?}");
            assert!(found.mean_moved < 0.001, "{found:?}");
            assert_eq!(found.strayed, 0, "{found:?}");
            assert_eq!(found.changed as u64, stamped.cells_changed[&found.column], "{found:?}");
            assert!((1..=found.cells).contains(&found.changed), "{found:?}");
            assert!(found.channel != "category" || found.max_move == 0.0, "{found:?}");
        }
        assert_unmarked_bytes_are_untouched(&bytes, &marked, policy, &source);
        assert_orders_hold(policy, &source, &copy);
    }
}

/// Compares the raw fields, quotes and spaces included, with a splitter of its own.
fn assert_unmarked_bytes_are_untouched(source: &[u8], copy: &[u8], policy: &str, table: &Table) {
    let marked: Vec<usize> = columns(policy).keys().map(|name| lab::index(table, name)).collect();
    let (before, after) = (raw_fields(source), raw_fields(copy));
    assert_eq!(before.len(), after.len());
    let width = table.header.len();
    let differing: Vec<usize> = (0..before.len()).filter(|&i| before[i] != after[i]).collect();
    assert!(
        differing.iter().all(|i| *i >= width && marked.contains(&(i % width))),
        "an unmarked byte changed"
    );
}

/// Every field with the separator after it. For tables without quotes inside unquoted fields.
fn raw_fields(bytes: &[u8]) -> Vec<&[u8]> {
    let mut is_quoted = false;
    bytes
        .split_inclusive(|&byte| {
            is_quoted ^= byte == b'"';
            !is_quoted && (byte == b',' || byte == b'\n')
        })
        .collect()
}

fn assert_orders_hold(policy: &str, source: &Table, copy: &Table) {
    for (lower, rule) in columns(policy) {
        let Some(upper) = ["before", "at_most"].iter().find_map(|key| rule.get(*key)) else { continue };
        let channel = rule["channel"].as_str().unwrap();
        let (low, high) = (lab::index(source, &lower), lab::index(source, upper.as_str().unwrap()));
        let holds =
            |row: &csv::StringRecord| Some(number(channel, &row[low])? <= number(channel, &row[high])?);
        for (before, after) in source.rows.iter().zip(&copy.rows) {
            assert!(holds(before) != Some(true) || holds(after) == Some(true), "{before:?} became {after:?}");
        }
    }
}

#[test]
fn copies_do_not_depend_on_blocks_and_threads() {
    let source = lab::hospital(300, 7).to_csv();
    let lab = Lab::new(HOSPITAL_POLICY, &lab::parse(&source), 1, &mut seeded("distortion/blocks"));
    let (expected, stamped) = lab.stamp("acme", &source, &Options::default());
    for threads in [1, 2, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for block_bytes in [7, 100, 4_096, Options::default().block_bytes] {
            let options = Options { block_bytes, ..Options::default() };
            let (copy, again) = pool.install(|| lab.stamp("acme", &source, &options));
            assert!(copy == expected, "{threads} threads, blocks of {block_bytes} bytes");
            assert_eq!(again, stamped, "{threads} threads, blocks of {block_bytes} bytes");
        }
    }
}

#[test]
fn marks_stick_to_rows() {
    let rng = &mut seeded("distortion/rows");
    for policy in [HOSPITAL_POLICY, WARDS_POLICY] {
        let table = lab::hospital(500, 8);
        let lab = Lab::new(policy, &table, 1, rng);
        let copy = lab.copy("acme", &table);
        assert_eq!(lab.copy("acme", &table), copy, "the same release has the same bytes");

        // A later release with other rows around, in another order, has the same marks.
        let mut order: Vec<usize> = (0..table.rows.len()).collect();
        order.shuffle(rng);
        order.truncate(200);
        let later = table.with_rows(order.iter().map(|&row| table.rows[row].clone()).collect());
        let expected = table.with_rows(order.iter().map(|&row| copy.rows[row].clone()).collect());
        assert_eq!(lab.copy("acme", &later), expected);
        assert_ne!(lab.copy("zenith", &later), expected);
    }
}
