//! A reading at work: one dataset, policy and key epoch, with its columns found in the leak.

use std::io::Read;
use std::sync::Arc;

use crate::error::Result;
use crate::keys::prf::{DerivedKey, Purpose};
use crate::leak::cells::Cells;
use crate::leak::columns::{self, ColumnMatch, LeakedColumns, Resolved, Wanted};
use crate::leak::intake::Intake;
use crate::leak::reference::Reference;
use crate::leak::repair::Repair;
use crate::mark::marker::Marker;
use crate::mark::policy::Plan;
use crate::sketch::{Sampler, SketchBuilder};
use crate::table::value::{DateOrder, Decimal};

use super::again::TableRead;
use super::beside::{Beside, Prepared, SampleRow};
use super::findings::Unreadable;
use super::{Case, Options, Original, Reading};

/// What is known of the leak before it is read: its columns, and its first rows.
pub(super) struct Table {
    /// Empty texts if there is no header.
    names: Vec<String>,
    /// How many of them the file has itself.
    own: usize,
    cells: Vec<Cells>,
    map: Resolved,
    sample: Vec<SampleRow>,
    /// Its number among the leak's tables, from 0.
    number: usize,
    /// Whether its first line was taken for a row.
    header_is_row: bool,
}

impl Table {
    /// Looks at the leak's first rows. A first line that is no header becomes one of them.
    pub(super) fn of<R: Read>(
        intake: &mut Intake<R>,
        number: usize,
        case: &Case,
        options: &Options,
    ) -> Result<Table> {
        let ours: Vec<&str> = case.readings.iter().flat_map(Reading::column_names).collect();
        let has_header = columns::has_header(ours.iter().copied(), &intake.head.names);
        let mut cells = intake.cells();
        let map = columns::resolve(options.map, &intake.names(), has_header, &ours)?;
        let header_is_row = !has_header && columns::is_row(&intake.head.names, &cells);
        if header_is_row {
            intake.take_header_as_row();
            cells = intake.cells();
        }
        let (names, mut sample) = (intake.names(), Vec::new());
        intake.sample(|row| sample.push(SampleRow::of(row, names.len())));
        Ok(Table { own: intake.head.names.len(), names, cells, map, sample, number, header_is_row })
    }
}

/// A reading's columns, as they were found in the leak.
pub(super) struct Columns {
    found: Vec<ColumnMatch>,
    sampler: Sampler,
}

impl Columns {
    /// Finds all columns of the dataset, so that rows can be recognised by their contents, too.
    pub(super) fn find(reading: &Reading, case: &Case, table: &Table) -> Columns {
        let Reading { policy, slots, epoch, releases, .. } = reading;
        let sampler =
            Sampler::new(DerivedKey::new(case.secret, Purpose::Sketch, policy.name(), *epoch, None));
        let marked = policy.lenient_plan(&|_| Some(0), slots).columns;
        let quantum = |name: &str| {
            marked
                .iter()
                .find(|column| column.name == name)
                .map_or(Decimal::ZERO, |column| column.channel.reach())
        };
        let mut wanted: Vec<Wanted> = Vec::new();
        for name in reading.column_names() {
            if wanted.iter().all(|wanted| wanted.name != name) {
                wanted.push(Wanted { name, quantum: quantum(name) });
            }
        }
        let leaked = LeakedColumns { names: &table.names, cells: &table.cells, own: table.own };
        // A copy that never went out whole has no sketch: its columns are found by their names.
        let names = || wanted.iter().map(|wanted| wanted.name.to_owned()).collect();
        let sketch = match releases.last() {
            Some(latest) => latest.sketch.clone(),
            None => Arc::new(SketchBuilder::new(names()).finish(&sampler)),
        };
        let found = columns::match_columns(&wanted, &sketch, leaked, &sampler, &table.map);
        Columns { found, sampler }
    }

    /// Whether any column was found, so that an original might be of use.
    pub(super) fn is_any(&self) -> bool {
        !self.found.is_empty()
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.found.iter().find(|found| found.ours == name).map(|found| found.index)
    }
}

