//! What occurs: how often each value stands in a marked column, and beside which values of the other columns.
//!
//! **Idea.** A mark that writes what never occurs is found by whoever knows the data: an age of 41 among people who all gave
//! round hours, a husband who is a woman. A model, learnt once from a table and kept with the policy's adoption, says for every
//! value of a marked column how plausible it is in a row. Marks then only ever exchange values that are plausible there, and in
//! such proportions ([`exchange`]) that, over many rows, every value stays as frequent as it was, beside every value of the
//! other columns too. A cell without a plausible partner is no carrier.
//!
//! The plausibility of a value is its frequency times, for each of the row's other columns that the model knows, how much more
//! often the two stand together than chance would have it. A pair that fewer than [`LEAST`] rows show never occurs.
//!
//! **Invariants.**
//! * The model is fixed when the policy is adopted and depends on no recipient; it looks at original cells alone. So carriers
//!   are the same for all recipients, and marks stick to rows, as without a model.
//! * It holds no value and no pair of values of fewer than [`LEAST`] rows.
//! * Sums are taken over whole 256ths and powers from `libm`, so that every machine reckons the same.
//!
//! **Sources.** The attack: Ji, Ayday and Yilmaz, RAID 2021. The exchange: Metropolis et al. (1953) and Hastings (1970), whose
//! rule keeps a distribution as it is while single values move. Small counts are dropped as statistical offices do.

mod exchange;
mod file;
mod learn;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

pub use exchange::{doubt, exchange};
pub use learn::Learner;

use super::{channel::Occurrence, policy::Column};
use crate::table::{
    Row,
    value::{self, Decimal},
};

/// A value or pair of fewer rows is nobody's business and no statistic. Ten is the smallest cell that many offices publish; with
/// five, age and hours of the census table drew a tenth more of the attack's resets (2026-11).
pub const LEAST: u32 = 10;

/// How plausibility is counted: in 256ths of a doubling.
const PARTS: f64 = 256.0;

/// The mark of a pair that does not occur.
const NEVER: i16 = i16::MIN;

/// What occurs in the columns that a policy marks.
#[derive(Clone)]
pub struct Model {
    dataset: String,
    /// Rows it was learnt from.
    rows: u64,
    columns: Vec<(String, Arc<Known>)>,
}

/// What is known of one marked column.
pub struct Known {
    values: Values,
    /// How many rows hold each value.
    counts: Vec<u32>,
    contexts: Vec<Context>,
}

/// The values that occur, by index.
enum Values {
    /// In ascending order.
    Numbers(Vec<Decimal>),
    /// As the policy writes them.
    Names(HashMap<String, usize>),
}

/// Another column, and how its values go with the marked one's.
struct Context {
    pairs: Pairs,
    /// Canonical cells to their index.
    values: HashMap<Box<[u8]>, usize>,
    /// In the order of the pairs: 256ths of doublings above chance, or [`NEVER`].
    lift: Vec<i16>,
}

/// A column's knowledge, with its contexts found in one table.
#[derive(Clone)]
pub struct Placed {
    known: Arc<Known>,
    /// Where each context's column stands; nothing where a leak lacks it.
    contexts: Vec<Option<usize>>,
}

/// What is plausible for one cell, given its row.
pub struct Plausible<'a> {
    known: &'a Known,
    /// For each context that speaks here: its lifts, and which of its values stands in the row.
    present: Vec<(&'a Context, usize)>,
}

impl Model {
    /// The dataset whose policy it was learnt under.
    pub fn dataset(&self) -> &str {
        &self.dataset
    }

    /// Rows it was learnt from.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The columns that it speaks of; a marked column that it does not is too fine, and marked as without a model.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// The columns that it looks at beside a marked one, each once.
    pub fn contexts(&self) -> Vec<&str> {
        let all = self.columns.iter().flat_map(|(_, known)| &known.contexts);
        let mut names: Vec<&str> = all.map(|context| context.pairs.column.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What is known of `column`, with its contexts found by `place`.
    pub fn placed(&self, column: &str, place: &dyn Fn(&str) -> Option<usize>) -> Option<Placed> {
        let known = &self.columns.iter().find(|(name, _)| name == column)?.1;
        let contexts = known.contexts.iter().map(|context| place(&context.pairs.column)).collect();
        Some(Placed { known: known.clone(), contexts })
    }
}

impl std::fmt::Debug for Model {
    /// Without what it knows.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model")
            .field("dataset", &self.dataset)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Placed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Placed").field("contexts", &self.contexts).finish_non_exhaustive()
    }
}

impl Placed {
    /// The first context whose column was not found.
    pub fn missing(&self) -> Option<&str> {
        let mut found = self.known.contexts.iter().zip(&self.contexts);
        found.find(|(_, index)| index.is_none()).map(|(context, _)| context.pairs.column.as_str())
    }

    /// The highest column that is looked at.
    pub fn highest(&self) -> Option<usize> {
        self.contexts.iter().flatten().copied().max()
    }

