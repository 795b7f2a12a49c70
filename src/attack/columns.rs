//! What is done to whole columns and to the header.

use rand::seq::SliceRandom as _;

use super::{Rng, Scene, Table, kind};
use crate::error::Result;

/// Keeps the columns named, in the table's order.
pub(super) fn keep(table: &mut Table, names: &[String]) -> Result<()> {
    let mut kept = names.iter().map(|name| table.column(name)).collect::<Result<Vec<_>>>()?;
    kept.sort_unstable();
    *table = table.columns(&kept);
    Ok(())
}

/// Removes the columns named.
pub(super) fn drop_named(table: &mut Table, names: &[String]) -> Result<()> {
    let dropped = names.iter().map(|name| table.column(name)).collect::<Result<Vec<_>>>()?;
    remove(table, &dropped);
    Ok(())
}

fn remove(table: &mut Table, dropped: &[usize]) {
    let kept: Vec<usize> = (0..table.header.len()).filter(|column| !dropped.contains(column)).collect();
    *table = table.columns(&kept);
}

/// Removes a share of the columns, at random, the key columns first if `with_key`; one is always left.
pub(super) fn drop_share(
    table: &mut Table,
    share: f64,
    with_key: bool,
    scene: &Scene,
    rng: &mut Rng,
) -> Result<()> {
    let mut dropped = if with_key { kind::key(table, &[], scene)? } else { Vec::new() };
    let mut others: Vec<usize> = (0..table.header.len()).filter(|column| !dropped.contains(column)).collect();
    others.shuffle(rng);
    let wanted = (table.header.len() as f64 * share).ceil() as usize;
    let more = wanted.saturating_sub(dropped.len()).min(others.len().saturating_sub(1));
    dropped.extend(&others[..more]);
    remove(table, &dropped);
    Ok(())
}

/// Removes what identifies rows.
pub(super) fn drop_key(table: &mut Table, names: &[String], scene: &Scene) -> Result<()> {
    let key = kind::key(table, names, scene)?;
    remove(table, &key);
    Ok(())
}

/// Running numbers instead of what identified rows.
pub(super) fn re_key(table: &mut Table, names: &[String], scene: &Scene) -> Result<()> {
    let key = kind::key(table, names, scene)?;
    table.map_cells(|row, column, _| key.contains(&column).then(|| (row + 1).to_string()));
    Ok(())
}

/// Gives a column another name.
pub(super) fn rename(table: &mut Table, column: &str, to: &str) -> Result<()> {
    let column = table.column(column)?;
    to.clone_into(&mut table.header[column]);
    Ok(())
}

/// Names without a meaning.
pub(super) fn rename_all(table: &mut Table) {
    table.header.iter_mut().enumerate().for_each(|(i, name)| *name = format!("c{}", i + 1));
}

/// Random order.
pub(super) fn reorder(table: &mut Table, rng: &mut Rng) {
    let mut order: Vec<usize> = (0..table.header.len()).collect();
    order.shuffle(rng);
    *table = table.columns(&order);
}

/// A running number in front, a remark with the delimiter in it at the end.
pub(super) fn extra(table: &mut Table) {
    table.header.insert(0, "row".into());
    table.header.push("remark".into());
    for (n, row) in table.rows.iter_mut().enumerate() {
        let number = n.to_string();
        *row = [number.as_str()].into_iter().chain(row.iter()).chain(["see, there"]).collect();
    }
}

/// Writes every name otherwise.
pub(super) fn map_header(table: &mut Table, name: impl Fn(&str) -> String) {
    table.header.iter_mut().for_each(|old| *old = name(old));
}

/// `TotalCost`, `Total cost` and `TOTAL-COST` become `total_cost`.
pub(super) fn snake_case(name: &str) -> String {
    let mut out = String::new();
    let mut previous = ' ';
    for c in name.trim().chars() {
        let begins_word = c.is_uppercase() && (previous.is_lowercase() || previous.is_numeric());
        let is_open = !out.is_empty() && !out.ends_with('_');
        if is_open && (!c.is_alphanumeric() || begins_word) {
            out.push('_');
        }
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        }
        previous = c;
    }
    out.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_by_example() {
        for (name, snake) in [
            ("TotalCost", "total_cost"),
            ("TOTAL_CLAIM_COST", "total_claim_cost"),
            (" Total cost (EUR)", "total_cost_eur"),
            ("Id", "id"),
            ("max.glu-serum", "max_glu_serum"),
        ] {
            assert_eq!(snake_case(name), snake);
        }
    }
}
