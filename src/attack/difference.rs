//! Two releases of one partner, side by side.
//!
//! Where two releases of the same row differ, one of them shows a mark. Marks stick to rows (DESIGN 2.2), so between two
//! releases of one partner nothing differs; the attack is here to show that.

use std::collections::HashMap;

use super::reason::AttackReason;
use super::{Scene, Strategy, Table, collude, kind};
use crate::error::Result;

/// The rows that all copies have, in the order of the first, with the cells that differ emptied.
pub(super) fn erase_differences(copies: &[Table], key: Option<&str>, scene: &Scene) -> Result<Table> {
    let same = same_rows(copies, key, scene)?;
    // Emptying draws nothing, so any randomness does.
    let rng = &mut rand::SeedableRng::seed_from_u64(0);
    collude::collude(&same, Strategy::EraseDifferences, scene, rng)
}

/// The rows that all copies have, in the order of the first. Of rows with one key the last counts.
pub(super) fn same_rows(copies: &[Table], key: Option<&str>, scene: &Scene) -> Result<Vec<Table>> {
    let [first, others @ ..] = copies else { return Err(AttackReason::OneCopy.into()) };
    let names: Vec<String> = key.map(str::to_owned).into_iter().collect();
    let key_of = |table: &Table| kind::key(table, &names, scene);
    let cells = |row: &csv::StringRecord, key: &[usize]| -> Vec<String> {
        key.iter().map(|&column| row.get(column).unwrap_or_default().to_owned()).collect()
    };
    let places = others
        .iter()
        .map(|other| {
            let key = key_of(other)?;
            Ok(other.rows.iter().enumerate().map(|(place, row)| (cells(row, &key), place)).collect())
        })
        .collect::<Result<Vec<HashMap<Vec<String>, usize>>>>()?;
    let key = key_of(first)?;
    let mut picked = vec![Vec::new(); copies.len()];
    for (place, row) in first.rows.iter().enumerate() {
        let id = cells(row, &key);
        let found: Option<Vec<usize>> = places.iter().map(|places| places.get(&id).copied()).collect();
        let Some(found) = found else { continue };
        picked[0].push(place);
        picked[1..].iter_mut().zip(found).for_each(|(picked, place)| picked.push(place));
    }
    Ok(copies.iter().zip(picked).map(|(copy, rows)| copy.pick(&rows)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_their_key_and_differences_emptied() {
        let read = |text: &str| Table::read(text.as_bytes(), None).unwrap();
        let copies = [read("id,x\n1,a\n2,b\n3,c\n"), read("id,x\n3,z\n9,q\n1,a\n")];
        let out = erase_differences(&copies, Some("id"), &Scene::default()).unwrap();
        assert_eq!(out.to_csv(), b"id,x\n1,a\n3,\n".to_vec());
        let error = erase_differences(&copies, None, &Scene::default()).unwrap_err();
        assert_eq!(error.hint(), Some("name them with --columns, or the policy with --policy"));
    }
}
