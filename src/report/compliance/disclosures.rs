//! Disclosures to a recipient, in a period, or of a dataset: one row each.

use super::deliveries::Deliveries;
use super::record::Record;
use super::{Cell, Document, Period};

/// Which disclosures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All.
    All,
    /// Those to a recipient, by its id.
    Recipient(String),
    /// Those of a dataset.
    Dataset(String),
}

const COLUMNS: &[(&str, &str)] = &[
    ("time", "time"),
    ("release", "release"),
    ("dataset", "dataset"),
    ("level", "data level"),
    ("recipient", "recipient"),
    ("recipient_name", "name"),
    ("purpose", "purpose"),
    ("legal_basis", "legal basis"),
    ("agreement", "agreement"),
    ("rows", "rows"),
    ("format", "format"),
    ("ending", "how it ended"),
    ("output_bytes", "bytes"),
    ("output_sha256", "SHA-256"),
    ("output_blake3", "BLAKE3"),
    ("approval", "approval"),
    ("beside", "also on record"),
    ("amendments", "amendments"),
    ("operator", "operator"),
    ("entry", "entry"),
];

/// The report.
pub fn disclosures(record: &Record, scope: &Scope, period: Period) -> Document {
    let all = Deliveries::of(record, period);
    let (report, title, deliveries) = match scope {
        Scope::All => ("period", "Disclosures".to_owned(), all),
        Scope::Recipient(id) => ("recipient", format!("Disclosures to {id}"), all.only("recipient", id)),
        Scope::Dataset(name) => {
            ("dataset", format!("Disclosures of dataset {name}"), all.only("dataset", name))
        }
    };
    let row = |row: crate::query::Row<'_>| -> Vec<Cell> {
        let text = |column: &str| Cell::from(row.text(column));
        let release = row.text("release").unwrap_or_default();
        vec![
            row.time_text().into(),
            text("release"),
            text("dataset"),
            row.number("level").into(),
            text("recipient"),
            record.name(row).into(),
            text("purpose"),
            text("legal_basis"),
            text("agreement"),
            row.number("rows").into(),
            text("format"),
            Cell::Text(deliveries.ending(row)),
            row.number("output_bytes").into(),
            text("output_sha256"),
            text("output_blake3"),
            record.approval(row).into(),
            record.beside(release).to_vec().into(),
            record.amendments(row.index()).to_vec().into(),
            text("operator"),
            Cell::Number(row.index()),
        ]
    };
    Document {
        report,
        title,
        rule: "GB/T 39725-2020 (disclosure history); GDPR article 5(2) (accountability)",
        head: record.head.clone(),
        period,
        gaps: record.lost(period).into_iter().chain(record.unread_gap()).collect(),
        columns: COLUMNS,
        rows: deliveries.frame.rows().map(row).collect(),
        notes: vec![
            "A disclosure is a copy that was recorded before it was handed over; whether it arrived is not \
             known without a receipt.",
            "An amended entry stands as it was; read it with its amendments.",
        ],
    }
}
