//! A column that reference and leak have in common, and what its cells say.
//!
//! A cell becomes a number of 32 bits: equal for equal values, however they are written, and 0 for a missing one. Numbers and
//! instants are compared by value, everything else by its words. Two values get the same number by chance once in four thousand
//! million, which is far below the chance of two rows agreeing anyway.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use crate::leak::reference::Reference;
use crate::mark::channel::{Channel, Date, Number};
use crate::mark::policy::Plan;
use crate::table::value::{DateOrder, Decimal, Moment, Numeric, fold, is_missing};

/// Rows by which a column's kind is told.
const SAMPLE_ROWS: usize = 1_000;

/// The share of a column's cells that must be numbers, or instants, to compare all of it as such.
const KIND_SHARE: f64 = 0.9;

/// What stands for a missing cell.
pub(super) const MISSING: u32 = 0;

/// Where a column stands in both tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Its index in the reference.
    pub ours: usize,
    /// Its index in the leak.
    pub leaked: usize,
}

/// A column of both tables.
pub(super) struct Field {
    pub pair: Pair,
    /// Its index in the plan, if it is marked.
    pub marked: Option<usize>,
    /// Whether it is one of those that identify a row.
    pub is_identity: bool,
    /// Says where a cell stands on the line, in a column of numbers or instants.
    line: Option<Arc<dyn Channel>>,
    /// A coarser grid for blocks: whole numbers, whole days. Damage (rounding, dropped times) mostly leaves it alone.
    grid: Option<Decimal>,
}

impl Field {
    pub fn new(pair: Pair, plan: &Plan, reference: &Reference) -> Field {
        let marked = plan.columns.iter().position(|column| column.index == pair.ours);
        let sample = Sample::of(reference, pair.ours);
        // A marked column is compared as its channel reads it; every other one as most of its cells look.
        let line = match marked.map(|column| plan.columns[column].channel.clone()) {
            Some(channel) => sample.all_have(|text| channel.ordinal(text).is_some()).then_some(channel),
            None => sample.line(),
        };
        let grid = line.as_ref().and_then(|line| sample.grid(&**line));
        Field { pair, marked, is_identity: plan.identity.contains(&pair.ours), line, grid }
    }

    /// Whether cells have a place on a line.
    pub fn is_on_a_line(&self) -> bool {
        self.line.is_some()
    }

    /// Whether there is a coarser grid.
    pub fn has_grid(&self) -> bool {
        self.grid.is_some()
    }

    /// What the cell says: number for blocks and agreement, number on the coarser grid, place on the line (NaN if none).
    pub fn say(&self, cell: &[u8]) -> Said {
        if is_missing(cell) {
            return Said::NOTHING;
        }
        let Ok(text) = str::from_utf8(cell) else { return Said::word(hash(cell)) };
        let Some(place) = self.line.as_ref().and_then(|line| line.ordinal(text)) else {
            return Said::word(if text.is_ascii() { hash_ascii(text) } else { hash(fold(text).as_bytes()) });
        };
        Said {
            exact: hash((place.mantissa(), place.scale())),
            coarse: self.grid.and_then(|grid| place.floor_div(grid)).map_or(MISSING, hash),
            place: approximate(place),
        }
    }
}

/// What a cell says.
#[derive(Clone, Copy)]
pub(super) struct Said {
    pub exact: u32,
    pub coarse: u32,
    pub place: f32,
}

impl Said {
    const NOTHING: Said = Said { exact: MISSING, coarse: MISSING, place: f32::NAN };

    fn word(exact: u32) -> Said {
        Said { exact, ..Said::NOTHING }
    }
}

/// Precise enough to tell near from far.
fn approximate(place: Decimal) -> f32 {
    (place.mantissa() as f64 / 10_f64.powi(i32::from(place.scale()))) as f32
}

fn hash(value: impl std::hash::Hash) -> u32 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    finish(&hasher)
}

/// As `hash(fold(text).as_bytes())`, without a string in between for short text.
fn hash_ascii(text: &str) -> u32 {
    const STACK_BYTES: usize = 64;
    let text = crate::table::value::trim(text).as_bytes();
    let mut folded = [0; STACK_BYTES];
    match folded.get_mut(..text.len()) {
        Some(folded) => {
            folded.copy_from_slice(text);
            folded.make_ascii_lowercase();
            hash(&*folded)
        }
        None => hash(&text.to_ascii_lowercase()[..]),
    }
}

fn finish(hasher: &DefaultHasher) -> u32 {
    match (hasher.finish() >> 32) as u32 {
        MISSING => 1,
        number => number,
    }
}

/// The present cells of some rows of a column.
struct Sample<'a>(Vec<&'a str>);

impl<'a> Sample<'a> {
    fn of(reference: &'a Reference, column: usize) -> Sample<'a> {
        let step = reference.len().div_ceil(SAMPLE_ROWS).max(1);
        let cells = (0..reference.len()).step_by(step).map(|row| reference.row(row).text(column));
        Sample(cells.filter(|cell| !is_missing(cell)).filter_map(|cell| str::from_utf8(cell).ok()).collect())
    }

    fn all_have(&self, has: impl Fn(&str) -> bool) -> bool {
        let having = self.0.iter().filter(|text| has(text)).count();
        having > 0 && having as f64 >= KIND_SHARE * self.0.len() as f64
    }

    fn line(&self) -> Option<Arc<dyn Channel>> {
        if self.all_have(|text| Decimal::parse(text).is_some()) {
            return Some(Arc::new(Number::new(Decimal::whole(1), None, None)));
        }
        let order = self.order();
        self.all_have(|text| Moment::parse(text, order, Numeric::No).is_some())
            .then(|| Arc::new(Date::new(1, order)) as Arc<dyn Channel>)
    }

    /// What short dates of the column mean, as far as its cells tell.
    fn order(&self) -> DateOrder {
        let said = |order| self.0.iter().any(|text| DateOrder::of(text) == order);
        match (said(DateOrder::DayFirst), said(DateOrder::MonthFirst)) {
            (true, false) => DateOrder::DayFirst,
            (false, true) => DateOrder::MonthFirst,
            _ => DateOrder::Unknown,
        }
    }

    /// Whole numbers or whole days, if the column has finer values.
    fn grid(&self, line: &dyn Channel) -> Option<Decimal> {
        const DAY_SECONDS: i64 = 86_400;
        let is_number = self.all_have(|text| Decimal::parse(text).is_some());
        let grid = Decimal::whole(if is_number { 1 } else { DAY_SECONDS });
        let is_finer = |text: &&str| {
            let Some(place) = line.ordinal(text) else { return false };
            let whole = place.floor_div(grid).and_then(|n| Decimal::new(n * grid.mantissa(), 0));
            whole != Some(place)
        };
        self.0.iter().any(is_finer).then_some(grid)
    }
}
