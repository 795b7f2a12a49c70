//! Findings for a monitoring system: class 2006, Data Security Finding, of the Open Cybersecurity Schema Framework.
//!
//! A finding is what somebody should look at: a leak that was traced, a release that was refused, a copy that did not end.
//! Whole releases are no findings; [`fhir`](super::fhir::fhir) has them.

use serde_json::{Value, json};

use crate::query::Row;

use super::Period;
use super::deliveries::Deliveries;
use super::record::Record;

/// The version of the schema that the members are of.
const SCHEMA: &str = "1.6.0";

/// How much it matters, in the schema's numbers and words.
#[derive(Clone, Copy)]
enum Severity {
    Low = 2,
    Medium = 3,
    High = 4,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Low => "Low",
            Severity::Medium => "Medium",
            Severity::High => "High",
        }
    }
}

/// One finding a line, in the order of time: NDJSON.
pub fn ocsf(record: &Record, period: Period) -> String {
    let deliveries = Deliveries::of(record, Period::default());
    let (from, until) = period.bounds();
    let entries = record.frame.between(from, until).by_time();
    let is_open = |row: Row<'_>| deliveries.frame.rows().any(|open| open.index() == row.index());
    let findings = entries.rows().filter_map(|row| {
        let (severity, title) = match row.text("kind")? {
            "release_cut" => (Severity::Medium, "A copy was cut short while it went out".to_owned()),
            "release_opened" if is_open(row) && !deliveries.is_cut(row) => {
                (Severity::Medium, "A copy was opened and never closed".to_owned())
            }
            kind if kind.starts_with("trace") => traced(row),
            kind if kind.starts_with("refus") => (Severity::Medium, "A release was refused".to_owned()),
            _ => return None,
        };
        Some(finding(record, row, severity, &title).to_string() + "\n")
    });
    findings.collect()
}

fn traced(row: Row<'_>) -> (Severity, String) {
    let verdict = row.text("verdict").unwrap_or("no verdict on record");
    let severity = match verdict {
        "exact" | "identified" => Severity::High,
        "no_match" => Severity::Low,
        _ => Severity::Medium,
    };
    (severity, format!("A leak was traced: {}", verdict.replace('_', " ")))
}

/// Why, in words: what somebody said, or the rules that refused.
fn described(row: Row<'_>) -> Option<String> {
    let words = |rules: &str| {
        // As stored: a list of names. What is none is said as it is.
        let rules = serde_json::from_str(rules).unwrap_or_else(|_| vec![rules.to_owned()]);
        rules.join(", ").replace('_', " ")
    };
    row.text("reason").map(str::to_owned).or_else(|| row.text("rules").map(words))
}

fn finding(record: &Record, row: Row<'_>, severity: Severity, title: &str) -> Value {
    let origin = &record.head.origin;
    let uid = format!("{origin}/{}", row.index());
    // The schema counts milliseconds since 1970.
    let time = row.time().map(|time| time.as_millisecond());
    json!({
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2006,
        "class_name": "Data Security Finding",
        "type_uid": 200_601,
        "type_name": "Data Security Finding: Create",
        "time": time,
        "severity_id": severity as u8,
        "severity": severity.name(),
        "status_id": 1,
        "status": "New",
        "is_alert": matches!(severity, Severity::High),
        "message": title,
        "actor": { "user": { "name": row.text("operator") } },
        "finding_info": {
            "uid": uid,
            "title": title,
            "desc": described(row).unwrap_or_else(|| title.to_owned()),
            "created_time": time,
        },
        "metadata": {
            "version": SCHEMA,
            "uid": uid,
            "sequence": row.index(),
            "log_name": origin,
            "product": { "name": "dyepack", "vendor_name": "dyepack", "version": env!("CARGO_PKG_VERSION") },
        },
        // The entry's members that the schema has no place for.
        "unmapped": row.members(),
    })
}
