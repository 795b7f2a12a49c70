//! What a column looks like to somebody who has the table and nothing else.

use std::collections::HashSet;

use super::reason::AttackReason;
use super::{Scene, Table, dates, numbers};
use crate::error::Result;
use crate::table::value::is_missing;

/// Writes a cell otherwise, or leaves it.
pub(super) type Rewrite<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A value of its own in every row.
    Id,
    /// Numbers that were measured or counted.
    Number,
    /// Dates, with or without times.
    Date,
    Text,
}

/// Rows that are looked at, from the first on.
const LOOKED_AT: usize = 2_000;

/// Below this many values all different ones may be chance.
const FEW: usize = 20;

/// What the column holds, as far as its first rows tell.
pub(super) fn of(table: &Table, column: usize) -> Kind {
    let cells: Vec<&str> =
        table.cells(column).take(LOOKED_AT).filter(|text| !is_missing(text.as_bytes())).collect();
    if cells.is_empty() {
        return Kind::Text;
    }
    if cells.iter().all(|text| dates::parts(text).is_some()) {
        return Kind::Date;
    }
    let are_numbers = cells.iter().all(|text| numbers::plain(text).is_some());
    let have_decimals = are_numbers && cells.iter().any(|text| text.contains('.'));
    if !have_decimals && cells.len() > FEW && cells.iter().collect::<HashSet<_>>().len() == cells.len() {
        return Kind::Id;
    }
    if are_numbers { Kind::Number } else { Kind::Text }
}

/// The columns that `names` says; if it says none, those that `wanted` likes and that identify nobody.
pub(super) fn columns(
    table: &Table,
    names: &[String],
    scene: &Scene,
    wanted: impl Fn(Kind) -> bool,
) -> Result<Vec<usize>> {
    if !names.is_empty() {
        return names.iter().map(|name| table.column(name)).collect();
    }
    let key = |column: &usize| {
        scene.policy.is_some_and(|policy| policy.identity().any(|name| name == table.header[*column]))
    };
    Ok((0..table.header.len()).filter(|column| !key(column) && wanted(of(table, *column))).collect())
}

/// The columns that identify rows: those named, or the policy's that the table still has.
pub(super) fn key(table: &Table, names: &[String], scene: &Scene) -> Result<Vec<usize>> {
    if !names.is_empty() {
        return names.iter().map(|name| table.column(name)).collect();
    }
    let policy = scene.policy.ok_or(AttackReason::NoKey)?;
    Ok(policy.identity().filter_map(|name| table.column(name).ok()).collect())
}
