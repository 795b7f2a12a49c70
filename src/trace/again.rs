//! Reading a leak again, by somebody who has the carrier key and nothing else of the owner's.
//!
//! The first reading finds columns by sketches that are keyed, and undoes damage that it finds by them. What it found is written
//! down ([`TableRead`]); from there on a blind reading is a function of the leak, the policy and the carrier key, and this runs
//! the same code. It does not cover what needs more of the owner: a reading beside the unmarked originals, columns whose damage
//! was undone, and datasets that are marked by a model.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Class, Reason, Result};
use crate::evidence::counts::Counts;
use crate::evidence::log::Log;
use crate::keys::prf::DerivedKey;
use crate::leak::cells::Cells;
use crate::leak::columns::ColumnMatch;
use crate::leak::intake::Intake;
use crate::leak::repair::Repair;
use crate::mark::marker::Marker;
use crate::mark::policy::Policy;
use crate::sketch::Sampler;
use crate::table::format::find::Tables;
use crate::table::format::found::Found;
use crate::table::format::pump;
use crate::table::value::DateOrder;

use super::gather::{Gathered, Part};
use super::read::{Shape, Work, read_block};
use super::reader::{How, Reader, date_order};

/// How a table of a leak was read blindly, or several in a row that were read alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRead {
    /// Its number among the leak's tables, those that can't be read included, from 0.
    pub table: usize,
    /// The number of the last one that was read so, if there are several in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<usize>,
    /// Whether its first line was taken for a row.
    pub header_is_row: bool,
    /// The columns of ours that the policy needs and that were found.
    pub columns: Vec<ColumnRead>,
}

/// Where a column of ours was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnRead {
    /// Its name in the dataset.
    pub ours: String,
    /// Its index in the leaked table, from 0.
    pub index: usize,
    /// What was done to its cells and undone, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<String>,
    /// Whether the day comes first in its short dates; nothing if they do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_first: Option<bool>,
}

#[derive(Debug, thiserror::Error)]
enum AgainReason {
    #[error("table {table} has no column {}", index + 1)]
    NoColumn { table: usize, index: usize },
    #[error("the cells of `{column}` were repaired ({repair}), which takes the owner's sketches")]
    Repaired { column: String, repair: String },
    #[error("the leak has no table {0}")]
    NoTable(usize),
    #[error("the columns that identify rows are not among those that were found")]
    NoIdentity,
}

impl Reason for AgainReason {
    fn class(&self) -> Class {
        Class::Data
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                AgainReason::Repaired { .. } => {
                    "all else in the opening holds without reading the leak again"
                }
                _ => "name the file that the opening is about",
            }
            .into(),
        )
    }
}

impl ColumnRead {
    /// What the policy uses of the columns that were found in a table.
    pub(super) fn of(policy: &Policy, found: &[ColumnMatch], cells: &[Cells]) -> Vec<ColumnRead> {
        let used = RefCell::new(BTreeMap::new());
        let place = |name: &str| {
            let column = found.iter().find(|column| column.ours == name)?;
            let repair = (!column.repair.is_none()).then(|| column.repair.to_string());
            let day_first = match date_order(&cells[column.index]) {
                DateOrder::DayFirst => Some(true),
                DateOrder::MonthFirst => Some(false),
                DateOrder::Unknown => None,
            };
            let read = ColumnRead { ours: name.to_owned(), index: column.index, repair, day_first };
            used.borrow_mut().insert(name.to_owned(), read);
            Some(column.index)
        };
        // Which columns a policy looks for does not depend on their slots.
        policy.lenient_plan(&place, &[]);
        used.into_inner().into_values().collect()
    }
}

impl TableRead {
    /// Notes how one more table was read.
    pub(super) fn add(
        tables: &mut Vec<TableRead>,
        table: usize,
        header_is_row: bool,
        columns: &[ColumnRead],
    ) {
        match tables.last_mut() {
            Some(before)
                if before.end() + 1 == table
                    && before.header_is_row == header_is_row
                    && before.columns == columns =>
            {
                before.last = Some(table);
            }
            _ => tables.push(TableRead { table, last: None, header_is_row, columns: columns.to_vec() }),
        }
    }

