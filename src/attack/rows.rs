//! What is done to whole rows.

use std::collections::HashSet;

use rand::RngExt as _;
use rand::seq::SliceRandom as _;

use super::kind::{self, Kind};
use super::{Amount, Rng, Table};
use crate::error::Result;

/// Keeps some rows: any, in random order, or a run of them in their own.
pub(super) fn subset(table: &mut Table, rows: Amount, contiguous: bool, rng: &mut Rng) -> Result<()> {
    let wanted = rows.of(table.rows.len()).min(table.rows.len());
    if contiguous {
        let start = rng.random_range(0..=table.rows.len() - wanted);
        table.rows = table.rows[start..start + wanted].to_vec();
    } else {
        *table = table.sample(wanted, rng);
    }
    Ok(())
}

pub(super) fn shuffle(table: &mut Table, rng: &mut Rng) {
    table.rows.shuffle(rng);
}

/// Adds copies of a share of the rows.
pub(super) fn duplicate(table: &mut Table, share: f64, rng: &mut Rng) {
    let again = table.sample((table.rows.len() as f64 * share) as usize, rng).rows;
    table.rows.extend(again);
}

/// Keeps the first of rows that are equal.
pub(super) fn deduplicate(table: &mut Table) {
    let mut seen = HashSet::new();
    table.rows.retain(|row| seen.insert(row.iter().map(str::to_owned).collect::<Vec<_>>()));
}

/// Adds strangers' rows, at random places.
pub(super) fn superset(table: &mut Table, rows: Amount, rng: &mut Rng) -> Result<()> {
    let made_up = strangers(table, rows.of(table.rows.len()), rng);
    table.rows.extend(made_up);
    table.rows.shuffle(rng);
    Ok(())
}

/// Rows that exist in nobody's data: each cell from another row, and new ids.
///
/// Columns stay as they are distributed, and what belongs together in a row no longer does. That is how another owner's table
/// of the same layout looks to anybody who does not know the joint distribution.
pub(super) fn strangers(table: &Table, rows: usize, rng: &mut Rng) -> Vec<csv::StringRecord> {
    if table.rows.is_empty() {
        return Vec::new();
    }
    let ids: Vec<bool> = (0..table.header.len()).map(|c| kind::of(table, c) == Kind::Id).collect();
    let cell = |column: usize, rng: &mut Rng| {
        let text = table.rows[rng.random_range(0..table.rows.len())].get(column).unwrap_or_default();
        if ids[column] { another_id(text, rng) } else { text.to_owned() }
    };
    (0..rows).map(|_| (0..table.header.len()).map(|column| cell(column, rng)).collect()).collect()
}

/// An id of the same look that nobody has: every letter and digit is drawn anew, and a short number grows, since those that
/// are as long are likely to be taken.
fn another_id(text: &str, rng: &mut Rng) -> String {
    let mut id: String = text
        .chars()
        .map(|c| match c {
            '0'..='9' => char::from(b'0' + rng.random_range(0..10u8)),
            'a'..='f' => char::from(b'a' + rng.random_range(0..6u8)),
            _ => c,
        })
        .collect();
    if text.len() < 12 {
        id += &format!("{:06}", rng.random_range(0..1_000_000u32));
    }
    id
}

/// Takes the last fields of some rows, and adds some to others.
pub(super) fn ragged(table: &mut Table, share: f64, rng: &mut Rng) {
    for row in &mut table.rows {
        if rng.random_bool(share) {
            if rng.random() {
                row.truncate(row.len().saturating_sub(2).max(1));
            } else {
                row.push_field("more");
            }
        }
    }
}
