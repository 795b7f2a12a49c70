//! A reading at work: one dataset, policy and key epoch, with its columns found in the leak.

use std::io::Read;

use crate::error::Result;
use crate::keys::prf::{DerivedKey, Purpose};
use crate::leak::align::{self, ColumnMatch};
use crate::leak::intake::Intake;
use crate::mark::marker::Marker;
use crate::sketch::{ColumnSketch, Sampler, SketchBuilder};
use crate::table::Row;
use crate::table::value::{self, DateOrder};

use super::findings::Unreadable;
use super::{Case, Reading};

/// A reading at work.
pub(super) struct Reader {
    /// Index into [`Case::readings`].
    pub reading: usize,
    pub columns: Vec<ColumnMatch>,
    pub columns_missing: Vec<String>,
    pub marker: Marker,
    pub sampler: Sampler,
    pub code_length: u32,
}

impl Reader {
    /// Finds the reading's columns in the leak. Fails with what is missing if its rows can't be recognised or no marked
    /// column is there.
    pub(super) fn new<R: Read>(
        reading: usize,
        case: &Case,
        intake: &Intake<R>,
    ) -> Result<Reader, Unreadable> {
        let Reading { policy, slots, epoch, releases } = &case.readings[reading];
        let dataset = policy.name();
        let sketch_key = || DerivedKey::new(case.secret, Purpose::Sketch, dataset, *epoch, None);
        let wanted: Vec<&str> = policy.identity().chain(policy.columns().map(|(name, _, _)| name)).collect();
        let columns = match releases.last() {
            Some(latest) => {
                align::match_columns(&wanted, &latest.sketch, &leaked_columns(intake, sketch_key()))
            }
            None => Vec::new(),
        };
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
                let order = date_order(intake, column.index);
                if order == DateOrder::Unknown { column } else { column.reading_dates(order) }
            })
            .collect();
        Ok(Reader {
            reading,
            columns_missing: plan.absent.clone(),
            columns,
            marker: Marker::new(case.secret, dataset, *epoch, policy.code_length(), plan),
            sampler: Sampler::new(sketch_key()),
            code_length: policy.code_length(),
        })
    }

    /// Where a row stands in the order of keys.
    pub(super) fn rank(&self, row: &impl Row) -> u64 {
        self.marker.plan().identity.first().map_or(0, |&column| value::rank(&row.cell(column)))
    }
}

/// The sketches of the leak's columns, from its sample.
fn leaked_columns<R: Read>(intake: &Intake<R>, key: DerivedKey) -> Vec<ColumnSketch> {
    let sampler = Sampler::new(key);
    let width = intake.head.names.len();
    let mut builder = SketchBuilder::new(intake.head.names.clone());
    let mut number = 0;
    intake.sample(|row| {
        // The sample is smaller than a sketch, so a running number keeps all of its rows.
        let sampled = sampler.sample(number, (0..width).map(|column| row.cell(column)));
        builder.add(1, sampled.into_iter().collect(), &sampler);
        number += 1;
    });
    builder.finish(&sampler).columns
}

/// The order of day and month in a column of short dates, as far as its sample tells.
fn date_order<R: Read>(intake: &Intake<R>, column: usize) -> DateOrder {
    let (mut day_first, mut month_first) = (0, 0);
    intake.sample(|row| {
        if let Ok(text) = str::from_utf8(&row.cell(column)) {
            match DateOrder::of(text) {
                DateOrder::DayFirst => day_first += 1,
                DateOrder::MonthFirst => month_first += 1,
                DateOrder::Unknown => {}
            }
        }
    });
    match (day_first, month_first) {
        (1.., 0) => DateOrder::DayFirst,
        (0, 1..) => DateOrder::MonthFirst,
        _ => DateOrder::Unknown,
    }
}
