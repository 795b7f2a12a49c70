//! Columns of one table found in leaks of it.

use std::borrow::Cow;

use super::*;
use crate::keys::prf::{DerivedKey, Purpose};
use crate::keys::secret::MarkingSecret;
use crate::sketch::{Sketch, SketchBuilder};

const OURS: [&str; 4] = ["Id", "Class", "Start date", "Cost"];

fn key() -> DerivedKey {
    DerivedKey::new(&MarkingSecret::from_bytes([3; 32]), Purpose::Sketch, "t", 1, None)
}

fn row(row: u64) -> [String; 4] {
    [
        format!("id-{row}"),
        ["emergency", "elective", "transfer"][(row % 5 % 3) as usize].to_owned(),
        format!("2024-01-{:02}", row * row % 28 + 1),
        format!("{}.{:02}", row * 37 % 1000, row * 91 % 100),
    ]
}

fn release() -> Sketch {
    let sampler = Sampler::new(key());
    let mut builder = SketchBuilder::new(OURS.map(String::from).to_vec());
    for number in 0..1000u64 {
        let cells = row(number);
        let cells = cells.iter().map(|cell| Cow::from(cell.as_bytes()));
        builder.add(
            1,
            sampler.sample(key().word(&number.to_le_bytes()), cells).into_iter().collect(),
            &sampler,
        );
    }
    builder.finish(&sampler)
}

/// The cells of some rows, changed.
fn cells(
    rows: std::ops::Range<u64>,
    width: usize,
    change: impl Fn([String; 4]) -> Vec<String>,
) -> Vec<Cells> {
    let mut cells = vec![Cells::default(); width];
    for number in rows {
        change(row(number)).iter().zip(&mut cells).for_each(|(cell, column)| column.add(cell.as_bytes()));
    }
    cells
}

/// A leak of 200 rows, whose cells are changed, and what is found of it.
fn found(names: &[&str], change: impl Fn([String; 4]) -> Vec<String>, map: &[&str]) -> Vec<ColumnMatch> {
    seen(names, change, map, |_, found| found)
}

/// The same, and what is then made of it.
fn seen<T>(
    names: &[&str],
    change: impl Fn([String; 4]) -> Vec<String>,
    map: &[&str],
    then: impl Fn(Pattern, Vec<ColumnMatch>) -> T,
) -> T {
    let cells = cells(100..300, names.len(), change);
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let map: Vec<Mapping> = map.iter().map(|text| text.parse().unwrap()).collect();
    let map = resolve(&map, &names, true, &OURS).unwrap();
    let cent = Decimal::new(1, 2).unwrap();
    let quanta = [Decimal::ZERO, Decimal::ZERO, Decimal::whole(86_400), cent];
    let wanted: Vec<Wanted> =
        OURS.iter().zip(quanta).map(|(&name, quantum)| Wanted { name, quantum }).collect();
    let leaked = LeakedColumns { names: &names, cells: &cells, own: names.len() };
    let (release, sampler) = (release(), Sampler::new(key()));
    let mut found = match_columns(&wanted, &Likeness::new(&release), leaked, &sampler, &map);
    found.sort_by_key(|found| found.index);
    then(Pattern::new(&found, &wanted, Likeness::new(&release), leaked, &sampler), found)
}

fn as_is(row: [String; 4]) -> Vec<String> {
    row.to_vec()
}

#[track_caller]
fn finds(found: &[ColumnMatch], expected: &[(&str, &str, MatchedBy)]) {
    let found: Vec<_> = found.iter().map(|f| (f.ours.as_str(), f.leaked.as_str(), f.by)).collect();
    assert_eq!(found, expected);
}

#[test]
fn names_come_first_and_forgive_case_and_punctuation() {
    use MatchedBy::{Name, SimilarName};
    let found = found(&["Id", "CLASS", "start_date", "cost"], as_is, &[]);
    finds(
        &found,
        &[
            ("Id", "Id", Name),
            ("Class", "CLASS", SimilarName),
            ("Start date", "start_date", SimilarName),
            ("Cost", "cost", SimilarName),
        ],
    );
    assert!(found.iter().all(|found| found.repair.is_none() && found.confidence == 1.0));
}

