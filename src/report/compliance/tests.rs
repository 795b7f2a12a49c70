//! Reports on small ledgers.

use jiff::civil::date;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json as value};

use super::accounting::Answer;
use super::record::Recorder;
use super::*;
use crate::keys::secret::{MarkingSecret, SigningKey};
use crate::ledger::{Entry, Ledger};
use crate::query::{Line, Row};
use crate::subjects::{Collector, Hasher};

/// A ledger of these entries, each with its time.
fn record(entries: &[(&str, Value)]) -> Record {
    let mut recorder = Recorder::default();
    for (index, (time, event)) in (0..).zip(entries) {
        let mut entry = value!({ "schema": "dyepack.entry/1", "time": time, "operator": "kim" });
        entry.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
        let leaf = value!({ "entry": entry, "key": "00000000", "signature": "" }).to_string();
        let line = Line::of(leaf.as_bytes()).unwrap();
        recorder.add(index, serde_json::from_value::<Entry>(entry).ok().as_ref(), line);
    }
    let head = Head {
        made: "2026-06-01T00:00:00Z".into(),
        origin: "example.org/ledger".into(),
        size: 9,
        root: "ab".into(),
    };
    recorder.finish(head)
}

fn partner(id: &str, more: Value) -> Value {
    let mut recipient = value!({ "id": id, "name": format!("The {id}") });
    recipient.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value!({ "kind": "recipient_registered", "recipient": recipient })
}

fn release(id: &str, to: &str, purpose: Option<&str>) -> Value {
    let hash = "0".repeat(64);
    let mut release = value!({
        "kind": "release", "release": id, "dataset": "visits", "recipient": to, "policy": hash,
        "key_epoch": 1, "level": 4, "format": "csv", "source": { "bytes": 8, "blake3": hash }, "rows": 300,
        "carriers": 40, "cells_changed": { "a": 3, "b": 4 },
        "output": { "bytes": 9, "blake3": hash, "sha256": hash }, "sketch": hash,
    });
    if let Some(purpose) = purpose {
        release["purpose"] = purpose.into();
    }
    release
}

fn opened(id: &str) -> Value {
    value!({
        "kind": "release_opened", "release": id, "dataset": "visits", "recipient": "acme",
        "policy": "0".repeat(64), "key_epoch": 1, "level": 4,
    })
}

/// The texts of one column, row by row.
#[track_caller]
fn column(document: &Document, name: &str) -> Vec<String> {
    let at = document.columns.iter().position(|(column, _)| *column == name).expect("a column");
    document.rows.iter().map(|row| row[at].text()).collect()
}

fn period(from: Option<jiff::civil::Date>, to: Option<jiff::civil::Date>) -> Period {
    Period { from, to }
}

#[test]
fn a_disclosure_has_everything_that_is_on_record_of_it() {
    let mut one = release("r1", "acme", Some("research"));
    one["legal_basis"] = "consent".into();
    one["approval"] = 4.into();
    let record = record(&[
        ("2026-01-01T00:00:00Z", partner("acme", value!({}))),
        ("2026-01-02T00:00:00Z", one),
        (
            "2026-01-03T00:00:00Z",
            value!({ "kind": "amendment", "supersedes": 1, "note": "the purpose was care" }),
        ),
        ("2026-01-04T00:00:00Z", value!({ "kind": "receipt_attached", "release": "r1", "note": "x" })),
        ("2026-01-01T12:00:00Z", value!({ "kind": "approved", "approver": "lee", "note": "x" })),
        ("2026-01-05T00:00:00Z", release("r2", "bob", None)),
    ]);
    let document = disclosures(&record, &Scope::Recipient("acme".into()), Period::default());
    assert_eq!(column(&document, "release"), ["r1"]);
    for (name, expected) in [
        ("time", "2026-01-02T00:00:00Z"),
        ("recipient_name", "The acme"),
        ("purpose", "research"),
        ("legal_basis", "consent"),
        ("rows", "300"),
        ("level", "4"),
        ("ending", "whole"),
        ("approval", "lee (entry 4)"),
        ("beside", "receipt attached (entry 3)"),
        ("amendments", "entry 2: the purpose was care"),
        ("operator", "kim"),
        ("entry", "1"),
    ] {
        assert_eq!(column(&document, name), [expected], "{name}");
    }
    assert!(document.is_complete(), "{:?}", document.gaps);
    let all = disclosures(&record, &Scope::Dataset("visits".into()), Period::default());
    assert_eq!(column(&all, "release"), ["r1", "r2"]);
}

