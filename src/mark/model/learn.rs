//! Learning a model from a table, row by row.
//!
//! Cells are kept as small numbers until the table ends: two bytes for each row and column that has few values. A column with
//! more than [`MAX_BESIDE`] values is no context. A marked column of numbers of which more than half the cells hold values that
//! are too rare is too fine for a model: there new values are nothing unusual, and it is marked as without one.

use std::collections::HashMap;

use super::{Known, LEAST, Model, Pairs, Values};
use crate::{
    mark::{
        channel::Occurrence,
        policy::{Column, Plan},
    },
    table::{
        Row,
        value::{self, Decimal},
    },
};

/// More values than this make a column no context: most pairs would be too rare to say anything.
const MAX_BESIDE: usize = 256;

/// Longer cells are free text, which the vault does not keep either.
const MAX_BESIDE_BYTES: usize = 64;

/// More values than this and pairs with other columns are too rare to count.
const MAX_PAIRED: usize = 1_024;

/// So many columns, the most telling ones, are looked at beside a cell.
const MAX_CONTEXTS: usize = 16;

/// Code of a cell of a marked column that is no value of it, or a rare one.
const NO_CODE: u32 = u32::MAX;

/// Gathers a table's rows.
pub struct Learner {
    plan: Plan,
    names: Vec<String>,
    rows: u64,
    marked: Vec<Marked>,
    beside: Vec<Beside>,
    canonical: Vec<u8>,
}

/// A marked column so far.
struct Marked {
    numbers: HashMap<Decimal, u32>,
    names: HashMap<String, u32>,
    counts: Vec<u32>,
    codes: Vec<u32>,
}

/// Any column so far; without codes once it has too many values.
struct Beside {
    index: usize,
    codes_of: HashMap<Box<[u8]>, u16>,
    codes: Vec<u16>,
    is_usable: bool,
}