    /// What is plausible in an original row. Nothing if a cell beside holds what the model does not know: who can't tell
    /// what fits leaves the cell alone.
    pub fn in_row(&self, row: &impl Row) -> Option<Plausible<'_>> {
        let mut present = Vec::with_capacity(self.contexts.len());
        let mut canonical = Vec::new();
        for (context, index) in self.known.contexts.iter().zip(&self.contexts) {
            let Some(index) = index else { continue };
            present.push((context, context.find(&row.cell(*index), &mut canonical)?));
        }
        Some(Plausible { known: &self.known, present })
    }

    /// What is plausible in a row of a leak, in which a cell that holds what the model does not know says nothing.
    pub fn in_leaked_row(&self, row: &impl Row) -> Plausible<'_> {
        let mut canonical = Vec::new();
        let found = self.known.contexts.iter().zip(&self.contexts).filter_map(|(context, index)| {
            Some((context, context.find(&row.cell((*index)?), &mut canonical)?))
        });
        Plausible { present: found.collect(), known: &self.known }
    }
}

impl Context {
    fn find(&self, cell: &[u8], canonical: &mut Vec<u8>) -> Option<usize> {
        canonical.clear();
        value::identity(cell, canonical);
        self.values.get(canonical.as_slice()).copied()
    }
}

impl Plausible<'_> {
    /// The index of a value that occurs.
    pub fn index(&self, occurrence: Occurrence<'_>) -> Option<usize> {
        self.known.index(occurrence)
    }

    /// The numbers that occur from `low` to `high`, with their index.
    pub fn numbers(&self, low: Decimal, high: Decimal) -> impl Iterator<Item = (usize, Decimal)> {
        let numbers = match &self.known.values {
            Values::Numbers(numbers) => numbers.as_slice(),
            Values::Names(_) => &[],
        };
        let start = numbers.partition_point(|number| *number < low);
        (start..numbers.len()).map(|at| (at, numbers[at])).take_while(move |(_, number)| *number <= high)
    }

    /// How plausible a value is in this row, in proportion to others; 0 if it never stands beside what does.
    pub fn weight(&self, index: usize) -> f64 {
        let mut lift = 0;
        for (context, beside) in &self.present {
            match context.lift[index * context.values.len() + beside] {
                NEVER => return 0.0,
                parts => lift += i32::from(parts),
            }
        }
        f64::from(self.known.counts[index]) * libm::exp2(f64::from(lift) / PARTS)
    }
}

impl Known {
    fn index(&self, occurrence: Occurrence<'_>) -> Option<usize> {
        match (&self.values, occurrence) {
            (Values::Numbers(numbers), Occurrence::Number(number)) => numbers.binary_search(&number).ok(),
            (Values::Names(names), Occurrence::Name(name)) => names.get(name).copied(),
            _ => None,
        }
    }

    fn new(values: Values, counts: Vec<u32>, rows: u64, contexts: Vec<Pairs>) -> Known {
        let contexts = contexts.into_iter().map(|pairs| Context::new(pairs, &counts, rows));
        Known { contexts: contexts.collect(), values, counts }
    }
}

/// How often the values of a marked column stand beside those of another column.
struct Pairs {
    column: String,
    /// The other column's values in canonical form, and how many rows hold each.
    cells: Vec<Box<[u8]>>,
    totals: Vec<u32>,
    /// By the marked column's value, then by the other one's; 0 below [`LEAST`].
    rows: Vec<u32>,
}

impl Pairs {
    /// For each pair: how many rows hold it, and how many would by chance.
    fn beside_chance(&self, counts: &[u32], rows: u64) -> impl Iterator<Item = (u32, f64)> {
        let width = self.cells.len();
        self.rows.iter().enumerate().map(move |(at, &both)| {
            let by_chance = f64::from(counts[at / width]) * f64::from(self.totals[at % width]) / rows as f64;
            (both, by_chance)
        })
    }
}

impl Context {
    fn new(pairs: Pairs, counts: &[u32], rows: u64) -> Context {
        let lift = pairs.beside_chance(counts, rows).map(|(both, by_chance)| lift(both, by_chance)).collect();
        Context { lift, values: pairs.cells.iter().cloned().zip(0..).collect(), pairs }
    }
}

/// How much more often than by chance a pair occurs.
///
/// A rare pair is no pair, even where chance alone would make it rare: it draws attention. Taking such pairs for possible
/// kept two thirds more carriers on the census table, of which the attack then reset half as many again (2026-11).
fn lift(both: u32, by_chance: f64) -> i16 {
    if both == 0 {
        return NEVER;
    }
    (libm::log2(f64::from(both) / by_chance) * PARTS).round().clamp(-32_000.0, 32_000.0) as i16
}

/// Attaches what a model knows to the columns of a plan.
pub(super) fn attach(columns: &mut [Column], model: &Model, place: &dyn Fn(&str) -> Option<usize>) {
    for column in columns.iter_mut() {
        column.known = model.placed(&column.name, place);
    }
    let farthest: HashMap<usize, Decimal> = columns
        .iter()
        .filter(|column| column.known.is_some())
        .map(|column| (column.index, column.channel.farthest()))
        .collect();
    for bound in columns.iter_mut().flat_map(|column| column.above.iter_mut().chain(&mut column.below)) {
        if let Some(margin) = farthest.get(&bound.index) {
            bound.margin = *margin;
        }
    }
}