/// How rows are read.
pub(super) enum How<'a> {
    /// By their key, taking every cell as it stands.
    Blind(Marker),
    /// Beside the owner's originals.
    Beside(Beside<'a>),
}

/// A reading at work.
pub(super) struct Reader<'a> {
    /// Index into [`Case::readings`].
    pub reading: usize,
    pub columns: Vec<ColumnMatch>,
    pub columns_missing: Vec<String>,
    /// Whether any marked column was found; otherwise the rows alone are compared.
    pub has_marks: bool,
    /// What is undone, by column of the leak.
    pub repairs: Vec<Repair>,
    pub how: How<'a>,
    pub sampler: Sampler,
    pub code_length: u32,
    /// How to read the table again, if it is read blindly.
    pub again: Option<TableRead>,
}

impl<'a> Reader<'a> {
    /// Prepares a reading, beside those of its `originals` that know rows of the leak. Fails with what is missing if
    /// its rows can't be recognised.
    pub(super) fn new(
        reading: usize,
        case: &Case,
        table: &Table,
        mut columns: Columns,
        originals: &'a [Original],
        prepared: &mut Prepared,
    ) -> Result<Reader<'a>, Unreadable> {
        let Reading { policy, slots, epoch, model, .. } = &case.readings[reading];
        let plan_by = |place: &dyn Fn(&str) -> Option<usize>| {
            let plan = policy.lenient_plan(place, slots);
            match model {
                Some(model) => plan.with_model(model, place),
                None => plan,
            }
        };
        let mut plan = plan_by(&|name| columns.place(name));
        let mut repairs = vec![Repair::NONE; table.names.len()];
        columns.found.iter().for_each(|found| repairs[found.index] = found.repair);
        let marker = |plan| Marker::new(case.secret, policy.name(), *epoch, policy.code_length(), plan);
        let has_marks = !plan.columns.is_empty();
        let beside = if !has_marks {
            None
        } else {
            let of_original = |original: &Reference| {
                let place = |name: &str| original.header().iter().position(|known| known == name);
                let plan = plan_by(&place);
                plan.missing_identity.is_empty().then(|| marker(plan))
            };
            Beside::new(originals, of_original, &columns.found, &repairs, &table.sample, prepared)
        };
        if beside.is_none() && !plan.missing_identity.is_empty() {
            let marked_missing = if has_marks { Vec::new() } else { plan.absent };
            let (dataset, identity_missing) = (policy.name().to_owned(), plan.missing_identity);
            return Err(Unreadable { dataset, identity_missing, marked_missing });
        }
        let columns_missing = plan.absent.clone();
        read_dates(&mut plan, &table.cells);
        let again = TableRead::of(policy, &columns.found, (table.number, table.header_is_row));
        let again = beside.is_none().then_some(again);
        let how = match beside {
            Some((beside, mended)) => {
                mended.describe(&mut columns.found);
                repairs = mended.repairs;
                How::Beside(beside)
            }
            None => How::Blind(marker(plan)),
        };
        Ok(Reader {
            reading,
            columns_missing,
            columns: columns.found,
            has_marks,
            repairs,
            how,
            sampler: columns.sampler,
            code_length: policy.code_length(),
            again,
        })
    }

    /// What the leak would need for its marks to be read, if it has none.
    pub(super) fn needed(&self, case: &Case) -> Option<Unreadable> {
        let dataset = case.readings[self.reading].policy.name().to_owned();
        let marked_missing = self.columns_missing.clone();
        (!self.has_marks).then(|| Unreadable { dataset, identity_missing: Vec::new(), marked_missing })
    }
}

/// Short dates are read in the order that the leak's sample shows.
pub(super) fn read_dates(plan: &mut Plan, cells: &[Cells]) {
    for column in &mut plan.columns {
        let order = date_order(&cells[column.index]);
        if order != DateOrder::Unknown {
            *column = column.clone().reading_dates(order);
        }
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
