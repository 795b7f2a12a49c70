//! A reading at work: one dataset, policy and key epoch, with its columns found in the leak.

use std::io::Read;
use std::sync::Arc;

use crate::error::Result;
use crate::keys::prf::{DerivedKey, Purpose};
use crate::leak::cells::Cells;
use crate::leak::columns::{self, ColumnMatch, LeakedColumns, Pattern, Resolved, Wanted};
use crate::leak::intake::{Intake, SAMPLE_ROWS};
use crate::leak::likeness::Likeness;
use crate::leak::reference::Reference;
use crate::leak::repair::Repair;
use crate::mark::marker::Marker;
use crate::mark::policy::Plan;
use crate::sketch::{Sampler, Sketch, SketchBuilder};
use crate::table::Row;
use crate::table::value::{DateOrder, Decimal};

use super::again::ColumnRead;
use super::beside::{Beside, Fare, Prepared, SampleRow};
use super::findings::Unreadable;
use super::{Case, Options, Original, Reading};

/// What is known of a table before it is read: its columns, and its first rows.
pub(super) struct Table {
    /// Empty texts if there is no header.
    names: Vec<String>,
    /// How many of them the file has itself.
    own: usize,
    cells: Vec<Cells>,
    map: Resolved,
    sample: Vec<SampleRow>,
    /// Whether its first line was taken for a row.
    pub header_is_row: bool,
}

impl Table {
    /// Looks at a table's first rows. A first line that is no header becomes one of them.
    pub(super) fn of<R: Read>(intake: &mut Intake<R>, case: &Case, options: &Options) -> Result<Table> {
        let ours: Vec<&str> = case.readings.iter().flat_map(Reading::column_names).collect();
        let has_header = columns::has_header(ours.iter().copied(), &intake.head.names);
        let map = columns::resolve(options.map, &intake.names(), has_header, &ours)?;
        let header_is_row = !has_header && columns::is_row(&intake.head.names, &intake.cells(SAMPLE_ROWS));
        if header_is_row {
            intake.take_header_as_row();
        }
        Ok(Table::sampled(intake, map, header_is_row))
    }

    /// Looks at the first rows of a table of the same header as this one.
    pub(super) fn like<R: Read>(&self, intake: &Intake<R>) -> Table {
        Table::sampled(intake, self.map.clone(), self.header_is_row)
    }

    /// Looks at so many of them and keeps so many, to hold them against what is known.
    pub(super) fn few<R: Read>(&self, intake: &Intake<R>, look_at: usize, keep: usize) -> Table {
        let (names, mut sample) = (intake.names(), Vec::new());
        let mut cells = vec![Cells::without_twins(); names.len()];
        intake.sample(look_at, |row| {
            cells.iter_mut().enumerate().for_each(|(column, cells)| cells.add(&row.cell(column)));
            if sample.len() < keep {
                sample.push(SampleRow::of(row, names.len()));
            }
        });
        let (own, map) = (intake.head.names.len(), self.map.clone());
        Table { own, names, cells, map, sample, header_is_row: self.header_is_row }
    }

    fn sampled<R: Read>(intake: &Intake<R>, map: Resolved, header_is_row: bool) -> Table {
        let (names, mut sample) = (intake.names(), Vec::new());
        intake.sample(SAMPLE_ROWS, |row| sample.push(SampleRow::of(row, names.len())));
        let mut cells = vec![Cells::default(); names.len()];
        sample.iter().for_each(|row: &SampleRow| row.add_to(&mut cells));
        Table { own: intake.head.names.len(), names, cells, map, sample, header_is_row }
    }

    /// Whether the other one has the same names, or lacks them as this one does.
    pub(super) fn is_like(&self, names: &[String], own: usize, header_is_row: bool) -> bool {
        self.names == names && self.own == own && self.header_is_row == header_is_row
    }

    /// Adds the sample of another part of the same table.
    pub(super) fn join(&mut self, part: Table) {
        part.sample.iter().for_each(|row| row.add_to(&mut self.cells));
        self.sample.extend(part.sample);
    }

    /// Rows in the sample.
    pub(super) fn rows(&self) -> usize {
        self.sample.len()
    }

    pub(super) fn names(&self) -> (&[String], usize) {
        (&self.names, self.own)
    }

    pub(super) fn cells(&self) -> &[Cells] {
        &self.cells
    }

    pub(super) fn sample(&self) -> &[SampleRow] {
        &self.sample
    }
}

/// A reading's columns, as they were found in the leak.
pub(super) struct Columns<'a> {
    pub found: Vec<ColumnMatch>,
    pub sampler: Sampler,
    /// What to hold other parts against.
    pub pattern: Pattern<'a>,
}

