//! A reading at work: one dataset, policy and key epoch, with its columns found in the leak.

use std::io::Read;

use crate::error::Result;
use crate::keys::prf::{DerivedKey, Purpose};
use crate::leak::cells::Cells;
use crate::leak::columns::{self, ColumnMatch, LeakedColumns, Resolved, Wanted};
use crate::leak::intake::Intake;
use crate::leak::repair::Repair;
use crate::mark::marker::Marker;
use crate::sketch::Sampler;
use crate::table::Row;
use crate::table::value::{self, DateOrder, Decimal};

use super::findings::Unreadable;
use super::{Case, Options, Reading};

/// What is known of the leak's columns before it is read.
pub(super) struct Table {
    /// Empty texts if there is no header.
    names: Vec<String>,
    cells: Vec<Cells>,
    map: Resolved,
}

impl Table {
    /// Looks at the leak's first rows. A first line that is no header becomes one of them.
    pub(super) fn of<R: Read>(intake: &mut Intake<R>, case: &Case, options: &Options) -> Result<Table> {
        let ours: Vec<&str> = case.readings.iter().flat_map(Reading::column_names).collect();
        let has_header = columns::has_header(ours.iter().copied(), &intake.head.names);
        let mut cells = intake.cells();
        let map = columns::resolve(options.map, &intake.head.names, has_header, &ours)?;
        if !has_header && columns::is_row(&intake.head.names, &cells) {
            intake.take_header_as_row();
            cells = intake.cells();
        }
        Ok(Table { names: intake.head.names.clone(), cells, map })
    }
}

/// A reading at work.
pub(super) struct Reader {
    /// Index into [`Case::readings`].
    pub reading: usize,
    pub columns: Vec<ColumnMatch>,
    pub columns_missing: Vec<String>,
    /// What is undone, by column of the leak.
    pub repairs: Vec<Repair>,
    pub marker: Marker,
    pub sampler: Sampler,
    pub code_length: u32,
}

impl Reader {
    /// Finds the reading's columns in the leak. Fails with what is missing if its rows can't be recognised or no marked
    /// column is there.
    pub(super) fn new(reading: usize, case: &Case, table: &Table) -> Result<Reader, Unreadable> {
        let Reading { policy, slots, epoch, releases, model } = &case.readings[reading];
        let dataset = policy.name();
        let sampler = Sampler::new(DerivedKey::new(case.secret, Purpose::Sketch, dataset, *epoch, None));
        let identity = policy.identity().map(|name| Wanted { name, quantum: Decimal::ZERO });
        let marked = policy.lenient_plan(&|_| Some(0), slots).columns;
        let marked =
            marked.iter().map(|column| Wanted { name: &column.name, quantum: column.channel.reach() });
        let wanted: Vec<Wanted> = identity.chain(marked).collect();
        let leaked = LeakedColumns { names: &table.names, cells: &table.cells };
        let matched = |wanted: &[Wanted]| {
            releases.last().map_or_else(Vec::new, |latest| {
                columns::match_columns(wanted, &latest.sketch, leaked, &sampler, &table.map)
            })
        };
        let columns = matched(&wanted);
        let index_of = |name: &str| columns.iter().find(|found| found.ours == name).map(|found| found.index);
        let mut plan = policy.lenient_plan(&index_of, slots);
        if !plan.missing_identity.is_empty() || plan.columns.is_empty() {
            let marked_missing = if plan.columns.is_empty() { plan.absent } else { Vec::new() };
            let identity_missing = plan.missing_identity;
            return Err(Unreadable { dataset: dataset.to_owned(), identity_missing, marked_missing });
        }
        plan.columns = plan
            .columns
            .into_iter()
            .map(|column| {
                let order = date_order(&table.cells[column.index]);
                if order == DateOrder::Unknown { column } else { column.reading_dates(order) }
            })
            .collect();
        if let Some(model) = model {
            let beside = |name| Wanted { name, quantum: Decimal::ZERO };
            let beside = matched(&model.contexts().into_iter().map(beside).collect::<Vec<_>>());
            let place = |name: &str| {
                let found = || beside.iter().find(|found| found.ours == name).map(|found| found.index);
                index_of(name).or_else(found)
            };
            plan = plan.with_model(model, &place);
        }
        let mut repairs = vec![Repair::NONE; table.names.len()];
        columns.iter().for_each(|found| repairs[found.index] = found.repair);
        Ok(Reader {
            reading,
            columns_missing: plan.absent.clone(),
            columns,
            repairs,
            marker: Marker::new(case.secret, dataset, *epoch, policy.code_length(), plan),
            sampler,
            code_length: policy.code_length(),
        })
    }

    /// Where a row stands in the order of keys.
    pub(super) fn rank(&self, row: &impl Row) -> u64 {
        self.marker.plan().identity.first().map_or(0, |&column| value::rank(&row.cell(column)))
    }
}

/// The order of day and month in a column of short dates, as far as its sample tells.
fn date_order(cells: &Cells) -> DateOrder {
    let (mut day_first, mut month_first) = (0, 0);
    for (text, _) in cells.texts() {
        match DateOrder::of(text) {
            DateOrder::DayFirst => day_first += 1,
            DateOrder::MonthFirst => month_first += 1,
            DateOrder::Unknown => {}
        }
    }
    match (day_first, month_first) {
        (1.., 0) => DateOrder::DayFirst,
        (0, 1..) => DateOrder::MonthFirst,
        _ => DateOrder::Unknown,
    }
}
