//! Who receives personal data: what the ledger can give to the record of GDPR article 30(1).

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::Recipient;
use crate::ledger::registry::Standing;
use crate::query::{Frame, Row};

use super::deliveries::Deliveries;
use super::record::{Record, name_of};
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

/// What a record of recipients should have of each.
type Expected = (&'static str, fn(&Recipient) -> bool);

const EXPECTED: [Expected; 3] = [
    ("category", |recipient| recipient.facts.category.is_some()),
    ("country", |recipient| recipient.facts.country.is_some()),
    ("safeguards of a transfer", |recipient| recipient.facts.safeguards.is_some()),
];

/// The report: a row for each recipient who was registered, as it stands now, and the disclosures to it in the period.
pub fn article30(record: &Record, period: Period) -> Document {
    let deliveries = Deliveries::of(record, period).frame;
    let given: BTreeMap<String, Frame> = deliveries
        .groups(&["recipient"])
        .into_iter()
        .filter_map(|group| {
            let id = group.rows().next()?.text("recipient")?.to_owned();
            Some((id, group))
        })
        .collect();
    let mut gaps: Vec<String> = EXPECTED.iter().filter_map(|expected| missing(record, expected)).collect();
    gaps.extend(record.lost(period).into_iter().chain(record.unread_gap()));
    Document {
        report: "article-30",
        title: "Recipients of personal data".to_owned(),
        rule: "GDPR article 30(1)(b), (d) and (e)",
        head: record.head.clone(),
        period,
        gaps,
        columns: COLUMNS,
        rows: record.standings().iter().map(|(id, standing)| row(standing, given.get(id))).collect(),
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
fn missing(record: &Record, (what, has): &Expected) -> Option<String> {
    let lacking = record.standings().iter().filter(|(_, standing)| !has(&standing.recipient));
    let lacking: Vec<&str> = lacking.map(|(id, _)| id.as_str()).collect();
    (!lacking.is_empty()).then(|| format!("no {what} on record: {}", lacking.join(", ")))
}

fn row(standing: &Standing, given: Option<&Frame>) -> Vec<Cell> {
    let partner = &standing.recipient;
    let rows = || given.into_iter().flat_map(Frame::rows);
    let distinct = |column: &str, own: &Option<String>| -> Vec<String> {
        let texts = rows().filter_map(|row| row.text(column)).chain(own.as_deref());
        texts.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
    };
    let levels: BTreeSet<u64> = rows().filter_map(|row| row.number("level")).collect();
    let suspended = standing.suspended.as_ref().map(|since| match &standing.reason {
        Some(reason) => format!("{since}: {reason}"),
        None => since.clone(),
    });
    vec![
        Cell::Text(partner.id.clone()),
        name_of(partner).into(),
        partner.facts.category.clone().into(),
        partner.contact.clone().into(),
        partner.facts.country.clone().into(),
        partner.facts.safeguards.clone().into(),
        partner.facts.agreement.clone().into(),
        partner.facts.agreement_expires.as_ref().map(ToString::to_string).into(),
        partner.facts.max_level.map(u64::from).into(),
        distinct("purpose", &partner.facts.purpose).into(),
        distinct("legal_basis", &None).into(),
        distinct("dataset", &None).into(),
        levels.iter().map(u64::to_string).collect::<Vec<_>>().into(),
        Cell::Number(rows().count() as u64),
        rows().next().and_then(Row::time_text).into(),
        rows().last().and_then(Row::time_text).into(),
        suspended.into(),
    ]
}