#[test]
fn renamed_columns_are_found_by_contents() {
    let found = found(&["Id", "b", "c", "d"], as_is, &[]);
    let by = MatchedBy::Contents;
    finds(
        &found,
        &[("Id", "Id", MatchedBy::Name), ("Class", "b", by), ("Start date", "c", by), ("Cost", "d", by)],
    );
    assert!(found.iter().all(|found| found.confidence > 0.9), "{found:?}");
}

#[test]
fn names_are_repeated_only_where_a_name_is_known() {
    let leaked = |names: &[&str]| -> Vec<String> {
        found(names, as_is, &[]).into_iter().map(|found| found.leaked).collect()
    };
    let first_row = ["id-99", "emergency", "2024-01-02", "663.09"];
    assert_eq!(leaked(&first_row), ["column 1", "column 2", "column 3", "column 4"]);
    assert!(leaked(&["visit", "b", "c", "COST"]).contains(&"visit".to_owned()));
}

#[test]
fn exchanged_headers_are_seen_through() {
    let found = found(&["Class", "Id", "Start date", "Cost"], as_is, &[]);
    assert_eq!((found[0].ours.as_str(), found[1].ours.as_str()), ("Id", "Class"));
    assert_eq!(found[0].by, MatchedBy::Contents);
}

#[test]
fn what_fits_two_columns_alike_is_left_out() {
    let twice = |mut row: [String; 4]| {
        let class = std::mem::take(&mut row[1]);
        // The same shares, but other rows.
        let other = ["emergency", "elective", "transfer"][(row[0].len() + class.len()) % 3].to_owned();
        vec![row[0].clone(), class, row[2].clone(), row[3].clone(), other]
    };
    let found = found(&["a", "b", "c", "d", "e"], twice, &[]);
    assert!(found.iter().filter(|found| found.ours == "Class").all(|found| found.index == 1), "{found:?}");
    let same_shares = |row: [String; 4]| {
        let class = row[1].clone();
        [row.to_vec(), vec![class]].concat()
    };
    let found = super::tests::found(&["a", "b", "c", "d", "e"], same_shares, &[]);
    assert!(found.iter().all(|found| found.ours != "Class"), "{found:?}");
    assert_eq!(found.len(), 3);
}

#[test]
fn a_column_that_stands_there_twice_is_read_once() {
    let twice = |row: [String; 4]| {
        let id = row[0].clone();
        [row.to_vec(), vec![id]].concat()
    };
    let found = found(&["a", "b", "c", "d", "e"], twice, &[]);
    assert_eq!((found[0].ours.as_str(), found[0].index, found.len()), ("Id", 0, 4));
}

