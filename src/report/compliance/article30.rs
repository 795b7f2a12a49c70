//! Who receives personal data: what the ledger can give to the record of GDPR article 30(1).

use std::collections::{BTreeMap, BTreeSet};

use crate::query::{Frame, Row};

use super::deliveries::Deliveries;
use super::record::Record;
use super::{Cell, Document, Period};

const COLUMNS: &[(&str, &str)] = &[
    ("recipient", "recipient"),
    ("recipient_name", "name"),
    ("category", "category of recipient"),
    ("contact", "contact"),
    ("country", "country"),
    ("safeguards", "safeguards of a transfer"),
    ("agreement", "agreement"),
    ("agreement_expires", "agreement expires"),
    ("max_level", "highest data level allowed"),
    ("purposes", "purposes"),
    ("legal_bases", "legal bases"),
    ("datasets", "datasets"),
    ("levels", "data levels"),
    ("disclosures", "disclosures"),
    ("first", "first disclosure"),
    ("last", "last disclosure"),
    ("suspended", "suspended"),
];

/// What a record of recipients should have of each; the column, and what people call it.
const EXPECTED: [(&str, &str); 3] =
    [("category", "category"), ("country", "country"), ("safeguards", "safeguards of a transfer")];

/// The report: a row for each recipient who was registered, and the disclosures to it in the period.
pub fn article30(record: &Record, period: Period) -> Document {
    let deliveries = Deliveries::of(record, period).frame;
    let by_recipient: BTreeMap<String, Frame> = deliveries
        .groups(&["recipient"])
        .into_iter()
        .filter_map(|group| {
            let id = group.rows().next()?.text("recipient")?.to_owned();
            Some((id, group))
        })
        .collect();
    let registered = record.kind("recipient_registered");
    // The last registration of an id counts.
    let latest: BTreeMap<&str, Row<'_>> =
        registered.rows().filter_map(|row| Some((row.text("recipient")?, row))).collect();
    let suspensions = record.kind("recipient_suspended");
    let suspended: BTreeMap<&str, Row<'_>> =
        suspensions.rows().filter_map(|row| Some((row.text("recipient")?, row))).collect();
    let row = |(id, partner): (&&str, &Row<'_>)| {
        let suspended = suspended.get(id).filter(|suspended| suspended.index() > partner.index());
        row(record, *partner, by_recipient.get(*id), suspended.copied())
    };
    let mut gaps: Vec<String> = EXPECTED.iter().filter_map(|expected| missing(&latest, expected)).collect();
    gaps.extend(record.lost(period).into_iter().chain(record.unread_gap()));
    Document {
        report: "article-30",
        title: "Recipients of personal data".to_owned(),
        rule: "GDPR article 30(1)(b), (d) and (e)",
        head: record.head.clone(),
        period,
        gaps,
        columns: COLUMNS,
        rows: latest.iter().map(row).collect(),
        notes: vec![
            "This is a part of the record of article 30(1). The ledger does not know the controller (a), the \
             categories of data subjects and of data beyond dataset and level (c), the time limits for \
             erasure (f) and the measures of article 32 (g).",
            "Safeguards matter for transfers to a third country, article 30(1)(e). Whether a country is one, \
             the ledger does not know.",
        ],
    }
}

/// Which recipients lack something.
fn missing(latest: &BTreeMap<&str, Row<'_>>, (column, name): &(&str, &str)) -> Option<String> {
    let lacking: Vec<&str> =
        latest.iter().filter(|(_, row)| row.text(column).is_none()).map(|(id, _)| *id).collect();
    (!lacking.is_empty()).then(|| format!("no {name} on record: {}", lacking.join(", ")))
}

fn row(record: &Record, partner: Row<'_>, given: Option<&Frame>, suspended: Option<Row<'_>>) -> Vec<Cell> {
    let personal = record.partner(partner);
    let text = |column: &str| Cell::from(partner.text(column));
    let rows = || given.into_iter().flat_map(Frame::rows);
    let distinct = |column: &str| -> Vec<String> {
        let texts = rows().filter_map(|row| row.text(column)).chain(partner.text(column));
        texts.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
    };
    let levels: BTreeSet<u64> = rows().filter_map(|row| row.number("level")).collect();
    let suspended = suspended.map(|row| {
        let since = row.time_text().unwrap_or_default();
        row.text("reason").map_or(since.clone(), |reason| format!("{since}: {reason}"))
    });
    vec![
        text("recipient"),
        personal.name.into(),
        text("category"),
        personal.contact.into(),
        text("country"),
        text("safeguards"),
        text("agreement"),
        text("agreement_expires"),
        partner.number("max_level").into(),
        distinct("purpose").into(),
        distinct("legal_basis").into(),
        distinct("dataset").into(),
        levels.iter().map(u64::to_string).collect::<Vec<_>>().into(),
        Cell::Number(rows().count() as u64),
        rows().next().and_then(Row::time_text).into(),
        rows().last().and_then(Row::time_text).into(),
        suspended.into(),
    ]
}
