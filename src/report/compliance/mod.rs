//! What the ledger says to somebody who has to answer for the data: disclosures, one person's accounting, the record of
//! recipients, and events for a monitoring system.
//!
//! Each report is a [`Document`]: one table, and what makes it incomplete. [`text`](fn@text), [`json`](fn@json),
//! [`csv`](fn@csv) and [`html`](fn@html) show it. What can't be answered is a [gap](Document::gaps), and in an accounting a row
//! as well, so that no form of a report looks more complete than it is.
//!
//! `manual/compliance.md` says which report answers which rule, and what none answers.

mod accounting;
mod article30;
mod deliveries;
mod disclosures;
pub mod fhir;
pub mod ocsf;
mod page;
mod period;
mod record;
#[cfg(test)]
mod tests;
mod text;

use serde_json::{Map, Value, json as value};

pub use accounting::{Answer, accounting, look_up};
pub use article30::article30;
pub use disclosures::{Scope, disclosures};
pub use page::html;
pub use period::Period;
pub use record::{Head, Record};
pub use text::text;

/// A report, before it takes a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Which report: the word of the command.
    pub report: &'static str,
    /// One line that says what it is about; never who its subject is.
    pub title: String,
    /// The rule that asks for it.
    pub rule: &'static str,
    /// When it was made, and from which ledger.
    pub head: Head,
    /// The time it covers.
    pub period: Period,
    /// Why it is not complete; empty if it is.
    pub gaps: Vec<String>,
    /// What the columns are called: in data, and for people.
    pub columns: &'static [(&'static str, &'static str)],
    /// A cell for each column.
    pub rows: Vec<Vec<Cell>>,
    /// How to read it.
    pub notes: Vec<&'static str>,
}

/// A cell of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Not on record.
    Nothing,
    Text(String),
    Number(u64),
    List(Vec<String>),
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Cell {
        text.map_or(Cell::Nothing, Cell::Text)
    }
}

impl From<Option<&str>> for Cell {
    fn from(text: Option<&str>) -> Cell {
        text.map(str::to_owned).into()
    }
}

impl From<Option<u64>> for Cell {
    fn from(number: Option<u64>) -> Cell {
        number.map_or(Cell::Nothing, Cell::Number)
    }
}

impl From<Vec<String>> for Cell {
    fn from(list: Vec<String>) -> Cell {
        if list.is_empty() { Cell::Nothing } else { Cell::List(list) }
    }
}

impl Cell {
    /// Whether there is nothing to show.
    pub fn is_nothing(&self) -> bool {
        *self == Cell::Nothing
    }

    /// As one text.
    pub fn text(&self) -> String {
        match self {
            Cell::Nothing => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
            Cell::List(list) => list.join("; "),
        }
    }

    fn value(&self) -> Value {
        match self {
            Cell::Nothing => Value::Null,
            Cell::Text(text) => text.as_str().into(),
            Cell::Number(number) => (*number).into(),
            Cell::List(list) => list.as_slice().into(),
        }
    }
}

impl Document {
    /// Whether every entry of the ledger that it is about could be asked.
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty()
    }

    /// What a reader must know before anything else.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let head = &self.head;
        vec![
            ("answers", self.rule.to_owned()),
            ("period", self.period.to_string()),
            ("made", head.made.clone()),
            ("ledger", format!("{}, {} entries", head.origin, head.size)),
            ("root", head.root.clone()),
        ]
    }
}

/// One JSON object, without a line end; see `formats.md`.
pub fn json(document: &Document) -> String {
    let row = |cells: &Vec<Cell>| -> Value {
        let members = document.columns.iter().zip(cells).filter(|(_, cell)| !cell.is_nothing());
        Value::Object(
            members.map(|((name, _), cell)| ((*name).to_owned(), cell.value())).collect::<Map<_, _>>(),
        )
    };
    let Document { head, period, .. } = document;
    let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string());
    value!({
        "schema": "dyepack.report/1",
        "report": document.report,
        "title": document.title,
        "rule": document.rule,
        "made": head.made,
        "ledger": { "origin": head.origin, "size": head.size, "root": head.root },
        "period": { "from": day(period.from), "to": day(period.to) },
        "complete": document.is_complete(),
        "gaps": document.gaps,
        "rows": document.rows.iter().map(row).collect::<Vec<_>>(),
        "notes": document.notes,
    })
    .to_string()
}

/// A header and the rows; a list is one cell, with `; ` between.
pub fn csv(document: &Document) -> String {
    let mut out = csv::Writer::from_writer(Vec::new());
    let written = out.write_record(document.columns.iter().map(|(name, _)| name)).and_then(|()| {
        document.rows.iter().try_for_each(|cells| out.write_record(cells.iter().map(Cell::text)))
    });
    written.expect("every row has a cell for each column");
    String::from_utf8(out.into_inner().expect("memory takes everything")).expect("texts are UTF-8")
}