#[test]
fn a_copy_that_did_not_end_is_a_disclosure_and_one_that_did_is_one() {
    let record = record(&[
        ("2026-01-01T00:00:00Z", opened("whole")),
        ("2026-01-01T00:01:00Z", release("whole", "acme", None)),
        ("2026-01-02T00:00:00Z", opened("cut")),
        (
            "2026-01-02T00:01:00Z",
            value!({ "kind": "release_cut", "release": "cut", "bytes": 512, "reason": "interrupted" }),
        ),
        ("2026-01-03T00:00:00Z", opened("lost")),
    ]);
    let document = disclosures(&record, &Scope::All, Period::default());
    assert_eq!(column(&document, "release"), ["whole", "cut", "lost"]);
    assert_eq!(
        column(&document, "ending"),
        [
            "whole",
            "cut short after at most 512 bytes: interrupted",
            "opened and never closed: how much went out is not known"
        ]
    );
}

#[test]
fn days_are_utc_and_both_are_included() {
    let record = record(&[
        ("2026-03-01T01:59:59+02:00", release("before", "acme", None)),
        ("2026-03-01T02:00:00+02:00", release("first", "acme", None)),
        ("2026-03-31T23:59:59.999Z", release("last", "acme", None)),
        ("2026-03-31T19:00:00-05:00", release("after", "acme", None)),
    ]);
    let within = |from, to| column(&disclosures(&record, &Scope::All, period(from, to)), "release");
    let (from, to) = (Some(date(2026, 3, 1)), Some(date(2026, 3, 31)));
    assert_eq!(within(from, to), ["first", "last"]);
    assert_eq!(within(from, None), ["first", "last", "after"]);
    assert_eq!(within(None, to), ["before", "first", "last"]);
    assert_eq!(within(None, None).len(), 4);
}

#[test]
fn an_accounting_goes_back_six_years_to_the_day() {
    let record = record(&[
        ("2020-05-31T23:59:59Z", release("too early", "a", None)),
        ("2020-06-01T02:00:00+03:00", release("too early in utc", "a", None)),
        ("2020-06-01T00:00:00Z", release("first", "a", None)),
        ("2026-06-01T23:59:59Z", release("last", "a", None)),
        ("2026-06-02T00:00:00Z", release("too late", "a", None)),
    ]);
    let document = accounting(&record, Period::accounting_before(date(2026, 6, 1)), false, |_| Answer::Yes);
    assert_eq!(column(&document, "releases"), ["first", "last"]);
    assert_eq!(document.period, period(Some(date(2020, 6, 1)), Some(date(2026, 6, 1))));
    assert!(document.is_complete(), "{:?}", document.gaps);
    let early = accounting(&record, Period::accounting_before(date(2026, 5, 31)), false, |_| Answer::Yes);
    assert_eq!(early.gaps, ["the ledger begins on 2020-05-31: what was disclosed before is not in it"]);
    assert_eq!(csv(&early).matches("unknown: the ledger begins").count(), 1, "in every form");
    let leap = Period::accounting_before(date(2028, 2, 29));
    assert_eq!(leap.from, Some(date(2022, 2, 28)), "a day too much rather than one too few");
}

#[test]
fn what_was_pruned_is_a_gap_where_it_may_have_been() {
    let record = record(&[
        ("2019-01-01T00:00:00Z", partner("acme", value!({}))),
        ("2026-01-02T00:00:00Z", release("r1", "acme", Some("audit"))),
        ("2026-02-01T00:00:00Z", value!({ "kind": "pruned", "before": 1, "kept": "0".repeat(64) })),
    ]);
    let since = |from| accounting(&record, period(Some(from), None), false, |_| Answer::Yes);
    let early = since(date(2026, 1, 1));
    assert_eq!(early.gaps, ["releases were pruned: those until 2026-01-02 may be missing"]);
    assert_eq!(
        column(&early, "contained"),
        ["yes", "unknown: releases were pruned: those until 2026-01-02 may be missing"]
    );
    assert!(since(date(2026, 1, 2)).is_complete());
    assert!(!accounting(&record, Period::default(), false, |_| Answer::Yes).is_complete());
}