/// Twins are looked for in time that grows with the columns, not with their square.
#[test]
fn a_leak_of_very_many_columns_is_read_by_its_names() {
    let names: Vec<String> = (0..20_000).map(|n| format!("x{n}")).chain(OURS.map(String::from)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let cells = cells(0..9, names.len(), |row| (0..20_000).map(|n| n.to_string()).chain(row).collect());
    let owned: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let leaked = LeakedColumns { names: &owned, cells: &cells, own: names.len() };
    let wanted = OURS.map(|name| Wanted { name, quantum: Decimal::ZERO });
    let (release, sampler) = (release(), Sampler::new(key()));
    let found = match_columns(&wanted, &Likeness::new(&release), leaked, &sampler, &Resolved::default());
    let places: Vec<usize> = found.iter().map(|found| found.index).collect();
    assert!(places.starts_with(&[20_000, 20_001, 20_002]), "{places:?}");
}

#[test]
fn twins_have_different_names() {
    let thrice = |row: [String; 4]| [row.to_vec(), vec![row[0].clone(), row[0].clone()]].concat();
    let indices = |names: &[&str]| -> Vec<usize> {
        found(names, thrice, &[]).iter().filter(|found| found.ours == "Id").map(|found| found.index).collect()
    };
    assert_eq!(indices(&["a", "b", "c", "d", "e", "f"]), [0]);
    // Which of two columns of one name is meant can't be told, and the third is left out.
    assert!(indices(&["a", "b", "c", "d", "a", "f"]).is_empty());
}

#[test]
fn renamed_and_damaged_columns_are_found_and_repaired() {
    let damaged = |row: [String; 4]| {
        let [id, class, start, cost] = row;
        let [year, month, day] = start.split('-').collect::<Vec<_>>()[..] else { panic!("a date") };
        let cents = cost.replace('.', "").trim_start_matches('0').to_owned();
        vec![id, class.to_uppercase(), format!("{day}.{month}.{year}"), format!("{cents},00")]
    };
    let found = found(&["a", "b", "c", "d"], damaged, &[]);
    let ours: Vec<&str> = found.iter().map(|found| found.ours.as_str()).collect();
    assert_eq!(ours, OURS, "{found:?}");
    let repairs: Vec<String> = found.iter().map(|found| found.repair.to_string()).collect();
    assert_eq!(repairs, ["", "", "dates day first", "decimal commas, in hundredths"]);
}

#[test]
fn rounded_columns_are_unreadable() {
    let rounded = |mut row: [String; 4]| {
        let cost: f64 = row[3].parse().unwrap();
        row[3] = format!("{cost:.0}");
        row.to_vec()
    };
    let found = found(&OURS, rounded, &[]);
    assert_eq!(found[3].repair.to_string(), "rounded to 1: unreadable");
    assert!(found[..3].iter().all(|found| found.repair.is_none()));
}

#[test]
fn the_user_has_the_last_word() {
    let found = found(&["Id", "Class", "c", "d"], as_is, &["Class=", "#4=Start date", "c="]);
    finds(&found, &[("Id", "Id", MatchedBy::Name), ("Start date", "d", MatchedBy::Given)]);
}

#[test]
fn a_strange_table_has_none_of_our_columns() {
    let strange = |row: [String; 4]| {
        let number = row[0][3..].parse::<u64>().unwrap();
        vec![
            format!("{number}@example.org"),
            ["red", "green"][(number % 2) as usize].into(),
            format!("{:.4}", 1e-3 * number as f64),
        ]
    };
    assert_eq!(found(&["x", "y", "z"], strange, &[]), []);
}

#[test]
fn a_part_is_held_against_what_was_found() {
    let cents = |mut row: [String; 4]| {
        row[3] = row[3].replace('.', "").trim_start_matches('0').to_owned();
        row.to_vec()
    };
    let rounded = |mut row: [String; 4]| {
        row[3] = format!("{}.00", row[3].split('.').next().unwrap());
        row.to_vec()
    };
    let exchanged = |row: [String; 4]| {
        let [id, class, start, cost] = row;
        vec![id, cost, start, class]
    };
    for names in [OURS, ["a", "b", "c", "d"]] {
        let misfits =
            |change: fn([String; 4]) -> Vec<String>, rows: std::ops::Range<u64>, part: fn(_) -> _| {
                let part = cells(rows, 4, part);
                seen(&names, change, &[], |pattern, _| pattern.misfits(&part, &Sampler::new(key())))
            };
        for rows in [500..505, 500..540, 100..300] {
            assert_eq!(misfits(as_is, rows.clone(), as_is), [0usize; 0]);
            assert_eq!(misfits(cents, rows.clone(), cents), [0usize; 0]);
            assert_eq!(misfits(rounded, rows.clone(), rounded), [0usize; 0]);
            assert_eq!(misfits(as_is, rows.clone(), cents), [3]);
            assert_eq!(misfits(as_is, rows.clone(), rounded), [3]);
            assert_eq!(misfits(cents, rows.clone(), as_is), [3]);
            // Without its name a rounded column is left out.
            let known: &[usize] = if names == OURS { &[3] } else { &[] };
            assert_eq!(misfits(rounded, rows.clone(), as_is), known);
            assert_eq!(misfits(as_is, rows, exchanged), [1, 3]);
        }
    }
}

#[test]
fn what_a_part_shows_by_itself_is_known_or_not() {
    let cents = |mut row: [String; 4]| {
        row[3] = row[3].replace('.', "").trim_start_matches('0').to_owned();
        row.to_vec()
    };
    let (plain, damaged) = (found(&OURS, as_is, &[]), found(&OURS, cents, &[]));
    let explains = |part: &[ColumnMatch], misfits: &[usize]| {
        seen(&OURS, as_is, &[], |pattern, _| pattern.explains(part, misfits))
    };
    assert!(explains(&plain, &[]) && explains(&plain, &[3]) && explains(&plain[..2], &[]));
    assert!(!explains(&plain[..2], &[3]), "it may be damaged in a way that it does not show");
    assert!(!explains(&damaged, &[]));
}
