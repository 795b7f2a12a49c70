//! What is done to cells of any kind.

use rand::RngExt as _;

use super::kind::{self, Kind};
use super::reason::AttackReason;
use super::{Rng, Scene, Table};
use crate::error::Result;
use crate::mark::channel::{Embedded, Limits};

/// How often another value is looked for before a cell keeps its own.
const DRAWS: usize = 8;

/// A cell is hit with probability `share`; a hit cell gets another value of its column, as often as the column has it.
pub(super) fn alter(
    table: &mut Table,
    share: f64,
    names: &[String],
    scene: &Scene,
    rng: &mut Rng,
) -> Result<()> {
    let columns = kind::columns(table, names, scene, |kind| kind != Kind::Id)?;
    let old = table.clone();
    table.map_columns(&columns, |column, text| {
        if !rng.random_bool(share) {
            return None;
        }
        let draw = |rng: &mut Rng| old.rows[rng.random_range(0..old.rows.len())].get(column);
        (0..DRAWS).find_map(|_| draw(rng).filter(|other| *other != text)).map(str::to_owned)
    });
    Ok(())
}

/// A cell of a marked column is hit with probability `share`, and a hit cell reads as a coin.
pub(super) fn randomise(table: &mut Table, share: f64, scene: &Scene, rng: &mut Rng) -> Result<()> {
    let policy = scene.policy.ok_or(AttackReason::NoPolicy)?;
    let place = |name: &str| table.header.iter().position(|n| n == name);
    let columns = policy.lenient_plan(&place, &[]).columns;
    table.map_cells(|_, index, text| {
        let column = columns.iter().find(|column| column.index == index)?;
        if !rng.random_bool(share) {
            return None;
        }
        // One step or none makes a coin of a number; a category needs a few to forget where it was.
        let mut text = text.to_owned();
        for _ in 0..3 {
            let mut moved = String::new();
            // Whoever randomises does not know spin or bit: any will do.
            let (bit, spin) = (rng.random(), rng.random());
            let done = column.channel.embed(&text, bit, spin, &Limits::default(), &mut moved);
            if done == Some(Embedded::Changed) {
                text = moved;
            }
        }
        Some(text)
    });
    Ok(())
}

/// Empties cells.
pub(super) fn erase(
    table: &mut Table,
    share: f64,
    names: &[String],
    scene: &Scene,
    rng: &mut Rng,
) -> Result<()> {
    let columns = kind::columns(table, names, scene, |kind| kind != Kind::Id)?;
    table.map_columns(&columns, |_, _| rng.random_bool(share).then(String::new));
    Ok(())
}

/// Small letters.
pub(super) fn lower_case(table: &mut Table, names: &[String], scene: &Scene) -> Result<()> {
    let columns = kind::columns(table, names, scene, |kind| kind == Kind::Text)?;
    table.map_columns(&columns, |_, text| Some(text.to_lowercase()));
    Ok(())
}