#[test]
fn recurring_disclosures_are_rolled_up_by_recipient_and_purpose() {
    let mut basis = release("other-basis", "acme", Some("audit"));
    basis["legal_basis"] = "law".into();
    let mut dataset = release("other-dataset", "acme", Some("audit"));
    dataset["dataset"] = "labs".into();
    let record = record(&[
        ("2025-01-01T00:00:00Z", partner("acme", value!({ "contact": "1 Road", "country": "NL" }))),
        ("2026-01-01T00:00:00Z", release("a1", "acme", Some("audit"))),
        ("2026-01-02T00:00:00Z", release("b1", "bob", Some("audit"))),
        ("2026-01-03T00:00:00Z", release("a2", "acme", Some("audit"))),
        ("2026-01-04T00:00:00Z", release("c1", "acme", Some("care"))),
        ("2026-01-05T00:00:00Z", release("n1", "acme", None)),
        ("2026-01-06T00:00:00Z", release("n2", "acme", None)),
        ("2026-01-07T00:00:00Z", basis),
        ("2026-01-08T00:00:00Z", dataset),
        ("2026-01-09T00:00:00Z", release("a3", "acme", Some("audit"))),
        ("2026-01-10T00:00:00Z", value!({ "kind": "amendment", "supersedes": 3, "note": "late" })),
    ]);
    let period = Period::default();
    let document = accounting(&record, period, false, |_| Answer::Yes);
    assert_eq!(
        column(&document, "releases"),
        ["a1; a2; a3", "b1", "c1", "n1", "n2", "other-basis", "other-dataset"],
        "without a purpose nobody can say that it is a single one"
    );
    assert_eq!(column(&document, "number")[0], "3");
    assert_eq!(column(&document, "first")[0], "2026-01-01T00:00:00Z");
    assert_eq!(column(&document, "last")[0], "2026-01-09T00:00:00Z");
    assert_eq!(column(&document, "contact")[0], "1 Road");
    assert_eq!(column(&document, "description")[0], "dataset visits, data level 4");
    assert_eq!(column(&document, "amendments")[0], "entry 10: late");
    assert_eq!(column(&document, "entries")[0], "1; 3; 9");
    assert!(document.is_complete());
    let each = accounting(&record, period, true, |_| Answer::Yes);
    assert_eq!(column(&each, "releases").len(), 9);
}

#[test]
fn what_cannot_be_answered_is_counted_and_listed_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let signer = SigningKey::from_seed(&[1; 32]);
    Ledger::create(folder.path(), "example.org/ledger", &signer).unwrap();
    let ledger = Ledger::open(folder.path(), std::time::Duration::ZERO, "test").unwrap();
    let mut secret = MarkingSecret::from_bytes([4; 32]);
    assert_eq!(secret.rotate(1, &mut StdRng::seed_from_u64(1)), 2);
    let set = |ids: &[&str], epoch| {
        let hasher = Hasher::new(&secret, epoch);
        let mut collector = Collector::default();
        collector
            .add(&mut ids.iter().filter_map(|id| hasher.subject(id.as_bytes(), &mut Vec::new())).collect());
        ledger.put_blob(collector.finish().as_bytes()).unwrap()
    };
    let with = |id: &str, set: String, epoch: u32| {
        let mut release = release(id, "acme", Some("audit"));
        release["subjects"] = set.into();
        release["key_epoch"] = epoch.into();
        release
    };
    let no_set = ledger.put_blob(b"dyepack.subject1 and no more").unwrap();
    let record = record(&[
        ("2026-01-01T00:00:00Z", with("has", set(&["P-7", "P-8"], 1), 1)),
        ("2026-01-02T00:00:00Z", with("has not", set(&["P-8"], 1), 1)),
        ("2026-01-03T00:00:00Z", with("later epoch", set(&["p-7"], 2), 2)),
        ("2026-01-04T00:00:00Z", release("no set", "acme", Some("audit"))),
        ("2026-01-05T00:00:00Z", with("lost", "1".repeat(64), 1)),
        ("2026-01-06T00:00:00Z", with("damaged", no_set, 1)),
        ("2026-01-07T00:00:00Z", opened("streamed")),
        ("2026-01-08T00:00:00Z", value!({ "kind": "novelty", "release": "new" })),
        ("2026-01-09T00:00:00Z", with("rotated elsewhere", set(&["P-7"], 3), 3)),
    ]);
    let contained = look_up(&ledger, &secret, b" P-7").unwrap();
    let document = accounting(&record, Period::default(), false, contained);
    assert_eq!(
        column(&document, "releases"),
        ["has; later epoch", "no set", "lost; damaged", "streamed", "rotated elsewhere", ""]
    );
    assert_eq!(
        document.gaps,
        [
            "1 of 8 disclosures: no subjects were recorded with it",
            "2 of 8 disclosures: its set of subjects is missing or damaged",
            "1 of 8 disclosures: it did not end as a release, and no subjects were recorded",
            "1 of 8 disclosures: the secret of its key epoch is not in this home",
            "1 of 9 entries: of a later version of dyepack, and not understood",
        ]
    );
    let answers = column(&document, "contained");
    assert!(answers[0] == "yes" && answers[1..].iter().all(|answer| answer.starts_with("unknown: ")));
    assert!(text(&document).contains("\nINCOMPLETE\n* 1 of 8"));
    assert!(html(&document).contains("<strong>Incomplete</strong>"));
    assert!(json(&document).contains("\"complete\":false"));
    assert_eq!(csv(&document).matches("unknown: ").count(), 5);
    for form in [text(&document), html(&document), json(&document), csv(&document)] {
        assert!(!form.to_lowercase().contains("p-7"));
    }
    assert!(look_up(&ledger, &secret, b" n/a ").is_none());
}

