//! A model as bytes and back: JSON, before it is sealed.
//!
//! Reading is strict and allocates by what is there, never by a length that the file claims. The bytes come out of a sealed
//! file, so what does not fit together is damage of our own making, and still no reason to panic.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::{Known, Model, Pairs, Values};
use crate::table::value::Decimal;

const SCHEMA: &str = "dyepack.model/1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    dataset: String,
    rows: u64,
    columns: Vec<FileColumn>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileColumn {
    name: String,
    /// The values of a column with an order, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    numbers: Vec<String>,
    /// The values of a category.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    /// How many rows hold each value.
    counts: Vec<u32>,
    contexts: Vec<FileContext>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileContext {
    column: String,
    /// Canonical cells, in base64.
    cells: Vec<String>,
    /// How many rows hold each cell.
    totals: Vec<u32>,
    /// Value, cell, rows.
    pairs: Vec<(usize, usize, u32)>,
}

impl Model {
    /// The model as bytes; the same model gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let file = File {
            schema: SCHEMA.to_owned(),
            dataset: self.dataset.clone(),
            rows: self.rows,
            columns: self.columns.iter().map(|(name, known)| column(name, known)).collect(),
        };
        serde_json::to_vec(&file).expect("a model is plain texts and numbers")
    }

    /// The model of such bytes; nothing if they are damaged.
    pub fn from_bytes(bytes: &[u8]) -> Option<Model> {
        let file: File = serde_json::from_slice(bytes).ok()?;
        let columns = file
            .columns
            .into_iter()
            .map(|column| Some((column.name.clone(), known(column, file.rows)?.into())));
        (file.schema == SCHEMA).then_some(())?;
        Some(Model { columns: columns.collect::<Option<_>>()?, dataset: file.dataset, rows: file.rows })
    }
}

fn column(name: &str, known: &Known) -> FileColumn {
    let (mut numbers, mut names) = (Vec::new(), Vec::new());
    match &known.values {
        Values::Numbers(all) => numbers = all.iter().map(Decimal::to_string).collect(),
        Values::Names(all) => {
            names = all.keys().cloned().collect();
            names.sort_unstable_by_key(|name| all[name]);
        }
    }
    let contexts = known.contexts.iter().map(|context| {
        let width = context.pairs.cells.len();
        let seen = context.pairs.rows.iter().enumerate().filter(|(_, rows)| **rows > 0);
        FileContext {
            column: context.pairs.column.clone(),
            cells: context.pairs.cells.iter().map(|cell| BASE64.encode(cell)).collect(),
            totals: context.pairs.totals.clone(),
            pairs: seen.map(|(at, rows)| (at / width, at % width, *rows)).collect(),
        }
    });
    FileColumn {
        contexts: contexts.collect(),
        name: name.to_owned(),
        numbers,
        names,
        counts: known.counts.clone(),
    }
}

fn known(column: FileColumn, rows: u64) -> Option<Known> {
    let length = column.counts.len();
    let values = if column.names.is_empty() {
        let numbers: Option<Vec<Decimal>> = column.numbers.iter().map(|text| Decimal::parse(text)).collect();
        Values::Numbers(numbers.filter(|all| all.len() == length && all.is_sorted())?)
    } else {
        let names = column.names.into_iter().zip(0..).collect();
        Values::Names(Some(names).filter(|all: &std::collections::HashMap<_, _>| all.len() == length)?)
    };
    let contexts: Option<Vec<Pairs>> =
        column.contexts.into_iter().map(|context| pairs(context, length)).collect();
    Some(Known::new(values, column.counts, rows, contexts?))
}

fn pairs(context: FileContext, values: usize) -> Option<Pairs> {
    let width = context.cells.len();
    (context.totals.len() == width).then_some(())?;
    let cells =
        context.cells.iter().map(|cell| BASE64.decode(cell.as_bytes()).ok().map(Vec::into_boxed_slice));
    // Both factors are lengths of lists that were read.
    let mut rows = vec![0; values.checked_mul(width)?];
    for (value, cell, count) in context.pairs {
        if cell >= width {
            return None;
        }
        *rows.get_mut(value * width + cell)? = count;
    }
    Some(Pairs { column: context.column, cells: cells.collect::<Option<_>>()?, totals: context.totals, rows })
}
