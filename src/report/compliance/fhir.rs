//! A FHIR R4 `AuditEvent` for each disclosure, as the [example of a disclosure] in the specification has it.
//!
//! [example of a disclosure]: https://hl7.org/fhir/R4/auditevent-example-disclosure.html

use serde_json::{Map, Value, json};

use crate::query::Row;

use super::Period;
use super::deliveries::Deliveries;
use super::record::Record;

/// The code system of DICOM.
const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";

/// Where the code systems of HL7 are.
const HL7: &str = "http://terminology.hl7.org/CodeSystem";

/// Hex digits of the ledger's name in the ids of resources, so that those of two ledgers differ.
const ORIGIN_DIGITS: usize = 16;

/// One resource a line, in the order of time: NDJSON.
pub fn fhir(record: &Record, period: Period) -> String {
    let deliveries = Deliveries::of(record, period);
    let lines = deliveries.frame.rows().map(|row| event(record, &deliveries, row).to_string() + "\n");
    lines.collect()
}

fn event(record: &Record, deliveries: &Deliveries, row: Row<'_>) -> Value {
    let origin = &record.head.origin;
    let prefix = &blake3::hash(origin.as_bytes()).to_hex()[..ORIGIN_DIGITS];
    let purpose: Option<Value> = row.text("purpose").map(|purpose| json!([{ "text": purpose }]));
    let is_whole = Deliveries::is_whole(row);
    members([
        ("resourceType", Some("AuditEvent".into())),
        ("id", Some(format!("{prefix}-{}", row.index()).into())),
        ("type", Some(coding(DICOM, "110106", "Export"))),
        (
            "subtype",
            Some(json!([
                { "code": "disclosure", "display": "Disclosure" },
                coding(&format!("{HL7}/iso-21089-lifecycle"), "disclose", "Disclose Record Lifecycle Event"),
            ])),
        ),
        ("action", Some("R".into())),
        ("recorded", row.time_text().map(Value::from)),
        // 0: success; 8: serious failure. What went out of a copy that was cut went out all the same.
        ("outcome", Some(if is_whole { "0" } else { "8" }.into())),
        ("outcomeDesc", (!is_whole).then(|| deliveries.ending(row).into())),
        ("purposeOfEvent", purpose.clone()),
        ("agent", Some(json!([sender(row), receiver(record, row, purpose)]))),
        (
            "source",
            Some(json!({
                "site": origin,
                "observer": { "display": format!("dyepack ledger {origin}") },
                "type": [coding(&format!("{HL7}/security-source-type"), "4", "Application Server")],
            })),
        ),
        ("entity", Some(json!([entity(row)]))),
    ])
}

fn sender(row: Row<'_>) -> Value {
    members([
        ("type", Some(json!({ "coding": [coding(DICOM, "110153", "Source Role ID")] }))),
        ("name", row.text("operator").map(Value::from)),
        ("requestor", Some(true.into())),
    ])
}

fn receiver(record: &Record, row: Row<'_>, purpose: Option<Value>) -> Value {
    members([
        ("type", Some(json!({ "coding": [coding(DICOM, "110152", "Destination Role ID")] }))),
        ("altId", row.text("recipient").map(Value::from)),
        ("name", record.name(row).map(Value::from)),
        ("requestor", Some(false.into())),
        ("purposeOfUse", purpose),
    ])
}

fn entity(row: Row<'_>) -> Value {
    let texts = ["legal_basis", "agreement", "policy", "format", "output_sha256", "output_blake3"];
    let texts = texts.map(|name| (name, row.text(name).map(str::to_owned)));
    let numbers = ["level", "rows", "output_bytes", "approval"];
    let numbers = numbers.map(|name| (name, row.number(name).map(|number| number.to_string())));
    let entry = [("entry", Some(row.index().to_string()))];
    let details = entry.into_iter().chain(numbers).chain(texts);
    let details: Vec<Value> =
        details.filter_map(|(name, value)| Some(json!({ "type": name, "valueString": value? }))).collect();
    members([
        ("what", row.text("release").map(|release| json!({ "identifier": { "value": release } }))),
        ("type", Some(coding(&format!("{HL7}/audit-entity-type"), "2", "System Object"))),
        ("role", Some(coding(&format!("{HL7}/object-role"), "3", "Report"))),
        ("lifecycle", Some(coding(&format!("{HL7}/dicom-audit-lifecycle"), "11", "Disclosure"))),
        ("name", row.text("dataset").map(Value::from)),
        ("detail", Some(details.into())),
    ])
}

fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({ "system": system, "code": code, "display": display })
}

/// An object of what is there: FHIR knows no null.
fn members<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect::<Map<_, _>>())
}