#[test]
fn recipients_are_listed_with_what_they_were_given() {
    let record = record(&[
        ("2026-01-01T00:00:00Z", partner("acme", value!({ "purpose": "care", "country": "NL" }))),
        (
            "2026-01-01T00:00:01Z",
            partner(
                "bob",
                value!({ "category": "processor", "country": "US", "safeguards": "clauses", "max_level": 3 }),
            ),
        ),
        ("2026-01-02T00:00:00Z", release("r1", "acme", Some("research"))),
        ("2026-01-03T00:00:00Z", release("r2", "acme", Some("audit"))),
        (
            "2026-01-04T00:00:00Z",
            value!({ "kind": "recipient_suspended", "recipient": "bob", "reason": "leaked" }),
        ),
        (
            "2026-01-05T00:00:00Z",
            value!({ "kind": "recipient_changed", "recipient": "acme", "country": "BE" }),
        ),
    ]);
    let document = article30(&record, Period::default());
    for (name, expected) in [
        ("recipient", ["acme", "bob"]),
        ("country", ["BE", "US"]),
        ("category", ["", "processor"]),
        ("safeguards", ["", "clauses"]),
        ("max_level", ["", "3"]),
        ("purposes", ["audit; care; research", ""]),
        ("disclosures", ["2", "0"]),
        ("first", ["2026-01-02T00:00:00Z", ""]),
        ("last", ["2026-01-03T00:00:00Z", ""]),
        ("levels", ["4", ""]),
        ("suspended", ["", "2026-01-04T00:00:00Z: leaked"]),
    ] {
        assert_eq!(column(&document, name), expected, "{name}");
    }
    assert_eq!(document.gaps, ["no category on record: acme", "no safeguards of a transfer on record: acme"]);
    let february = article30(&record, period(Some(date(2026, 2, 1)), None));
    assert_eq!(column(&february, "disclosures"), ["0", "0"]);
}

#[test]
fn a_page_stands_alone_and_texts_are_escaped() {
    let record = record(&[
        ("2026-01-01T00:00:00Z", partner("acme", value!({}))),
        ("2026-01-02T00:00:00Z", release("r1", "acme", Some("<b>care</b>\u{1b}[31m"))),
    ]);
    let document = disclosures(&record, &Scope::All, Period::default());
    let page = html(&document);
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>") && page.contains("@media print")
    );
    for foreign in ["http:", "https:", "<script", "@import", "url(", "src="] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("&lt;b&gt;care") && !page.contains("<b>care"));
    assert!(!page.contains("<th>legal basis"), "nobody has one");
    assert!(!text(&document).contains('\u{1b}'));
    let empty = disclosures(&record, &Scope::Recipient("bob".into()), Period::default());
    assert!(html(&empty).contains("Nothing is on record.") && text(&empty).contains("Nothing is on record."));
    assert_eq!(csv(&empty).lines().count(), 1);
}

/// The lines of NDJSON.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A ledger with everything that is an event.
fn eventful() -> Record {
    record(&[
        ("2026-01-01T00:00:00Z", partner("acme", value!({}))),
        ("2026-01-02T00:00:00Z", release("r1", "acme", Some("research"))),
        ("2026-01-03T00:00:00Z", opened("cut")),
        (
            "2026-01-03T00:01:00Z",
            value!({ "kind": "release_cut", "release": "cut", "bytes": 5, "reason": "interrupted" }),
        ),
        ("2026-01-04T00:00:00Z", opened("lost")),
        ("2026-01-05T00:00:00Z", opened("whole")),
        ("2026-01-05T00:01:00Z", release("whole", "acme", None)),
        ("2026-01-06T00:00:00Z", value!({ "kind": "trace", "verdict": "identified", "dataset": "visits" })),
        ("2026-01-07T00:00:00Z", value!({ "kind": "trace", "verdict": "no_match" })),
        (
            "2026-01-08T00:00:00Z",
            value!({
                "kind": "refused", "recipient": "acme", "dataset": "visits", "release": "r9",
                "rules": ["no agreement"],
            }),
        ),
    ])
}