    /// The number of the last table that it speaks of.
    fn end(&self) -> usize {
        self.last.unwrap_or(self.table)
    }
}

/// Reads the tables of a leak as they were read before. `slots` are the dataset's marked columns in their stable order.
///
/// # Errors
/// If a table can't be read, is not of the form that was written down, or needed repairs.
pub fn read_again(
    leak: Tables,
    (policy, slots): (&Policy, &[String]),
    carrier: &DerivedKey,
    tables: &[TableRead],
) -> Result<(Counts, Log)> {
    let mut gathered: Option<Gathered> = None;
    let (mut rows, mut left) = (0, tables.iter().peekable());
    for (number, table) in leak.tables.enumerate() {
        let Some(&read) = left.peek().filter(|read| (read.table..=read.end()).contains(&number)) else {
            continue;
        };
        read_table((number, table?), read, (policy, slots), carrier, &mut gathered, &mut rows)?;
        left.next_if(|read| read.end() == number);
    }
    match (left.next(), gathered) {
        (Some(missing), _) => Err(AgainReason::NoTable(missing.end()).into()),
        (None, None) => Ok((Counts::new(policy.code_length() as usize), Log::new())),
        (None, Some(gathered)) => {
            let read = gathered.finish(&Sampler::new(carrier.clone()));
            Ok((read.counts, read.log))
        }
    }
}

fn read_table(
    (number, leaked): (usize, Found),
    read: &TableRead,
    (policy, slots): (&Policy, &[String]),
    carrier: &DerivedKey,
    gathered: &mut Option<Gathered>,
    rows_before: &mut u64,
) -> Result<()> {
    let mut intake = Intake::open(leaked.csv, leaked.delimiter)?;
    intake.add_constants(leaked.constants);
    let (shape, width) = (Shape::of(&intake), intake.names().len());
    if let Some(ColumnRead { index, .. }) = read.columns.iter().find(|column| column.index >= width) {
        return Err(AgainReason::NoColumn { table: number, index: *index }.into());
    }
    if let Some((column, repair)) =
        read.columns.iter().find_map(|column| Some((column, column.repair.clone()?)))
    {
        return Err(AgainReason::Repaired { column: column.ours.clone(), repair }.into());
    }
    if read.header_is_row {
        intake.take_header_as_row();
    }
    let place =
        |name: &str| read.columns.iter().find(|column| column.ours == name).map(|column| column.index);
    let mut plan = policy.lenient_plan(&place, slots);
    if !plan.missing_identity.is_empty() {
        return Err(AgainReason::NoIdentity.into());
    }
    for column in &mut plan.columns {
        let read = read.columns.iter().find(|read| read.ours == column.name);
        if let Some(day_first) = read.and_then(|read| read.day_first) {
            let order = if day_first { DateOrder::DayFirst } else { DateOrder::MonthFirst };
            *column = column.clone().reading_dates(order);
        }
    }
    let reader = Reader {
        reading: 0,
        columns: Vec::new(),
        columns_missing: Vec::new(),
        has_marks: !plan.columns.is_empty(),
        repairs: vec![Repair::NONE; width],
        how: How::Blind(Marker::with_key(carrier.clone(), policy.code_length(), plan)),
        // Rows are sampled under some key, and the sample is thrown away.
        sampler: Sampler::new(carrier.clone()),
        code_length: policy.code_length(),
        again: None,
    };
    let gathered = gathered.get_or_insert_with(|| Gathered::new(&reader));
    let (mut part, mut rows) = (Part::new(&reader), 0);
    let readers = std::slice::from_ref(&reader);
    pump::pump(
        &mut intake,
        |block, work: &mut Work| Ok(read_block(block, &shape, readers, work)),
        |block, work| {
            let first_row = *rows_before + block.first_row() - 1;
            gathered.add(&mut part, &mut work.by_reader[0], first_row, &reader);
            rows += work.rows;
            Ok(())
        },
    )?;
    drop(intake);
    *rows_before += rows;
    gathered.end(part, &reader, number, read.header_is_row);
    Ok(())
}