impl Learner {
    /// A learner for a table with these column names, under a plan resolved against them.
    pub fn new(plan: Plan, names: Vec<String>) -> Learner {
        let is_identity = |index: &usize| plan.identity.contains(index);
        let beside = (0..names.len()).filter(|index| !is_identity(index)).map(|index| Beside {
            index,
            codes_of: HashMap::new(),
            codes: Vec::new(),
            is_usable: true,
        });
        Learner {
            beside: beside.collect(),
            marked: plan.columns.iter().map(|_| Marked::new()).collect(),
            plan,
            names,
            rows: 0,
            canonical: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn add(&mut self, row: &impl Row) {
        self.rows += 1;
        for (column, marked) in self.plan.columns.iter().zip(&mut self.marked) {
            marked.add(column, &row.cell(column.index));
        }
        for beside in self.beside.iter_mut().filter(|beside| beside.is_usable) {
            self.canonical.clear();
            value::identity(&row.cell(beside.index), &mut self.canonical);
            beside.add(&self.canonical);
        }
    }

    /// The model of all rows so far.
    pub fn finish(self, dataset: &str) -> Model {
        let mut columns = Vec::new();
        for (column, marked) in self.plan.columns.iter().zip(self.marked) {
            if let Some(known) = marked.finish(column, &self.beside, &self.names, self.rows) {
                columns.push((column.name.clone(), known.into()));
            }
        }
        Model { dataset: dataset.to_owned(), rows: self.rows, columns }
    }
}

impl Marked {
    fn new() -> Marked {
        Marked { numbers: HashMap::new(), names: HashMap::new(), counts: Vec::new(), codes: Vec::new() }
    }

    fn add(&mut self, column: &Column, cell: &[u8]) {
        let text = str::from_utf8(cell).ok().filter(|_| !value::is_missing(cell));
        let next = self.counts.len() as u32;
        let code = match text.and_then(|text| column.channel.occurrence(text)) {
            None => NO_CODE,
            Some(Occurrence::Number(number)) => *self.numbers.entry(number).or_insert(next),
            Some(Occurrence::Name(name)) => match self.names.get(name) {
                Some(code) => *code,
                None => *self.names.entry(name.to_owned()).or_insert(next),
            },
        };
        if code == next {
            self.counts.push(0);
        }
        if code != NO_CODE {
            self.counts[code as usize] += 1;
        }
        self.codes.push(code);
    }

    /// Leaves out what is rare, and everything if that is most of it.
    fn finish(mut self, column: &Column, beside: &[Beside], names: &[String], rows: u64) -> Option<Known> {
        let common: u64 = self.counts.iter().filter(|n| **n >= LEAST).map(|n| u64::from(*n)).sum();
        let all: u64 = self.counts.iter().map(|n| u64::from(*n)).sum();
        if common * 2 < all || common == 0 {
            return None;
        }
        let (values, order) = self.values();
        let mut place = vec![NO_CODE; self.counts.len()];
        order.iter().zip(0..).for_each(|(code, at)| place[*code as usize] = at);
        for code in &mut self.codes {
            if *code != NO_CODE {
                *code = place[*code as usize];
            }
        }
        let counts: Vec<u32> = order.iter().map(|code| self.counts[*code as usize]).collect();
        let others = beside.iter().filter(|other| other.is_usable && other.index != column.index);
        let others = others.filter(|_| counts.len() <= MAX_PAIRED);
        let pairs = others.map(|other| self.pairs(counts.len(), other, names[other.index].clone()));
        let mut ranked: Vec<(f64, Pairs)> = pairs
            .filter(|pairs| pairs.cells.len() > 1 && !is_sparse(pairs, &counts))
            .map(|pairs| (information(&pairs, &counts, rows), pairs))
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked.truncate(MAX_CONTEXTS);
        Some(Known::new(values, counts, rows, ranked.into_iter().map(|(_, pairs)| pairs).collect()))
    }

    /// The values that are not rare, in their final order, with their codes.
    fn values(&mut self) -> (Values, Vec<u32>) {
        let is_common = |code: &u32| self.counts[*code as usize] >= LEAST;
        if self.names.is_empty() {
            let mut numbers: Vec<(Decimal, u32)> =
                self.numbers.drain().filter(|(_, code)| is_common(code)).collect();
            numbers.sort_unstable();
            let codes = numbers.iter().map(|(_, code)| *code).collect();
            (Values::Numbers(numbers.into_iter().map(|(number, _)| number).collect()), codes)
        } else {
            let mut names: Vec<(String, u32)> =
                self.names.drain().filter(|(_, code)| is_common(code)).collect();
            names.sort_unstable();
            let codes = names.iter().map(|(_, code)| *code).collect();
            (Values::Names(names.into_iter().map(|(name, _)| name).zip(0..).collect()), codes)
        }
    }

    /// Counts the pairs with another column and leaves out those, and the values of that column, that are rare.
    fn pairs(&self, values: usize, other: &Beside, column: String) -> Pairs {
        let width = other.codes_of.len();
        let (mut counted, mut totals) = (vec![0_u32; values * width], vec![0_u32; width]);
        for (&code, &beside) in self.codes.iter().zip(&other.codes) {
            totals[usize::from(beside)] += 1;
            if code != NO_CODE {
                counted[code as usize * width + usize::from(beside)] += 1;
            }
        }
        let mut cells: Vec<(&Box<[u8]>, usize)> =
            other.codes_of.iter().map(|(cell, code)| (cell, usize::from(*code))).collect();
        cells.retain(|(_, code)| totals[*code] >= LEAST);
        cells.sort_unstable();
        let kept = |both: u32| if both >= LEAST { both } else { 0 };
        let of_value = counted.chunks(width.max(1));
        let rows = of_value.flat_map(|rows| cells.iter().map(|(_, code)| kept(rows[*code])));
        Pairs {
            column,
            rows: rows.collect(),
            totals: cells.iter().map(|(_, code)| totals[*code]).collect(),
            cells: cells.iter().map(|(cell, _)| (*cell).clone()).collect(),
        }
    }
}

impl Beside {
    fn add(&mut self, canonical: &[u8]) {
        let code = match self.codes_of.get(canonical) {
            Some(code) => *code,
            None => {
                let next = self.codes_of.len() as u16;
                self.codes_of.insert(canonical.into(), next);
                next
            }
        };
        self.codes.push(code);
        if self.codes_of.len() > MAX_BESIDE || canonical.len() > MAX_BESIDE_BYTES {
            self.is_usable = false;
            self.codes = Vec::new();
            self.codes_of = HashMap::new();
        }
    }
}

/// Whether most rows hold a pair that is too rare: then the two columns together are too fine to say what goes with what.
fn is_sparse(pairs: &Pairs, counts: &[u32]) -> bool {
    let sum = |rows: &[u32]| rows.iter().map(|n| u64::from(*n)).sum::<u64>();
    sum(&pairs.rows) * 2 < sum(counts)
}

/// The mutual information of the two columns in bits, as far as frequent pairs show it.
fn information(pairs: &Pairs, counts: &[u32], rows: u64) -> f64 {
    let frequent = pairs.beside_chance(counts, rows).filter(|(both, _)| *both > 0);
    let of_pair = |(both, by_chance): (u32, f64)| f64::from(both) * libm::log2(f64::from(both) / by_chance);
    frequent.map(of_pair).sum::<f64>() / rows as f64
}