impl<'a> Columns<'a> {
    /// Finds all columns of the dataset, so that rows can be recognised by their contents, too. `sketch` is that of the latest
    /// release.
    pub(super) fn find(reading: &Reading, sketch: &'a Sketch, case: &Case, table: &Table) -> Columns<'a> {
        let Reading { policy, slots, .. } = reading;
        let sampler = sampler(reading, case);
        let marked = policy.lenient_plan(&|_| Some(0), slots).columns;
        let quantum = |name: &str| {
            marked
                .iter()
                .find(|column| column.name == name)
                .map_or(Decimal::ZERO, |column| column.channel.reach())
        };
        let wanted = reading.column_names().map(|name| Wanted { name, quantum: quantum(name) });
        let wanted: Vec<Wanted> = wanted.collect();
        let leaked = LeakedColumns { names: &table.names, cells: &table.cells, own: table.own };
        let likeness = Likeness::new(sketch);
        let found = columns::match_columns(&wanted, &likeness, leaked, &sampler, &table.map);
        let pattern = Pattern::new(&found, &wanted, likeness, leaked, &sampler);
        Columns { found, sampler, pattern }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.found.iter().find(|found| found.ours == name).map(|found| found.index)
    }
}

/// What samples rows as the sketches of a reading's releases do.
pub(super) fn sampler(reading: &Reading, case: &Case) -> Sampler {
    let dataset = reading.policy.name();
    Sampler::new(DerivedKey::new(case.secret, Purpose::Sketch, dataset, reading.epoch, None))
}

/// The sketch of the latest release. A copy that never went out whole has none: its columns are found by their names.
pub(super) fn sketch(reading: &Reading, case: &Case) -> Arc<Sketch> {
    match reading.releases.last() {
        Some(latest) => latest.sketch.clone(),
        None => {
            let names = reading.column_names().map(str::to_owned).collect();
            Arc::new(SketchBuilder::new(names).finish(&sampler(reading, case)))
        }
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
    /// The columns to read again, if the table is read blindly.
    pub again: Option<Vec<ColumnRead>>,
}

impl<'a> Reader<'a> {
    /// Prepares a reading, beside those of its `originals` that know rows of the leak. Fails with what is missing if
    /// its rows can't be recognised.
    pub(super) fn new(
        reading: usize,
        case: &Case,
        table: &Table,
        found: &Columns,
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
        let mut plan = plan_by(&|name| found.place(name));
        let mut columns = found.found.clone();
        let mut repairs = vec![Repair::NONE; table.names.len()];
        columns.iter().for_each(|found| repairs[found.index] = found.repair);
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
            Beside::new(originals, of_original, &columns, &repairs, &table.sample, prepared)
        };
        if beside.is_none() && !plan.missing_identity.is_empty() {
            let marked_missing = if has_marks { Vec::new() } else { plan.absent };
            let (dataset, identity_missing) = (policy.name().to_owned(), plan.missing_identity);
            return Err(Unreadable { dataset, identity_missing, marked_missing });
        }
        let columns_missing = plan.absent.clone();
        read_dates(&mut plan, &table.cells);
        let again = beside.is_none().then(|| ColumnRead::of(policy, &columns, &table.cells));
        let how = match beside {
            Some((beside, mended)) => {
                mended.describe(&mut columns);
                repairs = mended.repairs;
                How::Beside(beside)
            }
            None => How::Blind(marker(plan)),
        };
        Ok(Reader {
            reading,
            columns_missing,
            columns,
            has_marks,
            repairs,
            how,
            sampler: sampler(&case.readings[reading], case),
            code_length: policy.code_length(),
            again,
        })
    }

    /// The marked columns that are read blindly, by their index in the leak. Beside an original damage shows in other ways.
    pub(super) fn marked_columns(&self) -> Vec<usize> {
        match &self.how {
            How::Blind(marker) => marker.plan().columns.iter().map(|column| column.index).collect(),
            How::Beside(_) => Vec::new(),
        }
    }

    /// How rows fare beside the originals, if they are read so.
    pub(super) fn fare(&self, rows: &[SampleRow]) -> Option<Fare> {
        match &self.how {
            How::Blind(_) => None,
            How::Beside(beside) => Some(beside.fare(rows, &self.repairs)),
        }
    }

    /// What the leak would need for its marks to be read, if it has none.
    pub(super) fn needed(&self, case: &Case) -> Option<Unreadable> {
        let dataset = case.readings[self.reading].policy.name().to_owned();
        let marked_missing = self.columns_missing.clone();
        (!self.has_marks).then(|| Unreadable { dataset, identity_missing: Vec::new(), marked_missing })
    }
}

/// Short dates are read in the order that the leak's sample shows.
fn read_dates(plan: &mut Plan, cells: &[Cells]) {
    for column in &mut plan.columns {
        let order = date_order(&cells[column.index]);
        if order != DateOrder::Unknown {
            *column = column.clone().reading_dates(order);
        }
    }
}

/// The order of day and month in a column of short dates, as far as its sample tells.
pub(super) fn date_order(cells: &Cells) -> DateOrder {
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