#[test]
fn each_disclosure_is_an_audit_event() {
    let events = lines(&fhir::fhir(&eventful(), Period::default()));
    assert_eq!(events.len(), 4);
    for event in &events {
        // What FHIR R4 requires of the resource and of its parts.
        assert_eq!(event["resourceType"], "AuditEvent");
        assert_eq!(event["type"]["code"], "110106");
        assert_eq!(event["type"]["system"], "http://dicom.nema.org/resources/ontology/DCM");
        assert_eq!(event["subtype"][0]["code"], "disclosure");
        assert!(event["recorded"].is_string());
        assert!(event["source"]["observer"].is_object());
        let agents = event["agent"].as_array().unwrap();
        let requestors: Vec<bool> =
            agents.iter().map(|agent| agent["requestor"].as_bool().unwrap()).collect();
        assert_eq!(requestors, [true, false]);
        let id = event["id"].as_str().unwrap();
        assert!(
            id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        );
        let details = event["entity"][0]["detail"].as_array().unwrap();
        assert!(details.iter().all(|detail| detail["type"].is_string() && detail["valueString"].is_string()));
        assert!(!event.to_string().contains("null"), "FHIR knows no null");
    }
    assert_eq!(events[0]["purposeOfEvent"][0]["text"], "research");
    assert_eq!(events[0]["entity"][0]["what"]["identifier"]["value"], "r1");
    assert_eq!(events[0]["agent"][1]["name"], "The acme");
    let outcomes: Vec<&str> = events.iter().map(|event| event["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["0", "8", "8", "0"]);
}

#[test]
fn leaks_refusals_and_copies_that_did_not_end_are_findings() {
    let findings = lines(&ocsf::ocsf(&eventful(), Period::default()));
    for finding in &findings {
        // What the schema requires of the class and of its objects.
        for (member, expected) in
            [("class_uid", 2006), ("category_uid", 2), ("activity_id", 1), ("type_uid", 200_601)]
        {
            assert_eq!(finding[member], expected, "{member}");
        }
        assert!(finding["time"].is_i64() && finding["severity_id"].is_i64());
        assert!(finding["finding_info"]["uid"].is_string() && finding["finding_info"]["title"].is_string());
        let metadata = &finding["metadata"];
        assert!(metadata["version"].is_string() && metadata["product"]["vendor_name"].is_string());
    }
    let told = |finding: &Value| {
        (finding["metadata"]["sequence"].as_u64().unwrap(), finding["severity"].as_str().unwrap().to_owned())
    };
    let expected = [(3, "Medium"), (4, "Medium"), (7, "High"), (8, "Low"), (9, "Medium")];
    assert_eq!(
        findings.iter().map(told).collect::<Vec<_>>(),
        expected.map(|(entry, word)| (entry, word.to_owned()))
    );
    assert_eq!(findings[4]["finding_info"]["desc"], "no agreement");
    assert_eq!(findings[2]["unmapped"]["verdict"], "identified");
    assert_eq!(findings[0]["time"], 1_767_398_460_000_i64);
    let later = ocsf::ocsf(&eventful(), period(Some(date(2026, 1, 8)), None));
    assert_eq!(lines(&later).len(), 1);
}

#[test]
fn json_has_members_by_name_and_nothing_that_is_not_on_record() {
    let record = record(&[("2026-01-02T00:00:00Z", release("r1", "acme", None))]);
    let all = period(Some(date(2026, 1, 2)), None);
    let report: Value = serde_json::from_str(&json(&disclosures(&record, &Scope::All, all))).unwrap();
    assert_eq!(report["schema"], "dyepack.report/1");
    assert_eq!(report["period"], value!({ "from": "2026-01-02", "to": null }));
    assert_eq!(report["complete"], true);
    assert_eq!(report["ledger"]["origin"], "example.org/ledger");
    assert_eq!(report["rows"][0]["rows"], 300);
    assert!(report["rows"][0].get("purpose").is_none());
}

#[test]
fn rows_are_asked_once() {
    let record = record(&[
        ("2026-01-02T00:00:00Z", release("r1", "acme", None)),
        ("2026-01-03T00:00:00Z", release("r2", "acme", None)),
    ]);
    let mut asked = Vec::new();
    let document = accounting(&record, Period::default(), false, |row: Row<'_>| {
        asked.push(row.index());
        if row.index() == 0 { Answer::No } else { Answer::Yes }
    });
    assert_eq!(asked, [0, 1]);
    assert_eq!(column(&document, "releases"), ["r2"]);
}
